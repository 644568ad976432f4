"""How numbers, times and states are written on the screen. Plain characters of one column each, no colour needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

STATE_ORDER = ("in_sync", "pending", "excluded", "failing", "conflict", "unknown")
SIGNS = {"in_sync": "ok", "pending": "..", "excluded": "--", "failing": "!!", "conflict": "<>", "unknown": "??"}
STATE_STYLES = {
    "in_sync": "green",
    "pending": "yellow",
    "excluded": "",
    "failing": "bold red",
    "conflict": "bold magenta",
    "unknown": "cyan",
}
STATE_MEANINGS = {
    "in_sync": "linked, all mapped fields agree",
    "pending": "the plan holds a write for it",
    "excluded": "kept out by a rule: no error",
    "failing": "should sync and cannot",
    "conflict": "both sides changed a field",
    "unknown": "could not be examined",
}
_CHARACTERS_A_COLUMN = 4
_BARS = "▁▂▃▄▅▆▇█"


def sign(state: str) -> str:
    """The two-character sign of a state; what is not a state is as good as unknown."""
    return SIGNS.get(state, "??")


def signed(state: str) -> str:
    """Sign and name: `!! failing`."""
    return f"{sign(state)} {state}"


def number(value: int | None) -> str:
    """A count with thousands separated; `-` where there is none."""
    return "-" if value is None else f"{value:,}"


def plural(value: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 contact`, `2 contacts`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def moment(iso: str) -> str:
    """A stored time, to the minute: `2026-03-02 10:11 UTC`; what is no time is shown as it is."""
    try:
        parsed = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{parsed.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clock(iso: str) -> str:
    """The time of day of a stored time, to the second, UTC."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone(UTC):%H:%M:%S}"
    except ValueError:
        return iso


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `3 s`, `2 min 5 s`, `1 h 4 min`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def between(start: str, end: str) -> str:
    """The length between two stored times, empty if one is missing."""
    try:
        return duration((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    except (ValueError, TypeError):
        return ""


def bars(values: Sequence[int]) -> str:
    """Values as a row of small bars, scaled to the largest; zero is a dot, so that it is not read as a small count."""
    top = max(values, default=0)
    return "".join("." if value == 0 else _BARS[min(7, value * 7 // top)] for value in values)


def change(values: Sequence[int]) -> str:
    """The change of the last value against the one before: `+3`, `-12`, `=`; empty with fewer than two."""
    if len(values) < 2:
        return ""
    difference = values[-1] - values[-2]
    return "=" if difference == 0 else f"{difference:+,}"


def fit(text: str, width: int) -> str:
    """Text of exactly `width` columns; what is too long ends in `…`, so a cut is seen.

    Characters without a width of their own are limited too: a cell holds at most four characters a column.
    """
    if len(text) > width * _CHARACTERS_A_COLUMN:
        text = f"{text[: width * _CHARACTERS_A_COLUMN]}…"
    if cell_len(text) > width > 1:
        return f"{set_cell_size(text, width - 1)}…"
    return set_cell_size(text, max(0, width))
