"""Which rows of the quarantine hold something back now: those that the last answer still named as refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.runs import iso
from engine.schema import Side
from engine.workspace import Workspace

ERASED, CONSENT = "refused-erased", "refused-consent"


@dataclass(frozen=True)
class HeldBack:
    """A refused write that waits: a field, or (empty) the whole record."""

    contact: int
    side: Side
    field: str


def holding(codes: str = "refused-*") -> str:
    """A condition on `quarantine q`; `codes` is the pattern of the causes that count, one of our own and never outside text.

    A refusal whose write nobody wants any more, or that has woken, stays in the table: the same value would be refused again.
    """
    return (
        f"EXISTS (SELECT 1 FROM open_findings f WHERE f.contact_id = q.contact_id AND f.code GLOB '{codes}' "
        "AND f.field = CASE q.field WHEN '' THEN '' ELSE q.side || '.' || q.field END)"
    )


def held_back(
    workspace: Workspace, *, contact: int | None = None, code: str = "", since: datetime | None = None
) -> tuple[HeldBack, ...]:
    """What holds something back now and may be tried again: of one contact, of one class of refusals (`code`, one of our own),
    refused since a time, or all. A person whom the side calls erased stays away; one whose own consent it wants is asked for by name or
    by that class alone."""
    asked_for = contact is not None or code == CONSENT
    rows = workspace.rows(
        f"SELECT q.contact_id, q.side, q.field FROM quarantine q WHERE {holding(code or 'refused-*')} "
        f"AND NOT {holding(ERASED)} AND (?3 OR NOT {holding(CONSENT)}) "
        "AND (?1 IS NULL OR q.contact_id = ?1) AND q.at >= ?2 ORDER BY q.contact_id, q.side, q.field",
        (contact, iso(since) if since else "", asked_for),
    )
    return tuple(HeldBack(*row) for row in rows)
