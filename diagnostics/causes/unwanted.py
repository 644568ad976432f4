"""How the causes for unwanted data report: they exclude if the connection says so, else they are only told."""

from __future__ import annotations

import polars as pl

from diagnostics.causes.columns import evidence
from engine.gates import Population, Situation, found


def local_part(pattern: str) -> str:
    """A pattern for addresses whose part before the last @ is, as a whole, of this form. Anchored at the start, it leaves most
    addresses after a few characters."""
    return rf"(?s)\A(?:{pattern})@[^@]*\z"


def by_address(code: str, population: Population, situation: Situation, unwanted: pl.Expr, rule: str) -> pl.DataFrame:
    """Findings for contacts with an unwanted address."""
    side = pl.when(pl.col("hubspot")).then(pl.lit("hubspot.")).otherwise(pl.lit("app."))
    names = [situation.schemas[side].identity_field for side in ("hubspot", "app")]
    field = pl.concat_str(side, pl.when(pl.col("hubspot")).then(pl.lit(names[0])).otherwise(pl.lit(names[1])))
    return found(
        population.contacts,
        where=unwanted,
        state="excluded",
        blocking=excludes(code, situation),
        field=field,
        value=evidence(pl.col("email")),
        rule=rule,
    )


def excludes(code: str, situation: Situation) -> bool:
    """Whether the connection excludes contacts for this kind of unwanted data."""
    return code in situation.connection.unwanted.exclude
