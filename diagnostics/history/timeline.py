"""A field's timeline: what HubSpot's history, our journal and the app's own record say, merged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from diagnostics.history.entry import Entry, Written
from diagnostics.history.sources import OURS, in_words, kind_of, writer_of
from engine.connectors import FieldVersion
from engine.schema import Side

LONGEST_REQUEST = timedelta(minutes=10)
"""A write without a settled time may have been carried out until then."""
_REFUSED = ("permanent", "quarantined", "retryable")
_DOUBTFUL = ("intent", "in_doubt")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def of_history(
    versions: Sequence[FieldVersion], writes: Sequence[Written], skew: timedelta, users: Mapping[str, str] | None = None
) -> list[Entry]:
    """The entries of a side that keeps a history, and our writes to it.

    A version is ours if it came from an integration or the API, holds what we sent or what was kept of it, and lies within the
    write's time, give or take `skew`; each version and each write count once. What we wrote and the history does not show
    stays, with that said. `users`: names by user id.
    """
    left = [write for write in writes if write.applied]
    entries, others, own_sources = [], [], set()
    for version in sorted(versions, key=lambda one: one.at, reverse=True):
        ours = _matching(version, left, skew)
        if ours is None:
            others.append(version)
        else:
            left.remove(ours)
            own_sources.add((version.source_type, version.source_id))
            entries.append(_own(ours, version.at))
    for version in others:
        shared = version.source_id and (version.source_type, version.source_id) in own_sources
        note = "under the id of our own writes, but not in our journal" if shared else ""
        entries.append(
            Entry(
                version.at,
                "hubspot",
                kind_of(version),
                in_words(version, users or {}),
                version.value,
                writer_of(version),
                note=note,
            )
        )
    unseen = [
        _own(write, "", note="" if write.before == write.result else "HubSpot's history does not show it")
        for write in left
    ]
    return [*entries, *unseen, *(_own(write, "") for write in writes if not write.applied and _shown(write))]


def of_journal(side: Side, app: str, writes: Sequence[Written], now: str | None, changed_at: str) -> list[Entry]:
    """The entries of a side that keeps no history, or whose history could not be read: our writes, and between them what must
    have been set by others, as our write met another value than the one before had left.

    `now`: what the record holds, None without a record or if it was not fetched; `changed_at`: the record's last change.
    """
    applied = sorted((write for write in writes if write.applied), key=lambda one: (one.planned_at, one.settled_at))
    entries = [_own(write, "") for write in writes if _shown(write)]
    for earlier, later in pairwise(applied):
        if later.kind != "create" and later.before.strip() != earlier.result.strip():
            entries.append(
                _unnamed(side, app, later.before, later.planned_at, earlier.settled_at or earlier.planned_at)
            )
    if applied and applied[0].kind != "create" and applied[0].before:
        first = applied[0]
        entries.append(_unnamed(side, app, first.before, first.planned_at, "", "was there before our first write"))
    if now is None:
        return entries
    if not applied:
        if now:
            note = "set then or earlier: this is the record's last change"
            entries.append(_unnamed(side, app, now, changed_at, "", note))
    elif now.strip() != applied[-1].result.strip():
        ended = applied[-1].settled_at or applied[-1].planned_at
        entries.append(_unnamed(side, app, now, _later(ended, changed_at), ended))
    return entries


def newest_first(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """In the order of time, the newest first; what has no time comes last."""
    return tuple(sorted(entries, key=_place, reverse=True))


def _place(entry: Entry) -> tuple[datetime, int, int]:
    # A span that ends where it begins came after the write that it begins with: Mailchimp counts in whole seconds. Any other
    # ends with the write before which it came.
    order = 1 if not entry.since else 2 if entry.since == entry.at else 0
    return _moment(entry.at) or _BEGINNING, order, entry.run or 0


def _later(one: str, other: str) -> str:
    return other if (_moment(other) or _BEGINNING) > (_moment(one) or _BEGINNING) else one


def _matching(version: FieldVersion, writes: Sequence[Written], skew: timedelta) -> Written | None:
    at = _moment(version.at)
    if version.source_type not in OURS or version.value is None or at is None:
        return None
    fitting = [write for write in writes if version.value in (write.sent, write.kept) and _within(at, write, skew)]
    return min(fitting, key=lambda write: abs(at - (_moment(write.settled_at or write.planned_at) or at)), default=None)


def _within(at: datetime, write: Written, skew: timedelta) -> bool:
    start = _moment(write.planned_at)
    if start is None:
        return False
    end = _moment(write.settled_at) or start + LONGEST_REQUEST
    return start - skew <= at <= end + skew


def _shown(write: Written) -> bool:
    return write.applied or write.state in _REFUSED or write.state in _DOUBTFUL


def _own(write: Written, at: str, note: str = "") -> Entry:
    notes = [note] if note else []
    if write.undoes:
        notes.append("taking back an earlier write")
    if write.state in _REFUSED:
        notes.append(f"refused ({write.code})" if write.code else "refused")
    elif write.state in _DOUBTFUL:
        notes.append("nobody knows yet whether it was applied")
    elif write.result != write.sent:
        notes.append("kept otherwise than it was sent")
    value = write.result if write.applied else write.sent
    moment = at or write.settled_at or write.planned_at
    by = f"us (run {write.run})"
    return Entry(moment, write.side, "us", by, value, "us", "", write.run, "; ".join(notes), write.applied)


def _unnamed(side: Side, app: str, value: str, at: str, since: str, note: str = "") -> Entry:
    return Entry(at, side, "app", f"{app} does not say by whom", value, f"app:{side}", since, None, note)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
