"""Verify: the three proofs after activation, and the differences between the sides with their explanations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.widget import Widget

from tui.actions import bindings_for
from tui.notation import fit, moment, number, plural
from tui.reading.record import Verification, VerificationRow, verification
from tui.screens.tabs.tab import Tab
from tui.widgets.lines import Lines, Page
from tui.widgets.table import Column, Row, Table

COLUMNS = (
    Column("class", 11),
    Column("whose", 23, grow=2),
    Column("field", 12, grow=1),
    Column("HubSpot", 14, grow=2),
    Column("app", 14, grow=2),
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
    """The proofs as a page that scrolls, the differences as a table. The table has the keys while there is one; `p`
    gives them to the page and back, and Enter opens the selected difference from either."""

    PLACES: ClassVar = ("verify", "list")
    BINDINGS: ClassVar = [*bindings_for("verify"), Binding("enter,right,l", "open_difference", show=False)]
    COMMAND: ClassVar = "verify {name}"

    def compose(self) -> Iterable[Widget]:
        """Page and table; the table is hidden without differences."""
        yield Lines(id="proofs")
        table = Table(COLUMNS, id="differences")
        table.add_class("hidden")
        yield table

    def takes_keys(self) -> Widget:
        """The differences, if there are any."""
        table = self.query_one(Table)
        return self.query_one(Lines) if table.has_class("hidden") else table

    async def reload(self) -> None:
        """Reads the newest verification."""
        seen = await self.connection.reader.ask(verification, topic="verify")
        self.query_one(Lines).show(verification_page(seen))
        table = self.query_one(Table)
        if table.has_class("hidden") is bool(seen.differences):
            had_keys = self.has_focus_within
            table.set_class(not seen.differences, "hidden")
            if had_keys:
                self.takes_keys().focus()
        table.show_rows(
            [
                Row(
                    (index, row.contact),
                    (
                        row.kind,
                        row.who,
                        row.field,
                        row.hubspot_value or "(empty)",
                        row.app_value or "(empty)",
                        row.hubspot_id,
                    ),
                    "bold red" if row.kind == "unexplained" else "",
                )
                for index, row in enumerate(seen.differences)
            ]
        )

    def action_verify(self) -> None:
        """Starts a verification in the background."""
        if not self.frame.refused("verify"):
            self.frame.launch("verify", self.connection.name)

    def why_not(self, action: str) -> str:
        """Without differences there is nothing to go to or to open."""
        none = action in {"other_part", "open"} and self.query_one(Table).has_class("hidden")
        return "there is no difference" if none else ""

    def action_other_part(self) -> None:
        """Gives the keys to the proofs, or back to the differences."""
        if self.frame.refused("other_part"):
            return
        table, proofs = self.query_one(Table), self.query_one(Lines)
        (proofs if table.has_focus else table).focus()
        self.frame.say(
            "the keys scroll the differences" if proofs.has_focus else "the keys scroll the proofs; p goes back"
        )

    def action_open_difference(self) -> None:
        """Opens the selected difference while the proofs have the keys."""
        if not self.frame.refused("open"):
            self.query_one(Table).action_open()

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
    if seen.sample:
        page.add(seen.sample, indent=3)
    for row in seen.rows:
        _proof(page, row)
    if seen.classes:
        page.add(
            ("differences: ", "bold"), ", ".join(f"{name} {number(count)}" for name, count in seen.classes), hanging=2
        )
        listed = len(seen.differences)
        total = sum(count for _, count in seen.classes)
        if listed < total:
            page.add(f"The table below lists the first {listed:,}.", indent=2)
    for row in seen.rows:
        _details(page, row)
    return page


def _proof(page: Page, row: VerificationRow) -> None:
    sign, style = STATUS.get(row.status, ("??", "cyan"))
    counts = "" if row.expected is None else f"  found {number(row.found)} of {number(row.expected)}"
    missing = f", {len(row.missing):,} missing" if row.missing else ""
    page.add(
        (f"{sign} ", style),
        (fit(row.name, 14), "bold"),
        f"{row.status.replace('_', ' ')}{counts}{missing}",
        hanging=17,
    )


def _details(page: Page, row: VerificationRow) -> None:
    if not (row.note or row.missing):
        return
    page.heading(row.name)
    if row.note:
        page.add(row.note, indent=2, hanging=2)
    for line in row.missing[:MISSING_SHOWN]:
        page.add(line, indent=2, hanging=2)
    if len(row.missing) > MISSING_SHOWN:
        page.add(f"… and {plural(len(row.missing) - MISSING_SHOWN, 'more', 'more')}", indent=2)
