"""Several records of one side that share an e-mail address, and none of them is linked yet."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import evidence
from engine.gates import Population, Situation, found

CODE = "email-duplicate"


def _shared(population: Population, situation: Situation) -> pl.DataFrame:
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    shared = (
        ~pl.col("linked")
        & (pl.col("email_key").fill_null("") != "")
        & (pl.col("hubspot_candidates") == "")
        & (pl.col("app_candidates") == "")
        & (
            (pl.col("hubspot_twins") > 1)
            | (pl.col("app_twins") > 1)
            # Alone, although the other side has the address.
            | (~pl.col("app") & (pl.col("app_twins") > 0))
            | (~pl.col("hubspot") & (pl.col("hubspot_twins") > 0))
        )
    )
    counts = pl.concat_str("hubspot_twins", pl.lit(f" in {hubspot} and "), "app_twins", pl.lit(f" in {app}"))
    return found(
        population.contacts,
        where=shared,
        state="failing",
        field=pl.when(pl.col("hubspot"))
        .then(pl.lit(f"hubspot.{situation.schemas['hubspot'].identity_field}"))
        .otherwise(pl.lit(f"app.{situation.schemas['app'].identity_field}")),
        value=evidence(pl.col("email")),
        rule=pl.concat_str(pl.lit("several records share this address once it is normalised: "), counts),
    )


CAUSE = Cause(
    code=CODE,
    title="Several records share the e-mail address",
    explanation="Which of the records belong together cannot be decided by the address, so none of them is linked. "
    "Addresses count as equal if they differ only in case, Unicode form or the spelling of the domain.",
    remedy="Merge the records that are one person, or give each its own address.",
    fixed_by="HubSpot admin",
    says=document.SAME_EMAIL,
    question="a",
    test=_shared,
)
