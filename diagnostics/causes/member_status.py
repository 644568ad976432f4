"""A record of the app whose own subscription status forbids writing to the person."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched, not_read, trimmed
from engine.gates import Population, Situation, found, nothing

CODE = "member-status"


def _status_forbids(population: Population, situation: Situation) -> pl.DataFrame:
    schema = situation.schemas["app"]
    consent = schema.consent
    if consent is None or not fetched(population, "app", consent.name):
        return nothing()
    column = column_name("app", consent.name)
    status = trimmed(column)
    meaning = status.replace_strict(dict(consent.meanings), default=None, return_dtype=pl.String)
    allowed = f"{schema.app} allows {' or '.join(consent.accepted)} only"
    return found(
        population.contacts,
        where=pl.col("app") & ~status.is_in(consent.accepted),
        state="excluded",
        field=column,
        value=evidence(pl.col(column)),
        rule=pl.concat_str(pl.lit(f"{allowed}; "), meaning.fill_null("this status is not among them")),
    )


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    consent = situation.schemas["app"].consent
    if consent is None:
        return nothing()
    return not_read(population, situation, "app", consent.name, "so nobody is taken for subscribed")


CAUSE = Cause(
    code=CODE,
    title="The status in the app forbids it",
    explanation="The record in the app is not subscribed: the person unsubscribed, mail bounced, a confirmation is "
    "missing, or the record is archived. A sync never loosens a status.",
    remedy="Let the person subscribe again, for instance by the app's sign-up form; never set the status by hand.",
    fixed_by="contact",
    says=document.OPT_IN,
    question="b",
    test=_status_forbids,
    unread=_unread,
)
