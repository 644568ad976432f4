"""How a run would be taken back, judged by what the last observation saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sqlite import sqlite3
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.connection import Connection
    from engine.undo import UndoPlan

UNDO_WHY: Mapping[str, str] = {
    "created": "created by the run: nothing is deleted by default",
    "changed-since": "changed since",
    "undone-already": "taken back already",
    "gone": "gone, or of no contact any more",
    "consent": "consent, which stays as it is",
    "not-mapped": "no longer mapped",
}
"""Why something is left as it is, in short; the codes are those of `engine.undo.Why`."""


@dataclass(frozen=True)
class Refusal:
    """A write of an undo that the side refused: its fields (by name where the side named one), and why. The texts are raw."""

    side: str
    record_id: str
    fields: tuple[str, ...]
    code: str
    message: str

    @property
    def reason(self) -> str:
        """The side's words, else its code."""
        return self.message or self.code or "without a reason"


REFUSED = "undoes IS NOT NULL AND state IN ('permanent', 'quarantined', 'retryable')"


def refusals(workspace: Workspace, number: int) -> tuple[Refusal, ...]:
    """What the sides refused of the undo that is run `number`; nothing for a run of another kind."""
    rows = workspace.rows(f"SELECT * FROM journal WHERE run_id = ? AND {REFUSED} ORDER BY id", (number,))
    return tuple(refusal(row) for row in rows)


def refusal(row: sqlite3.Row) -> Refusal:
    """A row of the journal as a refusal."""
    fields = (row["field"],) if row["field"] else tuple(json.loads(row["sent"]))
    return Refusal(row["side"], row["record_id"] or "", fields, row["code"], row["message"])


def wrote_nothing(workspace: Workspace, number: int) -> str:
    """Why run `number` has nothing to take back whatever the records hold now; empty if it wrote something."""
    rows = workspace.rows("SELECT command FROM run WHERE id = ?", (number,))
    if not rows:
        return f"there is no run {number}"
    if workspace.value(
        "SELECT 1 FROM journal WHERE run_id = ? AND state IN ('applied', 'verified') LIMIT 1", (number,)
    ):
        return ""
    return f"run {number} ({rows[0]['command']}) wrote nothing"


def undo_preview(workspace: Workspace, connection: Connection, number: int) -> UndoPlan:
    """The plan that `syncdoctor undo` would show without reading the sides again."""
    from engine.situation import recall
    from engine.undo import undo_plan

    return undo_plan(workspace, recall(workspace, connection), number)
