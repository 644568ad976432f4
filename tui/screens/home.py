"""Home: the connections and how they fare."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget

from tui.actions import bindings_for
from tui.home import Home
from tui.notation import SIGNS, STATE_ORDER, moment, number, plural
from tui.open_connection import Now, OpenConnection, equivalent
from tui.processes import STOP_ASKED, Launched, Start, is_alive, stop
from tui.progress import progress_line
from tui.reading.connections import KnownConnection, known_connection
from tui.reading.health import file_trace
from tui.screens.connection import ConnectionScreen
from tui.screens.frame import Frame
from tui.widgets.background import in_background
from tui.widgets.lines import Lines, Page
from tui.widgets.table import Column, Row, Table

LOOK_SECONDS = 1.0
COLUMNS = (Column("connection", 16), Column("contacts by state", 40, grow=1), Column("last check", 20))
LEGEND = "   ".join(f"{SIGNS[state]} {state}" for state in STATE_ORDER)


class HomeScreen(Frame):
    """A line per connection; Enter opens it. Files are looked at once a second, read only when they changed."""

    BINDINGS: ClassVar = bindings_for("home")
    PLACES: ClassVar = ("home", "list")

    def __init__(self, home: Home, start: Start, now: Now) -> None:
        super().__init__()
        self._home, self._start, self._now = home, start, now
        self._known: dict[str, KnownConnection] = {}
        self._trace: object = None
        self._seconds = 0
        self._launched: dict[str, Launched] = {}

    def compose_body(self) -> Iterable[Widget]:
        """The connections, or what to type where there are none."""
        yield Table(COLUMNS, id="body")
        yield Lines(id="nothing")

    def crumbs(self) -> str:
        """The program."""
        return "Syncdoctor"

    def equivalent(self) -> str:
        """The list as a command."""
        return equivalent(self._home, "connections")

    def idle_status(self) -> str:
        """A run at work on the selected connection, else what the signs mean."""
        known = self._selected()
        run = known.health.active if known is not None else None
        return progress_line(run, self._now()) if run is not None and is_alive(run) else LEGEND

    def why_not(self, action: str) -> str:
        """Nothing can be checked where there is nothing."""
        known = self._selected()
        run = known.health.active if known is not None else None
        if action in {"check", "open"} and known is None:
            return "there is no connection yet"
        if action == "check" and run is not None and is_alive(run):
            return f"{run.command} is at work; x stops it"
        starting = self._launched[known.name].starting if known is not None and known.name in self._launched else ""
        if action == "check" and starting:
            return f"{starting} is starting; x stops it"
        if action == "stop" and (run is None or not is_alive(run)) and not starting:
            return "no run is at work on this connection"
        return ""

    def on_mount(self) -> None:
        """Draws first, reads afterwards."""
        self.query_one("#nothing").add_class("hidden")
        self.query_one(Table).show_rows([Row(name, (name, "…", "")) for name in self._home.names()])
        self.set_interval(LOOK_SECONDS, self.look)
        self.call_after_refresh(self.look)

    def on_screen_resume(self) -> None:
        """Looks at once after coming back."""
        self.look()

    def look(self) -> None:
        """Reads again what changed."""
        if self.app.screen is not self:
            return
        for launched in self._launched.values():
            message = launched.child_ended()
            if message:
                self.say(message)
        trace = tuple(
            (
                name,
                self._at_work(name),
                *file_trace(self._home.connection(name)),
                *file_trace(self._home.workspace(name)),
            )
            for name in self._home.names()
        )
        if trace != self._trace:
            self._trace = trace
            in_background(self, self._read, group="home", exclusive=True)

    def _at_work(self, name: str) -> bool:
        """Whether a run is at work. A process that was killed leaves the files as they are."""
        run = self._known[name].health.active if name in self._known else None
        return run is not None and is_alive(run)

    async def _read(self) -> None:
        names = self._home.names()
        known = [await asyncio.to_thread(known_connection, self._home, name) for name in names]
        self._known = {one.name: one for one in known}
        for name, launched in self._launched.items():
            asked = launched.stop_if_wanted(self._known[name].health.active) if name in self._known else ""
            if asked:
                self.say(asked)
        self.query_one(Table).show_rows([connection_row(one) for one in known])
        self.query_one(Table).set_class(not known, "hidden")
        self.query_one("#nothing").set_class(bool(known), "hidden")
        if not known:
            self.query_one("#nothing", Lines).show(empty_page(self._home))
            self.query_one("#nothing").focus()
        elif self.focused is None or self.focused.id == "nothing":
            self.query_one(Table).focus()
        self.draw_frame()

    def _selected(self) -> KnownConnection | None:
        row = self.query_one(Table).selected
        return self._known.get(str(row.key)) if row is not None else None

    @on(Table.Opened)
    def opened(self, event: Table.Opened) -> None:
        """Opens a connection."""
        self.open_connection(str(event.row.key))

    def open_connection(self, name: str) -> None:
        """Opens a connection by name."""
        self.app.push_screen(ConnectionScreen(self._connection(name)))

    def _connection(self, name: str) -> OpenConnection:
        launched = self._launched.setdefault(name, Launched())
        return OpenConnection(self._home, name, self._start, self._now, launched)

    def action_check(self) -> None:
        """Examines the selected connection in the background."""
        row = self.query_one(Table).selected
        if self.refused("check") or row is None:
            return
        name = str(row.key)
        self.say(self._connection(name).launch("check", name))

    def action_stop(self) -> None:
        """Asks the selected connection's run to stop."""
        known = self._selected()
        if self.refused("stop") or known is None:
            return
        run = known.health.active
        at_work = run is not None and is_alive(run)
        self.say(stop(run) or STOP_ASKED if run is not None and at_work else self._launched[known.name].want_stop())

    def on_unmount(self) -> None:
        """A stop that could not be sent yet is sent on leaving."""
        for launched in self._launched.values():
            launched.stop_unheard()

    def action_leave(self) -> None:
        """Leaves the console."""
        self.app.exit(0)


def connection_row(known: KnownConnection) -> Row:
    """A connection as a line: what needs attention first."""
    if known.problem:
        return Row(known.name, (known.name, f"!! {known.problem}", ""), "bold red")
    if not known.examined or known.health.check is None:
        what = "not examined yet: n checks it"
        active = known.health.active
        if active is not None and is_alive(active):
            what = f".. {active.command} is at work: {active.phase}"
        elif active is not None:
            what = f"!! {active.command} was cut off: n checks it"
        return Row(known.name, (known.name, what, ""))
    counts = known.health.check.counts
    parts = []
    if known.health.in_doubt:
        parts.append(f"?? {plural(known.health.in_doubt, 'write')} in doubt")
    if known.health.halted_release:
        parts.append("!! release halted")
    active = known.health.active
    if active is not None:
        parts.append(f".. {active.command} at work" if is_alive(active) else f"!! {active.command} cut off")
    order = ("failing", "conflict", "unknown", "pending", "excluded", "in_sync")
    parts += [f"{SIGNS[state]} {number(counts[state])}" for state in order if counts.get(state)]
    return Row(known.name, (known.name, "  ".join(parts), moment(known.health.check.at)))


def empty_page(home: Home) -> Page:
    """What to type where there is no connection yet."""
    page = Page().add(("There is no connection yet.", "bold")).gap()
    page.add("Leave with q and type one of these:", indent=2).gap()
    page.pair("try it out", "syncdoctor demo", width=14)
    page.add("a practice portal with invented people; nothing leaves this machine", indent=16)
    page.pair("set one up", "syncdoctor connect FILE.toml", width=14)
    page.add("a connection file: goals, both sides, which contacts, which fields", indent=16)
    page.gap().add(f"Connections are kept in {home.connections}", indent=2, hanging=2)
    return page
