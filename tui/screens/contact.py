"""One contact as one page: the verdict first, then the gates, both records, the remedy, the history."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.widget import Widget

from engine.workspace import Workspace
from tui.actions import bindings_for
from tui.notation import STATE_STYLES, sign
from tui.open_connection import OpenConnection
from tui.reading.conflicts import ConflictRow, contact_conflicts
from tui.reading.past import NO_PAST, Past, past_of
from tui.reading.record import who
from tui.screens.connection_frame import ConnectionFrame
from tui.screens.decide import DecideScreen, conflicts_page
from tui.through_time import ALL_WAIVED
from tui.widgets.lines import Lines, Page

if TYPE_CHECKING:
    from diagnostics.explain import Explanation, FieldView, GateResult
    from diagnostics.repairs.smallest import SmallestChange


class ContactScreen(ConnectionFrame):
    """The page of a contact; explained by the planner itself, on the reader's thread."""

    BINDINGS: ClassVar = bindings_for("contact")
    PLACES: ClassVar = ("contact", "connection", "page")

    def __init__(self, connection: OpenConnection, contact: int) -> None:
        super().__init__(connection)
        self._contact = contact
        self._who = ""
        self._record = "WHO"
        self._observed = False
        self._conflicts: tuple[ConflictRow, ...] = ()

    def compose_body(self) -> Iterable[Widget]:
        """The page."""
        yield Lines(id="body")

    def crumbs(self) -> str:
        """Connection and contact."""
        return f"Syncdoctor > {self.connection.name} > Contacts > {self._who or '…'}"

    def equivalent(self) -> str:
        """The same in a shell; by id, so that no address stays in a shell's history."""
        return self.connection.equivalent(f"explain {{name}} {shlex.quote(self._record)}")

    async def read(self, *, run_ended: bool) -> None:
        """Explains the contact."""
        if not run_ended:
            return
        configuration = await self.connection.configuration()
        number = self._contact

        def explained(workspace: Workspace) -> tuple[Explanation, Past]:
            from diagnostics.explain import explain

            return explain(workspace, configuration, number, prove=True), past_of(workspace, number)

        seen, past = await self.connection.reader.ask(explained, topic="explain")
        self._who = who(seen.email, seen.hubspot_id, seen.app_id)
        self._record = seen.hubspot_id or seen.app_id or "WHO"
        self._observed = configuration.mode == "observed"
        self._conflicts = await self.connection.reader.ask(lambda workspace: contact_conflicts(workspace, number))
        self.query_one(Lines).show(contact_page(seen, past))

    def why_not(self, action: str) -> str:
        """Only conflicts of a connection that Syncdoctor writes can be decided."""
        if action == "decide" and self._observed:
            return "this connection is observed; Syncdoctor never writes to it"
        if action == "decide" and not self._conflicts:
            return "this contact has no conflict"
        return super().why_not(action)

    def action_decide(self) -> None:
        """Asks which side wins this contact's conflicts."""
        if self.refused("decide"):
            return
        name, record = self.connection.name, self._record
        self.app.push_screen(
            DecideScreen(
                f"{self.crumbs()} > Decide",
                conflicts_page(len(self._conflicts), self._who, self._conflicts),
                self.connection.equivalent(f"decide {{name}} {shlex.quote(record)} --winner hubspot|app --yes"),
                lambda winner: self.launch("decide", name, record, "--winner", winner, "--yes"),
            )
        )


def contact_page(seen: Explanation, past: Past = NO_PAST) -> Page:
    """The page of an explanation."""
    style = STATE_STYLES.get(seen.state, "")
    page = Page().add((f"{sign(seen.state)} ", style), (seen.sentence, "bold"), hanging=3)
    page.add("To do: ", seen.remedy, indent=3, hanging=7)
    if seen.then:
        page.add("After that it would still be stopped by: ", ", ".join(seen.then), indent=3, hanging=7)
    if seen.change:
        _change(page, seen.change, seen.hubspot_id or seen.app_id or "WHO")
    for line in (*past.waivers, *((ALL_WAIVED,) if past.accepted else ())):
        page.add(line, indent=3, hanging=3)
    if seen.certain:
        page.add(f"{seen.certain.certainty.capitalize()}: ", " ".join(seen.certain.reasons), indent=3, hanging=7)
    page.gap()
    page.pair("e-mail", seen.email or "(none)", width=10)
    page.pair("name", seen.name or "(none)", width=10)
    page.pair("HubSpot", seen.hubspot_id or "(no record)", width=10)
    page.pair("app", seen.app_id or "(no record)", width=10)
    page.pair("pair", seen.pairing.sentence, width=10)
    if seen.membership:
        page.pair("list", seen.membership.sentence, width=10)
    _gates(page, seen.gates)
    _fields(page, seen.fields)
    if past.findings:
        page.heading("Findings through time")
    for line in past.findings:
        page.add(line, indent=2, hanging=2)
    page.heading("History")
    for line in seen.history:
        page.add(line, indent=2, hanging=2)
    if not seen.history:
        page.add("Nothing was written to it yet.", indent=2)
    return page


def _change(page: Page, change: SmallestChange, who: str) -> None:
    from diagnostics.repairs.told import by_whom, headline, hindrance, proof

    page.gap()
    page.add((headline(change), "bold"), indent=3, hanging=3)
    for number, repair in enumerate(change.repairs, 1):
        page.add(f"{number}. {repair.said(mask=False, who=who)} ({by_whom(repair.by)})", indent=5, hanging=3)
    for obstacle in change.obstacles:
        page.add(hindrance(obstacle), indent=5, hanging=3)
    if change.repairs:
        page.add(proof(change), indent=5, hanging=3)


def _gates(page: Page, gates: tuple[GateResult, ...]) -> None:
    stopped = [gate for gate in gates if gate.passed is False]
    unknown = [gate for gate in gates if gate.passed is None]
    remarks = [gate for gate in gates if gate.passed is True and gate.evidence]
    passed = [gate for gate in gates if gate.passed is True]
    page.heading("Gates")
    for gate in sorted(stopped, key=lambda one: not one.decides):
        role = "stops it here" if gate.decides else "would stop it too"
        page.add(("!! ", "bold red"), (gate.title, "bold"), f" ({gate.code}, {role})", indent=2, hanging=3)
        for line in gate.evidence:
            page.add(line, indent=7)
    for gate in unknown:
        page.add(("?? ", "cyan"), gate.title, f" ({gate.code}, could not be examined)", indent=2, hanging=3)
        for line in gate.evidence:
            page.add(line, indent=7)
    for gate in remarks:
        page.add("-- ", gate.title, f" ({gate.code}, reported only)", indent=2, hanging=3)
        for line in gate.evidence:
            page.add(line, indent=7)
    names = ", ".join(gate.code for gate in passed)
    page.add(("ok ", "green"), f"passed {len(passed)} of {len(gates)}: {names}", indent=2, hanging=3)


def _fields(page: Page, fields: tuple[FieldView, ...]) -> None:
    agreed = any(field.base_hubspot is not None for field in fields)
    shares = (15, 16, 16, 16, 15) if agreed else (17, 20, 20, 21)
    titles = ("field", "HubSpot", "app", *(("last agreed",) if agreed else ()), "would be written")
    page.heading("Fields")
    page.cells(*((title, "bold") for title in titles), shares=shares)
    for field in fields:
        note = "; ".join(part for part in (field.to_write, field.note) if part)
        base = (_value(field.base_hubspot),) if agreed else ()
        cells = (f"{field.hubspot_field}", _value(field.hubspot_value), _value(field.app_value), *base, note or "=")
        page.cells(*cells, shares=shares)
    for field in fields:
        if field.contested:
            page.add(f"{field.hubspot_field}: ", field.contested.sentence(), indent=2, hanging=2)


def _value(value: str | None) -> str:
    return "-" if value is None else value or "(empty)"
