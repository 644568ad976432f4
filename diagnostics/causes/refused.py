"""A write that the server refused, while what would be written is still the same."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import evidence
from engine.gates import Population, Situation, found, nothing
from engine.plan import sent_digest

CODE = "refused"


def _still_the_same(population: Population, situation: Situation) -> pl.DataFrame:
    refused = population.memory.refused
    if refused.is_empty():
        return nothing()
    digests = sent_digest(population.writes.join(refused.select("contact"), on="contact", how="semi"))
    again = refused.lazy().join(
        digests.lazy(),
        left_on=["contact", "side", "sent"],
        right_on=["contact", "side", "digest"],
        how="semi",
    )
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    server = pl.when(pl.col("side") == "hubspot").then(pl.lit(hubspot)).otherwise(pl.lit(app))
    field, words = pl.col("field").fill_null(""), pl.col("code").fill_null("")
    correlation = pl.col("correlation_id").fill_null("")
    return found(
        again,
        state="failing",
        field=pl.when(field != "").then(pl.concat_str(pl.col("side"), pl.lit("."), field)).otherwise(pl.lit("")),
        value=evidence(pl.col("message")),
        rule=pl.concat_str(
            server,
            pl.lit(" refused these values"),
            pl.when(words != "").then(pl.concat_str(pl.lit(" with "), words)).otherwise(pl.lit("")),
            pl.when(correlation != "")
            .then(pl.concat_str(pl.lit(" (correlation id "), correlation, pl.lit(")")))
            .otherwise(pl.lit("")),
        ),
    )


CAUSE = Cause(
    code=CODE,
    title="Refused by the server",
    explanation="The server refused what would be written, and nothing has changed since; sending it again would be "
    "refused again.",
    remedy="Read the server's words and correct the record; it is sent again as soon as it differs.",
    fixed_by="HubSpot admin",
    says=document.RULES_MATTER,
    question="d",
    test=_still_the_same,
)
