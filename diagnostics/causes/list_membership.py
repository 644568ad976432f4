"""A contact that is not in the inclusion list and that the goal does not name either."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.inclusion import IN_HUBSPOT, day, left_out, list_name, standing
from diagnostics.causes.list_clauses import live_criteria
from diagnostics.causes.list_outside import ASKS, BEHIND, SYNC, TOO_MANY, otherwise, unmet
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
    rest = population.contacts.select("contact").filter(who)
    rest = rest.join(by_clause, on="contact", how="anti", maintain_order="left")
    rest = rest.join(_why(population, situation, who), on="contact", how="left", maintain_order="left")
    return pl.concat([by_clause, found(rest, state="excluded", value=list_name(situation), rule=pl.col("why"))])


def _kept_out_by_a_clause(population: Population, situation: Situation, who: pl.Series) -> pl.DataFrame:
    """The value that keeps a contact out and the clauses that it does not meet; clauses on no property leave the field empty."""
    value = pl.when(pl.col("field") == "").then(pl.lit(list_name(situation))).otherwise("value")
    asked = pl.concat_str(
        pl.lit(f"the list {visible(list_name(situation), 100)}{ASKS}"), "words",
        pl.lit(f"{SYNC}{_edited(situation)}"),
    )  # fmt: skip
    rows = unmet(population, situation, who)
    return found(rows, state="excluded", field=pl.col("field"), value=value, rule=asked).cast(dict(FINDING))  # type: ignore[arg-type]


def _why(population: Population, situation: Situation, who: pl.Series) -> pl.DataFrame:
    """`contact` and `why`, where no clause can be named."""
    plain = f"the contact is not in it{SYNC}{_edited(situation)}"
    if live_criteria(situation) is None:
        return population.contacts.select("contact").filter(who).with_columns(why=pl.lit(plain))
    return otherwise(
        population,
        situation,
        who,
        meets=f"the contact's values meet its {BEHIND}",
        misses=f"{plain}; the contact's values do not meet its criteria, {TOO_MANY}",
        unknown=f"{plain}; whether its values meet the criteria is not known",
    )


def _edited(situation: Situation) -> str:
    edited = situation.inclusion.criteria_updated_at if situation.inclusion else None
    by = situation.inclusion.updated_by if situation.inclusion else ""
    who = f" (the list last by user {visible(by, 40)})" if by else ""
    return f"; its criteria were last edited on {day(edited)}{who}" if edited else ""


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
