"""The texts of causes, for screens that open before the causes are loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CauseText:
    """What people read about a cause."""

    code: str
    title: str
    explanation: str
    remedy: str
    fixed_by: str
    says: str
    nature: str = "actionable"


def cause_text(code: str) -> CauseText:
    """A cause's texts; a code that this version does not know stands for itself.

    Loading the causes costs a third of a second (Polars): call it off the loop.
    """
    from diagnostics.causes import cause

    try:
        found = cause(code)
    except KeyError:
        return CauseText(
            code, code, "This version of Syncdoctor does not know this cause.", "Update Syncdoctor.", "us", ""
        )
    return CauseText(code, found.title, found.explanation, found.remedy, found.fixed_by, found.says, found.nature)
