"""A changed address that cannot be written yet: another record of the target side holds it."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence
from engine.gates import Population, Situation, found, nothing
from engine.schema import SIDES, Side

CODE = "address-taken"


def held_addresses(population: Population, situation: Situation, *, swap: bool) -> pl.DataFrame:
    """Findings for updates of the address to one that another record there holds: in a swap the two records would
    have to exchange their addresses. Only the address is held back."""
    parts = [nothing()]
    for side in SIDES:
        schema = situation.schemas[side]
        into = population.writes_into.get((side, schema.identity_field))
        if into is None:
            continue
        holders = population.contacts.select("contact", holder=f"{side}_holder", swap=f"{side}_swap")
        held = holders.filter(pl.col("holder").is_not_null() & (pl.col("swap") == swap))
        parts.append(
            found(
                into.filter(pl.col("kind") == "update").join(held, on="contact", maintain_order="left"),
                state="failing",
                only_field=True,
                field=column_name(side, schema.identity_field),
                value=evidence(pl.col("value")),
                rule=_rule(schema.app, side, swap=swap),
            )
        )
    return pl.concat(parts)


def _rule(app: str, side: Side, *, swap: bool) -> pl.Expr:
    other = "HubSpot" if side == "app" else "the app"
    then = f", which in {other} has the address of this one: neither can be written first" if swap else ""
    return pl.concat_str(pl.lit(f"in {app} this is an address of record "), "holder", pl.lit(then))


CAUSE = Cause(
    code=CODE,
    title="The new address belongs to another record",
    explanation="The contact's address changed to one that another record of the other side still holds, and an address "
    "belongs to one record only. The contact's other fields are synced.",
    remedy="Give the other record its new address, or merge the two; the address follows with the sync after that.",
    fixed_by="HubSpot admin",
    says=document.SAME_EMAIL,
    question="a",
    test=lambda population, situation: held_addresses(population, situation, swap=False),
)
