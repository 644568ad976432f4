"""Periods of the calendar: this, the last and the next day, week, month, quarter and year, also of a fiscal year."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.wording import in_words
from sample_data.portal.hubspot.filters import Surroundings, meets
from tests.diagnostics.criteria.test_operators import BERLIN, NOW, answers, asks, whole

APRIL = {"useFiscalYear": True, "fiscalYearStart": "APRIL"}
IN_MARCH = datetime(2026, 3, 15, 12, tzinfo=UTC)


def calendar(which: str, unit: str, **rest: Any) -> dict[str, Any]:
    """A CALENDAR_DATE operation: THIS, THIS_SO_FAR, LAST or NEXT unit."""
    operator = "IN_THIS_TIME_UNIT_SO_FAR" if which == "THIS_SO_FAR" else f"IN_{which}_TIME_UNIT"
    return asks("CALENDAR_DATE", operator, timeUnit=unit, **rest)


PERIODS: list[tuple[datetime, dict[str, Any], str, tuple[str, ...], tuple[str, ...]]] = [
    # Berlin's October begins at 22:00 UTC, its November at 23:00: the clocks change in between.
    (NOW, calendar("THIS", "MONTH"), BERLIN, ("2026-09-30T22:00:00.000Z", "2026-10-31T22:59:59.999Z"),
     ("2026-09-30T21:59:59.999Z", "2026-10-31T23:00:00.000Z")),
    (NOW, calendar("THIS", "DAY"), "America/New_York", ("2026-10-01T04:00:00Z", "2026-10-02T03:59:59Z"),
     ("2026-10-01T03:59:59Z", "2026-10-02T04:00:00Z")),
    (datetime(2026, 10, 25, 12, tzinfo=UTC), calendar("THIS", "DAY"), BERLIN, ("2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"),
     ("2026-10-24T21:59:59Z", "2026-10-25T23:00:00Z")),
    (NOW, calendar("LAST", "DAY"), "UTC", ("2026-09-30", "2026-09-30T23:59:59Z"), ("2026-10-01", "2026-09-29T23:59:59Z")),
    (NOW, calendar("NEXT", "DAY"), "UTC", ("2026-10-02",), ("2026-10-01T23:59:59Z", "2026-10-03")),
    (NOW, calendar("LAST", "MONTH"), "UTC", ("2026-09-01", "2026-09-30T23:59:59Z"), ("2026-08-31", "2026-10-01")),
    (NOW, calendar("LAST", "QUARTER"), "UTC", ("2026-07-01", "2026-09-30"), ("2026-06-30", "2026-10-01")),
    (NOW, calendar("NEXT", "QUARTER"), "UTC", ("2027-01-01", "2027-03-31"), ("2026-12-31", "2027-04-01")),
    (NOW, calendar("THIS", "YEAR"), "UTC", ("2026-01-01", "2026-12-31"), ("2025-12-31", "2027-01-01")),
    (NOW, calendar("THIS_SO_FAR", "YEAR"), "UTC", ("2026-01-01", "2026-10-01T08:00:00Z"), ("2025-12-31", "2026-10-02")),
    # A fiscal year from April: in March it is still the one that began the year before.
    (IN_MARCH, calendar("THIS", "YEAR", **APRIL), "UTC", ("2025-04-01", "2026-03-31"), ("2025-03-31", "2026-04-01")),
    (NOW, calendar("LAST", "YEAR", **APRIL), "UTC", ("2025-04-01", "2026-03-31"), ("2025-03-31", "2026-04-01")),
    (NOW, calendar("THIS", "QUARTER", useFiscalYear=True, fiscalYearStart="FEBRUARY"), "UTC", ("2026-08-01", "2026-10-31"),
     ("2026-07-31", "2026-11-01")),
    (NOW, calendar("THIS", "YEAR", useFiscalYear=False, fiscalYearStart="APRIL"), "UTC", ("2026-01-01",), ("2025-12-31",)),
    (NOW, calendar("THIS", "MONTH", **APRIL), "UTC", ("2026-10-01",), ("2026-09-30",)),
]  # fmt: skip
"""Now, the filter, the account's zone, and values inside and outside of the period."""


@pytest.mark.parametrize(("now", "operation", "zone", "inside", "outside"), PERIODS)
def test_periods_of_the_calendar(
    now: datetime, operation: dict[str, Any], zone: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    """Whole units in the account's zone, their first moment inside, that of the next one outside."""
    assert answers(operation, *inside, now=now, zone=zone) == [True] * len(inside)
    assert answers(operation, *outside, now=now, zone=zone) == [False] * len(outside)


@pytest.mark.parametrize(("now", "operation", "zone", "inside", "outside"), PERIODS)
def test_the_practice_portal_says_the_same(
    now: datetime, operation: dict[str, Any], zone: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    """Its evaluation is written separately, and is held against the same cases."""
    branch = json.loads(whole({"filterType": "PROPERTY", "property": "p", "operation": operation}))
    around = Surroundings(round(now.timestamp() * 1000), ZoneInfo(zone))
    assert [meets(branch, {"p": value}, around) for value in inside] == [True] * len(inside)
    assert [meets(branch, {"p": value}, around) for value in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        # 1 October 2026 is a Thursday. A week may begin on Monday 28 September or on Sunday the 27th.
        (calendar("THIS", "WEEK"), "2026-09-28", True), (calendar("THIS", "WEEK"), "2026-09-27", None),
        (calendar("THIS", "WEEK"), "2026-10-04", None), (calendar("THIS", "WEEK"), "2026-10-05", False),
        # Whether the last two months include this one is not documented; September is among them either way.
        (calendar("LAST", "MONTH", timeUnitCount=2), "2026-09-15", True), (calendar("LAST", "MONTH", timeUnitCount=2), "2026-08-15", None),
        (calendar("LAST", "MONTH", timeUnitCount=2), "2026-10-15", None), (calendar("LAST", "MONTH", timeUnitCount=2), "2026-07-31", False),
        (calendar("NEXT", "MONTH", timeUnitCount=2), "2026-11-15", True), (calendar("NEXT", "MONTH", timeUnitCount=2), "2026-12-15", None),
        # "So far" may end now or with the day.
        (calendar("THIS_SO_FAR", "MONTH"), "2026-10-01T12:00:00Z", None), (calendar("THIS_SO_FAR", "MONTH"), "2026-09-30T23:00:00Z", False),
        (calendar("THIS", "YEAR", includeObjectsWithNoValueSet=True), "", True), (calendar("THIS", "YEAR"), "", False),
        (calendar("THIS", "YEAR"), "bald", None), (calendar("THIS", "YEAR"), None, None),
    ],
)  # fmt: skip
def test_what_is_not_documented_of_the_calendar_is_left_open(
    operation: dict[str, Any], value: str | None, expected: bool | None
) -> None:
    """Only where the readings differ."""
    assert answers(operation, value, zone="UTC") == [expected]


def test_the_calendar_in_words() -> None:
    """Unit, number, and when the fiscal year begins."""
    filters = (
        calendar("LAST", "QUARTER", timeUnitCount=2, **APRIL), calendar("THIS_SO_FAR", "DAY"), calendar("NEXT", "WEEK"),
    )  # fmt: skip
    tree = criteria_of(whole(*({"filterType": "PROPERTY", "property": "p", "operation": one} for one in filters)))
    assert tree is not None
    assert in_words(tree) == (
        "p is in the last 2 quarters (fiscal year from April) and p is in this day so far and p is in the next week"
    )
