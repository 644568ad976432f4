"""Every way into the inclusion list that contacts lack, as reasons that any of several repairs answers.

A finding names the nearest way only. A repair for somebody else's nearest way may open another one's second, and what nobody can
evaluate keeps a contact out even when all else is met: the ranking counts with all of it. A contact gets in by one way of which
everything is answered, which is the same as: of each choice of one part from every way, one part is answered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.causes import list_criteria, list_membership
from diagnostics.causes.inclusion import list_name, standing
from diagnostics.causes.list_clauses import NOT_MET, live_criteria, not_met
from diagnostics.causes.list_outside import ASKS
from diagnostics.criteria.form import properties
from diagnostics.repairs import Hypothetical, Repair, Stop, answer_to
from diagnostics.repairs.effects import lists_not_followed
from diagnostics.repairs.of_list import Fulfilment
from diagnostics.repairs.wording import mapping_of
from engine.gates import Situation
from engine.memory import nothing_known
from engine.population import inclusion_view
from engine.workspace import Workspace

OF_THE_LIST = (list_criteria.CODE, list_membership.CODE)
"""The causes of contacts that are not in the list."""
MOST_CHOICES = 64
"""Choices of one part from every way that are told apart for a contact; beyond it only the ways that lack least count."""


@dataclass(frozen=True)
class Lacking:
    """What contacts lack of the ways into the list.

    `rows`: rows of stops with `way` and `values`: which of `repairs`, values that meet what a way asks for, answer it; their numbers
    between commas.
    """

    rows: pl.DataFrame
    repairs: tuple[Repair, ...]


def lacking(workspace: Workspace, situation: Situation, stops: pl.DataFrame) -> Lacking:
    """What the contacts lack whom the criteria keep out, or perhaps keep out.

    `stops`: `contact`, `code`, `state`, `field`, `value`, `rule` and `two_way`. Contacts without rows are stopped by something else.
    """
    outside = stops.filter(pl.col("code").is_in(OF_THE_LIST)).unique(["contact", "two_way"], maintain_order=True)
    tree = live_criteria(situation)
    if tree is None or standing(situation) != "usable" or outside.is_empty():
        return Lacking(stops.clear().with_columns(way=pl.lit(0, pl.Int64), values=pl.lit("")), ())
    contacts = inclusion_view(workspace, outside["contact"].unique().to_list(), properties(tree))
    unmet = not_met(contacts, situation)
    told = _told(unmet, situation)
    repairs = _values(outside, told, situation)
    answered = _answered_by(repairs, contacts, unmet, stops, situation)
    rows = told.join(answered, on=_OF_ONE, how="left", maintain_order="left").with_columns(
        pl.col("values").fill_null("")
    )
    named = outside.select("contact", "code", "state", "two_way").join(rows, on="contact", maintain_order="left")
    return Lacking(named.select(*stops.columns, "way", "values"), repairs)


_OF_ONE = ("contact", "way", "field", "known")
"""What a way lacks of one property is one stop; so is what nobody knows of it."""


def _told(unmet: pl.DataFrame, situation: Situation) -> pl.DataFrame:
    """Each stop with its value and rule."""
    parts = unmet.group_by(_OF_ONE, maintain_order=True).agg(pl.col("value").first(), pl.col("words").str.join(" and "))
    return parts.select(
        *_OF_ONE,
        value=pl.when(pl.col("field") == "").then(pl.lit(list_name(situation))).otherwise("value"),
        rule=pl.when("known").then(pl.concat_str(pl.lit(ASKS), "words")).otherwise(pl.lit("")),
    )


def _values(outside: pl.DataFrame, told: pl.DataFrame, situation: Situation) -> tuple[Repair, ...]:
    """The values that repairs of these stops would give contacts."""
    code = outside["code"][0]
    kinds = told.filter("known", pl.col("field") != "").unique(["field", "rule"], maintain_order=True)
    stops = [
        Stop(code, field, value, rule) for field, value, rule in kinds.select("field", "value", "rule").iter_rows()
    ]
    answers = [answer_to(stop, situation) for stop in stops]
    repairs = [repair for answer in answers if isinstance(answer, tuple) for repair in answer]
    return tuple(dict.fromkeys(repair for repair in repairs if isinstance(repair.effect, Fulfilment)))


def _answered_by(
    repairs: Sequence[Repair],
    contacts: pl.DataFrame,
    unmet: pl.DataFrame,
    stops: pl.DataFrame,
    situation: Situation,
) -> pl.DataFrame:
    """The columns of _OF_ONE and `values`. A value answers what it lets a contact meet of a way, if the way then asks for nothing else
    that the contact met before. Contacts that have such a value already, which nothing else stops, are not given one."""
    place = ("contact", "way", "part")
    rows = [pl.DataFrame(schema={**{name: NOT_MET[name] for name in _OF_ONE}, "values": pl.String})]
    for number, repair in enumerate(repairs):
        assert isinstance(repair.effect, Fulfilment)
        needed = repair.effect.needed_by(contacts, situation)
        need = contacts.filter(needed | pl.col("contact").is_in(_stopped_by_value(repair, stops, situation).implode()))
        given = repair.effect(Hypothetical(need, nothing_known(), situation))
        after = not_met(given.contacts, lists_not_followed(need, given))
        mine = unmet.join(need, on="contact", how="semi")
        broken = after.join(unmet, on=place, how="anti")
        left = mine.join(after, on=place, how="semi")
        met = mine.join(left, on=_OF_ONE, how="anti").join(broken, on=("contact", "way"), how="anti")
        rows.append(met.select(*_OF_ONE, values=pl.lit(str(number))).unique(maintain_order=True))
    return pl.concat(rows).group_by(_OF_ONE, maintain_order=True).agg(pl.col("values").str.join(","))


def _stopped_by_value(repair: Repair, stops: pl.DataFrame, situation: Situation) -> pl.Series:
    """The contacts that their value of the repair's property stops, whatever the list asks for."""
    mapping = mapping_of(situation, "hubspot", repair.field)
    names = [f"hubspot.{repair.field}", *([f"app.{mapping.app}"] if mapping else [])]
    return stops.filter(~pl.col("code").is_in(OF_THE_LIST), pl.col("field").is_in(names))["contact"]


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
