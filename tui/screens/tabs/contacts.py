"""Contacts: every contact with its verdict, filtered as one types, paged from the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from engine.workspace import Workspace
from tui.actions import bindings_for
from tui.notation import STATE_ORDER, STATE_STYLES, number, plural, signed
from tui.open_connection import OpenConnection
from tui.reading.contacts import (
    ContactFilter,
    ContactRow,
    Window,
    causes,
    contact_page,
    contact_position,
    open_contacts,
)
from tui.screens.tabs.tab import Tab
from tui.widgets.background import in_background
from tui.widgets.bars import Bar
from tui.widgets.lines import Note
from tui.widgets.table import Column, Row, Table

COLUMNS = (
    Column("state", 11),
    Column("e-mail", 25, grow=3),
    Column("name", 19, grow=2),
    Column("cause", 19, grow=1),
    Column("HubSpot id", 14, from_width=110),
    Column("app id", 32, from_width=140),
)


class ContactsTab(Tab):
    """A table that holds no rows. `/` or any free letter opens the filter line."""

    PLACES: ClassVar = ("contacts", "list")
    BINDINGS: ClassVar = [*bindings_for("contacts"), Binding("escape", "leave_filter", show=False)]

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__(connection)
        self.wanted = ContactFilter()
        self.window = Window(0, 0)

    def compose(self) -> Iterable[Widget]:
        """What is shown, the line to type in, the table."""
        yield Bar(id="summary")
        with Horizontal(id="filter_line", classes="hidden"):
            yield Note("find: ", id="filter_label")
            field = Input(placeholder="", id="filter", select_on_focus=False)
            field.cursor_blink = False
            yield field
        yield Table(COLUMNS, empty="No contact fits this filter. a shows all.")

    async def reload(self) -> None:
        """Asks anew, with the same filter and the cursor on the same contact."""
        table = self.query_one(Table)
        wanted, at = self.wanted, table.selected
        table.expect()

        def opened(workspace: Workspace) -> tuple[Window, int]:
            window = open_contacts(workspace, wanted)
            position = contact_position(workspace, at.key) if at is not None and isinstance(at.key, int) else None
            return window, position or 0

        self.window, position = await self.connection.reader.ask(opened, topic="contacts")
        table.show_query(self.window.hits, self._fetch, position)
        self._summarise()

    async def _fetch(self, first: int, limit: int) -> Sequence[Row]:
        rows = await self.connection.reader.ask(lambda workspace: contact_page(workspace, first, limit))
        return [contact_row(row) for row in rows]

    def equivalent(self) -> str:
        """The check that lists the same."""
        return self.connection.equivalent("check {name} --contacts FILE.csv")

    def _summarise(self) -> None:
        parts = [f"{number(self.window.hits)} of {plural(self.window.of, 'contact')}"]
        parts += [f"state {signed(self.wanted.state)}"] if self.wanted.state else []
        parts += (
            [f"cause {self.wanted.cause or self.wanted.finding}"] if self.wanted.cause or self.wanted.finding else []
        )
        parts += [f"text {self.wanted.text}"] if self.wanted.text else []
        self.query_one("#summary", Bar).say("   ".join(parts))

    def filter_by(self, wanted: ContactFilter) -> None:
        """Shows other contacts."""
        self.wanted = wanted
        self.query_one(Table).expect()
        in_background(self.frame, self._ask, group="contacts", exclusive=True)

    async def _ask(self) -> None:
        await self.frame.guarded(self.reload)

    def start_typing(self, text: str = "") -> None:
        """Opens the filter line for a new search: with this text and nothing of the last one."""
        self.query_one("#filter_line").remove_class("hidden")
        field = self.query_one("#filter", Input)
        field.focus()
        field.value = text
        field.cursor_position = len(text)

    def on_key(self, event: events.Key) -> None:
        """A printable key that means nothing else starts the filter."""
        typing = self.query_one("#filter", Input).has_focus
        if not typing and event.is_printable and event.character and event.key not in self.screen.active_bindings:
            event.stop()
            self.start_typing(event.character)

    @on(Input.Changed, "#filter")
    def typed(self, event: Input.Changed) -> None:
        """Filters as one types."""
        event.stop()
        self.filter_by(self.wanted.with_text(event.value.strip()))

    @on(Input.Submitted, "#filter")
    def settled(self, event: Input.Submitted) -> None:
        """Enter goes to the hits; a second one that came before the table had the keys opens the selected hit."""
        event.stop()
        table = self.query_one(Table)
        if table.has_focus:
            table.action_open()
        table.focus()

    def action_leave_filter(self) -> None:
        """Esc clears the text first, then goes back."""
        field = self.query_one("#filter", Input)
        if not field.has_focus and not self.wanted.text:
            self.frame.action_back()
            return
        field.value = ""
        self.query_one("#filter_line").add_class("hidden")
        self.query_one(Table).focus()

    def action_next_state(self) -> None:
        """All, then one state after the other."""
        order = ("", *STATE_ORDER)
        state = order[(order.index(self.wanted.state) + 1) % len(order)]
        self.filter_by(replace(self.wanted, state=state, cause="", finding=""))

    def action_next_cause(self) -> None:
        """All, then one cause after the other, the most important first."""
        in_background(self.frame, self._step_cause, group="cause", exclusive=True)

    async def _step_cause(self) -> None:
        rows = await self.connection.reader.ask(causes)
        order = ["", *dict.fromkeys(row.code for row in rows if row.contacts)]
        at = order.index(self.wanted.cause) if self.wanted.cause in order else 0
        self.filter_by(replace(self.wanted, cause=order[(at + 1) % len(order)], finding="", state=""))

    def action_clear_filter(self) -> None:
        """Takes every filter off."""
        field = self.query_one("#filter", Input)
        with field.prevent(Input.Changed):
            field.value = ""
        self.query_one("#filter_line").add_class("hidden")
        self.query_one(Table).focus()
        self.filter_by(ContactFilter())

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens the contact's page."""
        from tui.screens.contact import ContactScreen

        event.stop()
        if isinstance(event.row.key, int):
            self.app.push_screen(ContactScreen(self.connection, event.row.key))


def contact_row(row: ContactRow) -> Row:
    """A contact as a line of the table."""
    email = row.email or "(no e-mail)"
    cells = (signed(row.state), email, row.name, row.cause, row.hubspot_id, row.app_id)
    return Row(row.id, cells, STATE_STYLES.get(row.state, ""))
