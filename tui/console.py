"""The console's application: screens over the home folder, and how it leaves a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding

from engine.errors import SyncdoctorError
from tui.driver import GONE, ConsoleDriver
from tui.home import Home, write_private
from tui.open_connection import Now
from tui.processes import Start
from tui.processes import start as start_process
from tui.screens.frame import Frame
from tui.screens.home import HomeScreen
from tui.terminal import terminal_is_gone

WATCH_SECONDS = 1.0


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Console(App[int]):
    """Opens on Home, or on a connection. It never runs the engine and never writes to a workspace."""

    CSS_PATH = Path(__file__).parent / "styles" / "console.tcss"
    TITLE = "Syncdoctor"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [Binding("ctrl+c", "quit", show=False, priority=True)]

    def __init__(
        self,
        home: Path,
        start: str | None = None,
        *,
        spawn: Start = start_process,
        now: Now = utc_now,
        mouse: bool = False,
    ) -> None:
        super().__init__(driver_class=ConsoleDriver)
        self.home = Home(home)
        self._open_first = start
        self._spawn, self._now = spawn, now
        self._mouse_on = mouse
        self.animation_level = "none"

    def on_mount(self) -> None:
        """Shows Home, guards the terminal, and opens the connection that was asked for."""
        first = HomeScreen(self.home, self._spawn, self._now)
        self.push_screen(first)
        if self._open_first is not None:
            self.call_later(first.open_connection, self._open_first)
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._leave, number)
            self.set_interval(WATCH_SECONDS, self._watch)

    def _leave(self, number: int) -> None:
        self._watch()
        self.exit(return_code=128 + number)

    def _watch(self) -> None:
        if terminal_is_gone():
            # nothing can be drawn or restored any more, and the console has nothing to save
            os._exit(GONE)

    def action_mouse(self) -> None:
        """Switches mouse reporting."""
        self._mouse_on = not self._mouse_on
        if isinstance(self._driver, ConsoleDriver):
            self._driver.switch_mouse(self._mouse_on)
        if isinstance(self.screen, Frame):
            self.screen.say("mouse on" if self._mouse_on else "mouse off: the terminal selects text itself")

    def _fatal_error(self) -> None:
        """A defect: one line for the user, the places in the program (no values) in a private log."""
        error = self._exception
        frames = "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""
        kind = type(error).__name__
        path = self.home.log / f"defect-{self._now():%Y%m%dT%H%M%SZ}.txt"
        try:
            write_private(path, f"{kind}\n{frames}".encode())
            place = f"The places in the program are in {path}; it holds no contact data."
        except SyncdoctorError:
            place = "No log could be written."
        self._exit_renderables.append(Text(f"syncdoctor: this is a defect of Syncdoctor ({kind}). {place}"))
        self._close_messages_no_wait()
