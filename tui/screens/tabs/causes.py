"""Causes: what stops contacts, how many, and who can fix it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget

from diagnostics.unknown_refusals import CODE as UNKNOWN
from diagnostics.unknown_refusals import UnknownRefusal, unknown_refusals
from tui.actions import bindings_for
from tui.cause_texts import CauseText, cause_text
from tui.notation import STATE_STYLES, number, signed
from tui.reading.contacts import CauseRow, causes
from tui.screens.tabs.tab import Tab
from tui.widgets.lines import Note
from tui.widgets.table import Column, Row, Table

COLUMNS = (
    Column("state", 11),
    Column("contacts", 8, right=True),
    Column("also on", 8, right=True, from_width=100),
    Column("cause", 19),
    Column("who fixes it", 13),
    Column("title", 13, grow=1),
)


class CausesTab(Tab):
    """A line per cause and state. A contact counts once, at the cause that decides; `also on` counts the others."""

    BINDINGS: ClassVar = bindings_for("causes")
    PLACES: ClassVar = ("causes", "list")

    def compose(self) -> Iterable[Widget]:
        """The table."""
        yield Note("A contact counts once, at the cause that decides.", classes="head")
        yield Table(COLUMNS, empty="Nothing stops any contact, or nothing was examined yet.")

    async def reload(self) -> None:
        """Reads counts and texts."""
        rows = await self.connection.reader.ask(causes, topic="causes")
        texts = await asyncio.to_thread(lambda: {row.code: cause_text(row.code) for row in rows})
        groups = (
            await self.connection.reader.ask(unknown_refusals, topic="unknown refusals") if UNKNOWN in texts else ()
        )
        lines: list[Row] = []
        for row in rows:
            lines.append(_line(row, texts[row.code]))
            if row.code == UNKNOWN:
                lines += [_group(row, place, group) for place, group in enumerate(groups)]
        self.query_one(Table).show_rows(lines)

    def action_fixes(self) -> None:
        """Opens the ranking of repairs."""
        from tui.screens.fixes import FixesScreen

        self.app.push_screen(FixesScreen(self.connection))

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the cause's page."""
        from tui.screens.cause import CauseScreen

        event.stop()
        row = event.row.key[0] if isinstance(event.row.key, tuple) else event.row.key
        if isinstance(row, CauseRow):
            self.app.push_screen(CauseScreen(self.connection, row))


def _line(row: CauseRow, text: CauseText) -> Row:
    also = number(row.also) if row.also else ""
    cells = (signed(row.state), number(row.contacts), also, row.code, text.fixed_by, text.title)
    return Row(row, cells, STATE_STYLES.get(row.state, ""))


def _group(row: CauseRow, place: int, group: UnknownRefusal) -> Row:
    """A group of unknown refusals under its cause; it opens the cause. Its page shows the words whole."""
    ids = f" ({', '.join(group.correlation_ids)})" if group.correlation_ids else ""
    return Row(
        (row, place), ("", number(group.contacts), "", "  in these words", group.side, f"{group.signature}{ids}")
    )
