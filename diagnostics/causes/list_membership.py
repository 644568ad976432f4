"""A contact that is not in the inclusion list and that the goal does not name either."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.inclusion import day, in_hubspot, list_name, named_by_goal, outside, standing
from engine.gates import Population, Situation, found, nothing

CODE = "list-membership"


def _not_a_member(population: Population, situation: Situation) -> pl.DataFrame:
    now = standing(situation)
    if now == "unread":
        reason = situation.unavailable.get("list", "")
        rule = "who is in the list could not be read" + (f": {reason}" if reason else "")
        return found(in_hubspot(population), state="unknown", value=list_name(situation), rule=rule)
    if now != "usable":
        return nothing()
    left_out = outside(population).filter(~named_by_goal(population, situation))
    return found(left_out, state="excluded", value=list_name(situation), rule=_rule(situation))


def _rule(situation: Situation) -> str:
    edited = situation.inclusion.criteria_updated_at if situation.inclusion else None
    when = f"; its criteria were last edited on {day(edited)}" if edited else ""
    return f"the contact is not in it, and only its members sync{when}"


CAUSE = Cause(
    code=CODE,
    title="Not in the inclusion list",
    explanation="Only members of the inclusion list sync. This contact is not one, and the goal does not ask for it.",
    remedy="Change the contact so that it meets the list's criteria, or add it to the list, if it should sync.",
    fixed_by="HubSpot admin",
    says=document.INCLUSION_LIST,
    question="c",
    test=_not_a_member,
)
