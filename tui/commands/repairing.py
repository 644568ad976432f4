"""How repairs are shown and written as JSON: the smallest change of one contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.visible import visible
from tui.output import say

if TYPE_CHECKING:
    from diagnostics.repairs import Obstacle, Repair
    from diagnostics.repairs.smallest import SmallestChange


def change_document(change: SmallestChange | None) -> dict[str, Any] | None:
    """A smallest change as documented in docs/json.md; null where nothing stops the contact."""
    if change is None:
        return None
    return {
        "repairs": [repair_document(repair, mask=False) for repair in change.repairs],
        "state": change.state,
        "smallest": change.smallest,
        "cannot_be_repaired": [obstacle_document(obstacle) for obstacle in change.obstacles],
        "left": list(change.left),
        "planner_runs": change.runs,
    }


def repair_document(repair: Repair, *, mask: bool) -> dict[str, Any]:
    """One repair."""
    return {
        "kind": repair.kind,
        "code": repair.code,
        "side": repair.side,
        "field": repair.field,
        "what": repair.said(mask=mask),
        "by": repair.by,
        "foreseen": repair.foreseen,
    }


def obstacle_document(obstacle: Obstacle) -> dict[str, Any]:
    """One stop that nobody can repair now."""
    return {"code": obstacle.code, "why": obstacle.hindrance, "what": obstacle.words, "by": obstacle.by}


def show_change(change: SmallestChange) -> None:
    """A smallest change as text."""
    from diagnostics.repairs.told import by_whom, headline, hindrances, proof

    say(headline(change))
    for number, repair in enumerate(change.repairs, 1):
        say(f"  {number}. {visible(repair.said(mask=False))} ({by_whom(repair.by)})")
        if repair.detail:
            say(f"       {visible(repair.detail)}")
    for line in hindrances(change.obstacles):
        say(f"  {visible(line)}")
    if change.repairs:
        say(f"  {visible(proof(change))}")
