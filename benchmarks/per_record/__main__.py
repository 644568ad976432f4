"""`python -m benchmarks.per_record WORKSPACE`: examines a built workspace record by record, stores verdicts and findings, and
prints seconds, peak megabytes and counts as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.mirrored import practice_connection
from benchmarks.per_record.contact import Contact, distinct
from benchmarks.per_record.records import APP, HUBSPOT, MIRROR, Finding, app_record, hubspot_record
from benchmarks.per_record.terms import Terms
from engine.fingerprint import fingerprint
from engine.runs import Run
from engine.situation import recall
from engine.sqlite import sqlite3
from engine.workspace import Workspace

ROWS = 10_000
_CONTACT = (
    "id", "hubspot_id", "app_id", "linked", "hubspot_twins", "app_twins", "hubspot_candidates", "app_candidates", "erased",
    "member_since", "email", "email_key",
)  # fmt: skip
_SELECT = (
    "SELECT c.id, c.hubspot_id, c.app_id, c.linked_at IS NOT NULL, c.hubspot_twins, c.app_twins, c.hubspot_candidates, "
    "c.app_candidates, c.erased, m.added_at, c.email, coalesce(nullif(h._email_key, ''), a._email_key, ''), "
    "h._id IS NOT NULL, a._id IS NOT NULL, "
    f"h._updated_at, c.hubspot_written_at, h._unreadable, {', '.join(f'h.{name}' for name in HUBSPOT[MIRROR:])}, "
    f"a._updated_at, c.app_written_at, a._unreadable, {', '.join(f'a.{name}' for name in APP[MIRROR:])} "
    "FROM contact c LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
    "LEFT JOIN list_member m ON m.record_id = c.hubspot_id ORDER BY c.id"
)
_OF_HUBSPOT = slice(len(_CONTACT) + 2, len(_CONTACT) + 2 + len(HUBSPOT))
_OF_APP = slice(_OF_HUBSPOT.stop, _OF_HUBSPOT.stop + len(APP))


def contact_of(row: tuple[Any, ...], terms: Terms) -> Contact:
    """The contact in a row of the mirror, examined."""
    found: list[Finding] = []
    values = dict(zip(_CONTACT, row, strict=False))
    has_hubspot, has_app = row[len(_CONTACT)], row[len(_CONTACT) + 1]
    values["hubspot"] = (
        hubspot_record(dict(zip(HUBSPOT, row[_OF_HUBSPOT], strict=True)), found) if has_hubspot else None
    )
    values["app"] = (
        app_record(dict(zip(APP, row[_OF_APP], strict=True)), found, alone=not has_hubspot) if has_app else None
    )
    values["found"] = found
    return Contact.model_validate(values, context=terms)


def remember(terms: Terms, first: int, last: int) -> None:
    """Reads what earlier runs left of the contacts from `first` to `last`."""
    terms.base.clear()
    for contact, name, ours, theirs, meaning in terms.sql.execute(
        "SELECT contact_id, field, hubspot_value, app_value, fingerprint FROM base_field WHERE contact_id BETWEEN ? AND ?",
        (first, last),
    ):
        terms.base.setdefault(contact, {})[name] = (ours, theirs, meaning)
    terms.in_doubt = dict(
        terms.sql.execute(
            "SELECT contact_id, min(side) FROM journal WHERE state IN ('intent', 'in_doubt') AND contact_id BETWEEN ? AND ? "
            "GROUP BY contact_id",
            (first, last),
        )
    )


class Storing:
    """Verdicts and findings on their way into the workspace's tables of these names."""

    def __init__(self, sql: sqlite3.Connection, run: int) -> None:
        self._sql = sql
        self._run = run
        self._numbers: dict[tuple[str, str, str], int] = {}
        self.states: Counter[str] = Counter()
        self.findings = 0

    def store(self, contacts: Iterator[Contact]) -> None:
        """Stores a batch in one transaction."""
        verdicts, findings, run = [], [], self._run
        for contact in contacts:
            state, cause = contact.verdict()
            self.states[state] += 1
            said = ""
            for one in distinct(contact.found) if contact.found else ():
                number = self._number(one.code, one.field, one.rule)
                said += f"{number}{one.state}{one.blocking}"
                findings.append(
                    (contact.id, one.code, one.field, one.state, one.blocking, one.value, one.rule, run, run, number)
                )
            digest = zlib.crc32(f"{state}{cause}{contact.hubspot_id}{contact.app_id}{said}".encode())
            verdicts.append((contact.id, state, cause, run, run, digest, run))
        self.findings += len(findings)
        self._sql.execute("BEGIN IMMEDIATE")
        self._sql.executemany(
            "INSERT INTO verdict(contact_id, state, cause, since_run, run_id, digest, opened_run) VALUES (?, ?, ?, ?, ?, ?, ?)",
            verdicts,
        )
        self._sql.executemany(
            "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run, fingerprint) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            findings,
        )
        self._sql.execute("COMMIT")

    def _number(self, code: str, field: str, rule: str) -> int:
        key = code, field, rule
        if key not in self._numbers:
            digest = fingerprint(code, field, rule)
            self._sql.execute(
                "INSERT OR IGNORE INTO fingerprint(digest, code, field, rule) VALUES (?, ?, ?, ?)",
                (digest, code, field, rule),
            )
            row = self._sql.execute("SELECT id FROM fingerprint WHERE digest = ?", (digest,)).fetchone()
            self._numbers[key] = int(row[0])
        return self._numbers[key]


def examine(path: Path, terms: Terms, run: int) -> Storing:
    """Examines and stores every contact of the workspace."""
    storing = Storing(terms.sql, run)
    reading = sqlite3.connect(path).execute(_SELECT)
    while rows := reading.fetchmany(ROWS):
        remember(terms, rows[0][0], rows[-1][0])
        storing.store(contact_of(row, terms) for row in rows)
    return storing


def main(path: Path) -> None:
    """Measures one examination."""
    with Workspace(path) as workspace:
        run = Run(workspace, "check")
        situation = recall(workspace, practice_connection())
        run.finish("done", 0)
    sql = sqlite3.connect(path, isolation_level=None)
    began = time.perf_counter()
    stored = examine(path, Terms(situation, sql), run.id)
    seconds = time.perf_counter() - began
    answer = {
        "seconds": seconds,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "population": stored.states.total(),
        "states": stored.states,
        "findings": stored.findings,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
