"""The fix leaderboard: which repair, and which two together, would free most of the contacts that do not sync."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.widget import Widget

from engine.workspace import Workspace
from tui.actions import bindings_for
from tui.notation import plural
from tui.screens.connection_frame import ConnectionFrame
from tui.widgets.lines import Lines, Page

if TYPE_CHECKING:
    from diagnostics.repairs.fixes import Fixes


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
    from diagnostics.repairs.told import by_whom, claim, for_many, hindrance, per_state

    page = Page()
    if not answer.blocked:
        return page.add(("Nobody is blocked.", "bold"), " Every contact is in sync, or will be with the next sync.")
    blocked = sum(answer.blocked.values())
    page.add(
        (f"{plural(blocked, 'contact')} do not sync ({per_state(answer.blocked)}). Most would be freed by", "bold")
    )
    for number, fix in enumerate(answer.singles, 1):
        part = fix.parts[0]
        page.add((f"{number:>2}. {for_many(part[0], mask=True)}", "bold"), f" ({by_whom(part[0].by)})", hanging=4)
        for other in part[1:]:
            page.add(f"or {for_many(other, mask=True)} ({by_whom(other.by)})", indent=4, hanging=3)
        page.add(claim(fix, blocked), indent=4)
    if answer.pairs:
        page.heading("Two repairs together")
    for number, fix in enumerate(answer.pairs, 1):
        first, second = (for_many(part[0], mask=True) for part in fix.parts)
        page.add(f"{number:>2}. {first}", hanging=4)
        page.add(f"and {second}", indent=4, hanging=4)
        page.add(claim(fix, blocked), indent=4)
    if answer.beyond:
        page.heading("Nobody can repair now")
    for obstacle, contacts in answer.beyond:
        page.add(f"{plural(contacts, 'contact')}: {hindrance(obstacle)}", indent=2, hanging=2)
    page.gap().add("Counted by the findings of the last check; the command above the keys also proves it.", indent=2)
    return page
