"""Criteria evaluated for a frame of contacts: true, false, or null where that is not known.

Nothing is guessed: a property that is not in the mirror, a list whose members were not read, a filter that nobody here knows and a
value that can be read in two ways give null. `unknown_because` names the first three, `reasons.py` the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Literal

import polars as pl

from diagnostics.criteria.answers import UNKNOWN, agreed, every, some
from diagnostics.criteria.clock import readings, zone_of
from diagnostics.criteria.form import (
    Bound,
    Clause,
    Constant,
    Group,
    InList,
    NotEvaluated,
    OfProperty,
    Part,
    TimePoint,
    leaves,
)
from diagnostics.criteria.moments import UnclearTime
from diagnostics.criteria.operators import answer_for_value, present, without_meaning
from engine import canonical
from engine.visible import visible


@dataclass(frozen=True)
class Circumstances:
    """What criteria are evaluated against: the time, the account's zone, the frame's columns (`hubspot.NAME`), for each list
    whose members are known an expression that says who is one, and for others the reason (`unread`)."""

    now: datetime
    zone: str
    columns: frozenset[str]
    members: Mapping[str, pl.Expr] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


def answer(part: Part, around: Circumstances) -> pl.Expr:
    """Whether a contact meets the part of the criteria; `part` may be the whole tree or one leaf."""
    match part:
        case Group():
            inner = [answer(one, around) for one in part.parts]
            joined = every(inner) if part.joined == "all" else some(inner)
            return ~joined if part.negated else joined
        case Constant():
            return pl.lit(part.accepted)
        case NotEvaluated():
            return UNKNOWN
        case InList():
            member = around.members.get(part.list_id)
            if member is None:
                return UNKNOWN
            return member if part.inside else ~member
        case Clause():
            return UNKNOWN if unknown_because(part, around) else _clause(part, around)


def unknown_because(part: Part, around: Circumstances) -> str:
    """Why a part cannot be evaluated for anybody, in words; empty if it can. Of a group, the first reason."""
    if isinstance(part, Group):
        return next((reason for leaf in leaves(part) if (reason := unknown_because(leaf, around))), "")
    if isinstance(part, NotEvaluated):
        return f"{part.what} is not evaluated: {part.why}"
    if isinstance(part, InList):
        if part.list_id in around.members:
            return ""
        reason = around.unread.get(part.list_id, "")
        return f"the members of list {visible(part.list_id, 40)} are not known{f' ({reason})' if reason else ''}"
    if isinstance(part, Constant):
        return ""
    if (odd := without_meaning(part)) is not None:
        return f"the filter on {visible(part.property, 100)} is not evaluated: it asks for {odd}"
    names = [part.property, part.other, *(point.property for point in _points(part) if isinstance(point, OfProperty))]
    for name in filter(None, names):
        if f"hubspot.{name}" not in around.columns:
            return f"the property {visible(name, 100)} is not in the mirror"
    try:
        zone_of("", around.zone)
        for point in _points(part):
            if not isinstance(point, OfProperty):
                readings(point, around.now, around.zone)
            zone_of(point.zone, around.zone)
    except UnclearTime as error:
        return f"the filter on {visible(part.property, 100)} is not evaluated: {error}"
    return ""


def _points(clause: Clause) -> list[TimePoint]:
    return [point for bound in clause.bounds for point in bound.points]


def _clause(clause: Clause, around: Circumstances) -> pl.Expr:
    value = pl.col(f"hubspot.{clause.property}")
    if clause.kind == "presence":
        return present(clause.operator, value)
    other = pl.col(f"hubspot.{clause.other}") if clause.other else None
    if clause.kind == "moment":
        there = _moment(clause, around)
    else:
        there = answer_for_value(clause, value, None if other is None else _filled(other))
    past = clause.operator.startswith(("HAS_EVER", "HAS_NEVER"))
    empty = UNKNOWN if past else pl.lit(clause.accepts_empty)
    return pl.when(value.is_null()).then(UNKNOWN).when(value == "").then(empty).otherwise(there)


def _filled(value: pl.Expr) -> pl.Expr:
    """A compared property's value; what a comparison with nothing gives is not documented, so it is not known."""
    return pl.when(value != "").then(value)


def _moment(clause: Clause, around: Circumstances) -> pl.Expr:
    inclusive = [(bound.inclusive,) if bound.inclusive is not None else (True, False) for bound in clause.bounds]
    return agreed(
        [
            _compare(clause.operator, at, ends, closed)
            for at in moments_of(clause.property, clause, around)
            for ends in _ends(clause, around)
            for closed in product(*inclusive)
        ]
    )


def moments_of(name: str, clause: Clause, around: Circumstances) -> Sequence[pl.Expr]:
    """Every moment that a property's value may mean to a clause, in milliseconds since 1970; null if it is none."""
    zones = {zone_of(point.zone, around.zone).key for point in _points(clause)}
    return _moments(name, tuple(sorted(zones)), clause.same_local)


def _compare(operator: str, at: pl.Expr, ends: Sequence[pl.Expr], closed: Sequence[bool]) -> pl.Expr:
    if operator == "IS_BEFORE":
        return at <= ends[0] if closed[0] else at < ends[0]
    if operator == "IS_AFTER":
        return at >= ends[0] if closed[0] else at > ends[0]
    inside = at.is_between(ends[0], ends[1], _CLOSED[closed[0], closed[1]])
    asked = inside if operator == "IS_BETWEEN" else ~inside
    return pl.when(ends[0].is_not_null() & ends[1].is_not_null()).then(asked).otherwise(UNKNOWN)


_CLOSED: Mapping[tuple[bool, bool], Literal["both", "left", "right", "none"]] = {
    (True, True): "both", (True, False): "left", (False, True): "right", (False, False): "none",
}  # fmt: skip


def _ends(clause: Clause, around: Circumstances) -> Sequence[tuple[pl.Expr, ...]]:
    """The ends that the clause's bounds may mean together, in milliseconds.

    Of moments known beforehand the outermost and the innermost are enough: what these two agree on, all between them say too.
    """
    fixed = [_fixed(bound, around) for bound in clause.bounds]
    if not all(fixed):
        either = [
            _of_another(bound, clause, around) or [*map(pl.lit, at)]
            for bound, at in zip(clause.bounds, fixed, strict=True)
        ]
        return list(product(*either))
    first, last = [at[0] for at in fixed], [at[-1] for at in fixed]
    both = {(first[0], *last[1:]), (last[0], *first[1:])}
    return [tuple(pl.lit(at, pl.Int64) for at in ends) for ends in sorted(both)]


def _fixed(bound: Bound, around: Circumstances) -> list[int]:
    """Every moment that a bound may mean, in order; none if another property holds it."""
    known = (readings(point, around.now, around.zone) for point in bound.points if not isinstance(point, OfProperty))
    return sorted({at for found in known for at in found})


def _of_another(bound: Bound, clause: Clause, around: Circumstances) -> list[pl.Expr]:
    """The moments that another property may mean."""
    points = (point for point in bound.points if isinstance(point, OfProperty))
    return [
        read
        for point in points
        for read in _moments(point.property, (zone_of(point.zone, around.zone).key,), clause.same_local)
    ]


@lru_cache(maxsize=64)
def _moments(name: str, zones: tuple[str, ...], same_local: bool) -> Sequence[pl.Expr]:
    """The moments of a property's value. A day without a time is midnight in UTC or in a zone, whichever HubSpot means; `same_local`
    is the clock of UTC taken as one of the zone."""
    value = pl.col(f"hubspot.{name}")
    day = value.str.strip_chars().str.extract(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$").str.to_datetime(
        "%Y-%m-%d", time_unit="ms", time_zone="UTC", strict=False
    )  # fmt: skip
    in_utc = pl.coalesce(canonical.moment(value, "UTC"), day)

    def placed(moment: pl.Expr, zone: str) -> pl.Expr:
        wall = moment.dt.replace_time_zone(None)
        return wall.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")

    if same_local:
        return tuple(placed(in_utc, zone).dt.epoch("ms") for zone in zones)
    elsewhere = [zone for zone in zones if zone != "UTC"]
    in_zones = [pl.coalesce(canonical.moment(value, zone), placed(day, zone)) for zone in elsewhere]
    return tuple(moment.dt.epoch("ms") for moment in (in_utc, *in_zones))
