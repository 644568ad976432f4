"""Whether a check that pairs only what has changed and plans only what is due says what a check of everything would have said."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engine.connection import Connection
from engine.cycle import plan_all
from engine.gates import Gate
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.situation import recall
from engine.sqlite import sqlite3
from engine.workspace import Workspace

_ANSWERS = {
    "contact": "SELECT id, anchor, hubspot_id, app_id, linked_at, linked_by, matched_by, hubspot_twins, app_twins, "
    "hubspot_candidates, app_candidates, erased, email, name, hubspot_row, app_row FROM contact",
    "verdict": "SELECT contact_id, state, cause FROM verdict",
    "finding": "SELECT contact_id, code, field, state, blocking, value, rule FROM open_findings",
    "write": "SELECT contact_id, side, kind, field, before, value FROM planned_write",
    "conflict": "SELECT contact_id, field, hubspot_value, app_value, reason FROM conflict",
}


def kept_answers(run: Run) -> int:
    """How many verdicts this run let stand."""
    return int(run.workspace.value("SELECT count(*) FROM verdict WHERE run_id < ?", (run.id,)))


def whole_says_otherwise(run: Run, connection: Connection, gates: Sequence[Gate]) -> list[str]:
    """What pairing every record and planning every contact, in a copy of the workspace, answers otherwise than the run that has just
    ended."""
    with tempfile.NamedTemporaryFile(dir=run.workspace.path.parent, suffix=".sqlite") as file:
        # Beside the workspace, where the key of the list of erased people lies.
        with closing(sqlite3.connect(file.name)) as copy:
            run.workspace.sql.backup(copy)
        with Workspace(Path(file.name)) as whole:
            situation = recall(whole, connection)
            pair_contacts(whole, situation.schemas, whole=True)
            plan_all(Run(whole, "check", now=run.now), situation, gates)
            pairs = ((what, _said(run.workspace, what), _said(whole, what)) for what in _ANSWERS)
            return [f"{what}: kept {kept - now}, now {now - kept}" for what, kept, now in pairs if kept != now]


def _said(workspace: Workspace, what: str) -> set[tuple[object, ...]]:
    return {tuple(row) for row in workspace.rows(_ANSWERS[what])}
