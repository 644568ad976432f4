"""Expressions over the columns of a population that several causes share."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from engine.gates import Population, Situation
from engine.schema import Side

EVIDENCE_CHARACTERS = 200


def column_name(side: Side, field: str) -> str:
    """A mirrored field's column in `Population.contacts`, and how findings name the field: `hubspot.city`."""
    return f"{side}.{field}"


def fetched(population: Population, side: Side, field: str) -> bool:
    """Whether the population has a column for the field."""
    return column_name(side, field) in population.contacts.columns


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
