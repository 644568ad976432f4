"""A contact that may still come into the list, because HubSpot is not done with it."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.inclusion import OUTSIDE, list_name, list_unread, standing
from engine.gates import Population, Situation, found, nothing

CODE = "list-processing"


def _not_settled(population: Population, situation: Situation) -> pl.DataFrame:
    if situation.inclusion is None or standing(situation) != "processing":
        return nothing()
    status = situation.inclusion.processing_status
    rule = f"the contact is not in the list yet, and HubSpot is still working on the list (status {status})"
    return found(population.contacts, where=OUTSIDE, state="unknown", value=list_name(situation), rule=rule)


CAUSE = Cause(
    code=CODE,
    title="The list is still being processed",
    explanation="HubSpot has not finished deciding who belongs to the list, so being outside means nothing yet.",
    remedy="Wait until HubSpot has processed the list, then check again.",
    fixed_by="us",
    says=document.LIST_UPDATED,
    question="c",
    test=_not_settled,
    needs=("list",),
    unread=list_unread,
    nature="transient",
)
