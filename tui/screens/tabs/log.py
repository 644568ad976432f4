"""Log: the runs of a connection; a run opens with its events and HTTP exchanges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget

from tui.notation import between, moment
from tui.processes import is_alive
from tui.reading.health import RunRow
from tui.reading.record import runs
from tui.screens.tabs.tab import Tab
from tui.widgets.table import Column, Row, Table

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
    COMMAND: ClassVar = "log {name}"
    LIVE: ClassVar = True

    def compose(self) -> Iterable[Widget]:
        """The table."""
        yield Table(COLUMNS, empty="No run yet.")

    async def reload(self) -> None:
        """Reads the runs."""
        seen = await self.connection.reader.ask(runs, topic="runs")
        self.query_one(Table).show_rows([_row(run) for run in seen])

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the run."""
        from tui.screens.run import RunScreen

        event.stop()
        if isinstance(event.row.key, int):
            self.app.push_screen(RunScreen(self.connection, event.row.key))


def _row(run: RunRow) -> Row:
    gone = run.running and not is_alive(run)
    sign, style = ("!!", "bold red") if gone else SIGNS.get(run.state, ("??", ""))
    state = "cut off" if gone else run.state
    code = "" if run.exit_code is None else str(run.exit_code)
    took = between(run.started_at, run.ended_at)
    said = f"its process is gone, in phase {run.phase or 'start'}" if gone else run.message or run.phase
    cells = (str(run.id), f"{sign} {state}", run.command, moment(run.started_at), took, code, said)
    return Row(run.id, cells, style)
