"""Writes a plan: intent to the journal, request, outcome, read-back to mirror and base. Batches of the side's own size."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.connectors import Connector, Outcome, Record, Write
from engine.errors import AccessError, ConfigurationError
from engine.gates import Situation
from engine.merge import mapped_pairs
from engine.mirror import TABLE, slice_of, store
from engine.observe import Sides, fields_to_read
from engine.plan import digest_of
from engine.runs import Run, iso
from engine.schema import SIDES, Side


@dataclass(frozen=True)
class Operation:
    """All that one request item will do for one contact: `values` to send, `before` as they were."""

    contact: int
    side: Side
    kind: Literal["create", "update"]
    record_id: str | None
    email_key: str
    values: Mapping[str, str]
    before: Mapping[str, str]


@dataclass
class Applied:
    """Counts of what became of the operations."""

    created: int = 0
    updated: int = 0
    refused: int = 0
    in_doubt: int = 0
    not_applied: int = 0

    @property
    def writes(self) -> int:
        """Records that were created or changed."""
        return self.created + self.updated


def planned_operations(run: Run) -> list[Operation]:
    """The operations in the table `planned_write`, creates of either side first, in the order of contacts."""
    operations: list[Operation] = []
    rows = run.workspace.rows(
        "SELECT p.contact_id, p.side, p.kind, p.field, p.before, p.value, c.hubspot_id, c.app_id, "
        "coalesce(nullif(h._email_key, ''), a._email_key, '') AS email_key "
        "FROM planned_write p JOIN contact c ON c.id = p.contact_id LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "LEFT JOIN app_contact a ON a._id = c.app_id ORDER BY p.kind, p.side, p.contact_id, p.field"
    )
    for row in rows:
        record_id = row["hubspot_id"] if row["side"] == "hubspot" else row["app_id"]
        last = operations[-1] if operations else None
        if last and (last.contact, last.side) == (row["contact_id"], row["side"]):
            assert isinstance(last.values, dict)
            assert isinstance(last.before, dict)
            last.values[row["field"]], last.before[row["field"]] = row["value"], row["before"]
            continue
        operations.append(
            Operation(
                row["contact_id"],
                row["side"],
                row["kind"],
                record_id,
                row["email_key"],
                {row["field"]: row["value"]},
                {row["field"]: row["before"]},
            )
        )
    return operations


async def apply(run: Run, situation: Situation, sides: Sides, operations: Sequence[Operation]) -> Applied:
    """Sends the operations and records what became of each. Stops at a safe point between batches.

    Raises AccessError when a side cannot be reached any more; everything settled until then is kept.
    """
    if situation.connection.mode == "observed":
        raise ConfigurationError(
            "this connection is observed: another engine writes, Syncdoctor only reads",
            where=f"connection {situation.connection.name}",
            remedy='Set mode = "managed" if Syncdoctor is to do the syncing.',
        )
    applied = Applied()
    done = 0
    for side, kind, batch in _batches(operations, sides):
        run.progress("writing", done, len(operations))
        await _send(run, situation, sides, side, kind, batch, applied)
        done += len(batch)
    run.progress("writing", done, len(operations))
    return applied


def _connector(sides: Sides, side: Side) -> Connector:
    return sides.hubspot if side == "hubspot" else sides.app


def _batches(
    operations: Sequence[Operation], sides: Sides
) -> Iterator[tuple[Side, Literal["create", "update"], list[Operation]]]:
    kinds: tuple[Literal["create", "update"], ...] = ("create", "update")
    for kind in kinds:
        for side in SIDES:
            chosen = [operation for operation in operations if operation.kind == kind and operation.side == side]
            size = _connector(sides, side).batch_size
            for start in range(0, len(chosen), size):
                yield side, kind, chosen[start : start + size]


async def _send(
    run: Run,
    situation: Situation,
    sides: Sides,
    side: Side,
    kind: Literal["create", "update"],
    batch: Sequence[Operation],
    applied: Applied,
) -> None:
    connector = _connector(sides, side)
    fields = fields_to_read(situation.connection, dict(situation.schemas), side)
    journal = _intend(run, batch)
    writes = [Write(entry, kind, op.record_id, op.values) for entry, op in zip(journal, batch, strict=True)]
    try:
        outcomes = await connector.write(writes, fields)
    except AccessError:
        # Only requests that were certainly not applied end in an AccessError; anything else comes back as in doubt.
        _forget(run, journal)
        raise
    by_entry = {outcome.operation: outcome for outcome in outcomes}
    settled = [by_entry.get(entry, Outcome(entry, "in_doubt")) for entry in journal]
    identity = situation.schemas[side].identity_field
    settled = await _settle_by_reading(connector, batch, settled, fields, identity)
    _record(run, situation, side, batch, settled, fields)
    for operation, outcome in zip(batch, settled, strict=True):
        match outcome.state, outcome.record, operation.kind:
            case "applied", _, "create":
                applied.created += 1
            case "applied", _, _:
                applied.updated += 1
            case "refused", _, _:
                applied.refused += 1
            case _ if outcome.code == NOT_APPLIED:
                applied.not_applied += 1
            case _:
                applied.in_doubt += 1


NOT_APPLIED = "not-applied"


def _intend(run: Run, batch: Sequence[Operation]) -> list[int]:
    entries = []
    with run.workspace.transaction() as sql:
        for op in batch:
            cursor = sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, record_id, email_key, state, sent, before, planned_at) "
                "VALUES (?, ?, ?, ?, ?, ?, 'intent', ?, ?, ?)",
                (
                    run.id,
                    op.contact,
                    op.side,
                    op.kind,
                    op.record_id,
                    op.email_key,
                    json.dumps(dict(op.values), ensure_ascii=False),
                    json.dumps(dict(op.before), ensure_ascii=False),
                    iso(run.now()),
                ),
            )
            entries.append(int(cursor.lastrowid or 0))
    return entries


def _forget(run: Run, journal: Sequence[int]) -> None:
    with run.workspace.transaction() as sql:
        sql.executemany(
            "UPDATE journal SET state = 'superseded', code = ?, settled_at = ? WHERE id = ?",
            [(NOT_APPLIED, iso(run.now()), entry) for entry in journal],
        )


async def _settle_by_reading(
    connector: Connector, batch: Sequence[Operation], outcomes: Sequence[Outcome], fields: Sequence[str], identity: str
) -> list[Outcome]:
    """Looks on the far side for what an unanswered request did; never sends again."""
    doubtful = [op for op, outcome in zip(batch, outcomes, strict=True) if outcome.state == "in_doubt"]
    if not doubtful:
        return list(outcomes)
    try:
        created = await connector.find(
            [op.email_key for op in doubtful if op.kind == "create" and op.email_key], fields
        )
        updated = await connector.read(
            [op.record_id for op in doubtful if op.kind == "update" and op.record_id], fields
        )
    except AccessError:
        return list(outcomes)
    addresses = {
        value.strip().lower(): record for record in created for value in record.values.values() if "@" in value
    }
    by_id = {record.id: record for record in updated}
    settled = []
    for op, outcome in zip(batch, outcomes, strict=True):
        if outcome.state != "in_doubt":
            settled.append(outcome)
            continue
        address = op.values.get(identity, "").strip().lower()
        record = addresses.get(address) if op.kind == "create" else by_id.get(op.record_id or "")
        there = record is not None and (op.kind == "create" or _holds(record, op.values))
        if there:
            settled.append(replace(outcome, state="applied", record=record))
        else:
            settled.append(replace(outcome, code=NOT_APPLIED, message="looked for it: it was not applied"))
    return settled


def _holds(record: Record, values: Mapping[str, str]) -> bool:
    return all(record.values.get(field, "").strip() == value.strip() for field, value in values.items())


def _record(
    run: Run,
    situation: Situation,
    side: Side,
    batch: Sequence[Operation],
    outcomes: Sequence[Outcome],
    fields: Sequence[str],
) -> None:
    kept = [outcome.record for outcome in outcomes if outcome.state == "applied" and outcome.record]
    store(run.workspace, side, kept, fields, situation.schemas[side].identity_field, run.id)
    moment = iso(run.now())
    with run.workspace.transaction() as sql:
        for op, outcome in zip(batch, outcomes, strict=True):
            record_id = outcome.record.id if outcome.record else op.record_id
            state = "superseded" if outcome.code == NOT_APPLIED else outcome.state
            sql.execute(
                "UPDATE journal SET state = ?, record_id = ?, kept = ?, status = ?, code = ?, field = ?, message = ?, "
                "correlation_id = ?, settled_at = ? WHERE id = ?",
                (
                    "verified" if state == "applied" and outcome.record else state,
                    record_id,
                    json.dumps(dict(outcome.record.values), ensure_ascii=False) if outcome.record else None,
                    outcome.status,
                    outcome.code,
                    outcome.field,
                    outcome.message,
                    outcome.correlation_id,
                    None if state == "in_doubt" else moment,
                    outcome.operation,
                ),
            )
            if state == "applied":
                column = "hubspot_id" if side == "hubspot" else "app_id"
                sql.execute(
                    f"UPDATE contact SET {column} = coalesce(?, {column}), linked_by = CASE WHEN linked_at IS NULL THEN ? "
                    "ELSE linked_by END, linked_at = coalesce(linked_at, ?) WHERE id = ?",
                    (record_id, "created" if op.kind == "create" else "email", moment, op.contact),
                )
                sql.execute("DELETE FROM quarantine WHERE contact_id = ? AND side = ?", (op.contact, side))
            elif state == "refused":
                sent = "\x1e".join(f"{field}\x1f{op.values[field]}" for field in sorted(op.values))
                sql.execute(
                    "INSERT OR REPLACE INTO quarantine(contact_id, side, sent, code, field, message, correlation_id, run_id, at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        op.contact,
                        side,
                        digest_of(sent),
                        outcome.code,
                        outcome.field,
                        outcome.message,
                        outcome.correlation_id,
                        run.id,
                        moment,
                    ),
                )
    _rebase(
        run,
        situation,
        [op for op, outcome in zip(batch, outcomes, strict=True) if outcome.state == "applied"],
    )


def _rebase(run: Run, situation: Situation, operations: Sequence[Operation]) -> None:
    """What the server kept becomes the base of every field that was just written."""
    pairs = mapped_pairs(situation.connection, situation.schemas)
    names = {("hubspot", pair.hubspot): pair.name for pair in pairs} | {("app", pair.app): pair.name for pair in pairs}
    written = {
        (op.contact, names[op.side, field]) for op in operations for field in op.values if (op.side, field) in names
    }
    if not written:
        return
    agree(
        run,
        situation,
        min(contact for contact, _ in written) - 1,
        max(contact for contact, _ in written),
        written,
    )


def agree(run: Run, situation: Situation, after: int, up_to: int, written: set[tuple[int, str]] | None = None) -> int:
    """Stores as base what both sides now hold: for the `written` (contact, mapping) pairs whatever it is, without them
    for every linked field that agrees. Returns how many base fields changed."""
    import polars as pl

    from engine.merge import agreed_values
    from engine.mirror import base_of

    contacts = slice_of(run.workspace, after, up_to).filter("linked")
    values = agreed_values(contacts, mapped_pairs(situation.connection, situation.schemas))
    if written is None:
        values = values.filter(pl.col("hubspot_value") == pl.col("app_value"))
    else:
        chosen = pl.DataFrame(sorted(written), schema={"contact": pl.Int64, "field": pl.String}, orient="row")
        values = values.join(chosen, on=["contact", "field"], how="semi")
    known = base_of(run.workspace, after, up_to)
    changed = values.join(known, on=["contact", "field", "hubspot_value", "app_value"], how="anti")
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO base_field(contact_id, field, hubspot_value, app_value, run_id) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT(contact_id, field) DO UPDATE SET hubspot_value = excluded.hubspot_value, "
            "app_value = excluded.app_value, run_id = excluded.run_id",
            ((*row, run.id) for row in changed.iter_rows()),
        )
    return changed.height


def settle_after_crash(run: Run) -> int:
    """Settles journal entries of a run that was cut off, from a fresh mirror: nothing is sent again.

    A create counts as applied if the side now has a record with that normalised e-mail, an update if the record holds
    what was sent; else it was not applied and the planner plans it anew. Returns how many entries were settled.
    """
    open_entries = run.workspace.rows("SELECT * FROM journal WHERE state IN ('intent', 'in_doubt')")
    for entry in open_entries:
        table = TABLE[entry["side"]]
        sent = json.loads(entry["sent"])
        if entry["kind"] == "create":
            row = run.workspace.rows(
                f"SELECT * FROM {table} WHERE _email_key = ? AND _email_key <> ''", (entry["email_key"],)
            )
            there = len(row) == 1
        else:
            row = run.workspace.rows(f"SELECT * FROM {table} WHERE _id = ?", (entry["record_id"],))
            there = len(row) == 1 and all(
                (row[0][field] or "").strip() == value.strip() for field, value in sent.items()
            )
        with run.workspace.transaction() as sql:
            sql.execute(
                "UPDATE journal SET state = ?, record_id = ?, code = ?, settled_at = ? WHERE id = ?",
                (
                    "verified" if there else "superseded",
                    row[0]["_id"] if there else entry["record_id"],
                    "" if there else NOT_APPLIED,
                    iso(run.now()),
                    entry["id"],
                ),
            )
    if open_entries:
        run.event(
            "warning",
            "settled",
            f"{len(open_entries)} writes of a run that was cut off were looked up on the other side",
        )
    return len(open_entries)
