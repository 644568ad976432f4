"""The catalogue as a document. `python -m diagnostics.causes.catalogue` prints docs/causes.md."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostics.causes import CAUSES
from diagnostics.causes.cause import Cause, Question
from diagnostics.causes.refusals import CLASSES, NOT_FOR_CONTACTS, Refusal

QUESTIONS: dict[Question, str] = {
    "a": "a) E-mail address",
    "b": "b) Unwanted data and opt-in",
    "c": "c) Inclusion list",
    "d": "d) Field validation",
    "access": "Access to a side",
    "sync": "The syncing itself",
}
"""The four checks of HubSpot's guide, and what stands beside them."""

_NEEDS = {
    "list": "the inclusion list",
    "subscription": "the subscription statuses",
    "rules": "the validation rules",
    "required fields": "the required fields",
}
_HEAD = """# Causes

<!-- Generated from diagnostics/causes; do not edit. Regenerate: make causes -->

Why a contact does not sync. Causes are tried in this order and the first that stops a contact decides its verdict; all that were
found are kept. `syncdoctor causes` lists them, `syncdoctor causes CODE` shows one. *Actionable*: somebody has to do something.
*Transient*: it passes by itself. The German sentence is the one of HubSpot's guide to data sync that the cause stands for.
"""
_REFUSED = """## What servers refuse

The causes whose codes begin with `refused-` are classes of refusals. Every refusal has exactly one: by the server's code,
category or title, else by its words, else `refused-unknown`, which is grouped by signature (the words without values). A refused
field is held back alone and sent again as soon as its value, its rules or its mapping change; the classes differ in what has to
be done, not in how they are written.

| class | codes, categories and titles |
|---|---|
"""


def meanings(code: str) -> tuple[str, ...]:
    """The servers' codes, categories and titles that a class of refusals stands for; none for any other cause."""
    return next((tuple(sorted(one.codes | one.field_codes)) for one in CLASSES if one.code == code), ())


def markdown() -> str:
    """The text of docs/causes.md."""
    return "\n".join((_HEAD, *_table(CAUSES), "", *(_section(one) for one in CAUSES), _REFUSED + _codes()))


def _table(causes: Iterable[Cause]) -> Iterable[str]:
    yield "| code | title | who fixes it | nature |"
    yield "|---|---|---|---|"
    for one in causes:
        yield f"| [`{one.code}`](#{one.code}) | {one.title} | {one.fixed_by} | {one.nature} |"


def _section(one: Cause) -> str:
    needs = " or ".join(_NEEDS.get(need) or f"`{need}`" for need in one.needs)
    observed = f"* Where another engine writes: {one.observed}\n" if one.observed else ""
    return (
        f"## {one.code}\n\n**{one.title}.** {one.explanation}\n\n"
        f"* To do: {one.remedy}\n{observed}* Who: {one.fixed_by}, {one.nature}\n* Check: {QUESTIONS[one.question]}\n"
        + (f"* Unknown where these cannot be read: {needs}\n" if needs else "")
        + f"* „{one.says}“\n"
    )


def _codes() -> str:
    classes = [f"| `{one.code}` | {_recognised(one)} |" for one in CLASSES]
    left = [f"* {reason}: {_quoted(codes)}" for reason, codes in NOT_FOR_CONTACTS.items()]
    return "\n".join((*classes, "", "Import error types of HubSpot that cannot be met here:", "", *left, ""))


def _recognised(one: Refusal) -> str:
    always, sometimes, fields = (_quoted(names) for names in (one.codes, one.field_codes, one.fields))
    return (always or "by its words only") + (f"; of {fields} also {sometimes}" if sometimes else "")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    print(markdown(), end="")
