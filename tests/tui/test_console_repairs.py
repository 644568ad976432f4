"""Pilot tests at 80x24: the Verify tab by keyboard, a search that begins anew, stops that come early, killed runs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.tui.conftest import MakeConsole
from tests.tui.populated import NOW, add_run, open_for_writing, write_connection
from tests.tui.screen_text import lines_of, shown, text_of, until
from tui.console import Console
from tui.processes import Started
from tui.widgets.lines import Lines
from tui.widgets.table import Table

SIZE = (80, 24)
WAITS = "import signal; print('up', flush=True); signal.pause()"


class RealChild:
    """Starts a process that looks like a run, waits, and ends at SIGTERM."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[bytes]] = []

    def __call__(self, home: Path, name: str, arguments: Sequence[str]) -> Started:
        child = subprocess.Popen([sys.executable, "-c", WAITS, "syncdoctor"], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        self.children.append(child)
        return Started(child, home / "none.log", " ".join(arguments))


@pytest.fixture
def children() -> Iterator[RealChild]:
    """Processes that are ended whatever happens."""
    started = RealChild()
    yield started
    for child in started.children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def begin_run(home: Path, pid: int) -> None:
    """The row that a started command writes once it is at work."""
    with open_for_writing(home) as workspace:
        add_run(workspace, "check", "running", pid=pid, host=socket.gethostname(), phase="reading hubspot")


@pytest.fixture
def differing(home: Path) -> Path:
    """A home whose verification misses many and has a dozen differences, one of a contact without an e-mail."""
    missing = [{"email": f"gone{number}@example.org", "reason_state": "failing"} for number in range(20)]
    missing.append({"email": " ", "hubspot_id": "1006", "reason_state": "excluded"})
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("UPDATE verification SET missing = ?", (json.dumps(missing),))
        sql.execute("UPDATE contact SET email = ' ' WHERE id = 6")
        for name, status in (("inbound", "failed"), ("update-only", "not_applicable")):
            sql.execute("INSERT INTO verification VALUES (2, ?, ?, NULL, NULL, '[]', 'why so')", (name, status))
        sql.execute("INSERT INTO difference VALUES (2, 6, '1006', '', 'city', 'filtered', 'Bonn', 'Ulm')")
        for number in range(10):
            sql.execute("INSERT INTO difference VALUES (2, 3, '1003', '', ?, 'pending', 'a', 'b')", (f"field{number}",))
    return home


async def test_verify_says_the_result_first_and_whose_each_difference_is(differing: Path, console: MakeConsole) -> None:
    """The count and the three verifications are the first lines, the missing come after; a blank e-mail is an id."""
    async with console(differing, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("5")
        await shown(pilot, "unexplained differences = 1", "whose")
        lines = lines_of(pilot)
        await pilot.press("p", "G")
        end = await shown(pilot, "1006: excluded", "why so")

    assert [line.split()[1] for line in lines[2:6]] == ["unexplained", "outbound", "inbound", "update-only"]
    assert "21 missing" in lines[3] and "gone0@example.org" not in "".join(lines[:7])
    rows = [line.split() for line in lines if line.startswith(("unexplained", "filtered"))]
    assert rows == [
        ["unexplained", "anna.berg@example.org", "firstname", "Anna", "Anne"],
        ["filtered", "1006", "city", "Bonn", "Ulm"],
    ]
    assert all(len(line) <= 80 for line in [*lines, *end.splitlines()])


async def test_the_differences_have_the_keys(differing: Path, console: MakeConsole) -> None:
    """Down, G, PgUp and Enter act on the differences: Enter opens the selected one's contact, and back keeps it."""
    async with console(differing, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("5")
        await shown(pilot, "whose")
        table = pilot.app.screen.query_one("#differences", Table)
        await pilot.press("down", "enter")
        await shown(pilot, "Verdict on Frida Noll.", "Contacts > 1006")
        await pilot.press("q", "G")
        await shown(pilot, "field9")
        assert table.cursor == 11
        await pilot.press("enter")
        await shown(pilot, "Verdict on Clara Voss.")
        await pilot.press("q", "pageup")
        await shown(pilot, "whose")
        assert table.cursor < 11
        await pilot.press("g", "enter")
        await shown(pilot, "Verdict on Anna Berg.")


async def test_p_gives_the_keys_to_the_proofs_and_enter_still_opens(differing: Path, console: MakeConsole) -> None:
    """The proofs scroll after `p` while the cursor stays; Enter opens the selected difference; `p` goes back."""
    async with console(differing, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("5")
        await shown(pilot, "whose")
        table = pilot.app.screen.query_one("#differences", Table)
        proofs = pilot.app.screen.query_one("#proofs", Lines)
        await pilot.press("down", "p")
        await shown(pilot, "the keys scroll the proofs")
        await pilot.press("pagedown")
        await until(pilot, lambda _: proofs.scroll_offset.y > 0)
        assert table.cursor == 1
        await pilot.press("enter")
        await shown(pilot, "Verdict on Frida Noll.")
        await pilot.press("q", "p", "down")
        await until(pilot, lambda _: table.cursor == 2)


async def test_without_differences_the_proofs_have_the_keys(home: Path, console: MakeConsole) -> None:
    """There is nothing to open or to go to, and the console says so."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("DELETE FROM difference")
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("5")
        await shown(pilot, "ok unexplained differences = 0")
        assert pilot.app.screen.query_one("#proofs", Lines).has_focus
        await pilot.press("enter")
        await shown(pilot, "not now: there is no difference")


async def test_slash_begins_a_new_search(home: Path, console: MakeConsole) -> None:
    """`/` starts empty on Contacts and from a contact's page; letters typed next are all of the search."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("slash", *"anna", "enter")
        await shown(pilot, "1 of 6 contacts   text anna")
        await pilot.press("slash")
        await shown(pilot, "6 of 6 contacts")
        await pilot.press(*"clara", "enter")
        await shown(pilot, "find: clara", "1 of 6 contacts   text clara")
        await pilot.press("enter")
        await shown(pilot, "Verdict on Clara Voss.")
        await pilot.press("slash", *"emma")
        text = await shown(pilot, "find: emma", "1 of 6 contacts   text emma")

    assert "Emma Roth" in text


async def test_a_stop_asked_for_while_a_run_starts_is_sent_when_it_is_there(home: Path, children: RealChild) -> None:
    """`x` before the run's row exists is kept, even under the help, and reaches the process once the row is there."""
    app = Console(home, "practice", spawn=children, now=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await shown(pilot, "6 contacts at")
        await pilot.press("n", "x")
        await shown(pilot, "check practice is starting; it is asked to stop as soon as it is at work")
        [child] = children.children
        assert child.poll() is None
        await pilot.press("question_mark")
        await shown(pilot, "Keys of:")
        begin_run(home, child.pid)
        await until(pilot, lambda _: child.poll() is not None)

    assert child.returncode == -signal.SIGTERM


async def test_an_early_stop_is_never_sent_to_another_run(home: Path, children: RealChild) -> None:
    """A run that somebody else began meanwhile is left alone; the request stays with the command it was meant for."""
    other = children(home, "practice", ("sync",)).process
    app = Console(home, "practice", spawn=children, now=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await shown(pilot, "6 contacts at")
        await pilot.press("n", "x")
        await shown(pilot, "is starting")
        begin_run(home, other.pid)
        await pilot.press("2")
        await shown(pilot, "check: reading hubspot")
        assert other.poll() is None


async def test_an_early_stop_survives_going_home_and_leaving(home: Path, children: RealChild) -> None:
    """The request is the connection's, not the screen's: Home sends it, and so does leaving the console."""
    app = Console(home, "practice", spawn=children, now=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await shown(pilot, "6 contacts at")
        await pilot.press("n", "x", "q")
        await shown(pilot, "contacts by state")
        begin_run(home, children.children[0].pid)
        await shown(pilot, "stopped before it was at work")
        await pilot.press("n", "x")
        await shown(pilot, "check practice is starting; it is asked")
        await pilot.press("q")
        await pilot.pause()

    assert [child.wait(timeout=60) for child in children.children] == [-signal.SIGTERM] * 2


async def test_a_killed_run_is_shown_as_ended(home: Path, children: RealChild) -> None:
    """Home and Log stop saying that a run is at work when its process is killed, though no file changes."""
    write_connection(home, "second")
    process = children(home, "practice", ("check",)).process
    begin_run(home, process.pid)
    app = Console(home, spawn=children, now=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await shown(pilot, ".. check at work", "check: reading hubspot")
        process.kill()
        await shown(pilot, "!! check cut off")
        assert "at work" not in text_of(pilot)
        await pilot.press("enter")
        await shown(pilot, "contacts at", "its process is gone")
        await pilot.press("6")
        text = await shown(pilot, "!! cut off", "its process")
        assert "running" not in text
        await pilot.press("enter")
        await shown(pilot, "check: cut off in phase reading hubspot; its process is gone")


async def test_log_follows_a_run_that_is_killed(home: Path, children: RealChild) -> None:
    """The Log tab, open while the process dies, says so; a run tidied up later is `abandoned`, with its sign."""
    process = children(home, "practice", ("check",)).process
    begin_run(home, process.pid)
    async with Console(home, "practice", spawn=children, now=lambda: NOW).run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("6")
        await shown(pilot, ".. running")
        process.kill()
        await shown(pilot, "!! cut off", "check: cut off, its process is gone")
        with open_for_writing(home) as workspace, workspace.transaction() as sql:
            sql.execute("UPDATE run SET state = 'abandoned', ended_at = started_at WHERE state = 'running'")
        await shown(pilot, "!! abandoned")
