"""A connection with its seven tabs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on
from textual.containers import Container
from textual.widget import Widget

from tui.actions import bindings_for
from tui.open_connection import OpenConnection
from tui.reading.contacts import ContactFilter
from tui.screens.connection_frame import ConnectionFrame
from tui.screens.tabs.causes import CausesTab
from tui.screens.tabs.contacts import ContactsTab
from tui.screens.tabs.log import LogTab
from tui.screens.tabs.overview import OverviewTab
from tui.screens.tabs.plan import PlanTab
from tui.screens.tabs.report import ReportTab
from tui.screens.tabs.tab import Tab
from tui.screens.tabs.verify import VerifyTab
from tui.widgets.background import in_background
from tui.widgets.bars import TABS, TabBar

_TABS: dict[str, type[Tab]] = {
    "overview": OverviewTab,
    "contacts": ContactsTab,
    "causes": CausesTab,
    "plan": PlanTab,
    "verify": VerifyTab,
    "log": LogTab,
    "report": ReportTab,
}


class ConnectionScreen(ConnectionFrame):
    """The tabs are mounted when they are first shown; only the one that is shown is kept up to date."""

    BINDINGS: ClassVar = bindings_for("tabs")

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__(connection)
        self._current = "overview"
        self._before = "overview"
        self._tabs: dict[str, Tab] = {}
        self._stale: set[str] = set()

    def compose_body(self) -> Iterable[Widget]:
        """The tab bar and room for one tab."""
        yield TabBar(id="tabs")
        with Container(id="body"):
            for name in ("overview", "contacts"):
                self._tabs[name] = _TABS[name](self.connection)
                self._tabs[name].set_class(name != self._current, "hidden")
                self._stale.add(name)
                yield self._tabs[name]

    def crumbs(self) -> str:
        """Connection and tab."""
        title = dict(TABS)[self._current]
        tab = self._tabs.get(self._current)
        where = tab.where() if tab is not None else ""
        return f"Syncdoctor > {self.connection.name} > {title}{where}"

    def equivalent(self) -> str:
        """The current tab's command."""
        tab = self._tabs.get(self._current)
        return tab.equivalent() if tab is not None else self.connection.equivalent("check {name}")

    def places(self) -> tuple[str, ...]:
        """The current tab's keys come first."""
        return (*_TABS[self._current].PLACES, "connection", "tabs", "page")

    def why_not(self, action: str) -> str:
        """Asks the tab too."""
        tab = self._tabs.get(self._current)
        return super().why_not(action) or (tab.why_not(action) if tab is not None else "")

    async def read(self, *, run_ended: bool) -> None:
        """Reads the current tab again; the others when they are shown."""
        self._stale = set(self._tabs)
        tab = await self._mounted(self._current)
        if run_ended or tab.LIVE or self._current not in self._tabs:
            self._stale.discard(self._current)
            await tab.reload()

    async def _mounted(self, name: str) -> Tab:
        if name not in self._tabs:
            tab = _TABS[name](self.connection)
            self._tabs[name] = tab
            self._stale.add(name)
            await self.query_one("#body").mount(tab)
        self._uncover_tab(self._current)
        return self._tabs[name]

    def _uncover_tab(self, name: str) -> None:
        for other, tab in self._tabs.items():
            tab.set_class(other != name, "hidden")

    async def _show(self, name: str, *, typing: bool = False, wanted: ContactFilter | None = None) -> None:
        tab = await self._mounted(name)
        self.draw_frame()
        if self.query_one("#body").has_class("hidden"):
            return
        if not typing:
            widget = tab.takes_keys()
            if widget is not None:
                widget.focus()
        if isinstance(tab, ContactsTab) and wanted is not None:
            tab.action_clear_filter()
            tab.filter_by(wanted)
            self._stale.discard(name)
        if name in self._stale:
            self._stale.discard(name)
            await tab.reload()
        self.draw_frame()

    def action_tab(self, name: str) -> None:
        """Shows a tab."""
        self.go_to(name)

    def go_to(self, name: str, *, typing: bool = False, wanted: ContactFilter | None = None) -> None:
        """Shows a tab; the contacts with the filter line open, or filtered."""
        if name != self._current:
            self._before, self._current = self._current, name
        self.query_one(TabBar).choose(name)
        contacts = self._tabs["contacts"]
        if name == "contacts" and typing and isinstance(contacts, ContactsTab):
            # at once: the next key may already be waiting
            self._uncover_tab(name)
            contacts.start_typing()
        in_background(
            self,
            partial(self.guarded, partial(self._show, name, typing=typing, wanted=wanted)),
            group="tab",
            exclusive=True,
        )

    def find(self) -> None:
        """Opens the contacts' filter line."""
        self.go_to("contacts", typing=True)

    def action_last_tab(self) -> None:
        """The tab shown before."""
        self.go_to(self._before)

    def action_next_tab(self) -> None:
        """The tab to the right."""
        self._step(1)

    def action_previous_tab(self) -> None:
        """The tab to the left."""
        self._step(-1)

    def _step(self, by: int) -> None:
        names = [name for name, _ in TABS]
        self.go_to(names[(names.index(self._current) + by) % len(names)])

    @on(TabBar.Chosen)
    def chosen(self, event: TabBar.Chosen) -> None:
        """A click on a tab."""
        self.go_to(event.tab)

    def on_unmount(self) -> None:
        """Leaving the connection closes its file; a run goes on."""
        self.connection.close()
