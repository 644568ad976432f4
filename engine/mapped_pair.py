"""A mapping with what both schemas say of it: how its values are read, compared, translated and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from engine.canonical import Reading, Words, comparable, date, instant, members, midnight, words
from engine.connection import CONSENTS, Connection, Direction, FieldMapping, MergeKind
from engine.phones import region
from engine.schema import SIDES, FieldType, Side, SideSchema

LIFECYCLE_STAGE = "lifecyclestage"
STAGES = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other",
)  # fmt: skip
"""HubSpot's lifecycle stages in the order in which a contact may move (properties API, default options)."""
_LAST_STAGE = "other"
_PRECEDENCE: tuple[FieldType, ...] = ("email", "number", "date", "datetime", "phone", "bool", "options", "option")


@dataclass(frozen=True)
class MappedPair:
    """One mapping with what both schemas say of it. `to_app` and `to_hubspot` translate single option values."""

    name: str
    hubspot: str
    app: str
    kind: FieldType
    direction: Direction
    merge: MergeKind
    readings: Mapping[Side, Reading]
    to_app: Mapping[str, str]
    to_hubspot: Words
    accepted: tuple[str, ...]
    """For `consent`: the canonical values with which a person may be written to; all others are strict."""
    order: tuple[str, ...]
    """For `forward`: the canonical values, the earliest first."""
    fingerprint: str
    """Changes when the mapping means something else; a base of another fingerprint does not count."""

    def field(self, side: Side) -> str:
        """The field's own name on a side."""
        return self.hubspot if side == "hubspot" else self.app

    def column(self, side: Side) -> str:
        """The column of a side in a frame of contacts."""
        return f"{side}.{self.field(side)}"

    def comparable(self, side: Side, column: pl.Expr) -> pl.Expr:
        """A raw column of a side in canonical form; option values in HubSpot's words. Where the mapping has a country,
        the frame has to hold the country's columns."""
        return comparable(column, self.readings[side])

    def translated(self, column: pl.Expr, to: Side) -> pl.Expr:
        """A raw column of the other side as it would be written to this one."""
        source, target = self.readings["hubspot" if to == "app" else "app"], self.readings[to]
        trimmed = column.str.strip_chars()
        if self.kind == "options":
            held = members(column, source.separator, source.words if to == "hubspot" else Words())
            return self.joined(held, to)
        if to == "app":
            spelt = trimmed.replace(dict(self.to_app)) if self.to_app else trimmed
        else:
            spelt = self.to_hubspot.values(trimmed)
        if self.kind == "date":
            day = comparable(spelt, replace(source, words=Words()))
            return pl.coalesce(midnight(date(day), target.zone), day) if target.moments else day
        if self.kind == "datetime":
            return pl.coalesce(instant(spelt, source.zone), spelt)
        return spelt

    def joined(self, held: pl.Expr, to: Side) -> pl.Expr:
        """A list of internal values as it would be written to a side that holds sets as one text."""
        spelt = held.list.eval(pl.element().replace(dict(self.to_app))) if to == "app" and self.to_app else held
        return spelt.list.join(self.readings[to].separator)

    def rank(self, canonical: pl.Expr) -> pl.Expr:
        """How far a canonical value is on the way that a typed merge knows; null where it knows none.

        consent: 0 strict, 1 allowed. forward: the place in the order, -1 for empty.
        """
        if self.merge == "consent":
            return canonical.is_in(self.accepted).cast(pl.Int32)
        if self.merge == "forward":
            places = {"": -1, **{value: place for place, value in enumerate(self.order)}}
            return canonical.replace_strict(places, default=None, return_dtype=pl.Int32)
        return pl.lit(None, pl.Int32)

    def flows_to(self, side: Side) -> bool:
        """Whether this mapping may write to a side at all."""
        return self.direction in ("two_way", f"to_{side}")


def mapped_pairs(connection: Connection, schemas: Mapping[Side, SideSchema]) -> tuple[MappedPair, ...]:
    """The connection's mappings with kinds and option tables; fields missing from a schema count as text."""
    return tuple(_mapped(connection, mapping, schemas) for mapping in connection.mappings)


def _mapped(connection: Connection, mapping: FieldMapping, schemas: Mapping[Side, SideSchema]) -> MappedPair:
    types: dict[Side, FieldType] = {
        side: schemas[side].fields[connection.field(mapping, side)].type
        for side in SIDES
        if connection.field(mapping, side) in schemas[side].fields
    }
    kind: FieldType = next((kind for kind in _PRECEDENCE if kind in types.values()), "text")
    spellings = _spellings(mapping, schemas)
    region_of = _regions(connection, mapping) if kind == "phone" else {}
    readings: dict[Side, Reading] = {
        side: Reading(
            kind,
            moments=kind == "date" and types.get(side) == "datetime",
            zone=_zone(schemas[side]),
            words=spellings[side],
            separator=mapping.separator if side == "app" else ";",
            region=region_of.get(side),
        )
        for side in SIDES
    }
    merge = mapping.merge or _merge_kind(connection, mapping, schemas, kind)
    accepted = _accepted(connection, mapping, schemas) if merge == "consent" else ()
    return MappedPair(
        name=mapping.name,
        hubspot=mapping.hubspot,
        app=mapping.app,
        kind=kind,
        direction=connection.direction_of(mapping),
        merge=merge,
        readings=readings,
        to_app=_to_app(mapping, schemas),
        to_hubspot=spellings["app"],
        accepted=_canonical(accepted, readings["hubspot"]),
        order=_order(mapping, schemas) if merge == "forward" else (),
        fingerprint=_fingerprint(connection, mapping, kind, readings),
    )  # fmt: skip


def _canonical(values: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    return tuple(pl.select(comparable(pl.lit(pl.Series(values)), reading)).to_series()) if values else ()


def _fingerprint(
    connection: Connection, mapping: FieldMapping, kind: FieldType, readings: Mapping[Side, Reading]
) -> str:
    meaning = (
        mapping.hubspot, mapping.app, kind, sorted(mapping.options.items()), connection.app.audience,
        connection.country_of(mapping) if kind == "phone" else "",
        [(readings[side].moments, readings[side].zone if readings[side].moments else "") for side in SIDES],
    )  # fmt: skip
    return hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]


def _zone(schema: SideSchema) -> str:
    try:
        return ZoneInfo(schema.account.time_zone).key
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"


def _regions(connection: Connection, mapping: FieldMapping) -> dict[Side, pl.Expr]:
    """The contact's country for each side: its own record's, else the other's."""
    country = next((one for one in connection.mappings if one.hubspot == connection.country_of(mapping)), None)
    if country is None:
        return {}
    own, other = region(pl.col(f"hubspot.{country.hubspot}")), region(pl.col(f"app.{country.app}"))
    return {"hubspot": pl.coalesce(own, other), "app": pl.coalesce(other, own)}


def _spellings(mapping: FieldMapping, schemas: Mapping[Side, SideSchema]) -> dict[Side, Words]:
    """What each side may call an option: HubSpot its internal values, the app its choices, HubSpot's values or labels."""
    hubspot, app = schemas["hubspot"].fields.get(mapping.hubspot), schemas["app"].fields.get(mapping.app)
    by_choice: dict[str, str] = {}
    for value, choice in mapping.options.items():
        by_choice.setdefault(choice, value)
    same = {value: by_choice[choice] for value, choice in mapping.options.items() if by_choice[choice] != value}
    declared = hubspot.options if hubspot is not None and hubspot.type in ("option", "options") else ()
    spellings = [*by_choice.items(), *((option.value, option.value) for option in declared)]
    spellings += [(option.label, option.value) for option in declared]
    known = dict(reversed(spellings))
    if app is not None:
        spellings += [(one.label, known[one.value]) for one in app.options if one.value in known]
    return {"hubspot": Words(same) if same else Words(), "app": words(spellings)}


def _to_app(mapping: FieldMapping, schemas: Mapping[Side, SideSchema]) -> dict[str, str]:
    """The app's choice for HubSpot's internal value: as mapped, else the label where only that is a choice."""
    hubspot, app = schemas["hubspot"].fields.get(mapping.hubspot), schemas["app"].fields.get(mapping.app)
    choices = {option.value for option in app.options} if app is not None else set()
    by_label = {
        option.value: option.label
        for option in (hubspot.options if hubspot is not None else ())
        if option.value not in choices and option.label in choices
    }
    return by_label | mapping.options


def _merge_kind(
    connection: Connection, mapping: FieldMapping, schemas: Mapping[Side, SideSchema], kind: FieldType
) -> MergeKind:
    if mapping.accepted or _accepted(connection, mapping, schemas):
        return "consent"
    if mapping.hubspot == LIFECYCLE_STAGE:
        return "forward"
    return "set" if kind == "options" else "text"


def _accepted(connection: Connection, mapping: FieldMapping, schemas: Mapping[Side, SideSchema]) -> tuple[str, ...]:
    """HubSpot's values that allow writing to a person: as configured, by the opt-in rule, or by what the field is."""
    consent = schemas["app"].consent
    if mapping.accepted:
        return mapping.accepted
    if connection.opt_in and connection.opt_in.property == mapping.hubspot:
        return connection.opt_in.accepted
    if mapping.hubspot in CONSENTS:
        return ("false",)
    if consent and consent.name == mapping.app:
        return (
            tuple(value for value, choice in mapping.options.items() if choice in consent.accepted) or consent.accepted
        )
    return ()


def _order(mapping: FieldMapping, schemas: Mapping[Side, SideSchema]) -> tuple[str, ...]:
    field = schemas["hubspot"].fields.get(mapping.hubspot)
    declared = tuple(option.value for option in field.options) if field is not None else ()
    order = declared or STAGES
    return (*(value for value in order if value != _LAST_STAGE), *(value for value in order if value == _LAST_STAGE))
