"""Records what became of writes: journal, mirror, link, quarantine and base, all in one transaction.

So a crash leaves either a write that is looked up at the next start, or all that follows from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.base import keep_written, mapping_names
from engine.connectors import Outcome
from engine.fields import fields_of
from engine.gates import Situation
from engine.journal import move
from engine.memory import UNDECIDED
from engine.mirror import store
from engine.operations import ALREADY_LINKED, AMBIGUOUS, GONE, KEPT_DIFFERENTLY, Operation, State
from engine.quarantine import keep, release
from engine.runs import Run, iso
from engine.schema import Side
from engine.sqlite import sqlite3
from engine.undo import hold_undone


def record(
    run: Run,
    situation: Situation,
    side: Side,
    operations: Sequence[Operation],
    outcomes: Sequence[Outcome],
    *,
    looked_up: bool = False,
) -> list[Outcome]:
    """Stores the outcomes of writes to one side and gives them as they were stored.

    What the side kept becomes the base. With `looked_up` (no answer said so) only fields that hold what was sent do:
    anything else may be somebody's own value, and so may what differs between a write's answer and its read-back. A
    decision is over with the write that it led to. An applied write whose record is another contact's becomes a refusal.
    What an undo has written, or may have, waits for a person from here on.
    """
    schema = situation.schemas[side]
    fields = fields_of(situation, side)
    names = mapping_names(situation)
    moment = run.now()
    with run.workspace.transaction() as sql:
        outcomes = [_not_twice(run, op, outcome) for op, outcome in zip(operations, outcomes, strict=True)]
        found = [outcome.record for outcome in outcomes if outcome.record]
        store(run.workspace, schema, found, fields, run.id)
        outcomes = [_with_differences(op, outcome) for op, outcome in zip(operations, outcomes, strict=True)]
        written: list[tuple[int, str]] = []
        given: list[tuple[int, str]] = []
        undone: list[tuple[int, str]] = []
        reached: list[tuple[int, Operation]] = []
        configured = situation.connection.hubspot.on_create if side == "hubspot" else {}
        for op, outcome in zip(operations, outcomes, strict=True):
            path: tuple[State, ...]
            if outcome.state == "applied":
                contact = _linked(sql, op, outcome, iso(moment))
                release(sql, contact, side, list(op.values))
                unsure = {*(kept_differently(op, outcome) if looked_up else ()), *outcome.edited}
                sure = [name for name in op.values if name not in unsure]
                if not _moved(op, outcome):
                    reached.append((contact, op))
                    written += [(contact, names[side, name]) for name in sure if (side, name) in names]
                if op.undoes is not None:
                    undone += [(contact, names[side, name]) for name in sure if (side, name) in names]
                if op.kind == "create":
                    given += [(contact, names[side, name]) for name in configured if (side, name) in names]
                path = ("applied", "verified") if outcome.read_back else ("applied",)
            elif outcome.state == "refused":
                path = (keep(sql, situation, op, outcome, run.id, moment),)
            else:
                path = ("in_doubt",) if outcome.state == "in_doubt" else ("superseded",)
                if looked_up and outcome.code in (AMBIGUOUS, GONE) and op.kind == "update":
                    forget_base(sql, op, names, outcome)
                    reached.append((op.contact, op))
            _close(sql, op, outcome, path, iso(moment))
        keep_written(run, situation, written, given, found_on=side if looked_up else None, undone=undone, on=side)
        hold_undone(run, situation, reached)
        sql.executemany(
            "UPDATE decision SET ended_at = ? WHERE contact_id = ? AND field = ? AND winner <> ? AND ended_at IS NULL",
            [(iso(moment), contact, name, UNDECIDED) for contact, name in written],
        )
    return list(outcomes)


def kept_differently(op: Operation, outcome: Outcome) -> list[str]:
    """The sent fields that the side holds in another spelling, or not at all."""
    held = outcome.record.values if outcome.record else {}
    return [name for name, value in op.values.items() if name in held and held[name].strip() != value.strip()]


def _with_differences(op: Operation, outcome: Outcome) -> Outcome:
    different = kept_differently(op, outcome) if outcome.state == "applied" else ()
    return replace(outcome, code=KEPT_DIFFERENTLY, field=different[0]) if different else outcome


def _moved(op: Operation, outcome: Outcome) -> bool:
    """Whether an update went to a record that was merged into another one meanwhile: pairing says whose it is now."""
    return op.kind == "update" and outcome.record is not None and outcome.record.id != op.record_id


def _not_twice(run: Run, op: Operation, outcome: Outcome) -> Outcome:
    if outcome.state not in ("applied", "exists") or not outcome.record:
        return outcome
    if op.kind == "create" and linked_elsewhere(run, op.side, op.contact, outcome.record.id):
        message = "the record already belongs to another contact; merge the two, or correct the address"
        return replace(outcome, state="refused", record=None, code=ALREADY_LINKED, message=message, field="")
    return outcome


def linked_elsewhere(run: Run, side: Side, contact: int, record_id: str) -> bool:
    """Whether a record already belongs to another link: it cannot belong to two."""
    query = f"SELECT 1 FROM contact WHERE {side}_id = ? AND id <> ? AND linked_at IS NOT NULL"
    return run.workspace.value(query, (record_id, contact)) is not None


def _close(sql: sqlite3.Connection, op: Operation, outcome: Outcome, path: Sequence[State], moment: str) -> None:
    now = sql.execute("SELECT state FROM journal WHERE id = ?", (op.entry,)).fetchone()["state"]
    if path == (now,):
        return
    move(
        sql,
        op.entry,
        path,
        moment,
        record_id=outcome.record.id if outcome.record else op.record_id,
        kept=json.dumps(dict(outcome.record.values), ensure_ascii=False) if outcome.record else None,
        status=outcome.status,
        code=outcome.code,
        field=outcome.field,
        message=outcome.message,
        correlation_id=outcome.correlation_id,
    )


def _linked(sql: sqlite3.Connection, op: Operation, outcome: Outcome, moment: str) -> int:
    """Links an applied write's record to its contact. Returns the contact: pairing may have given it another row since."""
    column = f"{op.side}_id"
    found = outcome.record
    there = sql.execute("SELECT 1 FROM contact WHERE id = ?", (op.contact,)).fetchone()
    if found and not there:
        row = sql.execute(f"SELECT id FROM contact WHERE {column} = ?", (found.id,)).fetchone()
        return int(row["id"]) if row else op.contact
    if found:
        sql.execute(f"UPDATE contact SET {op.side}_written_at = ? WHERE id = ?", (found.updated_at, op.contact))
        # The record may stand alone in a row of its own: it was found by looking, after its answer was lost.
        sql.execute(
            f"UPDATE contact SET {column} = NULL WHERE {column} = ? AND id <> ? AND linked_at IS NULL",
            (found.id, op.contact),
        )
    sql.execute(
        f"UPDATE contact SET {column} = coalesce({column}, ?) WHERE id = ?",
        (found.id if found and op.kind == "create" else None, op.contact),
    )
    sql.execute(
        "UPDATE contact SET linked_by = ?, linked_at = ? WHERE id = ? AND linked_at IS NULL AND hubspot_id IS NOT NULL "
        "AND app_id IS NOT NULL",
        (_linked_by(op), moment, op.contact),
    )
    return op.contact


def _linked_by(op: Operation) -> str:
    return "created" if op.kind == "create" else "email"


def forget_base(
    sql: sqlite3.Connection, op: Operation, names: Mapping[tuple[Side, str], str], outcome: Outcome
) -> None:
    """After an unclear outcome: the fields' base is gone and the record's time says nothing about who changed it, so the
    policy for a first meeting applies and "latest" has no evidence."""
    sql.executemany(
        "DELETE FROM base_field WHERE contact_id = ? AND field = ?",
        [(op.contact, names[op.side, field]) for field in op.values if (op.side, field) in names],
    )
    if outcome.record:
        sql.execute(
            f"UPDATE contact SET {op.side}_written_at = ? WHERE id = ?", (outcome.record.updated_at, op.contact)
        )
