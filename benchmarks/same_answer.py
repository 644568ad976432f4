"""Whether two programs gave the same answer on the same workspace: each contact's state and cause, and all findings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engine.sqlite import sqlite3

SHOWN = 5
_COMPARED = {
    "verdict": "SELECT contact_id, state, cause FROM {0}.verdict",
    "finding": "SELECT contact_id, code, field, state, blocking, value FROM {0}.finding",
}
_FINDINGS = "SELECT contact_id, code, field FROM {0}.finding WHERE code IN (SELECT value FROM json_each(?))"


class OtherAnswer(Exception):
    """The two programs do not agree: their speeds cannot be compared."""


def same_answer(ours: Path, theirs: Path) -> None:
    """Compares the tables `verdict` and `finding` of two workspaces. Raises OtherAnswer with the first rows that differ."""
    for table, query in _COMPARED.items():
        _compare(ours, theirs, table, query)


def same_findings(ours: Path, theirs: Path, codes: Sequence[str]) -> None:
    """The same for the contact, cause and field of the findings with these codes."""
    import json

    _compare(ours, theirs, "finding", _FINDINGS, json.dumps(list(codes)))


def _compare(ours: Path, theirs: Path, table: str, query: str, *codes: str) -> None:
    with closing(sqlite3.connect(f"{ours.absolute().as_uri()}?mode=ro", uri=True)) as sql:
        sql.execute("ATTACH ? AS theirs", (f"{theirs.absolute().as_uri()}?mode=ro",))
        for here, there, who in (("main", "theirs", "only ours"), ("theirs", "main", "only theirs")):
            both = f"{query.format(here)} EXCEPT {query.format(there)}"
            rows = sql.execute(both, codes * 2).fetchall()
            if rows:
                shown = "\n    ".join(map(str, rows[:SHOWN]))
                raise OtherAnswer(f"{len(rows):,} rows of {table} are {who}:\n    {shown}")


if __name__ == "__main__":
    same_answer(Path(sys.argv[1]), Path(sys.argv[2]))
