"""Verify: the three proofs after activation, and the differences between the sides with their explanations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget

from tui.actions import bindings_for
from tui.notation import fit, moment, number, plural
from tui.reading.record import Verification, VerificationRow, verification
from tui.screens.tabs.tab import Tab
from tui.widgets.lines import Lines, Page
from tui.widgets.table import Column, Row, Table

COLUMNS = (
    Column("class", 14),
    Column("field", 18),
    Column("HubSpot", 18, grow=1),
    Column("app", 18, grow=1),
    Column("HubSpot id", 12, from_width=100),
)
STATUS = {
    "passed": ("ok", "green"),
    "failed": ("!!", "bold red"),
    "not_applicable": ("--", ""),
    "unknown": ("??", "cyan"),
}
MISSING_SHOWN = 50


class VerifyTab(Tab):
    """The proofs as a page that scrolls, the differences as a table."""

    PLACES: ClassVar = ("verify", "list")
    BINDINGS: ClassVar = bindings_for("verify")
    COMMAND: ClassVar = "verify {name}"

    def compose(self) -> Iterable[Widget]:
        """Page and table; the table is hidden without differences."""
        yield Lines(id="proofs")
        yield Table(COLUMNS, id="differences")

    async def reload(self) -> None:
        """Reads the newest verification."""
        seen = await self.connection.reader.ask(verification, topic="verify")
        self.query_one(Lines).show(verification_page(seen))
        table = self.query_one(Table)
        table.set_class(not seen.differences, "hidden")
        table.show_rows(
            [
                Row(
                    (index, row.contact),
                    (row.kind, row.field, row.hubspot_value or "(empty)", row.app_value or "(empty)", row.hubspot_id),
                    "bold red" if row.kind == "unexplained" else "",
                )
                for index, row in enumerate(seen.differences)
            ]
        )

    def action_verify(self) -> None:
        """Starts a verification in the background."""
        if not self.frame.refused("verify"):
            self.frame.launch("verify", self.connection.name)

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the contact's page, where the difference belongs to one."""
        from tui.screens.contact import ContactScreen

        event.stop()
        if isinstance(event.row.key, tuple) and event.row.key[1] is not None:
            self.app.push_screen(ContactScreen(self.connection, event.row.key[1]))


def verification_page(seen: Verification) -> Page:
    """The page of a verification."""
    page = Page()
    if seen.run is None:
        page.add(("Nothing was verified yet.", "bold")).gap()
        page.add("v reads both sides afresh and proves that what should be there is there.", indent=2)
        return page
    unexplained = seen.unexplained or 0
    page.add(
        (
            f"{'!!' if unexplained else 'ok'} unexplained differences = {unexplained:,}",
            "bold red" if unexplained else "bold",
        ),
        f"   {moment(seen.run.started_at)}, run {seen.run.id}",
    )
    for row in seen.rows:
        _proof(page, row)
    if seen.classes:
        page.gap().add(
            ("differences: ", "bold"), ", ".join(f"{name} {number(count)}" for name, count in seen.classes), hanging=2
        )
        listed = len(seen.differences)
        total = sum(count for _, count in seen.classes)
        if listed < total:
            page.add(f"The table below lists the first {listed:,}.", indent=2)
    return page


def _proof(page: Page, row: VerificationRow) -> None:
    sign, style = STATUS.get(row.status, ("??", "cyan"))
    counts = "" if row.expected is None else f"  found {number(row.found)} of {number(row.expected)}"
    missing = f", {len(row.missing):,} missing" if row.missing else ""
    note = f"  {row.note}" if row.note else ""
    page.add(
        (f"{sign} ", style),
        (fit(row.name, 14), "bold"),
        f"{row.status.replace('_', ' ')}{counts}{missing}{note}",
        hanging=17,
    )
    for line in row.missing[:MISSING_SHOWN]:
        page.add(line, indent=6, hanging=2)
    if len(row.missing) > MISSING_SHOWN:
        page.add(f"… and {plural(len(row.missing) - MISSING_SHOWN, 'more', 'more')}", indent=6)
