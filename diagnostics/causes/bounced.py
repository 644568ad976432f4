"""A HubSpot record whose address has bounced for good."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched, not_read, trimmed
from diagnostics.causes.unwanted import excludes
from engine.gates import Population, Situation, found, nothing

CODE = "bounced"
REASON = "hs_email_hard_bounce_reason_enum"


def _bounced_for_good(population: Population, situation: Situation) -> pl.DataFrame:
    if not fetched(population, "hubspot", REASON):
        return nothing()
    column = column_name("hubspot", REASON)
    return found(
        population.contacts,
        where=pl.col("hubspot") & (trimmed(column) != ""),
        state="excluded",
        blocking=excludes(CODE, situation),
        field=column,
        value=evidence(pl.col(column)),
        rule="an e-mail to this address came back for good",
    )


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    so = "so it is not known whether e-mail to the address came back"
    return not_read(population, situation, "hubspot", REASON, so, blocking=excludes(CODE, situation))


CAUSE = Cause(
    code=CODE,
    title="The address bounced",
    explanation="HubSpot recorded a hard bounce: the mailbox does not exist or refuses mail.",
    remedy="Ask the contact for an address that works, or take the contact out.",
    fixed_by="HubSpot admin",
    says=document.UNWANTED,
    question="b",
    test=_bounced_for_good,
    needs=(column_name("hubspot", REASON),),
    unread=_unread,
)
