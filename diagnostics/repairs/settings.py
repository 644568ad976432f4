"""What repairs would change in the connection's configuration and in what a side declares: pure functions of the planner's inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from diagnostics.repairs.repair import Effect, Hypothetical
from engine.connection import Connection
from engine.schema import Field, Option, RuleKind, Side


def two_way(given: Hypothetical) -> Hypothetical:
    """The connection runs both ways."""
    sync = given.situation.connection.sync
    return _connected(given, sync=sync.model_copy(update={"direction": "two_way"}))


def paid_plan(given: Hypothetical) -> Hypothetical:
    """The HubSpot account has a paid plan."""
    hubspot = given.situation.connection.hubspot
    return _connected(given, hubspot=hubspot.model_copy(update={"tier": "professional"}))


def not_excluding(code: str) -> Effect:
    """The connection only reports this kind of unwanted data."""

    def effect(given: Hypothetical) -> Hypothetical:
        unwanted = given.situation.connection.unwanted
        kept = tuple(one for one in unwanted.exclude if one != code)
        return _connected(given, unwanted=unwanted.model_copy(update={"exclude": kept}))

    return effect


def without_mappings(names: Collection[str]) -> Effect:
    """The connection does not map these HubSpot properties."""

    def effect(given: Hypothetical) -> Hypothetical:
        kept = tuple(one for one in given.situation.connection.mappings if one.name not in names)
        return _connected(given, mappings=kept)

    return effect


def translating(mapping: str, options: Mapping[str, str]) -> Effect:
    """The mapping translates these of HubSpot's internal values to the app's choices."""

    def effect(given: Hypothetical) -> Hypothetical:
        changed = tuple(
            one.model_copy(update={"options": {**one.options, **options}}) if one.name == mapping else one
            for one in given.situation.connection.mappings
        )
        return _connected(given, mappings=changed)

    return effect


def on_create(name: str, value: str) -> Effect:
    """New HubSpot records get a value in the field from the connection."""

    def effect(given: Hypothetical) -> Hypothetical:
        hubspot = given.situation.connection.hubspot
        return _connected(given, hubspot=hubspot.model_copy(update={"on_create": {**hubspot.on_create, name: value}}))

    return effect


def not_on_create(name: str) -> Effect:
    """New HubSpot records get nothing in the field from the connection."""

    def effect(given: Hypothetical) -> Hypothetical:
        hubspot = given.situation.connection.hubspot
        rest = {field: value for field, value in hubspot.on_create.items() if field != name}
        return _connected(given, hubspot=hubspot.model_copy(update={"on_create": rest}))

    return effect


def more_options(side: Side, name: str, values: Collection[str]) -> Effect:
    """The field knows these choices too."""

    def effect(given: Hypothetical) -> Hypothetical:
        known = given.situation.schemas[side].fields[name].options
        return _declared(given, side, name, options=(*known, *(Option(value, value) for value in values)))

    return effect


def without_rules(side: Side, name: str, kinds: Collection[RuleKind]) -> Effect:
    """The field has no rules of these kinds."""

    def effect(given: Hypothetical) -> Hypothetical:
        rules = given.situation.schemas[side].fields[name].rules
        return _declared(given, side, name, rules=tuple(rule for rule in rules if rule.kind not in kinds))

    return effect


def optional(side: Side, name: str) -> Effect:
    """The side takes records without a value in the field."""
    return lambda given: _declared(given, side, name, required=False)


def _connected(given: Hypothetical, **changes: object) -> Hypothetical:
    connection: Connection = given.situation.connection.model_copy(update=changes)
    return replace(given, situation=replace(given.situation, connection=connection))


def _declared(given: Hypothetical, side: Side, name: str, **changes: object) -> Hypothetical:
    """With one field of a side declared otherwise."""
    schemas = given.situation.schemas
    known: Field = replace(schemas[side].fields[name], **changes)  # type: ignore[arg-type]
    changed = replace(schemas[side], fields={**schemas[side].fields, name: known})
    return replace(given, situation=replace(given.situation, schemas={**schemas, side: changed}))
