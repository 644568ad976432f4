"""Expressions over the columns of a population that several causes share."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from engine.gates import Population, Situation, found
from engine.schema import Side

EVIDENCE_CHARACTERS = 200


def column_name(side: Side, field: str) -> str:
    """A mirrored field's column in `Population.contacts`, and how findings name the field: `hubspot.city`."""
    return f"{side}.{field}"


def fetched(population: Population, side: Side, field: str) -> bool:
    """Whether the population has a column for the field."""
    return column_name(side, field) in population.contacts.columns


def not_read(
    population: Population,
    situation: Situation,
    side: Side,
    field: str,
    so: str,
    *,
    blocking: bool = True,
    of: pl.Expr | None = None,
) -> pl.DataFrame:
    """Findings for the records of a side (those `of` whom it is true) whose field was not read, or for all of them if the side
    does not show the field any more. `so` says what follows: "so nobody is taken for opted in"."""
    schema = situation.schemas[side]
    column, consent = column_name(side, field), schema.consent
    shown = field in schema.fields or bool(consent and consent.name == field)
    there = shown and fetched(population, side, field)
    who = pl.col(side) if of is None else pl.col(side) & of
    return found(
        population.contacts,
        where=who & pl.col(column).is_null() if there else who,
        state="unknown",
        blocking=blocking,
        field=column,
        rule=f"{field} was not read, {so}" if shown else f"{schema.app} does not show {field} to the credentials, {so}",
    )


def evidence(value: pl.Expr) -> pl.Expr:
    """A raw value as evidence, cut to 200 characters."""
    return value.str.slice(0, EVIDENCE_CHARACTERS)


def trimmed(column: str) -> pl.Expr:
    """A column without outer white space; null stays null."""
    return pl.col(column).str.strip_chars()


def deciding_addresses(population: Population, situation: Situation) -> Iterator[tuple[Side, str, pl.Expr]]:
    """The address by which a contact is recognised: HubSpot's where there is a HubSpot record, else the app's.

    For each side whose address was fetched: the side, the address's column, and whether it decides for a contact.
    """
    here: tuple[tuple[Side, pl.Expr], ...] = (
        ("hubspot", pl.col("hubspot")),
        ("app", pl.col("app") & ~pl.col("hubspot")),
    )
    for side, present in here:
        field = situation.schemas[side].identity_field
        if fetched(population, side, field):
            yield side, column_name(side, field), present
