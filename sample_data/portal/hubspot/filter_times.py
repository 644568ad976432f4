"""List filters on dates and times: fixed days, days counted from now, calendar units, other properties, in the filter's or the account's zone.

A clock that leaves an hour out is moved on, one that repeats an hour is taken the first time, as Java's clocks do. A day
without a time is midnight UTC, or midnight in the zone where the filter says so.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sample_data.portal.moments import milliseconds, read_moment

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip


@dataclass(frozen=True)
class Clock:
    """Now in milliseconds since 1970, and the account's zone."""

    now: int
    zone: ZoneInfo


def time_test(value: str, kind: str, operation: Mapping[str, Any], values: Mapping[str, str], clock: Clock) -> bool:
    """Whether a value that is there meets a filter on times; what is not understood is met by nobody."""
    try:
        return _test(value, kind, operation, values, clock)
    except (ValueError, KeyError, TypeError, OverflowError):
        return False


def moment_of(value: str, zone: ZoneInfo, parser: str = "VALUE") -> int:
    """A stored value's moment in milliseconds. Raises ValueError if it is none."""
    moment = read_moment(value.strip())
    if parser == "VALUE_WITH_ZONE_SAME_LOCAL_CONVERSION":
        moment = moment.replace(tzinfo=zone)
    return milliseconds(moment)


def _test(value: str, kind: str, operation: Mapping[str, Any], values: Mapping[str, str], clock: Clock) -> bool:
    operator = operation["operator"]
    match kind:
        case "TIME_POINT":
            point = operation["timePoint"]
            at = _value_at(value, operation, point, clock)
            limit = _point(point, values, operation, clock)
            if operation.get("endpointBehavior") == "INCLUSIVE" and at == limit:
                return operator in ("IS_BEFORE", "IS_AFTER")
            return _ordered(operator, at, limit)
        case "TIME_RANGED":
            low_point, high_point = operation["lowerBoundTimePoint"], operation["upperBoundTimePoint"]
            at = _value_at(value, operation, low_point, clock)
            low, high = (_point(point, values, operation, clock) for point in (low_point, high_point))
            above = at > low or (at == low and operation.get("lowerBoundEndpointBehavior") != "EXCLUSIVE")
            below = at < high or (at == high and operation.get("upperBoundEndpointBehavior") != "EXCLUSIVE")
            return _between(operator, above and below)
    at = moment_of(value, clock.zone)
    match kind:
        case "DATETIME":
            start = _start_of_day(datetime.fromtimestamp(operation["timestamp"] / 1000, clock.zone), clock.zone)
            return _whole_day(operator, at, start, clock.zone)
        case "DATE":
            day = datetime(operation["year"], MONTHS.index(operation["month"]) + 1, operation["day"])  # noqa: DTZ001
            return _whole_day(operator, at, _start_of_day(day, clock.zone), clock.zone)
        case "RANGED_DATE" | "DATETIME_RANGED":
            low = operation.get("lowerBound", operation.get("lowerBoundTimestamp"))
            high = operation.get("upperBound", operation.get("upperBoundTimestamp"))
            return _between(operator, low <= at <= high)
        case "ROLLING_DATE_RANGE" | "DATETIME_ROLLING":
            return _rolling(operator, at, operation["numberOfDays"], clock)
        case "CALENDAR_DATE":
            return _in_calendar(operator, at, operation, clock)
    other = values.get(operation["comparisonPropertyName"], "")
    return _ordered(operator, at, moment_of(other, clock.zone))


def _value_at(value: str, operation: Mapping[str, Any], point: Mapping[str, Any], clock: Clock) -> int:
    return moment_of(value, _zone(point, clock), str(operation.get("propertyParser", "VALUE")))


def _ordered(operator: str, at: int, limit: int) -> bool:
    return at < limit if operator == "IS_BEFORE" else operator == "IS_AFTER" and at > limit


def _between(operator: str, inside: bool) -> bool:
    return inside if operator == "IS_BETWEEN" else operator == "IS_NOT_BETWEEN" and not inside


def _whole_day(operator: str, at: int, start: datetime, zone: ZoneInfo) -> bool:
    first = milliseconds(start)
    last = milliseconds(_start_of_day(start.replace(tzinfo=None) + timedelta(days=1), zone)) - 1
    match operator:
        case "IS_EQUAL_TO":
            return first <= at <= last
        case "IS_NOT_EQUAL_TO":
            return not first <= at <= last
        case "IS_BEFORE_DATE" | "IS_BEFORE":
            return at < first
        case "IS_AFTER_DATE" | "IS_AFTER":
            return at > last
    return False


def _rolling(operator: str, at: int, days: int, clock: Clock) -> bool:
    today = _start_of_day(_here(clock), clock.zone).replace(tzinfo=None)
    past, future = (milliseconds(_start_of_day(today + timedelta(days=n), clock.zone)) for n in (-days, days))
    match operator:
        case "IS_LESS_THAN_X_DAYS_AGO":
            return past <= at <= clock.now
        case "IS_MORE_THAN_X_DAYS_AGO":
            return at < past
        case "IS_LESS_THAN_X_DAYS_FROM_NOW":
            return clock.now <= at <= future
        case "IS_MORE_THAN_X_DAYS_FROM_NOW":
            return at > future
    return False


def _in_calendar(operator: str, at: int, operation: Mapping[str, Any], clock: Clock) -> bool:
    """Whole units of the account's calendar: units are numbered, and each begins on a day of its own. Weeks begin on Monday."""
    unit, today = operation["timeUnit"], _here(clock).date()
    count = operation.get("timeUnitCount") or 1
    begins = MONTHS.index(operation.get("fiscalYearStart") or MONTHS[0]) if operation.get("useFiscalYear") else 0
    length = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(unit)

    def first_day(number: int) -> date:
        if length is None:
            return date.fromordinal(number * 7 + 1 if unit == "WEEK" else number)
        year, month = divmod(number * length + begins, 12)
        return date(year, month + 1, 1)

    def start(number: int) -> int:
        return milliseconds(datetime.combine(first_day(number), time(), clock.zone))

    if length is not None:
        this = (today.year * 12 + today.month - 1 - begins) // length
    else:
        this = {"WEEK": (today.toordinal() - 1) // 7, "DAY": today.toordinal()}[unit]
    match operator:
        case "IN_THIS_TIME_UNIT":
            return start(this) <= at < start(this + 1)
        case "IN_THIS_TIME_UNIT_SO_FAR":
            return start(this) <= at <= clock.now
        case "IN_LAST_TIME_UNIT":
            return start(this - count) <= at < start(this)
        case "IN_NEXT_TIME_UNIT":
            return start(this + 1) <= at < start(this + 1 + count)
    return False


def _here(clock: Clock, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromtimestamp(clock.now / 1000, zone or clock.zone)


def _start_of_day(day: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(day.date(), time(), zone)


def _zone(point: Mapping[str, Any], clock: Clock) -> ZoneInfo:
    own = point.get("zoneId") if point.get("timezoneSource") != "PORTAL" else None
    return ZoneInfo(own) if own else clock.zone


def _point(point: Mapping[str, Any], values: Mapping[str, str], operation: Mapping[str, Any], clock: Clock) -> int:
    zone = _zone(point, clock)
    match point["timeType"]:
        case "PROPERTY_REFERENCED":
            return moment_of(values[point["property"]], zone, str(operation.get("propertyParser", "VALUE")))
        case "DATE":
            day = datetime(point["year"], point["month"], point["day"], tzinfo=zone)
            return milliseconds(_with_time(day, point))
    offset = point.get("offset") or {}
    moved = _reference(point["indexReference"], _here(clock, zone))
    months = offset.get("years", 0) * 12 + offset.get("quarters", 0) * 3 + offset.get("months", 0)
    moved = _add_months(moved, months) + timedelta(days=offset.get("weeks", 0) * 7 + offset.get("days", 0))
    if months or offset.get("weeks") or offset.get("days"):
        moved = moved.replace(fold=0)
    units = {name: offset.get(name, 0) for name in ("hours", "minutes", "seconds", "milliseconds")}
    return milliseconds(moved.astimezone(UTC) + timedelta(**units))


def _with_time(day: datetime, source: Mapping[str, Any]) -> datetime:
    return day.replace(
        hour=source.get("hour") or 0, minute=source.get("minute") or 0, second=source.get("second") or 0,
        microsecond=(source.get("millisecond") or 0) * 1000, fold=0,
    )  # fmt: skip


def _reference(reference: Mapping[str, Any], here: datetime) -> datetime:
    kind = reference["referenceType"]
    if kind == "NOW":
        return here
    today = _with_time(here, reference)
    day, month = reference.get("day") or 1, reference.get("month") or 1
    match kind:
        case "TODAY":
            return today
        case "WEEK":
            weekday = WEEKDAYS.index(reference.get("dayOfWeek") or "MONDAY")
            return today + timedelta(days=weekday - today.weekday())
        case "MONTH":
            month = today.month
        case "QUARTER":
            month = (today.month - 1) // 3 * 3 + month
        case "YEAR":
            pass
        case _:
            raise ValueError(kind)
    return today.replace(month=month, day=min(day, monthrange(today.year, month)[1]))


def _add_months(moment: datetime, months: int) -> datetime:
    count = moment.year * 12 + moment.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
