"""Times as the two services write and read them."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH_MILLISECOND_DIGITS = 11


def milliseconds(moment: datetime) -> int:
    """A moment as whole milliseconds since 1970 UTC."""
    return round(moment.timestamp() * 1000)


def iso_milliseconds(at: int) -> str:
    """Milliseconds since 1970 as HubSpot writes them: `2026-10-01T08:00:00.000Z`."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def iso_seconds(at: int | None) -> str:
    """Seconds since 1970 as Mailchimp writes them: `2026-10-01T08:00:00+00:00`; None is empty text."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def read_moment(text: str) -> datetime:
    """A time given as ISO text or as epoch milliseconds (seconds if ten digits or fewer), in UTC.

    Raises ValueError for anything else.
    """
    if text.lstrip("-").isdigit():
        number = int(text)
        seconds = number / 1000 if len(text.lstrip("-")) >= EPOCH_MILLISECOND_DIGITS else float(number)
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(text) from error
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
