"""Both servers over one state file, with a record of the requests and a schedule of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sample_data.portal.faults import Fault, FaultSchedule, Sleep, break_request
from sample_data.portal.hubspot.app import HubSpotServer
from sample_data.portal.hubspot.membership import Membership
from sample_data.portal.mailchimp.app import MailchimpServer
from sample_data.portal.state import State


def wall_clock() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class Portal:
    """The practice portal. `combined` has the servers under /hubspot and /mailchimp.

    `requests` lists (server, method, path, status) in the order of the answers; status 0: no answer was given.
    """

    hubspot: ASGIApp
    mailchimp: ASGIApp
    combined: ASGIApp

    def __init__(
        self,
        state: State,
        now: Callable[[], datetime],
        faults: FaultSchedule,
        search_lag_seconds: float,
    ) -> None:
        self._state = state
        self._now = now
        self._hubspot = HubSpotServer(state, now, search_lag_seconds)
        self._mailchimp = MailchimpServer(state, now)
        self.faults = faults
        self.requests: list[tuple[str, str, str, int]] = []
        self.hubspot_token = self._hubspot.first_token
        self.mailchimp_key = self._mailchimp.first_key
        self.hubspot = self._watched("hubspot", self._hubspot.app)
        self.mailchimp = self._watched("mailchimp", self._mailchimp.app)
        self.combined = _mounted({"hubspot": self.hubspot, "mailchimp": self.mailchimp})

    def tamper(self, side: Literal["hubspot", "mailchimp"], record_id: str, values: Mapping[str, str]) -> None:
        """Changes a record behind everyone's back, unchecked, as of now. Raises KeyError for an unknown one.

        HubSpot: property names by contact id. Mailchimp: merge tags, `email_address`, `status` by contact id.
        """
        server = self._hubspot if side == "hubspot" else self._mailchimp
        server.tamper(record_id, values)

    def close(self) -> None:
        """Closes the state file."""
        self._state.close()

    def _watched(self, server: str, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            method, path, status = scope["method"], scope["path"], 0

            async def note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    date = format_datetime(self._now(), usegmt=True).encode()
                    message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
                await send(message)

            fault = self.faults.due(server, method, path)
            try:
                if fault is None:
                    await app(scope, receive, note)
                else:
                    await break_request(fault, app, scope, receive, note, self.faults.sleep)
            finally:
                self.requests.append((server, method, path, status))

        return watched


def open_portal(
    data: Path,
    state: Path,
    *,
    now: Callable[[], datetime] = wall_clock,
    faults: Sequence[Fault] = (),
    search_lag_seconds: float = 0.0,
    sleep: Sleep = asyncio.sleep,
) -> Portal:
    """Opens the portal on a SQLite file; the first time it is filled from the data folder.

    `now` decides times, rate limits and token expiry; `search_lag_seconds` is how late HubSpot's search is; `sleep`
    is what the fault `slow` waits with. Raises DataFolderError for a folder that cannot be used.
    """
    opened = State(state)
    try:
        with opened.transaction():
            if opened.fill(data):
                Membership(opened).fill()
    except BaseException:
        opened.close()
        raise
    return Portal(opened, now, FaultSchedule(faults, sleep), search_lag_seconds)


def _mounted(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        _, name, rest = ([*scope["path"].split("/", 2), ""])[:3]
        app = apps.get(name)
        if app is None:
            await PlainTextResponse("The servers are under /hubspot and /mailchimp.\n", 404)(scope, receive, send)
            return
        prefix = f"/{name}".encode()
        raw_path = scope.get("raw_path") or scope["path"].encode()
        inner = {**scope, "path": f"/{rest}", "raw_path": raw_path.removeprefix(prefix) or b"/"}
        await app(inner, receive, send)

    return mounted


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
