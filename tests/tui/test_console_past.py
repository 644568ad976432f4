"""What time adds to a contact's page: findings since they were first seen, and waivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sqlite import sqlite3
from tests.tui.conftest import MakeConsole
from tests.tui.populated import PEOPLE
from tests.tui.screen_text import shown

SIZE = (100, 60)
FAILING = next(number for number, (_, _, state, cause) in enumerate(PEOPLE, 1) if state == "failing" and cause)


def change(home: Path, statement: str, *values: object) -> None:
    """One statement on the workspace."""
    with sqlite3.connect(home / "workspaces" / "practice.sqlite") as sql:
        sql.execute(statement, values)


@pytest.mark.usefixtures("explained")
async def test_a_contacts_page_tells_findings_through_time_and_waivers(home: Path, console: MakeConsole) -> None:
    """As `explain` does in a terminal: what is waived is said to be waived, not passed."""
    cause = PEOPLE[FAILING - 1][3]
    change(home, "INSERT OR IGNORE INTO examination(run_id, at, contacts) VALUES (1, '2026-03-01T10:00:00Z', 4)")
    change(home, "INSERT INTO fingerprint(id, digest, code, field, rule) VALUES (1, 'v1:1', ?, 'app.CITY', 'r')", cause)
    change(home, "INSERT INTO finding_span VALUES (?, 1, 1, NULL, 'failing', 1, NULL)", FAILING)
    change(
        home,
        "INSERT INTO waiver(code, field, owner, reason, created_at, until) "
        "VALUES (?, '', 'Ops [b]', 'agreed', '2026-03-01T10:00:00Z', '2999-01-01T00:00:00Z')",
        cause,
    )
    async with console(home, "practice").run_test(size=SIZE) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("2")
        await shown(pilot, PEOPLE[0][0])
        await pilot.press(*["down"] * (FAILING - 1), "enter")
        text = " ".join((await shown(pilot, "Findings through time")).split())

    assert f"{cause} (app.CITY): first seen run 1, " in text
    assert "; open" in text
    assert f"Waiver 1: {cause} accepted until 2999-01-01" in text
    assert "by Ops [b]: agreed" in text
    assert "All that stops it is waived; that is not the same as passing." in text
