"""One writer per workspace: the kernel's lock is the truth on one host, a lease in the lock's file for all others.

The kernel frees its lock when the process ends, however it ends. Over a network folder a lock of another host may not be
seen; therefore the holder writes who it is and until when it counts, and renews that while it works.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engine.errors import LockHeld
from engine.runs import Now, iso, utc_now
from engine.visible import visible
from engine.workspace import explained

LEASE = timedelta(minutes=2)
"""How long a lease counts after its last renewal."""
RENEW = timedelta(seconds=20)
"""How often it is renewed at most."""
_LARGEST = 4096


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, in which process, for which command; times are ISO 8601 in UTC."""

    user: str
    host: str
    pid: int
    command: str
    since: str = ""
    until: str = ""

    def __str__(self) -> str:
        since = f", since {visible(self.since)}" if self.since else ""
        return f"{visible(self.command)!r} of {visible(self.user)}, process {self.pid} on {visible(self.host)}{since}"


def this_process(command: str) -> Owner:
    """This process as an owner."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"
    return Owner(user, socket.gethostname(), os.getpid(), command)


class Lease:
    """A held lock. `taken_over` names the owner on another host whose lease had expired, or is empty."""

    def __init__(self, path: Path, handle: int, owner: Owner, now: Now, taken_over: str) -> None:
        self.taken_over = taken_over
        self._path, self._handle, self._owner, self._now = path, handle, owner, now
        self._since = now()
        self._renewed = self._since
        self._write(self._since)

    def renew(self) -> None:
        """Lets the lease count for another two minutes; cheap to call often."""
        moment = self._now()
        if moment - self._renewed >= RENEW:
            self._write(moment)

    def _write(self, moment: datetime) -> None:
        self._renewed = moment
        lease = asdict(self._owner) | {"since": iso(self._since), "until": iso(moment + LEASE)}
        content = json.dumps(lease).encode()
        with explained(self._path):
            os.pwrite(self._handle, content, 0)
            os.ftruncate(self._handle, len(content))

    def give_up(self) -> None:
        """Names nobody any more."""
        os.ftruncate(self._handle, 0)


@contextmanager
def locked(workspace: Path, command: str, *, now: Now = utc_now, owner: Owner | None = None) -> Iterator[Lease]:
    """Holds the workspace's lock.

    Raises LockHeld naming the holder's command, user, process and host: if the kernel knows one, or if the file names one on
    another host whose lease has not expired.
    """
    mine = owner or this_process(command)
    path = workspace.with_suffix(".lock")
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(_owner(handle), workspace.stem, mine.host) from None
        before = _owner(handle)
        elsewhere = before is not None and before.host != mine.host
        if before is not None and elsewhere and before.until > iso(now()):
            raise _held(before, workspace.stem, mine.host)
        lease = Lease(path, handle, mine, now, str(before) if elsewhere else "")
        try:
            yield lease
        finally:
            lease.give_up()
    finally:
        os.close(handle)


def _owner(handle: int) -> Owner | None:
    """Whom the lock's file names, or None: an empty file, or one that says nothing of use."""
    try:
        named = json.loads(os.pread(handle, _LARGEST, 0))
        texts = {key: str(named[key]) for key in ("user", "host", "command", "since", "until")}
        return Owner(pid=int(named["pid"]), **texts)
    except (ValueError, KeyError, TypeError):
        return None


def _held(owner: Owner | None, name: str, here: str) -> LockHeld:
    until = (
        f" It is on another host: if that process is gone, its lease ends at {visible(owner.until)}."
        if owner is not None and owner.host != here
        else ""
    )
    return LockHeld(
        f"{owner or 'another run'} works on this connection",
        where=name,
        remedy=f"Watch it with: syncdoctor log {name} --follow. Run again when it is done.{until}",
    )
