"""What a class of refusals is: how a server's refusal is recognised, and the texts of the cause that it becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from diagnostics.causes import document
from diagnostics.causes.cause import FixedBy, Nature, Question
from diagnostics.signature import without_values
from engine.gates import State

PREFIX = "refused-"
"""All codes of these causes begin with it, and no other cause's does."""


@dataclass(frozen=True)
class Refusal:
    """A class of refusals. `codes`, in capitals, are the servers' codes, categories and titles that mean it, no two classes
    have one in common; `field_codes` mean it only for one of `fields`. `words` is a pattern for messages whose code says nothing; it sees them in small letters and
    without quoted or bracketed values. `state` is the verdict: excluded if a documented rule keeps the person out."""

    code: str
    title: str
    explanation: str
    remedy: str
    fixed_by: FixedBy
    question: Question = "d"
    says: str = document.RULES_MATTER
    nature: Nature = "actionable"
    state: State = "failing"
    codes: frozenset[str] = frozenset()
    field_codes: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    words: str = ""


def classified(classes: tuple[Refusal, ...], code: str, field: str, message: str) -> Refusal:
    """The one class of a refusal: by its code for this field, else by its code, else by its words, else the last one."""
    # A sub-category may come with a path before it: crm.contacts.INVALID_EMAIL.
    named = code.strip().rpartition(".")[2].upper()
    for one in classes:
        if field in one.fields and named in one.field_codes:
            return one
    for one in classes:
        if named in one.codes:
            return one
    said = " ".join(without_values(message).lower().split())
    return next((one for one in classes if one.words and re.search(one.words, said)), classes[-1])
