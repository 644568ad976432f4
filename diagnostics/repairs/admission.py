"""Who is in the inclusion list once repairs have changed HubSpot records or the criteria: evaluated, with all of the criteria.

What single clauses ask for does not tell it. A value that one way into the list asks for may close another one; a consent or an
address that something else asks for may be what the list asks for too; and a member may be taken out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.causes.bounced import REASON
from diagnostics.causes.columns import column_name
from diagnostics.causes.inclusion import standing
from diagnostics.causes.list_clauses import circumstances, live_criteria
from diagnostics.causes.set_by_others import CONFLICT
from diagnostics.criteria.evaluate import answer
from diagnostics.criteria.form import Part, leaves, properties
from diagnostics.repairs.effects import agreed_in_hubspot
from diagnostics.repairs.of_list import Fulfilment
from diagnostics.repairs.repair import Hypothetical, Repair
from diagnostics.repairs.smallest import applied
from diagnostics.repairs.wording import mapping_of
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

    def after(self, repairs: Sequence[Repair]) -> pl.DataFrame:
        """The kinds with the repairs done, in the same order; whom the list holds has `member_since`."""
        return applied(repairs, Hypothetical(self.kinds, nothing_known(), self.situation)).contacts

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
    looked_at = [column_name("hubspot", name) for name in properties(tree)]
    view = inclusion_view(workspace, sorted(contacts), [*looked_at, *_taken_from(repairs, situation)])
    told_apart = _alike(view, tree, situation).drop("contact")
    kinds = told_apart.unique(maintain_order=True).with_row_index(KIND).cast({KIND: pl.Int64})
    numbers = told_apart.join(kinds, on=told_apart.columns, how="left", nulls_equal=True, maintain_order="left")[KIND]
    raw = view.select("contact", *(name for name in looked_at if name in view.columns))
    described = kinds.rename({KIND: "contact"}).with_columns(hubspot=pl.lit(True), **_NOT_LOOKED_AT)
    return Admission(raw.with_columns(numbers.alias(KIND)), described, situation)


def changes_what_is_looked_at(repair: Repair, situation: Situation) -> bool:
    """Whether the repair changes in single HubSpot records what the criteria look at, where the list follows them."""
    changed = _changed(repair, situation)
    tree = live_criteria(situation) if changed and standing(situation) == "usable" else None
    return tree is not None and not changed.isdisjoint(properties(tree))


def _changed(repair: Repair, situation: Situation) -> frozenset[str]:
    """HubSpot's properties that the repair changes in the contacts for which it is done. What a person says on both sides is not
    looked at: where the two contradict each other, HubSpot's has a value already."""
    if repair.once or repair.side != "hubspot" or repair.kind not in ("value", "consent"):
        return frozenset()
    if repair.kind == "consent" and repair.code == CONFLICT.code:
        return frozenset()
    if repair.kind == "consent" and not repair.field:
        return frozenset(agreed_in_hubspot(situation))
    identity = situation.schemas["hubspot"].identity_field
    return frozenset({repair.field, *([REASON] if repair.field == identity else [])})


def _taken_from(repairs: Collection[Repair], situation: Situation) -> list[str]:
    """The app's columns whose values a repair may take over."""
    names = {one.field for one in repairs if one.kind == "value" and not isinstance(one.effect, Fulfilment)}
    mapped = [mapping_of(situation, "hubspot", name) for name in sorted(names)]
    fields = [mapping.app for mapping in mapped if mapping is not None]
    if situation.schemas["hubspot"].identity_field in names:
        fields.append(situation.schemas["app"].identity_field)
    return [column_name("app", name) for name in dict.fromkeys(fields)]


def _alike(view: pl.DataFrame, tree: Part, situation: Situation) -> pl.DataFrame:
    """The contacts with one value in place of all those that no clause tells apart; a value that is compared with another property
    stays."""
    around = circumstances(situation, view.columns)
    answers = [answer(leaf, around) for leaf in dict.fromkeys(leaves(tree))]
    looks_at = [set(one.meta.root_names()) for one in answers]
    together = {name for names in looks_at if len(names) > 1 for name in names}
    for name in set().union(*looks_at) - together - {"member_since"}:
        mine = [one.alias(f"_{number}") for number, one in enumerate(answers) if looks_at[number] == {name}]
        values = view.select(name).unique(maintain_order=True).with_columns(mine)
        first = values.select(name, pl.col(name).first().over([one.meta.output_name() for one in mine]).alias("_first"))
        told = view.select(name).join(first, on=name, how="left", nulls_equal=True, maintain_order="left")["_first"]
        view = view.with_columns(told.alias(name))
    return view.with_columns(member_since=pl.when(pl.col("member_since").is_not_null()).then(pl.lit("")))
