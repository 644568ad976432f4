"""Undo: a plan like any other that puts the fields of a run's updates back to what they held before.

What is taken back, and what is not:
* A field goes back only where its record still holds what the run wrote. What somebody changed since stays.
* A record that the run created is not deleted: nothing is deleted by default. It is named.
* Consent is left as it is, in every case: an undo never makes anybody contactable again.

What the next sync does. After an undo one side holds the old value, the other still the newer one from which the run
had taken it. Nothing in the records says which of the two is right, so the field is held for a person: a row in
`decision` with the winner `ask` and both values, stored in the transaction that stores the outcome of its write, so that
neither a kill nor a lost side leaves one without the other. While both sides hold these values the planner gives a
conflict, whatever direction and policy say. So the undone value is neither written again nor carried to the other side.
It ends when a person decides, or changes the value on either side: the base is what both sides held after the undo, so
the changed side flows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.base import mapping_names
from engine.errors import ConfigurationError
from engine.fields import fields_of
from engine.gates import Situation
from engine.journal import move
from engine.memory import UNDECIDED
from engine.merge import agreed_values, mapped_pairs
from engine.mirror import mirrored
from engine.operations import Operation
from engine.population import contacts_of
from engine.runs import Run, iso
from engine.schema import SIDES, Side
from engine.sqlite import sqlite3
from engine.workspace import Workspace

Why = Literal["created", "changed-since", "undone-already", "gone", "excluded", "consent", "not-mapped"]
WHY: Mapping[Why, str] = {
    "created": "the run created this record; nothing is deleted by default",
    "changed-since": "the record holds another value since",
    "undone-already": "it was taken back already",
    "gone": "the record is gone, or belongs to no contact any more",
    "excluded": "the contact is excluded from the sync now, so nothing is written to it",
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
    """How to take back run `number`, judged by the mirror and the verdicts as they are now.

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
        there = mirrored(workspace, side, list(updates), fields_of(situation, side))
        contacts = _contacts(workspace, side, list(updates))
        for record_id, entries in updates.items():
            contact = contacts.get(record_id)
            if contact is None or record_id not in there:
                left.append(Left(side, record_id, "", "gone"))
                continue
            if contact["state"] == "excluded":
                left.append(Left(side, record_id, "", "excluded"))
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
        f"SELECT c.id, c.hubspot_id, c.app_id, c.{side}_id AS record, v.state FROM contact c "
        "LEFT JOIN verdict v ON v.contact_id = c.id "
        f"WHERE c.linked_at IS NOT NULL AND c.{side}_id IN (SELECT value FROM json_each(?))",
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


def hold_undone(run: Run, situation: Situation, written: Sequence[tuple[int, Operation]]) -> None:
    """Lets every field that an undo has written wait for a person, with the values that both sides hold now; none where the
    two agree again. Belongs into the transaction that records the writes. `written`: the contact and the operation."""
    names = mapping_names(situation)
    fields = {
        (contact, names[op.side, field]): op
        for contact, op in written
        if op.undoes is not None
        for field in op.values
        if (op.side, field) in names
    }
    if not fields:
        return
    pairs = {pair.name: pair for pair in mapped_pairs(situation.connection, situation.schemas)}
    contacts = contacts_of(run.workspace, sorted({contact for contact, _ in fields}))
    held = {row["contact"]: row for row in contacts.iter_rows(named=True)}
    waiting, over = [], []
    for row in agreed_values(contacts, tuple(pairs.values())).iter_rows(named=True):
        contact, name = row["contact"], row["field"]
        op = fields.get((contact, name))
        if op is None:
            continue
        if row["hubspot_value"] == row["app_value"]:
            over.append((contact, name, UNDECIDED))
            continue
        undone = run.workspace.value("SELECT run_id FROM journal WHERE id = ?", (op.undoes,))
        now = held[contact]
        hubspot, app = now[pairs[name].column("hubspot")] or "", now[pairs[name].column("app")] or ""
        waiting.append((contact, name, hubspot, app, UNDECIDED, iso(run.now()), f"undo of run {undone}"))
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT OR REPLACE INTO decision(contact_id, field, hubspot_value, app_value, winner, at, by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            waiting,
        )
        sql.executemany("DELETE FROM decision WHERE contact_id = ? AND field = ? AND winner = ?", over)


def hold_unread(run: Run, situation: Situation) -> None:
    """After an observation: undone fields whose read-back had failed wait with the values that were seen now. Whether the
    side kept another spelling or somebody was there since, nobody can say: a person is asked either way."""
    rows = run.workspace.rows("SELECT * FROM journal WHERE state = 'applied' AND undoes IS NOT NULL")
    if not rows:
        return
    with run.workspace.transaction() as sql:
        for row in rows:
            sent = json.loads(row["sent"])
            ids: dict[Side, str | None] = {"hubspot": None, "app": None, row["side"]: row["record_id"]}
            op = Operation(row["contact_id"], row["side"], "update", ids, "", sent, {}, undoes=row["undoes"])
            hold_undone(run, situation, [(op.contact, op)])
            fields = fields_of(situation, op.side)
            held = mirrored(run.workspace, op.side, [row["record_id"]], fields).get(row["record_id"], {})
            kept = json.loads(row["kept"] or "{}") | {name: value for name, value in held.items() if value is not None}
            move(sql, row["id"], ("verified",), iso(run.now()), kept=json.dumps(kept, ensure_ascii=False))
