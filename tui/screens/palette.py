"""The command line of the console: type a part of an action's name, Enter does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from tui.screens.frame import Frame
from tui.widgets.lines import Note
from tui.widgets.table import Column, Row, Table


class PaletteScreen(Frame):
    """The actions of the screen below, filtered by what is typed."""

    BINDINGS: ClassVar = [
        Binding("escape", "back", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
    ]

    def __init__(self, below: Frame) -> None:
        super().__init__()
        self._below = below
        own = {"palette", "open"}
        self._actions = [action for action in below.available() if action.name not in own]

    def compose_body(self) -> Iterable[Widget]:
        """The line to type in, and what fits."""
        yield Note("Type a part of a command's name; Up and Down choose, Enter does it, Esc goes back.")
        field = Input(placeholder="", id="command")
        field.cursor_blink = False
        yield field
        yield Table(
            [Column("key", 6), Column("command", 18), Column("what it does", 30, grow=1)],
            empty="nothing fits",
            id="body",
        )

    def crumbs(self) -> str:
        """The title."""
        return f"Commands of: {self._below.crumbs()}"

    def equivalent(self) -> str:
        """The one below."""
        return self._below.equivalent()

    def on_mount(self) -> None:
        """All actions at first."""
        self._filter("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        """Filters as one types."""
        self._filter(event.value)

    @on(Input.Submitted)
    @on(Table.Opened)
    async def chosen(self) -> None:
        """Goes back and does it there."""
        row = self.query_one(Table).selected
        if row is None:
            return
        action = next(action for action in self._actions if action.name == row.key)
        self.app.pop_screen()
        await self._below.perform(action)

    def action_move(self, by: int) -> None:
        """Moves in the list while typing."""
        self.query_one(Table).action_move(by)

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        rows = []
        for action in self._actions:
            if all(word in f"{action.title} {action.name} {action.help}".lower() for word in words):
                reason = self._below.why_not(action.name)
                what = f"not now: {reason}" if reason else action.help
                rows.append(Row(action.name, (action.key, action.title, what)))
        rows.sort(key=lambda row: not row.cells[1].lower().startswith(text.lower()))
        table = self.query_one(Table)
        table.show_rows(rows)
        table.action_to(0)
