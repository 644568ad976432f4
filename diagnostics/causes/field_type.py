"""A value that is not of the target field's type, or that could not be kept when it was read."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, fetched
from diagnostics.causes.written import VALUE, Requirement, broken_requirements
from engine import canonical
from engine.gates import Population, Situation, found, nothing
from engine.schema import SIDES, Field, Side

CODE = "field-type"
UNREADABLE = "_unreadable"
_NUMBER = r"\A[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\z"
"""No thousands separators, at most one period. Source: HubSpot, validation of contact updates by API."""
_BOOLEAN = r"(?i)\A(?:true|false)\z"


def _wrong_type(population: Population, situation: Situation) -> pl.DataFrame:
    return pl.concat([broken_requirements(population, situation, _of_type), _not_kept(population, situation)])


def _of_type(side: Side, field: Field) -> Iterable[Requirement]:
    value = VALUE.str.strip_chars()
    match field.type:
        case "number":
            yield Requirement(~value.str.contains(_NUMBER), "takes only a number here, like 1250 or 12.5")
        case "date" | "datetime":
            yield Requirement(canonical.date(VALUE).is_null(), "takes only a date here, like 2026-01-31")
        case "bool":
            yield Requirement(~value.str.contains(_BOOLEAN), "takes only true or false here")


def _not_kept(population: Population, situation: Situation) -> pl.DataFrame:
    """Mapped fields whose value could not be kept; the mirror holds the reasons as one JSON object per record."""
    parts = [nothing()]
    for side in SIDES:
        if not fetched(population, side, UNREADABLE):
            continue
        unreadable = column_name(side, UNREADABLE)
        marked = population.contacts.select("contact", unreadable).filter(pl.col(unreadable) != "")
        if marked.is_empty():
            continue
        name = situation.schemas[side].app
        for mapping in situation.connection.mappings:
            field = situation.connection.field(mapping, side)
            reason = pl.col(unreadable).str.json_path_match(_path(field))
            parts.append(
                found(
                    marked,
                    where=reason.is_not_null(),
                    state="failing",
                    field=column_name(side, field),
                    rule=pl.concat_str(pl.lit(f"the value in {name} could not be kept: "), reason),
                )
            )
    return pl.concat(parts)


def _path(field: str) -> str:
    escaped = field.replace("\\", "\\\\").replace('"', '\\"')
    return f'$["{escaped}"]'


CAUSE = Cause(
    code=CODE,
    title="Not of the field's type",
    explanation="The target field takes only numbers, dates or yes and no, and the value is something else.",
    remedy="Correct the value in the source, or map the field to one of a fitting type.",
    fixed_by="HubSpot admin",
    says=document.RULES_MET,
    question="d",
    test=_wrong_type,
)
