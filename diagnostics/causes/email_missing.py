"""A record without an e-mail address."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched, trimmed
from engine.gates import Population, Situation, found, nothing
from engine.schema import Side

CODE = "email-missing"


def _no_address(population: Population, situation: Situation) -> pl.DataFrame:
    parts = [nothing()]
    present: tuple[tuple[Side, pl.Expr], ...] = (
        ("hubspot", pl.col("hubspot")),
        ("app", pl.col("app") & ~pl.col("hubspot")),
    )
    for side, here in present:
        field = situation.schemas[side].identity_field
        if not fetched(population, side, field):
            continue
        column = column_name(side, field)
        parts.append(
            found(
                population.contacts.lazy().filter(here & (trimmed(column) == "")),
                state="excluded",
                field=column,
                value=evidence(pl.col(column)),
                rule=f"contacts are recognised by their e-mail address, and the {situation.schemas[side].app} "
                "record has none",
            )
        )
    return pl.concat(parts)


CAUSE = Cause(
    code=CODE,
    title="No e-mail address",
    explanation="Records are recognised by their e-mail address; one without it can neither be found nor created on "
    "the other side.",
    remedy="Enter the contact's e-mail address in HubSpot.",
    fixed_by="HubSpot admin",
    says=document.HAS_EMAIL,
    question="a",
    test=_no_address,
)
