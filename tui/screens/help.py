"""The help: every key of the screen below, from the registry."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from tui.actions import MOVES, key_name
from tui.notation import SIGNS, STATE_MEANINGS
from tui.screens.frame import Frame
from tui.widgets.lines import Lines, Page


class HelpScreen(Frame):
    """Keys with what they do; an action that cannot be used now says why."""

    def __init__(self, below: Frame) -> None:
        super().__init__()
        self._below = below

    def compose_body(self) -> Iterable[Widget]:
        """One page."""
        yield Lines(id="body")

    def crumbs(self) -> str:
        """The title."""
        return f"Keys of: {self._below.crumbs()}"

    def equivalent(self) -> str:
        """Help has a command of its own."""
        return "= syncdoctor --help"

    def on_mount(self) -> None:
        """Writes the page."""
        page = Page()
        for action in self._below.available():
            keys = " ".join(key_name(key) for key in action.keys)
            reason = self._below.why_not(action.name)
            note = f" (not now: {reason})" if reason else ""
            page.pair(keys, f"{action.title}: {action.help}{note}", width=25)
        for keys, what in MOVES:
            page.pair(keys, what, width=25)
        page.heading("Signs")
        for state, sign in SIGNS.items():
            page.pair(f"{sign} {state}", STATE_MEANINGS[state], width=25)
        page.heading("Good to know")
        page.add("Long work runs in a process of its own: it goes on when the console or the line is gone.", indent=2)
        page.add("To select text with the mouse, hold Shift, or switch the mouse off with m.", indent=2)
        page.add("If a killed session leaves the terminal in disorder, type: reset", indent=2)
        self.query_one(Lines).show(page)
