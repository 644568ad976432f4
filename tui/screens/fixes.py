"""The fix leaderboard: which repair, and which two together, would free most of the contacts that do not sync."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual.widget import Widget

from engine.workspace import Workspace
from tui.actions import bindings_for
from tui.notation import plural
from tui.screens.connection_frame import ConnectionFrame
from tui.widgets.lines import Lines, Page

if TYPE_CHECKING:
    from diagnostics.repairs import Repair
    from diagnostics.repairs.fixes import Fix, Fixes


class FixesScreen(ConnectionFrame):
    """A page, from the findings of the last check. The command also proves the claims, which takes longer than a key should."""

    BINDINGS: ClassVar = bindings_for("fixes")
    PLACES: ClassVar = ("fixes", "connection", "page")

    def compose_body(self) -> Iterable[Widget]:
        """The page."""
        yield Lines(id="body")

    def crumbs(self) -> str:
        """Connection and page."""
        return f"Syncdoctor > {self.connection.name} > Causes > Fixes"

    def equivalent(self) -> str:
        """The same in a shell, with proofs."""
        return self.connection.equivalent("fixes {name}")

    async def read(self, *, run_ended: bool) -> None:
        """Ranks the repairs."""
        if not run_ended:
            return
        configuration = await self.connection.configuration()

        def ranked(workspace: Workspace) -> Fixes:
            from diagnostics.repairs.fixes import fixes

            return fixes(workspace, configuration, sample=0)

        self.query_one(Lines).show(fixes_page(await self.connection.reader.ask(ranked, topic="fixes")))


def fixes_page(answer: Fixes) -> Page:
    """The page of a ranking; what may be a person's own words is masked."""
    from diagnostics.repairs.told import by_whom, hindrance

    page = Page()
    if not answer.blocked:
        return page.add(("Nobody is blocked.", "bold"), " Every contact is in sync, or will be with the next sync.")
    blocked = sum(answer.blocked.values())
    page.add((f"{plural(blocked, 'contact')} do not sync ({_states(answer.blocked)}). Most would be freed by", "bold"))
    for number, fix in enumerate(answer.singles, 1):
        part = fix.parts[0]
        page.add((f"{number:>2}. {_what(part[0])}", "bold"), f" ({by_whom(part[0].by)})", hanging=4)
        for other in part[1:]:
            page.add(f"or {_what(other)} ({by_whom(other.by)})", indent=4, hanging=3)
        page.add(_claim(fix, blocked), indent=4)
    if answer.pairs:
        page.heading("Two repairs together")
    for number, fix in enumerate(answer.pairs, 1):
        first, second = (_what(part[0]) for part in fix.parts)
        page.add(f"{number:>2}. {first}", hanging=4)
        page.add(f"and {second}", indent=4, hanging=4)
        page.add(_claim(fix, blocked), indent=4)
    if answer.beyond:
        page.heading("Nobody can repair now")
    for obstacle, contacts in answer.beyond:
        page.add(f"{plural(contacts, 'contact')}: {hindrance(obstacle)}", indent=2, hanging=2)
    page.gap().add("Counted by the findings of the last check; the command above the keys also proves it.", indent=2)
    return page


def _what(repair: Repair) -> str:
    return repair.said(mask=True) if repair.once else f"for each contact: {repair.said(mask=True)}"


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{contacts:,} {state}" for state, contacts in states.items())


def _claim(fix: Fix, blocked: int) -> str:
    return f"frees {fix.frees:,} of {blocked:,} ({_states(fix.states)})"
