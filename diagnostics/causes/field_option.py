"""A value that is none of the target field's choices."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.written import VALUE, Requirement, broken_requirements
from engine.gates import Population, Situation
from engine.schema import Field, Side

CODE = "field-option"
SHOWN_OPTIONS = 12


def _no_choice(population: Population, situation: Situation) -> pl.DataFrame:
    return broken_requirements(population, situation, _of_choices)


def _of_choices(side: Side, field: Field) -> Iterable[Requirement]:
    choices = [option.value for option in field.options]
    if field.type not in ("option", "options") or not choices:
        return
    words = f"takes only {_listed(choices)} here"
    if field.type == "option":
        yield Requirement(~VALUE.is_in(choices), words)
    else:
        parts = VALUE.str.split(";").list.eval(pl.element().str.strip_chars().filter(pl.element() != ""))
        yield Requirement(~parts.list.eval(pl.element().is_in(choices)).list.all(), words)


def _listed(choices: list[str]) -> str:
    more = len(choices) - SHOWN_OPTIONS
    return ", ".join(choices[:SHOWN_OPTIONS]) + (f" and {more} more" if more > 0 else "")


CAUSE = Cause(
    code=CODE,
    title="Not one of the choices",
    explanation="The target field takes only certain values, and this one, after the mapping's translation, is none "
    "of them.",
    remedy="Add the choice in the target, translate it in the mapping's options, or correct the value.",
    fixed_by="app admin",
    says=document.RULES_MET,
    question="d",
    test=_no_choice,
)
