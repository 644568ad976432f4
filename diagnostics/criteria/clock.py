"""Which moments a time point stands for, given now and the account's time zone.

A clock that repeats an hour, or leaves one out, gives two readings; the caller answers only where they agree.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from diagnostics.criteria.form import Indexed, Instant, OfProperty, TimePoint, WallClock
from diagnostics.criteria.moments import UnclearTime
from engine.visible import visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_OF_DAY = (23, 59, 59, 999)
_MONTHS = {"years": 12, "quarters": 3, "months": 1}
_DAYS = {"weeks": 7, "days": 1}
_ELAPSED = ("hours", "minutes", "seconds", "milliseconds")
_MONTHS_OF_A_QUARTER = 3


def zone_of(name: str, account: str) -> ZoneInfo:
    """The zone of a time point, empty for the account's. Raises UnclearTime if there is no such zone."""
    try:
        return ZoneInfo(name or account)
    except (KeyError, ValueError, OSError) as error:
        raise UnclearTime(f"the time zone {visible(name or account, 40)} is not known") from error


def readings(point: TimePoint, now: datetime, account: str) -> tuple[int, ...]:
    """Milliseconds since 1970 UTC, every reading once, in order. Raises UnclearTime if it is no moment at all."""
    if isinstance(point, OfProperty):
        raise UnclearTime("another property holds the time")
    zone = zone_of(point.zone, account)
    try:
        match point:
            case WallClock():
                found = _local(_at(datetime(point.year, point.month, point.day), point.time), zone)  # noqa: DTZ001
            case Instant(edge="exact"):
                found = (point.at,)
            case Instant():
                day = (_EPOCH + point.at * _MILLISECOND).astimezone(zone).replace(tzinfo=None)
                found = _local(_at(day, (0, 0, 0, 0) if point.edge == "day_start" else _LAST_OF_DAY), zone)
            case Indexed():
                found = _indexed(point, now, zone)
    except (ValueError, OverflowError) as error:
        raise UnclearTime("it gives a date that no calendar has") from error
    return tuple(sorted(set(found)))


def _indexed(point: Indexed, now: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    offset = dict(point.offset)
    elapsed = timedelta(**{name: offset.get(name, 0) for name in _ELAPSED}) // _MILLISECOND
    months = sum(offset.get(name, 0) * factor for name, factor in _MONTHS.items())
    days = sum(offset.get(name, 0) * factor for name, factor in _DAYS.items())
    here = now.astimezone(zone)
    if point.reference == "NOW" and not months and not days:
        return (_milliseconds(now) + elapsed,)
    walls = _references(point, here.replace(tzinfo=None, fold=0))
    moved = (_months_later(wall, months) + timedelta(days=days) for wall in walls)
    return tuple(at + elapsed for wall in moved for at in _local(wall, zone))


def _references(point: Indexed, here: datetime) -> Iterable[datetime]:
    """The wall clock of the reference; a week may begin on Monday or on Sunday."""
    place = dict(point.place)
    if point.reference == "NOW":
        return (here,)
    today = _at(here, point.time)
    match point.reference:
        case "TODAY":
            return (today,)
        case "WEEK":
            wanted, weekday = place.get("dayOfWeek"), today.isoweekday()
            monday = today - timedelta(days=weekday - 1)
            sunday = today - timedelta(days=weekday % 7)
            if wanted is None:
                return (monday, sunday)
            return (monday + timedelta(days=wanted - 1), sunday + timedelta(days=wanted % 7))
        case "QUARTER" | "YEAR" if "begins" in place:
            months = _MONTHS[f"{point.reference.lower()}s"]
            return (_months_later(today.replace(day=1), (place["begins"] - today.month) % -months),)
        case "MONTH":
            first = today.month
        case "QUARTER":
            if not 1 <= place.get("month", 1) <= _MONTHS_OF_A_QUARTER:
                raise ValueError("a quarter has three months")
            first = today.month - (today.month - 1) % _MONTHS_OF_A_QUARTER + place.get("month", 1) - 1
        case _:
            first = place.get("month", 1)
    last = calendar.monthrange(today.year, first)[1]
    return (today.replace(month=first, day=min(place.get("day", 1), last)),)


def _months_later(wall: datetime, months: int) -> datetime:
    if not months:
        return wall
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, calendar.monthrange(year, month + 1)[1]))


def _at(day: datetime, time: tuple[int, int, int, int]) -> datetime:
    hour, minute, second, millisecond = time
    return day.replace(hour=hour, minute=minute, second=second, microsecond=millisecond * 1000, fold=0)


def _local(wall: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    return tuple(_milliseconds(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
