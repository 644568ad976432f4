"""Settles writes in doubt by reading the far side. Nothing is ever sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from engine.canonical import email_key
from engine.connectors import Connector, Outcome, Record
from engine.errors import AccessError
from engine.fields import fields_of
from engine.gates import Situation
from engine.journal import supersede_left_over, unsettled, verify_applied
from engine.observe import Sides
from engine.operations import AMBIGUOUS, EXISTS, GONE, NOT_APPLIED, Operation
from engine.outcomes import record
from engine.runs import Run
from engine.schema import SIDES
from engine.undo import hold_unread

Found = Literal["applied", "not_applied", "ambiguous"]


@dataclass(frozen=True)
class _Seen:
    """What the far side holds: records by id, and by normalised address."""

    by_id: Mapping[str, Record]
    by_address: Mapping[str, Sequence[Record]]


async def settle_doubt(run: Run, situation: Situation, sides: Sides) -> int:
    """Settles what earlier runs left: rows never sent are superseded, rows in doubt are looked up.

    A side that cannot be read leaves its rows in doubt; their contacts get no new write until they are settled.
    Returns how many were settled.
    """
    supersede_left_over(run)
    hold_unread(run, situation)
    verify_applied(run)
    settled = 0
    doubtful = unsettled(run.workspace)
    for side in SIDES:
        operations = [op for op in doubtful if op.side == side]
        connector = sides.hubspot if side == "hubspot" else sides.app
        for start in range(0, len(operations), connector.batch_size):
            batch = operations[start : start + connector.batch_size]
            outcomes = [Outcome(op.entry, "in_doubt") for op in batch]
            outcomes = record(
                run, situation, side, batch, await looked_up(situation, connector, batch, outcomes), looked_up=True
            )
            settled += sum(outcome.state != "in_doubt" for outcome in outcomes)
    if settled:
        run.event("warning", "settled", f"{settled} writes of a run that was cut off were looked up on the other side")
    if settled < len(doubtful):
        left = len(doubtful) - settled
        run.event("warning", "in_doubt", f"{left} writes are still in doubt; their contacts are left alone until then")
    return settled


async def looked_up(
    situation: Situation, connector: Connector, operations: Sequence[Operation], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """The outcomes in doubt, and of creates that met an existing record, as the side's records show them.

    If the side cannot be read, they stay as they are. Outcomes of other states are given back unchanged.
    """
    asked = [
        (op, outcome)
        for op, outcome in zip(operations, outcomes, strict=True)
        if outcome.state in ("in_doubt", "exists")
    ]
    if not asked:
        return list(outcomes)
    try:
        seen = await _seen(situation, connector, asked)
    except AccessError:
        return list(outcomes)
    return [_judged(op, outcome, seen) for op, outcome in zip(operations, outcomes, strict=True)]


async def _seen(situation: Situation, connector: Connector, asked: Sequence[tuple[Operation, Outcome]]) -> _Seen:
    identity = situation.schemas[connector.side].identity_field
    fields = fields_of(situation, connector.side)
    addresses = [op.values[identity] for op, _ in asked if op.kind == "create" and op.values.get(identity)]
    ids = [key for op, outcome in asked for key in (op.record_id, outcome.existing_id) if key]
    created = await connector.find(addresses, fields) if addresses else []
    known = await connector.read(ids, fields) if ids else []
    records = {found.id: found for found in (*created, *known)}
    keys = pl.DataFrame(
        {"email": [found.values.get(identity, "") for found in records.values()]}, schema={"email": pl.String}
    )
    by_address: dict[str, list[Record]] = {}
    for key, found in zip(keys.select(email_key(pl.col("email")))["email"], records.values(), strict=True):
        by_address.setdefault(key or "", []).append(found)
    return _Seen(records, by_address)


def _judged(op: Operation, outcome: Outcome, seen: _Seen) -> Outcome:
    if outcome.state == "exists":
        return _existing(op, outcome, seen)
    if outcome.state != "in_doubt":
        return outcome
    return _created(op, outcome, seen) if op.kind == "create" else _updated(op, outcome, seen)


def _existing(op: Operation, outcome: Outcome, seen: _Seen) -> Outcome:
    """A record that the next plan can match supersedes the create; any other refuses it, in the server's words."""
    same = seen.by_address.get(op.email_key, ()) if op.email_key else ()
    there = seen.by_id.get(outcome.existing_id) or (same[0] if len(same) == 1 else None)
    if there is not None and there in same:
        return replace(outcome, record=there, code=EXISTS, read_back=True)
    return replace(outcome, state="refused", record=there, code=EXISTS)


def _created(op: Operation, outcome: Outcome, seen: _Seen) -> Outcome:
    there = seen.by_address.get(op.email_key, ()) if op.email_key else ()
    if len(there) == 1:
        return replace(outcome, state="applied", record=there[0], read_back=True)
    if there:
        words = "the side has several records with this address; nobody can say which of them was made"
        return replace(outcome, state="not_applied", code=AMBIGUOUS, message=words)
    return replace(outcome, state="not_applied", code=NOT_APPLIED, message="looked for it: it was not applied")


def _updated(op: Operation, outcome: Outcome, seen: _Seen) -> Outcome:
    there = seen.by_id.get(op.record_id or "")
    if there is None:
        words = "the record is no longer there under its id"
        return replace(outcome, state="not_applied", code=GONE, message=words)
    became = what_became(op.values, op.before, there.values)
    if became == "applied":
        return replace(outcome, state="applied", record=there, read_back=True)
    code, words = (
        (NOT_APPLIED, "looked for it: it was not applied")
        if became == "not_applied"
        else (AMBIGUOUS, "the record holds neither what was there nor what was sent")
    )
    return replace(outcome, state="not_applied", record=there, code=code, message=words)


def what_became(sent: Mapping[str, str], before: Mapping[str, str], now: Mapping[str, str | None]) -> Found:
    """Whether an update without an answer was applied, judged by the record as it is now.

    `ambiguous`: the record holds something else than what was there and what was sent (the server changed the value,
    or a person did).
    """

    def same(values: Mapping[str, str]) -> bool:
        return all((now.get(field) or "").strip() == value.strip() for field, value in values.items())

    return "applied" if same(sent) else "not_applied" if same(before) else "ambiguous"
