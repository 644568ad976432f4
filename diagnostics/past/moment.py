"""Which examination somebody means: a run's number, or the last one that was complete at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from engine.connection import Connection
from engine.errors import ConfigurationError, WorkspaceError
from engine.runs import iso
from engine.situation import recall
from engine.sqlite import sqlite3
from engine.visible import visible
from engine.workspace import Workspace, explained

_RUN = re.compile(r"(?:run:\s*)?(\d{1,18})")
_FORMS = "Give a date (2026-03-02) or a time (2026-03-02T10:00, with or without +01:00)"
_OR_A_RUN = "; of an examination also its run (run:12)"


@dataclass(frozen=True)
class Examined:
    """A completed examination: its run, when it was complete (ISO 8601, UTC), how many contacts; `unread` is the cause if a
    side could not be read, and every contact was `unknown`."""

    run: int
    command: str
    at: str
    contacts: int
    unread: str = ""


_SELECT = "SELECT e.run_id, r.command, e.at, e.contacts, e.unread FROM examination e JOIN run r ON r.id = e.run_id"


def account_zone(workspace: Workspace, connection: Connection) -> tzinfo:
    """The time zone of the HubSpot account, UTC where it is not known."""
    try:
        return ZoneInfo(recall(workspace, connection).schemas["hubspot"].account.time_zone)
    except (WorkspaceError, OSError, ValueError, KeyError):
        return UTC


def examination(workspace: Workspace, text: str, *, zone: tzinfo, now: datetime) -> Examined:
    """The examination meant by `run:12`, `12`, a date (its end) or a time; without an offset it is in `zone`.

    Raises ConfigurationError for anything else, a run that completed no examination, a time before the first examination
    or in the future; WorkspaceError if nothing was examined yet.
    """
    first = _one(workspace, "ORDER BY e.run_id LIMIT 1")
    if first is None:
        raise WorkspaceError(
            "no examination is kept yet for this connection",
            where=str(workspace.path),
            remedy=f"Run: syncdoctor check {workspace.path.stem}",
        )
    number = _RUN.fullmatch(text.strip())
    if number:
        return _of_run(workspace, int(number[1]))
    moment = moment_of(text, zone, besides=_OR_A_RUN)
    if is_date(text) and moment.astimezone(zone).date() == now.astimezone(zone).date():
        moment = now
    if moment > now:
        raise ConfigurationError(
            f"{iso(moment)[:16]} UTC is in the future",
            where=workspace.path.stem,
            remedy="What comes is not known: see plan.",
        )
    # Runs end in their order: one at a time holds the connection.
    found = _one(workspace, "WHERE e.at <= ? ORDER BY e.run_id DESC LIMIT 1", iso(moment))
    if found is None:
        raise ConfigurationError(
            f"nothing is known of {iso(moment)[:16]} UTC: the first examination was at {first.at[:16]} UTC, run {first.run}",
            where=workspace.path.stem,
            remedy=f"Ask for that one or a later one: run:{first.run}.",
        )
    return found


def two_examinations(
    workspace: Workspace, before: str, after: str, *, zone: tzinfo, now: datetime
) -> tuple[Examined, Examined]:
    """The two examinations to compare; without `after` the newest is the later one, without both they are the last two.

    Raises as `examination` does, WorkspaceError if there are not two yet, ConfigurationError if the first is the later one.
    """
    if not before:
        return last_two(workspace)
    earlier = examination(workspace, before, zone=zone, now=now)
    newest = _one(workspace, "ORDER BY e.run_id DESC LIMIT 1") or earlier
    later = examination(workspace, after, zone=zone, now=now) if after else newest
    if earlier.run > later.run:
        name = workspace.path.stem
        raise ConfigurationError(
            f"run {earlier.run} was after run {later.run}",
            where="diff",
            remedy=f"Give the earlier one first: syncdoctor diff {name} run:{later.run} run:{earlier.run}",
        )
    return earlier, later


def latest(workspace: Workspace, most: int) -> list[Examined]:
    """The last `most` examinations, newest first."""
    return [Examined(*row) for row in workspace.rows(f"{_SELECT} ORDER BY e.run_id DESC LIMIT ?", (most,))]


def last_two(workspace: Workspace) -> tuple[Examined, Examined]:
    """The newest examination and the one before. Raises WorkspaceError if there are not two yet."""
    rows = latest(workspace, 2)
    if len(rows) < 2:
        known = "only one examination is" if rows else "no examination is"
        raise WorkspaceError(
            f"{known} kept yet for this connection, and a comparison needs two",
            where=str(workspace.path),
            remedy=f"Run: syncdoctor check {workspace.path.stem}",
        )
    return rows[1], rows[0]


def is_date(text: str) -> bool:
    """Whether a text that means a moment is a date without a time."""
    return len(text.strip()) == len("2026-03-02")


def moment_of(text: str, zone: tzinfo, *, besides: str = "") -> datetime:
    """The moment that a date (its end) or a date-time means, in UTC; what names no offset is in `zone`.

    Where clocks are set back, the earlier of two moments. Raises ConfigurationError for any other text; `besides`: what else the
    caller takes.
    """
    wanted = text.strip()
    try:
        if is_date(wanted):
            return datetime.combine(date.fromisoformat(wanted), time.max, zone).astimezone(UTC)
        parsed = datetime.fromisoformat(wanted)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError("this is no time", where=visible(wanted, 40), remedy=f"{_FORMS}{besides}.") from None


def beginning_of(text: str, zone: tzinfo) -> datetime:
    """As `moment_of`, but of a date its beginning."""
    wanted = text.strip()
    return moment_of(f"{wanted}T00:00" if is_date(wanted) else wanted, zone)


def _of_run(workspace: Workspace, number: int) -> Examined:
    found = _one(workspace, "WHERE e.run_id = ?", number)
    if found is not None:
        return found
    known = workspace.rows("SELECT command, state FROM run WHERE id = ?", (number,))
    nearest = _one(workspace, "ORDER BY abs(e.run_id - ?), e.run_id LIMIT 1", number)
    raise ConfigurationError(
        f"run {number} completed no examination (it was {known[0]['command']}, {known[0]['state']})"
        if known
        else f"there is no run {number}",
        where=workspace.path.stem,
        remedy=f"The nearest that did is run:{nearest.run}." if nearest else "",
    )


def _one(workspace: Workspace, rest: str, *parameters: object) -> Examined | None:
    rows = workspace.rows(f"{_SELECT} {rest}", parameters)
    return Examined(*rows[0]) if rows else None


@contextmanager
def one_look(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """All questions see the same state, also beside a run at work; what was put together for them goes at the end."""
    with explained(workspace.path):
        sql = workspace.sql
        sql.execute("PRAGMA temp_store = MEMORY")
        sql.execute("BEGIN")
        try:
            yield sql
        finally:
            # Temporary tables too belong to the transaction.
            sql.execute("ROLLBACK")
