"""Reads both sides into the mirror and says what the situation is: schemas, inclusion list, what could not be read."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from engine.aliases import follow_merges
from engine.connection import Connection, GoalContacts
from engine.connectors import Connector, HubSpotSource, ListSource, Record
from engine.errors import BrakeTripped, ConfigurationError, LimitExhausted, ScopeMissing
from engine.gates import Situation
from engine.mirror import TABLE, add_columns, drop_unseen, store
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.schema import SIDES, InclusionList, Side, SideSchema
from engine.situation import remember
from engine.visible import visible

T = TypeVar("T")
COMMIT_ROWS = 1_000
EVIDENCE_PROPERTIES = (
    "hs_email_optout",
    "hs_email_hard_bounce_reason_enum",
    "hs_object_source",
    "hs_object_source_label",
    "firstname",
    "lastname",
)
"""HubSpot properties that gates and verification look at, beside the mapped ones."""
SUDDENLY_EMPTY = 10
"""A side that had at least this many contacts and now shows none is not believed."""


@dataclass(frozen=True)
class Sides:
    """The two connectors of a connection."""

    hubspot: HubSpotSource
    app: Connector


async def observe(run: Run, connection: Connection, sides: Sides) -> Situation:
    """Reads everything and brings mirror and pairing up to date.

    Raises AccessError if a side's contacts cannot be read, ConfigurationError if the connection does not fit what
    the sides declare, BrakeTripped if a side is suddenly empty; the mirror then keeps what it had.
    """
    run.progress("reading schemas", 0)
    hubspot_schema, app_schema = await _both(sides.hubspot.describe(), sides.app.describe())
    schemas: Mapping[Side, SideSchema] = {"hubspot": hubspot_schema, "app": app_schema}
    check_fit(connection, schemas)
    unavailable = {area: reason for schema in schemas.values() for area, reason in schema.unavailable.items()}
    inclusion, members = await _inclusion(run, connection, sides.hubspot, unavailable)
    fields = {side: fields_to_read(connection, schemas, side) for side in SIDES}
    await _read_both(run, sides, schemas, fields)
    await follow_merges(run, sides, schemas, fields)
    await _subscriptions(run, connection, sides.hubspot, unavailable)
    population = _pair(run, schemas)
    run.event("info", "observed", f"{population} contacts, {members} in the list")
    return remember(run, Situation(connection, schemas, inclusion, run.now(), members, unavailable))


async def _both(hubspot: Awaitable[T], app: Awaitable[T]) -> tuple[T, T]:
    """Both answers; waits for both before the first error is raised, so that no request is left hanging."""
    answers = await asyncio.gather(hubspot, app, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers[0], answers[1]  # type: ignore[return-value]


async def refresh_list(run: Run, situation: Situation, sides: Sides) -> Situation:
    """Reads the inclusion list again after writing (a dynamic list follows the values) and pairs anew."""
    unavailable = dict(situation.unavailable)
    inclusion, members = await _inclusion(run, situation.connection, sides.hubspot, unavailable)
    await _subscriptions(run, situation.connection, sides.hubspot, unavailable)
    _pair(run, situation.schemas)
    return remember(
        run,
        replace(situation, inclusion=inclusion, now=run.now(), list_size=members, unavailable=unavailable),
    )


def _pair(run: Run, schemas: Mapping[Side, SideSchema]) -> int:
    return pair_contacts(run.workspace, run.id, schemas)


def fields_to_read(connection: Connection, schemas: Mapping[Side, SideSchema], side: Side) -> list[str]:
    """The fields of a side that mappings, rules and gates need, each once."""
    schema = schemas[side]
    wanted = [schema.identity_field, *(connection.field(mapping, side) for mapping in connection.mappings)]
    if side == "hubspot":
        wanted += [connection.opt_in.property] if connection.opt_in and connection.opt_in.property else []
        wanted += [connection.goals.contacts.property] if connection.goals.contacts else []
        wanted += [name for name in EVIDENCE_PROPERTIES if name in schema.fields]
    elif schema.consent:
        wanted.append(schema.consent.name)
    wanted += [schema.additional_emails_field] if schema.additional_emails_field else []
    wanted += schema.former_ids_fields
    return list(dict.fromkeys(wanted))


def check_fit(connection: Connection, schemas: Mapping[Side, SideSchema]) -> None:
    """Raises ConfigurationError for the first thing in the connection that the sides do not have."""
    where = f"connection {connection.name}"
    account = schemas["hubspot"].account.id
    if connection.hubspot.account is not None and str(connection.hubspot.account) != account:
        raise ConfigurationError(
            f"the credentials open HubSpot account {account}, the connection is for {connection.hubspot.account}",
            where=f"{where}, hubspot.account",
            remedy=f"Log in with a token of the right account (syncdoctor login {connection.name} hubspot), or correct the number.",
        )
    for mapping in connection.mappings:
        place = f"{where}, mapping {mapping.hubspot} = {mapping.app}"
        for side in SIDES:
            name = connection.field(mapping, side)
            _known(schemas[side], name, place)
            field = schemas[side].fields[name]
            if field.read_only and connection.direction_of(mapping) in ("two_way", f"to_{side}"):
                raise ConfigurationError(
                    f"{schemas[side].app} does not let anyone write {name!r} (read-only or calculated)",
                    where=place,
                    remedy=f'Set direction = "to_{"app" if side == "hubspot" else "hubspot"}" for this mapping, or remove it.',
                )
            if field.type == "other":
                raise ConfigurationError(
                    f"{schemas[side].app} field {name!r} is of a kind that cannot be mapped (an address block, a file)",
                    where=place,
                    remedy="Remove the mapping, or map a plain field.",
                )
    _identity_flows(connection, schemas, where)
    if connection.opt_in and connection.opt_in.property:
        _known(schemas["hubspot"], connection.opt_in.property, f"{where}, opt_in.property")
    if connection.goals.contacts:
        _known(schemas["hubspot"], connection.goals.contacts.property, f"{where}, goals.contacts.property")
        _options_known(schemas["hubspot"], connection.goals.contacts, f"{where}, goals.contacts.values")
    for name in connection.hubspot.on_create:
        _known(schemas["hubspot"], name, f"{where}, hubspot.on_create")


def _options_known(schema: SideSchema, goal: GoalContacts, where: str) -> None:
    options = [option.value for option in schema.fields[goal.property].options]
    for value in goal.values:
        if options and value not in options:
            near = difflib.get_close_matches(value, options, n=1)
            raise ConfigurationError(
                f"{goal.property} has no option {visible(value)!r}",
                where=where,
                remedy=f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(options)}.",
            )


def _identity_flows(connection: Connection, schemas: Mapping[Side, SideSchema], where: str) -> None:
    """Creates need the address on the side where they happen, or a repeated one would make a second person."""
    hubspot, app = schemas["hubspot"].identity_field, schemas["app"].identity_field
    identity = next((one for one in connection.mappings if (one.hubspot, one.app) == (hubspot, app)), None)
    if identity is None or connection.direction_of(identity) != connection.sync.direction:
        raise ConfigurationError(
            f"the address has to be mapped in the connection's direction ({connection.sync.direction})",
            where=f"{where}, mappings",
            remedy=f'Add a mapping with hubspot = "{hubspot}" and app = "{app}", and no direction of its own.',
        )


def _known(schema: SideSchema, name: str, where: str) -> None:
    if name in schema.fields:
        return
    near = difflib.get_close_matches(name, schema.fields, n=3, cutoff=0.6)
    remedy = f"Close: {', '.join(near)}." if near else "Look up the field's internal name in the app's settings."
    raise ConfigurationError(f"{schema.app} has no contact field {visible(name)!r}", where=where, remedy=remedy)


async def _inclusion(
    run: Run, connection: Connection, hubspot: ListSource, unavailable: dict[str, str]
) -> tuple[InclusionList | None, int]:
    members: list[tuple[str, str]] = []
    inclusion: InclusionList | None = None
    if connection.scope.list:
        try:
            inclusion = await hubspot.inclusion_list(connection.scope.list)
            if inclusion.deleted_at is None:
                async for page in hubspot.list_members(inclusion.id):
                    members += page
                    run.progress("reading the inclusion list", len(members), inclusion.size)
        except ScopeMissing as error:
            unavailable["list"] = error.what
            return None, 0
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM list_member")
        sql.executemany("INSERT OR REPLACE INTO list_member(record_id, added_at) VALUES (?, ?)", members)
    if inclusion is not None and members:
        newest = max((time for _, time in members if time), default="")
        inclusion = _with_newest(inclusion, newest)
    return inclusion, len(members)


def _with_newest(inclusion: InclusionList, newest: str) -> InclusionList:
    if not newest:
        return inclusion
    moment = datetime.fromisoformat(newest.replace("Z", "+00:00"))
    return replace(inclusion, members_changed_at=moment)


async def _read_both(
    run: Run, sides: Sides, schemas: Mapping[Side, SideSchema], fields: Mapping[Side, list[str]]
) -> None:
    connectors: dict[Side, Connector] = {"hubspot": sides.hubspot, "app": sides.app}
    expected = await _both(sides.hubspot.count(), sides.app.count())
    total = sum(filter(None, expected)) if all(count is not None for count in expected) else None
    done = 0
    for side, connector in connectors.items():
        before = int(run.workspace.value(f"SELECT count(*) FROM {TABLE[side]}"))
        add_columns(run.workspace, side, fields[side])
        read = 0
        async for records in _batches(connector.records(fields[side])):
            store(run.workspace, side, records, fields[side], schemas[side].identity_field, run.id)
            read += len(records)
            run.progress("reading contacts", done + read, max(total, done + read) if total else None)
        if read == 0 and before >= SUDDENLY_EMPTY:
            raise BrakeTripped(
                f"{schemas[side].app} shows no contact at all, where there were {before}",
                where=side,
                remedy="Check the account and the permissions of the credentials. Nothing was changed.",
            )
        drop_unseen(run.workspace, side, run.id)
        done += read


async def _batches(pages: AsyncIterator[list[Record]]) -> AsyncIterator[list[Record]]:
    waiting: list[Record] = []
    async for page in pages:
        waiting += page
        if len(waiting) >= COMMIT_ROWS:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


async def _subscriptions(run: Run, connection: Connection, hubspot: ListSource, unavailable: dict[str, str]) -> None:
    if connection.opt_in is None or not connection.opt_in.subscription:
        return
    addresses = [
        str(row[0]) for row in run.workspace.rows("SELECT DISTINCT email FROM hubspot_contact WHERE email <> ''")
    ]
    try:
        for start in range(0, len(addresses), COMMIT_ROWS):
            batch = addresses[start : start + COMMIT_ROWS]
            statuses = await hubspot.subscriptions(batch, connection.opt_in.subscription)
            with run.workspace.transaction() as sql:
                sql.executemany(
                    "UPDATE hubspot_contact SET _subscription = ? WHERE email = ?",
                    [(statuses.get(address, "NOT_SPECIFIED"), address) for address in batch],
                )
            run.progress("reading subscriptions", start + len(batch), len(addresses))
    except (ScopeMissing, LimitExhausted) as error:
        unavailable["subscription"] = error.what
