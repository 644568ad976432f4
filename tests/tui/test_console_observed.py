"""What the console shows where another engine writes, and of a sampled verification."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from diagnostics.observed.words import Certain
from engine.sqlite import sqlite3
from engine.workspace import Workspace
from tests.tui.conftest import MakeConsole, fake_explanation
from tests.tui.populated import write_connection
from tests.tui.screen_text import shown
from tui.screens.contact import contact_page
from tui.widgets.lines import Page

SIZE = (80, 24)


def change(home: Path, statement: str, *values: object) -> None:
    """One statement on the workspace."""
    with sqlite3.connect(home / "workspaces" / "practice.sqlite") as sql:
        sql.execute(statement, values)


def text_of_page(page: Page) -> str:
    """All lines of a page, as wide as they need."""
    return "\n".join(line.plain for line in page.lines(400))


async def test_the_overview_says_how_certain_the_verdicts_are(home: Path, console: MakeConsole) -> None:
    """Counts per level and the stuck ones, from the run's row; nothing of it where the engine itself syncs."""
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        assert "certainty" not in await shown(pilot, "contacts at")
    write_connection(home, mode="observed")
    counts = {"in_sync": 1, "certain": 1_234, "likely": 56, "possible": 7, "stuck": 3}
    change(home, "UPDATE run SET counts = ?", json.dumps(counts))
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        text = await shown(pilot, "contacts at")
    assert "certainty: 1,234 certain, 56 likely, 7 possible" in text
    assert "!! 3 contacts are stuck" in text


async def test_the_plan_of_an_observed_connection_is_what_would_have_to_flow(home: Path, console: MakeConsole) -> None:
    """And no brake is named, since no sync will come."""
    write_connection(home, mode="observed")
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("4")
        text = await shown(pilot, "would have to flow")
    assert "will refuse to write" not in text


async def test_a_sampled_verification_says_what_it_proves(home: Path, console: MakeConsole) -> None:
    """Size, bound, population and seed on the Verify tab."""
    change(home, "INSERT INTO sample VALUES ((SELECT max(run_id) FROM verification), 48211, 1000, 42, 0, 12, 140)")
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("5")
        text = " ".join((await shown(pilot, "of 1,000 sampled")).split())
    assert "0 unexplained of 1,000 sampled: with 95 % confidence at most" in text
    assert "of 48,211 (0.3 %)" in text
    assert "Seed 42." in text


def test_a_contacts_page_says_how_certain_its_verdict_is(home: Path) -> None:
    """Below the verdict, with every reason; nothing where the engine itself syncs."""
    with Workspace(home / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        plain = fake_explanation(workspace, None, 1)  # type: ignore[arg-type]
    seen = replace(plain, certain=Certain("likely", ("The record is alone.", "city is stuck."), stuck=True))
    assert "Likely: The record is alone. city is stuck." in text_of_page(contact_page(seen))
    assert "Likely" not in text_of_page(contact_page(plain))
