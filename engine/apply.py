"""Writes a plan, batch by batch: look again, intent, request, outcome, read-back to mirror and base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.base import keep_written, mapping_names
from engine.brakes import refuse_observed
from engine.connectors import Connector, Outcome, Record, Write
from engine.errors import AccessError
from engine.gates import Situation
from engine.journal import (
    ALREADY_LINKED,
    NOT_APPLIED,
    Operation,
    forget,
    forget_base,
    intend,
    linked_elsewhere,
    record,
    what_became,
)
from engine.mirror import mirrored, store
from engine.observe import Sides, fields_to_read
from engine.runs import Run
from engine.schema import SIDES, Side


@dataclass
class Applied:
    """Counts of what became of the operations."""

    created: int = 0
    updated: int = 0
    refused: int = 0
    in_doubt: int = 0
    not_applied: int = 0
    changed_meanwhile: int = 0
    """Left alone because one of the contact's records had changed since it was read; planned anew."""

    @property
    def writes(self) -> int:
        """Records that were created or changed."""
        return self.created + self.updated


async def apply(run: Run, situation: Situation, sides: Sides, operations: Sequence[Operation]) -> Applied:
    """Sends the operations and records what became of each. Stops at a safe point between batches.

    Raises AccessError when a side cannot be reached any more; everything settled until then is kept.
    """
    refuse_observed(situation.connection)
    applied = Applied()
    done = 0
    for side, kind, batch in _batches(operations, sides):
        run.progress("writing", done, len(operations))
        unchanged = await _unchanged(run, situation, sides, batch)
        applied.changed_meanwhile += len(batch) - len(unchanged)
        if unchanged:
            _count(applied, unchanged, await _send(run, situation, sides, side, kind, unchanged))
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


def _count(applied: Applied, batch: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
    for operation, outcome in zip(batch, outcomes, strict=True):
        match outcome.state:
            case "applied" if operation.kind == "create":
                applied.created += 1
            case "applied":
                applied.updated += 1
            case "refused":
                applied.refused += 1
            case "in_doubt" if outcome.code == NOT_APPLIED:
                applied.not_applied += 1
            case "in_doubt":
                applied.in_doubt += 1


async def _unchanged(run: Run, situation: Situation, sides: Sides, batch: Sequence[Operation]) -> list[Operation]:
    """The operations whose records are still as the plan saw them: read again just before writing, both sides.

    A person who opted out, or a value that somebody typed since, takes the contact out of this run.
    """
    changed: set[int] = set()
    for side in SIDES:
        contact_of = {op.ids[side]: op.contact for op in batch if op.ids[side]}
        ids = [record_id for record_id in contact_of if record_id]
        fields = fields_to_read(situation.connection, situation.schemas, side)
        seen = mirrored(run.workspace, side, ids, fields)
        fresh = {record.id: record for record in await _connector(sides, side).read(ids, fields)} if ids else {}
        differing = [record_id for record_id in ids if _differs(fresh.get(record_id), seen.get(record_id, {}))]
        moved = [fresh[record_id] for record_id in differing if record_id in fresh]
        store(run.workspace, side, moved, fields, situation.schemas[side].identity_field, run.id)
        changed |= {contact_of[record_id] for record_id in differing}
    changed |= await _opted_out(situation, sides, batch)
    return [operation for operation in batch if operation.contact not in changed]


def _differs(record: Record | None, seen: Mapping[str, str | None]) -> bool:
    if record is None:
        return True
    return any(value is not None and record.values.get(field) != value for field, value in seen.items())


async def _opted_out(situation: Situation, sides: Sides, batch: Sequence[Operation]) -> set[int]:
    """Contacts that would be created in the app and whose subscription in HubSpot is gone since it was read."""
    rule = situation.connection.opt_in
    identity = situation.schemas["app"].identity_field
    creates = {op.values[identity]: op.contact for op in batch if op.side == "app" and op.values.get(identity)}
    if rule is None or not rule.subscription or not creates:
        return set()
    statuses = await sides.hubspot.subscriptions(list(creates), rule.subscription)
    return {contact for address, contact in creates.items() if statuses.get(address) != "SUBSCRIBED"}


async def _send(
    run: Run,
    situation: Situation,
    sides: Sides,
    side: Side,
    kind: Literal["create", "update"],
    batch: Sequence[Operation],
) -> list[Outcome]:
    connector = _connector(sides, side)
    fields = fields_to_read(situation.connection, situation.schemas, side)
    journal = intend(run, batch)
    writes = [Write(entry, kind, op.record_id, op.values) for entry, op in zip(journal, batch, strict=True)]
    try:
        outcomes = await connector.write(writes, fields)
    except AccessError:
        # Only requests that were certainly not applied end in an AccessError; anything else comes back as in doubt.
        forget(run, journal)
        raise
    by_entry = {outcome.operation: outcome for outcome in outcomes}
    answered = [by_entry.get(entry, Outcome(entry, "in_doubt")) for entry in journal]
    settled = await _looked_up(run, situation, connector, batch, answered, fields)
    settled = [_not_twice(run, side, op, outcome) for op, outcome in zip(batch, settled, strict=True)]
    kept = [outcome.record for outcome in settled if outcome.state == "applied" and outcome.record]
    store(run.workspace, side, kept, fields, situation.schemas[side].identity_field, run.id)
    record(run, side, batch, settled)
    names = mapping_names(situation)
    keep_written(
        run,
        situation,
        (
            (op.contact, names[side, field])
            for op, outcome in zip(batch, settled, strict=True)
            if outcome.state == "applied"
            for field in op.values
            if (side, field) in names
        ),
    )
    return settled


def _not_twice(run: Run, side: Side, op: Operation, outcome: Outcome) -> Outcome:
    if outcome.state == "applied" and outcome.record and linked_elsewhere(run, side, op.contact, outcome.record.id):
        message = "the record already belongs to another contact; merge the two, or correct the address"
        return replace(outcome, state="refused", record=None, code=ALREADY_LINKED, message=message)
    return outcome


async def _looked_up(
    run: Run,
    situation: Situation,
    connector: Connector,
    batch: Sequence[Operation],
    outcomes: Sequence[Outcome],
    fields: Sequence[str],
) -> list[Outcome]:
    """Looks on the far side for what an unanswered request did; never sends again."""
    identity = situation.schemas[connector.side].identity_field
    doubtful = [op for op, outcome in zip(batch, outcomes, strict=True) if outcome.state == "in_doubt"]
    if not doubtful:
        return list(outcomes)
    sent = [op.values[identity] for op in doubtful if op.kind == "create" and op.values.get(identity)]
    ids = [op.record_id for op in doubtful if op.record_id]
    try:
        created = await connector.find(sent, fields) if sent else []
        updated = await connector.read(ids, fields) if ids else []
    except AccessError:
        return list(outcomes)
    by_address = {found.values.get(identity, "").strip().lower(): found for found in created}
    by_id = {found.id: found for found in updated}
    settled = []
    for op, outcome in zip(batch, outcomes, strict=True):
        if outcome.state != "in_doubt":
            settled.append(outcome)
            continue
        address = op.values.get(identity, "").strip().lower()
        there = by_address.get(address) if op.kind == "create" else by_id.get(op.record_id or "")
        became = "not_applied"
        if there is not None:
            became = "applied" if op.kind == "create" else what_became(op.values, op.before, there.values)
        if there is not None and became == "ambiguous":
            forget_base(run, op.contact, op.side, list(op.values), mapping_names(situation), there.updated_at)
            store(run.workspace, op.side, [there], fields, identity, run.id)
        if became == "applied":
            settled.append(replace(outcome, state="applied", record=there))
        else:
            settled.append(replace(outcome, code=NOT_APPLIED, message="looked for it: it was not applied"))
    return settled
