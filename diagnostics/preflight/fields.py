"""Lint of the mapped fields against what both sides declare. Pure; the first check of a connection that fits nowhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from diagnostics.preflight.codes import found
from diagnostics.preflight.finding import Finding
from engine.connection import Connection, FieldMapping
from engine.schema import SIDES, Side, SideSchema
from engine.visible import visible

PREVENTING = ("field-missing", "field-read-only", "field-unmappable", "identity-unmapped", "account-other")
"""Findings with which no examination can run: `engine.fit` refuses the connection."""

Schemas = Mapping[Side, SideSchema]


def place(mapping: FieldMapping) -> str:
    """How a mapping is named to people."""
    return f"mappings, {visible(mapping.hubspot, 60)} = {visible(mapping.app, 60)}"


def flows_to(connection: Connection, mapping: FieldMapping, side: Side) -> bool:
    """Whether the mapping writes to a side."""
    return connection.direction_of(mapping) in ("two_way", f"to_{side}")


def creates_in(connection: Connection, side: Side) -> bool:
    """Whether new contacts are made on a side."""
    return connection.sync.direction in ("two_way", f"to_{side}")


def lint_fields(connection: Connection, schemas: Schemas) -> Iterator[Finding]:
    """Findings on the fields that the connection names."""
    for mapping in connection.mappings:
        for side in SIDES:
            yield from _one_side(connection, mapping, schemas[side])
        yield from _overruled(connection, mapping)
    for side in SIDES:
        yield from _twice(connection, side, schemas[side])
    yield from _identity(connection, schemas)
    for where, name in _named(connection):
        if name not in schemas["hubspot"].fields:
            yield _missing(schemas["hubspot"], name, where)
    yield from _on_create(connection, schemas["hubspot"])


def _one_side(connection: Connection, mapping: FieldMapping, schema: SideSchema) -> Iterator[Finding]:
    name = connection.field(mapping, schema.side)
    column = f"{schema.side}.{name}"
    if name not in schema.fields:
        yield _missing(schema, name, place(mapping), mapping.name)
        return
    field = schema.fields[name]
    if field.type == "other":
        what = f"{schema.app}'s {name} is an address block, a file or another kind that cannot be mapped"
        yield found("field-unmappable", place(mapping), what, mapping=mapping.name, field=column)
    if field.read_only and flows_to(connection, mapping, schema.side):
        other = "app" if schema.side == "hubspot" else "hubspot"
        yield found(
            "field-read-only", place(mapping), f"{schema.app} lets nobody write {name} (read-only or calculated)",
            remedy=f'Set direction = "to_{other}" for this mapping, or remove it.', mapping=mapping.name, field=column,
        )  # fmt: skip


def _missing(schema: SideSchema, name: str, where: str, mapping: str = "") -> Finding:
    near = difflib.get_close_matches(name, schema.fields, n=3, cutoff=0.6)
    remedy = f"Close: {', '.join(near)}. If it is archived, take it out of the archive." if near else ""
    what = f"{schema.app} has no contact field {visible(name, 100)!r}, or it is archived"
    return found("field-missing", where, what, remedy=remedy, mapping=mapping, field=f"{schema.side}.{name}")


def _overruled(connection: Connection, mapping: FieldMapping) -> Iterator[Finding]:
    effective = connection.direction_of(mapping)
    if mapping.direction not in ("two_way", effective):
        what = f"says {mapping.direction}, but the connection's direction is {connection.sync.direction}, so it flows that way"
        yield found("direction-overruled", f"{place(mapping)}, direction", what, mapping=mapping.name)


def _twice(connection: Connection, side: Side, schema: SideSchema) -> Iterator[Finding]:
    by_name: dict[str, list[FieldMapping]] = {}
    for mapping in connection.mappings:
        by_name.setdefault(connection.field(mapping, side).casefold(), []).append(mapping)
    for several in by_name.values():
        if len(several) > 1:
            names = [connection.field(one, side) for one in several]
            what = f"{len(several)} mappings name {schema.app}'s field {visible(names[0], 60)}"
            partners = [connection.field(one, "app" if side == "hubspot" else "hubspot") for one in several]
            yield found(
                "field-twice", "mappings", what, mapping=several[0].name, field=f"{side}.{names[0]}", items=partners
            )


def _identity(connection: Connection, schemas: Schemas) -> Iterator[Finding]:
    hubspot, app = schemas["hubspot"].identity_field, schemas["app"].identity_field
    identity = next((one for one in connection.mappings if (one.hubspot, one.app) == (hubspot, app)), None)
    if identity is None or connection.direction_of(identity) != connection.sync.direction:
        what = f"{hubspot} = {app} has to be mapped in the connection's direction ({connection.sync.direction})"
        remedy = f'Add a mapping with hubspot = "{hubspot}" and app = "{app}", and no direction of its own.'
        yield found("identity-unmapped", "mappings", what, remedy=remedy)


def _named(connection: Connection) -> Iterator[tuple[str, str]]:
    """HubSpot properties that the file names outside its mappings."""
    if connection.opt_in and connection.opt_in.property:
        yield "opt_in.property", connection.opt_in.property
    if connection.goals.contacts:
        yield "goals.contacts.property", connection.goals.contacts.property
    for name in connection.hubspot.on_create:
        yield f"hubspot.on_create.{name}", name


def _on_create(connection: Connection, schema: SideSchema) -> Iterator[Finding]:
    if not creates_in(connection, "hubspot"):
        return
    mapped = {mapping.hubspot for mapping in connection.mappings if flows_to(connection, mapping, "hubspot")}
    for name, value in connection.hubspot.on_create.items():
        field, where = schema.fields.get(name), f"hubspot.on_create.{name}"
        if field is None:
            continue
        choices = [option.value for option in field.options]
        if field.read_only:
            what = f"HubSpot lets nobody write {name} (read-only or calculated)"
            yield found("on-create-unfit", where, what, field=f"hubspot.{name}")
        elif choices and not set(value.split(";") if field.type == "options" else [value]) <= set(choices):
            what = f"{visible(value, 60)!r} is no choice of {name}"
            yield found("on-create-unfit", where, what, field=f"hubspot.{name}", items=choices)
        if name in mapped:
            what = f"{name} is mapped too: the mapped value counts, and where it is empty new contacts get none"
            yield found("on-create-hidden", where, what, field=f"hubspot.{name}")
