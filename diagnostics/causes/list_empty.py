"""The inclusion list has no members at all."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.inclusion import IN_HUBSPOT, list_name, list_unread, standing
from engine.gates import Population, Situation, found, nothing

CODE = "list-empty"
_RULE = "the list that limits the sync has no members"


def _nobody_in_it(population: Population, situation: Situation) -> pl.DataFrame:
    if standing(situation) != "empty":
        return nothing()
    return found(population.contacts, where=IN_HUBSPOT, state="failing", value=list_name(situation), rule=_RULE)


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """The finding for the connection as a whole."""
    if standing(situation) != "empty":
        return None
    return SideFinding(CODE, "failing", True, contacts, list_name(situation), _RULE)


CAUSE = Cause(
    code=CODE,
    title="The inclusion list is empty",
    explanation="Only members of the list sync, and it has none: its criteria fit nobody, or nobody was added.",
    remedy="Correct the list's criteria, or add contacts to it.",
    fixed_by="HubSpot admin",
    says=document.CRITERIA,
    question="c",
    test=_nobody_in_it,
    needs=("list",),
    unread=list_unread,
)
