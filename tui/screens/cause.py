"""One cause: what it is, why it stops contacts, what to do and who can, and the sentence it stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.widget import Widget

from diagnostics.unknown_refusals import CODE as UNKNOWN
from diagnostics.unknown_refusals import UnknownRefusal, unknown_refusals
from engine.workspace import Workspace
from tui.actions import bindings_for
from tui.cause_texts import CauseText, cause_text
from tui.notation import STATE_STYLES, moment, plural, signed
from tui.open_connection import OpenConnection
from tui.reading.contacts import CauseRow, ContactFilter, contact_page, open_contacts
from tui.screens.connection_frame import ConnectionFrame
from tui.widgets.lines import Lines, Page

if TYPE_CHECKING:
    from diagnostics.past.since import CauseTimes

EXAMPLES = 8
SIDES = {"hubspot": "HubSpot", "app": "the app"}


class CauseScreen(ConnectionFrame):
    """A page; Enter shows the contacts with this cause."""

    BINDINGS: ClassVar = bindings_for("cause")
    PLACES: ClassVar = ("cause", "connection", "page")

    def __init__(self, connection: OpenConnection, row: CauseRow) -> None:
        super().__init__(connection)
        self._row = row

    def compose_body(self) -> Iterable[Widget]:
        """The page."""
        yield Lines(id="body")

    def crumbs(self) -> str:
        """Connection and cause."""
        return f"Syncdoctor > {self.connection.name} > Causes > {self._row.code}"

    def equivalent(self) -> str:
        """The check names all causes."""
        return self.connection.equivalent("check {name}")

    def _filter(self) -> ContactFilter:
        code = self._row.code
        return ContactFilter(cause=code, state=self._row.state) if self._row.contacts else ContactFilter(finding=code)

    async def read(self, *, run_ended: bool) -> None:
        """Reads texts and a few examples."""
        if not run_ended:
            return
        configuration = await self.connection.configuration()
        text = await asyncio.to_thread(cause_text, self._row.code, configuration)
        wanted = self._filter()
        examples = await self.connection.reader.ask(
            lambda workspace: (open_contacts(workspace, wanted), contact_page(workspace, 0, EXAMPLES))[1]
        )
        names = [
            " ".join(part for part in (row.email or "(no e-mail)", row.name, row.hubspot_id) if part)
            for row in examples
        ]
        groups = await self.connection.reader.ask(unknown_refusals) if self._row.code == UNKNOWN else ()
        times = await self.connection.reader.ask(lambda workspace: _times(workspace, self._row.code))
        self.query_one(Lines).show(cause_page(self._row, text, names, groups, times))

    def action_contacts(self) -> None:
        """The contacts with this cause, in the Contacts tab."""
        from tui.screens.connection import ConnectionScreen

        self.app.pop_screen()
        below = self.app.screen
        if isinstance(below, ConnectionScreen):
            below.go_to("contacts", wanted=self._filter())


def _times(workspace: Workspace, code: str) -> CauseTimes | None:
    from diagnostics.past.since import cause_times

    return cause_times(workspace).get(code)


def cause_page(
    row: CauseRow,
    text: CauseText,
    examples: list[str],
    groups: Sequence[UnknownRefusal] = (),
    times: CauseTimes | None = None,
) -> Page:
    """The page of a cause; `groups` are the unknown refusals, if it is theirs."""
    page = Page().add((f"{signed(row.state)}  ", STATE_STYLES.get(row.state, "bold")), (text.title, "bold")).gap()
    page.pair(
        "contacts",
        f"{plural(row.contacts, 'contact')} decided by it" + (f", also on {row.also:,} more" if row.also else ""),
    )
    if times is not None:
        page.pair(
            "found first",
            f"{moment(times.first_seen.at)}, run {times.first_seen.run}; last on one more: run {times.newest.run}",
        )
    page.pair("why", text.explanation)
    page.pair("what to do", text.remedy)
    page.pair("who fixes it", text.fixed_by + (" (it passes by itself)" if text.nature == "transient" else ""))
    if text.says:
        page.pair("HubSpot says", f"\N{LEFT DOUBLE QUOTATION MARK}{text.says}\N{RIGHT DOUBLE QUOTATION MARK}")
    if groups:
        page.heading("What the servers said, without values")
    for group in groups:
        page.add(f"{plural(group.contacts, 'contact')}, {SIDES[group.side]}: {group.signature}", indent=2, hanging=2)
        if group.correlation_ids:
            page.add(f"correlation ids {', '.join(group.correlation_ids)}", indent=4, hanging=2)
    if examples:
        page.heading("For instance")
        for example in examples:
            page.add(example, indent=2, hanging=2)
    page.gap().add("Enter shows all of them.", indent=2)
    return page
