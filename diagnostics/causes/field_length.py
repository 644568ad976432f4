"""A value that is longer or shorter than the target takes."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.written import (
    LENGTHS,
    VALUE,
    Requirement,
    broken_requirements,
    limit,
    not_evaluated,
    rules,
    rules_unread,
)
from engine.gates import Population, Situation
from engine.schema import Field, Side

CODE = "field-length"


def _wrong_length(population: Population, situation: Situation) -> pl.DataFrame:
    return broken_requirements(population, situation, _of_length)


def _of_length(side: Side, field: Field) -> Iterable[Requirement]:
    for rule in rules(field, *LENGTHS):
        number = limit(rule)
        if number is None:
            continue
        if rule.kind == "max_bytes":
            words = f"takes at most {number:g} bytes in UTF-8 here (an umlaut has two)"
            yield Requirement(VALUE.str.len_bytes() > number, words)
        elif rule.kind == "max_length":
            yield Requirement(VALUE.str.len_chars() > number, f"takes at most {number:g} characters here")
        else:
            yield Requirement(VALUE.str.len_chars() < number, f"asks for at least {number:g} characters here")
    yield from not_evaluated(field, lambda rule: rule.kind in LENGTHS)


CAUSE = Cause(
    code=CODE,
    title="Too long or too short",
    explanation="The target limits how long a value in this field may be.",
    remedy="Shorten or complete the value in the source, or change the limit in the target.",
    fixed_by="HubSpot admin",
    says=document.RULES,
    question="d",
    test=_wrong_length,
    needs=("rules",),
    unread=rules_unread,
)
