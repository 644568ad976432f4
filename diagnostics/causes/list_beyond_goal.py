"""A member of the list whom the goal does not name: it syncs although nobody asked for it."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched
from diagnostics.causes.inclusion import IN_HUBSPOT, INSIDE, goal_unread, named_by_goal, standing
from engine.gates import Population, Situation, found, nothing

CODE = "list-beyond-goal"


def _not_named(population: Population, situation: Situation) -> pl.DataFrame:
    goal = situation.connection.goals.contacts
    if goal is None or standing(situation) != "usable" or not fetched(population, "hubspot", goal.property):
        return nothing()
    column = column_name("hubspot", goal.property)
    return found(
        population.contacts,
        where=IN_HUBSPOT & INSIDE & pl.col(column).is_not_null() & ~named_by_goal(population, situation),
        state="excluded",
        blocking=False,
        field=column,
        value=evidence(pl.col(column)),
        rule=f"the list holds the contact, and the goal names {goal.property} {', '.join(goal.values)}",
    )


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    return goal_unread(population, situation, INSIDE)


CAUSE = Cause(
    code=CODE,
    title="The list holds a contact that the goal does not name",
    explanation="The contact is in the list, and so meant to sync, although the connection's goal does not ask for it.",
    remedy="Narrow the list's criteria, or widen the goal.",
    fixed_by="HubSpot admin",
    says=document.CRITERIA,
    question="c",
    test=_not_named,
    needs=("list",),
    unread=_unread,
)
