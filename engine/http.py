"""One HTTP client per account: budget, deadline, retries that never repeat a write, and a log without personal data."""

from __future__ import annotations

import asyncio
import json as json_text
import logging
import random as random_numbers
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, TypeAlias

import httpx

from engine.addresses import checked_address
from engine.answers import Answer, NotJson, correlation_id_of, parse
from engine.budget import Budget, Intent
from engine.errors import ConfigurationError, UnexpectedAnswer, Unreachable
from engine.refusals import (
    LONGEST_WAIT,
    is_daily,
    limit_exhausted,
    refusal,
    retry_after,
    suggested_wait,
    without_addresses,
)
from engine.schema import Side
from engine.visible import visible

DEADLINE = 60.0
"""Seconds for one attempt, from the first byte sent to the last received (httpx's own time-outs are per read)."""
BODY_LIMIT = 50_000_000
"""Bytes of a decoded body."""
ATTEMPTS = 5
COSTLY_ATTEMPTS = 3
"""Attempts where each one may take the whole deadline, or bring a whole wrong body."""
LOCKED_PAUSE = 2.0
"""Seconds that HubSpot asks to wait at least after 423 (error-handling page)."""
LONGEST_BACK_OFF = 20.0

# Both libraries log addresses with their query, which holds personal data.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Exchange:
    """One attempt, for the log. `template` is the path without ids and addresses; `status` None if no answer came.

    `at` is UTC. Holds no query value, header or body.
    """

    at: datetime
    side: Side
    method: str
    template: str
    status: int | None
    milliseconds: int
    attempt: int
    correlation_id: str
    note: str


class InDoubt(Exception):
    """A write was sent and no readable answer says whether it was applied. For connectors, never for a user."""

    def __init__(self, reason: str, status: int | None = None, correlation_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.correlation_id = correlation_id


Params: TypeAlias = Mapping[str, str | int | Sequence[str]]
"""A query; several values repeat the name."""


@dataclass(frozen=True)
class _Call:
    method: str
    path: str
    template: str
    intent: Intent
    params: Params | None
    headers: Mapping[str, str]
    content: bytes | None


@dataclass(frozen=True)
class _Received:
    """What one attempt brought. `problem` says why there is no usable answer; `hopeless` that repeating is no use."""

    status: int | None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    sent: bool = True
    costly: bool = False
    hopeless: bool = False

    @property
    def note(self) -> str:
        """For the log: the problem, or the service's category of error."""
        if self.problem or self.status is None or self.status < 400 or not isinstance(self.body, dict):
            return self.problem
        named = self.body.get("category") or self.body.get("policyName") or self.body.get("title") or ""
        return visible(str(named), 60)


class AccountClient:
    """The only way to an account. Use as an async context manager, or call `close`.

    `clock` gives monotonic seconds, `now` UTC, `sleep` waits. A handed-in `transport` carries the requests instead of
    the network. `read_only` refuses writes before they are sent. Redirects are never followed, certificates always
    checked. Raises ConfigurationError for a base address that is neither https nor of this computer.
    """

    def __init__(
        self,
        side: Side,
        service: str,
        base_url: str,
        auth: httpx.Auth,
        *,
        budget: Budget,
        on_exchange: Callable[[Exchange], None],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        now: Callable[[], datetime],
        random: random_numbers.Random,
        transport: httpx.AsyncBaseTransport | None = None,
        read_only: bool = False,
        deadline: float = DEADLINE,
    ) -> None:
        local = checked_address(base_url, handed_in=transport is not None, service=service)
        self.side = side
        self.service = service
        self.budget = budget
        self.read_only = read_only
        self.first_answer_at: datetime | None = None
        """The service's own time when it first answered, by the Date header; None if it has not told."""
        self._on_exchange = on_exchange
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._random = random
        self._deadline = deadline
        self._http = httpx.AsyncClient(
            base_url=base_url,
            auth=auth,
            transport=transport,
            follow_redirects=False,
            timeout=httpx.Timeout(30.0, connect=10.0, pool=None),
            trust_env=not local,
            headers={"Accept": "application/json", "User-Agent": "syncdoctor"},
        )

    async def __aenter__(self) -> AccountClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def now(self) -> datetime:
        """The time by this computer's clock."""
        return self._now()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        template: str,
        intent: Intent,
        params: Params | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends and gives the answer, also a 4xx about the data; waits and repeats where that is safe.

        `path` is below the base address; `template` is what is logged and named in errors. Raises an AccessError
        (certainly nothing was applied), InDoubt (a write that may have been applied), or ConfigurationError for a
        write of a read-only client.
        """
        if intent == "write" and self.read_only:
            raise ConfigurationError(
                f"nothing may be written to {self.service} here", where=f"{method} {template}",
                remedy="This connection is observed, or this command only reads.",
            )  # fmt: skip
        call = _prepared(method, path, template, intent, params, json, form)
        attempt = 0
        while True:
            attempt += 1
            async with self.budget.slot(intent):
                verdict = await self._once(call, attempt)
            if isinstance(verdict, Answer):
                return verdict
            await self._sleep(verdict)

    async def _once(self, call: _Call, attempt: int) -> Answer | float:
        at, started = self._now(), self._clock()
        received = await self._send(call)
        milliseconds = round((self._clock() - started) * 1000)
        if received.status is not None:
            self.budget.learn(received.headers)
            self.first_answer_at = self.first_answer_at or _moment(received.headers.get("date", ""))
        note = received.note
        try:
            verdict = self._judge(received, call, attempt)
            if not isinstance(verdict, Answer):
                note = f"{note}, again in {verdict:.1f} s".removeprefix(", ")
            return verdict
        finally:
            correlation_id = correlation_id_of(received.headers, received.body)
            self._on_exchange(
                Exchange(
                    at, self.side, call.method, call.template, received.status, milliseconds, attempt,
                    correlation_id, note,
                )
            )  # fmt: skip

    async def _send(self, call: _Call) -> _Received:
        host = visible(self._http.base_url.netloc.decode(), 100)
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._http.stream(
                    call.method, call.path, params=call.params, headers=call.headers, content=call.content
                ) as response,
            ):
                return await _read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            reason, hopeless = _no_connection(error, host)
            return _Received(None, problem=reason, sent=False, hopeless=hopeless)
        except (TimeoutError, httpx.TimeoutException):
            return _Received(None, problem=f"no complete answer from {host} in time", costly=True)
        except httpx.DecodingError:
            return _Received(None, problem=f"the answer of {host} is compressed in a broken way", costly=True)
        except httpx.RequestError:
            return _Received(None, problem=f"the connection to {host} broke off")

    def _judge(self, received: _Received, call: _Call, attempt: int) -> Answer | float:
        """The answer, or the seconds to wait before the next attempt."""
        where = f"{self.service}, {call.method} {call.template}"
        status = received.status
        if status is None:
            return self._unanswered(received, call, attempt, where)
        if status in (423, 429, 477):
            return self._told_to_wait(received, attempt, where)
        if status >= 500 or status == 408:
            return self._server_trouble(received, call, attempt, where)
        refused = refusal(self.service, status, received.body, where)
        if refused and (status >= 400 or call.intent != "write"):
            raise refused
        if refused or (received.problem and status < 400 and call.intent == "write"):
            raise self._doubt(received, received.problem or f"answered {status}, a redirect")
        if received.problem:
            if attempt < COSTLY_ATTEMPTS and not received.hopeless:
                return self._back_off(attempt)
            raise UnexpectedAnswer(
                f"{self.service} {received.problem}", where=where,
                remedy="Check the server's address and whether a proxy is in the way, then run again.",
            )  # fmt: skip
        return Answer(status, received.body, received.headers)

    def _unanswered(self, received: _Received, call: _Call, attempt: int, where: str) -> float:
        if received.sent and call.intent == "write":
            raise self._doubt(received, received.problem)
        if attempt < (COSTLY_ATTEMPTS if received.costly else ATTEMPTS) and not received.hopeless:
            return self._back_off(attempt)
        raise Unreachable(
            f"{self.service} cannot be reached: {received.problem}", where=where,
            remedy="Check the network and the proxy settings, then run again.",
        )  # fmt: skip

    def _told_to_wait(self, received: _Received, attempt: int, where: str) -> float:
        """423, 429 and 477 are documented as not applied: waiting and sending again is safe for writes, too."""
        asked = retry_after(received.headers, self._now())
        if received.status == 429 and is_daily(received.body):
            until = self.budget.resets_at() or (self._now() + timedelta(seconds=asked) if asked else None)
            raise limit_exhausted(self.service, "takes no more requests: the daily limit is used up", until, where)
        moving = received.status == 477
        if asked is not None and asked > LONGEST_WAIT:
            reason = "is moving this account and asks to wait" if moving else "asks to wait"
            raise limit_exhausted(self.service, reason, self._now() + timedelta(seconds=asked), where)
        if attempt >= ATTEMPTS:
            said = {423: "keeps the records locked", 477: "is moving this account"}.get(received.status or 0)
            limit = "keeps answering that its request limit is reached"
            raise limit_exhausted(self.service, said or limit, None, where)
        if asked is not None:
            wait = asked
        elif received.status == 429:
            wait = suggested_wait(received.body, attempt) * self._random.uniform(1.0, 1.25)
        else:
            wait = self._back_off(attempt)
        return max(LOCKED_PAUSE, wait) if received.status == 423 else wait

    def _server_trouble(self, received: _Received, call: _Call, attempt: int, where: str) -> float:
        if call.intent == "write":
            raise self._doubt(received, f"answered {received.status}")
        asked = retry_after(received.headers, self._now())
        if asked is not None and asked > LONGEST_WAIT:
            raise limit_exhausted(
                self.service, "is out of order and asks to wait", self._now() + timedelta(seconds=asked), where
            )
        if attempt < ATTEMPTS:
            return asked if asked is not None else self._back_off(attempt)
        raise Unreachable(
            f"{self.service} keeps answering with a server error ({received.status})", where=where,
            remedy="Look at the service's status page and run again later.",
        )  # fmt: skip

    def _doubt(self, received: _Received, reason: str) -> InDoubt:
        correlation_id = correlation_id_of(received.headers, received.body)
        return InDoubt(without_addresses(reason), received.status, correlation_id)

    def _back_off(self, attempt: int) -> float:
        return min(LONGEST_BACK_OFF, 0.5 * 2.0 ** (attempt - 1)) * self._random.uniform(0.5, 1.0)


def _prepared(
    method: str,
    path: str,
    template: str,
    intent: Intent,
    params: Params | None,
    json: Any,
    form: Mapping[str, str] | None,
) -> _Call:
    headers: dict[str, str] = {}
    content = None
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        content = str(httpx.QueryParams(dict(form))).encode()
    elif json is not None:
        headers["Content-Type"] = "application/json"
        content = json_text.dumps(json, allow_nan=False, separators=(",", ":")).encode()
    return _Call(method, path, template, intent, params, headers, content)


async def _read(response: httpx.Response) -> _Received:
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > BODY_LIMIT:
            problem = f"answered more than {BODY_LIMIT // 1_000_000} MB"
            return _Received(response.status_code, None, headers, problem, hopeless=True)
    try:
        return _Received(response.status_code, parse(bytes(body), headers.get("content-type", "")), headers)
    except NotJson as error:
        return _Received(response.status_code, None, headers, str(error))


def _moment(date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _no_connection(error: Exception, host: str) -> tuple[str, bool]:
    """Why there is no connection, and whether trying again is no use."""
    said = str(error).lower()
    if "certificate" in said or "ssl" in said:
        return f"the TLS certificate of {host} is not trusted (is a proxy in the way?)", True
    if isinstance(error, httpx.ProxyError):
        return "the proxy does not let the request through", False
    if any(words in said for words in ("name or service", "name resolution", "getaddrinfo", "no address")):
        return f"the name {host} cannot be looked up", False
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection to {host} in time", False
    return f"no connection to {host}", False
