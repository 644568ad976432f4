"""Who is in scope: the inclusion list with its members, and the subscription statuses that an opt-in rule asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from engine.connection import Connection
from engine.connectors import ListSource
from engine.errors import ConfigurationError, LimitExhausted, ScopeMissing, UnexpectedAnswer
from engine.gates import Situation
from engine.losses import Demand, believed, last_reading, note_reading
from engine.named_lists import with_named_lists
from engine.runs import Run
from engine.schema import InclusionList
from engine.workspace import Workspace

AT_ONCE = 1_000
LIST, SUBSCRIPTION = "list", "subscription"


async def read_list(
    run: Run, connection: Connection, hubspot: ListSource, unavailable: dict[str, str], demand: Demand
) -> tuple[InclusionList | None, int]:
    """Reads list and members. Gives the list and how many members it has; None if there is none or it may not be read.

    Raises ConfigurationError if there is no such list, BrakeTripped before a sync if the list has shrunk.
    """
    if not connection.scope.list:
        _keep_members(run, [])
        return None, 0
    try:
        found = await hubspot.inclusion_list(connection.scope.list)
        inclusion, members = await _read_members(run, connection, hubspot, found, demand)
        return await with_named_lists(run, hubspot, inclusion), members
    except ScopeMissing as error:
        unavailable[LIST] = error.what
        return None, 0


async def look_at_list(
    run: Run, known: Situation, hubspot: ListSource, unavailable: dict[str, str], demand: Demand, *, changed: bool
) -> tuple[InclusionList | None, int]:
    """The list in one request, with those that its criteria name; members only if something suggests that others belong to a list now.

    `changed`: contacts have changed. Members of a manual list who were exchanged one for one are not noticed until the
    next reading of members, which comes before any write.
    """
    connection = known.connection
    if not connection.scope.list or known.inclusion is None:
        return await read_list(run, connection, hubspot, unavailable, demand)
    try:
        before = known.inclusion
        found, others = await _again(connection, hubspot, before)
        as_known = replace(found, members_changed_at=before.members_changed_at, named=before.named) == before
        if as_known and not changed and found.processing_status != "PROCESSING":
            inclusion, members = before, known.list_size
        else:
            inclusion, members = await _read_members(run, connection, hubspot, found, demand)
        settled = before.named if others else ()
        return await with_named_lists(run, hubspot, inclusion, settled, others, changed=changed), members
    except ScopeMissing as error:
        unavailable[LIST] = error.what
        return None, 0


async def look_at_members(
    run: Run, known: Situation, hubspot: ListSource
) -> tuple[InclusionList | None, frozenset[str]]:
    """The list and its members' record ids once more, in the middle of writing; the lists that its criteria name stay as they were.

    Members who are missing only take writes away: that trips no brake, and is no count to compare the next run with. Raises
    AccessError if they cannot be read, ConfigurationError if there is no such list any more.
    """
    if known.inclusion is None:
        return None, frozenset()
    inclusion, _ = await _again(known.connection, hubspot, replace(known.inclusion, named=()))
    members = await _members(run, hubspot, inclusion)
    _keep_members(run, members)
    seen = replace(_with_newest(inclusion, members), named=known.inclusion.named)
    return seen, frozenset(record_id for record_id, _ in members)


def known_members(workspace: Workspace) -> frozenset[str]:
    """The HubSpot records that were members when they were read last."""
    return frozenset(str(row["record_id"]) for row in workspace.rows("SELECT record_id FROM list_member"))


async def _again(
    connection: Connection, hubspot: ListSource, known: InclusionList
) -> tuple[InclusionList, Mapping[str, InclusionList]]:
    """The list by its id, by the configured name only if that is not its name any more; and with the same request the other lists
    that its criteria named. If that answer cannot be read, the list is asked for alone, and nothing is said of the others."""
    there: Mapping[str, InclusionList] = {}
    if known.named:
        with suppress(ScopeMissing, UnexpectedAnswer):
            there = await hubspot.lists([known.id, *(one.id for one in known.named)])
    try:
        inclusion = there.get(known.id) or await hubspot.inclusion_list(known.id)
    except ConfigurationError:
        return await hubspot.inclusion_list(connection.scope.list), there
    if connection.scope.list in (inclusion.id, inclusion.name):
        return inclusion, there
    return await hubspot.inclusion_list(connection.scope.list), there


async def _read_members(
    run: Run, connection: Connection, hubspot: ListSource, inclusion: InclusionList, demand: Demand
) -> tuple[InclusionList, int]:
    members = await _members(run, hubspot, inclusion)
    if inclusion.deleted_at is None:
        last = last_reading(run.workspace, LIST)
        before = last.records if last and last.fingerprint == inclusion.id else 0
        if believed(run, connection, demand, LIST, "the inclusion list", before, len(members)):
            note_reading(run, LIST, inclusion.id, len(members))
    _keep_members(run, members)
    return _with_newest(inclusion, members), len(members)


async def _members(run: Run, hubspot: ListSource, inclusion: InclusionList) -> list[tuple[str, str]]:
    """Record ids with the time since which they belong to the list; none of a list that is deleted."""
    members: list[tuple[str, str]] = []
    if inclusion.deleted_at is None:
        async for page in hubspot.list_members(inclusion.id):
            members += page
            run.progress("reading the inclusion list", len(members), inclusion.size)
    return members


def _with_newest(inclusion: InclusionList, members: Sequence[tuple[str, str]]) -> InclusionList:
    newest = max((time for _, time in members if time), default="")
    return replace(inclusion, members_changed_at=datetime.fromisoformat(newest)) if newest else inclusion


def _keep_members(run: Run, members: Iterable[tuple[str, str]]) -> None:
    there = dict(members)
    known = {
        str(row["record_id"]): row["added_at"]
        for row in run.workspace.rows("SELECT record_id, added_at FROM list_member")
    }
    with run.workspace.transaction() as sql:
        sql.executemany("DELETE FROM list_member WHERE record_id = ?", ((one,) for one in known.keys() - there.keys()))
        sql.executemany(
            "INSERT OR REPLACE INTO list_member(record_id, added_at) VALUES (?, ?)", there.items() - known.items()
        )


async def read_subscriptions(
    run: Run,
    connection: Connection,
    hubspot: ListSource,
    unavailable: dict[str, str],
    ids: Sequence[str] | None = None,
) -> None:
    """Reads the status of HubSpot contacts' addresses into the mirror, if the opt-in rule goes by a subscription.

    `ids` limits it to these contacts. What may not be read is named in `unavailable`.
    """
    if connection.opt_in is None or not connection.opt_in.subscription:
        return
    query, parameters = "SELECT DISTINCT email, _email_key FROM hubspot_contact WHERE email <> ''", []
    if ids is not None:
        query, parameters = f"{query} AND _id IN (SELECT value FROM json_each(?))", [json.dumps(list(ids))]
    addresses = [(str(row["email"]), str(row["_email_key"])) for row in run.workspace.rows(query, parameters)]
    try:
        for start in range(0, len(addresses), AT_ONCE):
            batch = addresses[start : start + AT_ONCE]
            statuses = await hubspot.subscriptions([address for address, _ in batch], connection.opt_in.subscription)
            with run.workspace.transaction() as sql:
                sql.executemany(
                    "UPDATE hubspot_contact SET _subscription = ?1 WHERE email = ?2 AND _email_key = ?3 AND _subscription IS NOT ?1",
                    [(statuses.get(address, "NOT_SPECIFIED"), address, key) for address, key in batch],
                )
            run.progress("reading subscriptions", start + len(batch), len(addresses))
    except (ScopeMissing, LimitExhausted) as error:
        unavailable[SUBSCRIPTION] = error.what
