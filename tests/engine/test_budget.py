"""The budgets: they wait before a limit is hit, learn from headers, and keep a reserve."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from engine.budget import ConcurrentBudget, HubSpotBudget
from engine.errors import LimitExhausted
from tests.engine.stage import StandingTime


def hubspot(time: StandingTime, reserve: float = 0.05) -> HubSpotBudget:
    """A budget on standing time."""
    return HubSpotBudget(time.clock, time.sleep, time.now, reserve=reserve)


def headers(limit: int = 190, remaining: int = 189, daily: int = 625_000, left: int = 624_000) -> dict[str, str]:
    """Rate-limit headers as HubSpot sends them, in lower case."""
    return {
        "x-hubspot-ratelimit-max": str(limit),
        "x-hubspot-ratelimit-remaining": str(remaining),
        "x-hubspot-ratelimit-daily": str(daily),
        "x-hubspot-ratelimit-daily-remaining": str(left),
    }


async def take(budget: HubSpotBudget, requests: int, intent: str = "read") -> None:
    """Takes that many requests, one after the other."""
    for _ in range(requests):
        async with budget.slot("search" if intent == "search" else "read"):
            pass


async def test_burst_is_never_exceeded_in_any_ten_seconds() -> None:
    """The 101st request of a burst waits until the first is ten seconds old."""
    time = StandingTime()
    budget = hubspot(time)
    await take(budget, 100)
    assert time.waited == 0
    await take(budget, 1)
    assert 10.0 <= time.waited < 10.01


async def test_searches_have_a_bucket_of_their_own() -> None:
    """Five searches a second do not touch the burst, and the sixth waits a second."""
    time = StandingTime()
    budget = hubspot(time)
    await take(budget, 5, "search")
    await take(budget, 100)
    assert time.waited == 0
    await take(budget, 1, "search")
    assert 1.0 <= time.waited < 1.01


async def test_limit_comes_from_the_headers() -> None:
    """A professional account's 190 replace the cautious 100."""
    time = StandingTime()
    budget = hubspot(time)
    await take(budget, 1)
    budget.learn(headers())
    await take(budget, 189)
    assert time.waited == 0
    assert (
        budget.snapshot()
        == "burst 0/190, daily 623,811/625,000, resets at midnight of the account, whose time zone is not known yet"
    )
    assert budget.resets_at() is None


async def test_other_programs_use_the_same_burst() -> None:
    """What the service says is left counts, even if this program sent only one request."""
    time = StandingTime()
    budget = hubspot(time)
    await take(budget, 1)
    budget.learn(headers(remaining=0))
    await take(budget, 1)
    assert 10.0 <= time.waited < 10.01


async def test_reserve_of_the_day_stays_for_people() -> None:
    """A run stops when five per cent of the day are left; a person's budget without reserve goes on."""
    time = StandingTime()
    run, person = hubspot(time), hubspot(time, reserve=0.0)
    for budget in (run, person):
        budget.use_time_zone("Europe/Berlin")
        budget.learn(headers(left=31_250))
    with pytest.raises(LimitExhausted, match="31,250 of 625,000") as caught:
        await take(run, 1)
    assert "midnight Europe/Berlin" in caught.value.remedy
    await take(person, 1)


async def test_day_turns_at_midnight_of_the_account() -> None:
    """Half an hour after midnight in Berlin the requests of the day are there again, though it is 22:30 UTC."""
    time = StandingTime(datetime(2026, 7, 1, 21, 30, tzinfo=UTC))
    budget = hubspot(time)
    budget.use_time_zone("Europe/Berlin")
    budget.learn(headers(left=10))
    assert budget.resets_at() == datetime(2026, 7, 1, 22, 0, tzinfo=UTC)
    with pytest.raises(LimitExhausted):
        await take(budget, 1)
    time.seconds += 3600
    await take(budget, 1)
    assert "daily 624,999/625,000" in budget.snapshot()


async def test_search_answers_tell_nothing_about_the_burst() -> None:
    """Search answers lack the burst headers; that must not be read as an account without a daily limit."""
    budget = hubspot(StandingTime())
    budget.learn(headers(limit=190))
    budget.learn({"x-hubspot-ratelimit-daily": "625000", "x-hubspot-ratelimit-daily-remaining": "7"})
    assert "daily 7/625,000" in budget.snapshot()
    assert "190" in budget.limits()["requests in 10 seconds"]


async def test_oauth_apps_have_no_daily_limit() -> None:
    """Burst headers without daily ones mean that no daily limit is kept."""
    budget = hubspot(StandingTime())
    budget.learn({"x-hubspot-ratelimit-max": "110", "x-hubspot-ratelimit-remaining": "100"})
    assert budget.snapshot().endswith("no daily limit")
    assert budget.resets_at() is None


def test_unknown_time_zone_keeps_the_one_before() -> None:
    """A zone that this computer does not know is not taken."""
    budget = hubspot(StandingTime())
    budget.use_time_zone("Nowhere/At all")
    assert budget.time_zone == ""
    budget.use_time_zone("Europe/Berlin")
    budget.use_time_zone("")
    assert budget.time_zone == "Europe/Berlin"


async def test_while_the_zone_is_not_known_no_day_turns_by_itself() -> None:
    """Midnight UTC means nothing to the account; what an answer says counts."""
    time = StandingTime(datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    budget = hubspot(time)
    budget.learn(headers(left=10))
    time.seconds += 3600
    with pytest.raises(LimitExhausted) as caught:
        await take(budget, 1)
    assert "time zone is not known yet" in caught.value.remedy
    budget.learn(headers(left=600_000))
    await take(budget, 1)


async def test_only_four_requests_at_once() -> None:
    """The fifth request starts when one of the first four has ended."""
    budget = ConcurrentBudget()
    started: list[int] = []
    end = asyncio.Event()

    async def request(number: int) -> None:
        async with budget.slot("read"):
            started.append(number)
            await end.wait()

    tasks = [asyncio.create_task(request(number)) for number in range(6)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert started == [0, 1, 2, 3]
    assert budget.snapshot().startswith("4/4")
    end.set()
    await asyncio.gather(*tasks)
    assert sorted(started) == [0, 1, 2, 3, 4, 5]
