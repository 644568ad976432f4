"""One writer per workspace: a lock file that the kernel frees when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import LockHeld
from engine.workspace import explained


@contextmanager
def locked(workspace: Path, command: str) -> Iterator[None]:
    """Holds the workspace's lock. Raises LockHeld naming the holder's command, process and host."""
    path = workspace.with_suffix(".lock")
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(handle, workspace.stem) from None
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "command": command}
        with explained(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(owner).encode(), 0)
        yield
    finally:
        os.close(handle)


def _held(handle: int, name: str) -> LockHeld:
    try:
        owner = json.loads(os.pread(handle, 4096, 0))
        holder = f"{owner['command']!r}, process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):
        holder = "another run"
    return LockHeld(
        f"{holder} works on this connection",
        where=name,
        remedy=f"Watch it with: syncdoctor log {name} --follow. Run again when it is done.",
    )
