"""Reads what is known of who wrote a contact's fields: HubSpot's history, the journal, the app's record, the mirror."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from diagnostics.history.again import Outlook, outlooks
from diagnostics.history.consent import Consent
from diagnostics.history.entry import Entry, Written
from diagnostics.history.sources import user_of
from diagnostics.history.timeline import newest_first, of_history, of_journal
from engine.connection import Connection, FieldMapping
from engine.connectors import FieldVersion, RecordTrace, TraceSource, UserSource, VersionSource
from engine.errors import AccessError, ConfigurationError
from engine.mirror import columns_of, mirrored
from engine.observe import Sides
from engine.schema import SIDES, Side
from engine.sqlite import sqlite3
from engine.visible import visible
from engine.workspace import Workspace

LONG_HISTORY = 20
"""HubSpot may leave out older versions of a property that changed more often."""


@dataclass(frozen=True)
class FieldTimeline:
    """One mapped field: its entries, the newest first, and whether it will happen again, by side."""

    name: str
    hubspot_field: str
    app_field: str
    entries: tuple[Entry, ...]
    again: tuple[Outlook, ...]
    suspended: bool = False


@dataclass(frozen=True)
class ContactTimeline:
    """Who wrote a contact's fields. `traces` is what the app tells of the record as a whole; `remarks` say what is not told and
    why; `refusal` is set if a side could not be read: the rest is there all the same. `former_ids` were merged into the
    contact's HubSpot record."""

    contact: int
    hubspot_id: str | None
    app_id: str | None
    former_ids: tuple[str, ...]
    fields: tuple[FieldTimeline, ...]
    traces: tuple[RecordTrace, ...]
    remarks: tuple[str, ...]
    refusal: AccessError | None = None
    consent: Consent | None = None
    """What HubSpot holds of the consent now; None without a HubSpot record, or where one field was asked for."""


@dataclass(frozen=True)
class _Told:
    """What the sides told when they were asked. `versions` is None if HubSpot's history could not be had; `users` are names by
    user id."""

    versions: Mapping[str, Sequence[FieldVersion]] | None
    users: Mapping[str, str]
    traces: tuple[RecordTrace, ...]
    remarks: tuple[str, ...]
    refusal: AccessError | None


def chosen_mappings(connection: Connection, field: str) -> tuple[FieldMapping, ...]:
    """The mappings of a field by its name on either side, all of them without one. Raises ConfigurationError if it is not
    mapped, naming the nearest."""
    if not field:
        return connection.mappings
    found = tuple(one for one in connection.mappings if field in (one.hubspot, one.app))
    if found:
        return found
    names = [name for one in connection.mappings for name in (one.hubspot, one.app)]
    near = difflib.get_close_matches(field, names, n=3, cutoff=0.5)
    raise ConfigurationError(
        f"the connection maps no field {visible(field, 60)!r}",
        where=f"connection {connection.name}, --field",
        remedy=f"Close: {', '.join(near)}."
        if near
        else f"Mapped are: {', '.join(one.hubspot for one in connection.mappings)}.",
    )


async def timeline_of(
    workspace: Workspace, connection: Connection, sides: Sides, contact: int, mappings: Sequence[FieldMapping]
) -> ContactTimeline:
    """The timeline of a contact's mapped fields. A side that does not answer is told in the result, and raises nothing.

    Raises ConfigurationError for a contact that is gone, or of an erased person, whose values are not asked for.
    """
    rows = workspace.rows("SELECT hubspot_id, app_id, erased FROM contact WHERE id = ?", (contact,))
    if not rows:
        raise ConfigurationError("there is no such contact any more", remedy=f"Run: syncdoctor check {connection.name}")
    if rows[0]["erased"]:
        raise ConfigurationError(
            "this person was erased; what others hold of them is not read",
            remedy=f"If that was a mistake: syncdoctor forget {connection.name} WHO --undo",
        )
    ids: dict[Side, str | None] = {"hubspot": rows[0]["hubspot_id"], "app": rows[0]["app_id"]}
    former = tuple(
        str(row["old_id"])
        for row in workspace.rows(
            "SELECT old_id FROM alias WHERE side = 'hubspot' AND fate = 'merged' AND record_id = ? ORDER BY at, old_id",
            (ids["hubspot"] or "",),
        )
    )
    told = await _asked(sides, ids, former, [one.hubspot for one in mappings])
    journal = _journal(workspace, contact, ids)
    fields = tuple(_field(workspace, connection, mapping, ids, journal, told) for mapping in mappings)
    suspended = {
        str(row["field"])
        for row in workspace.rows("SELECT field FROM suspended_field WHERE contact_id = ?", (contact,))
    }
    return ContactTimeline(
        contact=contact,
        hubspot_id=ids["hubspot"],
        app_id=ids["app"],
        former_ids=former,
        fields=tuple(
            FieldTimeline(mapping.name, mapping.hubspot, mapping.app, entries,
                          outlooks(entries, suspended=mapping.name in suspended), mapping.name in suspended)
            for mapping, entries in zip(mappings, fields, strict=True)
        ),
        traces=told.traces,
        remarks=told.remarks,
        refusal=told.refusal,
    )  # fmt: skip


async def _asked(sides: Sides, ids: Mapping[Side, str | None], former: Sequence[str], names: Sequence[str]) -> _Told:
    remarks: list[str] = []
    refusal: AccessError | None = None
    versions: dict[str, list[FieldVersion]] | None = None
    users: Mapping[str, str] = {}
    traces: tuple[RecordTrace, ...] = ()
    if ids["hubspot"] is None:
        remarks.append("the contact has no HubSpot record, so there is no property history")
    elif isinstance(sides.hubspot, VersionSource):
        try:
            versions = await _versions(sides.hubspot, [ids["hubspot"], *former], names, remarks)
            users = await _users(sides.hubspot, versions or {}, remarks)
        except AccessError as error:
            refusal = error
            remarks.append(f"HubSpot's history could not be read: {error.what}")
    app = sides.app
    if ids["app"] is None:
        remarks.append(f"the contact has no record in {app.app}")
    else:
        remarks.append(
            f"{app.app} does not tell who set a field, nor when; what was set there is seen only between our writes"
        )
        try:
            found = await app.traces(ids["app"]) if isinstance(app, TraceSource) else ()
            traces = tuple(found or ())
            if found is None:
                remarks.append(f"{app.app} has no record {ids['app']} any more")
        except AccessError as error:
            refusal = refusal or error
            remarks.append(f"{app.app} could not be read: {error.what}")
    return _Told(versions, users, traces, tuple(remarks), refusal)


async def _users(
    hubspot: object, versions: Mapping[str, Sequence[FieldVersion]], remarks: list[str]
) -> Mapping[str, str]:
    """The names of the users, if any of them set a version. Without the permission their ids have to do."""
    if not isinstance(hubspot, UserSource) or not any(user_of(one) for some in versions.values() for one in some):
        return {}
    try:
        return await hubspot.user_names()
    except AccessError as error:
        remarks.append(f"the names of HubSpot's users are not told: {error.what}")
        return {}


async def _versions(
    hubspot: VersionSource, ids: Sequence[str], names: Sequence[str], remarks: list[str]
) -> dict[str, list[FieldVersion]] | None:
    """The versions of a record and of those merged into it; an id that leads to a record already read adds nothing."""
    found: dict[str, list[FieldVersion]] = {}
    seen: set[str] = set()
    for record_id in ids:
        record = await hubspot.versions(record_id, names)
        if record is None:
            remarks.append(f"HubSpot has no record {record_id} any more")
        elif record.id in seen and record_id != ids[0]:
            remarks.append(f"record {record_id} was merged away; HubSpot keeps no history of its own for it")
        else:
            seen.add(record.id)
            for name, versions in record.fields.items():
                known = found.setdefault(name, [])
                known += [one for one in versions if one not in known]
    long = sorted(name for name, versions in found.items() if len(versions) >= LONG_HISTORY)
    if long:
        remarks.append(
            f"older versions may be missing, as these fields changed {LONG_HISTORY} times or more: {', '.join(long)}"
        )
    return found if seen else None


_OF_THE_PAIR = """
WITH held AS (
  SELECT 'hubspot' AS side, ?2 AS id UNION ALL SELECT 'app', ?3
  UNION ALL SELECT side, old_id FROM alias WHERE fate = 'merged'
    AND (side = 'hubspot' AND record_id = ?2 OR side = 'app' AND record_id = ?3)
)
SELECT * FROM journal WHERE contact_id = ?1
  OR id IN (SELECT j.id FROM held JOIN journal j ON j.record_id = held.id AND j.side = held.side) ORDER BY id
"""
"""Every write to the contact, also under an earlier number or under ids that were merged into its records."""


def _journal(workspace: Workspace, contact: int, ids: Mapping[Side, str | None]) -> list[sqlite3.Row]:
    return workspace.rows(_OF_THE_PAIR, (contact, ids["hubspot"], ids["app"]))


def _field(
    workspace: Workspace,
    connection: Connection,
    mapping: FieldMapping,
    ids: Mapping[Side, str | None],
    journal: Sequence[sqlite3.Row],
    told: _Told,
) -> tuple[Entry, ...]:
    skew = timedelta(seconds=connection.sync.clock_skew_seconds)
    entries: list[Entry] = []
    names = {"hubspot": "HubSpot", "app": connection.app.name.capitalize()}
    for side in SIDES:
        name = connection.field(mapping, side)
        writes = [write for row in journal if row["side"] == side and (write := _write(row, name)) is not None]
        if side == "hubspot" and told.versions is not None:
            entries += of_history(told.versions.get(name, ()), writes, skew, told.users)
        elif ids[side] is not None or writes:
            now, changed_at = _held(workspace, side, ids[side], name)
            entries += of_journal(side, names[side], writes, now, changed_at)
    return newest_first(entries)


def _write(row: sqlite3.Row, name: str) -> Written | None:
    sent, before = json.loads(row["sent"]), json.loads(row["before"])
    if name not in sent:
        return None
    kept = json.loads(row["kept"]) if row["kept"] else {}
    return Written(
        row["run_id"], row["side"], row["kind"], row["record_id"] or "", sent[name], before.get(name) or "", kept.get(name),
        row["planned_at"], row["settled_at"] or "", row["state"], row["code"], row["undoes"] is not None,
    )  # fmt: skip


def _held(workspace: Workspace, side: Side, record_id: str | None, name: str) -> tuple[str | None, str]:
    """What the mirror holds of a field, and the record's last change."""
    if record_id is None or name not in columns_of(workspace, side):
        return None, ""
    values = mirrored(workspace, side, [record_id], [name, "_updated_at"]).get(record_id)
    return (values[name], values["_updated_at"] or "") if values else (None, "")
