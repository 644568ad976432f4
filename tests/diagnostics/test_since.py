"""Since when there are contacts with a cause, over all completed examinations."""

from __future__ import annotations

from pathlib import Path

from diagnostics.past.findings import Seen
from diagnostics.past.since import CauseTimes, cause_times
from engine.runs import Run
from engine.workspace import Workspace
from tests.conftest import Command


def at(run: int) -> Seen:
    """An examination of the hand-written past."""
    return Seen(run, f"2026-03-0{run}T10:00:00.000Z")


def test_first_newest_and_last(tmp_path: Path) -> None:
    """A cause that stayed, one that is gone, one that came back; an examination that read nothing counts for none."""
    with Workspace(tmp_path / "w.sqlite") as workspace:
        for number in range(1, 6):
            run = Run(workspace, "check").id
            unread = "unreachable" if run == 4 else ""
            workspace.sql.execute("INSERT INTO examination VALUES (?, ?, 9, ?)", (run, at(number).at, unread))
        workspace.sql.executemany(
            "INSERT INTO fingerprint(id, digest, code, field, rule) VALUES (?, ?, ?, '', '')",
            [(1, "a", "opt-in"), (2, "b", "field-length"), (3, "c", "bounced"), (4, "d", "bounced")],
        )
        workspace.sql.executemany(
            "INSERT INTO finding_span(contact_id, fingerprint, opened_run, closed_run, state, blocking) VALUES (?, ?, ?, ?, '', 1)",
            [(1, 1, 1, None), (2, 1, 3, None), (3, 1, 1, 2), (1, 2, 1, 5), (2, 3, 1, 2), (2, 4, 5, None)],
        )
        workspace.sql.execute("INSERT INTO former_verdict VALUES (7, 2, 3, 'conflict', 'conflict', NULL, NULL)")

        assert cause_times(workspace) == {
            "bounced": CauseTimes(at(1), at(5), at(5), open=True),
            "conflict": CauseTimes(at(2), at(2), at(2), open=False),
            "field-length": CauseTimes(at(1), at(1), at(3), open=False),
            "opt-in": CauseTimes(at(1), at(3), at(5), open=True),
        }


def test_nothing_examined(tmp_path: Path) -> None:
    """Nothing is known."""
    with Workspace(tmp_path / "w.sqlite") as workspace:
        assert cause_times(workspace) == {}


def test_check_and_report_tell_it(command: Command, checked: Path) -> None:
    """With the examination; the first one, where everything is new, says nothing of it in its text."""
    again = command("check", "practice", "--home", checked, "--json").document
    first = command("trend", "practice", "--home", checked, "--json").document["examinations"][0]
    for row in again["causes"]:
        assert row["first_seen"] == row["newest"] == {"run": first["run"], "at": first["at"]}, row["code"]
        assert row["last_seen"]["run"] == again["run"]
    assert again["gone"] == []
    assert f"(since {first['at'][:10]})" in command("check", "practice", "--home", checked).out
    assert command("report", "practice", "--home", checked).code in (0, 1)
    assert "| found first | last on one more |" in next((checked / "reports").rglob("*.md")).read_text("utf-8")
