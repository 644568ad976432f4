"""Time that only passes when somebody waits, and account clients on it: over scripted answers or the practice portal."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from engine.auth.secret import Secret
from engine.budget import Budget, ConcurrentBudget, HubSpotBudget
from engine.connectors.open import BearerAuth
from engine.http import AccountClient, Exchange
from engine.schema import Side

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
TOKEN = "secret-token-of-the-test"
Answers = Callable[[httpx.Request], httpx.Response]


class StandingTime:
    """A clock that stands still; `sleep` moves it at once and keeps the seconds in `waits`."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self.seconds = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        """Monotonic seconds."""
        return self.seconds

    def now(self) -> datetime:
        """UTC."""
        return self._start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        """Moves the time."""
        self.waits.append(seconds)
        self.seconds += seconds

    @property
    def waited(self) -> float:
        """All seconds waited."""
        return sum(self.waits)


class Stage:
    """One account client, its time and its log."""

    def __init__(
        self,
        answers: Answers | httpx.AsyncBaseTransport,
        *,
        side: Side = "hubspot",
        token: str = TOKEN,
        base_url: str = "http://service.example",
        time: StandingTime | None = None,
        read_only: bool = False,
        deadline: float = 60.0,
        handed_in: bool = True,
    ) -> None:
        self.time = time or StandingTime()
        self.log: list[Exchange] = []
        transport = answers if isinstance(answers, httpx.AsyncBaseTransport) else httpx.MockTransport(answers)
        self.budget: Budget = (
            HubSpotBudget(self.time.clock, self.time.sleep, self.time.now, time_zone="UTC")
            if side == "hubspot"
            else ConcurrentBudget()
        )
        self.client = AccountClient(
            side,
            "HubSpot" if side == "hubspot" else "Mailchimp",
            base_url,
            BearerAuth(Secret(token)),
            budget=self.budget,
            on_exchange=self.log.append,
            clock=self.time.clock,
            sleep=self.time.sleep,
            now=self.time.now,
            random=random.Random(7),
            transport=transport if handed_in else None,
            read_only=read_only,
            deadline=deadline,
        )

    def statuses(self) -> list[int | None]:
        """The status of each attempt."""
        return [exchange.status for exchange in self.log]


def reply(status: int, body: object = None, **headers: str) -> httpx.Response:
    """An answer with a JSON body (text and bytes as they are); header names with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        return httpx.Response(status, headers=named)
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return httpx.Response(status, headers={"content-type": "application/json", **named}, content=content)


class Script:
    """Gives answers in turn, the last one for ever; an exception in place of an answer is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def body(self, number: int) -> Any:
        """The JSON body of the request with this index."""
        return json.loads(self.requests[number].content)
