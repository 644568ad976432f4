"""A required field of the target that would be left without a value."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name
from diagnostics.causes.written import not_declared
from engine.gates import Population, Situation, found, nothing
from engine.schema import SIDES, Field, Side

CODE = "required-field"


def _left_empty(population: Population, situation: Situation) -> pl.DataFrame:
    parts = [nothing()]
    for side in SIDES:
        schema = situation.schemas[side]
        into = population.writes.filter(pl.col("side") == side)
        if into.is_empty():
            continue
        targets = into.group_by("contact").agg((pl.col("kind") == "create").any().alias("creates")).sort("contact")
        for field in schema.fields.values():
            # A record without an address is the matter of the e-mail causes.
            if field.required and not field.read_only and field.name != schema.identity_field:
                parts.append(_without(population, situation, targets, side, field))
    return pl.concat(parts)


def _without(
    population: Population, situation: Situation, targets: pl.DataFrame, side: Side, field: Field
) -> pl.DataFrame:
    """Contacts that would be written to (`targets`), and whose field would be empty afterwards: the value written, else the one
    that is there. What was not read is not called empty."""
    given = population.writes_into.get((side, field.name), population.writes.clear()).select("contact", given="value")
    column = column_name(side, field.name)
    present = pl.col(column) if column in population.contacts.columns else pl.lit(None, pl.String)
    now = population.contacts.select("contact", present.alias("present"))
    after = pl.coalesce("given", pl.when("creates").then(pl.lit("")).otherwise("present"))
    return found(
        targets.join(now, on="contact", how="left", maintain_order="left").join(
            given, on="contact", how="left", maintain_order="left"
        ),
        where=after.str.strip_chars() == "",
        state="failing",
        field=column,
        rule=f"{situation.schemas[side].app} requires {_named(field)}, and {_source(situation, side, field)}",
    )


def _named(field: Field) -> str:
    return f"{field.label} ({field.name})" if field.label and field.label != field.name else field.name


def _source(situation: Situation, side: Side, field: Field) -> str:
    other: Side = "app" if side == "hubspot" else "hubspot"
    connection = situation.connection
    mapped = [
        connection.field(mapping, other)
        for mapping in connection.mappings
        if connection.field(mapping, side) == field.name
    ]
    name = situation.schemas[other].app
    return f"{mapped[0]} in {name} gives none" if mapped else f"nothing in {name} is mapped to it"


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    return not_declared(population.writes, situation, "required fields", "the required fields")


CAUSE = Cause(
    code=CODE,
    title="A required field would be empty",
    explanation="The target refuses a record without a value in this field, and there is none to write.",
    remedy="Fill the field in the source, or make it optional in the target.",
    fixed_by="HubSpot admin",
    says=document.RULES,
    question="d",
    test=_left_empty,
    needs=("required fields",),
    unread=_unread,
)
