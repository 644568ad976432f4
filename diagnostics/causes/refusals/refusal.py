"""What a class of refusals is: how a server's refusal is recognised, and the texts of the cause that it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnostics.causes import document
from diagnostics.causes.cause import FixedBy, Nature, Question
from engine.gates import State
from engine.signature import without_values

PREFIX = "refused-"
"""All codes of these causes begin with it, and no other cause's does."""


@dataclass(frozen=True)
class Refusal:
    """A class of refusals.

    `codes`, in capitals, are the servers' codes, categories and titles that mean it; no two classes have one in common.
    `field_codes` mean it only for one of `fields`. `words` is a pattern for messages whose code says nothing; it sees them in
    small letters and without quoted or bracketed values. `state` is the verdict where the whole record is refused: excluded
    if a documented rule keeps the person out.
    """

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


def by_code(classes: Iterable[Refusal]) -> dict[tuple[str, str], Refusal]:
    """The classes by (code, field); the field is empty where the code means the class for every field."""
    table: dict[tuple[str, str], Refusal] = {}
    for one in classes:
        table |= {(code, ""): one for code in one.codes}
        table |= {(code, field): one for code in one.field_codes for field in one.fields}
    return table


def bare_code(code: str) -> str:
    """A code in capitals, without the path that a sub-category may bring along: `crm.contacts.INVALID_EMAIL`."""
    return code.strip().rpartition(".")[2].upper()


def by_words(classes: Sequence[Refusal], message: str) -> Refusal:
    """The first class whose words the message has, else the last one."""
    said = " ".join(without_values(message).lower().split())
    return next((one for one in classes if one.words and re.search(one.words, said)), classes[-1])
