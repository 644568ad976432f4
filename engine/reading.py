"""Reading one side: all of it, with what a complete reading proves, and the records that changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from engine.connection import Connection
from engine.connectors import Connector, Record
from engine.cursors import BEGINNING, LAG, Slice, Window, closing, complete, gapless_end, next_window, slices_of
from engine.losses import Demand, Reading, believed, last_reading, note_reading, refuse_partial
from engine.mirror import TABLE, add_columns, drop_unseen, mirrored, store
from engine.runs import Run
from engine.schema import Side, SideSchema
from engine.suppression import ERASED

COMMIT_ROWS = 1_000


class WholeSide:
    """One full reading of a side. Only one that comes to its end counts: a partial one leaves no cursor and no absence."""

    def __init__(
        self, run: Run, connection: Connection, connector: Connector, schema: SideSchema, mark: str, demand: Demand,
        started: datetime,
    ) -> None:  # fmt: skip
        self._run, self._connection, self._connector = run, connection, connector
        self._schema, self._mark, self._demand, self._started = schema, mark, demand, started
        self._last: Reading | None = last_reading(run.workspace, connector.side)
        self._complete_until = gapless_end(slices_of(run.workspace, connector.side, mark))
        self.seen = self.missed = self.gone = 0

    async def read(self, fields: Sequence[str], done: int) -> None:
        """Reads all records; `done` were read before, for progress."""
        run, side = self._run, self._connector.side
        declared = await self._connector.count() if self._last is None else None
        expected = declared if self._last is None else self._last.records
        add_columns(run.workspace, side, fields)
        async for records in batches(self._connector.records(fields)):
            self.missed += self._missed(records, fields)
            store(run.workspace, self._schema, records, fields, run.id)
            self.seen += len(records)
            run.progress("reading contacts", done + self.seen, done + max(expected, self.seen) if expected else None)
        self._end(declared)

    def _end(self, declared: int | None) -> None:
        run, side, name = self._run, self._connector.side, self._schema.app
        refuse_partial(self._connection, self._demand, side, name, self.seen, declared)
        before = self._last.records if self._last else 0
        certain = believed(run, self._connection, self._demand, side, name, before, self.seen)
        # Absence says something only if the reading before was of the same account, fields and scope.
        if certain and self._last and self._last.fingerprint == self._mark:
            self.gone = drop_unseen(run.workspace, side, run.id)
        held = int(run.workspace.value(f"SELECT count(*) FROM {TABLE[side]}"))
        last = before if not certain else self.seen
        note_reading(run, side, self._mark, last, final=certain and held == self.seen)
        window = next_window(BEGINNING, self._started)
        close_window(run, self._connector, self._mark, window, self._started)

    def _missed(self, records: Sequence[Record], fields: Sequence[str]) -> int:
        """How many records differ from the mirror although their change lies in what had been read completely."""
        if self._complete_until is None:
            return 0
        changed = changed_records(self._run, self._connector.side, records, fields)
        moments = [moment_of(record.updated_at) for record in changed]
        return sum(moment is not None and moment < self._complete_until for moment in moments)


def close_window(run: Run, connector: Connector, mark: str, window: Window, started: datetime) -> None:
    """Stores how far a window that was read to its end is complete."""
    side = connector.side
    newest = moment_of(str(run.workspace.value(f"SELECT max(_updated_at) FROM {TABLE[side]}") or ""))
    end = closing(window, started, LAG[side], connector.first_answer_at, newest)
    complete(run.workspace, side, mark, run.id, Slice(window.since, end))


def changed_records(run: Run, side: Side, records: Sequence[Record], fields: Sequence[str]) -> list[Record]:
    """The records that the mirror holds otherwise, or not at all.

    One that is older than the mirror's is left out: a search index may show a record as it was before our own write. Of
    erased people the mirror holds no values to compare.
    """
    held = mirrored(run.workspace, side, [record.id for record in records], [*fields, "_updated_at", "_email_key"])
    changed = []
    for record in records:
        before = held.get(record.id)
        if before is None:
            changed.append(record)
            continue
        ours, theirs = moment_of(before["_updated_at"] or ""), moment_of(record.updated_at)
        if ours is not None and theirs is not None and theirs < ours:
            continue
        erased = (before["_email_key"] or "").startswith(ERASED)
        if theirs != ours or (not erased and any(record.values.get(field) != before[field] for field in fields)):
            changed.append(record)
    return changed


def left_half_done(run: Run, side: Side) -> list[str]:
    """Ids of the records that runs stored which were cut off before their observation was complete: what follows from them
    (merges, subscriptions) is still to be done."""
    if run.workspace.value(f"SELECT 1 FROM run WHERE id > ({_LAST_COMPLETE}) AND id < ? LIMIT 1", (run.id,)) is None:
        return []
    rows = run.workspace.rows(f"SELECT _id FROM {TABLE[side]} WHERE _seen_run > ({_LAST_COMPLETE})")
    return [row["_id"] for row in rows]


_LAST_COMPLETE = "SELECT run_id FROM declared WHERE what = 'situation'"


def moment_of(text: str) -> datetime | None:
    """A record's time; None if it has none that can be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


async def batches(pages: AsyncIterator[list[Record]]) -> AsyncIterator[list[Record]]:
    """The same records in pages that are worth a commit."""
    waiting: list[Record] = []
    async for page in pages:
        waiting += page
        if len(waiting) >= COMMIT_ROWS:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
