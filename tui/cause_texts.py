"""The texts of causes, for screens that open before the causes are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.connection import Connection


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


def cause_text(code: str, connection: Connection | None = None) -> CauseText:
    """A cause's texts, with the remedy for a connection; a code that this version does not know stands for itself.

    Loading the causes costs a third of a second (Polars): call it off the loop.
    """
    from diagnostics.causes import cause

    try:
        found = cause(code)
    except KeyError:
        return CauseText(
            code, code, "This version of Syncdoctor does not know this cause.", "Update Syncdoctor.", "us", ""
        )
    remedy = found.to_do(connection) if connection else found.remedy
    return CauseText(code, found.title, found.explanation, remedy, found.fixed_by, found.says, found.nature)
