"""The last verification, from the workspace."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

from diagnostics.report.model import MissingGroup, UnexplainedValue, VerificationLine, VerificationPart
from diagnostics.report.moments import moment
from diagnostics.report.personal import is_choice
from diagnostics.report.subject import Source
from diagnostics.verification.sampling import SampleResult
from engine.schema import Side
from engine.sqlite import sqlite3

QUESTIONS = {
    "outbound": "Does every contact of the list exist in the app?",
    "inbound": "Are the contacts that were created in HubSpot there, by source and creation date?",
    "update-only": "Did the target fields receive their data?",
}
EXAMPLES = 3
UNEXPLAINED = 10


def verification(source: Source) -> VerificationPart:
    """Its three answers and the differences by class; values only where nothing explains them."""
    run = source.workspace.value("SELECT max(run_id) FROM verification")
    if run is None:
        return VerificationPart(at=None, lines=(), differences={}, unexplained=None, examples=())
    rows = source.workspace.rows("SELECT * FROM verification WHERE run_id = ? ORDER BY rowid", (run,))
    counts = {
        row["class"]: row["values"]
        for row in source.workspace.rows(
            'SELECT class, count(*) AS "values" FROM difference WHERE run_id = ? GROUP BY class ORDER BY class', (run,)
        )
    }
    started = source.workspace.value("SELECT started_at FROM run WHERE id = ?", (run,))
    return VerificationPart(
        at=moment(started, source.zone),
        lines=tuple(_line(source, row) for row in rows),
        differences=counts,
        unexplained=counts.get("unexplained", 0),
        examples=_unexplained(source, run),
        sample=_sample(source, run),
    )


def _sample(source: Source, run: int) -> str:
    query = "SELECT population, size, seed, unexplained, besides FROM sample WHERE run_id = ?"
    rows = source.workspace.rows(query, (run,))
    return SampleResult(*rows[0]).sentence() if rows else ""


def _line(source: Source, row: sqlite3.Row) -> VerificationLine:
    missing = json.loads(row["missing"])
    counts = Counter((each["reason_state"], each["reason_cause"]) for each in missing)
    ids: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for each in missing:
        reason = (each["reason_state"], each["reason_cause"])
        if len(ids[reason]) < EXAMPLES and (each["hubspot_id"] or each["app_id"]):
            ids[reason].append(source.mask.text(each["hubspot_id"] or each["app_id"]))
    return VerificationLine(
        name=row["name"],
        question=QUESTIONS.get(row["name"], ""),
        status=row["status"],
        expected=row["expected"],
        found=row["found"],
        missing=tuple(
            MissingGroup(state=state, cause=cause, contacts=count, examples=tuple(ids[state, cause]))
            for (state, cause), count in counts.most_common()
        ),
        note=source.mask.text(row["note"]),
    )


def _unexplained(source: Source, run: int) -> tuple[UnexplainedValue, ...]:
    rows = source.workspace.rows(
        "SELECT * FROM difference WHERE run_id = ? AND class = 'unexplained' ORDER BY contact_id, field LIMIT ?",
        (run, UNEXPLAINED),
    )
    return tuple(
        UnexplainedValue(
            hubspot_id=source.mask.text(row["hubspot_id"] or ""),
            app_id=source.mask.text(row["app_id"] or ""),
            field=source.mask.text(row["field"]),
            hubspot_value=_value(source, row, "hubspot"),
            app_value=_value(source, row, "app"),
        )
        for row in rows
    )


def _value(source: Source, row: sqlite3.Row, side: Side) -> str:
    """Masked; `there` or `gone` of a whole record and a consent field's fixed choices are shown."""
    field, value = row["field"], row[f"{side}_value"]
    if not field:
        return source.mask.text(value)
    holder = field.partition(".")[0] if "." in field else ""
    if holder and (holder != side or is_choice(source, field, value)):
        return source.mask.text(value)
    return source.mask.value(value)
