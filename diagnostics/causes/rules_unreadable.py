"""Rules and required fields that could not be read or cannot be evaluated: values are written without that check."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.columns import column_name
from diagnostics.causes.written import called, evaluated, written_fields
from engine.gates import Situation
from engine.schema import SIDES

CODE = "rules-unreadable"
_AREAS = {"rules": "validation rules", "required fields": "required fields"}


def skipped_rules(situation: Situation) -> list[str]:
    """The rules of written fields that are not evaluated before writing, as `SIDE.FIELD: rule`."""
    return [
        f"{column_name(side, field.name)}: {called(rule)}"
        for side, field in written_fields(situation)
        for rule in field.rules
        if not evaluated(rule)
    ]


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """Told if the rules or required fields of a side could not be read, or if a mapped field has a rule that is not evaluated here."""
    schemas = [situation.schemas[side] for side in SIDES]
    parts = [
        f"the {words} of {schema.app} could not be read: {schema.unavailable[area]}"
        for schema in schemas
        for area, words in _AREAS.items()
        if area in schema.unavailable
    ]
    skipped = skipped_rules(situation)
    if not parts and not skipped:
        return None
    parts += ["some rules cannot be evaluated before writing"] if skipped else []
    return SideFinding(CODE, "unknown", False, contacts, "; ".join(skipped), " and ".join(parts))


CAUSE = Cause(
    code=CODE,
    title="Some validation rules are not known",
    explanation="A value may pass here and still be refused by the server, because not every rule could be read or "
    "evaluated.",
    remedy="Grant the credentials the permission to read properties and their rules, and watch for refused writes.",
    fixed_by="HubSpot admin",
    says=document.RULES,
    question="d",
)
