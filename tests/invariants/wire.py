"""The wire between engine and services: records every request, breaks it on demand, and ends the engine at a boundary."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx

from sample_data.population.person import TAGS
from sample_data.portal import Fault, Portal
from sample_data.portal.faults import FaultKind, can_hit
from tests.invariants.truth import ONE_WAY, STAGE_OF, Change, Side, Truth

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
REQUEST_SECONDS = 0.01
"""How far the clock moves with each request: faster than HubSpot allows, so that the engine has to wait now and then, and
a small sync takes less than the second that Mailchimp's times are given in."""
Kind = Literal["read", "write", "delete"]
WRITES = re.compile(r"/batch/(create|update|upsert)$|/objects/contacts(/\d+)?$|/3\.0/lists/\w+(/members(/[^/]+)?)?$")
DELETES = re.compile(r"/batch/archive$|/gdpr-delete$|/merge$|/actions/delete-permanent$")
FIELD_OF = {tag: name for name, tag in TAGS.items()}


class Killed(BaseException):
    """The engine's process ends here; nothing in it may go on, and nothing may catch it."""


class VirtualTime:
    """A clock that moves with requests and waiting only."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """UTC."""
        return START + timedelta(seconds=self.seconds)

    def clock(self) -> float:
        """Monotonic seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Moves the time at once."""
        self.seconds += max(0.0, seconds)


@dataclass(frozen=True)
class Item:
    """What one item of a write asks for: `values` by HubSpot's field names, other fields under their own."""

    side: Side
    kind: Literal["create", "update"]
    record: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """One request of the engine. `status` None: it saw no answer. `changes`: what the services changed because of it."""

    number: int
    run: int
    side: Side
    method: str
    path: str
    kind: Kind
    body: str
    items: tuple[Item, ...]
    fault: str
    status: int | None
    changes: tuple[Change, ...]


@dataclass
class Break:
    """A fault that waits for its request: the `nth` of this kind on this side."""

    side: Side
    kind: Kind
    fault: FaultKind
    nth: int = 1


@dataclass
class Desk:
    """What all wires of a world share: time, truth, the history of requests, waiting faults, and the engine's death."""

    time: VirtualTime
    truth: Truth
    portal: Portal
    on_changes: Callable[[Sequence[Change]], None]
    on_sight: Callable[[Side, str], None]
    """Told what a side answered when asked for single records, and any answer of the app."""
    meanwhile: tuple[int, Callable[[], None]] | None = None
    """Before which of the coming requests somebody does something, and what."""
    requests: list[Request] = field(default_factory=list)
    waiting: list[Break] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    run: int = 0
    kill_in: int | None = None
    kill_at_write: int | None = None
    dead: bool = False
    boundaries: int = 0

    def boundary(self) -> None:
        """A point at which the process may end. Raises Killed at the chosen one and at all that follow."""
        if self.dead:
            raise Killed
        self.boundaries += 1
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in <= 0:
                self.kill_in, self.dead = None, True
                raise Killed

    def written(self) -> None:
        """A write has reached its service, and its answer is on the way. Raises Killed if this is the chosen one."""
        if self.kill_at_write is not None:
            self.kill_at_write -= 1
            if self.kill_at_write <= 0:
                self.kill_at_write, self.dead = None, True
                raise Killed

    def spare(self) -> None:
        """Nobody is to be killed any more."""
        self.kill_in = self.kill_at_write = None

    def interrupt(self) -> None:
        """Somebody does what waits for this request."""
        if self.meanwhile is not None:
            left, act = self.meanwhile
            self.meanwhile = (left - 1, act) if left > 1 else None
            if left <= 1:
                act()

    def due(self, side: Side, kind: Kind, server: str, method: str, path: str) -> FaultKind | None:
        """Counts a request for the waiting faults that it can meet and takes the one that is due."""
        found: FaultKind | None = None
        for wait in list(self.waiting):
            if (wait.side, wait.kind) == (side, kind) and can_hit(wait.fault, server, method, path):
                wait.nth -= 1
                if wait.nth <= 0 and found is None:
                    self.waiting.remove(wait)
                    found = wait.fault
        return found


class Wire(httpx.AsyncBaseTransport):
    """The transport of one side."""

    def __init__(self, side: Side, desk: Desk) -> None:
        self._side: Side = side
        self._server = "hubspot" if side == "hubspot" else "mailchimp"
        self._desk = desk
        self._inner = httpx.ASGITransport(app=getattr(desk.portal, self._server))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request to the portal, broken if a fault is due."""
        desk, path = self._desk, request.url.path
        desk.boundary()
        desk.time.seconds += REQUEST_SECONDS / 2
        desk.interrupt()
        desk.time.seconds += REQUEST_SECONDS / 2
        body = (await request.aread()).decode()
        kind = kind_of(request.method, path)
        fault = desk.due(self._side, kind, self._server, request.method, path)
        if fault:
            desk.fired[fault] += 1
            desk.portal.faults.add(Fault(self._server, request.method, f"^{re.escape(path)}$", 1, fault))
        status = None
        number = len(desk.requests)
        desk.requests.append(_request(desk, number, self._side, request, kind, body, fault))
        try:
            response = await self._inner.handle_async_request(request)
            status = response.status_code
            if kind == "read" and (self._side == "app" or path.endswith("/batch/read")):
                desk.on_sight(self._side, (await response.aread()).decode(errors="replace"))
        finally:
            changed = tuple(desk.truth.look()) if kind != "read" else ()
            old = desk.requests[number]
            desk.requests[number] = Request(**{**old.__dict__, "status": status, "changes": changed})
            desk.on_changes(changed)
        if kind == "write":
            desk.written()
        desk.boundary()
        return response


def kind_of(method: str, path: str) -> Kind:
    """Whether a request reads, writes or deletes."""
    if method == "DELETE" or DELETES.search(path):
        return "delete"
    return "write" if method != "GET" and WRITES.search(path) else "read"


def _request(
    desk: Desk, number: int, side: Side, request: httpx.Request, kind: Kind, body: str, fault: str | None
) -> Request:
    path = request.url.path
    target = f"{path}?{request.url.query.decode()}" if request.url.query else path
    items = tuple(items_of(side, request.method, path, json.loads(body))) if kind == "write" and body else ()
    return Request(number, desk.run, side, request.method, target, kind, body, items, fault or "", None, ())


def items_of(side: Side, method: str, path: str, body: Mapping[str, Any]) -> list[Item]:
    """The single writes in a body."""
    if side == "hubspot":
        inputs = body.get("inputs", [body])
        create = path.endswith(("/create", "/upsert", "/contacts"))
        return [
            Item("hubspot", "create", entry["properties"].get("email", ""), entry["properties"])
            if create
            else Item("hubspot", "update", str(entry.get("id", path.rpartition("/")[2])), entry["properties"])
            for entry in inputs
        ]
    if method in ("PATCH", "PUT"):
        return [Item("app", "update", path.rpartition("/")[2], _member(body))]
    entries = body.get("members", [body])
    return [Item("app", "create", entry.get("email_address", ""), _member(entry)) for entry in entries]


def _member(body: Mapping[str, Any]) -> dict[str, str]:
    values = {FIELD_OF.get(tag, tag): str(value) for tag, value in body.get("merge_fields", {}).items()}
    if ONE_WAY in values:
        values[ONE_WAY] = STAGE_OF.get(values[ONE_WAY], values[ONE_WAY])
    named = {"email_address": "email", "status": "status"}
    return values | {name: str(body[key]) for key, name in named.items() if key in body}
