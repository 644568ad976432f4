"""A number outside the range that the target takes."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.written import (
    NUMBERS,
    VALUE,
    Requirement,
    broken_requirements,
    limit,
    not_evaluated,
    of_moments,
    rules,
    rules_unread,
)
from engine.gates import Population, Situation
from engine.schema import Field, Side

CODE = "field-range"


def _out_of_range(population: Population, situation: Situation) -> pl.DataFrame:
    return broken_requirements(population, situation, _in_range)


def _in_range(side: Side, field: Field) -> Iterable[Requirement]:
    number = VALUE.str.strip_chars().cast(pl.Float64, strict=False)
    for rule in rules(field, *NUMBERS):
        bound = limit(rule)
        if bound is None:
            continue
        if rule.kind == "min_number":
            yield Requirement(number < bound, f"takes only numbers from {rule.arguments[0]} up here")
        else:
            yield Requirement(number > bound, f"takes only numbers up to {rule.arguments[0]} here")
    yield from not_evaluated(field, lambda rule: rule.kind in NUMBERS or of_moments(rule))


CAUSE = Cause(
    code=CODE,
    title="Out of the allowed range",
    explanation="The target limits which numbers this field may hold.",
    remedy="Correct the number in the source, or widen the range in the target.",
    fixed_by="HubSpot admin",
    says=document.RULES,
    question="d",
    test=_out_of_range,
    needs=("rules",),
    unread=rules_unread,
)
