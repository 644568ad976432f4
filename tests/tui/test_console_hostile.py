"""Contact data is hostile text: on every screen it is shown, never obeyed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tui.conftest import MakeConsole
from tests.tui.populated import open_for_writing, populated
from tests.tui.screen_text import shown, text_of

HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;aGk=\x1b\\clip",
    "\x1b]0;title\x07bell",
    "\x9b31m\x9d0;c1\x9c",
    "[bold]mark[/bold]",
    "[/nope]closing",
    "[@click=app.quit]click[/]",
    "[x=1 y='broken",
    "\u202egnp.exe\u202c",
    "zero\u200bwidth\ufeff",
    "line\nfeed\rback\ttab",
    "nul\x00del\x7f",
    "a" + "\u0301" * 300,
    "wide 漢字 \U0001f469\u200d\U0001f469",
    "x" * 5000,
)
ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
PEOPLE = tuple((f"{text}@example.org", text, "failing", "field-option") for text in HOSTILE)


@pytest.fixture
def hostile_home(tmp_path: Path) -> Path:
    """A home in which every text that came from outside is hostile."""
    home = populated(tmp_path / "home", people=PEOPLE)
    everything = " ".join(text for text in HOSTILE if len(text) < 100)
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        sql.execute("UPDATE contact SET hubspot_id = hubspot_id || ?1, app_id = app_id || ?1", (HOSTILE[0],))
        sql.execute("UPDATE verdict SET cause = ?, run_id = 2 WHERE contact_id = 2", (HOSTILE[5],))
        sql.execute("UPDATE planned_write SET value = ?1, before = ?1, field = ?1 || field", (everything,))
        sql.execute("UPDATE conflict SET hubspot_value = ?1, app_value = ?1", (everything,))
        sql.execute("UPDATE event SET text = ?1, code = ?1", (everything,))
        sql.execute("UPDATE exchange SET path = ?1, note = ?1, correlation_id = ?1", (everything,))
        sql.execute("UPDATE side_finding SET value = ?1, rule = ?1", (everything,))
        sql.execute("UPDATE run SET message = ?1, phase = ?1, command = ?2", (everything, HOSTILE[4]))
        sql.execute("UPDATE verification SET note = ?1, missing = json_array(?1)", (everything,))
        sql.execute("UPDATE difference SET hubspot_value = ?1, app_value = ?1, field = ?1", (everything,))
        sql.execute(
            "UPDATE declared SET document = json_object('account', json_object('name', ?1, 'id', ?1))", (everything,)
        )
        sql.execute("INSERT INTO fact VALUES ('limits.hubspot', ?)", (everything,))
    (home / "report.md").write_text(everything)
    return home


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_hostile_text_is_inert_on_every_screen(
    hostile_home: Path, console: MakeConsole, size: tuple[int, int]
) -> None:
    """Nothing that acts reaches a line of any screen, markup stays text, and no screen fails."""
    seen: list[str] = []
    app = console(hostile_home)
    async with app.run_test(size=size) as pilot:

        async def look(*texts: str) -> None:
            await shown(pilot, *texts)
            seen.append(text_of(pilot))

        await look("!! 15")
        await pilot.press("enter")
        await look("15 contacts at")
        await pilot.press("2")
        await look("␛[2J", "[bold]mark[/bold]", "[/nope]closing")
        for _ in HOSTILE:
            await pilot.press("enter")
            await look("Verdict on", "To do")
            await pilot.press("G")
            await look("Contacts >")
            await pilot.press("q", "j")
        await pilot.press("3")
        await look("[/nope]closing")
        await pilot.press("enter")
        await look("what to do")
        await pilot.press("q", "4")
        await look("[4 Plan]", "␛")
        await pilot.press("y")
        await look("would be written")
        await pilot.press("escape", "5")
        await look("outbound", "␛")
        await pilot.press("6")
        await look("[bold]m", "ok done")
        await pilot.press("enter")
        await look("10:11:02", "␛")
        await pilot.press("q", "7")
        await look("saved at", "␛")

    assert all(not ACTS.search(text) for text in seen)
    assert app.return_code in (None, 0)


async def test_a_hostile_connection_file_is_named_inertly(tmp_path: Path, console: MakeConsole) -> None:
    """An error that quotes a broken file shows it, and obeys nothing in it."""
    folder = tmp_path / "connections"
    folder.mkdir()
    (folder / "practice.toml").write_text('format = 1\n"\\u001b[2J[/nope]" = 1\n')
    async with console(tmp_path, "practice").run_test(size=(80, 24)) as pilot:
        text = await shown(pilot, "Other connections are not affected")

    assert not ACTS.search(text)
