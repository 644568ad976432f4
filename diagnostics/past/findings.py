"""A contact's findings through time: first seen, last seen, resolved, come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from engine.workspace import Workspace

_NUMBERS = """
WITH RECURSIVE numbers(id) AS (
  SELECT ?1 UNION SELECT s.former_id FROM succession s JOIN numbers n ON s.contact_id = n.id
)
"""
_SPANS = f"""{_NUMBERS}
SELECT k.digest, k.code, k.field, s.opened_run, s.closed_run, s.state, s.blocking, coalesce(s.rule, k.rule) AS rule
FROM numbers n JOIN finding_span s ON s.contact_id = n.id JOIN fingerprint k ON k.id = s.fingerprint
WHERE s.opened_run <= ?2 ORDER BY k.digest, s.opened_run, s.contact_id
"""


@dataclass(frozen=True)
class Seen:
    """An examination: its run and when it was complete (ISO 8601, UTC)."""

    run: int
    at: str


@dataclass(frozen=True)
class PastFinding:
    """One finding of a contact up to some examination. `rule` is worded as when it was found last.

    `resolved` is the examination that found it no more, None while it is open. `came_back` are the examinations that found
    it again after one had not.
    """

    fingerprint: str
    code: str
    field: str
    state: str
    blocking: bool
    rule: str
    first_seen: Seen
    last_seen: Seen
    resolved: Seen | None
    came_back: tuple[Seen, ...]


def numbers_of(workspace: Workspace, contact: int) -> tuple[int, ...]:
    """The contact's number and the former numbers of contacts that became part of it."""
    return tuple(int(row["id"]) for row in workspace.rows(f"{_NUMBERS}SELECT id FROM numbers", (contact,)))


def findings_until(workspace: Workspace, contact: int, run: int) -> tuple[PastFinding, ...]:
    """What was found of a contact up to the examination of `run`: open ones first, then by first seen and code.

    Former numbers of the contact count as the contact. Only completed examinations count, so nothing is resolved that was
    merely not looked at.
    """
    rows = workspace.rows(_SPANS, (contact, run))
    if not rows:
        return ()
    complete = "SELECT run_id, at FROM examination WHERE unread = '' AND run_id <= ? ORDER BY run_id"
    times = {int(row["run_id"]): str(row["at"]) for row in workspace.rows(complete, (run,))}

    def seen(number: int) -> Seen:
        return Seen(number, times.get(number, ""))

    found = []
    for digest, group in groupby(rows, key=lambda row: row["digest"]):
        spans = list(group)
        last = spans[-1]
        episodes = _episodes(((row["opened_run"], row["closed_run"]) for row in spans), run)
        end = episodes[-1][1]
        found.append(
            PastFinding(
                fingerprint=str(digest),
                code=last["code"],
                field=last["field"],
                state=last["state"],
                blocking=bool(last["blocking"]),
                rule=last["rule"],
                first_seen=seen(episodes[0][0]),
                last_seen=seen(max(one for one in times if end is None or one < end)),
                resolved=None if end is None else seen(end),
                came_back=tuple(seen(begin) for begin, _ in episodes[1:]),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.resolved is not None, one.first_seen.run, one.code, one.field)))


def _episodes(spans: Iterable[tuple[int, int | None]], run: int) -> list[tuple[int, int | None]]:
    """Spans, by their beginnings, joined where one begins not after the end of the one before; ends after `run` are not known
    there."""
    joined: list[tuple[int, int | None]] = []
    for begin, close in spans:
        end = None if close is None or close > run else close
        if joined:
            first, until = joined[-1]
            if until is None or begin <= until:
                joined[-1] = (first, None if until is None or end is None else max(until, end))
                continue
        joined.append((begin, end))
    return joined
