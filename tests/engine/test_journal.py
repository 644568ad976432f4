"""The journal's rows: which ways they may go, what a crash leaves, and who gets no new write."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from engine.errors import WorkspaceError
from engine.journal import intend, move, note_planned, supersede_left_over, unsettled, without_doubt
from engine.operations import MOVES, ForbiddenMove, Operation, State, along
from engine.runs import Run
from engine.workspace import Workspace

STATES: tuple[State, ...] = get_args(State)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run on an empty workspace."""
    return Run(Workspace(tmp_path / "w.sqlite"), "sync")


def operation(contact: int, record_id: str | None = None, email: str = "") -> Operation:
    """A write to the app."""
    kind = "update" if record_id else "create"
    ids = {"hubspot": f"h{contact}", "app": record_id}
    return Operation(contact, "app", kind, ids, email, {"CITY": "Bern"}, {"CITY": ""})  # type: ignore[arg-type]


def states(run: Run) -> list[str]:
    """The rows' states in order."""
    return [row["state"] for row in run.workspace.rows("SELECT state FROM journal ORDER BY id")]


@pytest.mark.parametrize(("now", "to"), list(product(STATES, STATES)))
def test_a_row_goes_only_where_its_state_leads(run: Run, now: State, to: State) -> None:
    """Every pair of states: allowed ones move the row, all others are a defect and change nothing."""
    (op,) = note_planned(run, [operation(1)])
    run.workspace.sql.execute("UPDATE journal SET state = ?", (now,))
    allowed = to in MOVES[now]
    if not allowed:
        with pytest.raises(ForbiddenMove), run.workspace.transaction() as sql:
            move(sql, op.entry, (to,), "later")
    else:
        with run.workspace.transaction() as sql:
            move(sql, op.entry, (to,), "later")
    assert states(run) == [to if allowed else now]


def test_nothing_that_was_sent_is_ever_planned_again() -> None:
    """No way leads back to `planned` or `intent`, and every state can end."""
    assert not [state for state in STATES if "planned" in MOVES[state]]
    assert [state for state in STATES if "intent" in MOVES[state]] == ["planned"]
    assert along("planned", "intent", "in_doubt", "applied", "verified") == "verified"


def test_a_plan_is_stored_whole_and_its_rest_is_superseded(run: Run) -> None:
    """A run that dies after one batch leaves a record of what it would have done; the next one closes it."""
    first, *_ = note_planned(run, [operation(1), operation(2), operation(3)])
    intend(run, [first])
    assert states(run) == ["intent", "planned", "planned"]

    assert supersede_left_over(run) == 2

    assert states(run) == ["intent", "superseded", "superseded"]
    (left,) = unsettled(run.workspace)
    assert (left.entry, left.contact, left.values, left.before) == (first.entry, 1, {"CITY": "Bern"}, {"CITY": ""})


@pytest.mark.parametrize("state", ["intent", "in_doubt"])
def test_who_is_in_doubt_gets_no_new_write_on_that_side(run: Run, state: str) -> None:
    """Known by contact, by record, or by the address of a create, for pairing may give a contact another row."""
    note_planned(run, [operation(1, email="a@firma.example"), operation(2, "m2", "b@firma.example")])
    run.workspace.sql.execute("UPDATE journal SET state = ?", (state,))
    same_contact, same_record = operation(1, "m9"), operation(8, "m2")
    same_address, updated_address = operation(9, email="a@firma.example"), operation(7, email="b@firma.example")
    left = without_doubt(run.workspace, [same_contact, same_record, same_address, updated_address, operation(5)])
    assert [op.contact for op in left] == [7, 5]


def test_a_plan_that_cannot_be_stored_leaves_nothing(run: Run) -> None:
    """All rows or none: the disk is full before the end."""
    pages = run.workspace.value("PRAGMA page_count")
    run.workspace.sql.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(WorkspaceError, match="disk is full"):
        note_planned(run, [operation(number, email="x" * 500) for number in range(1000)])
    assert states(run) == []
