"""Plan: what a sync would write, value by value, and the conflicts that it would leave."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.widget import Widget

from tui.actions import bindings_for
from tui.notation import plural
from tui.open_connection import OpenConnection
from tui.reading.conflicts import field_conflicts
from tui.reading.plan import PlanRow, PlanSummary, beyond, open_plan, plan_page
from tui.reading.record import who
from tui.screens.confirm import ConfirmScreen
from tui.screens.decide import DecideScreen, conflicts_page
from tui.screens.tabs.tab import Tab
from tui.widgets.background import in_background
from tui.widgets.lines import Note, Page
from tui.widgets.table import Column, Row, Table

COLUMNS = (
    Column("to", 10),
    Column("e-mail", 22, grow=2),
    Column("field", 13),
    Column("now", 14, grow=2),
    Column("then", 15, grow=2),
)
SIDES = {"hubspot": "HubSpot", "app": "app"}


class PlanTab(Tab):
    """Counts on top, the values below; nothing is written without a typed number."""

    PLACES: ClassVar = ("plan", "list")
    BINDINGS: ClassVar = bindings_for("plan")
    COMMAND: ClassVar = "plan {name}"

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__(connection)
        self.plan = PlanSummary((), 0, 0)
        self._observed = False
        self._brakes: tuple[str, ...] = ()

    def compose(self) -> Iterable[Widget]:
        """The counts and the table."""
        yield Note(id="plan_counts", classes="head")
        yield Table(COLUMNS, empty="Nothing would be written.")

    async def reload(self) -> None:
        """Counts anew and opens the list."""
        configuration = await self.connection.configuration()
        self._observed = configuration.mode == "observed"
        self.plan = await self.connection.reader.ask(open_plan, topic="plan")
        self._brakes = tuple(one.what for one in beyond(self.plan, configuration.brakes))
        self.query_one(Table).show_query(self.plan.rows, self._fetch)
        lines = plan_lines(self.plan)
        if not self._observed:
            lines += [f"!! {brake}: a sync will refuse to write" for brake in self._brakes]
        if self.plan.writes and self.plan.first and not self._observed:
            lines.append("The first sync is written in stages: 1 contact, 10, a tenth, all.")
        if self._observed:
            lines.append(
                "This connection is observed: this is what would have to flow. Another engine writes, Syncdoctor only reads."
            )
        self.query_one("#plan_counts", Note).say("\n".join(lines))

    async def _fetch(self, first: int, limit: int) -> Sequence[Row]:
        rows = await self.connection.reader.ask(lambda workspace: plan_page(workspace, first, limit))
        return [plan_row(row) for row in rows]

    def why_not(self, action: str) -> str:
        """Why nothing can be written now."""
        if action not in {"sync", "sync_staged", "decide"}:
            return ""
        if self._observed:
            return "this connection is observed; Syncdoctor never writes to it"
        if action == "decide":
            return "" if self.plan.conflicts else "there is no conflict"
        return "" if self.plan.writes else "the plan holds no write"

    def action_sync(self) -> None:
        """Asks for the number of writes to be typed, then starts the sync."""
        if not self.frame.refused("sync"):
            self._ask()

    def action_sync_staged(self) -> None:
        """The same in stages."""
        if not self.frame.refused("sync_staged"):
            self._ask("--staged")

    def _ask(self, *how: str) -> None:
        name = self.connection.name
        page = Page().add((f"{plural(self.plan.writes, 'record')} would be written for {name}:", "bold")).gap()
        for line in plan_lines(self.plan):
            page.add(line, indent=2, hanging=2)
        for brake in self._brakes:
            page.add((f"!! {brake}: the sync will stop before its first write.", "bold red"), indent=2, hanging=3)
        page.gap().add(
            "The sync reads both sides again first and writes what the plan holds then. What stood there before is kept in "
            "the workspace's journal.",
            indent=2,
        )
        if how or self.plan.first:
            page.add(_stages(self.plan), indent=2)
        words = (*how, "--yes")
        command = self.connection.equivalent(f"sync {{name}} {' '.join(words)}")
        frame = self.frame
        self.app.push_screen(
            ConfirmScreen(
                f"Syncdoctor > {name} > Sync",
                page,
                str(self.plan.writes),
                command,
                lambda: frame.launch("sync", name, *words),
            )
        )

    def action_decide(self) -> None:
        """Asks which side wins all conflicts of the selected line's field."""
        if self.frame.refused("decide"):
            return
        row = self.query_one(Table).selected
        if row is None or not isinstance(row.key, tuple) or row.key[1]:
            self.frame.say("not now: choose a conflict first; they are the first lines")
            return
        in_background(self, partial(self.frame.guarded, partial(self._ask_winner, str(row.key[2]))), group="decide")

    async def _ask_winner(self, field: str) -> None:
        number, examples = await self.connection.reader.ask(lambda workspace: field_conflicts(workspace, field))
        name, frame = self.connection.name, self.frame
        self.app.push_screen(
            DecideScreen(
                f"Syncdoctor > {name} > Decide all of {field}",
                conflicts_page(number, field, examples, by_field=False),
                self.connection.equivalent(
                    f"decide {{name}} --field {shlex.quote(field)} --all --winner hubspot|app --yes"
                ),
                lambda winner: frame.launch("decide", name, "--field", field, "--all", "--winner", winner, "--yes"),
            )
        )

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the contact's page."""
        from tui.screens.contact import ContactScreen

        event.stop()
        if isinstance(event.row.key, tuple):
            self.app.push_screen(ContactScreen(self.connection, event.row.key[0]))


def plan_lines(plan: PlanSummary) -> list[str]:
    """The plan in numbers, a line per side and kind."""
    lines = []
    for group in plan.groups:
        clears = f", {plural(group.clears, 'value')} cleared" if group.clears else ""
        verb = "created" if group.kind == "create" else "updated"
        lines.append(
            f"{plural(group.records, 'contact')} {verb} in {SIDES.get(group.side, group.side)}: {plural(group.values, 'value')}{clears}"
        )
    if plan.conflicts:
        lines.append(f"{plural(plan.conflicts, 'field')} in conflict, left as they are on both sides")
    return lines or ["Nothing would be written: both sides agree, or every difference is stopped by a cause."]


def _stages(plan: PlanSummary) -> str:
    from engine.release import sizes

    stages = ", then ".join(f"{size:,}" for size in sizes(plan.contacts))
    first = "No sync of this connection went through yet, so it is written in stages. " if plan.first else ""
    return (
        f"{first}Contacts per stage: {stages}. It halts where more comes out otherwise than the connection tolerates."
    )


def plan_row(row: PlanRow) -> Row:
    """A value as a line of the table."""
    whose = who(row.email, row.hubspot_id, row.app_id)
    if row.kind == "conflict":
        cells = ("<> both", whose, row.field, f"HubSpot: {row.before}", f"app: {row.value}")
        return Row((row.contact, row.side, row.field), cells, "bold magenta")
    sign = "+" if row.kind == "create" else "~"
    cells = (
        f"{sign} {SIDES.get(row.side, row.side)}",
        whose,
        row.field,
        row.before or "(empty)",
        row.value or "(cleared)",
    )
    return Row((row.contact, row.side, row.field), cells)
