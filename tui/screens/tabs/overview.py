"""Overview: the six counts with their trend, the last run, what concerns the whole connection, both accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget

from tui.notation import STATE_MEANINGS, STATE_ORDER, STATE_STYLES, bars, change, moment, number, plural, signed
from tui.open_connection import OpenConnection
from tui.processes import is_alive
from tui.progress import run_line
from tui.reading.health import Overview, overview
from tui.screens.tabs.tab import Tab
from tui.widgets.lines import Lines, Page

ROOMY = (120, 38)
"""Columns and lines of the tab from which on a plot takes no room away from the page."""
_SIDES = {"hubspot": "HubSpot", "app": "App", "list": "List"}


class OverviewTab(Tab):
    """One page. The states are never added up beyond the population: excluded and failing are different things."""

    PLACES: ClassVar = ("overview",)

    def compose(self) -> Iterable[Widget]:
        """A page that scrolls."""
        yield Lines()

    async def reload(self) -> None:
        """Reads small tables only."""
        seen = await self.connection.reader.ask(overview, topic="overview")
        configuration = await self.connection.configuration()
        line = f"{configuration.mode}, {configuration.sync.direction.replace('_', ' ')}"
        self.query_one(Lines).show(overview_page(seen, line, self.connection))
        await self._plot(seen)

    async def _plot(self, seen: Overview) -> None:
        """With room for it, the trend is a plot too."""
        width, height = ROOMY
        if self.size.width < width or self.size.height < height or len(seen.trend) < 2:
            await self.query("#plot").remove()
            return
        from tui.widgets.trend import TrendPlot

        if not self.query("#plot"):
            await self.mount(TrendPlot(id="plot"))
        self.query_one("#plot", TrendPlot).show(seen.trend)


def overview_page(seen: Overview, mode: str, connection: OpenConnection) -> Page:
    """The page of an overview."""
    page = Page()
    check = seen.health.check
    if check is None:
        page.heading("No check has finished yet")
        page.add(f"n examines both sides ({connection.equivalent('check {name}').removeprefix('= ')}).", indent=2)
    else:
        page.heading(f"{plural(sum(check.counts.values()), 'contact')} at {moment(check.at)}")
        for state in STATE_ORDER:
            values = [one.counts.get(state, 0) for one in seen.trend]
            trend = f"{bars(values)} {change(values):<6}"
            page.add(
                (f"{signed(state):<12}", STATE_STYLES[state]),
                f"{number(values[-1]):>9}  {trend}  ",
                (_meaning(state, seen), "dim"),
                indent=2,
                hanging=24,
            )
        if seen.certainty:
            levels = ", ".join(
                f"{number(seen.certainty[level])} {level}" for level in ("certain", "likely", "possible")
            )
            page.add(("another engine writes; certainty: ", "bold"), levels, indent=2, hanging=2)
            if seen.certainty["stuck"]:
                page.add(
                    ("!! ", "bold red"),
                    f"{plural(seen.certainty['stuck'], 'contact is', 'contacts are')} stuck",
                    indent=2,
                )
        if len(seen.trend) > 1:
            page.add((f"bars: the last {len(seen.trend)} checks, each row to its own scale", "dim"), indent=2)
    _attention(page, seen)
    page.heading("Connection")
    page.pair("mode", mode)
    page.pair("activated", _activated(seen))
    newest = seen.health.newest
    if newest is not None:
        page.pair("last run", run_line(newest, gone=newest.running and not is_alive(newest)))
    for side in seen.declared:
        page.pair(_SIDES.get(side.what, side.what), side.title)
        page.add(", ".join(f"{key}: {value}" for key, value in side.facts), indent=16)
        if side.what == "list" and seen.list_sizes:
            page.add(_size(seen.list_sizes), indent=16)
    for side_name, limit in seen.limits:
        page.pair(f"limits {_SIDES.get(side_name, side_name)}", limit)
    return page


def _size(sizes: Sequence[tuple[int, int]]) -> str:
    """How the list's size moved: `members: 1,954 ▇█ (-46 in run 12)`."""
    members = [one for _, one in sizes]
    if len(members) < 2:
        return f"members: {number(members[-1])}"
    return f"members: {number(members[-1])} {bars(members)} ({change(members)} in run {sizes[-1][0]})"


def _meaning(state: str, seen: Overview) -> str:
    """What a state means; who is waived is in its count all the same."""
    waived = seen.waived.get(state, 0)
    return f"{STATE_MEANINGS[state]}; of these {number(waived)} waived" if waived else STATE_MEANINGS[state]


def _activated(seen: Overview) -> str:
    """Since when the connection writes, and whether that went through."""
    if not seen.health.activated_at:
        return "not yet: no sync has written"
    begun = moment(seen.health.activated_at)
    halted = seen.health.halted_release
    return f"{begun}; the release of run {halted} has not gone through" if halted else begun


def _attention(page: Page, seen: Overview) -> None:
    halted = seen.health.halted_release
    if not (seen.side_findings or seen.health.in_doubt or seen.quarantined or halted or seen.expired_waivers):
        return
    page.heading("Concerns the whole connection")
    if halted:
        page.add(
            ("!! ", "bold red"),
            f"the staged release of run {halted} did not go through: look at it in the log; the next sync goes on in stages",
            indent=2,
            hanging=3,
        )
    if seen.health.in_doubt:
        doubt = plural(seen.health.in_doubt, "write is", "writes are")
        page.add(
            ("?? ", "cyan"),
            f"{doubt} in doubt: the next sync settles this by reading, before it writes",
            indent=2,
            hanging=3,
        )
    if seen.quarantined:
        page.add(
            ("!! ", "bold red"),
            f"{plural(seen.quarantined, 'write was', 'writes were')} refused by a server",
            indent=2,
            hanging=3,
        )
    if seen.expired_waivers:
        expired = plural(seen.expired_waivers, "waiver has", "waivers have")
        page.add(("!! ", "bold red"), f"{expired} expired: syncdoctor waivers NAME", indent=2, hanging=3)
    for finding in seen.side_findings:
        concerned = f" ({plural(finding.contacts, 'contact')})" if finding.contacts else ""
        state = finding.state if finding.blocking else "reported only"
        value = f": {finding.value}" if finding.value else ""
        page.add(
            (f"{signed(finding.state)[:2]} ", STATE_STYLES.get(finding.state, "")),
            f"{finding.code}, {state}{concerned}{value}. {finding.rule}",
            indent=2,
            hanging=3,
        )
