"""A field that two writers keep setting back and forth."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import evidence
from engine.gates import Population, Situation, found, nothing
from engine.merge import mapped_pairs, suspended_now

CODE = "field-loop"


def _flipping(population: Population, situation: Situation) -> pl.DataFrame:
    if population.memory.suspended.is_empty():
        return nothing()
    pairs = mapped_pairs(situation.connection, situation.schemas)
    rows = suspended_now(population.contacts, population.memory, pairs)
    app = situation.schemas["app"].app

    def writer(column: str, unknown: str) -> pl.Expr:
        return pl.when(pl.col(column) == "").then(pl.lit(unknown)).otherwise(pl.col(column))

    return found(
        rows,
        state="conflict",
        only_field=True,
        field=pl.col("hubspot_field"),
        value=evidence(pl.concat_str("hubspot_value", pl.lit(" / "), "app_value")),
        rule=pl.concat_str(
            pl.lit("it was carried to and fro "),
            pl.col("flips").cast(pl.String),
            pl.lit(f" times between HubSpot's spelling and {app}'s; set in HubSpot by "),
            writer("hubspot_writer", "somebody unknown"),
            pl.lit(f", in {app} by "),
            writer("app_writer", f"somebody whom {app} does not name"),
        ),
    )


CAUSE = Cause(
    code=CODE,
    title="Two writers keep changing this field",
    explanation="Something on each side sets the field back to its own spelling after every sync, so carrying it over would "
    "never end. The field waits; the contact's other fields are synced.",
    remedy="Find the workflow or automation that rewrites the field and stop it, or enter a third value, or decide: "
    "syncdoctor decide NAME WHO --field FIELD --winner hubspot|app.",
    fixed_by="us",
    says=document.TWO_WAY,
    question="sync",
    observed="Find the workflow or automation that rewrites the field and stop it, or enter a third value. Where another engine "
    "writes, its admin can also take the field out of the mapping there.",
    test=_flipping,
)
