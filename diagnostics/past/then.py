"""One contact as it was at an earlier examination: what is kept of it, and by name what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from diagnostics.causes import CAUSES
from diagnostics.evidence import sentence
from diagnostics.past.findings import PastFinding, Seen, findings_until, numbers_of
from diagnostics.past.moment import Examined
from engine.connection import Connection
from engine.errors import ConfigurationError
from engine.mirror import TABLE, columns_of
from engine.runs import iso
from engine.schema import SIDES, Side
from engine.sqlite import sqlite3
from engine.who import find_contact
from engine.workspace import Workspace

OTHER_CLOCKS = timedelta(hours=1)
"""How far a side's clock may be from ours before a record's time is taken for more than it says."""
_TITLES = {entry.code: entry.title for entry in CAUSES}
_WORDS = {
    "in_sync": "In sync: both records were there and all mapped fields agreed",
    "pending": "Pending: a sync would have written to it, and what is not kept",
    "excluded": "Excluded",
    "failing": "Failing",
    "conflict": "Conflict",
    "unknown": "Not examined",
}
_IN_FORCE = """
SELECT * FROM verdict_span WHERE opened_run <= ?1 AND (closed_run IS NULL OR closed_run > ?1)
"""


@dataclass(frozen=True)
class KnownValue:
    """A field's value of that time. `how` it is known: the record is `unchanged` since, by its side's own time (`at`), so it is
    what run `run` read of it; it was `written` by a run then or before; or it was `found` there by the first later write,
    which kept it as its before-image. `at` is otherwise the time of that write."""

    side: Side
    field: str
    value: str
    how: str
    run: int
    at: str


@dataclass(frozen=True)
class Then:
    """A contact at an examination; texts are as they came. `since`: the examination that first gave this verdict.

    `values` are the mapped fields of which a value is known, `not_known` the others of records that were there, as `SIDE.NAME`.
    """

    examined: Examined
    contact: int
    hubspot_id: str | None
    app_id: str | None
    state: str
    cause: str
    sentence: str
    since: Seen
    findings: tuple[PastFinding, ...]
    values: tuple[KnownValue, ...]
    not_known: tuple[str, ...]


def explain_then(workspace: Workspace, connection: Connection, who: str, examined: Examined) -> Then:
    """A contact as it was; `who` may also be an id that it or its record had then, and that is gone now.

    Raises ConfigurationError if nobody or several fit, or if the contact was not there then.
    """
    span = _span_of(workspace, who.strip(), examined)
    contact = int(span["contact_id"])
    findings = findings_until(workspace, contact, examined.run)
    state, cause = (span["state"], span["cause"]) if not examined.unread else ("unknown", examined.unread)
    values = _values(workspace, connection, contact, (span["hubspot_id"], span["app_id"]), examined.at)
    known = {(value.side, value.field) for value in values}
    since = Seen(int(span["opened_run"]), _time_of(workspace, int(span["opened_run"])))
    return Then(
        examined=examined,
        contact=contact,
        hubspot_id=span["hubspot_id"],
        app_id=span["app_id"],
        state=state,
        cause=cause,
        sentence=_sentence(state, cause, findings),
        since=Seen(examined.run, examined.at) if examined.unread else since,
        findings=findings,
        values=values,
        not_known=tuple(
            f"{side}.{field}"
            for side, field in _mapped(connection)
            if (side, field) not in known and span[f"{side}_id"] is not None
        ),
    )


def past_sentence(finding: PastFinding) -> str:
    """A finding of the past in words, safe to show; the value that it was about is not kept."""
    if not finding.rule and finding.code not in _TITLES:
        return finding.code
    return sentence(finding.code, finding.field, "", finding.rule, mask=True)


def _sentence(state: str, cause: str, findings: Sequence[PastFinding]) -> str:
    word = _WORDS.get(state, state)
    deciding = [one for one in findings if one.code == cause and one.blocking and one.resolved is None]
    if deciding:
        return f"{word}: {past_sentence(deciding[0])}"
    return f"{word}: {_TITLES.get(cause, cause)}." if cause else f"{word}."


def _span_of(workspace: Workspace, who: str, examined: Examined) -> sqlite3.Row:
    """The verdict's span in force then: the contact's own before those of contacts that became part of it since."""
    rows = workspace.rows(
        f"{_IN_FORCE} AND ?2 <> '' AND (hubspot_id = ?2 OR app_id = ?2) ORDER BY contact_id LIMIT 2",
        (examined.run, who),
    )
    if len(rows) > 1:
        raise ConfigurationError(
            "two contacts had this id then, one on each side", where=who[:40], remedy="Give the e-mail address."
        )
    if rows:
        return rows[0]
    contact = find_contact(workspace, who).contact
    # As literals: SQLite does not look up the rows of a subquery in the parts of a view, but reads all of it.
    numbers = ", ".join(str(number) for number in numbers_of(workspace, contact))
    rows = workspace.rows(
        f"{_IN_FORCE} AND contact_id IN ({numbers}) ORDER BY contact_id <> ?2, contact_id", (examined.run, contact)
    )
    if rows:
        return rows[0]
    first = workspace.value("SELECT min(opened_run) FROM verdict_span WHERE contact_id = ?", (contact,))
    raise ConfigurationError(
        f"this contact was not there yet in run {examined.run}, {examined.at[:16]} UTC",
        where=workspace.path.stem,
        remedy=f"It was examined first in run:{first}." if first else f"Run: syncdoctor check {workspace.path.stem}",
    )


def _time_of(workspace: Workspace, run: int) -> str:
    return str(workspace.value("SELECT at FROM examination WHERE run_id = ?", (run,)) or "")


def _mapped(connection: Connection) -> list[tuple[Side, str]]:
    pairs = ((side, connection.field(mapping, side)) for mapping in connection.mappings for side in SIDES)
    return list(dict.fromkeys(pairs))


_WRITES = """
SELECT run_id, side, sent, before, kept, planned_at, coalesce(settled_at, planned_at) AS at FROM journal
WHERE state IN ('applied', 'verified') AND (contact_id IN (SELECT value FROM json_each(?1))
  OR side = 'hubspot' AND record_id = ?2 OR side = 'app' AND record_id = ?3) ORDER BY id
"""


def _values(
    workspace: Workspace, connection: Connection, contact: int, records: tuple[str | None, str | None], at: str
) -> tuple[KnownValue, ...]:
    """Per mapped field the value of a record that is unchanged since, else the newest one that was written until then, else the
    first one found later."""
    written: dict[tuple[str, str], KnownValue] = {}
    found: dict[tuple[str, str], KnownValue] = {}
    numbers = json.dumps(numbers_of(workspace, contact))
    for row in workspace.rows(_WRITES, (numbers, *records)):
        side, run = row["side"], int(row["run_id"])
        if row["at"] <= at:
            kept = json.loads(row["sent"]) | json.loads(row["kept"] or "{}")
            for field, value in kept.items():
                if value is not None:
                    written[side, field] = KnownValue(side, field, str(value), "written", run, row["at"])
        elif row["planned_at"] > at:
            for field, value in json.loads(row["before"]).items():
                if value is not None:
                    found.setdefault(
                        (side, field), KnownValue(side, field, str(value), "found", run, row["planned_at"])
                    )
    known = found | written | _unchanged(workspace, connection, records, at)
    return tuple(known[pair] for pair in _mapped(connection) if pair in known)


def _unchanged(
    workspace: Workspace, connection: Connection, records: tuple[str | None, str | None], at: str
) -> dict[tuple[str, str], KnownValue]:
    """What the mirror holds of records whose last change lies well before `at`: by the side's own clock, so an hour is left."""
    until = iso(datetime.fromisoformat(at) - OTHER_CLOCKS)
    known: dict[tuple[str, str], KnownValue] = {}
    for side, record in zip(SIDES, records, strict=True):
        present = set(columns_of(workspace, side))
        fields = [field for where, field in _mapped(connection) if where == side and field in present]
        for row in workspace.rows(f"SELECT * FROM {TABLE[side]} WHERE _id = ? AND _updated_at <= ?", (record, until)):
            # A row's own look-up ignores case, and HubSpot's city is not the app's CITY.
            held = dict(zip(row.keys(), tuple(row), strict=True))
            for field in fields:
                if held[field] is not None:
                    value, run = str(held[field]), int(held["_seen_run"])
                    known[side, field] = KnownValue(side, field, value, "unchanged", run, str(held["_updated_at"]))
    return known
