"""Every way into the inclusion list that contacts lack, as reasons that any of several repairs answers.

A finding names the nearest way only. A repair for somebody else's nearest way may open another one's second, and what nobody can
evaluate keeps a contact out even when all else is met: the ranking counts with all of it. A contact gets in by one way of which
everything is answered, which is the same as: of each choice of one part from every way, one part is answered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from diagnostics.causes import list_criteria, list_membership
from diagnostics.causes.columns import column_name
from diagnostics.causes.inclusion import list_name, standing
from diagnostics.causes.list_clauses import live_criteria, not_met
from diagnostics.causes.list_outside import ASKS
from diagnostics.criteria.form import properties
from engine.gates import Situation
from engine.population import inclusion_view
from engine.workspace import Workspace

OF_THE_LIST = (list_criteria.CODE, list_membership.CODE)
"""The causes of contacts that are not in the list."""
MOST_CHOICES = 64
"""Choices of one part from every way that are told apart for a contact; beyond it only the ways that lack least count."""


def lacking(workspace: Workspace, situation: Situation, stops: pl.DataFrame) -> pl.DataFrame:
    """What the contacts lack of the ways into the list whom the criteria keep out, or perhaps keep out: rows of stops with `way`.

    `stops`: `contact`, `code`, `state`, `field`, `value`, `rule` and `two_way`. Contacts without rows are stopped by something else, or
    nobody may see whether they are in the list.
    """
    known = stops.filter(pl.col("code").is_in(OF_THE_LIST), pl.col("state") != "unknown")
    outside = known.unique(["contact", "two_way"], maintain_order=True)
    tree = live_criteria(situation)
    if tree is None or standing(situation) != "usable" or outside.is_empty():
        return stops.clear().with_columns(way=pl.lit(0, pl.Int64))
    looked_at = [column_name("hubspot", name) for name in properties(tree)]
    contacts = inclusion_view(workspace, outside["contact"].unique().to_list(), looked_at)
    alike = contacts.columns[1:]
    kinds = contacts.select(alike).unique(maintain_order=True).with_row_index("kind").cast({"kind": pl.Int64})
    numbered = contacts.join(kinds, on=alike, how="left", nulls_equal=True, maintain_order="left").select(
        "contact", "kind"
    )
    told = _told(not_met(kinds.rename({"kind": "contact"}), situation), situation).rename({"contact": "kind"})
    named = (
        outside.select("contact", "code", "state", "two_way")
        .join(numbered, on="contact", maintain_order="left")
        .join(told, on="kind", maintain_order="left")
    )
    return named.select(*stops.columns, "way")


def _told(unmet: pl.DataFrame, situation: Situation) -> pl.DataFrame:
    """Each stop with its value and rule: what a way lacks of one property is one stop; so is what nobody knows of it. For an
    address nothing is changed but what the list asks for, so whose it is makes no difference."""
    by = ("contact", "way", "field", "known")
    address = column_name("hubspot", situation.schemas["hubspot"].identity_field)
    parts = unmet.group_by(by, maintain_order=True).agg(pl.col("value").first(), pl.col("words").str.join(" and "))
    return parts.select(
        "contact",
        "way",
        "field",
        value=pl.when(pl.col("field") == "")
        .then(pl.lit(list_name(situation)))
        .when(pl.col("field") != address)
        .then("value")
        .otherwise(pl.lit("")),
        rule=pl.when("known").then(pl.concat_str(pl.lit(ASKS), "words")).otherwise(pl.lit("")),
    )


def one_of_every_way(ways: Sequence[Collection[int]]) -> list[frozenset[int]]:
    """Of each of these sets of parts one has to be answered, for one of the ways to be answered wholly."""
    found: list[frozenset[int]] = [frozenset()]
    for way in sorted(ways, key=len):
        if len(found) * len(way) > MOST_CHOICES and found != [frozenset()]:
            break
        found = _least([one | {part} for one in found for part in way])
    return found


def _least(sets: Collection[frozenset[int]]) -> list[frozenset[int]]:
    """Those that hold no other one: whoever answers that answers them."""
    kept: list[frozenset[int]] = []
    for one in sorted(set(sets), key=lambda parts: (len(parts), sorted(parts))):
        if not any(other <= one for other in kept):
            kept.append(one)
    return kept
