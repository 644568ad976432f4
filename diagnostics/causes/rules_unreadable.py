"""Validation rules that could not be read or cannot be evaluated: their fields are written without that check."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.columns import column_name
from diagnostics.causes.patterns import can_be_checked
from diagnostics.causes.written import limit, written_fields
from engine.gates import Situation
from engine.schema import Rule

CODE = "rules-unreadable"
_WITH_NUMBER = ("max_length", "min_length", "max_bytes", "min_number", "max_number", "decimals")


def _evaluated(rule: Rule) -> bool:
    if rule.kind == "regex":
        return bool(rule.arguments) and can_be_checked(rule.arguments[0])
    return rule.kind != "not_checked" and (rule.kind not in _WITH_NUMBER or limit(rule) is not None)


def _called(rule: Rule) -> str:
    words = " ".join(rule.arguments)
    return words if rule.kind == "not_checked" else f"{rule.kind} {words}".strip()


def skipped_rules(situation: Situation) -> list[str]:
    """The rules of written fields that are not evaluated before writing, as `SIDE.FIELD: rule`."""
    return [
        f"{column_name(side, field.name)}: {_called(rule)}"
        for side, field in written_fields(situation)
        for rule in field.rules
        if not _evaluated(rule)
    ]


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """Told if the rules of a side could not be read, or if a mapped field has one that is not evaluated here."""
    reasons = [situation.unavailable["rules"]] if "rules" in situation.unavailable else []
    skipped = skipped_rules(situation)
    if not reasons and not skipped:
        return None
    parts = [f"the validation rules could not be read: {reasons[0]}"] if reasons else []
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
