"""How much the services take: request budgets on a clock that is handed in, and sizes of pages and batches."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class PortalLimits:
    """Sizes, by default those of the services.

    A client may ask for pages as large as the service documents; a smaller maximum here makes the answer shorter and
    the paging longer. Batches above their maximum are refused, and so is a search beyond `search_results`.
    """

    contacts_page: int = 100
    contacts_page_with_history: int = 50
    search_page: int = 200
    search_results: int = 10_000
    batch_inputs: int = 100
    list_members_page: int = 250
    members_page: int = 1000
    members_batch: int = 500


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

    def pass_over(self) -> None:
        """The window is over."""
        self._taken.clear()

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
