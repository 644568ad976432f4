"""Keeps the past: from which examination to which a verdict and a finding held, and what the situation was.

A span begins with the first completed examination that gave the answer (`opened_run`) and ends with the first one that did
not (`closed_run`, NULL while it holds). A verdict that still holds is its own span (`verdict.opened_run`, which may be that of a
run under way or cut off: only what a completed examination gave counts, `verdict_span`). What it was before is kept in
`former_verdict`: by triggers when its contact goes or gets other records (`engine/tables.py`), by who writes it when it becomes
another one; the next completed examination says whether that has ended it. Contacts whose answer did not change cost nothing:
`changed_answer` says which ones did.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from engine.gates import Situation
from engine.runs import Run, iso
from engine.schema import SIDES, Field, SideSchema
from engine.sqlite import sqlite3

_GONE = "NOT EXISTS (SELECT 1 FROM verdict v WHERE v.contact_id = {span}.contact_id)"

_EXAMINING = "examining"
_OF_A_RUN_CUT_OFF = "UPDATE verdict SET opened_run = :run WHERE opened_run > :last AND opened_run < :run"
_AS_BEFORE = """
UPDATE verdict SET opened_run = f.opened_run FROM former_verdict f
WHERE f.closed_run IS NULL AND verdict.contact_id = f.contact_id AND verdict.state = f.state AND verdict.cause = f.cause
  AND EXISTS (SELECT 1 FROM contact c WHERE c.id = f.contact_id AND c.hubspot_id IS f.hubspot_id AND c.app_id IS f.app_id)
"""
_STILL_HOLD = """
DELETE FROM former_verdict WHERE closed_run IS NULL AND EXISTS (
  SELECT 1 FROM verdict v WHERE v.contact_id = former_verdict.contact_id AND v.opened_run = former_verdict.opened_run
)
"""
_BECOMING_OTHERS = """
INSERT INTO former_verdict(contact_id, opened_run, state, cause, hubspot_id, app_id)
SELECT v.contact_id, v.opened_run, v.state, v.cause, c.hubspot_id, c.app_id FROM verdict v JOIN contact c ON c.id = v.contact_id
JOIN examination e ON e.run_id = v.opened_run AND e.unread = '' WHERE {which} ON CONFLICT DO NOTHING
"""
_CHANGED = "INSERT OR REPLACE INTO changed_answer(contact_id, run_id) SELECT value, :run FROM json_each(:contacts)"
_VERDICTS_ENDED = "UPDATE former_verdict SET closed_run = :run WHERE closed_run IS NULL"
_VERDICTS_BEGUN = "UPDATE verdict SET opened_run = :run WHERE opened_run IS NULL"
_FINDINGS_ENDED = """
UPDATE finding_span SET closed_run = :run
WHERE closed_run IS NULL AND contact_id IN (SELECT contact_id FROM changed_answer WHERE run_id > :since) AND NOT EXISTS (
  SELECT 1 FROM verdict v CROSS JOIN finding f ON f.contact_id = v.contact_id AND f.last_run = v.run_id
  WHERE v.contact_id = finding_span.contact_id AND f.fingerprint = finding_span.fingerprint
    AND f.state = finding_span.state AND f.blocking = finding_span.blocking
)
"""
_FINDINGS_BEGUN = """
INSERT INTO finding_span(contact_id, fingerprint, opened_run, state, blocking, rule)
SELECT f.contact_id, f.fingerprint, :run, f.state, f.blocking, nullif(f.rule, k.rule)
FROM {from_} JOIN fingerprint k ON k.id = f.fingerprint
{where} ORDER BY f.contact_id, f.fingerprint
"""
"""In the order of the contacts: by the index of the causes, SQLite would go through all verdicts once per cause."""
_NOT_YET = """
WHERE NOT EXISTS (SELECT 1 FROM finding_span s WHERE s.contact_id = f.contact_id
  AND s.fingerprint = f.fingerprint AND s.closed_run IS NULL)
"""
_OF_CHANGED = (
    "changed_answer n CROSS JOIN verdict v ON v.contact_id = n.contact_id AND n.run_id > :since "
    "CROSS JOIN finding f ON f.contact_id = v.contact_id AND f.last_run = v.run_id CROSS"
)
_FINDINGS_OF_THE_GONE = f"""
UPDATE finding_span SET closed_run = :run WHERE closed_run IS NULL
  AND contact_id IN (SELECT contact_id FROM former_verdict WHERE closed_run = :run) AND {_GONE.format(span="finding_span")}
"""
_SUCCESSORS = f"""
INSERT OR REPLACE INTO succession(former_id, contact_id, run_id)
SELECT former, heir, :run FROM (
  SELECT s.contact_id AS former, coalesce((SELECT id FROM contact WHERE hubspot_id = s.hubspot_id),
    (SELECT id FROM contact WHERE app_id = s.app_id)) AS heir
  FROM former_verdict s WHERE s.closed_run = :run AND {_GONE.format(span="s")}
) WHERE heir IS NOT NULL
"""
"""A contact's number goes when its record becomes part of another contact; its past belongs to that one."""


def record(run: Run, situation: Situation, contacts: int) -> None:
    """Records a completed examination of `contacts` contacts. A run that examines twice is recorded as its last one.

    To be called in the transaction that completes the examination: one that was cut off leaves no trace here.
    """
    with run.workspace.transaction() as sql:
        _take_back(sql, run.id)
        before = sql.execute(
            "SELECT max(run_id) FROM examination WHERE run_id < ? AND unread = ''", (run.id,)
        ).fetchone()[0]
        # The last one may have planned twice and completed only its first plan: what changed in it is looked at once more.
        known = {"run": run.id, "last": before or 0, "since": (before or 0) - 1}
        if _cut_off_before(sql, run.id):
            sql.execute(_OF_A_RUN_CUT_OFF, known)
        if sql.execute(_AS_BEFORE, known).rowcount:
            sql.execute(_STILL_HOLD)
        for statement in (_VERDICTS_ENDED, _VERDICTS_BEGUN):
            sql.execute(statement, known)
        if before is None:
            sql.execute(_FINDINGS_BEGUN.format(from_="finding f", where="WHERE f.last_run = :run"), known)
        else:
            sql.execute(_FINDINGS_ENDED, known)
            sql.execute(_FINDINGS_BEGUN.format(from_=_OF_CHANGED, where=_NOT_YET), known)
            sql.execute("DELETE FROM changed_answer WHERE run_id <= :since", known)
        sql.execute(_FINDINGS_OF_THE_GONE, known)
        sql.execute(_SUCCESSORS, known)
        _note(sql, run, contacts, "")
        _remember(sql, run.id, situation)


def completed(sql: sqlite3.Connection) -> frozenset[int]:
    """The runs that completed an examination."""
    return frozenset(int(row[0]) for row in sql.execute("SELECT run_id FROM examination WHERE unread = ''"))


def keep_former(sql: sqlite3.Connection, former: pl.DataFrame) -> None:
    """Keeps verdicts that a completed examination gave and that become others in the same transaction, by whoever sets their new
    `opened_run`. Columns: `contact`, `opened_run`, `state`, `cause`, both ids."""
    sql.executemany(
        "INSERT INTO former_verdict(contact_id, opened_run, state, cause, hubspot_id, app_id) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        former.select("contact", "opened_run", "state", "cause", "hubspot_id", "app_id").rows(),
    )


def keep_and_reopen(sql: sqlite3.Connection, which: str, parameters: Sequence[int | str] = ()) -> None:
    """As `keep_former`, for verdicts (`v`) that are about to become others; the next completed examination opens what they become."""
    sql.execute(_BECOMING_OTHERS.format(which=which), tuple(parameters))
    sql.execute(f"UPDATE verdict AS v SET opened_run = NULL WHERE {which}", tuple(parameters))


def answers_changed(sql: sqlite3.Connection, run: int, contacts: str) -> None:
    """Notes whose answer became another one in this run, for the next `record`. `contacts`: their numbers, a JSON array."""
    sql.execute(_CHANGED, {"run": run, "contacts": contacts})


def examining(sql: sqlite3.Connection, run: int) -> None:
    """Notes that a run begins to give answers; `record` takes the note back. One that is found later is of a run cut off."""
    sql.execute("INSERT OR IGNORE INTO fact(key, value) VALUES (?, ?)", (_EXAMINING, str(run)))


def _cut_off_before(sql: sqlite3.Connection, run: int) -> bool:
    noted = sql.execute("SELECT value FROM fact WHERE key = ?", (_EXAMINING,)).fetchone()
    sql.execute("DELETE FROM fact WHERE key = ?", (_EXAMINING,))
    return noted is not None and int(noted[0]) != run


def record_unread(run: Run, code: str, contacts: int) -> None:
    """Records that a side could not be read (`code`): for this run every known contact is unknown, and nothing is resolved."""
    with run.workspace.transaction() as sql:
        _take_back(sql, run.id)
        _note(sql, run, contacts, code)


def _take_back(sql: sqlite3.Connection, run: int) -> None:
    """Undoes what an earlier examination of the same run recorded."""
    if not sql.execute("SELECT 1 FROM examination WHERE run_id = ?", (run,)).fetchone():
        return
    sql.execute(
        "UPDATE verdict SET opened_run = NULL WHERE contact_id IN (SELECT contact_id FROM former_verdict WHERE closed_run = ?)",
        (run,),
    )
    for table in ("former_verdict", "finding_span"):
        sql.execute(f"DELETE FROM {table} WHERE opened_run = ?", (run,))
        sql.execute(f"UPDATE {table} SET closed_run = NULL WHERE closed_run = ?", (run,))
    sql.execute("DELETE FROM succession WHERE run_id = ?", (run,))
    sql.execute("DELETE FROM declared_past WHERE run_id = ?", (run,))


def _note(sql: sqlite3.Connection, run: Run, contacts: int, unread: str) -> None:
    sql.execute(
        "INSERT OR REPLACE INTO examination(run_id, at, contacts, unread) VALUES (?, ?, ?, ?)",
        (run.id, iso(run.now()), contacts, unread),
    )


def _remember(sql: sqlite3.Connection, run: int, situation: Situation) -> None:
    """Stores the parts of the situation that are not what they were."""
    for what, part in parts_of(situation).items():
        document = json.dumps(part, sort_keys=True)
        sql.execute(
            "INSERT INTO declared_past(what, run_id, document) SELECT ?1, ?2, ?3 WHERE ?3 IS NOT "
            "(SELECT document FROM declared_past WHERE what = ?1 ORDER BY run_id DESC LIMIT 1)",
            (what, run, document),
        )


def forget_criteria(sql: sqlite3.Connection, keys: Collection[str]) -> None:
    """Empties what the list was where its criteria name one of these normalised addresses; nothing else here holds a value."""
    for key in keys:
        sql.execute(
            "UPDATE declared_past SET document = '{}' WHERE what = 'list' AND instr(lower(document), ?)", (key,)
        )


def parts_of(situation: Situation) -> Mapping[str, Mapping[str, Any]]:
    """What a later reader can compare: the connection, the fields of both sides, the list, its size, what was not readable.

    Limits and other numbers that change with every request are left out.
    """
    inclusion = situation.inclusion
    parts: dict[str, Mapping[str, Any]] = {
        "connection": situation.connection.model_dump(mode="json"),
        **{f"{side}.fields": _fields(situation.schemas[side]) for side in SIDES},
        **{f"{side}.scopes": {"scopes": sorted(situation.schemas[side].scopes)} for side in SIDES},
        "list.size": {"members": situation.list_size} if inclusion else {},
        "list": {},
        "unavailable": dict(situation.unavailable),
    }
    if inclusion:
        parts["list"] = {
            "id": inclusion.id,
            "name": inclusion.name,
            "kind": inclusion.processing_type,
            "status": inclusion.processing_status,
            "criteria": inclusion.filters,
            "criteria edited at": iso(inclusion.criteria_updated_at) if inclusion.criteria_updated_at else "",
            "edited by": inclusion.updated_by,
            "deleted at": iso(inclusion.deleted_at) if inclusion.deleted_at else "",
        }
    return parts


def _fields(schema: SideSchema) -> dict[str, Any]:
    return {name: _field(field) for name, field in schema.fields.items()}


def _field(field: Field) -> dict[str, Any]:
    return {
        "type": field.type,
        "options": [option.value for option in field.options],
        "rules": [" ".join((rule.kind, *rule.arguments)) for rule in field.rules],
        "required": field.required,
        "read only": field.read_only,
    }
