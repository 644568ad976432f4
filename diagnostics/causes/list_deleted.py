"""The inclusion list was deleted."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.inclusion import IN_HUBSPOT, day, list_name, list_unread, standing
from engine.gates import Population, Situation, found, nothing

CODE = "list-deleted"


def _rule(situation: Situation) -> str:
    deleted_at = situation.inclusion.deleted_at if situation.inclusion else None
    return f"the list that limits the sync was deleted on {day(deleted_at)}" if deleted_at else ""


def _deleted(population: Population, situation: Situation) -> pl.DataFrame:
    if standing(situation) != "deleted":
        return nothing()
    return found(
        population.contacts, where=IN_HUBSPOT, state="failing", value=list_name(situation), rule=_rule(situation)
    )


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """The finding for the connection as a whole."""
    if standing(situation) != "deleted":
        return None
    return SideFinding(CODE, "failing", True, contacts, list_name(situation), _rule(situation))


CAUSE = Cause(
    code=CODE,
    title="The inclusion list was deleted",
    explanation="The list that says which contacts sync is no longer there, so nobody can be told to belong to it.",
    remedy="Restore the list in HubSpot (possible for 90 days), or choose another one for the connection.",
    fixed_by="HubSpot admin",
    says=document.INCLUSION_LIST,
    question="c",
    test=_deleted,
    needs=("list",),
    unread=list_unread,
)
