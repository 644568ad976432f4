"""A free HubSpot account with custom field mappings."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from engine.gates import Population, Situation, found, nothing

CODE = "plan-tier"


def custom_mappings(situation: Situation) -> tuple[str, ...]:
    """The mapped HubSpot properties that a free account cannot map; empty with a paid or unknown tier."""
    if situation.connection.hubspot.tier != "free":
        return ()
    fields = situation.schemas["hubspot"].fields
    names = (mapping.hubspot for mapping in situation.connection.mappings)
    return tuple(name for name in names if name in fields and fields[name].custom)


def _rule(custom: tuple[str, ...]) -> str:
    return f"a free HubSpot account cannot map custom properties, and the connection maps {', '.join(custom)}"


def _custom_mappings_on_free(population: Population, situation: Situation) -> pl.DataFrame:
    custom = custom_mappings(situation)
    return found(population.contacts, state="failing", rule=_rule(custom)) if custom else nothing()


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """The finding for the connection as a whole; it stops all `contacts`."""
    custom = custom_mappings(situation)
    return SideFinding(CODE, "failing", True, contacts, ", ".join(custom), _rule(custom)) if custom else None


CAUSE = Cause(
    code=CODE,
    title="The plan does not allow custom mappings",
    explanation="Free HubSpot accounts may map default fields only; custom field mappings need a paid plan.",
    remedy="Remove the custom mappings from the connection, or move the HubSpot account to a paid plan.",
    fixed_by="HubSpot admin",
    says=document.FREE_TIER,
    question="access",
    test=_custom_mappings_on_free,
)
