"""Lint of the kinds of two mapped fields: what one can carry of the other, days against moments, sets, consent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from diagnostics.preflight.codes import found
from diagnostics.preflight.fields import Schemas, flows_to, place
from diagnostics.preflight.finding import Finding
from engine.connection import CONSENTS, Connection, FieldMapping
from engine.schema import SIDES, Field, FieldType, Side

Carries = Literal["all", "some", "none"]
_OTHER: Mapping[Side, Side] = {"hubspot": "app", "app": "hubspot"}
_KINDS: Mapping[FieldType, str] = {
    "text": "text", "email": "e-mail address", "phone": "phone number", "url": "web address", "number": "number",
    "date": "date", "datetime": "date and time", "bool": "yes or no", "option": "choice", "options": "several choices",
}  # fmt: skip
_ALL: Mapping[FieldType, frozenset[FieldType]] = {
    "text": frozenset(_KINDS),
    "email": frozenset({"email"}),
    "phone": frozenset({"phone"}),
    "url": frozenset({"url"}),
    "number": frozenset({"number"}),
    "date": frozenset({"date", "datetime"}),
    "datetime": frozenset({"date", "datetime"}),
    "bool": frozenset({"bool"}),
    "option": frozenset({"option", "options"}),
    "options": frozenset({"option", "options"}),
}
"""For each target the sources all of whose values it takes, but for rules and choices, which are looked at by themselves."""
_SOME: Mapping[FieldType, frozenset[FieldType]] = {
    "email": frozenset({"text"}),
    "phone": frozenset({"text", "number"}),
    "url": frozenset({"text"}),
    "number": frozenset({"text", "phone", "option"}),
    "date": frozenset({"text"}),
    "datetime": frozenset({"text"}),
    "bool": frozenset({"text", "option"}),
    "option": frozenset({"text", "number"}),
    "options": frozenset({"text"}),
}
"""Sources of whose values it takes some. Source: the table of pairs in HubSpot's article on field mappings, and what the two
APIs refuse."""


def carries(source: FieldType, target: FieldType) -> Carries:
    """How much of one kind of field another can hold."""
    if source in _ALL.get(target, ()):
        return "all"
    return "some" if source in _SOME.get(target, ()) else "none"


def lint_types(connection: Connection, schemas: Schemas) -> Iterator[Finding]:
    """Findings on pairs of fields that both sides have."""
    for mapping in connection.mappings:
        fields = {side: schemas[side].fields.get(connection.field(mapping, side)) for side in SIDES}
        hubspot, app = fields["hubspot"], fields["app"]
        if hubspot is None or app is None or "other" in (hubspot.type, app.type):
            continue
        for target in SIDES:
            source = _OTHER[target]
            if flows_to(connection, mapping, target):
                yield from _carried(mapping, fields[source], fields[target], target)  # type: ignore[arg-type]
        yield from _times(mapping, hubspot, app, schemas)
        yield from _separator(mapping, hubspot, app)
        yield from _consent(connection, mapping, hubspot, schemas)
    yield from _accepted(connection, schemas)


def _carried(mapping: FieldMapping, source: Field, target: Field, side: Side) -> Iterator[Finding]:
    column = f"{side}.{target.name}"
    words = f"{source.name} ({_KINDS[source.type]}) into {target.name} ({_KINDS[target.type]})"
    if source.type == "bool" and target.type in ("option", "options"):
        choices = {option.value for option in target.options}
        spelt = (
            {mapping.options.get(value, value) for value in ("true", "false")} if side == "app" else {"true", "false"}
        )
        if not spelt <= choices:
            remedy = 'Translate "true" and "false" in the mapping\'s options.'
            yield found("types-unlike", place(mapping), f"{words}: {', '.join(sorted(spelt - choices))} is no choice",
                        remedy=remedy, mapping=mapping.name, field=column)  # fmt: skip
        return
    much = carries(source.type, target.type)
    if much == "none":
        yield found("types-unlike", place(mapping), f"{words}: no value fits", mapping=mapping.name, field=column)
    elif much == "some":
        yield found(
            "types-loose",
            place(mapping),
            f"{words}: values that are none are held back",
            mapping=mapping.name,
            field=column,
        )
    elif source.type == "options" and target.type == "option":
        yield found(
            "set-into-one",
            place(mapping),
            f"{words}: a contact with several is held back",
            mapping=mapping.name,
            field=column,
        )


def _times(mapping: FieldMapping, hubspot: Field, app: Field, schemas: Schemas) -> Iterator[Finding]:
    kinds = (hubspot.type, app.type)
    if not set(kinds) & {"date", "datetime"}:
        return
    zones = {side: schemas[side].account.time_zone for side in SIDES}
    for side in SIDES:
        if not _is_zone(zones[side]):
            what = f"{schemas[side].app} says {zones[side]!r}, which is no known time zone; its dates are read in UTC"
            yield found("zone-unknown", place(mapping), what, mapping=mapping.name)
    if sorted(kinds) != ["date", "datetime"]:
        return
    moment: Side = "hubspot" if hubspot.type == "datetime" else "app"
    day = _OTHER[moment]
    words = (
        f"{schemas[day].app} holds the day, {schemas[moment].app} the moment; the day is taken in {zones[moment]}, "
        f"the time zone of {schemas[moment].app}'s account"
    )
    yield found("date-moment", place(mapping), words, mapping=mapping.name)
    if zones["hubspot"] != zones["app"]:
        what = f"{schemas['hubspot'].app} is in {zones['hubspot']}, {schemas['app'].app} in {zones['app']}: near midnight the day differs"
        yield found("zones-differ", place(mapping), what, mapping=mapping.name)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _separator(mapping: FieldMapping, hubspot: Field, app: Field) -> Iterator[Finding]:
    """Choices that a joined text would split."""
    if hubspot.type != "options" or app.type in ("option", "options"):
        return
    own = mapping.separator.strip()
    spelt = [mapping.options.get(option.value, option.value) for option in hubspot.options]
    split = [one for one in spelt if own in one or ";" in one]
    if split:
        what = f"choices are joined by {own!r}, and {len(split)} of them contain it"
        yield found("set-separator", f"{place(mapping)}, separator", what, mapping=mapping.name, items=split)


def _consent(connection: Connection, mapping: FieldMapping, hubspot: Field, schemas: Schemas) -> Iterator[Finding]:
    consent = schemas["app"].consent
    carried = (
        mapping.hubspot in CONSENTS
        or mapping.hubspot == (connection.opt_in.property if connection.opt_in else None)
        or (consent is not None and mapping.app == consent.name)
    )
    if carried and mapping.merge not in (None, "consent"):
        what = f"{mapping.hubspot} holds consent and merges as {mapping.merge}"
        yield found("consent-unguarded", f"{place(mapping)}, merge", what, mapping=mapping.name)
    if mapping.accepted:
        yield from _can_be_held(hubspot, mapping.accepted, f"{place(mapping)}, accepted", mapping.name)


def _accepted(connection: Connection, schemas: Schemas) -> Iterator[Finding]:
    rule = connection.opt_in
    field = schemas["hubspot"].fields.get(rule.property) if rule and rule.property else None
    if rule and field:
        yield from _can_be_held(field, rule.accepted, "opt_in.accepted", "")


def _can_be_held(field: Field, accepted: tuple[str, ...], where: str, mapping: str) -> Iterator[Finding]:
    choices = [option.value for option in field.options] or (["true", "false"] if field.type == "bool" else [])
    strange = [value for value in accepted if value not in choices]
    if choices and strange:
        every = len(strange) == len(accepted)
        what = f"{', '.join(strange)} {'is' if len(strange) == 1 else 'are'} no choice of {field.name}" + (
            ": nobody could ever pass" if every else ""
        )
        yield found(
            "consent-accepted", where, what, severity="stops" if every else "warns", mapping=mapping,
            field=f"hubspot.{field.name}", items=choices,
        )  # fmt: skip
