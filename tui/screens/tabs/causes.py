"""Causes: what stops contacts, how many, and who can fix it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget

from tui.cause_texts import cause_text
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

    PLACES: ClassVar = ("causes", "list")

    def compose(self) -> Iterable[Widget]:
        """The table."""
        yield Note("A contact counts once, at the cause that decides.", classes="head")
        yield Table(COLUMNS, empty="Nothing stops any contact, or nothing was examined yet.")

    async def reload(self) -> None:
        """Reads counts and texts."""
        rows = await self.connection.reader.ask(causes, topic="causes")
        texts = await asyncio.to_thread(lambda: {row.code: cause_text(row.code) for row in rows})
        self.query_one(Table).show_rows(
            [
                Row(
                    row,
                    (
                        signed(row.state),
                        number(row.contacts),
                        number(row.also) if row.also else "",
                        row.code,
                        texts[row.code].fixed_by,
                        texts[row.code].title,
                    ),
                    STATE_STYLES.get(row.state, ""),
                )
                for row in rows
            ]
        )

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the cause's page."""
        from tui.screens.cause import CauseScreen

        event.stop()
        if isinstance(event.row.key, CauseRow):
            self.app.push_screen(CauseScreen(self.connection, event.row.key))
