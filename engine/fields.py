"""Which fields of a side are read from it, and which of a mirrored contact's values the planner looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from engine.connection import Connection
from engine.gates import Situation
from engine.mapped_pair import MappedPair, mapped_pairs
from engine.observed_links import id_fields
from engine.population import Compared
from engine.schema import SIDES, Side, SideSchema

_OF_GATES = ("hs_email_optout", "hs_email_hard_bounce_reason_enum")
_OF_VERIFICATION = ("hs_object_source", "hs_object_source_label", "firstname", "lastname")


def compared(situation: Situation) -> Compared:
    """What the planner looks at in this situation. A gate may look at another field only beside a planned write.

    What the app calls otherwise than HubSpot is compared by its canonical form, and so always read.
    """
    connection, inclusion = situation.connection, situation.inclusion
    also = (*situation.also_read, *(inclusion.criteria_properties if inclusion else ()))
    always = {side: set(_looked_at(connection, situation.schemas[side], side, also)) for side in SIDES}
    always["hubspot"].update(also)
    unlike: list[pl.Expr] = []
    for pair in mapped_pairs(connection, situation.schemas):
        if not _same_text(pair):
            one, other = (pl.col(pair.column(side)) for side in SIDES)
            canonical = [pair.comparable(side, pl.col(pair.column(side))) for side in SIDES]
            unlike.append((one != other) & (canonical[0] != canonical[1]))
            for side in SIDES:
                always[side].add(pair.field(side))
    read = {side: frozenset(names) for side, names in always.items()}
    pairs = same_texts(connection, situation.schemas)
    return Compared(read, situation.schemas["hubspot"].identity_field, pairs, tuple(unlike))


def same_texts(connection: Connection, schemas: Mapping[Side, SideSchema]) -> tuple[tuple[str, str], ...]:
    """The mapped fields, HubSpot's and the app's, of which both sides hold the same text where they agree."""
    return tuple((pair.hubspot, pair.app) for pair in mapped_pairs(connection, schemas) if _same_text(pair))


def _same_text(pair: MappedPair) -> bool:
    return pair.kind != "options" and all(value == choice for value, choice in pair.to_app.items())


def fields_of(situation: Situation, side: Side) -> list[str]:
    """The fields of a side that are read, each once."""
    return fields_to_read(situation.connection, situation.schemas, side, situation.also_read)


def fields_to_read(
    connection: Connection, schemas: Mapping[Side, SideSchema], side: Side, also: Sequence[str] = ()
) -> list[str]:
    """The fields of a side that mappings, rules, gates and verification need, each once. `also`: HubSpot properties that the
    list's criteria look at; those that the schema does not have are left out."""
    schema = schemas[side]
    wanted = [schema.identity_field, *(connection.field(mapping, side) for mapping in connection.mappings)]
    wanted += _looked_at(connection, schema, side, also)
    wanted += [name for name in _OF_VERIFICATION if side == "hubspot" and name in schema.fields]
    wanted += [schema.additional_emails_field] if schema.additional_emails_field else []
    wanted += schema.former_ids_fields
    wanted += id_fields(connection, schema)
    return list(dict.fromkeys(wanted))


def _looked_at(connection: Connection, schema: SideSchema, side: Side, also: Sequence[str]) -> list[str]:
    wanted: list[str] = []
    if side == "hubspot":
        wanted += [connection.opt_in.property] if connection.opt_in and connection.opt_in.property else []
        wanted += [connection.goals.contacts.property] if connection.goals.contacts else []
        wanted += [name for name in (*_OF_GATES, *also) if name in schema.fields]
    elif schema.consent:
        wanted.append(schema.consent.name)
    return wanted
