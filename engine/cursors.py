"""What of a side's changes was read completely: slices of time, so that a hole stays a hole and is read again.

A slice is [low, high) in the side's own time. Only a reading that came to its end completes one, and only up to the run's
start less a lag: what a search index shows late lies behind that. Each window begins a little before the end of what is
complete, and another fingerprint begins at nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.connection import Connection
from engine.runs import iso
from engine.schema import Side, SideSchema
from engine.workspace import Workspace

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)
"""How far each window reaches back into what is complete. A repeat costs nothing: an unchanged record is stored as it is."""
AHEAD = timedelta(days=1)
"""How far a window reaches beyond the run's start: what is there already is taken along, but never counts as complete."""
LAG = {"hubspot": timedelta(seconds=60), "app": timedelta(seconds=5)}
"""How late a change may show. HubSpot's search index takes "a few moments"; Mailchimp's listing is its own store."""
ENGINE = 1
"""Part of the fingerprint: raised when the engine reads or keeps records in another way, so that all is read anew."""


@dataclass(frozen=True, order=True)
class Slice:
    """A span of a side's time, [low, high), whose changes were all read."""

    low: datetime
    high: datetime


@dataclass(frozen=True)
class Window:
    """The span to be asked for: changes at `since` or later, before `until`."""

    since: datetime
    until: datetime


def merged(slices: Iterable[Slice]) -> tuple[Slice, ...]:
    """The same moments in the fewest slices, in order; adjacent ones become one, empty ones vanish."""
    found: list[Slice] = []
    for part in sorted(one for one in slices if one.low < one.high):
        if found and part.low <= found[-1].high:
            found[-1] = Slice(found[-1].low, max(found[-1].high, part.high))
        else:
            found.append(part)
    return tuple(found)


def gapless_end(slices: Iterable[Slice]) -> datetime | None:
    """Until when everything since the beginning was read; None if there was no full reading."""
    first = next(iter(merged(slices)), None)
    return first.high if first is not None and first.low <= BEGINNING else None


def next_window(complete_until: datetime, started: datetime) -> Window:
    """What a run that began at `started` has to ask for. A clock that was set back never makes it smaller."""
    return Window(max(BEGINNING, complete_until - OVERLAP), max(started, complete_until) + AHEAD)


def closing(
    window: Window, started: datetime, lag: timedelta, told: datetime | None, newest: datetime | None
) -> datetime:
    """Until when a window that was read to its end is complete, in the side's time.

    `told` is the side's own time as the reading began; ours may be wrong by hours. A side that does not tell is complete
    at most until the `newest` time that any of its records has shown, whatever our own clock (`started`) says.
    """
    if told is not None:
        return min(told - lag, window.until)
    return min(started - lag, newest) if newest is not None else BEGINNING


def fingerprint(connection: Connection, schema: SideSchema, fields: Iterable[str], access: str) -> str:
    """What a side's cursor belongs to: account and credentials, fields, mappings, list, API version, the engine's way.

    With another fingerprint nothing is known to be complete: a full reading begins, and absence means nothing yet.
    """
    scope = connection.scope.list
    meaning = [
        ENGINE, schema.side, "contacts", schema.account.id, access, sorted(fields), scope,
        connection.hubspot.api_version, connection.app.audience,
        [mapping.model_dump(mode="json") for mapping in connection.mappings],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(meaning, ensure_ascii=False).encode()).hexdigest()[:32]


def slices_of(workspace: Workspace, side: Side, mark: str) -> tuple[Slice, ...]:
    """The stored slices of a side under a fingerprint."""
    rows = workspace.rows("SELECT low, high FROM cursor_slice WHERE side = ? AND fingerprint = ?", (side, mark))
    return merged(Slice(datetime.fromisoformat(row["low"]), datetime.fromisoformat(row["high"])) for row in rows)


def complete(workspace: Workspace, side: Side, mark: str, run: int, done: Slice) -> None:
    """Stores that a slice was read to its end; slices of other fingerprints of this side are over."""
    slices = merged((*slices_of(workspace, side, mark), done))
    with workspace.transaction() as sql:
        sql.execute("DELETE FROM cursor_slice WHERE side = ?", (side,))
        sql.executemany(
            "INSERT INTO cursor_slice(side, fingerprint, low, high, run_id) VALUES (?, ?, ?, ?, ?)",
            [(side, mark, iso(part.low), iso(part.high), run) for part in slices],
        )
