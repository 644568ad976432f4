"""A linked contact of which a record is no longer there."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from engine.gates import Population, Situation, found

CODE = "counterpart-gone"


def _a_linked_record_is_gone(population: Population, situation: Situation) -> pl.DataFrame:
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    neither, no_hubspot = ~pl.col("hubspot") & ~pl.col("app"), ~pl.col("hubspot")
    return found(
        population.contacts,
        where=pl.col("linked") & ~(pl.col("hubspot") & pl.col("app")),
        state="failing",
        field=pl.when(no_hubspot).then(pl.lit("hubspot.id")).otherwise(pl.lit("app.id")),
        value=pl.when(neither)
        .then(pl.concat_str("hubspot_id", "app_id", separator=" and ", ignore_nulls=True))
        .when(no_hubspot)
        .then("hubspot_id")
        .otherwise("app_id"),
        rule=pl.when(neither)
        .then(pl.lit(f"the linked records are gone from both {hubspot} and {app}"))
        .when(no_hubspot)
        .then(_no_longer_in(hubspot, "hubspot_successor"))
        .otherwise(_no_longer_in(app, "app_successor")),
    )


def _no_longer_in(app: str, successor: str) -> pl.Expr:
    gone = pl.lit(f"the linked record is no longer in {app}")
    named = pl.concat_str(gone, pl.lit("; record "), successor, pl.lit(" there has its address now"))
    return pl.when(pl.col(successor).is_not_null()).then(named).otherwise(gone)


CAUSE = Cause(
    code=CODE,
    title="The linked record is gone",
    explanation="The contact is linked, but one of its two records was deleted, archived or merged away. Deleted "
    "records are never created again without being asked for.",
    remedy="Restore the record (HubSpot keeps deleted contacts for 90 days), or end the link: syncdoctor unlink NAME WHO. "
    "It shows first whether a record that was created anew takes its place or the person would be created again. "
    "A merged record needs the other side merged as well.",
    fixed_by="HubSpot admin",
    says=document.CREATED,
    question="sync",
    test=_a_linked_record_is_gone,
)
