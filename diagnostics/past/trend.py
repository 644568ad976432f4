"""How the counts moved from examination to examination: states, the list's size, findings that came and went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnostics.past.moment import Examined, latest, one_look
from engine.gates import STATES
from engine.workspace import Workspace

_STATES = (
    "SELECT run_id, state, sum(contacts) AS contacts FROM run_state WHERE run_id BETWEEN ? AND ? GROUP BY run_id, state"
)
_MEMBERS = "SELECT run_id, document FROM declared_past WHERE what = 'list.size' AND run_id <= ? ORDER BY run_id"
_SAME_FIELD = "JOIN fingerprint n ON n.id = e.fingerprint WHERE e.contact_id = s.contact_id AND n.code = k.code AND n.field = k.field"
_CAME = f"""
SELECT s.opened_run AS run, count(*) AS findings, sum(EXISTS (SELECT 1 FROM finding_span e WHERE e.contact_id = s.contact_id
  AND e.fingerprint = s.fingerprint AND e.closed_run < s.opened_run)) AS again
FROM finding_span s JOIN fingerprint k ON k.id = s.fingerprint WHERE s.opened_run BETWEEN ?1 AND ?2
  AND NOT EXISTS (SELECT 1 FROM finding_span e {_SAME_FIELD} AND e.closed_run = s.opened_run)
GROUP BY s.opened_run
"""
_RESOLVED = f"""
SELECT s.closed_run AS run, count(*) AS findings FROM finding_span s JOIN fingerprint k ON k.id = s.fingerprint
WHERE s.closed_run BETWEEN ?1 AND ?2
  AND NOT EXISTS (SELECT 1 FROM finding_span e {_SAME_FIELD} AND e.opened_run = s.closed_run)
  AND (EXISTS (SELECT 1 FROM verdict v WHERE v.contact_id = s.contact_id)
    OR EXISTS (SELECT 1 FROM former_verdict f WHERE f.contact_id = s.contact_id AND (f.closed_run IS NULL OR f.closed_run > s.closed_run)))
GROUP BY s.closed_run
"""
"""A span of the same cause and field that begins where another one ends is the same finding, in another state or by another rule.
What was found of contacts that are gone is not resolved: nobody looked at them."""


@dataclass(frozen=True)
class Point:
    """One examination's counts. `members`: of the inclusion list, as last known; None if there was none.

    `new`, `came_back`, `resolved`: findings that it found for the first time, again after an examination had not, and no more; in
    the first examination everything is new. One that could not read a side looked at nothing: all three are 0, everybody is unknown.
    """

    examined: Examined
    states: Mapping[str, int]
    members: int | None
    new: int
    came_back: int
    resolved: int


def trend(workspace: Workspace, most: int) -> tuple[Point, ...]:
    """The last `most` examinations, oldest first; none if nothing was examined yet."""
    with one_look(workspace):
        return _points(workspace, latest(workspace, most)[::-1])


def _points(workspace: Workspace, examinations: Sequence[Examined]) -> tuple[Point, ...]:
    if not examinations:
        return ()
    scope = (examinations[0].run, examinations[-1].run)
    states: dict[int, dict[str, int]] = {}
    for row in workspace.rows(_STATES, scope):
        states.setdefault(row["run_id"], dict.fromkeys(STATES, 0))[row["state"]] = int(row["contacts"])
    sizes = [
        (int(row["run_id"]), json.loads(row["document"]).get("members")) for row in workspace.rows(_MEMBERS, scope[1:])
    ]
    came = {row["run"]: (int(row["findings"]), int(row["again"])) for row in workspace.rows(_CAME, scope)}
    resolved = {row["run"]: int(row["findings"]) for row in workspace.rows(_RESOLVED, scope)}
    points = []
    for one in examinations:
        found, again = came.get(one.run, (0, 0))
        counts = states.get(one.run, {**dict.fromkeys(STATES, 0), "unknown": one.contacts})
        points.append(Point(one, counts, _last(sizes, one.run), found - again, again, resolved.get(one.run, 0)))
    return tuple(points)


def _last(sizes: Sequence[tuple[int, int | None]], run: int) -> int | None:
    """The size that held in a run: it is kept only where it changed."""
    return next((members for at, members in reversed(sizes) if at <= run), None)
