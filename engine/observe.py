"""Brings the mirror up to date: a full reading of both sides, or only what changed since the last run.

A full reading is the truth check: it alone notices records that are gone, and it counts what the runs before it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from engine.aliases import follow_merges
from engine.connection import Connection
from engine.connectors import Connector, HubSpotSource
from engine.content import compare_by
from engine.cursors import fingerprint, gapless_end, next_window, slices_of
from engine.errors import WorkspaceError
from engine.fields import fields_of, fields_to_read, same_texts
from engine.fit import check_fit
from engine.gates import Situation
from engine.losses import USUAL, Demand, last_reading, note_reading, refuse_empty_side
from engine.mirror import store
from engine.observed_pairing import pair_observed
from engine.pairing import pair_contacts
from engine.reading import WholeSide, batches, changed_records, close_window, left_half_done
from engine.runs import Run
from engine.schema import SIDES, InclusionList, Side, SideSchema
from engine.scope import SUBSCRIPTION, look_at_list, read_list, read_subscriptions
from engine.situation import recall, remember

T = TypeVar("T")


@dataclass(frozen=True)
class Sides:
    """The two connectors of a connection."""

    hubspot: HubSpotSource
    app: Connector

    def of(self, side: Side) -> Connector:
        """One of them."""
        return self.hubspot if side == "hubspot" else self.app


@dataclass(frozen=True)
class _Known:
    """What an incremental run starts from: the last situation, and per side the cursor's fingerprint and end."""

    situation: Situation
    marks: Mapping[Side, str]
    complete_until: Mapping[Side, datetime]


async def observe(run: Run, connection: Connection, sides: Sides, demand: Demand = USUAL) -> Situation:
    """Brings mirror and pairing up to date, by a full reading if one is due or demanded.

    Raises AccessError if a side's contacts cannot be read, ConfigurationError if the connection does not fit what the
    sides declare, BrakeTripped if a side is suddenly empty or, before a sync, not to be believed; the mirror then keeps
    what it had.
    """
    known = None if demand.full else _known(run, connection, sides)
    situation = await (
        _read_whole(run, connection, sides, demand) if known is None else _read_changes(run, sides, known, demand)
    )
    refuse_empty_side(run, connection, demand)
    return situation


def _known(run: Run, connection: Connection, sides: Sides) -> _Known | None:
    """What is known, or None if everything has to be read: never read under these fingerprints, too long ago, or writes
    are in doubt, which are settled by what both sides show now; or the list's criteria look at other properties by now."""
    if int(run.workspace.value("SELECT count(*) FROM in_doubt")):
        return None
    try:
        situation = recall(run.workspace, connection)
    except WorkspaceError:
        return None
    if _looked_at(situation.inclusion) != situation.also_read:
        return None
    marks = marks_of(connection, sides, situation.schemas, situation.also_read)
    ends: dict[Side, datetime] = {}
    for side in SIDES:
        last, end = last_reading(run.workspace, side), gapless_end(slices_of(run.workspace, side, marks[side]))
        if last is None or last.fingerprint != marks[side] or not last.at or end is None:
            return None
        age = run.now() - datetime.fromisoformat(last.at)
        if not timedelta(0) <= age < timedelta(hours=connection.observe.full_every_hours):
            return None
        ends[side] = end
    return _Known(situation, marks, ends)


def marks_of(
    connection: Connection, sides: Sides, schemas: Mapping[Side, SideSchema], also: Sequence[str] = ()
) -> dict[Side, str]:
    """The fingerprint of each side's cursor."""
    return {
        side: fingerprint(
            connection, schemas[side], fields_to_read(connection, schemas, side, also), sides.of(side).access
        )
        for side in SIDES
    }  # fmt: skip


def pair(run: Run, schemas: Mapping[Side, SideSchema], *, whole: bool = False) -> int:
    """Pairs the mirrored records that have changed anew; with `whole`, all. Returns how many contacts there are."""
    return pair_contacts(run.workspace, schemas, whole=whole)


def _pair(run: Run, connection: Connection, schemas: Mapping[Side, SideSchema], *, whole: bool) -> int:
    if connection.mode == "observed":
        return pair_observed(run, connection, schemas, whole=whole)
    return pair(run, schemas, whole=whole)


async def read_schemas(sides: Sides) -> dict[Side, SideSchema]:
    """What both sides declare now."""
    hubspot, app = await _both(sides.hubspot.describe(), sides.app.describe())
    return {"hubspot": hubspot, "app": app}


async def _both(hubspot: Awaitable[T], app: Awaitable[T]) -> tuple[T, T]:
    """Both answers; waits for both before the first error is raised, so that no request is left hanging."""
    answers = await asyncio.gather(hubspot, app, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers[0], answers[1]  # type: ignore[return-value]


async def _read_whole(run: Run, connection: Connection, sides: Sides, demand: Demand) -> Situation:
    run.progress("reading schemas", 0)
    started = run.now()
    schemas = await read_schemas(sides)
    check_fit(connection, schemas)
    unavailable = {area: reason for schema in schemas.values() for area, reason in schema.unavailable.items()}
    inclusion, members = await read_list(run, connection, sides.hubspot, unavailable, demand)
    also = _looked_at(inclusion)
    compare_by(run.workspace, same_texts(connection, schemas))
    marks = marks_of(connection, sides, schemas, also)
    fields = {side: fields_to_read(connection, schemas, side, also) for side in SIDES}
    done, missed, gone = 0, 0, 0
    for side in SIDES:
        whole = WholeSide(run, connection, sides.of(side), schemas[side], marks[side], demand, started)
        await whole.read(fields[side], done)
        done, missed, gone = done + whole.seen, missed + whole.missed, gone + whole.gone
    if missed or gone:
        text = f"read everything: {missed} changes had been missed by the runs before, {gone} records are gone"
        run.event("warning" if missed else "info", "drift", text)
    await follow_merges(run, sides, schemas, fields)
    await read_subscriptions(run, connection, sides.hubspot, unavailable)
    if connection.opt_in and connection.opt_in.subscription:
        note_reading(run, SUBSCRIPTION, connection.opt_in.subscription, 0)
    population = _pair(run, connection, schemas, whole=True)
    run.event("info", "observed", f"{population} contacts, {members} in the list")
    return remember(run, Situation(connection, schemas, inclusion, run.now(), members, unavailable, also))


def _looked_at(inclusion: InclusionList | None) -> tuple[str, ...]:
    return inclusion.criteria_properties if inclusion else ()


async def _read_changes(run: Run, sides: Sides, known: _Known, demand: Demand) -> Situation:
    situation = known.situation
    started = run.now()
    compare_by(run.workspace, same_texts(situation.connection, situation.schemas))
    changed: dict[Side, list[str]] = {}
    for side in SIDES:
        connector, schema = sides.of(side), situation.schemas[side]
        fields = fields_of(situation, side)
        window = next_window(known.complete_until[side], started)
        ids: dict[str, None] = {}
        async for records in batches(connector.changes(fields, window.since, window.until)):
            fresh = changed_records(run, side, records, fields)
            store(run.workspace, schema, fresh, fields, run.id)
            ids |= dict.fromkeys(record.id for record in fresh)
            run.progress("reading changes", sum(map(len, changed.values())) + len(ids))
        close_window(run, connector, known.marks[side], window, started)
        changed[side] = list(ids | dict.fromkeys(left_half_done(run, side)))
    fields_now = {side: fields_of(situation, side) for side in SIDES}
    await follow_merges(run, sides, situation.schemas, fields_now, changed["hubspot"])
    unavailable = {area: reason for area, reason in situation.unavailable.items() if area != "list"}
    inclusion, members = await look_at_list(
        run, situation, sides.hubspot, unavailable, demand, changed=bool(changed["hubspot"])
    )
    if changed["hubspot"]:
        await read_subscriptions(run, situation.connection, sides.hubspot, unavailable, changed["hubspot"])
    population = _pair(run, situation.connection, situation.schemas, whole=False)
    counts = f"{len(changed['hubspot'])} changed in HubSpot, {len(changed['app'])} in {situation.schemas['app'].app}"
    run.event("info", "observed", f"{counts}; {population} contacts, {members} in the list")
    return remember(
        run,
        replace(situation, inclusion=inclusion, now=run.now(), list_size=members, unavailable=unavailable),
    )
