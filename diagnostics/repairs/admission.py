"""Who is in the inclusion list once repairs have changed HubSpot records or the criteria: evaluated, with all of the criteria.

What single clauses ask for does not tell it. A value that one way into the list asks for may close another one; a consent or an
address that something else asks for may be what the list asks for too; and a member may be taken out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from diagnostics.causes.addresses import certainly_valid
from diagnostics.causes.bounced import REASON
from diagnostics.causes.columns import column_name
from diagnostics.causes.inclusion import standing
from diagnostics.causes.list_clauses import circumstances, live_criteria
from diagnostics.causes.set_by_others import CONFLICT
from diagnostics.criteria.evaluate import answer
from diagnostics.criteria.form import Part, leaves, properties
from diagnostics.repairs.effects import agreed_in_hubspot, meeting
from diagnostics.repairs.of_list import Fulfilment
from diagnostics.repairs.repair import Hypothetical, Repair
from diagnostics.repairs.smallest import applied
from diagnostics.repairs.wording import mapping_of, pair_of
from engine.gates import Situation
from engine.memory import nothing_known
from engine.population import inclusion_view
from engine.schema import SIDES
from engine.workspace import Workspace

KIND = "kind"
_NOT_LOOKED_AT = {
    **{name: pl.lit(False) for name in ("app", "linked", *(f"{side}_swap" for side in SIDES))},
    **{name: pl.lit("") for name in ("email", "email_key", *(f"{side}_candidates" for side in SIDES))},
    **{f"{side}_holder": pl.lit(None, pl.String) for side in SIDES},
    **{f"{side}_twins": pl.lit(None, pl.Int64) for side in SIDES},
}
"""What an address of one's own changes besides; no criteria look at it."""


@dataclass(frozen=True)
class Admission:
    """Contacts with HubSpot records, by what criteria that follow values look at.

    `contacts`: `contact`, `kind`, and HubSpot's properties as they are; `kinds`: one contact of each kind, as `gates.Population`
    describes it but only with what the criteria look at, its number as `contact`. Contacts that no clause tells apart are one kind.
    """

    contacts: pl.DataFrame
    kinds: pl.DataFrame
    situation: Situation

    @cached_property
    def _given(self) -> Hypothetical:
        return Hypothetical(self.kinds, nothing_known(), self.situation)

    @cached_property
    def _did(self) -> pl.DataFrame:
        return meeting(self._given)

    def after(self, repairs: Sequence[Repair]) -> pl.DataFrame:
        """The kinds with the repairs done, in the same order; whom the list holds has `member_since`."""
        return applied(repairs, self._given, self._did).contacts

    def inside(self, repairs: Sequence[Repair]) -> pl.Series:
        """Of each kind, whether the list holds it with the repairs done."""
        return self.after(repairs)["member_since"].is_not_null()

    def asked_for(self, repair: Repair) -> pl.Series:
        """Of each kind, whether the list asks for the repair's value and the contact's own does not do; false of other repairs."""
        effect = repair.effect
        asked = effect.needed_by(self.kinds, self.situation) if isinstance(effect, Fulfilment) else pl.lit(False)
        return self.kinds.with_columns(_asked=asked)["_asked"]


def admission(
    workspace: Workspace, situation: Situation, contacts: Collection[int], repairs: Collection[Repair]
) -> Admission:
    """The contacts, for repairs that change what the criteria look at."""
    tree = live_criteria(situation)
    assert tree is not None
    looked_at, taken_over = [column_name("hubspot", name) for name in properties(tree)], _taken_over(repairs, situation)
    view = inclusion_view(workspace, sorted(contacts), [*looked_at, *taken_over])
    raw = view.select("contact", *(name for name in looked_at if name in view.columns))
    view = _alike(view, tree, situation, taken_over).drop("contact")
    kinds = view.unique(maintain_order=True).with_row_index(KIND).cast({KIND: pl.Int64})
    numbers = view.join(kinds, on=view.columns, how="left", nulls_equal=True, maintain_order="left")[KIND]
    described = kinds.rename({KIND: "contact"}).with_columns(hubspot=pl.lit(True), **_NOT_LOOKED_AT)
    return Admission(raw.with_columns(numbers.alias(KIND)), described, situation)


def looked_at_by_the_list(situation: Situation) -> frozenset[str]:
    """HubSpot's properties by which the inclusion list goes; empty where it follows no criteria."""
    tree = live_criteria(situation) if standing(situation) == "usable" else None
    return frozenset(properties(tree)) if tree is not None else frozenset()


def changed_in_records(repair: Repair, situation: Situation) -> frozenset[str]:
    """HubSpot's properties that the repair changes in the contacts for which it is done. What a person says on both sides
    is not looked at: that takes both records."""
    if repair.once or repair.side != "hubspot" or repair.kind not in ("value", "consent"):
        return frozenset()
    if repair.kind == "consent" and repair.code == CONFLICT.code:
        return frozenset()
    if repair.kind == "consent" and not repair.field:
        return frozenset(agreed_in_hubspot(situation))
    identity = situation.schemas["hubspot"].identity_field
    return frozenset({repair.field, *([REASON] if repair.field == identity else [])})


def _taken_over(repairs: Collection[Repair], situation: Situation) -> dict[str, pl.Expr]:
    """The app's columns whose values repairs may take over, with what they become in HubSpot, named as the column there."""
    names = {one.field for one in repairs if one.kind == "value" and not isinstance(one.effect, Fulfilment)}
    mapped = {name: mapping for name in sorted(names) if (mapping := mapping_of(situation, "hubspot", name))}
    taken = {
        column_name("app", mapping.app): pair_of(situation, mapping)
        .translated(pl.col(column_name("app", mapping.app)), "hubspot")
        .alias(column_name("hubspot", name))
        for name, mapping in mapped.items()
    }
    ours, theirs = (situation.schemas[side].identity_field for side in SIDES)
    if ours in names:
        taken[column_name("app", theirs)] = pl.col(column_name("app", theirs)).alias(column_name("hubspot", ours))
    return taken


def _alike(view: pl.DataFrame, tree: Part, situation: Situation, taken_over: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The contacts with one value in place of all those that no clause tells apart, nor whether an address is valid; a value that is
    compared with another property stays."""
    around = circumstances(situation, view.columns)
    answers = [answer(leaf, around) for leaf in dict.fromkeys(leaves(tree))]
    looks_at = [set(one.meta.root_names()) for one in answers]
    together = {name for names in looks_at if len(names) > 1 for name in names}
    same: list[pl.Series] = []
    for name in sorted(set().union(*looks_at, taken_over) & set(view.columns) - {"member_since"}):
        becomes = taken_over.get(name, pl.col(name))
        if {name, becomes.meta.output_name()}.isdisjoint(together):
            values = view.select(name).unique(maintain_order=True)
            there = values.with_columns(becomes)
            column = pl.col(there.columns[-1])
            told = [one for number, one in enumerate(answers) if looks_at[number] == {there.columns[-1]}]
            keys = [*told, certainly_valid(column), column.str.strip_chars() == ""]
            judged = values.hstack(there.select(key.alias(f"_{number}") for number, key in enumerate(keys)))
            first = judged.select(name, pl.col(name).first().over(judged.columns[1:]).alias("_first"))
            same.append(
                view.select(name)
                .join(first, on=name, how="left", nulls_equal=True, maintain_order="left")["_first"]
                .alias(name)
            )
    return view.with_columns(*same, member_since=pl.when(pl.col("member_since").is_not_null()).then(pl.lit("")))
