"""How many requests an account may take: waits before a limit is hit, and learns limits from the answers' headers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import LimitExhausted

Intent = Literal["read", "write", "search"]
Sleep = Callable[[float], Awaitable[None]]

BURST_SECONDS = 10.0
SEARCH_SECONDS = 1.0
SHORTEST_WAIT = 0.001
"""Seconds. A difference of floating-point times may be too small to move a clock at all."""
RESERVE = 0.05
"""The share of the daily limit that runs leave untouched, so that a person can still look."""


class Budget(Protocol):
    """What an account's client asks before each request."""

    def slot(self, intent: Intent) -> AbstractAsyncContextManager[None]:
        """Waits until one more request is allowed; held while it is under way. Raises LimitExhausted for the day."""
        ...

    def learn(self, headers: Mapping[str, str]) -> None:
        """Corrects what is known of the limits from an answer's headers."""
        ...

    def resets_at(self) -> datetime | None:
        """When the daily limit starts again (UTC), if there is one and that is known."""
        ...

    def limits(self) -> Mapping[str, str]:
        """The limits in words, by name."""
        ...

    def snapshot(self) -> str:
        """One line on what is left."""
        ...


class _Window:
    """At most `limit` requests in any `seconds` seconds of the monotonic clock."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.taken: deque[float] = deque()

    def left(self, now: float) -> int:
        while self.taken and now - self.taken[0] >= self.seconds:
            self.taken.popleft()
        return max(0, self.limit - len(self.taken))

    def wait(self, now: float) -> float:
        """Seconds until a request is allowed, 0 if it is now."""
        if self.left(now):
            return 0.0
        return max(SHORTEST_WAIT, self.seconds - (now - self.taken[len(self.taken) - self.limit]))


class HubSpotBudget:
    """HubSpot's three limits: a burst per 10 seconds, a daily one, and searches per second.

    Starts from the limits of a free account (100, 250,000, 5) and takes the true ones from the headers
    `X-HubSpot-RateLimit-*`; search answers carry no burst headers (usage guidelines; recorded answers). The daily
    limit is shared by all private apps of an account and restarts at midnight of `time_zone`, an IANA name; while that is not
    known (empty), the day is not turned here and only headers tell what is left. `reserve` is the share that stays for people.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Sleep,
        now: Callable[[], datetime],
        *,
        reserve: float = RESERVE,
        time_zone: str = "",
    ) -> None:
        self.time_zone = ""
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._reserve = reserve
        self._burst = _Window(100, BURST_SECONDS)
        self._search = _Window(5, SEARCH_SECONDS)
        self._daily_limit: int | None = 250_000
        self._daily_left = 250_000
        self._day = ""
        self.use_time_zone(time_zone)

    @asynccontextmanager
    async def slot(self, intent: Intent) -> AsyncIterator[None]:
        """Waits for the burst or search limit. Raises LimitExhausted when only the reserve of the day is left."""
        self._turn_day()
        if self._daily_limit is not None and self._daily_left <= self._daily_limit * self._reserve:
            raise LimitExhausted(
                f"{self._daily_left:,} of {self._daily_limit:,} requests of the day are left, kept for people",
                where="HubSpot",
                remedy=f"Run again after {self._midnight()}.",
            )
        window = self._search if intent == "search" else self._burst
        while (seconds := window.wait(self._clock())) > 0:
            await self._sleep(seconds)
        window.taken.append(self._clock())
        self._daily_left = max(0, self._daily_left - 1)
        yield

    def learn(self, headers: Mapping[str, str]) -> None:
        """Takes limits and what is left from the headers; other programs may use the same limits."""
        self._turn_day()
        daily, left = _number(headers, "daily"), _number(headers, "daily-remaining")
        if daily is not None and left is not None:
            self._daily_limit, self._daily_left = daily, left
        limit, remaining = _number(headers, "max"), _number(headers, "remaining")
        if limit is None or remaining is None:
            return
        if daily is None:
            self._daily_limit = None
        now = self._clock()
        self._burst.limit = max(1, limit)
        used_by_others = self._burst.left(now) - remaining
        self._burst.taken.extend([now] * max(0, used_by_others))

    def use_time_zone(self, name: str) -> None:
        """Takes the account's time zone; a name that is empty or that this computer does not know leaves the one before."""
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            return
        self.time_zone = name
        self._day = self._today()

    def resets_at(self) -> datetime | None:
        """The next midnight of the account's time zone, in UTC; None without a daily limit, or while the zone is not known."""
        if self._daily_limit is None or not self.time_zone:
            return None
        local = self._now().astimezone(ZoneInfo(self.time_zone))
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return midnight.astimezone(UTC)

    def limits(self) -> Mapping[str, str]:
        """The limits in words."""
        daily = "none" if self._daily_limit is None else f"{self._daily_limit:,}"
        return {
            "requests in 10 seconds": f"{self._burst.limit}",
            "requests a day": daily,
            "searches a second": f"{self._search.limit}",
        }

    def snapshot(self) -> str:
        """For example `burst 180/190, daily 624,000/625,000, resets at midnight Europe/Berlin`."""
        self._turn_day()
        burst = f"burst {self._burst.left(self._clock())}/{self._burst.limit}"
        if self._daily_limit is None:
            return f"{burst}, no daily limit"
        daily = f"daily {self._daily_left:,}/{self._daily_limit:,}"
        return f"{burst}, {daily}, resets at {self._midnight()}"

    def _midnight(self) -> str:
        return f"midnight {self.time_zone or 'of the account, whose time zone is not known yet'}"

    def _turn_day(self) -> None:
        day = self._today()
        if day != self._day:
            if self._day and self._daily_limit is not None:
                self._daily_left = self._daily_limit
            self._day = day

    def _today(self) -> str:
        return self._now().astimezone(ZoneInfo(self.time_zone)).date().isoformat() if self.time_zone else ""


class ConcurrentBudget:
    """A limit on requests at the same time. Mailchimp allows 10 for each key; 4 leave room for other programs."""

    def __init__(self, at_once: int = 4, allowed: int = 10) -> None:
        self._at_once = at_once
        self._allowed = allowed
        self._free = asyncio.Semaphore(at_once)
        self._under_way = 0

    @asynccontextmanager
    async def slot(self, intent: Intent) -> AsyncIterator[None]:
        """Waits until fewer than the chosen number of requests are under way."""
        async with self._free:
            self._under_way += 1
            try:
                yield
            finally:
                self._under_way -= 1

    def learn(self, headers: Mapping[str, str]) -> None:
        """Nothing: no header tells the limit."""

    def resets_at(self) -> datetime | None:
        """None: there is no daily limit."""
        return None

    def limits(self) -> Mapping[str, str]:
        """The limit in words."""
        return {"requests at once": f"{self._allowed} ({self._at_once} used here)"}

    def snapshot(self) -> str:
        """For example `2/4 requests under way, no daily limit`."""
        return f"{self._under_way}/{self._at_once} requests under way, no daily limit"


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-hubspot-ratelimit-{name}", "")
    return int(text) if text.isdecimal() else None
