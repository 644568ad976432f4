"""One writer: the kernel's lock on this host, a lease that expires for all others."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.errors import LockHeld
from engine.lock import LEASE, Owner, locked
from engine.runs import iso

HERE = Owner("rita", "here", 11, "sync")
THERE = Owner("otto", "far-away", 22, "sync")


@dataclass
class Clock:
    """A clock that is moved by hand."""

    moment: datetime = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.moment

    def after(self, **span: float) -> Clock:
        """Moves on."""
        self.moment += timedelta(**span)
        return self


def left_behind(path: Path, owner: Owner, clock: Clock) -> None:
    """The lock's file as a holder leaves it whose lock the kernel cannot see: another host, or one that was killed."""
    lease = {"user": owner.user, "host": owner.host, "pid": owner.pid, "command": owner.command}
    times = {"since": iso(clock()), "until": iso(clock() + LEASE)}
    path.with_suffix(".lock").write_text(json.dumps(lease | times))


def test_the_refusal_names_who_holds_it(tmp_path: Path) -> None:
    """Command, user, process, host and since when; and it is free afterwards, also after an error."""
    path, clock = tmp_path / "acme.sqlite", Clock()

    with pytest.raises(RuntimeError), locked(path, "sync", now=clock, owner=HERE):
        with pytest.raises(LockHeld) as caught, locked(path, "check", now=clock, owner=HERE):
            raise AssertionError
        raise RuntimeError

    for word in ("'sync'", "rita", "process 11", "here", "2026-11-01T08:00"):
        assert word in caught.value.what
    with locked(path, "check", now=clock, owner=THERE) as lease:
        assert lease.taken_over == ""


def test_a_lease_on_another_host_holds_until_it_expires(tmp_path: Path) -> None:
    """The kernel knows nothing of it: until two minutes after the last renewal nobody gets in, then it is taken over."""
    path, clock = tmp_path / "acme.sqlite", Clock()
    left_behind(path, THERE, clock)

    clock.after(seconds=119)
    with pytest.raises(LockHeld) as caught, locked(path, "sync", now=clock, owner=HERE):
        raise AssertionError
    assert "far-away" in caught.value.what and "2026-11-01T08:02:00" in caught.value.remedy

    clock.after(seconds=1)
    with locked(path, "sync", now=clock, owner=HERE) as lease:
        assert "far-away" in lease.taken_over and "otto" in lease.taken_over


def test_a_dead_holder_on_this_host_does_not_hold(tmp_path: Path) -> None:
    """The kernel freed its lock, so its lease says nothing; no event is due."""
    path, clock = tmp_path / "acme.sqlite", Clock()
    left_behind(path, HERE, clock)

    with locked(path, "sync", now=clock, owner=HERE) as lease:
        assert lease.taken_over == ""


def test_renewing_moves_the_expiry_and_keeps_the_start(tmp_path: Path) -> None:
    """Renewed often, written rarely; the file always names the start and an end two minutes after the last writing."""
    path, clock = tmp_path / "acme.sqlite", Clock()

    def named() -> tuple[str, str]:
        content = json.loads(path.with_suffix(".lock").read_text())
        return content["since"][11:19], content["until"][11:19]

    with locked(path, "sync", now=clock, owner=HERE) as lease:
        clock.after(seconds=5)
        lease.renew()
        assert named() == ("08:00:00", "08:02:00")
        clock.after(seconds=55)
        lease.renew()
        assert named() == ("08:00:00", "08:03:00")
    assert path.with_suffix(".lock").read_text() == ""


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"host": 1}', '{"pid": "x", "user": "", "host": "", "command": ""}']
)
def test_a_damaged_lock_file_holds_nobody(tmp_path: Path, content: str) -> None:
    """Only the kernel's lock or a readable lease refuses."""
    path = tmp_path / "acme.sqlite"
    path.with_suffix(".lock").write_text(content)

    with locked(path, "sync", now=Clock(), owner=HERE) as lease:
        assert lease.taken_over == ""


def test_another_process_is_refused_and_let_in_after_a_kill(tmp_path: Path) -> None:
    """A real process holds it; SIGKILL frees it at once."""
    path = tmp_path / "acme.sqlite"
    holding = (
        "import sys, time; from pathlib import Path; from engine.lock import locked\n"
        "with locked(Path(sys.argv[1]), 'sync'):\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(LockHeld) as caught, locked(path, "check"):
            raise AssertionError
        process.kill()
        process.wait()

    assert f"process {process.pid}" in caught.value.what
    with locked(path, "check") as lease:
        assert lease.taken_over == ""
