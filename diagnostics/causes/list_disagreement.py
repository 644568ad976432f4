"""A contact whose values meet the list's criteria while the list does not hold it, or the other way round."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.inclusion import IN_HUBSPOT, INSIDE, day, list_name, list_unread, standing
from diagnostics.causes.list_clauses import fits, left_open, live_criteria, not_evaluated
from engine.gates import Population, Situation, found, nothing

CODE = "list-disagreement"
_NOT_COMPARED = "the criteria cannot be compared with the list: "


def _otherwise(population: Population, situation: Situation) -> pl.DataFrame:
    if standing(situation) != "usable" or live_criteria(situation) is None:
        return nothing()
    contacts = population.contacts.select("contact", "hubspot", "member_since", fits=fits(population, situation))
    newest = situation.inclusion.members_changed_at if situation.inclusion else None
    since = f"; the newest membership is of {day(newest)}" if newest else ""
    rule = (
        pl.when("fits")
        .then(pl.lit(f"the criteria say in, the list says out{since}"))
        .otherwise(pl.lit(f"the criteria say out, the list says in{since}"))
    )
    return found(
        contacts,
        where=IN_HUBSPOT & (pl.col("fits") != INSIDE),
        state="unknown",
        blocking=False,
        value=list_name(situation),
        rule=rule,
    )


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    if standing(situation) != "usable" or live_criteria(situation) is None:
        return list_unread(population, situation)
    open_ones = left_open(population, situation, population.contacts.select(IN_HUBSPOT).to_series())
    rule = pl.concat_str(pl.lit(_NOT_COMPARED), "why")
    # What the finding of the connection as a whole says is kept there, what is the contact's own with the contact.
    value = "" if not_evaluated(situation) else list_name(situation)
    return found(open_ones, state="unknown", blocking=False, value=value, rule=rule)


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """Told if the criteria ask for something that cannot be evaluated for anybody."""
    reason = not_evaluated(situation) if standing(situation) == "usable" else ""
    return (
        SideFinding(CODE, "unknown", False, contacts, list_name(situation), _NOT_COMPARED + reason) if reason else None
    )


CAUSE = Cause(
    code=CODE,
    title="The list and its criteria disagree",
    explanation="HubSpot decides who is in the list; evaluated here, the criteria give another answer for this contact. HubSpot "
    "may be behind, or the contact has changed since it was read.",
    remedy="Check again in some minutes. If it stays so, look at the contact and the list's criteria in HubSpot.",
    fixed_by="HubSpot admin",
    says=document.LIST_UPDATED,
    question="c",
    test=_otherwise,
    needs=("list",),
    unread=_unread,
)
