"""Why the answer for a single contact is not known, where criteria can be evaluated but not for its values."""

from __future__ import annotations

import polars as pl

from diagnostics.criteria.evaluate import Circumstances, answer, moments_of, unknown_because
from diagnostics.criteria.form import Clause, Group, OfProperty, Part
from diagnostics.criteria.operators import number
from diagnostics.criteria.wording import in_words
from engine.visible import visible

_SPACE = "whether outer white space counts is not documented"
_BETWEEN = "its value lies where HubSpot's documentation leaves open which moment is meant"


def left_open_because(part: Part, around: Circumstances) -> pl.Expr:
    """A text for each contact whose answer is not known, naming the first part that decides it and is not known; else null."""
    if isinstance(part, Group):
        reason = pl.coalesce(left_open_because(inner, around) for inner in part.parts)
    elif everywhere := unknown_because(part, around):
        reason = pl.lit(everywhere)
    elif isinstance(part, Clause):
        reason = pl.concat_str(pl.lit(f"{in_words(part)}: "), _of_value(part, around))
    else:
        reason = pl.lit(in_words(part))
    return pl.when(answer(part, around).is_null()).then(reason)


def _of_value(clause: Clause, around: Circumstances) -> pl.Expr:
    """What it is in a contact's values that leaves the clause open."""
    value = pl.col(f"hubspot.{clause.property}")
    reason = pl.lit(_by_kind(clause))
    if clause.kind in ("number", "bool", "moment"):
        reason = (
            pl.when(_readable(clause, clause.property, around))
            .then(reason)
            .otherwise(pl.lit(f"its value is {_NONE[clause.kind]}"))
        )
    for name in _compared(clause):
        other, shown = pl.col(f"hubspot.{name}"), visible(name, 100)
        reason = (
            pl.when(_readable(clause, name, around))
            .then(reason)
            .otherwise(pl.lit(f"{shown} holds {_NONE[clause.kind]}"))
        )
        nothing = pl.lit(f"{shown} is empty, and what a comparison with nothing gives is not documented")
        reason = pl.when(other == "").then(nothing).otherwise(reason)
        reason = pl.when(other.is_null()).then(pl.lit(f"{shown} was not read")).otherwise(reason)
    if clause.operator.startswith(("HAS_EVER", "HAS_NEVER")):
        reason = pl.lit("the value of now does not decide it, and earlier ones are not read")
    return pl.when(value.is_null()).then(pl.lit("its value was not read")).otherwise(reason)


_NONE = {"number": "no number", "bool": "neither true nor false", "moment": "no date or time", "text": "no text"}


def _readable(clause: Clause, name: str, around: Circumstances) -> pl.Expr:
    value = pl.col(f"hubspot.{name}")
    match clause.kind:
        case "number":
            return number(value).is_not_null()
        case "bool":
            return value.str.strip_chars().str.to_lowercase().is_in(["true", "false"])
        case "moment":
            return pl.any_horizontal(one.is_not_null() for one in moments_of(name, clause, around))
    return pl.lit(True)


def _compared(clause: Clause) -> list[str]:
    points = (point for bound in clause.bounds for point in bound.points)
    return [*filter(None, [clause.other]), *(point.property for point in points if isinstance(point, OfProperty))]


def _by_kind(clause: Clause) -> str:
    match clause.kind:
        case "presence":
            return "whether white space alone is blank is not documented"
        case "options":
            return "whether case counts in an option's internal value is not documented"
        case "moment":
            return _BETWEEN
        case "text" if clause.operator in ("CONTAINS_EXACTLY", "DOES_NOT_CONTAIN_EXACTLY"):
            return "which words count as exact is not documented"
    return _SPACE
