"""`trend`: how the counts moved from examination to examination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import WorkspaceError
from engine.gates import STATES
from engine.visible import visible
from tui.commands.session import Session
from tui.notation import moment, number
from tui.output import count, document, say, table

if TYPE_CHECKING:
    from diagnostics.past.trend import Point


def trend(chosen: Session, *, limit: int, as_json: bool) -> int:
    """Shows the last `limit` examinations, oldest first. Exit code 0. Raises WorkspaceError if nothing was examined yet."""
    from diagnostics.past.trend import trend as look

    with chosen.reading() as workspace:
        points = look(workspace, limit)
    if not points:
        raise WorkspaceError(
            "no examination is kept yet for this connection",
            where=str(workspace.path),
            remedy=f"Run: syncdoctor check {chosen.name}",
        )
    if as_json:
        document({"connection": chosen.name, "examinations": [_point(one) for one in points]})
    else:
        _show(chosen.name, points)
    return 0


def _point(one: Point) -> dict[str, Any]:
    examined = one.examined
    return {
        "run": examined.run,
        "command": examined.command,
        "at": examined.at,
        "contacts": examined.contacts,
        "unread": examined.unread,
        "states": dict(one.states),
        "list_members": one.members,
        "findings": {"new": one.new, "came_back": one.came_back, "resolved": one.resolved},
    }


def _show(name: str, points: tuple[Point, ...]) -> None:
    say(f"{name}: contacts per state")
    rows = [["run", "UTC", *(state.replace("_", " ") for state in STATES)]]
    rows += [
        [
            str(one.examined.run),
            moment(one.examined.at).removesuffix(" UTC"),
            *(count(one.states[state]) for state in STATES),
        ]
        for one in points
    ]
    table(rows, right=frozenset({0, *range(2, 2 + len(STATES))}))
    say("Findings that came and went, and the list's size")
    rows = [["run", "", "contacts", "list members", "new", "came back", "resolved", ""]]
    rows += [
        [
            str(one.examined.run),
            one.examined.command,
            count(one.examined.contacts),
            number(one.members),
            count(one.new),
            count(one.came_back),
            count(one.resolved),
            f"nothing was looked at: {visible(one.examined.unread, 40)}" if one.examined.unread else "",
        ]
        for one in points
    ]
    table(rows, right=frozenset({0, *range(2, 7)}))
