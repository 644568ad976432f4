"""What every HubSpot endpoint shares: token, scopes, budgets, body, transaction, headers, errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sample_data.portal.bodies import read_json
from sample_data.portal.hubspot import errors
from sample_data.portal.hubspot.errors import ApiError
from sample_data.portal.limits import DailyBudget, RollingWindow
from sample_data.portal.moments import iso_milliseconds, milliseconds
from sample_data.portal.state import State

VERSIONS = ("v1", "v2", "v3", "v4", "2026-03", "2026-09")
STRICT_VERSIONS = ("2026-09",)
CONTACT_NAMES = ("contacts", "contact", "0-1")


@dataclass(frozen=True)
class Call:
    """One request, read and allowed: `now` in milliseconds since 1970; `body` parsed, {} if there is none."""

    version: str
    path: str
    params: Mapping[str, str]
    query: QueryParams
    body: Any
    now: int

    @property
    def strict(self) -> bool:
        """Whether the version has the write rules of 2026-09."""
        return self.version in STRICT_VERSIONS

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object. Raises ApiError 400 if it is something else."""
        return object_input(self.body, "the body")

    def number(self, name: str, default: int, highest: int) -> int:
        """A whole number of the query, at least 1. Raises ApiError 400 beyond `highest`."""
        text = self.query.get(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= highest:
            raise errors.bad_request(f"{name} must be a number between 1 and {highest}, was {text}")
        return int(text)

    def names(self, name: str) -> list[str]:
        """A list of the query, given with commas or repeated."""
        return [part for text in self.query.getlist(name) for part in text.split(",") if part]

    def flag(self, name: str) -> bool:
        """A true/false of the query, false by default."""
        return self.query.get(name, "false").lower() == "true"


@dataclass(frozen=True)
class Reply:
    """An answer: `body` None for none at all."""

    status: int
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]


class Gateway:
    """Turns handlers into routes and keeps the account's tokens and budgets."""

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self.state = state
        self.account: dict[str, Any] = state.document("account")
        self.portal_id = int(self.account["account"]["portalId"])
        self._now = now
        self._tokens = {entry["token"]: entry for entry in self.account["tokens"]}
        limits = self.account["limits"]
        self._bursts = {token: RollingWindow(limits["burst"], 10) for token in self._tokens}
        self._search = RollingWindow(limits["search"], 1)
        self.daily = DailyBudget(limits["daily"], ZoneInfo(self.account["account"]["timeZone"]))
        self._answers = 0

    def let_windows_pass(self) -> None:
        """The seconds of the rate limits are over; the day is not."""
        for window in (*self._bursts.values(), self._search):
            window.pass_over()

    def routes(
        self,
        method: str,
        paths: Sequence[str],
        handler: Handler,
        scopes: Sequence[str] = (),
        *,
        writes: bool = False,
        search: bool = False,
        public: bool = False,
    ) -> list[Route]:
        """One route per path. `scopes`: any one is enough; `public`: no token needed; `writes`: one transaction."""

        async def answer(request: Request) -> Response:
            correlation_id = self._correlation_id()
            headers: dict[str, str] = {}
            try:
                now = self._now()
                if not public:
                    token = self._token(request, now)
                    headers = self._spend(token, now, search=search)
                    if scopes and not set(scopes) & set(self._tokens[token]["scopes"]):
                        raise errors.missing_scopes(scopes)
                call = await self._call(request, now)
                if writes:
                    with self.state.transaction():
                        reply = handler(call)
                else:
                    reply = handler(call)
            except ApiError as error:
                reply = Reply(error.status, error.body(correlation_id), error.headers)
            return _response(reply, {"X-HubSpot-Correlation-Id": correlation_id} | headers)

        return [Route(path, answer, methods=[method]) for path in paths]

    def introspect(self, token: str, now: int) -> dict[str, Any] | None:
        """What is known of a token that is valid now, else None; `expires_in` in seconds, unless the token is for good."""
        entry = self._tokens.get(token)
        if entry is None:
            return None
        known = {"scopes": list(entry["scopes"])}
        if not entry.get("expiresAt"):
            return known
        expires_in = (milliseconds(datetime.fromisoformat(entry["expiresAt"])) - now) // 1000
        return {**known, "expires_in": expires_in} if expires_in > 0 else None

    def resets_at(self) -> datetime:
        """When the daily budget starts again."""
        return self.daily.resets_at(self._now())

    def not_found(self) -> Response:
        """The answer to a path that no endpoint has."""
        return _response(Reply(404, errors.not_found().body(self._correlation_id())), {})

    def _correlation_id(self) -> str:
        self._answers += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"hubspot answer {self._answers}"))

    def _token(self, request: Request, now: datetime) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        entry = self._tokens.get(token) if kind.lower() == "bearer" else None
        if entry is None:
            raise errors.unauthenticated()
        if entry.get("expiresAt"):
            end = datetime.fromisoformat(entry["expiresAt"])
            if now >= end:
                seconds = int((now - end) / timedelta(seconds=1))
                raise errors.expired(seconds, iso_milliseconds(milliseconds(end)))
        return token

    def _spend(self, token: str, now: datetime, *, search: bool) -> dict[str, str]:
        window = self._search if search else self._bursts[token]
        if not window.remaining(now):
            raise errors.search_limit() if search else errors.burst_limit()
        if not self.daily.take(now):
            raise errors.daily_limit()
        window.take(now)
        if search:
            return {}
        return {
            "X-HubSpot-RateLimit-Max": str(window.limit),
            "X-HubSpot-RateLimit-Remaining": str(window.remaining(now)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": str(self.daily.limit),
            "X-HubSpot-RateLimit-Daily-Remaining": str(self.daily.remaining(now)),
        }

    async def _call(self, request: Request, now: datetime) -> Call:
        params = {name: str(value) for name, value in request.path_params.items()}
        version = params.get("version", "v3")
        if version not in VERSIONS:
            raise errors.not_found()
        if params.get("object", "contacts").lower() not in CONTACT_NAMES:
            raise errors.bad_request(f"Unable to infer object type from: {params['object']}")
        body = _parse(await request.body(), request.headers.get("content-type", ""))
        return Call(version, request.url.path, params, request.query_params, body, milliseconds(now))


def object_input(value: object, name: str) -> dict[str, Any]:
    """A JSON object of a body. Raises ApiError 400 for anything else."""
    if not isinstance(value, dict):
        raise errors.bad_request(f"Invalid input JSON: {name} must be an object")
    return value


def _parse(body: bytes, content_type: str) -> Any:
    if content_type.startswith("application/x-www-form-urlencoded"):
        return {name: values[-1] for name, values in parse_qs(body.decode()).items()}
    if not body:
        return {}
    try:
        return read_json(body)
    except json.JSONDecodeError as error:
        raise errors.bad_request(
            f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except UnicodeError as error:
        raise errors.bad_request("Invalid input JSON on line 1, column 1: not Unicode text") from error


def _response(reply: Reply, headers: Mapping[str, str]) -> Response:
    if reply.body is None:
        return Response(status_code=reply.status, headers={**headers, **reply.headers})
    text = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text.encode(),
        reply.status,
        {**headers, **reply.headers},
        "application/json;charset=utf-8",
    )
