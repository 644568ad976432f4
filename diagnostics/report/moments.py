"""Moments in UTC and in the account's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from diagnostics.report.model import Moment


def zone_named(name: str) -> tzinfo:
    """The time zone of an account; UTC if the system does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


def moment(at: datetime | str | None, zone: tzinfo) -> Moment | None:
    """A stored ISO 8601 text or a datetime; None if it is neither. A moment at the end of time has no other zone than UTC."""
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at.replace("Z", "+00:00"))
        except ValueError:
            return None
    if at is None:
        return None
    utc = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    try:
        there = utc.astimezone(zone)
    except OverflowError:
        there = utc
    return Moment(
        utc=utc.isoformat(timespec="seconds").replace("+00:00", "Z"), account=there.isoformat(timespec="seconds")
    )


def certain(at: datetime | str, zone: tzinfo) -> Moment:
    """A moment that has to be there, as the times of runs are; a damaged text is shown as the start of time."""
    return moment(at, zone) or Moment(utc="1970-01-01T00:00:00Z", account="1970-01-01T00:00:00Z")
