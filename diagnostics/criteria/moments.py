"""Filters on dates and times, from HubSpot's operations to ranges between time points.

Where the documentation leaves open which moment is meant (the zone of a time stamp's day, days counted from midnight or
from now), a bound holds every reading; a contact for whom they differ gets no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from diagnostics.criteria.form import Bound, Clause, Indexed, Instant, OfProperty, TimePoint, WallClock
from diagnostics.criteria.keys import named, strange
from engine.visible import visible

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
_REFERENCES = ("NOW", "TODAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_LAST_OF_DAY = (23, 59, 59, 999)
_LARGEST = 8_640_000_000_000_000
_SAME_LOCAL = "VALUE_WITH_ZONE_SAME_LOCAL_CONVERSION"
Ends = Literal["INCLUSIVE", "EXCLUSIVE"]


class UnclearTime(Exception):
    """The filter's time cannot be worked out; the text says why."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    def hold_to(self, *known: str) -> None:
        """Raises UnclearTime if it says anything under another key: that of another kind of time, or one that nobody here knows."""
        if odd := strange(self.model_dump(by_alias=True, exclude_unset=True), known):
            raise UnclearTime(f"it has {named(odd)}")


class _Offset(_Body):
    model_config = ConfigDict(extra="forbid", frozen=True)

    years: int | None = None
    quarters: int | None = None
    months: int | None = None
    weeks: int | None = None
    days: int | None = None
    hours: int | None = None
    minutes: int | None = None
    seconds: int | None = None
    milliseconds: int | None = None


_CLOCK = ("hour", "minute", "second", "millisecond")


class _Clock(_Body):
    hour: int | None = Field(default=None, ge=0, le=23)
    minute: int | None = Field(default=None, ge=0, le=59)
    second: int | None = Field(default=None, ge=0, le=59)
    millisecond: int | None = Field(default=None, ge=0, le=999)

    def time(self) -> tuple[int, int, int, int]:
        """Hour, minute, second, millisecond; midnight where nothing is said."""
        return (self.hour or 0, self.minute or 0, self.second or 0, self.millisecond or 0)


class _Reference(_Clock):
    kind: str = Field(alias="referenceType")
    day_of_week: str | None = Field(alias="dayOfWeek", default=None)
    month: int | None = None
    day: int | None = None


class _Point(_Clock):
    kind: Literal["DATE", "INDEXED", "PROPERTY_REFERENCED"] = Field(alias="timeType")
    zone_source: str = Field(alias="timezoneSource", default="")
    zone: str = Field(alias="zoneId", default="")
    year: int | None = Field(default=None, ge=1, le=9999)
    month: int | None = None
    day: int | None = None
    index: _Reference | None = Field(alias="indexReference", default=None)
    offset: _Offset | None = None
    property: str = ""
    reference: str = Field(alias="referenceType", default="")


class _Moments(_Body):
    operator: str
    accepts_empty: bool = Field(alias="includeObjectsWithNoValueSet", default=False)
    timestamp: int | None = Field(default=None, ge=-_LARGEST, le=_LARGEST)
    low: int | None = Field(alias="lowerBound", default=None, ge=-_LARGEST, le=_LARGEST)
    high: int | None = Field(alias="upperBound", default=None, ge=-_LARGEST, le=_LARGEST)
    low_stamp: int | None = Field(alias="lowerBoundTimestamp", default=None, ge=-_LARGEST, le=_LARGEST)
    high_stamp: int | None = Field(alias="upperBoundTimestamp", default=None, ge=-_LARGEST, le=_LARGEST)
    days: int | None = Field(alias="numberOfDays", default=None, ge=0, le=100_000)
    converted: bool | None = Field(alias="requiresTimeZoneConversion", default=None)
    unit: str = Field(alias="timeUnit", default="")
    count: int | None = Field(alias="timeUnitCount", default=None, ge=1, le=10_000)
    fiscal: bool | None = Field(alias="useFiscalYear", default=None)
    fiscal_start: str | None = Field(alias="fiscalYearStart", default=None)
    year: int | None = Field(default=None, ge=1, le=9999)
    month: str = ""
    day: int | None = Field(default=None, ge=1, le=31)
    other: str = Field(alias="comparisonPropertyName", default="")
    default_other: str | None = Field(alias="defaultComparisonValue", default=None)
    parser: str = Field(alias="propertyParser", default="VALUE")
    ends: Ends | None = Field(alias="endpointBehavior", default=None)
    low_ends: Ends | None = Field(alias="lowerBoundEndpointBehavior", default=None)
    high_ends: Ends | None = Field(alias="upperBoundEndpointBehavior", default=None)
    point: _Point | None = Field(alias="timePoint", default=None)
    low_point: _Point | None = Field(alias="lowerBoundTimePoint", default=None)
    high_point: _Point | None = Field(alias="upperBoundTimePoint", default=None)


def moment_clause(name: str, kind: str, given: Mapping[str, Any]) -> Clause:
    """The clause of one filter on a date or time. Raises pydantic's ValidationError, or UnclearTime with the reason."""
    found = _Moments.model_validate(given)
    if found.parser not in ("VALUE", _SAME_LOCAL):
        reason = "when a property was last changed is not in the mirror"
        raise UnclearTime(reason if found.parser == "UPDATED_AT" else f"{visible(found.parser, 60)} is not known")
    reading, keys = _RANGES[kind]
    found.hold_to("operator", "includeObjectsWithNoValueSet", "propertyParser", *keys)
    operator, bounds = reading(found)
    calendar = (found.unit, str(found.count or 1), found.fiscal_start or "" if found.fiscal else "")
    return Clause(
        name, "moment", operator, calendar if kind == "CALENDAR_DATE" else (), bounds, found.parser == _SAME_LOCAL, found.operator,
        accepts_empty=found.accepts_empty,
    )  # fmt: skip


Range = tuple[str, tuple[Bound, ...]]


def _time_point(found: _Moments) -> Range:
    if found.point is None or found.operator not in ("IS_BEFORE", "IS_AFTER"):
        raise UnclearTime("this operator is not known")
    return found.operator, (Bound((_point(found.point),), _inclusive(found.ends)),)


def _time_ranged(found: _Moments) -> Range:
    if found.low_point is None or found.high_point is None or found.operator not in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
        raise UnclearTime("this operator is not known")
    return found.operator, (
        Bound((_point(found.low_point),), _inclusive(found.low_ends)),
        Bound((_point(found.high_point),), _inclusive(found.high_ends)),
    )


def _datetime(found: _Moments) -> Range:
    if found.timestamp is None:
        raise UnclearTime("it gives no time")
    return _around(found.operator, _starts(found.timestamp), _ends(found.timestamp), Instant(found.timestamp))


def _date(found: _Moments) -> Range:
    if found.year is None or found.day is None or found.month.upper() not in _MONTHS:
        raise UnclearTime("it gives no date")
    month = _MONTHS.index(found.month.upper()) + 1
    start = tuple(WallClock(found.year, month, found.day, zone=zone) for zone in ("", "UTC"))
    end = tuple(WallClock(found.year, month, found.day, _LAST_OF_DAY, zone) for zone in ("", "UTC"))
    return _around(found.operator, start, end)


def _around(operator: str, start: tuple[TimePoint, ...], end: tuple[TimePoint, ...], *exact: TimePoint) -> Range:
    match operator:
        case "IS_EQUAL_TO" | "IS_NOT_EQUAL_TO":
            between = "IS_BETWEEN" if operator == "IS_EQUAL_TO" else "IS_NOT_BETWEEN"
            return between, (Bound((*start, *exact)), Bound((*end, *exact)))
        case "IS_BEFORE_DATE":
            return "IS_BEFORE", (Bound(start, False),)
        case "IS_AFTER_DATE":
            return "IS_AFTER", (Bound(end, False),)
        case "IS_BEFORE":
            return "IS_BEFORE", (Bound((*start, *exact), False),)
        case "IS_AFTER":
            return "IS_AFTER", (Bound((*end, *exact), False),)
    raise UnclearTime("this operator is not known")


def _ranged_date(found: _Moments) -> Range:
    low = found.low if found.low is not None else found.low_stamp
    high = found.high if found.high is not None else found.high_stamp
    if low is None or high is None or found.operator not in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
        raise UnclearTime("it gives no range")
    return found.operator, (Bound((Instant(low), *_starts(low))), Bound((Instant(high), *_ends(high))))


def _rolling(found: _Moments) -> Range:
    if found.days is None:
        raise UnclearTime("it gives no number of days")
    now = Bound((Indexed("NOW"),))
    days_of = ("",) if found.converted else ("", "UTC")
    past, future = (
        (*(Indexed("TODAY", offset=offset, zone=zone) for zone in days_of), Indexed("NOW", offset=offset))
        for offset in ((("days", days),) for days in (-found.days, found.days))
    )
    match found.operator:
        case "IS_LESS_THAN_X_DAYS_AGO":
            return "IS_BETWEEN", (Bound(past), now)
        case "IS_MORE_THAN_X_DAYS_AGO":
            return "IS_BEFORE", (Bound(past, False),)
        case "IS_LESS_THAN_X_DAYS_FROM_NOW":
            return "IS_BETWEEN", (now, Bound(future))
        case "IS_MORE_THAN_X_DAYS_FROM_NOW":
            return "IS_AFTER", (Bound(future, False),)
    raise UnclearTime("this operator is not known")


def _calendar(found: _Moments) -> Range:
    """Whole days, weeks, months, quarters or years of the account's calendar. Source: `PublicCalendarDatePropertyOperation`.

    Whether two and more units before this one, or after it, include this one is not documented.
    """
    if found.unit not in _UNITS:
        raise UnclearTime(f"{visible(found.unit, 20) or 'no unit'} is no unit of time")
    reference, offset = _UNITS[found.unit]
    place = (("begins", _year_begins(found)),) if reference in ("QUARTER", "YEAR") else ()
    count = found.count or 1

    def start(*moved: int) -> tuple[TimePoint, ...]:
        return tuple(Indexed(reference, place, offset=((offset, amount),)) for amount in moved[: 1 + (count > 1)])

    match found.operator:
        case "IN_THIS_TIME_UNIT" | "IN_THIS_TIME_UNIT_SO_FAR" if count > 1:
            raise UnclearTime("this unit of time is one, and it counts several")
        case "IN_THIS_TIME_UNIT":
            return "IS_BETWEEN", (Bound(start(0)), Bound(start(1), False))
        case "IN_THIS_TIME_UNIT_SO_FAR":
            return "IS_BETWEEN", (
                Bound(start(0)),
                Bound((Indexed("NOW"), Indexed("TODAY", time=_LAST_OF_DAY))),
            )
        case "IN_LAST_TIME_UNIT":
            return "IS_BETWEEN", (Bound(start(-count, 1 - count)), Bound(start(0, 1), False))
        case "IN_NEXT_TIME_UNIT":
            return "IS_BETWEEN", (Bound(start(1, 0)), Bound(start(count + 1, count), False))
    raise UnclearTime("this operator is not known")


_UNITS = {
    "DAY": ("TODAY", "days"), "WEEK": ("WEEK", "weeks"), "MONTH": ("MONTH", "months"), "QUARTER": ("QUARTER", "quarters"),
    "YEAR": ("YEAR", "years"),
}  # fmt: skip
"""The reference at which a calendar's unit begins, and what it is moved by."""


def _year_begins(found: _Moments) -> int:
    """The month with which the year begins: the fiscal year if it goes by that, else the calendar's."""
    if found.fiscal is False or (found.fiscal is None and found.fiscal_start in (None, _MONTHS[0])):
        return 1
    if found.fiscal is None:
        raise UnclearTime("it names a fiscal year and does not say whether it goes by that")
    if found.fiscal_start not in _MONTHS:
        raise UnclearTime("it goes by the fiscal year and does not say when that begins")
    return _MONTHS.index(found.fiscal_start) + 1


def _comparative(found: _Moments) -> Range:
    if not found.other or found.operator not in ("IS_BEFORE", "IS_AFTER"):
        raise UnclearTime("this operator is not known")
    if found.default_other:
        raise UnclearTime("it has defaultComparisonValue")
    return found.operator, (Bound((OfProperty(found.other),), False),)


_CONVERSION = "requiresTimeZoneConversion"
_RANGES: Mapping[str, tuple[Callable[[_Moments], Range], tuple[str, ...]]] = {
    "TIME_POINT": (_time_point, ("timePoint", "endpointBehavior")),
    "TIME_RANGED": (
        _time_ranged,
        ("lowerBoundTimePoint", "upperBoundTimePoint", "lowerBoundEndpointBehavior", "upperBoundEndpointBehavior"),
    ),
    "DATETIME": (_datetime, ("timestamp", _CONVERSION)),
    "DATE": (_date, ("year", "month", "day")),
    "RANGED_DATE": (
        _ranged_date,
        ("lowerBound", "upperBound", "lowerBoundTimestamp", "upperBoundTimestamp", _CONVERSION),
    ),
    "ROLLING_DATE_RANGE": (_rolling, ("numberOfDays", _CONVERSION)),
    "CALENDAR_DATE": (_calendar, ("timeUnit", "timeUnitCount", "useFiscalYear", "fiscalYearStart")),
    "COMPARATIVE_DATE": (_comparative, ("comparisonPropertyName", "defaultComparisonValue")),
}
"""How each kind of operation is read, and by which keys."""
KINDS_OF_MOMENT = frozenset(_RANGES)


def _inclusive(ends: Ends | None) -> bool | None:
    return None if ends is None else ends == "INCLUSIVE"


def _starts(at: int) -> tuple[TimePoint, ...]:
    day = _utc_day(at)
    return (Instant(at, "day_start"), Instant(at, "day_start", "UTC"), WallClock(*day))


def _ends(at: int) -> tuple[TimePoint, ...]:
    day = _utc_day(at)
    return (Instant(at, "day_end"), Instant(at, "day_end", "UTC"), WallClock(*day, _LAST_OF_DAY))


def _utc_day(at: int) -> tuple[int, int, int]:
    try:
        day = datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UnclearTime("its time is out of range") from error
    return day.year, day.month, day.day


_OF_A_POINT = {
    "DATE": ("year", "month", "day", *_CLOCK),
    "INDEXED": ("indexReference", "offset"),
    "PROPERTY_REFERENCED": ("property", "referenceType"),
}
_OF_A_REFERENCE = {"WEEK": ("dayOfWeek",), "MONTH": ("day",), "QUARTER": ("month", "day"), "YEAR": ("month", "day")}


def _point(given: _Point) -> TimePoint:
    zone = _zone(given)
    given.hold_to("timeType", "timezoneSource", "zoneId", *_OF_A_POINT[given.kind])
    match given.kind:
        case "DATE":
            if given.year is None or given.month is None or given.day is None:
                raise UnclearTime("its date is not complete")
            return WallClock(given.year, given.month, given.day, given.time(), zone)
        case "PROPERTY_REFERENCED":
            if not given.property or given.reference not in ("", "VALUE"):
                raise UnclearTime("when a property was last changed is not in the mirror")
            return OfProperty(given.property, zone)
    index = given.index
    if index is not None and index.kind in ("FISCAL_QUARTER", "FISCAL_YEAR"):
        raise UnclearTime("it goes by the account's fiscal year, which is not read")
    if index is None or index.kind not in _REFERENCES:
        raise UnclearTime(f"{visible(index.kind if index else 'no reference', 40)} is not known")
    index.hold_to("referenceType", *_CLOCK, *_OF_A_REFERENCE.get(index.kind, ()))
    clock = (index.hour, index.minute, index.second, index.millisecond)
    if index.kind == "NOW" and any(clock):
        raise UnclearTime("it sets a time of day for now")
    place = {"month": index.month, "day": index.day}
    if index.day_of_week is not None:
        if index.day_of_week not in _DAYS:
            raise UnclearTime(f"{visible(index.day_of_week, 20)} is no day of the week")
        place["dayOfWeek"] = _DAYS.index(index.day_of_week) + 1
    offset = given.offset.model_dump(exclude_none=True) if given.offset else {}
    return Indexed(
        index.kind, tuple((key, value) for key, value in place.items() if value is not None), index.time(),
        tuple(offset.items()), zone,
    )  # fmt: skip


def _zone(given: _Point) -> str:
    match given.zone_source:
        case "CUSTOM" | "":
            return given.zone
        case "PORTAL":
            return ""
    raise UnclearTime(f"whose time zone it goes by is not known ({visible(given.zone_source, 40)})")
