"""The journal of writes: intent before the request, outcome after it, links and quarantine that follow from it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from engine.connectors import Outcome
from engine.mirror import TABLE
from engine.plan import digest_of
from engine.runs import Run, iso
from engine.schema import Side

NOT_APPLIED = "not-applied"
ALREADY_LINKED = "ALREADY_LINKED"
Found = Literal["applied", "not_applied", "ambiguous"]


@dataclass(frozen=True)
class Operation:
    """All that one request item will do for one contact: `values` to send, `before` as they were; `ids` of its records."""

    contact: int
    side: Side
    kind: Literal["create", "update"]
    ids: Mapping[Side, str | None]
    email_key: str
    values: Mapping[str, str]
    before: Mapping[str, str]
    undoes: int | None = None
    """The journal's entry that this one takes back."""

    @property
    def record_id(self) -> str | None:
        """The record that is written to; None for a create."""
        return self.ids[self.side]


def planned_operations(run: Run) -> list[Operation]:
    """The operations in the table `planned_write`, in the order of kinds, sides and contacts."""
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
    return operations


def intend(run: Run, batch: Sequence[Operation]) -> list[int]:
    """Stores the intent of each operation, committed before anything is sent. Returns the journal's ids."""
    entries = []
    with run.workspace.transaction() as sql:
        for op in batch:
            sent, before = (json.dumps(dict(values), ensure_ascii=False) for values in (op.values, op.before))
            row = (
                run.id, op.contact, op.side, op.kind, op.record_id, op.email_key, sent, before, iso(run.now()), op.undoes,
            )  # fmt: skip
            cursor = sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, record_id, email_key, state, sent, before, planned_at, "
                "undoes) VALUES (?, ?, ?, ?, ?, ?, 'intent', ?, ?, ?, ?)",
                row,
            )
            entries.append(int(cursor.lastrowid or 0))
    return entries


def forget(run: Run, entries: Sequence[int]) -> None:
    """Marks intents whose request was certainly not applied; the planner plans them anew."""
    with run.workspace.transaction() as sql:
        sql.executemany(
            "UPDATE journal SET state = 'superseded', code = ?, settled_at = ? WHERE id = ?",
            [(NOT_APPLIED, iso(run.now()), entry) for entry in entries],
        )


def record(run: Run, side: Side, batch: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
    """Stores what became of each operation: journal, link for what was applied, quarantine for what was refused."""
    with run.workspace.transaction() as sql:
        for op, outcome in zip(batch, outcomes, strict=True):
            _close(sql, op, outcome, iso(run.now()))
            if outcome.state == "applied":
                _link(sql, side, op, outcome, iso(run.now()))
            elif outcome.state == "refused":
                _quarantine(sql, op, outcome, run.id, iso(run.now()))


def _close(sql: sqlite3.Connection, op: Operation, outcome: Outcome, moment: str) -> None:
    kept = json.dumps(dict(outcome.record.values), ensure_ascii=False) if outcome.record else None
    state: str = outcome.state
    if outcome.code == NOT_APPLIED:
        state = "superseded"
    elif state == "applied" and outcome.record:
        state = "verified"
    sql.execute(
        "UPDATE journal SET state = ?, record_id = ?, kept = ?, status = ?, code = ?, field = ?, message = ?, "
        "correlation_id = ?, settled_at = ? WHERE id = ?",
        (
            state,
            outcome.record.id if outcome.record else op.record_id,
            kept,
            outcome.status,
            outcome.code,
            outcome.field,
            outcome.message,
            outcome.correlation_id,
            None if state == "in_doubt" else moment,
            outcome.operation,
        ),
    )


def _link(sql: sqlite3.Connection, side: Side, op: Operation, outcome: Outcome, moment: str) -> None:
    column = f"{side}_id"
    if outcome.record:
        sql.execute(f"UPDATE contact SET {side}_written_at = ? WHERE id = ?", (outcome.record.updated_at, op.contact))
        # The record may stand alone in a row of its own: it was found by looking, after its answer was lost.
        sql.execute(
            f"UPDATE contact SET {column} = NULL WHERE {column} = ? AND id <> ? AND linked_at IS NULL",
            (outcome.record.id, op.contact),
        )
    sql.execute(
        f"UPDATE contact SET {column} = coalesce(?, {column}), linked_by = CASE WHEN linked_at IS NULL THEN ? "
        "ELSE linked_by END, linked_at = coalesce(linked_at, ?) WHERE id = ?",
        (
            outcome.record.id if outcome.record else None,
            "created" if op.kind == "create" else "email",
            moment,
            op.contact,
        ),
    )
    sql.execute("DELETE FROM quarantine WHERE contact_id = ? AND side = ?", (op.contact, side))


def _quarantine(sql: sqlite3.Connection, op: Operation, outcome: Outcome, run: int, moment: str) -> None:
    sent = "\x1e".join(f"{field}\x1f{op.values[field]}" for field in sorted(op.values))
    sql.execute(
        "INSERT OR REPLACE INTO quarantine(contact_id, side, field, sent, code, message, correlation_id, run_id, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            op.contact,
            op.side,
            outcome.field,
            digest_of(sent),
            outcome.code,
            outcome.message,
            outcome.correlation_id,
            run,
            moment,
        ),
    )


def linked_elsewhere(run: Run, side: Side, contact: int, record_id: str) -> bool:
    """Whether a record already belongs to another link: it cannot belong to two."""
    query = f"SELECT 1 FROM contact WHERE {side}_id = ? AND id <> ? AND linked_at IS NOT NULL"
    return run.workspace.value(query, (record_id, contact)) is not None


def what_became(sent: Mapping[str, str], before: Mapping[str, str], now: Mapping[str, str | None]) -> Found:
    """Whether an update without an answer was applied, judged by the record as it is now.

    `ambiguous`: the record holds something else than what was there and what was sent (the server changed the value,
    or a person did).
    """

    def same(values: Mapping[str, str]) -> bool:
        return all((now.get(field) or "").strip() == value.strip() for field, value in values.items())

    return "applied" if same(sent) else "not_applied" if same(before) else "ambiguous"


def forget_base(
    run: Run, contact: int, side: Side, fields: Sequence[str], names: Mapping[tuple[Side, str], str], at: str
) -> None:
    """After an ambiguous outcome: the fields' base is gone and the record's time says nothing about who changed it,
    so the policy for a first meeting applies and "latest" has no evidence."""
    with run.workspace.transaction() as sql:
        sql.executemany(
            "DELETE FROM base_field WHERE contact_id = ? AND field = ?",
            [(contact, names[side, field]) for field in fields if (side, field) in names],
        )
        sql.execute(f"UPDATE contact SET {side}_written_at = ? WHERE id = ?", (at, contact))


def settle_after_crash(run: Run, names: Mapping[tuple[Side, str], str]) -> int:
    """Settles the entries of a run that was cut off, from a fresh mirror: nothing is sent again.

    A create counts as applied if the side now has one record with that normalised e-mail. `names` gives the mapping
    of a side's field. Returns how many entries were settled.
    """
    entries = run.workspace.rows("SELECT * FROM journal WHERE state IN ('intent', 'in_doubt')")
    for entry in entries:
        table, sent, before = TABLE[entry["side"]], json.loads(entry["sent"]), json.loads(entry["before"])
        create = entry["kind"] == "create"
        column, value = ("_email_key", entry["email_key"]) if create else ("_id", entry["record_id"])
        rows = run.workspace.rows(f"SELECT * FROM {table} WHERE {column} = ? AND {column} <> ''", (value,))
        became: Found = "not_applied"
        if len(rows) == 1:
            became = "applied" if create else what_became(sent, before, dict(rows[0]))
        if became == "ambiguous":
            forget_base(run, entry["contact_id"], entry["side"], list(sent), names, rows[0]["_updated_at"])
        done = became == "applied"
        with run.workspace.transaction() as sql:
            sql.execute(
                "UPDATE journal SET state = ?, record_id = ?, code = ?, settled_at = ? WHERE id = ?",
                (
                    "verified" if done else "superseded",
                    rows[0]["_id"] if done else entry["record_id"],
                    "" if done else NOT_APPLIED,
                    iso(run.now()),
                    entry["id"],
                ),
            )
    if entries:
        run.event(
            "warning", "settled", f"{len(entries)} writes of a run that was cut off were looked up on the other side"
        )
    return len(entries)
