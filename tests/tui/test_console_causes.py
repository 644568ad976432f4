"""The causes of a connection in the console."""

from __future__ import annotations

from pathlib import Path

from tests.tui.conftest import MakeConsole
from tests.tui.populated import open_for_writing
from tests.tui.screen_text import shown


async def test_unknown_refusals_stand_under_their_cause_by_signature(home: Path, console: MakeConsole) -> None:
    """A line for each reason; it opens the cause, whose page shows the words whole and the correlation ids."""
    with open_for_writing(home) as workspace, workspace.transaction() as sql:
        now = sql.execute("SELECT max(run_id) FROM verdict").fetchone()[0]
        for contact, message in ((1, "flux of 17 is odd"), (2, "flux of 18 is odd"), (3, "warp is odd")):
            sql.execute(
                "INSERT INTO quarantine(contact_id, side, field, sent, code, message, correlation_id, run_id, at) "
                "VALUES (?, 'app', 'CITY', 'digest', 'X_Y', ?, ?, 2, '2026-03-02T10:00:00.000Z')",
                (contact, message, f"corr-{contact}"),
            )
            sql.execute(
                "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) "
                "VALUES (?, 'refused-unknown', 'app.CITY', 'failing', 1, ?, '', 1, ?)",
                (contact, message, now),
            )
            sql.execute(
                "UPDATE verdict SET state = 'failing', cause = 'refused-unknown' WHERE contact_id = ?", (contact,)
            )

    async with console(home, "practice").run_test(size=(140, 40)) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("3")
        text = await shown(pilot, "X_Y: flux of <value> is odd (corr-1, corr-2)", "X_Y: warp is odd (corr-3)")
        assert text.index("refused-unknown") < text.index("flux of") < text.index("warp is odd")
        await pilot.press("down", "enter")
        await shown(pilot, "Refused for a reason that is not known", "2 contacts, the app: X_Y: flux of <value> is odd")
        await shown(pilot, "correlation ids corr-1, corr-2")


async def test_fixes_are_a_key_away_and_a_workspace_without_a_check_says_so(home: Path, console: MakeConsole) -> None:
    """`f` opens the ranking; what it needs and lacks stands on the screen, with the command to run, and the console goes on."""
    async with console(home, "practice").run_test(size=(100, 30)) as pilot:
        await shown(pilot, "contacts at")
        await pilot.press("3")
        await shown(pilot, "A contact counts once")
        await pilot.press("f")
        await shown(pilot, "Causes > Fixes", "nothing has been examined yet", "syncdoctor check practice")
        await pilot.press("q")
        await shown(pilot, "A contact counts once")
