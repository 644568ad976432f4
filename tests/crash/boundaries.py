"""The boundaries of a run: around each transaction of the workspace and each request. The victim dies at one of them.

Installed in the victim's process only, by wrapping SQLite's connection and httpx's transport: the product has no hook.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import httpx

from engine.sqlite import sqlite3

Moment = Literal[
    "before BEGIN", "after BEGIN", "before COMMIT", "after COMMIT",
    "before reading request", "after reading request", "before writing request", "after writing request",
]  # fmt: skip
MOMENTS: tuple[Moment, ...] = get_args(Moment)
TRANSACTION_MOMENTS = MOMENTS[:4]
_ID = re.compile(r"(?<=/)(?:[0-9a-f]{10,}|\d{1,20})(?=/|$)")
_WRITES_JOURNAL = re.compile(r"\b(INTO|UPDATE|FROM)\s+journal\b", re.IGNORECASE)
_READING = ("/search", "/batch/read", "/introspect", "/token")


@dataclass(frozen=True)
class Boundary:
    """A place in a run. `journal` says that its transaction changed the journal."""

    moment: Moment
    place: str
    journal: bool = False

    @property
    def kind(self) -> str:
        """What the counts are kept by: the moment, and for a transaction whether the journal was in it."""
        if self.moment not in TRANSACTION_MOMENTS:
            return self.moment
        return f"{self.moment} of {'the journal' if self.journal else 'another transaction'}"


KINDS = tuple(
    dict.fromkeys(Boundary(moment, "", journal).kind for journal in (True, False) for moment in MOMENTS)
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """The boundary to die at: the nth (from 1) of this moment at this place."""

    moment: Moment
    place: str
    nth: int


class Watch:
    """Counts the boundaries that this process passes, dies at the target, notes each writing request that was answered."""

    def __init__(self, target: Target | None, sent: Path) -> None:
        self._target = target
        self._sent = sent
        self._passed: Counter[tuple[Moment, str]] = Counter()
        self.trace: list[Boundary] = []

    def passing(self, moment: Moment, place: str) -> None:
        """Passes a boundary, or dies there."""
        self.trace.append(Boundary(moment, place))
        self._passed[moment, place] += 1
        target = self._target
        if target and (moment, place) == (target.moment, target.place) and self._passed[moment, place] == target.nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def journal_changed(self, since: int) -> None:
        """The transaction that began with the boundary numbered `since` changed the journal."""
        self.trace[since:] = [
            Boundary(passed.moment, passed.place, journal=True) if passed.moment in TRANSACTION_MOMENTS else passed
            for passed in self.trace[since:]
        ]

    def answered(self, request: httpx.Request, body: bytes, status: int) -> None:
        """Keeps a writing request that the server has answered."""
        line = {
            "method": request.method,
            "path": request.url.path,
            "status": status,
            "body": json.loads(body or b"null"),
        }
        with self._sent.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def write_trace(self, path: Path) -> None:
        """Stores what was passed, for `read_trace`."""
        path.write_text(json.dumps([asdict(boundary) for boundary in self.trace]), encoding="utf-8")


def read_trace(path: Path) -> list[Boundary]:
    """The boundaries that a process passed."""
    return [Boundary(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def install(watch: Watch) -> None:
    """Puts the watch around the workspace's transactions and around every request of this process."""
    _watch_transactions(watch)
    _watch_requests(watch)


def _watch_transactions(watch: Watch) -> None:
    connected: Callable[..., sqlite3.Connection] = sqlite3.connect

    class Watched(sqlite3.Connection):
        began = 0
        changes_journal = False

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            word = sql.split(None, 1)[0].upper()
            if word == "BEGIN":
                self.began, self.changes_journal = len(watch.trace), False
            elif word not in ("SELECT", "PRAGMA", "COMMIT") and _WRITES_JOURNAL.search(sql):
                self.changes_journal = True
            if word not in ("BEGIN", "COMMIT"):
                return super().execute(sql, parameters)
            place = _caller()
            watch.passing("before BEGIN" if word == "BEGIN" else "before COMMIT", place)
            cursor = super().execute(sql, parameters)
            watch.passing("after BEGIN" if word == "BEGIN" else "after COMMIT", place)
            if word == "COMMIT" and self.changes_journal:
                watch.journal_changed(self.began)
            return cursor

        def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
            self.changes_journal = self.changes_journal or bool(_WRITES_JOURNAL.search(sql))
            return super().executemany(sql, parameters)

        def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
            watch.passing("before BEGIN", "migration")
            cursor = super().executescript(sql_script)
            watch.passing("after COMMIT", "migration")
            return cursor

    def watched_connect(database: Any, *args: Any, **options: Any) -> sqlite3.Connection:
        if Path(str(database)).parent.name != "workspaces":
            return connected(database, *args, **options)
        return connected(database, *args, factory=Watched, **options)

    sqlite3.connect = watched_connect  # type: ignore[assignment]


def _caller() -> str:
    """The function that opened the transaction."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals["__name__"] in ("contextlib", "engine.workspace", __name__):
        frame = frame.f_back
    return f"{frame.f_globals['__name__']}.{frame.f_code.co_name}"


def _watch_requests(watch: Watch) -> None:
    for transport in (httpx.ASGITransport, httpx.AsyncHTTPTransport):
        _watch_transport(watch, transport)


def _watch_transport(watch: Watch, transport: type[httpx.AsyncBaseTransport]) -> None:
    send = transport.handle_async_request

    async def watched_send(self: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        place = f"{request.method} {_ID.sub('{}', request.url.path)}"
        writing = is_writing(request.method, request.url.path)
        watch.passing("before writing request" if writing else "before reading request", place)
        response = await send(self, request)
        if writing:
            watch.answered(request, request.content, response.status_code)
        watch.passing("after writing request" if writing else "after reading request", place)
        return response

    transport.handle_async_request = watched_send  # type: ignore[method-assign]


def is_writing(method: str, path: str) -> bool:
    """Whether a request changes something on a side."""
    return method != "GET" and not path.endswith(_READING)
