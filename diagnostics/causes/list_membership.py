"""A contact that is not in the inclusion list and that the goal does not name either."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.inclusion import IN_HUBSPOT, day, left_out, list_name, standing
from diagnostics.causes.list_clauses import fits, kept_out, left_open, live_criteria
from engine.gates import FINDING, Population, Situation, found, nothing
from engine.visible import visible

CODE = "list-membership"


def _not_a_member(population: Population, situation: Situation) -> pl.DataFrame:
    now = standing(situation)
    if now == "unread":
        reason = situation.unavailable.get("list", "")
        rule = "who is in the list could not be read" + (f": {reason}" if reason else "")
        return found(population.contacts, where=IN_HUBSPOT, state="unknown", value=list_name(situation), rule=rule)
    if now != "usable":
        return nothing()
    who = left_out(population, situation, named=False)
    if not who.any():
        return nothing()
    by_clause = _kept_out_by_a_clause(population, situation, who)
    rest = population.contacts.select("contact", fits=fits(population, situation)).filter(who)
    rest = rest.join(by_clause, on="contact", how="anti", maintain_order="left")
    rest = rest.join(left_open(population, situation, who), on="contact", how="left", maintain_order="left")
    return pl.concat([by_clause, found(rest, state="excluded", value=list_name(situation), rule=_rule(situation))])


def _kept_out_by_a_clause(population: Population, situation: Situation, who: pl.Series) -> pl.DataFrame:
    """The value that keeps a contact out and the clause that it does not meet; clauses on no property leave the field empty."""
    value = pl.when(pl.col("field") == "").then(pl.lit(list_name(situation))).otherwise("value")
    asked = pl.concat_str(
        pl.lit(f"the list {visible(list_name(situation), 100)} asks for "), "words",
        pl.lit(f", and only its members sync{_edited(situation)}"),
    )  # fmt: skip
    rows = kept_out(population, situation, who)
    return found(rows, state="excluded", field=pl.col("field"), value=value, rule=asked).cast(dict(FINDING))  # type: ignore[arg-type]


def _rule(situation: Situation) -> pl.Expr | str:
    plain = f"the contact is not in it, and only its members sync{_edited(situation)}"
    if live_criteria(situation) is None:
        return plain
    return (
        pl.when("fits")
        .then(pl.lit(f"the contact's values meet its criteria, but the list does not hold it{_newest(situation)}"))
        .when(pl.col("why").is_not_null())
        .then(pl.concat_str(pl.lit(f"{plain}; whether its values meet the criteria is not known: "), "why"))
        .otherwise(pl.lit(f"{plain}; its values do not meet the criteria"))
    )


def _edited(situation: Situation) -> str:
    edited = situation.inclusion.criteria_updated_at if situation.inclusion else None
    by = situation.inclusion.updated_by if situation.inclusion else ""
    who = f" (the list last by user {visible(by, 40)})" if by else ""
    return f"; its criteria were last edited on {day(edited)}{who}" if edited else ""


def _newest(situation: Situation) -> str:
    newest = situation.inclusion.members_changed_at if situation.inclusion else None
    return f"; its newest membership is of {day(newest)}" if newest else ""


CAUSE = Cause(
    code=CODE,
    title="Not in the inclusion list",
    explanation="Only members of the inclusion list sync. This contact is not one, and the goal does not ask for it.",
    remedy="Change the contact so that it meets the list's criteria, or add it to the list, if it should sync.",
    fixed_by="HubSpot admin",
    says=document.INCLUSION_LIST,
    question="c",
    test=_not_a_member,
    needs=("list",),
)
