"""Long work as processes of their own: started in a new session, so that closing the console or losing the line
does not end them; stopped with SIGTERM at their next safe point."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tui
from tui.reading.health import RunRow

_LAST_CHARACTERS = 4_096
STOP_ASKED = "asked it to stop; it does so at its next safe point, and what was done stays"


@dataclass(frozen=True)
class Started:
    """A child process, its output's file, and the command that a user would type for the same."""

    process: subprocess.Popen[bytes]
    output: Path
    command: str

    def ended(self) -> int | None:
        """The exit code once it has ended."""
        return self.process.poll()

    def last_words(self) -> str:
        """The last line of its output, empty if it said nothing."""
        try:
            text = self.output.read_bytes()[-_LAST_CHARACTERS:].decode(errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""


@dataclass
class Launched:
    """What this console has started for a connection, shared by all its screens.

    `stop_wanted` is a stop that was asked for before the command had its row in `run`: without the row nobody can tell
    whether it already works or still begins.
    """

    child: Started | None = None
    stop_wanted: bool = False

    @property
    def starting(self) -> str:
        """The command of a child that has not ended, or nothing."""
        return self.child.command if self.child is not None and self.child.ended() is None else ""

    def began(self, child: Started) -> None:
        """Takes over a command that was just started."""
        self.child, self.stop_wanted = child, False

    def child_ended(self) -> str:
        """Once after a started command has ended: how, in words. Otherwise nothing."""
        child = self.child
        code = child.ended() if child is not None else None
        if child is None or code is None:
            return ""
        self.child, self.stop_wanted = None, False
        if code in (0, 1):
            return f"{child.command}: done" + (" (there is something to act on)" if code else "")
        if code == -signal.SIGTERM:
            return f"{child.command}: stopped before it was at work"
        return f"{child.command}: ended with exit code {code}. {child.last_words()}"

    def want_stop(self) -> str:
        """Remembers to stop the child as soon as its run is there. Returns what to tell the user."""
        self.stop_wanted = True
        return f"{self.starting} is starting; it is asked to stop as soon as it is at work"

    def stop_if_wanted(self, run: RunRow | None) -> str:
        """Sends the stop that was asked for once the child's run is there. Returns what to tell the user, or nothing."""
        if not self.stop_wanted or self.child is None or run is None or run.pid != self.child.process.pid:
            return ""
        self.stop_wanted = False
        return stop(run) or STOP_ASKED

    def stop_unheard(self) -> None:
        """On leaving the console: a child that was to be stopped and has no run yet is ended as it is."""
        if self.stop_wanted and self.child is not None and self.child.ended() is None:
            self.child.process.terminate()


Start = Callable[[Path, str, Sequence[str]], Started]
"""Starts a command for a connection in a home folder: `start(home, name, ["check", name])`."""


def start(home: Path, name: str, arguments: Sequence[str]) -> Started:
    """Runs `syncdoctor ARGUMENTS --home HOME` in the background.

    Its output goes to `log/NAME-COMMAND.log` in the home folder, readable by the user only. Raises OSError if the
    folder or the process cannot be made.
    """
    folder = home / "log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    output = folder / f"{name}-{arguments[0]}.log"
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "tui", *arguments, "--home", str(home.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            # `-m` imports from the working directory first: it has to be the one that holds this very program
            cwd=Path(tui.__path__[0]).parent,
        )
    finally:
        os.close(handle)
    return Started(process, output, " ".join(arguments))


def is_alive(run: RunRow) -> bool:
    """Whether a run's process is still there and no other program has its number. A run on another host is taken for
    alive: it cannot be seen."""
    if run.pid is None:
        return False
    if run.host and run.host != socket.gethostname():
        return True
    return _exists(run.pid) and _is_ours(run.pid)


def stop(run: RunRow) -> str:
    """Asks a run to stop at its next safe point. Returns why it could not be asked, or nothing."""
    if run.pid is None:
        return "this run has no process"
    if run.host and run.host != socket.gethostname():
        return f"this run is on the host {run.host}; stop it there"
    if not _exists(run.pid):
        return "its process is gone; the next run tidies up"
    if not _is_ours(run.pid):
        return f"process {run.pid} is another program now; nothing was stopped"
    try:
        os.kill(run.pid, signal.SIGTERM)
    except OSError as error:
        return f"process {run.pid} cannot be stopped: {error.strerror}"
    return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _is_ours(pid: int) -> bool:
    """Process numbers are used again: what is stopped must look like a run. Without /proc it cannot be told."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    return b"tui" in words or any(b"syncdoctor" in word for word in words)
