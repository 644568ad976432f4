"""The one-line bars around a screen: where you are, the tabs, progress and messages, the command, the keys."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from engine.visible import visible
from tui.actions import Action
from tui.notation import fit

TABS: tuple[tuple[str, str], ...] = (
    ("overview", "Overview"),
    ("contacts", "Contacts"),
    ("causes", "Causes"),
    ("plan", "Plan"),
    ("verify", "Verify"),
    ("log", "Log"),
    ("report", "Report"),
)


class Bar(Widget):
    """One line of text, cut at the right edge. `style` applies to the whole line."""

    def __init__(self, style: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._style = style
        self._text = ""

    @property
    def text(self) -> str:
        """What it says, as given."""
        return self._text

    def say(self, text: str) -> None:
        """Shows another text."""
        if text != self._text:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        """The line."""
        return Text(fit(visible(self._text), self.size.width), style=self._style, no_wrap=True, end="")


class TabBar(Widget):
    """The tabs of a connection with their digits; the current one stands out by brackets and by style."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.current = TABS[0][0]

    def choose(self, tab: str) -> None:
        """Marks another tab as the current one."""
        self.current = tab
        self.refresh()

    def render(self) -> Text:
        """The line."""
        text = Text(no_wrap=True, end="")
        for number, (name, title) in enumerate(TABS, 1):
            label = f"[{number} {title}]" if name == self.current else f" {number} {title} "
            text.append(label, "reverse" if name == self.current else "")
        return text

    def on_click(self, event: events.Click) -> None:
        """Chooses the tab under the mouse."""
        end = 0
        for number, (name, title) in enumerate(TABS, 1):
            end += len(f" {number} {title} ")
            if event.x < end:
                self.post_message(self.Chosen(name))
                return


class KeyBar(Widget):
    """At most six keys of this screen; those that cannot be used now are dim, and say why when pressed."""

    MOST = 6

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: list[tuple[str, bool]] = []

    def show(self, actions: Sequence[Action], refused: frozenset[str]) -> None:
        """Shows the actions that have a footer label, `?` last."""
        labelled = [action for action in actions if action.footer][: self.MOST - 1]
        self._keys = [(f"{action.key} {action.footer}", action.name not in refused) for action in labelled]
        self._keys.append(("? more", True))
        self.refresh()

    def render(self) -> Text:
        """The line."""
        text = Text(no_wrap=True, end="")
        for label, usable in self._keys:
            key, _, words = label.partition(" ")
            text.append(key, "bold" if usable else "dim")
            text.append(f" {words}   ", "" if usable else "dim")
        return text
