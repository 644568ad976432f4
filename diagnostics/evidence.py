"""A stored finding as one plain English sentence."""

from __future__ import annotations

import re

from diagnostics.causes import (
    address_swap,
    address_taken,
    cause,
    email_missing,
    field_format,
    field_length,
    field_option,
    field_range,
    field_type,
    idle_clauses,
    list_beyond_goal,
    list_criteria,
    list_deleted,
    list_disagreement,
    list_empty,
    list_membership,
    list_processing,
    list_stale,
    plan_tier,
    required_field,
    rules_unreadable,
)
from diagnostics.causes.columns import EVIDENCE_CHARACTERS
from diagnostics.causes.refusals import PREFIX
from engine.visible import masked, visible

SENTENCE_CHARACTERS = 600
VALUE_CHARACTERS = 200
_OF_A_LIST = frozenset(
    module.CODE
    for module in (
        idle_clauses,
        list_criteria,
        list_deleted,
        list_disagreement,
        list_empty,
        list_membership,
        list_processing,
        list_stale,
    )
)
"""Causes whose value is the list's name, unless a field is named."""
_IMPERSONAL = _OF_A_LIST | {plan_tier.CODE, rules_unreadable.CODE}
"""Causes whose value is the name of a list, property or rule."""
_AN_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[A-Za-z]{2,24}")
_WRITTEN = frozenset(
    module.CODE
    for module in (
        address_swap,
        address_taken,
        field_format,
        field_length,
        field_option,
        field_range,
        field_type,
        required_field,
    )
)
"""Causes whose value is not there yet: it is what would be written."""
_EMPTY = frozenset(
    module.CODE for module in (email_missing, required_field, list_criteria, list_membership, list_beyond_goal)
)
_SIDES = {"hubspot": "HubSpot", "app": "the app"}


def sentence(code: str, field: str, value: str, rule: str, *, mask: bool) -> str:
    """What a finding says, safe to show: `HubSpot's city would be "…": HubSpot takes at most 60 characters here.`

    `field` is as in findings (`hubspot.city`), `value` raw. With `mask` the value is shown by its kind only; rules
    hold no personal data. Raises KeyError for an unknown code.
    """
    clause = visible(rule, SENTENCE_CHARACTERS) if rule else visible(cause(code).title)
    place, shown = _place(field), _value(value, mask=mask and (bool(field) or code not in _IMPERSONAL))
    if code.startswith(PREFIX):
        about = f" about {place}" if place else ""
        text = f"{clause}{about}: {shown}" if shown else f"{clause}{about}"
    elif place:
        verb = "would be" if code in _WRITTEN else "is"
        empty = f" {verb} empty" if code in _EMPTY else ""
        text = f"{place} {verb} {shown}: {clause}" if shown else f"{place}{empty}: {clause}"
    elif shown and code in _OF_A_LIST:
        text = f"the list {shown}: {clause}"
    elif shown:
        text = f"{clause}: {shown}"
    else:
        text = clause
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _place(field: str) -> str:
    if not field:
        return ""
    side, dot, name = field.partition(".")
    if not dot or side not in _SIDES:
        return f"field {visible(field, VALUE_CHARACTERS)}"
    return f"{_SIDES[side]}'s {visible(name.removeprefix('_'), VALUE_CHARACTERS)}"


def _value(value: str, *, mask: bool) -> str:
    if not value:
        return ""
    cut = f" (first {EVIDENCE_CHARACTERS} characters)" if len(value) >= EVIDENCE_CHARACTERS else ""
    if not mask:
        return f'"{visible(value, VALUE_CHARACTERS)}"{cut}'
    # Of an address, its first letter and top-level domain are shown; nothing of any other text may be.
    return masked(value if _AN_ADDRESS.fullmatch(value.strip()) else value.replace("@", " ")) + cut
