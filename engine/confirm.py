"""Just before the first write of a run, and after the last: are schemas, list and consent still what the plan was made on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.aliases import follow_merges
from engine.connection import Connection
from engine.errors import ConfigurationError
from engine.fields import fields_of, fields_to_read
from engine.fit import check_fit
from engine.gates import Situation
from engine.losses import Demand, last_reading
from engine.mirror import add_columns
from engine.observe import Sides, pair, read_schemas
from engine.runs import Run
from engine.schema import SIDES, Field, Side, SideSchema
from engine.scope import LIST, SUBSCRIPTION, read_list, read_subscriptions
from engine.situation import remember

ACCEPTED = Demand(accept_shrink=True)
"""After our own writes a list may have shrunk by them."""


async def before_writing(run: Run, situation: Situation, sides: Sides, demand: Demand) -> Situation:
    """The situation to write by: the same object if nothing has to be planned again.

    Reads both schemas again, and members and consent of those to be written unless this run has read them. Raises
    ConfigurationError if the connection does not fit any more or the credentials open another account.
    """
    confirmed = await confirm_schemas(run, situation, sides)
    unavailable = dict(confirmed.unavailable)
    inclusion, members, fresh = confirmed.inclusion, confirmed.list_size, True
    if situation.connection.scope.list and not _read_in(run, LIST):
        inclusion, members = await read_list(run, situation.connection, sides.hubspot, unavailable, demand)
        fresh = False
    opt_in = situation.connection.opt_in
    if opt_in is not None and opt_in.subscription and not _read_in(run, SUBSCRIPTION):
        planned = [str(row[0]) for row in run.workspace.rows(_PLANNED)]
        await read_subscriptions(run, situation.connection, sides.hubspot, unavailable, planned)
        fresh = False
    if fresh:
        return confirmed
    return remember(run, replace(confirmed, inclusion=inclusion, list_size=members, unavailable=unavailable))


_PLANNED = "SELECT DISTINCT c.hubspot_id FROM contact c JOIN planned_write p ON p.contact_id = c.id WHERE c.hubspot_id IS NOT NULL"


def _read_in(run: Run, part: str) -> bool:
    last = last_reading(run.workspace, part)
    return last is not None and last.run == run.id


async def after_writing(run: Run, situation: Situation, sides: Sides, *, refused: bool) -> Situation:
    """The situation to judge the result by.

    The list is read again if HubSpot was written to (a dynamic one follows the values) or a merge shows (the survivor is
    another member), the schemas if a write was
    `refused`, which a change of schema explains best. Records that were found gone are followed to where they went.
    """
    if refused:
        situation = await confirm_schemas(run, situation, sides)
    unavailable = dict(situation.unavailable)
    inclusion, members = situation.inclusion, situation.list_size
    written = "SELECT count(*) FROM journal WHERE run_id = ? AND side = 'hubspot' AND kept IS NOT NULL"
    fields = {side: fields_of(situation, side) for side in SIDES}
    merged = await follow_merges(run, sides, situation.schemas, fields)
    if merged or int(run.workspace.value(written, (run.id,))):
        inclusion, members = await read_list(run, situation.connection, sides.hubspot, unavailable, ACCEPTED)
    pair(run, situation.schemas)
    return remember(
        run,
        replace(situation, inclusion=inclusion, now=run.now(), list_size=members, unavailable=unavailable),
    )


async def confirm_schemas(run: Run, situation: Situation, sides: Sides) -> Situation:
    """Reads both schemas and compares the fields in use; gives the same object back if they are as they were.

    Otherwise logs `schema-changed` with the fields' names. Raises ConfigurationError if the connection does not fit the
    new schemas, or if an account is another one.
    """
    schemas = await read_schemas(sides)
    for side in SIDES:
        if schemas[side].account.id != situation.schemas[side].account.id:
            raise ConfigurationError(
                f"the credentials open another account of {schemas[side].app} than at the last reading",
                where=f"connection {situation.connection.name}, {side}",
                remedy=f"Log in to the right account, or read everything: syncdoctor check {situation.connection.name} --full",
            )
    changed = changed_fields(situation.connection, situation.schemas, schemas)
    if not changed:
        return situation
    run.event("warning", "schema-changed", f"changed since they were read: {', '.join(changed)}")
    check_fit(situation.connection, schemas)
    for side in SIDES:
        add_columns(run.workspace, side, fields_to_read(situation.connection, schemas, side))
    unavailable = {area: situation.unavailable[area] for area in (LIST, SUBSCRIPTION) if area in situation.unavailable}
    for schema in schemas.values():
        unavailable |= schema.unavailable
    return remember(run, replace(situation, schemas=schemas, unavailable=unavailable))


def changed_fields(
    connection: Connection, before: Mapping[Side, SideSchema], now: Mapping[Side, SideSchema]
) -> list[str]:
    """The fields in use, as `side.name`, that were added, removed or declared otherwise; required ones are always in use."""
    changed = []
    for side in SIDES:
        required = [
            name for schema in (before[side], now[side]) for name, field in schema.fields.items() if field.required
        ]
        used = [
            *fields_to_read(connection, before, side),
            *fields_to_read(connection, now, side),
            *(connection.hubspot.on_create if side == "hubspot" else ()),
            *required,
        ]
        for name in dict.fromkeys(used):
            if _declared(before[side].fields.get(name)) != _declared(now[side].fields.get(name)):
                changed.append(f"{side}.{name}")
    return changed


def _declared(field: Field | None) -> Field | None:
    """What counts of a declaration: not how a field is called for people."""
    return replace(field, label="") if field else None
