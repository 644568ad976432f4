"""A record without an e-mail address."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import deciding_addresses, evidence, trimmed
from engine.gates import Population, Situation, found, nothing

CODE = "email-missing"


def _no_address(population: Population, situation: Situation) -> pl.DataFrame:
    parts = [nothing()]
    for side, column, decides in deciding_addresses(population, situation):
        parts.append(
            found(
                population.contacts,
                where=decides & (trimmed(column) == ""),
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
