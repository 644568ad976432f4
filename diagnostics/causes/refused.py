"""A write that the server refused, while nothing has changed that could make it take it."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import evidence
from engine.gates import Population, Situation, found, nothing
from engine.quarantine import held

CODE = "refused"


def _still_the_same(population: Population, situation: Situation) -> pl.DataFrame:
    rows = held(population, situation)
    if rows.is_empty():
        return nothing()
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    server = pl.when(pl.col("side") == "hubspot").then(pl.lit(hubspot)).otherwise(pl.lit(app))
    field, words = pl.col("field").fill_null(""), pl.col("code").fill_null("")
    correlation, wakes = pl.col("correlation_id").fill_null(""), pl.col("wake_at").fill_null("")
    return pl.concat(
        found(
            part,
            state="failing",
            only_field=only_field,
            field=pl.when(field != "").then(pl.concat_str(pl.col("side"), pl.lit("."), field)).otherwise(pl.lit("")),
            value=evidence(pl.col("message")),
            rule=pl.concat_str(
                server,
                pl.when(field != "").then(pl.lit(" refused this value")).otherwise(pl.lit(" refused these values")),
                pl.when(words != "").then(pl.concat_str(pl.lit(" with "), words)).otherwise(pl.lit("")),
                pl.when(correlation != "")
                .then(pl.concat_str(pl.lit(" (correlation id "), correlation, pl.lit(")")))
                .otherwise(pl.lit("")),
                pl.when(wakes != "")
                .then(
                    pl.concat_str(
                        pl.lit("; tried again from "), wakes.str.slice(0, 16).str.replace("T", " "), pl.lit(" UTC")
                    )
                )
                .otherwise(pl.lit("")),
            ),
        )
        for only_field, part in ((False, rows.filter("whole")), (True, rows.filter(~pl.col("whole"))))
    )


CAUSE = Cause(
    code=CODE,
    title="Refused by the server",
    explanation="The server refused what would be written, and nothing has changed since that could make it take it. "
    "Where it refused one field, the contact's other fields are written.",
    remedy="Read the server's words and correct the record, or the field's rules in the target; it is sent again as soon as "
    "either differs.",
    fixed_by="HubSpot admin",
    says=document.RULES_MATTER,
    question="d",
    test=_still_the_same,
)
