"""How the connection's inclusion list stands, for the causes that look at it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import polars as pl

from diagnostics.causes.columns import column_name, fetched, not_read, trimmed
from engine.gates import Population, Situation, found, nothing
from engine.visible import visible

Standing = Literal["no list", "unread", "deleted", "processing", "empty", "usable"]
COMPLETE = "COMPLETE"
"""`processingStatus` of a list whose members are all known. Source: HubSpot lists API."""


def standing(situation: Situation) -> Standing:
    """The one word that decides which list cause may speak."""
    inclusion = situation.inclusion
    if not situation.connection.scope.list:
        return "no list"
    if "list" in situation.unavailable or inclusion is None:
        return "unread"
    if inclusion.deleted_at is not None:
        return "deleted"
    if inclusion.processing_status != COMPLETE:
        return "processing"
    return "empty" if situation.list_size == 0 else "usable"


IN_HUBSPOT = pl.col("hubspot")
"""The contacts that a list can hold: those with a HubSpot record."""
INSIDE = pl.col("member_since").is_not_null()
OUTSIDE = IN_HUBSPOT & ~INSIDE
"""The HubSpot records that are not in the list."""


def named_by_goal(population: Population, situation: Situation) -> pl.Expr:
    """Whether the connection's goal names the contact; false if there is no such goal or its property was not read."""
    goal = situation.connection.goals.contacts
    if goal is None or not fetched(population, "hubspot", goal.property):
        return pl.lit(False)
    return trimmed(column_name("hubspot", goal.property)).is_in(goal.values).fill_null(False)


def left_out(population: Population, situation: Situation, *, named: bool) -> pl.Series:
    """For each contact whether it is outside the list and the goal names it, or does not."""
    outside = population.contacts.select(OUTSIDE).to_series()
    if not outside.any():
        return outside
    goal = named_by_goal(population, situation)
    return population.contacts.select(OUTSIDE & (goal if named else ~goal)).to_series()


def list_unread(population: Population, situation: Situation) -> pl.DataFrame:
    """Findings for all HubSpot records while the list could not be read. They stop nobody: `list-membership` does."""
    if standing(situation) != "unread":
        return nothing()
    reason = situation.unavailable.get("list", "")
    rule = f"the list {visible(situation.connection.scope.list, 100)} could not be read" + (
        f": {reason}" if reason else ""
    )
    return found(population.contacts, where=IN_HUBSPOT, state="unknown", blocking=False, rule=rule)


def goal_unread(population: Population, situation: Situation, of: pl.Expr) -> pl.DataFrame:
    """The same for what compares the list with the goal; with a list that can be read, for those `of` the HubSpot records whose
    property that the goal goes by was not read."""
    goal = situation.connection.goals.contacts
    if goal is None or standing(situation) != "usable":
        return nothing() if goal is None else list_unread(population, situation)
    so = "so whether the goal names the contact is not known"
    rows = not_read(population, situation, "hubspot", goal.property, so, blocking=False, of=of)
    # A field without a value is told as an empty one.
    return rows.with_columns(field=pl.lit(""))


def list_name(situation: Situation) -> str:
    """The list's name as HubSpot has it, else as the connection gives it."""
    return situation.inclusion.name if situation.inclusion else situation.connection.scope.list


def day(moment: datetime) -> str:
    """The day of a moment, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
