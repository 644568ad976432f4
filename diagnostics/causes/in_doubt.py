"""A contact with a write of which nobody knows yet whether it was applied."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from engine.gates import Population, Situation, found

CODE = "in-doubt"


def _nobody_knows(population: Population, situation: Situation) -> pl.DataFrame:
    side = pl.col("in_doubt")
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    name = pl.when(side == "hubspot").then(pl.lit(hubspot)).otherwise(pl.lit(app))
    return found(
        population.contacts,
        where=side.is_not_null(),
        state="unknown",
        field=pl.concat_str(side, pl.lit(".id")),
        rule=pl.concat_str(pl.lit("a write to "), name, pl.lit(" got no answer and was not looked up yet")),
    )


CAUSE = Cause(
    code=CODE,
    title="A write is in doubt",
    explanation="An earlier run was cut off, or a side gave no answer, after a write had been sent. Whether it was applied is "
    "not known, so the contact is left alone until it was looked up.",
    remedy="Run: syncdoctor sync NAME. It looks up what is in doubt before it writes anything; nothing is sent twice.",
    fixed_by="us",
    says=document.SUPPORT,
    question="sync",
    test=_nobody_knows,
    nature="transient",
    observed="Look at the record on both sides: a sync of before the connection was observed left the write in doubt, and only "
    'a sync looks it up. To have that done, pause the other engine, set mode = "managed" and run syncdoctor sync NAME.',
)
