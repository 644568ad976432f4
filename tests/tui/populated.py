"""A small home folder with one connection and a workspace whose rows are written by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.workspace import Workspace
from tui.processes import Started

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
CONNECTION = """
format = 1
mode = "{mode}"

[app]
name = "mailchimp"
audience = "a1b2c3d4e5"

[[mappings]]
hubspot = "email"
app = "EMAIL"

[[mappings]]
hubspot = "firstname"
app = "FNAME"
"""
PEOPLE: tuple[tuple[str, str, str, str], ...] = (
    ("anna.berg@example.org", "Anna Berg", "in_sync", ""),
    ("bodo.kern@example.org", "Bodo Kern", "pending", ""),
    ("clara.voss@example.org", "Clara Voss", "failing", "field-option"),
    ("dieter.lang@example.org", "Dieter Lang", "excluded", "opt-in"),
    ("emma.roth@example.org", "Emma Roth", "conflict", "conflict"),
    ("", "Frida Noll", "excluded", "email-missing"),
)


@dataclass
class FakeStart:
    """Notes what would be started, starts nothing."""

    asked: list[tuple[Path, str, tuple[str, ...]]] = field(default_factory=list)

    def __call__(self, home: Path, name: str, arguments: Sequence[str]) -> Started:
        self.asked.append((home, name, tuple(arguments)))
        raise OSError(11, "no process in tests")


def write_connection(home: Path, name: str = "practice", mode: str = "managed") -> None:
    """A valid connection file."""
    folder = home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(CONNECTION.format(mode=mode))


def open_for_writing(home: Path, name: str = "practice") -> Workspace:
    """The connection's workspace, made if needed."""
    return Workspace(home / "workspaces" / f"{name}.sqlite")


def add_run(
    workspace: Workspace,
    command: str = "check",
    state: str = "done",
    *,
    pid: int = 1,
    host: str = "elsewhere",
    phase: str = "",
    done: int = 0,
    total: int | None = None,
    rate: float | None = None,
    at: str = "2026-03-02T10:11:00.000Z",
    message: str = "",
) -> int:
    """A row of `run`."""
    with workspace.transaction() as sql:
        cursor = sql.execute(
            "INSERT INTO run(command, state, started_at, ended_at, pid, host, phase, done, total, rate, exit_code, message) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                command,
                state,
                at,
                None if state == "running" else at.replace(":00.", ":04."),
                pid,
                host,
                phase,
                done,
                total,
                rate,
                None if state == "running" else 1,
                message,
            ),
        )
        return int(cursor.lastrowid or 0)


def add_contacts(workspace: Workspace, run: int, people: Sequence[tuple[str, str, str, str]] = PEOPLE) -> None:
    """Contacts with their verdicts, and the counts of the run."""
    with workspace.transaction() as sql:
        for email, name, state, cause in people:
            number = int(sql.execute("SELECT coalesce(max(id), 0) + 1 FROM contact").fetchone()[0])
            sql.execute(
                "INSERT INTO contact(id, anchor, hubspot_id, app_id, email, name) VALUES (?, ?, ?, ?, ?, ?)",
                (number, f"h{number}", str(1000 + number), f"{number:032x}", email, name),
            )
            sql.execute(
                "INSERT INTO verdict(contact_id, state, cause, since_run, run_id) VALUES (?, ?, ?, ?, ?)",
                (number, state, cause, run, run),
            )
            if cause:
                sql.execute(
                    "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) "
                    "VALUES (?, ?, '', ?, 1, 'value', 'rule', ?, ?)",
                    (number, cause, state, run, run),
                )
        sql.execute(
            "INSERT OR REPLACE INTO run_state(run_id, state, cause, contacts) "
            "SELECT ?, state, cause, count(*) FROM verdict GROUP BY state, cause",
            (run,),
        )


def add_plan(workspace: Workspace) -> None:
    """An update to the app, a create in HubSpot, one conflict, for the people of PEOPLE."""
    with workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO planned_write(contact_id, side, kind, field, before, value) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (2, "app", "update", "FNAME", "Bodo", "Bodo Maria"),
                (2, "app", "update", "CITY", "", "Bonn"),
                (1, "hubspot", "create", "firstname", "", "Anna"),
            ],
        )
        sql.execute(
            "INSERT INTO conflict(contact_id, field, hubspot_value, app_value, hubspot_changed_at, hubspot_source, run_id) "
            "VALUES (5, 'firstname', 'Emma', 'Emmi', '2026-03-01T08:00:00.000Z', 'CRM_UI', 1)"
        )


def add_record(workspace: Workspace, run: int, report: Path) -> None:
    """Events, exchanges, a verification with a difference, declared sides, side findings, a report."""
    with workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO event(run_id, at, level, code, text) VALUES (?, '2026-03-02T10:11:01.000Z', 'info', 'started', 'reading')",
            (run,),
        )
        sql.execute(
            "INSERT INTO exchange(run_id, at, side, method, path, status, milliseconds, attempt, correlation_id) "
            "VALUES (?, '2026-03-02T10:11:02.000Z', 'hubspot', 'POST', '/crm/v3/objects/contacts/search', 429, 12, 2, 'c0ffee')",
            (run,),
        )
        missing = [
            {
                "email": "clara.voss@example.org",
                "reason_state": "failing",
                "reason_cause": "field-option",
                "existing": [],
            }
        ]
        sql.execute(
            "INSERT INTO verification VALUES (?, 'outbound', 'passed', 5, 4, ?, 'each missing one is explained')",
            (run, json.dumps(missing)),
        )
        sql.execute(
            "INSERT INTO difference VALUES (?, 1, '1001', ?, 'firstname', 'unexplained', 'Anna', 'Anne')",
            (run, f"{1:032x}"),
        )
        side = {
            "app": "HubSpot",
            "account": {"id": "4711001", "name": "Portal", "time_zone": "Europe/Berlin", "details": {}},
        }
        sql.execute(
            "INSERT INTO declared VALUES ('hubspot', ?, '2026-03-02T10:11:00.000Z', ?)", (run, json.dumps(side))
        )
        sql.execute(
            "INSERT INTO side_finding VALUES (?, 'list-stale', 'unknown', 0, 3, 'Newsletter', 'unchanged for 120 days')",
            (run,),
        )
        sql.execute(
            "INSERT INTO report(run_id, at, format, path) VALUES (?, '2026-03-02T10:12:00.000Z', 'md', ?)",
            (run, str(report)),
        )
    report.write_text("# Support report\n\n- one line of it\n")


def populated(home: Path, people: Sequence[tuple[str, str, str, str]] = PEOPLE, mode: str = "managed") -> Path:
    """A home with the connection `practice`, examined twice, with a plan and a record."""
    write_connection(home, mode=mode)
    with open_for_writing(home) as workspace:
        first = add_run(workspace, at="2026-03-01T09:00:00.000Z")
        with workspace.transaction() as sql:
            sql.execute("INSERT INTO run_state VALUES (?, 'failing', 'field-option', 3)", (first,))
        run = add_run(workspace)
        add_contacts(workspace, run, people)
        if len(people) >= len(PEOPLE):
            add_plan(workspace)
        add_record(workspace, run, home / "report.md")
    return home
