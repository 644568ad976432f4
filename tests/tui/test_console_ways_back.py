"""What is open is on the first screens; a sync in stages and an undo start only after a typed number."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs import RELEASE_OPEN, Run
from tests.conftest import Command
from tests.tui.conftest import MakeConsole
from tests.tui.populated import FakeStart, add_run, open_for_writing, populated
from tests.tui.screen_text import shown

SIZE = (80, 24)


@pytest.fixture
def small_synced(few: Path, command: Command) -> tuple[Path, int]:
    """A home whose practice connection was synced, and that run's number."""
    assert command("sync", "practice", "--home", few, "--at-once", "--json").code in (0, 1)
    with open_for_writing(few) as workspace:
        return few, int(workspace.value("SELECT max(run_id) FROM journal"))


def left_open(home: Path) -> None:
    """A run that was cut off with two writes in doubt, and a staged release that did not go through."""
    with open_for_writing(home) as workspace:
        run = add_run(workspace, "sync", "stopped")
        workspace.remember(RELEASE_OPEN, str(run))
        with workspace.transaction() as sql:
            sql.executemany(
                "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, planned_at) "
                "VALUES (?, 1, 'app', 'update', ?, '{}', '{}', '2026-03-02T10:00:00.000Z')",
                [(run, "in_doubt"), (run, "intent")],
            )


async def test_what_is_open_is_on_home_and_overview(home: Path, console: MakeConsole) -> None:
    """In doubt and a halted release: on the first line of Home, and in words without scrolling at 80x24."""
    left_open(home)
    async with console(home).run_test(size=SIZE) as pilot:
        text = await shown(pilot, "?? 2 writes in doubt", "!! release halted")
        assert "writes in doubt" in text.splitlines()[2]
        await pilot.press("enter")
        await shown(
            pilot, "2 writes are in doubt: the next sync settles this", "the staged release of run", "goes on in"
        )


async def test_a_halted_first_release_is_no_finished_activation(home: Path, console: MakeConsole) -> None:
    """The overview says since when the connection writes, and that its release has not gone through."""
    left_open(home)
    with open_for_writing(home) as workspace:
        workspace.remember("activated_at", "2026-03-02T10:00:00.000Z")
    async with console(home, "practice").run_test(size=(120, 50)) as pilot:
        text = await shown(pilot, "activated", "has not gone through")
        assert next(line for line in text.splitlines() if "activated" in line).count("2026-03-02") == 1


async def test_a_sync_in_stages_is_offered(home: Path, console: MakeConsole, spawned: FakeStart) -> None:
    """The confirmation says how many contacts each stage has, and starts exactly the command it shows."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("4")
        await shown(pilot, "Bodo Maria")
        await pilot.press("t")
        await shown(pilot, "Contacts per stage: 1, then 1.", "= syncdoctor sync practice --staged --yes")
        await pilot.press("2", "enter")
        await shown(pilot, "it cannot be started")

    assert spawned.asked == [(home, "practice", ("sync", "practice", "--staged", "--yes"))]


async def test_a_first_sync_says_that_it_is_written_in_stages(tmp_path: Path, console: MakeConsole) -> None:
    """More than ten contacts and nothing written yet."""
    home = populated(tmp_path)
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO contact(id, anchor, hubspot_id, app_id) VALUES (?, ?, ?, ?)",
            [(number, f"x{number}", f"h{number}", f"a{number}") for number in range(100, 130)],
        )
        sql.executemany(
            "INSERT INTO planned_write VALUES (?, 'app', 'update', 'CITY', 'Bern', 'Wien')",
            [(number,) for number in range(100, 130)],
        )
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("4")
        await shown(pilot, "app.CITY changes in 31 of 36 linked contacts (86 %)", "will refuse to write")
        await pilot.press("y")
        await shown(pilot, "No sync of this connection went through yet", "1, then 10, then 21")


async def test_an_undo_shows_its_plan_and_needs_the_typed_number(
    small_synced: tuple[Path, int], console: MakeConsole, spawned: FakeStart
) -> None:
    """Counts, what is not undone and why, the command; only the number starts it."""
    home, run = small_synced
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("6")
        await shown(pilot, "ok done")
        await pilot.press("u")
        text = await shown(pilot, f"Undo run {run}", "would take back", f"= syncdoctor undo practice {run} --yes")
        assert "not undone:" in text and "nothing is deleted by default" in text
        number = text.partition(" of ")[2].split()[0]
        await pilot.press("x", "enter")
        await shown(pilot, f"That is not {number}")
        assert spawned.asked == []
        await pilot.press("backspace", *number, "enter")
        await shown(pilot, "it cannot be started")

    assert spawned.asked == [(home, "practice", ("undo", "practice", str(run), "--yes"))]


async def test_a_run_that_wrote_nothing_has_nothing_to_undo(
    small_synced: tuple[Path, int], console: MakeConsole, spawned: FakeStart
) -> None:
    """The key says so and asks for nothing."""
    home, _ = small_synced
    with open_for_writing(home) as workspace:
        run = Run(workspace, "check")
        run.finish("done", 0)
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("6")
        await shown(pilot, "ok done")
        await pilot.press("u")
        await shown(pilot, f"run {run.id} (check) wrote nothing")

    assert spawned.asked == []


async def test_the_overview_says_how_the_lists_size_moved(home: Path, console: MakeConsole) -> None:
    """Where the number changed, with the last change; a time without a list is left out."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        document = '{"name": "Newsletter DACH", "id": "9", "processing_type": "DYNAMIC"}'
        sql.execute("INSERT INTO declared VALUES ('list', 2, '2026-03-02T10:11:00.000Z', ?)", (document,))
        sql.execute("INSERT INTO declared_past VALUES ('list.size', 1, '{}')")
    async with console(home, "practice").run_test(size=(120, 50)) as pilot:
        assert "members" not in await shown(pilot, "Newsletter DACH (9)")
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("INSERT INTO declared_past VALUES ('list.size', 2, '{\"members\": 2000}')")
    async with console(home, "practice").run_test(size=(120, 50)) as pilot:
        await shown(pilot, "members: 2,000\n")
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("INSERT INTO declared_past VALUES ('list.size', 7, '{\"members\": 1954}')")
    async with console(home, "practice").run_test(size=(120, 50)) as pilot:
        await shown(pilot, "members: 1,954", "(-46 in run 7)")
