"""Whether a connection fits what its two sides declare; checked before anything is read or written."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from engine.connection import Connection, GoalContacts
from engine.errors import ConfigurationError
from engine.schema import SIDES, Side, SideSchema
from engine.visible import visible

_ID_FIELDS: Mapping[Side, str] = {"hubspot": "hubspot_id_field", "app": "app_id_field"}


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
    for side, key in _ID_FIELDS.items():
        if getattr(connection.observe, key):
            _known(schemas[side], getattr(connection.observe, key), f"{where}, observe.{key}")
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
