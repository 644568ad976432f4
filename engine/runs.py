"""The record of runs: progress, events and exchanges, written to the workspace so that others can attach by reading."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.errors import Stopped
from engine.visible import visible
from engine.workspace import Workspace

PROGRESS_SECONDS = 0.5
RELEASE_OPEN = "release_open"
"""The fact that names the run of a staged release that has not gone through."""
SMALL_PLAN = 10
"""So many contacts are written at once even the first time."""
Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A moment as stored: ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class StopFlag:
    """Set by a signal handler; looked at where stopping is safe."""

    reason: str = ""


class Run:
    """One run of a command: a row in `run` that others watch.

    `monotonic` gives seconds for rates. Progress is written at most twice a second, and looks for a stop request.
    `intended` is how many records the run is about to write, once it knows.
    """

    def __init__(
        self,
        workspace: Workspace,
        command: str,
        *,
        now: Now = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        stop: StopFlag | None = None,
        on_progress: Callable[[str, int, int | None, float | None], None] | None = None,
    ) -> None:
        self.workspace = workspace
        self.command = command
        self.now = now
        self.monotonic = monotonic
        self.stop = stop or StopFlag()
        self._on_progress = on_progress
        self._phase = ""
        self._phase_began = monotonic()
        self._written = -PROGRESS_SECONDS
        self.intended = 0
        with workspace.transaction() as sql:
            cursor = sql.execute(
                "INSERT INTO run(command, state, started_at, pid, host) VALUES (?, 'running', ?, ?, ?)",
                (command, iso(now()), os.getpid(), socket.gethostname()),
            )
            self.id = int(cursor.lastrowid or 0)

    def safe_point(self) -> None:
        """Raises Stopped if the user or the system asked to stop."""
        if self.stop.reason:
            raise Stopped(self.stop.reason, remedy="What was done is kept. Run the command again to go on.")

    def progress(self, phase: str, done: int, total: int | None = None) -> None:
        """Says how far a phase is; a safe point."""
        self.safe_point()
        moment = self.monotonic()
        new_phase = phase != self._phase
        if new_phase:
            self._phase, self._phase_began = phase, moment
        finished = total is not None and done >= total
        if not new_phase and not finished and moment - self._written < PROGRESS_SECONDS:
            return
        self._written = moment
        elapsed = moment - self._phase_began
        rate = done / elapsed if elapsed > 0.2 and done else None
        with self.workspace.transaction() as sql:
            sql.execute(
                "UPDATE run SET phase = ?, done = ?, total = ?, rate = ? WHERE id = ?",
                (phase, done, total, rate, self.id),
            )
        if self._on_progress:
            self._on_progress(phase, done, total, rate)

    def event(self, level: str, code: str, text: str) -> None:
        """Logs one line; `text` holds no personal value."""
        with self.workspace.transaction() as sql:
            sql.execute(
                "INSERT INTO event(run_id, at, level, code, text) VALUES (?, ?, ?, ?, ?)",
                (self.id, iso(self.now()), level, code, visible(text)),
            )

    def finish(self, state: str, exit_code: int, message: str = "", counts: Mapping[str, object] | None = None) -> None:
        """Closes the run: `done`, `stopped` or `failed`."""
        with self.workspace.transaction() as sql:
            sql.execute(
                "UPDATE run SET state = ?, ended_at = ?, exit_code = ?, message = ?, counts = ? WHERE id = ?",
                (state, iso(self.now()), exit_code, visible(message), json.dumps(counts or {}), self.id),
            )


def close_abandoned_runs(workspace: Workspace, now: Now = utc_now) -> int:
    """Marks runs that were cut off (their process is gone) as `abandoned`; call while holding the lock.

    Returns how many there were.
    """
    with workspace.transaction() as sql:
        cursor = sql.execute(
            "UPDATE run SET state = 'abandoned', ended_at = ?, message = 'the process ended without finishing' "
            "WHERE state = 'running'",
            (iso(now()),),
        )
        return cursor.rowcount


def release_is_first(workspace: Workspace, contacts: int) -> bool:
    """Whether a plan for so many contacts is written in stages by itself: no sync of the connection went through yet."""
    return contacts > SMALL_PLAN and (not workspace.fact("activated_at") or bool(workspace.fact(RELEASE_OPEN)))


def open_release(workspace: Workspace) -> int | None:
    """The run of a staged release that ended without having gone through, or None."""
    named = workspace.fact(RELEASE_OPEN)
    if not named or workspace.value("SELECT 1 FROM run WHERE id = ? AND state = 'running'", (named,)):
        return None
    return int(named)


def way_on(name: str, run: int) -> str:
    """How the connection `name` goes on after the staged release of a run that did not go through."""
    return f"Look: syncdoctor log {name} --run {run}. When it is right, syncdoctor sync {name} goes on, in stages."
