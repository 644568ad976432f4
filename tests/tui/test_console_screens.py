"""The console at 80x24: keys are driven, lines of text are asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.tui.conftest import MakeConsole
from tests.tui.populated import FakeStart, add_contacts, add_run, open_for_writing, populated, write_connection
from tests.tui.screen_text import lines_of, shown, text_of, until
from tui.widgets.table import Table

SIZE = (80, 24)


async def test_home_lists_connections_with_their_health(home: Path, console: MakeConsole) -> None:
    """A connection is one line: what needs attention first, and when it was last checked."""
    write_connection(home, "second")
    async with console(home).run_test(size=SIZE) as pilot:
        text = await shown(pilot, "!! 1  <> 1", "not examined yet")

    lines = text.splitlines()
    assert lines[2].startswith("practice") and "2026-03-02 10:11 UTC" in lines[2]
    assert lines[3].startswith("second")
    assert len(lines) == 24 and all(len(line) <= 80 for line in lines)


async def test_an_empty_home_says_what_to_type(tmp_path: Path, console: MakeConsole) -> None:
    """Without a connection Home names the two commands that make one."""
    async with console(tmp_path).run_test(size=SIZE) as pilot:
        await shown(pilot, "syncdoctor demo", "syncdoctor connect FILE")
        await pilot.press("n")
        await shown(pilot, "not now: there is no connection yet")


async def test_from_start_to_a_contacts_reason_in_four_keys(home: Path, console: MakeConsole) -> None:
    """Enter, /, the e-mail, Enter, Enter shows the verdict with its evidence and remedy."""
    async with console(home).run_test(size=SIZE) as pilot:
        await shown(pilot, "!! 1")
        await pilot.press("enter", "slash", *"clara.voss@example.org", "enter", "enter")
        text = await shown(pilot, "Verdict on Clara Voss.")

    assert text.splitlines()[1] == "!! Verdict on Clara Voss."
    assert "evidence on Clara Voss" in text
    assert "To do: Correct the value." in text
    assert "= syncdoctor explain practice 1003" in text


async def test_letters_typed_after_slash_are_never_commands(
    home: Path, console: MakeConsole, spawned: FakeStart
) -> None:
    """Even when slash and text arrive in one burst, `n` does not start a check and `q` does not leave."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("slash", *"anna q")
        await shown(pilot, "find: anna q", "0 of 6 contacts")

    assert spawned.asked == []


async def test_a_free_letter_starts_the_filter(home: Path, console: MakeConsole) -> None:
    """On Contacts a letter that is no command is the filter's first one."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("2")
        await shown(pilot, "Anna Berg")
        await pilot.press("e", "m", "m", "a")
        text = await shown(pilot, "find: emma", "1 of 6 contacts")
        assert "Emma Roth" in text
        await pilot.press("escape")
        await shown(pilot, "6 of 6 contacts", "Anna Berg")


async def test_state_and_cause_keys_cycle(home: Path, console: MakeConsole) -> None:
    """`s` goes through the states, `c` through the causes, `a` shows all."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("2")
        await shown(pilot, "Anna Berg")
        await pilot.press("s", "s", "s")
        text = await shown(pilot, "2 of 6 contacts   state -- excluded")
        assert "Dieter Lang" in text and "Anna Berg" not in text
        await pilot.press("a")
        await shown(pilot, "6 of 6 contacts")
        await pilot.press("c")
        await shown(pilot, "1 of 6 contacts   cause field-option")
        await shown(pilot, "Clara Voss")


async def test_g_is_top_and_capital_g_is_bottom(tmp_path: Path, console: MakeConsole) -> None:
    """The keys that people have in their fingers, over pages that are fetched when they come into view."""
    people = [(f"p{number:04}@example.org", f"Name {number}", "in_sync", "") for number in range(1500)]
    home = populated(tmp_path, people=people)
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("2")
        await shown(pilot, "p0000@")
        await pilot.press("G")
        text = await shown(pilot, "p1499@")
        assert "p0000@" not in text
        await pilot.press("pageup", "k", "enter")
        await shown(pilot, "Verdict on Name 14")
        await pilot.press("q", "g")
        await shown(pilot, "p0000@")
        assert pilot.app.screen.query_one("ContactsTab Table", Table).cursor == 0


@pytest.mark.parametrize(
    ("key", "command", "words"),
    [
        ("1", "check practice", "6 contacts at"),
        ("2", "check practice --contacts FILE.csv", "Anna Berg"),
        ("3", "check practice", "field-option"),
        ("4", "plan practice", "1 contact updated in app: 2 values"),
        ("5", "verify practice", "!! unexplained differences = 1"),
        ("6", "log practice", "ok done"),
        ("7", "report practice", "# Support report"),
    ],
)
async def test_every_tab_shows_itself_and_its_command(
    home: Path, console: MakeConsole, key: str, command: str, words: str
) -> None:
    """A digit shows its tab, with the equivalent command on the line above the keys."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press(key)
        await shown(pilot, words)
        lines = lines_of(pilot)

    assert f"[{key} " in lines[1]
    assert lines[22].startswith(f"= syncdoctor {command}")
    assert lines[23].endswith("? more")
    assert all(len(line) <= 80 for line in lines)


async def test_tab_and_minus_move_between_tabs(home: Path, console: MakeConsole) -> None:
    """Tab goes right, Shift-Tab left, `-` to the tab shown before."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("tab", "tab", "tab")
        await shown(pilot, "[4 Plan]")
        await pilot.press("shift+tab")
        await shown(pilot, "[3 Causes]")
        await pilot.press("minus")
        await shown(pilot, "[4 Plan]")


async def test_escape_q_backspace_and_left_go_back_one_level(home: Path, console: MakeConsole) -> None:
    """Each of them leaves the contact's page; q on Home quits with exit code 0."""
    app = console(home, "practice")
    async with app.run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("2")
        await shown(pilot, "Anna Berg")
        for key in ("escape", "q", "backspace", "left", "h"):
            await pilot.press("enter")
            await shown(pilot, "Verdict on Anna Berg.")
            await pilot.press(key)
            await shown(pilot, "6 of 6 contacts")
        await pilot.press("q")
        await shown(pilot, "contacts by state")
        await pilot.press("q")
        await pilot.pause()

    assert app.return_code == 0


async def test_a_cause_leads_to_its_contacts(home: Path, console: MakeConsole) -> None:
    """A cause's page explains it; Enter there shows exactly its contacts."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("3")
        await shown(pilot, "field-option")
        await pilot.press("enter")
        text = await shown(pilot, "what to do", "who fixes it", "clara.voss@example.org")
        assert "HubSpot says" in text
        await pilot.press("enter")
        text = await shown(pilot, "1 of 6 contacts", "cause field-option")
        assert "Clara Voss" in text


async def test_a_contacts_conflict_is_decided_by_naming_the_winner(
    home: Path, console: MakeConsole, spawned: FakeStart
) -> None:
    """The page shows both values with their evidence and the command; only a side's name decides."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("slash", *"emma", "enter", "enter")
        await shown(pilot, "Verdict on Emma Roth.")
        await pilot.press("d")
        text = await shown(pilot, "1 conflict of emma.roth@example.org", "Emmi", "by CRM_UI", "Type hubspot or app")
        assert "= syncdoctor decide practice 1005 --winner hubspot|app --yes" in text
        await pilot.press(*"both", "enter")
        await shown(pilot, "That is not hubspot or app")
        assert spawned.asked == []
        await pilot.press(*["backspace"] * 4, *"app", "enter")
        await shown(pilot, "it cannot be started")

    assert spawned.asked == [(home, "practice", ("decide", "practice", "1005", "--winner", "app", "--yes"))]


async def test_a_contact_without_a_conflict_has_nothing_to_decide(home: Path, console: MakeConsole) -> None:
    """The key says why it does nothing."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("slash", *"anna", "enter", "enter")
        await shown(pilot, "Verdict on Anna Berg.")
        await pilot.press("d")
        await shown(pilot, "not now: this contact has no conflict")


async def test_all_conflicts_of_a_field_are_decided_on_the_plan(
    home: Path, console: MakeConsole, spawned: FakeStart
) -> None:
    """The selected line's field counts; a line that is no conflict says so."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("4")
        await shown(pilot, "HubSpot: Emma")
        await pilot.press("j", "d")
        await shown(pilot, "choose a conflict first")
        await pilot.press("k", "d")
        text = await shown(pilot, "1 conflict of firstname", "Type hubspot or app")
        assert "--field firstname --all" in text
        await pilot.press(*"hubspot", "enter")
        await shown(pilot, "it cannot be started")

    command = ("decide", "practice", "--field", "firstname", "--all", "--winner", "hubspot", "--yes")
    assert spawned.asked == [(home, "practice", command)]


async def test_a_sync_needs_the_typed_number(home: Path, console: MakeConsole, spawned: FakeStart) -> None:
    """Only the number of records to be written starts the sync; anything else writes nothing."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("4")
        await shown(pilot, "Bodo Maria")
        await pilot.press("y")
        await shown(pilot, "2 records would be written", "Type 2 and Enter")
        await pilot.press("y", "e", "s", "enter")
        await shown(pilot, "That is not 2")
        assert spawned.asked == []
        await pilot.press("backspace", "backspace", "backspace", "2", "enter")
        await shown(pilot, "it cannot be started")

    assert spawned.asked == [(home, "practice", ("sync", "practice", "--yes"))]


async def test_an_observed_connection_never_writes(tmp_path: Path, console: MakeConsole, spawned: FakeStart) -> None:
    """The sync key says why it does nothing."""
    home = populated(tmp_path, mode="observed")
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("4")
        await shown(pilot, "This connection is observed")
        await pilot.press("y")
        await shown(pilot, "not now: this connection is observed")

    assert spawned.asked == []


@pytest.mark.parametrize(("tab", "key", "command"), [("1", "n", "check"), ("5", "v", "verify"), ("7", "r", "report")])
async def test_long_work_is_started_as_a_process(
    home: Path, console: MakeConsole, spawned: FakeStart, tab: str, key: str, command: str
) -> None:
    """The keys start exactly the commands that the screen shows."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press(tab)
        await shown(pilot, f"[{tab} ")
        await pilot.press(key)
        await shown(pilot, "it cannot be started")

    assert spawned.asked == [(home, "practice", (command, "practice"))]


async def test_progress_of_a_run_is_shown_and_excludes_others(
    home: Path, console: MakeConsole, spawned: FakeStart
) -> None:
    """A run at work shows phase, how far, rate, end and how to stop; no second one can be started."""
    with open_for_writing(home) as workspace:
        add_run(workspace, "check", "running", phase="reading hubspot", done=1200, total=2400, rate=40.0)
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "check: reading hubspot  1,200/2,400 (50%)  40/s  ends 10:30:30 UTC  x stops")
        await pilot.press("n")
        await shown(pilot, "not now: check is at work; x stops it")
        await pilot.press("x")
        await shown(pilot, "this run is on the host elsewhere; stop it there")

    assert spawned.asked == []


async def test_the_screen_follows_a_run_to_its_end(home: Path, console: MakeConsole) -> None:
    """When the run ends the counts are read again and the end is said."""
    with open_for_writing(home) as workspace:
        run = add_run(workspace, "check", "running", phase="planning")
        async with console(home, "practice").run_test(size=SIZE) as pilot:
            await shown(pilot, "check: planning", "6 contacts at")
            add_contacts(workspace, run, [("new@example.org", "New One", "failing", "field-option")])
            with workspace.transaction() as sql:
                sql.execute("UPDATE run SET state = 'done', ended_at = started_at WHERE id = ?", (run,))
            text = await until(pilot, lambda text: "7 contacts at" in text)

    assert "check: done" in text


async def test_a_run_whose_process_is_gone_is_not_at_work(home: Path, console: MakeConsole) -> None:
    """A killed run does not block the next one, and is shown as cut off."""
    with open_for_writing(home) as workspace:
        add_run(workspace, "sync", "running", pid=2**22 + 1, host="", phase="writing")
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("6")
        await shown(pilot, "!! cut off")
        await pilot.press("x")
        await shown(pilot, "not now: no run is at work")


async def test_a_run_opens_with_events_and_exchanges(home: Path, console: MakeConsole) -> None:
    """Enter on a run shows what it logged."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("6")
        await shown(pilot, "ok done")
        await pilot.press("enter")
        text = await shown(pilot, "10:11:02 !! hubspot 429")

    assert "= syncdoctor log practice --run 2" in text


async def test_a_connection_that_was_never_examined_says_so(tmp_path: Path, console: MakeConsole) -> None:
    """Instead of empty tables there is a panel with the command; the console lives on and shows the first check."""
    write_connection(tmp_path)
    async with console(tmp_path, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "nothing has been examined yet", "syncdoctor check practice")
        with open_for_writing(tmp_path) as workspace:
            add_contacts(workspace, add_run(workspace))
        await shown(pilot, "6 contacts at")
        assert "nothing has been examined" not in text_of(pilot)


def _damage(home: Path) -> None:
    (home / "workspaces" / "practice.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def _newer(home: Path) -> None:
    with Workspace(home / "workspaces" / "practice.sqlite") as workspace:
        workspace.sql.execute("PRAGMA user_version = 999")


def _bad_connection(home: Path) -> None:
    (home / "connections" / "practice.toml").write_text("format = 1\nnonsense = 2\n")


@pytest.mark.parametrize(
    ("harm", "words"), [(_damage, "damaged"), (_newer, "version 999"), (_bad_connection, "practice.toml")]
)
async def test_errors_are_panels_and_the_console_lives_on(
    home: Path, console: MakeConsole, harm: object, words: str
) -> None:
    """A broken connection is a panel of its own; another connection opens as ever."""
    populated_second = populated(home.parent / "second")
    for kind, ending in (("connections", "toml"), ("workspaces", "sqlite")):
        (populated_second / kind / f"practice.{ending}").rename(home / kind / f"second.{ending}")
    assert callable(harm)
    harm(home)
    async with console(home).run_test(size=SIZE) as pilot:
        await shown(pilot, "second", "!! 1")
        await pilot.press("enter")
        await shown(pilot, words, "Other connections are not affected")
        await pilot.press("q", "j", "enter")
        await shown(pilot, "Syncdoctor > second > Overview", "6 contacts at")


async def test_help_lists_keys_with_reasons(home: Path, console: MakeConsole) -> None:
    """`?` lists the keys of the tab below, and why one cannot be used."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("question_mark")
        await shown(pilot, "Keys of: Syncdoctor > practice > Overview", "(not now: no run is at work)")


async def test_the_palette_does_what_its_key_would(home: Path, console: MakeConsole) -> None:
    """`:` and a part of a name lead to the action."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("colon")
        await shown(pilot, "Commands of:")
        await pilot.press(*"plan", "enter")
        await shown(pilot, "[4 Plan]", "Bodo Maria")


async def test_a_tiny_terminal_says_that_it_is_too_small(home: Path, console: MakeConsole) -> None:
    """Below 60x15 there is one line; with room again the screen is back."""
    async with console(home).run_test(size=(50, 12)) as pilot:
        await shown(pilot, "too small")
        assert "practice" not in text_of(pilot)
        await pilot.resize_terminal(80, 24)
        await shown(pilot, "practice", "!! 1")


async def test_a_wide_terminal_shows_ids(home: Path, console: MakeConsole) -> None:
    """With room the contacts' ids are columns."""
    async with console(home, "practice").run_test(size=(160, 50)) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("2")
        text = await shown(pilot, "Anna Berg", "HubSpot id", "app id")

    assert f"{1:032x}" in text
