"""The rows of the table `journal`: the plan of a run, the intent before each request, the outcome after it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from engine.mirror import columns_of, mirrored
from engine.operations import NEVER_SENT, UNSETTLED, Operation, State, along
from engine.runs import Run, iso
from engine.schema import Side
from engine.sqlite import sqlite3
from engine.workspace import Workspace

_COLUMNS = ("record_id", "kept", "status", "code", "field", "message", "correlation_id")


def planned_operations(run: Run) -> list[Operation]:
    """The operations in the table `planned_write`, in the order of kinds, sides and contacts.

    A contact with a write whose outcome nobody knows yet gets none for that side.
    """
    rows = run.workspace.rows(
        "SELECT p.contact_id, p.side, p.kind, p.field, p.before, p.value, c.hubspot_id, c.app_id, "
        "coalesce(nullif(h._email_key, ''), a._email_key, '') AS email_key "
        "FROM planned_write p JOIN contact c ON c.id = p.contact_id LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "LEFT JOIN app_contact a ON a._id = c.app_id ORDER BY p.kind, p.side, p.contact_id, p.field"
    )
    operations = []
    for _, group in groupby(rows, key=lambda row: (row["kind"], row["side"], row["contact_id"])):
        fields = list(group)
        first = fields[0]
        operations.append(
            Operation(
                contact=first["contact_id"],
                side=first["side"],
                kind=first["kind"],
                ids={"hubspot": first["hubspot_id"], "app": first["app_id"]},
                email_key=first["email_key"],
                values={row["field"]: row["value"] for row in fields},
                before={row["field"]: row["before"] for row in fields},
            )
        )
    return without_doubt(run.workspace, operations)


def without_doubt(workspace: Workspace, operations: Iterable[Operation]) -> list[Operation]:
    """The operations of contacts that have no unsettled write on that side: known by contact, record or address."""
    doubtful: set[tuple[Side, str, object]] = set()
    for row in workspace.rows(f"SELECT side, kind, contact_id, record_id, email_key FROM journal WHERE {_UNSETTLED}"):
        doubtful |= {(row["side"], "contact", row["contact_id"]), (row["side"], "record", row["record_id"])}
        if row["kind"] == "create":
            doubtful.add((row["side"], "address", row["email_key"]))

    def settled(op: Operation) -> bool:
        names = {(op.side, "contact", op.contact), (op.side, "record", op.record_id or "")}
        return not (doubtful & (names | {(op.side, "address", op.email_key or None)}))

    return [op for op in operations if settled(op)] if doubtful else list(operations)


_UNSETTLED = "state IN ('intent', 'in_doubt')"


def unsettled(workspace: Workspace) -> list[Operation]:
    """The writes of earlier runs whose outcome nobody knows."""
    return [
        Operation(
            contact=row["contact_id"],
            side=row["side"],
            kind=row["kind"],
            ids={"hubspot": None, "app": None, row["side"]: row["record_id"]},
            email_key=row["email_key"],
            values=json.loads(row["sent"]),
            before=json.loads(row["before"]),
            undoes=row["undoes"],
            entry=row["id"],
        )
        for row in workspace.rows(f"SELECT * FROM journal WHERE {_UNSETTLED} ORDER BY id")
    ]


def note_planned(run: Run, operations: Sequence[Operation]) -> list[Operation]:
    """Stores operations as `planned`, all or none, so that a crash leaves a readable record. Gives them with their rows."""
    noted = []
    moment = iso(run.now())
    with run.workspace.transaction() as sql:
        for op in operations:
            sent, before = (json.dumps(dict(values), ensure_ascii=False) for values in (op.values, op.before))
            row = (run.id, op.contact, op.side, op.kind, op.record_id, op.email_key, sent, before, moment, op.undoes)
            cursor = sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, record_id, email_key, state, sent, before, "
                "planned_at, undoes) VALUES (?, ?, ?, ?, ?, ?, 'planned', ?, ?, ?, ?)",
                row,
            )
            noted.append(replace(op, entry=int(cursor.lastrowid or 0)))
    return noted


def intend(run: Run, batch: Sequence[Operation]) -> None:
    """Commits the intent of each operation, before anything is sent."""
    with run.workspace.transaction() as sql:
        for op in batch:
            move(sql, op.entry, ("intent",), iso(run.now()))


def supersede(run: Run, entries: Collection[int], code: str) -> None:
    """Closes rows whose request was not sent or certainly not applied; the planner plans them anew."""
    if not entries:
        return
    with run.workspace.transaction() as sql:
        for entry in entries:
            move(sql, entry, ("superseded",), iso(run.now()), code=code)


def supersede_left_over(run: Run) -> int:
    """Closes the rows that an earlier run planned and never came to. Returns how many there were."""
    left = [row["id"] for row in run.workspace.rows("SELECT id FROM journal WHERE state = 'planned'")]
    supersede(run, left, NEVER_SENT)
    return len(left)


def verify_applied(run: Run) -> int:
    """Closes rows whose read-back had failed, where the mirror shows now what was sent. Returns how many."""
    verified = []
    for row in run.workspace.rows("SELECT id, side, record_id, sent FROM journal WHERE state = 'applied'"):
        values = json.loads(row["sent"])
        if not set(values) <= set(columns_of(run.workspace, row["side"])):
            continue
        held = mirrored(run.workspace, row["side"], [row["record_id"]], list(values)).get(row["record_id"], {})
        if held and all((held[name] or "").strip() == value.strip() for name, value in values.items()):
            verified.append(row["id"])
    if verified:
        with run.workspace.transaction() as sql:
            for entry in verified:
                move(sql, entry, ("verified",), iso(run.now()))
    return len(verified)


def move(sql: sqlite3.Connection, entry: int, states: Sequence[State], moment: str, **known: object) -> None:
    """Moves a row along `states` and notes what is `known` now (columns of the outcome).

    Raises ForbiddenMove if the states are not allowed one after the other; nothing is then changed.
    """
    now = sql.execute("SELECT state FROM journal WHERE id = ?", (entry,)).fetchone()["state"]
    state = along(now, *states)
    columns = {name: value for name, value in known.items() if name in _COLUMNS}
    columns |= {"state": state, "settled_at": None if state in UNSETTLED else moment}
    assignments = ", ".join(f"{name} = ?" for name in columns)
    sql.execute(f"UPDATE journal SET {assignments} WHERE id = ?", (*columns.values(), entry))
