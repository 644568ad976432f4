"""What the console reads: every answer against a real workspace, opened read only beside its writer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import WorkspaceError
from engine.gates import STATES
from engine.workspace import Workspace
from tests.tui.populated import add_contacts, add_run, open_for_writing, populated, write_connection
from tui.home import Home
from tui.notation import SIGNS, STATE_MEANINGS, STATE_ORDER, STATE_STYLES
from tui.reader import Reader
from tui.reading.conflicts import field_conflicts
from tui.reading.connections import known_connection
from tui.reading.contacts import ContactFilter, causes, contact_page, contact_position, open_contacts
from tui.reading.health import file_trace, glimpse, health, overview
from tui.reading.plan import open_plan, plan_page
from tui.reading.record import last_report, open_run_log, run_log_page, verification


def reading(home: Path) -> Workspace:
    """The workspace as the console opens it."""
    return Workspace(home / "workspaces" / "practice.sqlite", read_only=True)


def test_reading_needs_no_screen_library() -> None:
    """Reading a workspace imports neither Textual nor Polars nor pydantic."""
    modules = "contacts, health, plan, record, connections"
    code = f"import sys; from tui.reading import {modules}; print([m for m in ('textual','polars','pydantic') if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_notation_knows_every_state() -> None:
    """The screen's states are the engine's, in its order."""
    assert STATE_ORDER == STATES
    assert set(SIGNS) == set(STATE_MEANINGS) == set(STATE_STYLES) == set(STATES)
    assert len(set(SIGNS.values())) == len(STATES)


def test_health_counts_the_last_check(home: Path) -> None:
    """Counts come from the newest examination, not from an older one."""
    with reading(home) as workspace:
        seen = health(workspace)

    assert seen.check is not None
    assert dict(seen.check.counts) == {"conflict": 1, "excluded": 2, "failing": 1, "in_sync": 1, "pending": 1}
    assert seen.active is None
    assert seen.newest is not None and seen.newest.id == 2


def test_overview_has_trend_and_findings(home: Path) -> None:
    """The trend is oldest first; side findings belong to the newest check."""
    with reading(home) as workspace:
        seen = overview(workspace)

    assert [check.counts.get("failing", 0) for check in seen.trend] == [3, 1]
    assert [finding.code for finding in seen.side_findings] == ["list-stale"]
    assert seen.declared[0].title == "Portal (4711001)"


def test_side_findings_of_an_older_check_are_gone(home: Path) -> None:
    """A check that found nothing on the connection clears what the one before had found."""
    with open_for_writing(home) as workspace:
        run = add_run(workspace)
        with workspace.transaction() as sql:
            sql.execute("INSERT INTO run_state VALUES (?, 'in_sync', '', 6)", (run,))

    with reading(home) as workspace:
        assert overview(workspace).side_findings == ()


@pytest.mark.parametrize(
    ("wanted", "emails"),
    [
        (ContactFilter(), 6),
        (ContactFilter(text="ANNA"), 1),
        (ContactFilter(text="1003"), 1),
        (ContactFilter(text="frida"), 1),
        (ContactFilter(text="%"), 0),
        (ContactFilter(text="_"), 0),
        (ContactFilter(state="excluded"), 2),
        (ContactFilter(cause="opt-in"), 1),
        (ContactFilter(finding="email-missing"), 1),
        (ContactFilter(text="dieter", state="failing"), 0),
    ],
)
def test_filters_hit_what_they_name(home: Path, wanted: ContactFilter, emails: int) -> None:
    """Text, state, cause and finding each narrow the contacts; LIKE's own wild cards are plain characters."""
    with reading(home) as workspace:
        window = open_contacts(workspace, wanted)
        rows = contact_page(workspace, 0, 100)

    assert (window.hits, window.of) == (emails, 6)
    assert len(rows) == emails


def test_text_filter_folds_umlauts(tmp_path: Path) -> None:
    """A name that begins with an umlaut is found in either case and either Unicode form."""
    home = populated(tmp_path, people=[("a@example.org", "Änne Öhler", "in_sync", "")] * 1)
    with reading(home) as workspace:
        hits = [
            open_contacts(workspace, ContactFilter(text=text)).hits for text in ("änne", "ÖHLER", "a\u0308nne", "ü")
        ]

    assert hits == [1, 1, 1, 0]


def test_text_finds_additional_addresses_and_former_ids(tmp_path: Path) -> None:
    """Only of the contact that has them."""
    home = populated(tmp_path)
    with open_for_writing(home) as workspace:
        workspace.sql.execute("INSERT INTO additional_email VALUES ('1003', 'c.voss@example.net')")
        workspace.sql.execute("INSERT INTO alias VALUES ('hubspot', '77_8', 'merged', '1004', 1, '')")
    with reading(home) as workspace:
        hits = []
        for text in ("VOSS@example.net", "77_", "_8", "778"):
            open_contacts(workspace, ContactFilter(text=text))
            hits.append([row.hubspot_id for row in contact_page(workspace, 0, 10)])

    assert hits == [["1003"], ["1004"], ["1004"], []]


def test_pages_are_read_by_position(tmp_path: Path) -> None:
    """Any page of a filtered window is the same as that slice of the whole; positions lead back to the contact."""
    people = [
        (f"p{number}@example.org", f"N{number}", "failing" if number % 3 else "in_sync", "") for number in range(500)
    ]
    home = populated(tmp_path, people=people)
    with reading(home) as workspace:
        window = open_contacts(workspace, ContactFilter(state="failing"))
        whole = contact_page(workspace, 0, 1000)
        page = contact_page(workspace, 200, 64)
        position = contact_position(workspace, whole[210].id)
        outside = contact_position(workspace, 1)

    assert window.hits == len(whole) == 333
    assert page == whole[200:264]
    assert position == 210
    assert outside is None


def test_the_overview_counts_what_is_waived_apart(home: Path) -> None:
    """Who is accepted stays in the count of the state; an expired waiver is named."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        row = sql.execute("SELECT contact_id, state, cause FROM verdict WHERE cause = 'email-missing'").fetchone()
        sql.execute(
            "INSERT OR REPLACE INTO finding VALUES (?, ?, '', ?, 1, '', '', 2, 2, 0)",
            (row["contact_id"], row["cause"], row["state"]),
        )
        for until in ("2999-01-01T00:00:00.000Z", "2001-01-01T00:00:00.000Z"):
            sql.execute(
                "INSERT INTO waiver(code, field, owner, reason, created_at, until) VALUES (?, '', 'Ada', 'agreed', '', ?)",
                (row["cause"], until),
            )

    with reading(home) as workspace:
        seen = overview(workspace)

    assert dict(seen.waived) == {row["state"]: 1}
    assert seen.expired_waivers == 1
    assert seen.health.check is not None
    assert seen.health.check.counts["excluded"] == 2


def test_a_contact_without_a_verdict_is_unknown(home: Path) -> None:
    """Nothing checked is never shown as passing."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("DELETE FROM verdict WHERE contact_id = 1")

    with reading(home) as workspace:
        open_contacts(workspace, ContactFilter(state="unknown"))
        rows = contact_page(workspace, 0, 10)

    assert [(row.id, row.state) for row in rows] == [(1, "unknown")]


def test_causes_count_deciding_and_other_contacts(home: Path) -> None:
    """A contact counts once at the cause that decides; other findings are counted apart, failing comes first."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("INSERT INTO finding VALUES (3, 'opt-in', '', 'excluded', 1, '', '', 2, 2, 0)")
        sql.execute("INSERT INTO finding VALUES (1, 'role-address', '', 'excluded', 0, '', '', 2, 2, 0)")
        sql.execute("INSERT INTO finding VALUES (2, 'role-address', '', 'excluded', 0, '', '', 1, 1, 0)")

    with reading(home) as workspace:
        rows = causes(workspace)

    assert [(row.code, row.contacts, row.also) for row in rows] == [
        ("field-option", 1, 0),
        ("conflict", 1, 0),
        ("email-missing", 1, 0),
        ("opt-in", 1, 1),
        ("role-address", 0, 1),
    ]


def test_plan_counts_records_and_lists_conflicts_first(home: Path) -> None:
    """The number to confirm is that of records; conflicts are listed but never counted as writes."""
    with reading(home) as workspace:
        plan = open_plan(workspace)
        rows = plan_page(workspace, 0, 10)

    assert (plan.writes, plan.conflicts, plan.rows) == (2, 1, 4)
    assert [(row.kind, row.field, row.before, row.value) for row in rows] == [
        ("conflict", "firstname", "Emma", "Emmi"),
        ("create", "firstname", "", "Anna"),
        ("update", "CITY", "", "Bonn"),
        ("update", "FNAME", "Bodo", "Bodo Maria"),
    ]


def test_run_log_merges_events_and_exchanges(home: Path) -> None:
    """Both are one list in the order of time; a failed exchange shows its correlation id."""
    with reading(home) as workspace:
        count = open_run_log(workspace, 2)
        lines = run_log_page(workspace, 0, 10)

    assert count == 2
    assert [(line.level, line.code) for line in lines] == [("info", "started"), ("http-error", "hubspot 429")]
    assert "correlation c0ffee" in lines[1].text and "attempt 2" in lines[1].text


def test_the_log_of_an_undo_names_what_was_refused(home: Path) -> None:
    """Record, field and the server's words; an undone field is an undecided conflict."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        row = "(2, 1, 'app', 'update', 'a1', ?, ?, '{}', '2026-03-02T10:00:00.000Z', ?, ?)"
        sql.executemany(
            "INSERT INTO journal(run_id, contact_id, side, kind, record_id, state, sent, before, planned_at, message, undoes) "
            f"VALUES {row}",
            [
                ("verified", '{"FNAME": "x"}', "", None),
                ("permanent", '{"CITY": "Bonn"}', "must be a known city", 1),
                ("permanent", '{"FNAME": "y"}', "of no undo", None),
            ],
        )
        sql.execute(
            "INSERT INTO decision(contact_id, field, winner, hubspot_value, app_value, at) SELECT contact_id, field, 'ask', "
            "hubspot_value, app_value, '2026-03-02T10:00:00.000Z' FROM conflict"
        )

    with reading(home) as workspace:
        count = open_run_log(workspace, 2)
        lines = [line for line in run_log_page(workspace, 0, 10) if line.code == "not undone"]
        conflicts = field_conflicts(workspace, "firstname")[1]

    assert count == 3
    assert [(line.level, line.text) for line in lines] == [("error", "app, record a1, CITY: must be a known city")]
    assert conflicts and {one.decided for one in conflicts} == {""}


def test_only_what_is_held_back_counts_as_quarantined(home: Path) -> None:
    """A refusal whose write nobody wants any more is kept and not counted."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        now = int(workspace.value("SELECT max(run_id) FROM verdict"))
        sql.executemany(
            "INSERT INTO quarantine(contact_id, side, field, sent, code, message, correlation_id, run_id, at) "
            "VALUES (?, 'app', ?, 'digest', 'X', 'no', '', 2, '2026-03-02T10:00:00.000Z')",
            [(1, "CITY"), (1, "FNAME"), (2, "")],
        )
        sql.executemany(
            "INSERT OR REPLACE INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) "
            "VALUES (?, 'refused-option', ?, 'failing', 1, '', '', 1, ?)",
            [(1, "app.CITY", now), (1, "app.FNAME", now - 1), (2, "", now)],
        )

    with reading(home) as workspace:
        assert overview(workspace).quarantined == 2


def test_verification_lists_unexplained_first(home: Path) -> None:
    """The newest verification comes with whom it misses and with its classes."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("INSERT INTO difference VALUES (2, 2, '1002', '', 'city', 'pending', '', 'Bonn')")
        sql.execute("INSERT INTO difference VALUES (2, 3, '1003', '', 'city', 'pending', '', 'Bonn')")

    with reading(home) as workspace:
        seen = verification(workspace)

    assert seen.unexplained == 1
    assert seen.classes == (("unexplained", 1), ("pending", 2))
    assert [row.kind for row in seen.differences] == ["unexplained", "pending", "pending"]
    assert seen.rows[0].missing == ("clara.voss@example.org: failing field-option",)


@pytest.mark.parametrize("document", ["not json", "{}", "[1, null]", '[{"note": "x"}]'])
def test_odd_missing_documents_do_not_fail(home: Path, document: str) -> None:
    """A `missing` column of another version is shown as far as it can be read."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("UPDATE verification SET missing = ?", (document,))

    with reading(home) as workspace:
        assert all(isinstance(line, str) for line in verification(workspace).rows[0].missing)


def test_a_report_that_was_moved_says_so(home: Path) -> None:
    """A report's row outlives its file."""
    (home / "report.md").unlink()

    with reading(home) as workspace:
        found = last_report(workspace)

    assert found is not None
    assert found.text == "" and "cannot be read" in found.problem


def test_glimpse_and_trace_notice_a_commit(home: Path) -> None:
    """A commit of the writer changes the files' trace and SQLite's data version; nothing else does."""
    path = home / "workspaces" / "practice.sqlite"
    with open_for_writing(home) as writer, reading(home) as workspace:
        before, trace = glimpse(workspace), file_trace(path)
        same, same_trace = glimpse(workspace), file_trace(path)
        add_run(writer, "sync", "running", phase="writing")
        after, new_trace = glimpse(workspace), file_trace(path)

    assert (before.data_version, trace) == (same.data_version, same_trace)
    assert after.data_version != before.data_version and new_trace != trace
    assert after.newest is not None and after.newest.running


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"this is not a database, whatever its name says........", "damaged"),
        (b"", ""),
    ],
)
def test_a_bad_workspace_becomes_a_problem_of_its_connection(tmp_path: Path, content: bytes, words: str) -> None:
    """A damaged file is named on its own line and raises nothing."""
    write_connection(tmp_path)
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "practice.sqlite").write_bytes(content)

    known = known_connection(Home(tmp_path), "practice")

    assert known.problem
    assert words in known.problem


async def test_a_reader_opens_a_file_that_took_the_place_of_another(home: Path, tmp_path: Path) -> None:
    """After a backup was put back the reader reads the new file."""
    other = populated(tmp_path / "other", people=[("x@example.org", "X", "in_sync", "")])
    reader = Reader(home / "workspaces" / "practice.sqlite")

    first = await reader.ask(lambda workspace: workspace.value("SELECT count(*) FROM contact"))
    (other / "workspaces" / "practice.sqlite").replace(home / "workspaces" / "practice.sqlite")
    second = await reader.ask(lambda workspace: workspace.value("SELECT count(*) FROM contact"))
    reader.close()

    assert (first, second) == (6, 1)


async def test_a_reader_raises_what_the_workspace_raises(tmp_path: Path) -> None:
    """A missing workspace is an error with a remedy each time it is asked, and none once it is there."""
    reader = Reader(tmp_path / "workspaces" / "practice.sqlite")
    for _ in range(2):
        with pytest.raises(WorkspaceError, match="nothing has been examined"):
            await reader.ask(health)
    with open_for_writing(tmp_path) as workspace:
        add_contacts(workspace, add_run(workspace))

    seen = await reader.ask(health)
    reader.close()

    assert seen.check is not None
