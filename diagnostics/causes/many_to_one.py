"""Several records of one side that would be one record of the other."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from engine.gates import Population, Situation, found

CODE = "many-to-one"


def _several_for_one(population: Population, situation: Situation) -> pl.DataFrame:
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    hubspot_ids, app_ids = pl.col("hubspot_candidates"), pl.col("app_candidates")
    merged = f"{hubspot}'s or {app}'s records were merged, and those on the other side were not"
    shared = "another record is linked already, or an additional address leads to several"
    return found(
        population.contacts,
        where=(hubspot_ids != "") | (app_ids != ""),
        state="failing",
        field=pl.when(pl.col("hubspot")).then(pl.lit("hubspot.id")).otherwise(pl.lit("app.id")),
        value=pl.when(pl.col("hubspot")).then("hubspot_id").otherwise("app_id"),
        rule=pl.concat_str(
            pl.lit("these would be one contact: "),
            pl.lit(f"{hubspot} "),
            hubspot_ids,
            pl.lit(f"; {app} "),
            app_ids,
            pl.when(pl.col("linked")).then(pl.lit(f" ({merged})")).otherwise(pl.lit(f" ({shared})")),
        ),
    )


CAUSE = Cause(
    code=CODE,
    title="Several records would be one on the other side",
    explanation="By their addresses, or after a merge, several records of one side belong to the same record of the "
    "other. Syncing them would let them overwrite that record in turn and then each other, so none is linked anew.",
    remedy="Merge the named records or delete the superfluous ones, or give each person an address of their own. If one of "
    "them is linked to a record that is gone (counterpart-gone), end that link: syncdoctor unlink NAME WHO.",
    fixed_by="HubSpot admin",
    says=document.SAME_EMAIL,
    question="a",
    test=_several_for_one,
)
