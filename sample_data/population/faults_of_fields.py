"""Planters for causes that stop a single value: it is missing, of the wrong type, format, length or range.

Only a value that would be written is judged, so a planter for a pair also sees to it that it would be written:
the other side is empty, or differs and is hours older.
"""

from __future__ import annotations

from typing import Literal

from sample_data.population.clean import Maker
from sample_data.population.faults_of_contacts import Plant, Planter, planter
from sample_data.population.hostile import STACKED_MARKS
from sample_data.population.person import TAGS, Person, Shape

LONG_ASCII_NAME = "von " + " und zu ".join(["Langenfeld-Hohenstein"] * 10)
LONG_UMLAUT_NAME = "Ö" + "ü" * 198 + "ß"
"""200 characters, 400 bytes."""
LONG_TOWN = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch " * 5 + "am See"
OVER_60_TOWN = "Sankt Gangolf an der Oberen Wilden Lauterach im Hinteren Bauernwald"

OUTGOING: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("field-type", "customer_number", ("A-1001", "KD 20417", "10-4711", "unbekannt")),
    ("field-option", "country", ("Liechtenstein", "Luxemburg", "Belgien", "Dänemark")),
    ("field-format", "website", ("www.example.org", "ftp://example.com/datei", "keine", "example.net")),
    ("field-length", "lastname", (LONG_ASCII_NAME, LONG_UMLAUT_NAME, STACKED_MARKS)),
    ("field-length", "city", (LONG_TOWN,)),
)
"""Cause, HubSpot's property, and values that Mailchimp does not take."""

INCOMING: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("field-format", "customer_number", ("123", "123456789", "7")),
    ("field-length", "city", (OVER_60_TOWN,)),
    ("field-range", "loyalty_points", ("-5", "250000", "100001")),
)
"""Cause, HubSpot's property, and values in Mailchimp that HubSpot's rules refuse."""


def _single(field: str, value: str) -> Plant:
    return lambda person, maker: person.on_both(**{field: value})


def _newer(field: str, value: str, side: Literal["hubspot", "app"]) -> Plant:
    def plant(person: Person, maker: Maker) -> Person:
        person = maker.newest(maker.filled(person, field), side)
        return person.on_hubspot(**{field: value}) if side == "hubspot" else person.on_member(**{TAGS[field]: value})

    return plant


def _fills_empty(field: str, value: str, side: Literal["hubspot", "app"]) -> Plant:
    def plant(person: Person, maker: Maker) -> Person:
        if side == "hubspot":
            return person.on_hubspot(**{field: value}).on_member(**{TAGS[field]: ""})
        return person.on_member(**{TAGS[field]: value}).on_hubspot(**{field: ""})

    return plant


def _wrong_values(
    table: tuple[tuple[str, str, tuple[str, ...]], ...], side: Literal["hubspot", "app"]
) -> list[Planter]:
    shape: Shape = side
    found = []
    for cause, field, values in table:
        for value in values:
            found.append(planter(cause, shape, field, _single(field, value)))
            found.append(planter(cause, "pair", f"{field} times", _newer(field, value, side)))
        if field not in ("firstname", "lastname"):
            found.append(planter(cause, "pair", field, _fills_empty(field, values[0], side)))
    return found


def _unmapped_stage(choice: str) -> Plant:
    def plant(person: Person, maker: Maker) -> Person:
        return maker.filled(person, "contract_start").on_hubspot(lifecyclestage="partner").on_member(STAGE=choice)

    return plant


def _no_first_name(person: Person, maker: Maker) -> Person:
    """Neither side has a first name, and a town would be written to Mailchimp."""
    return person.on_both(firstname="", city="").on_hubspot(city=maker.fresh("city"))


FIELD_PLANTERS: tuple[Planter, ...] = (
    planter("required-field", "hubspot", "firstname", _single("firstname", "")),
    planter("required-field", "hubspot", "firstname", _single("firstname", "  ")),
    planter("required-field", "app", "lastname", _single("lastname", "")),
    planter("required-field", "pair", "firstname city", _no_first_name),
    planter("field-option", "hubspot", "stage contract_start", _unmapped_stage("")),
    planter("field-option", "pair", "stage contract_start", _unmapped_stage("Kunde")),
    planter("field-option", "pair", "stage contract_start", _unmapped_stage("")),
    *_wrong_values(OUTGOING, "hubspot"),
    *_wrong_values(INCOMING, "app"),
)
