"""Undo: a plan like any other that puts the fields of a run's updates back to what they held before.

What is taken back, and what is not:
* A field goes back only where its record still holds what the run wrote. What somebody changed since stays.
* A record that the run created is not deleted: nothing is deleted by default. It is named.
* Consent is left as it is, in every case: an undo never makes anybody contactable again.

What the next sync does. After an undo one side holds the old value, the other still the newer one from which the run
had taken it. Nothing in the records says which of the two is right, so the field is held for a person: a row in
`decision` with the winner `ask` and both values, written before the undo is. While both sides hold these values the
planner gives a conflict, whatever direction and policy say. So the undone value is neither written again nor carried to
the other side. It ends when a person decides, or changes the value on either side: the base is what both sides held
after the undo, so the changed side flows.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.base import mapping_names
from engine.errors import ConfigurationError
from engine.gates import Situation
from engine.memory import UNDECIDED
from engine.merge import agreed_values, mapped_pairs
from engine.mirror import contacts_of, mirrored
from engine.observe import fields_to_read
from engine.operations import Operation
from engine.runs import Run, iso
from engine.schema import SIDES, Side
from engine.workspace import Workspace

Why = Literal["created", "changed-since", "undone-already", "gone", "consent", "not-mapped"]
WHY: Mapping[Why, str] = {
    "created": "the run created this record; nothing is deleted by default",
    "changed-since": "the record holds another value since",
    "undone-already": "it was taken back already",
    "gone": "the record is gone, or belongs to no contact any more",
    "consent": "consent stays as it is",
    "not-mapped": "the field is no longer part of the connection",
}
_WRITTEN = "state IN ('applied', 'verified')"
_OPT_OUT = "hs_email_optout"


@dataclass(frozen=True)
class Left:
    """What cannot be undone: a record, or one of its fields, and why."""

    side: Side
    record_id: str
    field: str
    why: Why


@dataclass(frozen=True)
class UndoPlan:
    """The operations that take back run `run`, and what is left as it is."""

    run: int
    operations: Sequence[Operation]
    left: Sequence[Left]

    @property
    def fields(self) -> int:
        """Single values that would go back."""
        return sum(len(op.values) for op in self.operations)

    @property
    def digest(self) -> str:
        """Equal for undos that write the same."""
        content = [
            [self.run, op.side, op.record_id, sorted(op.values.items()), sorted(op.before.items())]
            for op in self.operations
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def refuse_unless(self, expected: str, name: str) -> None:
        """Raises ConfigurationError if a person confirmed another undo than this one."""
        if expected and expected != self.digest:
            raise ConfigurationError(
                "records changed since this undo was shown; nothing was written",
                where=f"connection {name}, run {self.run}",
                remedy=f"Look at it again: syncdoctor undo {name} {self.run}",
            )


def undo_plan(workspace: Workspace, situation: Situation, number: int) -> UndoPlan:
    """How to take back run `number`, judged by the mirror as it is now.

    Raises ConfigurationError if there is no such run.
    """
    if workspace.value("SELECT 1 FROM run WHERE id = ?", (number,)) is None:
        name = situation.connection.name
        raise ConfigurationError(f"there is no run {number}", where=name, remedy=f"Look: syncdoctor log {name}")
    rows = workspace.rows(f"SELECT * FROM journal WHERE run_id = ? AND {_WRITTEN} ORDER BY id", (number,))
    left = [Left(row["side"], row["record_id"] or "", "", "created") for row in rows if row["kind"] == "create"]
    operations: list[Operation] = []
    may_go_back = frozenset(mapping_names(situation)), consent_fields(situation)
    for side in SIDES:
        updates: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            if row["kind"] == "update" and row["side"] == side and row["record_id"]:
                updates.setdefault(row["record_id"], []).append(row)
        there = mirrored(workspace, side, list(updates), fields_to_read(situation.connection, situation.schemas, side))
        contacts = _contacts(workspace, side, list(updates))
        for record_id, entries in updates.items():
            contact = contacts.get(record_id)
            if contact is None or record_id not in there:
                left.append(Left(side, record_id, "", "gone"))
                continue
            back, kept_back = _fields(workspace, may_go_back, side, entries, there[record_id])
            left += [Left(side, record_id, field, why) for field, why in kept_back]
            if back:
                operations.append(
                    Operation(
                        contact=contact["id"],
                        side=side,
                        kind="update",
                        ids={"hubspot": contact["hubspot_id"], "app": contact["app_id"]},
                        email_key="",
                        values=back,
                        before={field: there[record_id][field] or "" for field in back},
                        undoes=entries[-1]["id"],
                    )
                )
    return UndoPlan(number, operations, left)


def _contacts(workspace: Workspace, side: Side, records: Sequence[str]) -> dict[str, sqlite3.Row]:
    found = workspace.rows(
        f"SELECT id, hubspot_id, app_id, {side}_id AS record FROM contact "
        f"WHERE {side}_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(records)),),
    )
    return {row["record"]: row for row in found}


def _fields(
    workspace: Workspace,
    may_go_back: tuple[Collection[tuple[Side, str]], Collection[tuple[Side, str]]],
    side: Side,
    entries: Sequence[sqlite3.Row],
    now: Mapping[str, str | None],
) -> tuple[dict[str, str], list[tuple[str, Why]]]:
    """What goes back to which value, and what stays for which reason. `may_go_back`: the mapped fields, and those of them
    that hold consent."""
    before: dict[str, str] = {}
    wrote: dict[str, str] = {}
    for entry in entries:
        sent, kept = json.loads(entry["sent"]), json.loads(entry["kept"] or "{}")
        before |= {field: value for field, value in json.loads(entry["before"]).items() if field not in before}
        wrote |= {field: kept.get(field, value) for field, value in sent.items()}
    taken_back = _taken_back(workspace, [entry["id"] for entry in entries])
    names, consent = may_go_back
    back: dict[str, str] = {}
    stays: list[tuple[str, Why]] = []
    for field, written in wrote.items():
        current = now.get(field)
        if written.strip() == before.get(field, "").strip():
            continue
        if (side, field) in consent:
            stays.append((field, "consent"))
        elif (side, field) not in names:
            stays.append((field, "not-mapped"))
        elif current is not None and current.strip() == written.strip():
            back[field] = before.get(field, "")
        elif current is not None and current.strip() == taken_back.get(field, "").strip() and field in taken_back:
            stays.append((field, "undone-already"))
        else:
            stays.append((field, "changed-since"))
    return back, stays


def _taken_back(workspace: Workspace, entries: Sequence[int]) -> dict[str, str]:
    """What earlier undos of these entries left in the record, per field."""
    values: dict[str, str] = {}
    for row in workspace.rows(
        f"SELECT sent, kept FROM journal WHERE undoes IN (SELECT value FROM json_each(?)) AND {_WRITTEN} ORDER BY id",
        (json.dumps(list(entries)),),
    ):
        kept = json.loads(row["kept"] or "{}")
        values |= {field: kept.get(field, value) for field, value in json.loads(row["sent"]).items()}
    return values


def consent_fields(situation: Situation) -> frozenset[tuple[Side, str]]:
    """The fields that hold a person's consent."""
    found: set[tuple[Side, str]] = {("hubspot", _OPT_OUT)}
    for side in SIDES:
        consent = situation.schemas[side].consent
        if consent is not None:
            found.add((side, consent.name))
    rule = situation.connection.opt_in
    if rule is not None and rule.property:
        found.add(("hubspot", rule.property))
    for pair in mapped_pairs(situation.connection, situation.schemas):
        if pair.merge == "consent" or ("hubspot", pair.hubspot) in found or ("app", pair.app) in found:
            found |= {("hubspot", pair.hubspot), ("app", pair.app)}
    return frozenset(found)


def hold_for_decision(run: Run, situation: Situation, undoing: UndoPlan) -> None:
    """Before an undo is written: its fields wait for a person from the moment on in which they hold the old values."""
    fields, values = _held(situation, undoing), _values(run, situation, undoing)
    rows = []
    for (contact, name), (op, field) in fields.items():
        now = values.get((contact, name), {})
        after = {**{side: now.get(f"{side}_raw", "") for side in SIDES}, op.side: op.values[field]}
        rows.append((contact, name, after["hubspot"], after["app"]))
    _store(run, undoing, rows, [])


def settle_holds(run: Run, situation: Situation, undoing: UndoPlan) -> None:
    """After an undo was written: what it wrote waits with the values that the servers kept; all else does not wait."""
    written = {
        (row["contact_id"], row["side"])
        for row in run.workspace.rows(
            f"SELECT contact_id, side FROM journal WHERE run_id = ? AND undoes IS NOT NULL AND {_WRITTEN}", (run.id,)
        )
    }
    values = _values(run, situation, undoing)
    rows, over = [], []
    for (contact, name), (op, _) in _held(situation, undoing).items():
        now = values.get((contact, name))
        if now is None or (contact, op.side) not in written or now["hubspot_value"] == now["app_value"]:
            over.append((contact, name, UNDECIDED))
        else:
            rows.append((contact, name, now["hubspot_raw"], now["app_raw"]))
    _store(run, undoing, rows, over)


def _held(situation: Situation, undoing: UndoPlan) -> dict[tuple[int, str], tuple[Operation, str]]:
    names = mapping_names(situation)
    return {(op.contact, names[op.side, field]): (op, field) for op in undoing.operations for field in op.values}


def _values(run: Run, situation: Situation, undoing: UndoPlan) -> dict[tuple[int, str], dict[str, Any]]:
    """Canonical and raw values of both sides, per contact and mapping, as mirrored."""
    pairs = {pair.name: pair for pair in mapped_pairs(situation.connection, situation.schemas)}
    contacts = contacts_of(run.workspace, [op.contact for op in undoing.operations])
    rows = {
        (row["contact"], row["field"]): row
        for row in agreed_values(contacts, tuple(pairs.values())).iter_rows(named=True)
    }
    by_contact = {row["contact"]: row for row in contacts.iter_rows(named=True)}
    for (contact, name), row in rows.items():
        row["hubspot_raw"] = by_contact[contact][f"hubspot.{pairs[name].hubspot}"] or ""
        row["app_raw"] = by_contact[contact][f"app.{pairs[name].app}"] or ""
    return rows


def _store(
    run: Run, undoing: UndoPlan, rows: Sequence[tuple[int, str, str, str]], over: Sequence[tuple[int, str, str]]
) -> None:
    author = f"undo of run {undoing.run}"
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT OR REPLACE INTO decision(contact_id, field, hubspot_value, app_value, winner, at, by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*row, UNDECIDED, iso(run.now()), author) for row in rows],
        )
        sql.executemany("DELETE FROM decision WHERE contact_id = ? AND field = ? AND winner = ?", over)
