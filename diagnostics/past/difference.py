"""What changed between two examinations: contacts that moved between verdicts, and the findings that came and went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnostics.past.moment import Examined, one_look
from diagnostics.past.situation import Change, situation_changes
from engine.gates import STATES
from engine.sqlite import sqlite3
from engine.workspace import Workspace

Verdict = tuple[str, str]
"""State and cause; the cause is empty for `in_sync` and `pending`."""
NEW: Verdict = ("new", "")
GONE: Verdict = ("gone", "")
WORSE = ("failing", "conflict", "unknown")


@dataclass(frozen=True)
class FindingCount:
    """So many contacts for which a finding of this cause and field was `resolved`, is `new`, `came_back`, or is there as before but
    by a `changed` rule."""

    what: str
    code: str
    field: str
    contacts: int


@dataclass(frozen=True)
class MovedContact:
    """One contact of a move; both ids as they were last known there, the address as it is now, empty if there is none or the contact
    is gone."""

    contact: int
    hubspot_id: str | None
    app_id: str | None
    email: str = ""


@dataclass(frozen=True)
class Move:
    """Contacts that went from one verdict to another. `then` is NEW for contacts that were not there, `now` GONE for those that
    are not there any more; `joined`: so many of these are part of another contact now.

    `why`: which of their findings came and went. `written`: so many were written by a run in between. `changed_in`: so many
    records of a side were changed in between, as far as the mirror shows: at least.
    """

    then: Verdict
    now: Verdict
    contacts: int
    why: tuple[FindingCount, ...] = ()
    written: int = 0
    changed_in: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    examples: tuple[MovedContact, ...] = ()


@dataclass(frozen=True)
class Worked:
    """A run in between: its command and how many records it wrote."""

    run: int
    command: str
    state: str
    writes: int


@dataclass(frozen=True)
class Difference:
    """Two examinations compared. `population` + new - gone = population after; what did not move is `unmoved`, and
    `findings_only`: so many of these got other findings all the same (`findings`: which)."""

    before: Examined
    after: Examined
    states_then: Mapping[str, int]
    states_now: Mapping[str, int]
    moves: tuple[Move, ...]
    unmoved: int
    findings_only: int
    findings: tuple[FindingCount, ...]
    situation: tuple[Change, ...]
    runs: tuple[Worked, ...]

    @property
    def worse(self) -> int:
        """How many contacts moved to, or are new in, a state that needs somebody: failing, conflict or unknown."""
        return sum(move.contacts for move in self.moves if move.now[0] in WORSE and move.then[0] != move.now[0])


_AT = """
SELECT contact_id, CASE WHEN {unread} = '' THEN state ELSE 'unknown' END AS state,
  CASE WHEN {unread} = '' THEN cause ELSE {unread} END AS cause, hubspot_id, app_id
FROM verdict_span WHERE opened_run <= {run} AND (closed_run IS NULL OR closed_run > {run})
"""
_THEN, _NOW = (_AT.format(run=f":{run}", unread=f":{unread}") for run, unread in (("a", "a_unread"), ("b", "b_unread")))
_TOUCHED = """
SELECT contact_id FROM verdict_span WHERE opened_run > :a AND opened_run <= :b
UNION SELECT contact_id FROM verdict_span WHERE closed_run > :a AND closed_run <= :b
"""
_HELD = (
    "CREATE TEMP TABLE {name} (contact_id INTEGER PRIMARY KEY, state TEXT, cause TEXT, hubspot_id TEXT, app_id TEXT)"
)
_MOVED = """
CREATE TEMP TABLE moved AS
SELECT n.contact_id, coalesce(t.state, 'new') AS then_state, coalesce(t.cause, '') AS then_cause, n.state AS now_state,
  n.cause AS now_cause, n.hubspot_id, n.app_id
FROM temp.held_now n LEFT JOIN temp.held_then t ON t.contact_id = n.contact_id
WHERE t.state IS NOT n.state OR t.cause IS NOT n.cause
UNION ALL
SELECT t.contact_id, t.state, t.cause, 'gone', '', t.hubspot_id, t.app_id
FROM temp.held_then t WHERE NOT EXISTS (SELECT 1 FROM temp.held_now n WHERE n.contact_id = t.contact_id)
"""
_FINDINGS = """
CREATE TEMP TABLE come_and_gone AS
WITH touched AS (
  SELECT contact_id FROM finding_span WHERE opened_run > :a AND opened_run <= :b
  UNION SELECT contact_id FROM finding_span WHERE closed_run > :a AND closed_run <= :b
), then_found AS (
  SELECT s.contact_id, k.code, k.field, s.fingerprint FROM touched c CROSS JOIN finding_span s ON s.contact_id = c.contact_id
  CROSS JOIN fingerprint k ON k.id = s.fingerprint WHERE s.opened_run <= :a AND (s.closed_run IS NULL OR s.closed_run > :a)
), now_found AS (
  SELECT s.contact_id, k.code, k.field, s.fingerprint FROM touched c CROSS JOIN finding_span s ON s.contact_id = c.contact_id
  CROSS JOIN fingerprint k ON k.id = s.fingerprint WHERE s.opened_run <= :b AND (s.closed_run IS NULL OR s.closed_run > :b)
)
SELECT n.contact_id, n.code, n.field, CASE WHEN t.fingerprint IS NOT NULL THEN 'changed' WHEN EXISTS (
    SELECT 1 FROM finding_span e WHERE e.contact_id = n.contact_id AND e.fingerprint = n.fingerprint AND e.closed_run <= :b
      AND NOT EXISTS (SELECT 1 FROM finding_span f WHERE f.contact_id = e.contact_id AND f.fingerprint = e.fingerprint
        AND f.opened_run = e.closed_run)
  ) THEN 'came_back' ELSE 'new' END AS what
FROM now_found n LEFT JOIN then_found t ON t.contact_id = n.contact_id AND t.code = n.code AND t.field = n.field
WHERE t.fingerprint IS NOT n.fingerprint
UNION ALL
SELECT t.contact_id, t.code, t.field, 'resolved' FROM then_found t
WHERE NOT EXISTS (SELECT 1 FROM now_found n WHERE n.contact_id = t.contact_id AND n.code = t.code AND n.field = t.field)
  AND (EXISTS (SELECT 1 FROM verdict v WHERE v.contact_id = t.contact_id)
    OR EXISTS (SELECT 1 FROM former_verdict f WHERE f.contact_id = t.contact_id AND (f.closed_run IS NULL OR f.closed_run > :b)))
"""
"""Findings of contacts that are gone are not resolved: nobody looked at them."""


def difference(workspace: Workspace, before: Examined, after: Examined, *, examples: int = 0) -> Difference:
    """Compares two examinations, the earlier one first; up to `examples` contacts are named for each move."""
    scope = {"a": before.run, "b": after.run, "a_unread": before.unread, "b_unread": after.unread}
    with one_look(workspace) as sql:
        whole = bool(before.unread or after.unread)
        if not whole:
            sql.execute(f"CREATE TEMP TABLE touched AS {_TOUCHED}", scope)
        only = "" if whole else " AND contact_id IN (SELECT contact_id FROM temp.touched)"
        for name, part in (("held_then", _THEN), ("held_now", _NOW)):
            sql.execute(_HELD.format(name=name))
            sql.execute(f"INSERT INTO temp.{name} {part}{only}", scope)
        sql.execute(_MOVED)
        sql.execute(_FINDINGS, scope)
        states_then, states_now = (_counted(sql, one, part, scope) for one, part in ((before, _THEN), (after, _NOW)))
        moves = _moves(workspace, before, after, examples)
        return Difference(
            before=before,
            after=after,
            states_then=states_then,
            states_now=states_now,
            moves=moves,
            unmoved=sum(states_now.values()) - sum(move.contacts for move in moves if move.now != GONE),
            findings_only=int(
                workspace.value(
                    "SELECT count(DISTINCT contact_id) FROM come_and_gone "
                    "WHERE contact_id NOT IN (SELECT contact_id FROM moved)"
                )
            ),
            findings=_finding_counts(
                workspace.rows(
                    "SELECT what, code, field, count(DISTINCT contact_id) AS contacts FROM come_and_gone GROUP BY 1, 2, 3"
                )
            ),
            situation=situation_changes(workspace, before.run, after.run),
            runs=_runs(workspace, before, after),
        )


def _counted(sql: sqlite3.Connection, examined: Examined, part: str, scope: Mapping[str, object]) -> dict[str, int]:
    """Contacts per state: as the run counted them, or if it could not look, all that were known."""
    if examined.unread:
        rows = sql.execute(f"SELECT state, count(*) AS contacts FROM ({part}) GROUP BY state", scope)
    else:
        query = "SELECT state, sum(contacts) AS contacts FROM run_state WHERE run_id = ? GROUP BY state"
        rows = sql.execute(query, (examined.run,))
    counts = Counter({row["state"]: int(row["contacts"]) for row in rows})
    return {state: counts[state] for state in STATES}


_KEYS = ("then_state", "then_cause", "now_state", "now_cause")
_COUNTED = """
SELECT m.then_state, m.then_cause, m.now_state, m.now_cause, count(*) AS contacts,
  sum(EXISTS (SELECT 1 FROM journal j WHERE j.contact_id = m.contact_id AND j.run_id > ?1 AND j.run_id <= ?2
    AND j.state IN ('applied', 'verified'))) AS written,
  sum(EXISTS (SELECT 1 FROM hubspot_contact h WHERE h._id = m.hubspot_id AND h._updated_at > ?3 AND h._updated_at <= ?4)) AS hubspot,
  sum(EXISTS (SELECT 1 FROM app_contact a WHERE a._id = m.app_id AND a._updated_at > ?3 AND a._updated_at <= ?4)) AS app,
  sum(m.now_state = 'gone' AND EXISTS (SELECT 1 FROM succession s WHERE s.former_id = m.contact_id AND s.run_id <= ?2)) AS joined
FROM moved m GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4
"""


def _moves(workspace: Workspace, before: Examined, after: Examined, examples: int) -> tuple[Move, ...]:
    why: dict[tuple[str, ...], list[sqlite3.Row]] = {}
    for row in workspace.rows(
        "SELECT m.then_state, m.then_cause, m.now_state, m.now_cause, f.what, f.code, f.field, "
        "count(DISTINCT f.contact_id) AS contacts FROM moved m JOIN come_and_gone f ON f.contact_id = m.contact_id "
        "WHERE m.then_state <> 'new' AND m.now_state <> 'gone' GROUP BY 1, 2, 3, 4, 5, 6, 7"
    ):
        why.setdefault(tuple(row[key] for key in _KEYS), []).append(row)
    named: dict[tuple[str, ...], list[MovedContact]] = {}
    for row in workspace.rows(
        "SELECT m.*, coalesce(c.email, '') AS email FROM (SELECT *, row_number() OVER (PARTITION BY then_state, then_cause, "
        "now_state, now_cause ORDER BY contact_id) AS place FROM moved) m LEFT JOIN contact c ON c.id = m.contact_id "
        "WHERE m.place <= ? ORDER BY m.contact_id",
        (examples,),
    ):
        contact = MovedContact(row["contact_id"], row["hubspot_id"], row["app_id"], row["email"])
        named.setdefault(tuple(row[key] for key in _KEYS), []).append(contact)
    return tuple(
        Move(
            then=(row["then_state"], row["then_cause"]),
            now=(row["now_state"], row["now_cause"]),
            contacts=row["contacts"],
            why=_finding_counts(why.get(tuple(row[key] for key in _KEYS), ())),
            written=row["written"],
            changed_in={side: row[side] for side in ("hubspot", "app") if row[side]},
            joined=row["joined"],
            examples=tuple(named.get(tuple(row[key] for key in _KEYS), ())),
        )
        for row in workspace.rows(_COUNTED, (before.run, after.run, before.at, after.at))
    )


def _finding_counts(rows: Sequence[sqlite3.Row]) -> tuple[FindingCount, ...]:
    counts = [FindingCount(row["what"], row["code"], row["field"], row["contacts"]) for row in rows]
    return tuple(sorted(counts, key=lambda one: (-one.contacts, one.what, one.code, one.field)))


def _runs(workspace: Workspace, before: Examined, after: Examined) -> tuple[Worked, ...]:
    """The runs after the earlier examination, up to the later one, that wrote something."""
    return tuple(
        Worked(row["id"], row["command"], row["state"], row["writes"])
        for row in workspace.rows(
            "SELECT r.id, r.command, r.state, count(*) AS writes FROM run r JOIN journal j ON j.run_id = r.id "
            "AND j.state IN ('applied', 'verified') WHERE r.id > ? AND r.id <= ? GROUP BY r.id ORDER BY r.id",
            (before.run, after.run),
        )
    )
