"""Both servers over one state file, with a record of the requests and a schedule of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sample_data.portal.audit import AppliedWrite, Audit, Person, Server
from sample_data.portal.breaking import Wire
from sample_data.portal.faults import Broken, Fault, FaultSchedule, Sleep
from sample_data.portal.hubspot.app import BY_HAND, HubSpotServer
from sample_data.portal.hubspot.contacts import MergeRegime
from sample_data.portal.hubspot.membership import Membership
from sample_data.portal.keeping import Keep
from sample_data.portal.limits import PortalLimits
from sample_data.portal.mailchimp.app import MailchimpServer
from sample_data.portal.moments import milliseconds
from sample_data.portal.state import State

USUAL = PortalLimits()


def wall_clock() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class Portal:
    """The practice portal. `combined` has the servers under /hubspot and /mailchimp.

    `requests` lists (server, method, path, status) in the order of the answers; status 0: no answer was given.
    `clock_skew` is how many seconds a server's clock is ahead.
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
        limits: PortalLimits,
    ) -> None:
        self._state = state
        self._now = now
        self.clock_skew: dict[Server, float] = {"hubspot": 0.0, "mailchimp": 0.0}
        self._hubspot = HubSpotServer(state, self._clock_of("hubspot"), search_lag_seconds, limits)
        self._mailchimp = MailchimpServer(state, self._clock_of("mailchimp"), limits)
        self._audit = Audit(state)
        self.faults = faults
        self.requests: list[tuple[str, str, str, int]] = []
        self.hubspot_token = self._hubspot.first_token
        self.mailchimp_key = self._mailchimp.first_key
        self.hubspot = self._watched("hubspot", self._hubspot.app)
        self.mailchimp = self._watched("mailchimp", self._mailchimp.app)
        self.combined = _mounted({"hubspot": self.hubspot, "mailchimp": self.mailchimp})

    def tamper(
        self, side: Server, record_id: str, values: Mapping[str, str], *, origin: tuple[str, str, str] = BY_HAND
    ) -> None:
        """Changes a record behind everyone's back, unchecked, as of now. Raises KeyError for an unknown one.

        HubSpot: property names by contact id; `origin` is what its history then names: sourceType, sourceId, sourceLabel.
        Mailchimp: merge tags, `email_address`, `status` by contact id; it keeps no such history.
        """
        if side == "hubspot":
            self._hubspot.tamper(record_id, values, origin)
        else:
            self._mailchimp.tamper(record_id, values)

    def let_windows_pass(self) -> None:
        """The seconds of HubSpot's rate limits are over, as for a client that waits by a clock of its own."""
        self._hubspot.let_windows_pass()

    @property
    def merge_regime(self) -> MergeRegime:
        """Which id a merged HubSpot contact has; may be set."""
        return self._hubspot.merge_regime

    @merge_regime.setter
    def merge_regime(self, regime: MergeRegime) -> None:
        self._hubspot.merge_regime = regime

    def change_property(
        self,
        name: str,
        *,
        remove_option: str | None = None,
        read_only: bool | None = None,
        archived: bool | None = None,
        required: bool | None = None,
    ) -> None:
        """Changes a HubSpot property while the portal runs; an unknown one is added as text. It stays in the state file.

        An archived property is in no list and cannot be written; its values stay. `required`: when a contact is created,
        in API version 2026-09. Raises KeyError for an option that the property does not have.
        """
        given = {"remove_option": remove_option, "read_only": read_only, "archived": archived, "required": required}
        self._hubspot.change_property(name, {key: value for key, value in given.items() if value is not None})

    def change_merge_field(self, tag: str, changes: Mapping[str, object] | None) -> None:
        """Changes entries of a Mailchimp merge field in the API's shape (`type`, `required`, `options`), adds it as text,
        or deletes it (None). It stays in the state file. Raises KeyError for deleting an unknown one."""
        self._mailchimp.change_merge_field(tag, changes)

    def keeps(self, side: Server, field: str, how: Keep) -> None:
        """From now on the server silently keeps what is written to a text field shortened to five characters, or in upper
        case without outer white space, or as given. It stays in the state file."""
        (self._hubspot if side == "hubspot" else self._mailchimp).keeping.change(field, how)

    def applied(self, after: int = 0) -> list[AppliedWrite]:
        """Every write through the API that was really applied, above the number `after`, in order."""
        return self._audit.applied(after)

    def creates(self) -> list[AppliedWrite]:
        """The applied creates, in order."""
        return self._audit.creates()

    def people(self, side: Server) -> list[Person]:
        """The records of a side that are not archived."""
        return self._audit.people(side)

    def close(self) -> None:
        """Closes the state file."""
        self._state.close()

    def _clock_of(self, server: Server) -> Callable[[], datetime]:
        return lambda: self._now() + timedelta(seconds=self.clock_skew[server])

    def _watched(self, server: Server, app: ASGIApp) -> ASGIApp:
        clock = self._clock_of(server)
        wire = Wire(server, app, self.faults.sleep, self._hubspot.merge_away)

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            method, path, status = scope["method"], scope["path"], 0

            async def note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    date = format_datetime(clock().astimezone(UTC), usegmt=True).encode()
                    message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
                await send(message)

            fault = self.faults.due(server, method, path)
            try:
                if fault is None:
                    await wire.carry(scope, receive, note)
                elif await wire.break_request(fault, scope, receive, note):
                    self.faults.broken.append(Broken(fault.kind, server, method, path))
            except httpx.TransportError:
                if fault is not None:
                    self.faults.broken.append(Broken(fault.kind, server, method, path))
                raise
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
    limits: PortalLimits = USUAL,
) -> Portal:
    """Opens the portal on a SQLite file; the first time it is filled from the data folder.

    `now` decides times, rate limits and token expiry; `search_lag_seconds` is how late HubSpot's search is; `sleep`
    is what slow answers wait with; `limits` are the sizes of pages and batches. Raises DataFolderError for a folder that cannot be used.
    """
    opened = State(state)
    try:
        with opened.transaction():
            if opened.fill(data):
                Membership(opened).fill(milliseconds(now()))
    except BaseException:
        opened.close()
        raise
    return Portal(opened, now, FaultSchedule(faults, sleep), search_lag_seconds, limits)


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
