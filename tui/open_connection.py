"""A connection that the console has open: its files, its reader, the run at work, and how commands are started."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from tui.home import Home, home_folder
from tui.processes import STOP_ASKED, Launched, Start, is_alive, stop
from tui.reader import Reader
from tui.reading.health import RunRow

if TYPE_CHECKING:
    from engine.connection import Connection

Now = Callable[[], datetime]


def equivalent(home: Home, command: str) -> str:
    """The command line that does the same as the console, with `--home` where the shell would find another home."""
    place = "" if home_folder(None).path == home.path else f" --home {shlex.quote(str(home.path))}"
    return f"= syncdoctor {command}{place}" if command else f"= syncdoctor{place}"


class OpenConnection:
    """What the screens of one connection share. The console only ever reads; all writing is done by child processes."""

    def __init__(self, home: Home, name: str, start: Start, now: Now, launched: Launched) -> None:
        self.home = home
        self.name = name
        self.now = now
        self.reader = Reader(home.workspace(name))
        self.active: RunRow | None = None
        self.launched = launched
        self._start = start

    async def configuration(self) -> Connection:
        """The connection file as it is now. Raises ConfigurationError."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> Connection:
        from engine.connection import read_connection

        return read_connection(self.home.connection(self.name))

    def equivalent(self, command: str) -> str:
        """The equivalent command; `{name}` stands for the connection."""
        return equivalent(self.home, command.replace("{name}", self.name))

    def noticed(self, newest: RunRow | None) -> bool:
        """Takes over what the poll saw; returns whether a run has just ended."""
        before = self.active
        self.active = newest if newest is not None and newest.running and is_alive(newest) else None
        return before is not None and self.active is None

    @property
    def busy(self) -> str:
        """Why no other run can be started now, or nothing."""
        if self.active is not None:
            return f"{self.active.command} is at work; x stops it"
        return f"{self.launched.starting} is starting; x stops it" if self.launched.starting else ""

    def launch(self, *arguments: str) -> str:
        """Starts a command in the background. Returns what to tell the user."""
        if self.busy:
            return f"not now: {self.busy}"
        try:
            self.launched.began(self._start(self.home.path, self.name, arguments))
        except OSError as error:
            return f"it cannot be started: {error.strerror or error}"
        return f"started in the background: {' '.join(arguments)}"

    def stop(self) -> str:
        """Asks the run at work to stop, or remembers that for the one that is starting. Returns what to tell the user."""
        if self.active is not None:
            return stop(self.active) or STOP_ASKED
        return self.launched.want_stop() if self.launched.starting else "no run is at work"

    def close(self) -> None:
        """Closes the reader; runs go on."""
        self.reader.close()
