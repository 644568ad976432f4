"""What the screens of one connection share: the once-a-second look, progress, starting and stopping runs, problems."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ClassVar

from textual.css.query import NoMatches

from engine.errors import SyncdoctorError
from engine.sqlite import sqlite3
from tui.actions import bindings_for
from tui.open_connection import OpenConnection
from tui.progress import progress_line
from tui.reader import Superseded
from tui.reading.health import file_trace, glimpse
from tui.screens.frame import Frame
from tui.widgets.background import in_background
from tui.widgets.lines import Lines, Page

LOOK_SECONDS = 1.0


class ConnectionFrame(Frame):
    """A screen on one connection. It polls only while a run is at work or the workspace's files changed."""

    BINDINGS: ClassVar = bindings_for("connection")
    PLACES: ClassVar[tuple[str, ...]] = ("connection", "page")

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__()
        self.connection = connection
        self._trace: tuple[int, ...] | None = None
        self._version = -1
        self._has_read = False
        self._looking = False
        self._announced_start = False

    async def read(self, *, run_ended: bool) -> None:
        """Reads what the screen shows; called at first and after every change. Raises what the reader raises."""
        raise NotImplementedError

    def idle_status(self) -> str:
        """The progress of the run at work."""
        run = self.connection.active
        return progress_line(run, self.connection.now()) if run is not None else ""

    def why_not(self, action: str) -> str:
        """Runs exclude each other."""
        if action in {"check", "sync", "sync_staged", "undo", "verify", "report", "decide"}:
            return self.connection.busy
        if action == "stop" and self.connection.active is None and not self.connection.launched.starting:
            return "no run is at work"
        return ""

    def on_mount(self) -> None:
        """Looks at once, then every second."""
        self.set_interval(LOOK_SECONDS, self.look)
        self.call_after_refresh(self.look)

    def on_screen_resume(self) -> None:
        """Looks at once after coming back."""
        self.look()

    def look(self) -> None:
        """Cheap first: nothing is asked while the files are the same and no run is at work."""
        if self.app.screen is self:
            message = self.connection.launched.child_ended()
            if message:
                self.say(message)
        elif not self.connection.launched.stop_wanted:
            return
        trace = file_trace(self.connection.reader.path)
        if not self._looking and (trace != self._trace or self.connection.active is not None):
            self._trace, self._looking = trace, True
            in_background(self, partial(self.guarded, self._see), group="look")

    async def _see(self) -> None:
        try:
            await self._look_closely()
        finally:
            self._looking = False

    async def _look_closely(self) -> None:
        seen = await self.connection.reader.ask(glimpse)
        ended = self.connection.noticed(seen.newest)
        if self.connection.active is not None and self._announced_start:
            self._announced_start = False
            self.message_read()
        asked = self.connection.launched.stop_if_wanted(self.connection.active)
        if asked:
            self.say(asked)
        self.draw_status()
        if ended and seen.newest is not None:
            state = "cut off, its process is gone" if seen.newest.running else seen.newest.state
            self.say(f"{seen.newest.command}: {state}. {seen.newest.message}".rstrip(". "))
        changed = seen.data_version != self._version
        if changed or ended:
            await self.read(run_ended=ended or self.connection.active is None or not self._has_read)
        self._version, self._has_read = seen.data_version, True
        self.show_body()
        self.draw_frame()

    async def guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Waits for work; an expected error becomes a panel on this screen, and the console lives on."""
        try:
            await work()
        except Superseded:
            return
        except SyncdoctorError as error:
            self.show_problem(error.what, error.where, error.remedy)
        except sqlite3.Error as error:
            self.show_problem("the workspace cannot be read", str(self.connection.reader.path), str(error))
        except NoMatches:
            # the screen was left while its data was read
            return

    def show_problem(self, what: str, where: str, remedy: str) -> None:
        """Shows an error in place of the body."""
        self._version, self._has_read = -1, False
        if not self.query("#problem"):
            self.mount(Lines(id="problem"), before="#status")
        page = Page().add((f"!! {what}", "bold red"), hanging=3).gap()
        if where:
            page.pair("where", where)
        if remedy:
            page.pair("what to do", remedy)
        page.gap().add("Other connections are not affected. n examines this one anew; q goes back.", indent=2)
        panel = self.query_one("#problem", Lines)
        panel.show(page)
        panel.remove_class("hidden")
        self.query_one("#body").add_class("hidden")
        panel.focus()
        self.draw_frame()

    def show_body(self) -> None:
        """Shows the body again after a problem."""
        for panel in self.query("#problem"):
            panel.add_class("hidden")
        self.query_one("#body").remove_class("hidden")

    def action_check(self) -> None:
        """Examines both sides in the background."""
        self.launch("check", self.connection.name)

    def action_stop(self) -> None:
        """Asks the run at work to stop."""
        if not self.refused("stop"):
            self.say(self.connection.stop())

    def action_find(self) -> None:
        """Goes to the contacts' filter line, from wherever this is."""
        from tui.screens.connection import ConnectionScreen

        below = next((screen for screen in self.app.screen_stack if isinstance(screen, ConnectionScreen)), None)
        while below is not None and self.app.screen is not below and len(self.app.screen_stack) > 2:
            self.app.pop_screen()
        if below is not None:
            below.find()

    def launch(self, *arguments: str) -> None:
        """Starts a command in the background and says so."""
        message = self.connection.launch(*arguments)
        self.say(message)
        self._announced_start = self.connection.launched.child is not None
        self._trace = None
        self.draw_frame()
