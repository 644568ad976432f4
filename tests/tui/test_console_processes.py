"""Long work as processes: started apart from the console, stopped only where it is ours."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.processes import is_alive, start, stop
from tui.reading.health import RunRow

WAITS = "import signal, sys; print('up', flush=True); signal.pause()"


def run_of(pid: int | None, host: str = "") -> RunRow:
    """A run at work in a process."""
    return RunRow(1, "check", "running", "2026-03-02T10:11:00.000Z", "", pid, host, "", 0, None, None, None, "")


@pytest.fixture
def waiting() -> Iterator[subprocess.Popen[str]]:
    """A process that looks like a run and waits."""
    with subprocess.Popen([sys.executable, "-c", WAITS, "syncdoctor"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_started_command_is_apart_from_the_console(tmp_path: Path) -> None:
    """It has a session of its own, no terminal, and a private file for what it says; its words are the command's."""
    started = start(tmp_path, "practice", ["check", "practice"])
    apart = os.getsid(started.process.pid) if started.process.poll() is None else None
    code = started.process.wait(timeout=60)

    assert apart in (None, started.process.pid)
    assert code == 2
    assert started.command == "check practice"
    assert "no connection" in started.output.read_text()
    assert stat.S_IMODE(started.output.stat().st_mode) == 0o600
    assert started.ended() == 2 and started.last_words()


def test_stopping_sends_sigterm_to_a_run(waiting: subprocess.Popen[str]) -> None:
    """A run on this host gets the signal that it stops at."""
    reason = stop(run_of(waiting.pid, socket.gethostname()))

    assert reason == ""
    assert waiting.wait(timeout=60) == -signal.SIGTERM


def test_a_process_number_that_was_used_again_is_left_alone() -> None:
    """A process that does not look like a run is never stopped."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        reason = stop(run_of(stranger.pid))
        alive = stranger.poll() is None
        stranger.kill()

    assert "another program" in reason
    assert alive


def test_an_ended_process_is_not_alive(waiting: subprocess.Popen[str]) -> None:
    """Neither a process that is gone nor one that only waits to be reaped counts as at work."""
    before = is_alive(run_of(waiting.pid))
    waiting.kill()
    os.waitid(os.P_PID, waiting.pid, os.WEXITED | os.WNOWAIT)
    as_zombie = is_alive(run_of(waiting.pid))
    waiting.wait()

    assert (before, as_zombie, is_alive(run_of(waiting.pid))) == (True, False, False)


@pytest.mark.parametrize(
    ("run", "words"), [(run_of(None), "no process"), (run_of(1, "far-away"), "far-away"), (run_of(2**22 + 1), "gone")]
)
def test_what_cannot_be_stopped_says_why(run: RunRow, words: str) -> None:
    """No process, another host, a process that is gone: a reason each, no error."""
    assert words in stop(run)
