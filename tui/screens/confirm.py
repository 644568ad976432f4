"""Asks for a typed confirmation before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from tui.screens.frame import Frame
from tui.widgets.lines import Lines, Page


class ConfirmScreen(Frame):
    """Says what would be done and waits for the exact word; anything else does nothing."""

    BINDINGS: ClassVar = [Binding("escape", "back", show=False)]

    def __init__(self, title: str, page: Page, word: str, equivalent: str, confirmed: Callable[[], None]) -> None:
        super().__init__()
        self._title, self._page, self._word = title, page, word
        self._equivalent, self._confirmed = equivalent, confirmed

    def compose_body(self) -> Iterable[Widget]:
        """What would be done, and the line to type in."""
        yield Lines(id="body")
        field = Input(placeholder="", id="word")
        field.cursor_blink = False
        yield field

    def crumbs(self) -> str:
        """The title."""
        return self._title

    def equivalent(self) -> str:
        """The command that does the same."""
        return self._equivalent

    def idle_status(self) -> str:
        """What to type."""
        return f"Type {self._word} and Enter to go on; Esc goes back and writes nothing."

    def on_mount(self) -> None:
        """Shows the page and waits."""
        self.query_one(Lines).show(self._page)
        self.query_one(Input).focus()

    def accepts(self, answer: str) -> bool:
        """Whether this is the exact word."""
        return answer == self._word

    def go_on(self, answer: str) -> None:
        """Does what was confirmed."""
        del answer
        self._confirmed()

    @on(Input.Submitted)
    def typed(self, event: Input.Submitted) -> None:
        """Goes on only with an answer that counts."""
        answer = event.value.strip()
        if not self.accepts(answer):
            self.say(f"That is not {self._word}. Nothing was written; Esc goes back.")
            return
        self.app.pop_screen()
        self.go_on(answer)
