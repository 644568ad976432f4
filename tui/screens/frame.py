"""What all screens share: the bars around the body, keys from the registry, one line for messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from tui.actions import Action, actions_for, bindings_for
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.lines import Note

SMALLEST = (60, 15)


class Frame(Screen[None]):
    """A screen with a title line on top and three lines below: message or progress, equivalent command, keys."""

    BINDINGS: ClassVar = bindings_for("page", "everywhere")
    PLACES: ClassVar[tuple[str, ...]] = ("page",)

    def __init__(self) -> None:
        super().__init__()
        self._unread = False

    def compose(self) -> ComposeResult:
        """The bars, with the screen's own body between them."""
        yield Note("The terminal is too small: Syncdoctor needs 60x15.", id="too_small")
        yield Bar("bold", id="crumbs")
        yield from self.compose_body()
        yield Bar(id="status")
        yield Bar("dim", id="equivalent")
        yield KeyBar(id="keys")

    def compose_body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        raise NotImplementedError

    def crumbs(self) -> str:
        """Where the user is."""
        raise NotImplementedError

    def equivalent(self) -> str:
        """The command that gives the same without the console."""
        raise NotImplementedError

    def places(self) -> tuple[str, ...]:
        """The registry's places that apply now, the most particular first."""
        return self.PLACES

    def why_not(self, action: str) -> str:
        """Why an action cannot be used now, or nothing."""
        del action
        return ""

    def idle_status(self) -> str:
        """What the message line shows while there is no message."""
        return ""

    def available(self) -> list[Action]:
        """The actions of this screen, the most particular places first."""
        ordered: list[Action] = []
        for place in (*self.places(), "everywhere"):
            ordered += [action for action in actions_for(place) if action not in ordered]
        return ordered

    def on_mount(self) -> None:
        """First look."""
        self.draw_frame()

    def on_screen_resume(self) -> None:
        """Back from a screen above this one."""
        self.draw_frame()

    def draw_frame(self) -> None:
        """Brings all bars up to date."""
        self.query_one("#crumbs", Bar).say(self.crumbs())
        self.query_one("#equivalent", Bar).say(self.equivalent())
        actions = self.available()
        refused = frozenset(action.name for action in actions if self.why_not(action.name))
        self.query_one(KeyBar).show(actions, refused)
        self.draw_status()

    def draw_status(self) -> None:
        """Brings the message line up to date, unless there is a message that nobody can have read yet."""
        if not self._unread:
            self.query_one("#status", Bar).say(self.idle_status())

    def say(self, message: str) -> None:
        """Shows a message until the next key."""
        self._unread = True
        self.query_one("#status", Bar).say(message)

    def on_key(self, _: events.Key) -> None:
        """A key has been pressed: the message was read."""
        self.message_read()

    def message_read(self) -> None:
        """The message need not be shown any more."""
        self._unread = False
        self.draw_status()

    def on_resize(self, event: events.Resize) -> None:
        """Below the smallest usable size there is one line that says so."""
        width, height = SMALLEST
        self.set_class(event.size.width < width or event.size.height < height, "-too-small")

    def refused(self, action: str) -> bool:
        """Whether an action cannot be used now; says why."""
        reason = self.why_not(action)
        if reason:
            self.say(f"not now: {reason}")
        return bool(reason)

    async def perform(self, action: Action) -> None:
        """Does an action by its registry entry, as its key would."""
        method = f"action_{action.name.partition('(')[0]}"
        start: DOMNode = self.focused or self
        for node in start.ancestors_with_self:
            if hasattr(node, method):
                await self.app.run_action(action.name, default_namespace=node)
                return

    def action_back(self) -> None:
        """One level back."""
        self.app.pop_screen()

    def action_quit(self) -> None:
        """Leaves at once."""
        self.app.exit(0)

    async def action_mouse(self) -> None:
        """Switches mouse reporting."""
        await self.app.run_action("mouse")

    def action_help(self) -> None:
        """All keys of this screen."""
        from tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self))

    def action_palette(self) -> None:
        """Any action by name."""
        from tui.screens.palette import PaletteScreen

        self.app.push_screen(PaletteScreen(self))
