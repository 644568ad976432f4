"""`fixes`, and how repairs are shown: the smallest change of one contact, and what would free most contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.visible import visible
from tui.commands.session import Session, announce_open_questions
from tui.output import ProgressLine, count, document, say

if TYPE_CHECKING:
    from diagnostics.repairs import Obstacle, Repair
    from diagnostics.repairs.fixes import Fix, Fixes, Proof
    from diagnostics.repairs.smallest import SmallestChange


def change_document(change: SmallestChange | None, who: str) -> dict[str, Any] | None:
    """A contact's smallest change as documented in docs/json.md; null where nothing stops the contact."""
    if change is None:
        return None
    return {
        "repairs": [repair_document(repair, mask=False, who=who) for repair in change.repairs],
        "state": change.state,
        "smallest": change.smallest,
        "cannot_be_repaired": [obstacle_document(obstacle) for obstacle in change.obstacles],
        "left": list(change.left),
        "planner_runs": change.runs,
    }


def repair_document(repair: Repair, *, mask: bool, who: str = "") -> dict[str, Any]:
    """One repair."""
    return {
        "kind": repair.kind,
        "code": repair.code,
        "side": repair.side,
        "field": repair.field,
        "what": repair.said(mask=mask, who=who),
        "by": repair.by,
        "foreseen": repair.foreseen,
    }


def obstacle_document(obstacle: Obstacle) -> dict[str, Any]:
    """One stop that nobody can repair now."""
    return {"code": obstacle.code, "why": obstacle.hindrance, "what": obstacle.words, "by": obstacle.by}


def show_change(change: SmallestChange, who: str) -> None:
    """A contact's smallest change as text."""
    from diagnostics.repairs.told import by_whom, headline, hindrance, proof

    say(headline(change))
    for number, repair in enumerate(change.repairs, 1):
        say(f"  {number}. {visible(repair.said(mask=False, who=who))} ({by_whom(repair.by)})")
        if repair.detail:
            say(f"       {visible(repair.detail)}")
    for obstacle in change.obstacles:
        say(f"  {visible(hindrance(obstacle))}")
    if change.repairs:
        say(f"  {visible(proof(change))}")


def fixes(chosen: Session, *, as_json: bool, values: bool, limit: int) -> int:
    """What would free most contacts. Exit code 1 if somebody is blocked. Raises WorkspaceError if nothing was examined yet."""
    from diagnostics.repairs.fixes import fixes as rank

    line = ProgressLine(quiet=as_json)
    with chosen.reading() as workspace:
        announce_open_questions(workspace, chosen.name)
        answer = rank(
            workspace, chosen.connection, most=limit, progress=lambda phase, done, total: line(phase, done, total, None)
        )
    line.close()
    if as_json:
        document({"connection": chosen.name, **_fixes_document(answer, mask=not values)})
    else:
        _show_fixes(answer, mask=not values)
    return int(bool(answer.blocked))


def _fixes_document(answer: Fixes, *, mask: bool) -> dict[str, Any]:
    return {
        "run": answer.run,
        "blocked": sum(answer.blocked.values()),
        "states": dict(answer.blocked),
        "singles": [_fix_document(fix, mask=mask) for fix in answer.singles],
        "pairs": [_fix_document(fix, mask=mask) for fix in answer.pairs],
        "cannot_be_repaired": [
            {**obstacle_document(obstacle), "contacts": contacts} for obstacle, contacts in answer.beyond
        ],
    }


def _fix_document(fix: Fix, *, mask: bool) -> dict[str, Any]:
    return {
        "repairs": [_part_document(part, mask=mask) for part in fix.parts],
        "frees": fix.frees,
        "states": dict(fix.states),
        "proof": _proof_document(fix.proof),
    }


def _part_document(part: Sequence[Repair], *, mask: bool) -> dict[str, Any]:
    return {
        **repair_document(part[0], mask=mask),
        "once": part[0].once,
        "or": [repair_document(other, mask=mask) for other in part[1:]],
    }


def _proof_document(proof: Proof | None) -> dict[str, Any] | None:
    return None if proof is None else {"contacts": proof.contacts, "freed": proof.freed, "all": proof.all}


def _show_fixes(answer: Fixes, *, mask: bool) -> None:
    from diagnostics.repairs.told import by_whom, claim, for_many, hindrance, per_state

    if not answer.blocked:
        say("Nobody is blocked: every contact is in sync, or will be with the next sync.")
        return
    blocked = sum(answer.blocked.values())
    say(f"{count(blocked)} contacts do not sync ({per_state(answer.blocked)}). Most of them would be freed by")
    for number, fix in enumerate(answer.singles, 1):
        part = fix.parts[0]
        say(f"{number:>3}. {visible(for_many(part[0], mask=mask))} ({by_whom(part[0].by)})")
        for other in part[1:]:
            say(f"     or {visible(for_many(other, mask=mask))} ({by_whom(other.by)})")
        say(f"       {claim(fix, blocked)}")
    if not answer.singles:
        say("  no single repair.")
    if answer.pairs:
        say("Two repairs together")
    for number, fix in enumerate(answer.pairs, 1):
        first, second = (visible(for_many(part[0], mask=mask)) for part in fix.parts)
        say(f"{number:>3}. {first}")
        say(f"     and {second}")
        say(f"       {claim(fix, blocked)}")
    if answer.beyond:
        say("Nobody can repair now")
    for obstacle, contacts in answer.beyond:
        say(f"  {count(contacts)}: {visible(hindrance(obstacle))}")
