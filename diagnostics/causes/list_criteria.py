"""A contact that the goal names and the list's criteria leave out."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence
from diagnostics.causes.inclusion import OUTSIDE, goal_unread, left_out, standing
from diagnostics.causes.list_clauses import asked_of, kept_out
from engine.gates import Population, Situation, found, nothing

CODE = "list-criteria"


def _left_out(population: Population, situation: Situation) -> pl.DataFrame:
    goal = situation.connection.goals.contacts
    if goal is None or situation.inclusion is None or standing(situation) != "usable":
        return nothing()
    column = column_name("hubspot", goal.property)
    who = left_out(population, situation, named=True)
    if column not in population.contacts.columns or not who.any():
        return nothing()
    clauses = kept_out(population, situation, who).group_by("contact").agg(pl.col("words").str.join(" and "))
    asked = pl.concat_str(pl.lit("the list asks for "), "words")
    but = pl.coalesce(asked, pl.lit(_asked(situation, goal.property)))
    rule = pl.concat_str(pl.lit(f"the goal names {goal.property} {', '.join(goal.values)}, but "), but)
    rows = population.contacts.select("contact", column).filter(who)
    rows = rows.join(clauses, on="contact", how="left", maintain_order="left")
    return found(rows, state="failing", field=column, value=evidence(pl.col(column)), rule=rule)


def _asked(situation: Situation, name: str) -> str:
    clauses = asked_of(situation, name)
    if clauses:
        return f"the list asks for {' or '.join(clauses)}"
    return f"the list does not hold the contact; it has no criteria on {name}"


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    return goal_unread(population, situation, OUTSIDE)


CAUSE = Cause(
    code=CODE,
    title="The list's criteria do not fit the goal",
    explanation="The connection's goal names this contact, but the inclusion list does not hold it.",
    remedy="Extend the list's criteria so that they fit the goal, or correct the goal.",
    fixed_by="HubSpot admin",
    says=document.CRITERIA,
    question="c",
    test=_left_out,
    needs=("list",),
    unread=_unread,
)
