"""Whether the two records of a contact hold the same texts in the mapped fields, told by one number of each record.

The number is worked out when a record is stored (`mirror.store`), over the fields that `compare_by` names; every number in the
mirror is of these fields, or NULL: not known. Whoever changes a record otherwise makes its number unknown (`tables.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from engine.schema import SIDES, Side
from engine.tables import CONTENT_TRIGGERS
from engine.workspace import Workspace

_COMPARED = "content_of"
_PIECE = 100_000
"""Rows changed by one statement: SQLite keeps what it needs to take a statement back in memory."""
_BYTES = 8
"""Two different contents have the same number once in 2 ** 64 times."""


def compare_by(workspace: Workspace, pairs: Sequence[tuple[str, str]]) -> None:
    """From now on numbers are of these fields, HubSpot's and the app's; those of other fields are forgotten."""
    if _stored(workspace) == list(pairs):
        return
    with workspace.transaction() as sql:
        for side in SIDES:
            last = int(workspace.value(f"SELECT coalesce(max(_rowid_), 0) FROM {side}_contact"))
            for after in range(0, last, _PIECE):
                sql.execute(
                    f"UPDATE {side}_contact SET _content = NULL WHERE _content IS NOT NULL AND _rowid_ > ? AND _rowid_ <= ?",
                    (after, after + _PIECE),
                )
        workspace.remember(_COMPARED, json.dumps(pairs))


def is_compared_by(workspace: Workspace, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether the numbers that are known are of these fields, and would not be known any more after a change by somebody else."""
    guarded = workspace.value(
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN (SELECT value FROM json_each(?))",
        (json.dumps(CONTENT_TRIGGERS),),
    )
    return guarded == len(CONTENT_TRIGGERS) and _stored(workspace) == list(pairs)


def compared_fields(workspace: Workspace, side: Side) -> list[str] | None:
    """The fields of a side that its records' numbers are of, in order; None if no pairs were named yet."""
    pairs = _stored(workspace)
    return None if pairs is None else [pair[SIDES.index(side)] for pair in pairs]


def content(email_key: str, values: Sequence[str | None]) -> int:
    """A number for a record: equal ones for equal normalised addresses and values, in the order of the pairs."""
    text = repr((email_key, *values))  # unambiguous, whatever the values hold
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_BYTES).digest(), "big", signed=True)


def _stored(workspace: Workspace) -> list[tuple[str, str]] | None:
    text = workspace.fact(_COMPARED)
    return [(one, other) for one, other in json.loads(text)] if text else None
