"""Smallest changes and fixes as sentences: what has to be done, by whom, and what was proved."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostics.repairs.fixes import Fix
from diagnostics.repairs.repair import Obstacle, Repair
from diagnostics.repairs.smallest import SmallestChange

_WHO = {"us": "you", "contact": "the person"}
_WHY = {
    "wait": "It passes by itself",
    "grant": "It cannot be foreseen before a permission is granted",
    "never": "Nobody can repair this",
}


def by_whom(who: str) -> str:
    """Who does it, as people say it."""
    return _WHO.get(who, who)


def headline(change: SmallestChange) -> str:
    """What comes before the list of repairs or obstacles."""
    if change.obstacles:
        return "Nothing that somebody changes now would let it sync:"
    if not change.repairs:
        return f"No change was found after which it would sync; still in the way: {', '.join(change.left)}."
    if len(change.repairs) == 1:
        return "The smallest change that lets it sync:"
    least = "The smallest change that lets it sync" if change.smallest else "A change that lets it sync"
    return f"{least} has {len(change.repairs)} parts, all of them needed:"


def proof(change: SmallestChange) -> str:
    """What the planner said of it; empty without repairs."""
    if not change.repairs:
        return ""
    state = change.state.replace("_", " ")
    without = ", and not if any of them is left out" if len(change.repairs) > 1 else ""
    server = "" if all(repair.foreseen for repair in change.repairs) else f" {_only_then(change)}"
    sample = (
        " with made-up values in place of the real ones" if any(one.kind == "value" for one in change.repairs) else ""
    )
    return f"Proved by running the planner again{sample}: the contact becomes {state}{without}.{server}"


def _only_then(change: SmallestChange) -> str:
    unforeseen = [repair for repair in change.repairs if not repair.foreseen]
    if any(repair.code.startswith("refused-") for repair in unforeseen):
        return "Whether the server takes it then, only the server can say."
    if any(repair.kind == "list" for repair in unforeseen):
        return "What has to change before the list holds it was not tried: nobody knows it here."
    return "What comes after it is another matter."


def hindrance(one: Obstacle) -> str:
    """Why nobody can repair it, and what it waits for."""
    return f"{_WHY[one.hindrance]}: {one.words} ({by_whom(one.by)})."


def for_many(repair: Repair, *, mask: bool) -> str:
    """A repair of many contacts: whether it is one action or one for each of them."""
    return repair.said(mask=mask) if repair.once else f"for each contact: {repair.said(mask=mask)}"


def per_state(states: Mapping[str, int]) -> str:
    """`504 excluded, 316 failing`: the two are never added up."""
    return ", ".join(f"{contacts:,} {state}" for state, contacts in states.items())


def _if_taken(fix: Fix) -> str:
    """What planning again does not show: of each part, the first repair is the one that was tried."""
    refused = any(not part[0].foreseen and part[0].code.startswith("refused-") for part in fix.parts)
    return ", if the server takes it then, which only the server can say" if refused else ""


def claim(fix: Fix, blocked: int) -> str:
    """How many contacts a fix frees of those blocked, and what the planner said of it, if it was asked."""
    said = f"frees {fix.frees:,} of {blocked:,} ({per_state(fix.states)})"
    if fix.proof is None:
        return said
    scope = "all of them" if fix.proof.all else f"{fix.proof.contacts:,} of them"
    if fix.proof.freed == fix.proof.contacts:
        return f"{said}; proved by planning {scope} again{_if_taken(fix)}"
    return f"{said} by their findings; of {scope} planned again, {fix.proof.freed:,} became free"
