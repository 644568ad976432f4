"""Writes a plan, batch by batch: look again, intent, request, outcome, read-back to mirror and base."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from engine.bisect import RECORDS, can_be_parted, in_parts
from engine.brakes import refuse_observed
from engine.connectors import Connector, Outcome, Record, Write
from engine.errors import AccessError, PlanOutdated
from engine.fields import fields_of
from engine.gates import Situation
from engine.journal import intend, note_planned, supersede, without_doubt
from engine.lookup import looked_up
from engine.mirror import drop, mirrored, store
from engine.observe import Sides
from engine.operations import CHANGED, GONE, IN_PARTS, KEPT_DIFFERENTLY, NOT_APPLIED, Operation
from engine.outcomes import record
from engine.quarantine import blamed, essential, gone, vague
from engine.runs import Run
from engine.schema import SIDES, Side
from engine.standing import Standing

Kind = Literal["create", "update"]
KINDS: tuple[Kind, Kind] = ("create", "update")
UPDATES_AT_ONCE = 200
"""Updates whose records are looked at together: the first would wait for the last where each takes a request of its own."""


@dataclass
class Applied:
    """Counts of what became of the operations: one for each contact and side, however many requests it took."""

    created: int = 0
    updated: int = 0
    refused: int = 0
    """A server refused the record or one of its fields."""
    in_doubt: int = 0
    not_applied: int = 0
    """Superseded after all: looked for and not there, or there already under the same address; planned anew."""
    changed_meanwhile: int = 0
    """Left alone because one of the contact's records had changed since it was read, it had left the list, or a schema had
    changed; planned anew."""

    @property
    def writes(self) -> int:
        """Records that were created or changed."""
        return self.created + self.updated


@dataclass(frozen=True)
class _Ready:
    """An operation whose records were looked at again at a moment (monotonic seconds); `version` of the one written to."""

    operation: Operation
    at: float
    version: str


async def apply(
    run: Run, situation: Situation, sides: Sides, operations: Sequence[Operation], standing: Standing | None = None
) -> Applied:
    """Sends the operations and records what became of each. Stops at a safe point between batches.

    `standing`: what the plan stands on, where it is written in several parts; it says `outdated` if the rest was left alone
    for that. Raises AccessError when a side cannot be reached any more, WorkspaceError when an outcome cannot be stored; what was
    settled until then is kept, and what is in doubt is looked up by the next run.
    """
    refuse_observed(situation.connection)
    writing = _Writing(run, situation, sides, standing or Standing(run, situation, sides))
    waiting = without_doubt(run.workspace, operations)
    try:
        while waiting:
            waiting = await writing.round(waiting)
    except PlanOutdated as outdated:
        writing.leave_rest()
        run.event("warning", outdated.code, f"{outdated.what}; the next run plans anew")
    finally:
        writing.tell()
    return writing.applied


class _Writing:
    """One application of a plan."""

    def __init__(self, run: Run, situation: Situation, sides: Sides, standing: Standing) -> None:
        self._run = run
        self._standing = standing
        self._situation = situation
        self._connectors: Mapping[Side, Connector] = {"hubspot": sides.hubspot, "app": sides.app}
        self._hubspot = sides.hubspot
        self._essential = {side: essential(situation, side) for side in SIDES}
        self._parted = 0
        self._kept_differently = 0
        self._windows: list[int] = []
        self._counted: set[tuple[int, Side, str]] = set()
        self._created: set[int] = set()
        self._touched: set[int] = set()
        """Contacts in which somebody was seen at work since the plan: nothing more is written to them in this run."""
        self.applied = Applied()

    async def round(self, operations: Sequence[Operation]) -> list[Operation]:
        """Sends operations; gives those to send next: what is left of them without the one field that was refused."""
        noted = note_planned(self._run, operations)
        self._run.progress("writing", 0, len(noted))
        done = -self.applied.changed_meanwhile
        creating = {op.contact for op in noted if op.kind == "create"}
        again: list[Operation] = []
        for kind, side in product(KINDS, SIDES):
            chosen = self._with_partner([op for op in noted if op.kind == kind and op.side == side], creating)
            async for batch in self._ready(side, kind, chosen):
                sent = [ready.operation for ready in batch]
                outcomes = await self._send(side, kind, batch)
                for op, outcome in zip(sent, outcomes, strict=True):
                    if outcome.code == IN_PARTS:
                        self._parted += 1
                        await in_parts(op, self._essential[side], self._send_part)
                again += self._without_refused(sent, outcomes)
                done += len(batch)
                self._run.progress("writing", done + self.applied.changed_meanwhile, len(noted))
        return again

    def _with_partner(self, operations: Sequence[Operation], creating: Collection[int]) -> list[Operation]:
        """The operations without updates of contacts whose record on the other side was to be created and was not, or holds
        something else than was sent: it may be somebody's own."""
        alone = {
            op.entry
            for op in operations
            if op.kind == "update" and op.contact in creating and op.contact not in self._created
        }
        supersede(self._run, alone, NOT_APPLIED)
        return [op for op in operations if op.entry not in alone]

    def leave_rest(self) -> None:
        """Closes what this run has planned and not sent."""
        query = "SELECT id FROM journal WHERE state = 'planned' AND run_id = ?"
        self._leave({int(row["id"]) for row in self._run.workspace.rows(query, (self._run.id,))})

    def _leave(self, entries: Collection[int]) -> None:
        supersede(self._run, entries, CHANGED)
        self.applied.changed_meanwhile += len(entries)

    def tell(self) -> None:
        """Logs what the side kept differently and how long others could have come between a look and its answer."""
        if self._kept_differently:
            text = f"{self._kept_differently} writes were kept differently than they were sent; that is the base now"
            self._run.event("info", "kept_differently", text)
        if self._windows:
            low, high = min(self._windows), max(self._windows)
            batches = f"{len(self._windows)} {'batch' if len(self._windows) == 1 else 'batches'}"
            text = f"from looking at the records again to the answer: {low} to {high} ms, {batches}"
            self._run.event("info", "race_window", text)

    async def _ready(self, side: Side, kind: Kind, operations: Sequence[Operation]) -> AsyncIterator[list[_Ready]]:
        """Full batches of operations whose records are still as the plan saw them, read in full batches as well."""
        size = self._connectors[side].batch_size
        if kind == "update":
            size = min(size, UPDATES_AT_ONCE)
        ready: list[_Ready] = []
        for start in range(0, len(operations), size):
            self._run.safe_point()
            looked_at = operations[start : start + size]
            await self._standing.look()
            left = self._standing.left([*looked_at, *(one.operation for one in ready)])
            ready = [one for one in ready if one.operation.entry not in left]
            unchanged = await self._unchanged([op for op in looked_at if op.entry not in left])
            self._leave(left | ({op.entry for op in looked_at} - {one.operation.entry for one in unchanged}))
            ready += unchanged
            while len(ready) >= size:
                yield ready[:size]
                ready = ready[size:]
        if ready:
            yield ready

    async def _unchanged(self, batch: Sequence[Operation]) -> list[_Ready]:
        """The operations whose records are still as the plan saw them: read again just before writing, both sides.

        A person who opted out, or a value that somebody typed since, takes the contact out of this run.
        """
        run, situation = self._run, self._situation
        at = run.monotonic()
        changed = {op.contact for op in batch} & self._touched
        versions: dict[tuple[Side, str], str] = {}
        for side in SIDES:
            contact_of = {op.ids[side]: op.contact for op in batch if op.ids[side]}
            ids = [record_id for record_id in contact_of if record_id]
            fields = fields_of(situation, side)
            seen = mirrored(run.workspace, side, ids, fields)
            fresh = await self._looked_at(side, ids, fields)
            differing = [record_id for record_id in ids if _differs(fresh.get(record_id), seen.get(record_id, {}))]
            moved = [fresh[record_id] for record_id in differing if record_id in fresh]
            store(run.workspace, situation.schemas[side], moved, fields, run.id)
            changed |= {contact_of[record_id] for record_id in differing}
            versions |= {(side, record_id): found.version for record_id, found in fresh.items()}
        changed |= await self._opted_out(batch)
        self._touched |= changed
        return [
            _Ready(op, at, versions.get((op.side, op.record_id or ""), "")) for op in batch if op.contact not in changed
        ]

    async def _looked_at(self, side: Side, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        """The records as they are now. One that a batch leaves out is asked for by itself, and only then counts as gone."""
        if not ids:
            return {}
        connector = self._connectors[side]
        fresh = {found.id: found for found in await connector.read(ids, fields)}
        absent = [record_id for record_id in ids if record_id not in fresh]
        if absent:
            resolved = await connector.resolve(absent, fields)
            fresh |= {asked: found for asked, found in resolved.items() if found.id == asked}
            drop(self._run.workspace, side, [record_id for record_id in absent if record_id not in fresh])
        return fresh

    async def _opted_out(self, batch: Sequence[Operation]) -> set[int]:
        """Contacts that would be created in the app and whose subscription in HubSpot is gone since it was read."""
        rule = self._situation.connection.opt_in
        identity = self._situation.schemas["app"].identity_field
        creates = {
            op.values[identity]: op.contact
            for op in batch
            if op.side == "app" and op.kind == "create" and op.values.get(identity)
        }
        if rule is None or not rule.subscription or not creates:
            return set()
        statuses = await self._hubspot.subscriptions(list(creates), rule.subscription)
        return {contact for address, contact in creates.items() if statuses.get(address) != "SUBSCRIBED"}

    async def _send(
        self, side: Side, kind: Kind, batch: Sequence[_Ready], *, part: bool | None = None
    ) -> list[Outcome]:
        """Sends one batch and records what became of it. `part`: whether its vague refusal is followed by smaller parts."""
        run, situation, connector = self._run, self._situation, self._connectors[side]
        operations = [ready.operation for ready in batch]
        intend(run, operations)
        writes = [
            Write(op.entry, kind, op.record_id, op.values, ready.version)
            for op, ready in zip(operations, batch, strict=True)
        ]
        try:
            answered = await connector.write(writes, fields_of(situation, side))
        except AccessError:
            # Only requests that were certainly not applied end in an AccessError; anything else comes back as in doubt.
            supersede(run, [op.entry for op in operations], NOT_APPLIED)
            raise
        self._windows.append(round((run.monotonic() - min(ready.at for ready in batch)) * 1000))
        by_entry = {outcome.operation: outcome for outcome in answered}
        outcomes = [by_entry.get(op.entry, Outcome(op.entry, "in_doubt")) for op in operations]
        outcomes = list(self._understood(operations, outcomes, part))
        outcomes = await self._recorded(side, operations, outcomes)
        for op, outcome in zip(operations, outcomes, strict=True):
            self._count(op, outcome)
        return outcomes

    async def _recorded(
        self, side: Side, operations: Sequence[Operation], outcomes: Sequence[Outcome]
    ) -> list[Outcome]:
        """Records what the answers tell at once, then looks up what they do not tell."""
        run, situation = self._run, self._situation
        sure = [outcome.state not in ("in_doubt", "exists") for outcome in outcomes]
        told = [pair for pair, known in zip(zip(operations, outcomes, strict=True), sure, strict=True) if known]
        asked = [pair for pair, known in zip(zip(operations, outcomes, strict=True), sure, strict=True) if not known]
        settled: list[Outcome] = []
        self._note_touched(side, told)
        if told:
            settled += record(run, situation, side, [op for op, _ in told], [outcome for _, outcome in told])
        if asked:
            doubtful = [op for op, _ in asked]
            found = await looked_up(situation, self._connectors[side], doubtful, [outcome for _, outcome in asked])
            self._note_touched(side, list(zip(doubtful, found, strict=True)))
            settled += record(run, situation, side, doubtful, found, looked_up=True)
        by_entry = {outcome.operation: outcome for outcome in settled}
        return [by_entry[op.entry] for op in operations]

    def _note_touched(self, side: Side, answered: Sequence[tuple[Operation, Outcome]]) -> None:
        """Notes whose record holds something else than the mirror in a field that was not sent. What is stored of it becomes
        the mirror, and later looks would find nothing changed."""
        known = mirrored(
            self._run.workspace,
            side,
            [op.record_id for op, _ in answered if op.record_id],
            fields_of(self._situation, side),
        )
        for op, outcome in answered:
            held = outcome.record.values if outcome.record else {}
            seen = {name: value for name, value in known.get(op.record_id or "", {}).items() if value is not None}
            if any(held[name] != value for name, value in seen.items() if name in held and name not in op.values):
                self._touched.add(op.contact)

    async def _send_part(self, op: Operation, more: bool) -> Outcome:
        """One part of an operation that is taken apart: a write with a row of its own."""
        self._run.safe_point()
        (noted,) = note_planned(self._run, [op])
        (outcome,) = await self._send(op.side, op.kind, [_Ready(noted, self._run.monotonic(), "")], part=more)
        return outcome

    def _understood(
        self, operations: Sequence[Operation], outcomes: Sequence[Outcome], part: bool | None
    ) -> Iterator[Outcome]:
        """Refusals that are none: of records that are gone, and vague ones that are followed by parts."""
        chosen = self._parted
        for op, outcome in zip(operations, outcomes, strict=True):
            unclear = vague(outcome, self._situation.schemas[op.side])
            parted = part
            if unclear and part is None:
                parted = chosen < RECORDS and can_be_parted(op, self._essential[op.side])
                chosen += parted
            if unclear and parted:
                yield replace(outcome, state="not_applied", code=IN_PARTS)
            elif outcome.state == "refused" and gone(op, outcome):
                yield replace(outcome, state="not_applied", code=GONE)
            else:
                yield outcome

    def _without_refused(self, operations: Sequence[Operation], outcomes: Sequence[Outcome]) -> Iterator[Operation]:
        """What is left to send of operations in which one field was refused by name."""
        for op, outcome in zip(operations, outcomes, strict=True):
            if outcome.state != "refused":
                continue
            field = blamed(op, outcome, self._situation.schemas[op.side])
            needed = op.kind == "create" and field in self._essential[op.side]
            if field and not needed and len(op.values) > 1:
                yield op.without(field)

    def _count(self, op: Operation, outcome: Outcome) -> None:
        self._kept_differently += outcome.code == KEPT_DIFFERENTLY
        if op.kind == "create" and outcome.state == "applied" and outcome.code != KEPT_DIFFERENTLY:
            self._created.add(op.contact)
        once = (op.contact, op.side, outcome.state)
        if once in self._counted:
            return
        self._counted.add(once)
        match outcome.state:
            case "applied" if op.kind == "create":
                self.applied.created += 1
            case "applied":
                self.applied.updated += 1
            case "refused":
                self.applied.refused += 1
            case "in_doubt":
                self.applied.in_doubt += 1
            case _ if outcome.code != IN_PARTS:
                self.applied.not_applied += 1


def _differs(record: Record | None, seen: Mapping[str, str | None]) -> bool:
    if record is None:
        return True
    return any(value is not None and record.values.get(field) != value for field, value in seen.items())
