"""A contact that the goal names and the list's criteria leave out."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence
from diagnostics.causes.inclusion import OUTSIDE, goal_unread, left_out, list_name, standing
from diagnostics.causes.list_clauses import asked_of, live_criteria
from diagnostics.causes.list_outside import ASKS, BEHIND, MANUAL, SNAPSHOT, TOO_MANY, otherwise, unmet
from engine.gates import FINDING, Population, Situation, found, nothing

CODE = "list-criteria"


def _left_out(population: Population, situation: Situation) -> pl.DataFrame:
    goal = situation.connection.goals.contacts
    if goal is None or situation.inclusion is None or standing(situation) != "usable":
        return nothing()
    column = column_name("hubspot", goal.property)
    who = left_out(population, situation, named=True)
    if column not in population.contacts.columns or not who.any():
        return nothing()
    named = f"the goal names {goal.property} {', '.join(goal.values)}"
    by_clause = _kept_out_by_a_clause(population, situation, who, f"{named}, but the list{ASKS}")
    rest = population.contacts.select("contact", column).filter(who)
    rest = rest.join(by_clause, on="contact", how="anti", maintain_order="left")
    why = _why(population, situation, who, named, goal.property)
    rest = rest.join(why, on="contact", how="left", maintain_order="left")
    other = found(rest, state="failing", field=column, value=evidence(pl.col(column)), rule=pl.col("why"))
    return pl.concat([by_clause, other])


def _kept_out_by_a_clause(population: Population, situation: Situation, who: pl.Series, but: str) -> pl.DataFrame:
    """The value that keeps a contact out and the clauses that it does not meet; clauses on no property leave the field empty."""
    value = pl.when(pl.col("field") == "").then(pl.lit(list_name(situation))).otherwise("value")
    rows = unmet(population, situation, who)
    asked = pl.concat_str(pl.lit(but), "words")
    return found(rows, state="failing", field=pl.col("field"), value=value, rule=asked).cast(dict(FINDING))  # type: ignore[arg-type]


def _why(population: Population, situation: Situation, who: pl.Series, named: str, goal: str) -> pl.DataFrame:
    """`contact` and `why`, where no clause can be named."""
    outside = f"{named}, but the list does not hold the contact"
    if live_criteria(situation) is not None:
        return otherwise(
            population,
            situation,
            who,
            meets=f"{named}; the contact's values meet the list's {BEHIND}",
            misses=f"{outside}: its values do not meet the criteria, {TOO_MANY}",
            unknown=f"{outside}, and whether its values meet the criteria is not known",
        )
    kind = situation.inclusion.processing_type if situation.inclusion else ""
    words = {MANUAL: ", which is kept by hand", SNAPSHOT: f", which is a snapshot{_counted_once(situation, goal)}"}
    why = f"{outside}{words.get(kind, '; its criteria are not known')}"
    return population.contacts.select("contact").filter(who).with_columns(why=pl.lit(why))


def _counted_once(situation: Situation, name: str) -> str:
    clauses = asked_of(situation, name)
    return f": when it was made it asked for {' or '.join(clauses)}" if clauses else ""


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    return goal_unread(population, situation, OUTSIDE)


CAUSE = Cause(
    code=CODE,
    title="The list's criteria do not fit the goal",
    explanation="The connection's goal names this contact, but the inclusion list does not hold it.",
    remedy="Extend the criteria that keep the contact out, or correct the goal; to a list that people keep, add the contact. If "
    "the contact meets the criteria already, check again in some minutes.",
    fixed_by="HubSpot admin",
    says=document.CRITERIA,
    question="c",
    test=_left_out,
    needs=("list",),
    unread=_unread,
)
