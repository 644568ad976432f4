"""Why a list that can be used does not hold a contact, for the two causes that tell it and for what would let the contact in."""

from __future__ import annotations

import polars as pl

from diagnostics.causes.inclusion import day
from diagnostics.causes.list_clauses import KEPT_OUT, fits, kept_out, left_open
from engine.gates import Population, Situation

ASKS, SYNC = " asks for ", ", and only its members sync"
"""In the rule of a contact whom a clause keeps out, what stands before the clause, and what may stand behind it."""
BEHIND = "criteria, but the list does not hold it"
"""In the rule of a contact that meets the criteria: HubSpot has not taken it in yet."""
TOO_MANY = "which are too many to say which of them"
"""In the rule of a contact that does not meet the criteria, where the clauses were not looked at one by one."""
MANUAL, SNAPSHOT = "MANUAL", "SNAPSHOT"
"""`processingType` of lists whose members people change: without criteria, and with some that counted once."""


def by_hand(situation: Situation) -> bool:
    """Whether only people change who is in the list."""
    return situation.inclusion is not None and situation.inclusion.processing_type in (MANUAL, SNAPSHOT)


def unmet(population: Population, situation: Situation, who: pl.Series) -> pl.DataFrame:
    """Rows of `list_clauses.KEPT_OUT`, one for each contact and property: `words` joins the clauses that the contact does not meet."""
    rows = kept_out(population, situation, who)
    joined = rows.group_by("contact", "field", maintain_order=True).agg(
        pl.col("value").first(), pl.col("words").str.join(" and ")
    )
    return joined.select(KEPT_OUT.names())


def otherwise(
    population: Population, situation: Situation, who: pl.Series, *, meets: str, misses: str, unknown: str
) -> pl.DataFrame:
    """`contact` and `why` for each of those contacts of whom no clause is named, of a list with live criteria: in which words its
    values meet the criteria, do not meet them, or nobody knows."""
    newest = situation.inclusion.members_changed_at if situation.inclusion else None
    behind = f"; its newest membership is of {day(newest)}" if newest else ""
    outside = population.contacts.select("contact", _fits=fits(population, situation)).filter(who)
    reasons = left_open(population, situation, who)
    because = pl.coalesce(pl.concat_str(pl.lit(": "), "why"), pl.lit(""))
    return outside.join(reasons, on="contact", how="left", maintain_order="left").select(
        "contact",
        why=pl.when("_fits")
        .then(pl.lit(f"{meets}{behind}"))
        .when(~pl.col("_fits"))
        .then(pl.lit(misses))
        .otherwise(pl.concat_str(pl.lit(unknown), because)),
    )
