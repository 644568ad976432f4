"""The record of what was done and proved: runs with events and exchanges, verifications, reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.workspace import Workspace
from tui.reading.health import RunRow, run_row
from tui.reading.undo import REFUSED, refusal

RUNS_SHOWN = 200
DIFFERENCES_SHOWN = 500
REPORT_CHARACTERS = 400_000
_LISTS = (("fields", "empty:"), ("existing", "already there:"))


@dataclass(frozen=True)
class LogLine:
    """One event or HTTP exchange of a run; `level` is the event's, or `http` / `http-error`."""

    at: str
    level: str
    code: str
    text: str


@dataclass(frozen=True)
class VerificationRow:
    """One of the verifications after activation with its result and whom it misses."""

    name: str
    status: str
    expected: int | None
    found: int | None
    missing: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class DifferenceRow:
    """One field that differs between the sides, with its class; `who` is the contact's e-mail, or an id without one."""

    contact: int | None
    who: str
    hubspot_id: str
    app_id: str
    field: str
    kind: str
    hubspot_value: str
    app_value: str


@dataclass(frozen=True)
class Verification:
    """The last verification; `unexplained` is None where nothing was verified yet."""

    run: RunRow | None
    rows: tuple[VerificationRow, ...]
    classes: tuple[tuple[str, int], ...]
    differences: tuple[DifferenceRow, ...]
    sample: str = ""
    """What a sample says of all contacts; empty if everything was read."""

    @property
    def unexplained(self) -> int | None:
        """Differences without an explanation."""
        return None if self.run is None else dict(self.classes).get("unexplained", 0)


@dataclass(frozen=True)
class ReportFile:
    """A report that was written: when, where, and its text if it can still be read."""

    at: str
    path: str
    text: str
    problem: str = ""
    others: tuple[str, ...] = ()


def runs(workspace: Workspace) -> tuple[RunRow, ...]:
    """The newest runs, newest first."""
    return tuple(run_row(row) for row in workspace.rows(f"SELECT * FROM run ORDER BY id DESC LIMIT {RUNS_SHOWN}"))


def one_run(workspace: Workspace, run_id: int) -> RunRow | None:
    """A run by its number."""
    rows = workspace.rows("SELECT * FROM run WHERE id = ?", (run_id,))
    return run_row(rows[0]) if rows else None


def open_run_log(workspace: Workspace, run_id: int) -> int:
    """Materialises the order of a run's events and exchanges, and of what was refused of an undo; returns how many there are."""
    sql = workspace.sql
    sql.execute("PRAGMA temp_store = MEMORY")
    sql.execute("DROP TABLE IF EXISTS temp.log_window")
    sql.execute(
        "CREATE TEMP TABLE log_window(position INTEGER PRIMARY KEY, kind TEXT NOT NULL, line_id INTEGER NOT NULL)"
    )
    sql.execute(
        "INSERT INTO temp.log_window(kind, line_id) SELECT kind, id FROM ("
        "SELECT 'event' AS kind, id, at FROM event WHERE run_id = ? UNION ALL "
        "SELECT 'exchange', id, at FROM exchange WHERE run_id = ? UNION ALL "
        f"SELECT 'refusal', id, coalesce(settled_at, planned_at) FROM journal WHERE run_id = ? AND {REFUSED}) "
        "ORDER BY at, kind, id",
        (run_id, run_id, run_id),
    )
    sql.commit()
    return int(workspace.value("SELECT coalesce(max(position), 0) FROM temp.log_window"))


def _refused(workspace: Workspace, entry: int) -> LogLine:
    row = workspace.rows("SELECT * FROM journal WHERE id = ?", (entry,))[0]
    one = refusal(row)
    where = f"{'HubSpot' if one.side == 'hubspot' else 'app'}, record {one.record_id}, {', '.join(one.fields)}"
    return LogLine(row["settled_at"] or row["planned_at"], "error", "not undone", f"{where}: {one.reason}")


def run_log_page(workspace: Workspace, first: int, limit: int) -> tuple[LogLine, ...]:
    """Lines `first` to `first + limit` of the opened run log, counted from 0."""
    rows = workspace.rows(
        "SELECT w.kind, w.line_id, e.at AS event_at, e.level, e.code, e.text, x.* FROM temp.log_window w "
        "LEFT JOIN event e ON w.kind = 'event' AND e.id = w.line_id "
        "LEFT JOIN exchange x ON w.kind = 'exchange' AND x.id = w.line_id "
        "WHERE w.position > ? AND w.position <= ? ORDER BY w.position",
        (first, first + limit),
    )
    lines: list[LogLine] = []
    for row in rows:
        if row["kind"] == "event":
            lines.append(LogLine(row["event_at"], row["level"], row["code"], row["text"]))
            continue
        if row["kind"] == "refusal":
            lines.append(_refused(workspace, row["line_id"]))
            continue
        status = row["status"]
        failed = status is None or status >= 400
        parts = [f"{row['method']} {row['path']}", f"{row['milliseconds']} ms"]
        parts += [f"attempt {row['attempt']}"] if row["attempt"] > 1 else []
        parts += [f"correlation {row['correlation_id']}"] if failed and row["correlation_id"] else []
        parts += [row["note"]] if row["note"] else []
        code = f"{row['side']} {'no answer' if status is None else status}"
        lines.append(LogLine(row["at"], "http-error" if failed else "http", code, ", ".join(parts)))
    return tuple(lines)


def verification(workspace: Workspace) -> Verification:
    """The newest verification with its differences by class, the unexplained ones first in the list."""
    number = workspace.value("SELECT max(run_id) FROM verification")
    if number is None:
        return Verification(None, (), (), ())
    rows = tuple(
        VerificationRow(
            row["name"], row["status"], row["expected"], row["found"], _missing(row["missing"]), row["note"]
        )
        for row in workspace.rows("SELECT * FROM verification WHERE run_id = ? ORDER BY rowid", (number,))
    )
    classes = workspace.rows(
        "SELECT class, count(*) FROM difference WHERE run_id = ? GROUP BY class "
        "ORDER BY class <> 'unexplained', count(*) DESC",
        (number,),
    )
    differences = workspace.rows(
        "SELECT d.contact_id, coalesce(c.email, '') AS email, coalesce(d.hubspot_id, '') AS hubspot_id, "
        "coalesce(d.app_id, '') AS app_id, d.field, d.class, d.hubspot_value, d.app_value "
        "FROM difference d LEFT JOIN contact c ON c.id = d.contact_id WHERE d.run_id = ? "
        f"ORDER BY d.class <> 'unexplained', d.class, d.contact_id, d.field LIMIT {DIFFERENCES_SHOWN}",
        (number,),
    )
    return Verification(
        one_run(workspace, number),
        rows,
        tuple((row[0], row[1]) for row in classes),
        tuple(
            DifferenceRow(
                contact=row["contact_id"],
                who=who(row["email"], row["hubspot_id"], row["app_id"]),
                hubspot_id=row["hubspot_id"],
                app_id=row["app_id"],
                field=row["field"],
                kind=row["class"],
                hubspot_value=row["hubspot_value"],
                app_value=row["app_value"],
            )
            for row in differences
        ),
        _sample(workspace, number),
    )


def _sample(workspace: Workspace, number: int) -> str:
    rows = workspace.rows("SELECT population, size, seed, unexplained, besides FROM sample WHERE run_id = ?", (number,))
    if not rows:
        return ""
    from diagnostics.verification.sampling import SampleResult

    return SampleResult(*rows[0]).sentence()


def last_report(workspace: Workspace) -> ReportFile | None:
    """The newest report as Markdown (else in whatever form there is), read from its file."""
    rows = workspace.rows(
        "SELECT at, format, path FROM report WHERE run_id = (SELECT max(run_id) FROM report) "
        "ORDER BY format NOT IN ('md', 'markdown'), id"
    )
    if not rows:
        return None
    path = Path(rows[0]["path"])
    others = tuple(row["path"] for row in rows[1:])
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(REPORT_CHARACTERS)
    except OSError as error:
        return ReportFile(rows[0]["at"], str(path), "", f"the file cannot be read: {error.strerror}", others)
    return ReportFile(rows[0]["at"], str(path), text, "", others)


def who(email: object, hubspot_id: object, app_id: object) -> str:
    """The first of e-mail, HubSpot id and app id that is not blank; `?` where all are."""
    return next((text for one in (email, hubspot_id, app_id) if (text := str(one or "").strip())), "?")


def _missing(document: str) -> tuple[str, ...]:
    """Whom a verification misses, one line each."""
    try:
        entries: Any = json.loads(document)
    except ValueError:
        return ()
    if not isinstance(entries, list):
        return ()
    lines: list[str] = []
    for entry in entries:
        if not isinstance(entry, dict):
            lines.append(str(entry))
            continue
        name = who(entry.get("email"), entry.get("hubspot_id"), entry.get("app_id"))
        reason = " ".join(str(entry[key]) for key in ("reason_state", "reason_cause") if entry.get(key))
        parts = [f"{name}: {reason or 'not explained'}"]
        parts += [f"{word} {', '.join(str(one) for one in entry[key])}" for key, word in _LISTS if entry.get(key)]
        parts += [str(entry["note"])] if entry.get("note") else []
        lines.append("; ".join(parts))
    return tuple(lines)
