"""One run: its events and HTTP exchanges in the order of time, followed while it works."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget

from tui.actions import bindings_for
from tui.notation import clock
from tui.open_connection import OpenConnection
from tui.processes import is_alive
from tui.progress import run_line
from tui.reading.record import one_run, open_run_log, run_log_page
from tui.screens.connection_frame import ConnectionFrame
from tui.widgets.lines import Note
from tui.widgets.table import Column, Row, Table

COLUMNS = (Column("time UTC", 8), Column("what", 18), Column("", 30, grow=1))
_LEVELS = {"error": ("!!", "bold red"), "warning": ("! ", "yellow"), "http-error": ("!!", "bold red")}


class RunScreen(ConnectionFrame):
    """Stays at the newest line as long as the cursor is there."""

    BINDINGS: ClassVar = bindings_for("run")
    PLACES: ClassVar = ("run", "connection", "page")

    def __init__(self, connection: OpenConnection, run_id: int) -> None:
        super().__init__(connection)
        self._run_id = run_id
        self._opened = False
        self._following = False

    def compose_body(self) -> Iterable[Widget]:
        """How it went, and the lines."""
        yield Note(id="run")
        yield Table(COLUMNS, empty="This run has logged nothing.", id="body")

    def crumbs(self) -> str:
        """Connection and run."""
        follow = " (following)" if self._following else ""
        return f"Syncdoctor > {self.connection.name} > Log > run {self._run_id}{follow}"

    def equivalent(self) -> str:
        """The same in a shell."""
        return self.connection.equivalent(f"log {{name}} --run {self._run_id}")

    async def read(self, *, run_ended: bool) -> None:
        """Reads the run and its lines."""
        del run_ended
        number = self._run_id
        run, count = await self.connection.reader.ask(
            lambda workspace: (one_run(workspace, number), open_run_log(workspace, number)), topic="log"
        )
        if run is None:
            return
        self.query_one("#run", Note).say(run_line(run, gone=run.running and not is_alive(run)))
        table = self.query_one(Table)
        if not self._opened:
            self._opened, self._following = True, run.running
        position = count - 1 if self._following else table.cursor
        table.show_query(count, self._fetch, position)

    async def _fetch(self, first: int, limit: int) -> Sequence[Row]:
        lines = await self.connection.reader.ask(lambda workspace: run_log_page(workspace, first, limit))
        rows = []
        for index, line in enumerate(lines, first):
            sign, style = _LEVELS.get(line.level, ("  ", ""))
            rows.append(Row(index, (clock(line.at), f"{sign} {line.code}", line.text), style))
        return rows

    def action_follow(self) -> None:
        """On or off; on goes to the newest line."""
        self._following = not self._following
        if self._following:
            self.query_one(Table).action_to(-1)
        self.draw_frame()
