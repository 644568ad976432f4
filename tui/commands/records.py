"""`report` and `log`: the support report, and the record of runs, events and exchanges."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from engine.errors import ConfigurationError
from engine.sqlite import sqlite3
from engine.visible import visible
from engine.workspace import Workspace
from tui.commands.session import Session, announce_open_questions
from tui.output import count, document, say
from tui.processes import is_alive
from tui.reading.health import run_row

FOLLOW_SECONDS = 1.0
SHOWN_RUNS = 20
SHOWN_EXCHANGES = 200


def report(chosen: Session, *, as_json: bool, folder: Path | None, reveal: bool) -> int:
    """Writes the support report (Markdown and JSON) and says where, or prints its JSON."""
    from diagnostics.report import build_report, write_report
    from engine.lock import locked
    from engine.runs import Run, iso, utc_now

    with chosen.reading() as workspace:
        announce_open_questions(workspace, chosen.name)
    if as_json:
        with chosen.reading() as workspace:
            say(build_report(workspace, chosen.connection, now=utc_now(), reveal=reveal).model_dump_json(indent=2))
        return 0
    with locked(chosen.path, "report"), Workspace(chosen.path) as workspace:
        built = build_report(workspace, chosen.connection, now=utc_now(), reveal=reveal)
        paths = write_report(built, folder or chosen.home.reports, ("md", "json"))
        run = Run(workspace, "report")
        with workspace.transaction() as sql:
            sql.executemany(
                "INSERT INTO report(run_id, at, format, path) VALUES (?, ?, ?, ?)",
                [(run.id, iso(utc_now()), path.suffix[1:], str(path)) for path in paths],
            )
        run.finish("done", 0)
    for path in paths:
        say(str(path))
    return 0


def log(chosen: Session, *, as_json: bool, run: int | None, follow: bool) -> int:
    """Shows the runs, or one run's events and exchanges; `follow` goes on until the run ends."""
    with chosen.reading() as workspace:
        if follow:
            return _follow(workspace, chosen.name)
        announce_open_questions(workspace, chosen.name)
        runs = _runs(workspace, run)
        if run is not None and not runs:
            raise ConfigurationError(
                f"there is no run {run}", where=chosen.name, remedy=f"Look: syncdoctor log {chosen.name}"
            )
        detail = _detail(workspace, run) if run is not None else {}
    if as_json:
        document({"connection": chosen.name, "runs": runs, **detail})
        return 0
    if not runs:
        say("No run yet.")
    for row in runs:
        say(_run_line(row))
    for event in detail.get("events", []):
        say(f"  {event['at']} {event['level']:<8}{visible(event['text'])}")
    exchanges = detail.get("exchanges", [])
    if len(exchanges) == SHOWN_EXCHANGES:
        say(f"  the last {SHOWN_EXCHANGES} exchanges; the table exchange of the workspace has all")
    for exchange in exchanges:
        say(f"  {_exchange_line(exchange)}")
    return 0


def _runs(workspace: Workspace, run: int | None) -> list[dict[str, Any]]:
    where = "WHERE id = ?1" if run is not None else "WHERE ?1 IS NULL"
    rows = workspace.rows(f"SELECT * FROM run {where} ORDER BY id DESC LIMIT {SHOWN_RUNS}", (run,))
    shown = [{key: value for key, value in dict(row).items() if key not in ("pid", "host")} for row in rows]
    return [row | {"counts": json.loads(row["counts"])} for row in shown]


def _detail(workspace: Workspace, run: int | None) -> dict[str, list[dict[str, Any]]]:
    return {
        "events": [
            dict(row) for row in workspace.rows("SELECT at, level, code, text FROM event WHERE run_id = ?", (run,))
        ],
        "exchanges": [
            dict(row)
            for row in workspace.rows(
                "SELECT at, side, method, path, status, milliseconds, attempt, correlation_id, note FROM exchange "
                f"WHERE run_id = ? ORDER BY id DESC LIMIT {SHOWN_EXCHANGES}",
                (run,),
            )
        ][::-1],
    }


def _run_line(row: dict[str, Any]) -> str:
    ended = row["ended_at"] or "running"
    message = f"  {visible(row['message'])}" if row["message"] else ""
    return f"run {row['id']:<5}{row['command']:<8}{row['state']:<10}{row['started_at']} to {ended}{message}"


def _exchange_line(row: dict[str, Any]) -> str:
    answer = row["status"] if row["status"] is not None else "no answer"
    again = f", attempt {row['attempt']}" if row["attempt"] > 1 else ""
    correlation = f"  {row['correlation_id']}" if row["correlation_id"] else ""
    note = f"  {visible(row['note'])}" if row["note"] else ""
    return f"{row['at']} {row['side']:<8}{row['method']:<6}{visible(row['path'])} {answer} {row['milliseconds']} ms{again}{correlation}{note}"


def _follow(workspace: Workspace, name: str) -> int:
    """Attaches to the run in progress by reading; ends with it. Ctrl-C only ends the watching."""
    rows = workspace.rows("SELECT id, command FROM run WHERE state = 'running' ORDER BY id DESC LIMIT 1")
    if not rows:
        say(f"No run is in progress for {name}.")
        return 0
    run, seen, shown = int(rows[0]["id"]), 0, ""
    say(f"run {run}: {rows[0]['command']} (Ctrl-C ends the watching, not the run)")
    while True:
        for event in workspace.rows(
            "SELECT id, at, level, text FROM event WHERE run_id = ? AND id > ? ORDER BY id", (run, seen)
        ):
            seen = int(event["id"])
            say(f"  {event['at']} {event['level']:<8}{visible(event['text'])}")
        row = workspace.rows("SELECT * FROM run WHERE id = ?", (run,))[0]
        line = _progress(row)
        if line != shown:
            say(f"  {line}")
            shown = line
        if row["state"] != "running":
            say(_run_line(dict(row)))
            return 0
        if not is_alive(run_row(row)):
            say("  its process is gone; the next run tidies up")
            return 0
        time.sleep(FOLLOW_SECONDS)


def _progress(row: sqlite3.Row) -> str:
    total = f" of {count(row['total'])}" if row["total"] else ""
    rate = f", {row['rate']:,.0f}/s" if row["rate"] else ""
    return f"{row['phase']}: {count(row['done'])}{total}{rate}"
