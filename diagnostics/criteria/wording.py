"""Criteria in words: `lifecyclestage is any of lead, customer`. Addresses in them are masked: criteria may name people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from diagnostics.criteria.form import (
    Bound,
    Clause,
    Constant,
    Group,
    Indexed,
    InList,
    Instant,
    NotEvaluated,
    OfProperty,
    Part,
    WallClock,
)
from engine.visible import masked_email, visible

MOST_VALUES = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_words(part: Part) -> str:
    """A part of the criteria as one clause of a sentence, safe to show."""
    match part:
        case Group():
            inner = [f"({in_words(one)})" if isinstance(one, Group) else in_words(one) for one in part.parts]
            joined = (" and " if part.joined == "all" else " or ").join(inner)
            return f"not ({joined})" if part.negated else joined
        case Constant():
            return "everybody" if part.accepted else "nobody"
        case InList():
            return f"{'is' if part.inside else 'is not'} in list {visible(part.list_id, 40)}"
        case NotEvaluated():
            return part.what
        case Clause():
            return f"{visible(part.property, 100)} {_asked(part)}"


def _asked(clause: Clause) -> str:
    if clause.said in _CALENDAR:
        asked = _calendar(clause)
    elif clause.kind == "moment":
        joined = " and ".join(map(_bound, clause.bounds))
        asked = f"{_operator(clause.operator)} {joined}"
    elif clause.other:
        asked = f"{_operator(clause.operator)} {visible(clause.other, 100)}"
    else:
        values = (
            " and ".join(clause.values)
            if clause.operator in ("IS_BETWEEN", "IS_NOT_BETWEEN")
            else _listed(clause.values)
        )
        asked = f"{_operator(clause.operator)} {values}".rstrip()
    return f"{asked}, or has no value" if clause.accepts_empty and clause.kind != "presence" else asked


_CALENDAR = {
    "IN_THIS_TIME_UNIT": "this", "IN_THIS_TIME_UNIT_SO_FAR": "this", "IN_LAST_TIME_UNIT": "last", "IN_NEXT_TIME_UNIT": "next",
}  # fmt: skip


def _calendar(clause: Clause) -> str:
    """`is in the last 2 quarters`; of a fiscal year also when that begins."""
    unit, count, begins = clause.values
    which = _CALENDAR[clause.said]
    period = f"{which} {unit.lower()}" if count == "1" else f"{which} {count} {unit.lower()}s"
    so_far = " so far" if clause.said == "IN_THIS_TIME_UNIT_SO_FAR" else ""
    fiscal = f" (fiscal year from {begins.title()})" if begins else ""
    return f"is in {'' if which == 'this' else 'the '}{period}{so_far}{fiscal}"


def _operator(operator: str) -> str:
    return operator.lower().replace("_", " ")


def _listed(values: Iterable[str]) -> str:
    shown = [str(masked_email(value)) if "@" in value.strip("@") else str(visible(value, 80)) for value in values]
    more = len(shown) - MOST_VALUES
    return ", ".join(shown[:MOST_VALUES]) + (f" and {more} more" if more > 0 else "")


def _bound(bound: Bound) -> str:
    point = bound.points[0]
    zone = f" ({visible(point.zone, 40)})" if point.zone else ""
    match point:
        case WallClock():
            hour, minute, second, _ = point.time
            return f"{point.year:04d}-{point.month:02d}-{point.day:02d} {hour:02d}:{minute:02d}:{second:02d}{zone}"
        case Instant():
            try:
                return f"{_EPOCH + timedelta(milliseconds=point.at):%Y-%m-%d %H:%M:%S} UTC"
            except OverflowError:
                return "a time out of range"
        case OfProperty():
            return f"what {visible(point.property, 100)} holds"
        case Indexed():
            name = point.reference.lower() if point.reference in ("NOW", "TODAY") else f"this {point.reference.lower()}"
            moved = "".join(
                f" {'+' if amount > 0 else '-'} {abs(amount)} {unit}" for unit, amount in point.offset if amount
            )
            return f"{name}{moved}{zone}"
