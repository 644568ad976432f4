"""Request budgets on a clock that is handed in."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


class RollingWindow:
    """At most `limit` requests in any `seconds` seconds."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self._span = timedelta(seconds=seconds)
        self._taken: deque[datetime] = deque()

    def take(self, now: datetime) -> bool:
        """Takes one request from the budget; False if there is none left."""
        if self.remaining(now) == 0:
            return False
        self._taken.append(now)
        return True

    def remaining(self, now: datetime) -> int:
        """How many requests are left at this moment."""
        while self._taken and now - self._taken[0] >= self._span:
            self._taken.popleft()
        return max(0, self.limit - len(self._taken))


class DailyBudget:
    """At most `limit` requests a day; the day ends at midnight of the account's time zone."""

    def __init__(self, limit: int, zone: ZoneInfo) -> None:
        self.limit = limit
        self.used = 0
        self._zone = zone
        self._day = ""

    def take(self, now: datetime) -> bool:
        """Takes one request from the budget; False if there is none left."""
        if self.remaining(now) == 0:
            return False
        self.used += 1
        return True

    def remaining(self, now: datetime) -> int:
        """How many requests are left at this moment."""
        day = now.astimezone(self._zone).date().isoformat()
        if day != self._day:
            self._day, self.used = day, 0
        return max(0, self.limit - self.used)

    def resets_at(self, now: datetime) -> datetime:
        """The next midnight of the account's time zone."""
        local = now.astimezone(self._zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=1)
