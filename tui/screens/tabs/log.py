"""Log: the runs of a connection; a run opens with its events and HTTP exchanges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.widget import Widget

from tui.actions import bindings_for
from tui.notation import between, moment, plural
from tui.processes import is_alive
from tui.reading.health import RunRow
from tui.reading.record import runs
from tui.reading.undo import UNDO_WHY, undo_preview, wrote_nothing
from tui.screens.confirm import ConfirmScreen
from tui.screens.tabs.tab import Tab
from tui.widgets.background import in_background
from tui.widgets.lines import Page
from tui.widgets.table import Column, Row, Table

if TYPE_CHECKING:
    from engine.undo import UndoPlan

COLUMNS = (
    Column("run", 4, right=True),
    Column("state", 12),
    Column("command", 8),
    Column("started", 20),
    Column("took", 11),
    Column("exit", 4, right=True),
    Column("what it said", 6, grow=1),
)
SIGNS = {
    "done": ("ok", ""),
    "running": ("..", "yellow"),
    "stopped": ("--", ""),
    "failed": ("!!", "bold red"),
    "abandoned": ("!!", "bold red"),
}


class LogTab(Tab):
    """The newest run on top."""

    PLACES: ClassVar = ("log", "list")
    BINDINGS: ClassVar = bindings_for("log")
    COMMAND: ClassVar = "log {name}"
    LIVE: ClassVar = True

    def compose(self) -> Iterable[Widget]:
        """The table."""
        yield Table(COLUMNS, empty="No run yet.")

    async def reload(self) -> None:
        """Reads the runs."""
        seen = await self.connection.reader.ask(runs, topic="runs")
        self.query_one(Table).show_rows([_row(run) for run in seen])

    def action_undo(self) -> None:
        """Shows how the selected run would be taken back, then asks for the number of records to be typed."""
        row = self.query_one(Table).selected
        if row is None or not isinstance(row.key, int) or self.frame.refused("undo"):
            return
        in_background(self, partial(self.frame.guarded, partial(self._ask, row.key)), group="undo", exclusive=True)

    async def _ask(self, number: int) -> None:
        configuration = await self.connection.configuration()
        if configuration.mode == "observed":
            self.frame.say("not now: this connection is observed; Syncdoctor never writes to it")
            return
        reason = await self.connection.reader.ask(lambda workspace: wrote_nothing(workspace, number))
        if reason:
            self.frame.say(f"not now: {reason}")
            return
        plan = await self.connection.reader.ask(lambda workspace: undo_preview(workspace, configuration, number))
        if not plan.operations:
            self.frame.say(f"nothing of run {number} is left to undo{_reasons(plan)}")
            return
        name, frame = self.connection.name, self.frame
        self.app.push_screen(
            ConfirmScreen(
                f"Syncdoctor > {name} > Undo run {number}",
                undo_page(plan),
                str(len(plan.operations)),
                self.connection.equivalent(f"undo {{name}} {number} --yes"),
                lambda: frame.launch("undo", name, str(number), "--yes"),
            )
        )

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the run."""
        from tui.screens.run import RunScreen

        event.stop()
        if isinstance(event.row.key, int):
            self.app.push_screen(RunScreen(self.connection, event.row.key))


def undo_page(plan: UndoPlan) -> Page:
    """What an undo would take back, what it cannot, and what comes of it."""
    records, fields = plural(len(plan.operations), "record"), plural(plan.fields, "field")
    page = Page().add((f"Undoing run {plan.run} would take back {fields} of {records}:", "bold")).gap()
    for side, title in (("hubspot", "HubSpot"), ("app", "app")):
        here = [op for op in plan.operations if op.side == side]
        if here:
            values = plural(sum(len(op.values) for op in here), "value")
            page.add(f"{plural(len(here), 'record')} in {title}: {values}", indent=2, hanging=2)
    for why, number in Counter(one.why for one in plan.left).most_common():
        page.add(f"not undone: {number:,}, {UNDO_WHY[why]}", indent=2, hanging=2)
    page.gap().add(
        "The other side keeps the newer values. The fields become conflicts: no sync writes them again or carries the old "
        "values over until somebody decides or changes one of them.",
        indent=2,
    )
    page.add("The undo reads both sides again first; what somebody changed since stays.", indent=2)
    return page


def _reasons(plan: UndoPlan) -> str:
    counts = Counter(one.why for one in plan.left).most_common()
    return ": " + "; ".join(f"{number:,}, {UNDO_WHY[why]}" for why, number in counts) if counts else ""


def _row(run: RunRow) -> Row:
    gone = run.running and not is_alive(run)
    sign, style = ("!!", "bold red") if gone else SIGNS.get(run.state, ("??", ""))
    state = "cut off" if gone else run.state
    code = "" if run.exit_code is None else str(run.exit_code)
    took = between(run.started_at, run.ended_at)
    said = (
        f"its process is gone, in phase {run.phase or 'start'}"
        if gone
        else run.message or (run.phase if run.running else "")
    )
    cells = (str(run.id), f"{sign} {state}", run.command, moment(run.started_at), took, code, said)
    return Row(run.id, cells, style)
