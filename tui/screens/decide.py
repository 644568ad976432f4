"""Asks which side wins a conflict, or all conflicts of a field; the equivalent command stores it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.notation import moment, plural
from tui.reading.conflicts import ConflictRow
from tui.screens.confirm import ConfirmScreen
from tui.widgets.lines import Page

SIDES = ("hubspot", "app")


class DecideScreen(ConfirmScreen):
    """Shows what would be decided and waits for the winner's name; anything else decides nothing."""

    def __init__(self, title: str, page: Page, equivalent: str, decided: Callable[[str], None]) -> None:
        super().__init__(title, page, " or ".join(SIDES), equivalent, lambda: None)
        self._decided = decided

    def idle_status(self) -> str:
        """What to type."""
        return "Type hubspot or app, the side whose value counts, and Enter; Esc goes back."

    def accepts(self, answer: str) -> bool:
        """Either side."""
        return answer in SIDES

    def go_on(self, answer: str) -> None:
        """Hands the winner on."""
        self._decided(answer)


def conflicts_page(number: int, of: str, rows: Sequence[ConflictRow], *, by_field: bool = True) -> Page:
    """What a decision would be about: how many conflicts, and some or all of them with their evidence. Each is named by
    its field, else by its contact."""
    page = Page().add((f"{plural(number, 'conflict')} of {of} would be decided", "bold")).gap()
    for row in rows:
        page.add(
            (row.field if by_field else row.who, "bold"), f" (decided: {row.decided})" if row.decided else "", indent=2
        )
        by = f", by {row.hubspot_source}" if row.hubspot_source else ""
        changed = moment(row.hubspot_changed_at) if row.hubspot_changed_at else "unknown"
        page.pair("HubSpot", f"{row.hubspot_value or '(empty)'}   changed {changed}{by}", width=10)
        changed = moment(row.app_changed_at) if row.app_changed_at else "unknown"
        page.pair("app", f"{row.app_value or '(empty)'}   record changed {changed}", width=10)
    if number > len(rows):
        page.add(f"and {number - len(rows):,} more", indent=2)
    return page.gap().add(
        "Nothing is written now: the next sync writes the winner's value to the other side, and keeps what stood there in the "
        "journal. A decision holds only while both values are the ones shown.",
        indent=2,
    )
