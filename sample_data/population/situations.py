"""People whom nothing stops: in sync with or without odd spelling, about to be written, in conflict."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal
from unicodedata import normalize

from sample_data.population.addresses import ROLES
from sample_data.population.clean import Maker
from sample_data.population.hostile import NAMES, TOWNS
from sample_data.population.person import STAGE_CHOICES, TAGS, Person, Shape

TWO_WAY = ("phone", "city", "country", "website", "customer_number", "loyalty_points", "contract_start")
CONFLICTING = ("phone", "city", "country", "website", "customer_number", "loyalty_points", "lastname")
REFUSALS = ("fake_emails", "forgotten_emails", "compliance_emails")


def in_sync(maker: Maker, number: int) -> list[Person]:
    """A pair that agrees; about every fourth in a spelling that differs and means the same."""
    person = maker.person("pair")
    if maker.rng.random() < 0.02:
        person = person.on_hubspot(hs_additional_emails=maker.addresses.personal(*_names(person)))
    if number % 4 == 0:
        person = _respelled(person, maker, number // 4)
    return [person]


def _names(person: Person) -> tuple[str, str]:
    return person.value("firstname"), person.value("lastname")


def _respelled(person: Person, maker: Maker, number: int) -> Person:
    kind = number % 7
    email = person.value("email")
    if kind == 0:
        phone = maker.filled(person, "phone")
        return phone.on_member(PHONE=phone.value("phone").replace("+", "00", 1).replace(" ", "-"))
    if kind == 1:
        phone = maker.filled(person, "phone")
        return phone.on_hubspot(phone=phone.value("phone").replace(" ", ""))
    if kind == 2:
        local, _, domain = email.partition("@")
        return person.on_hubspot(email=f"{local.title()}@{domain}")
    if kind == 3:
        return person.on_member(EMAIL=email.upper() if email.isascii() else email)
    if kind == 4:
        while normalize("NFD", "".join(_names(person))) == "".join(_names(person)):
            person = maker.person("pair")
        return person.on_member(**{TAGS[n]: normalize("NFD", person.value(n)) for n in ("firstname", "lastname")})
    if kind == 5:
        return person.on_hubspot(lastname=f"{person.value('lastname')} ", firstname=f" {person.value('firstname')}")
    points = maker.filled(person, "loyalty_points")
    return points.on_member(POINTS=f"{points.value('loyalty_points')}.0")


def create_in_app(maker: Maker, number: int) -> list[Person]:
    """Known to HubSpot only and free to go."""
    return [maker.person("hubspot")]


def create_in_hubspot(maker: Maker, number: int) -> list[Person]:
    """Known to Mailchimp only and free to go."""
    return [maker.person("app")]


def update_in_app(maker: Maker, number: int) -> list[Person]:
    """A pair whose value was changed in HubSpot last."""
    return [_updated(maker, number, "hubspot")]


def update_in_hubspot(maker: Maker, number: int) -> list[Person]:
    """A pair whose value was changed in Mailchimp last."""
    return [_updated(maker, number, "app")]


def _updated(maker: Maker, number: int, newer: Literal["hubspot", "app"]) -> Person:
    fields = ("lastname", "firstname", *TWO_WAY)
    field = fields[number % len(fields)]
    person = maker.newest(maker.filled(maker.person("pair"), field), newer)
    value = maker.fresh(field, person.value(field))
    changed = person.on_hubspot(**{field: value}) if newer == "hubspot" else person.on_member(**{TAGS[field]: value})
    return replace(changed, state="pending")


def fill_in_app(maker: Maker, number: int) -> list[Person]:
    """A pair with a field that is empty in Mailchimp only."""
    field = ("firstname", "lastname", *TWO_WAY)[number % (len(TWO_WAY) + 2)]
    person = maker.filled(maker.person("pair"), field)
    return [replace(person.on_member(**{TAGS[field]: ""}), state="pending")]


def fill_in_hubspot(maker: Maker, number: int) -> list[Person]:
    """A pair with a field that is empty in HubSpot only."""
    field = ("firstname", "lastname", *TWO_WAY)[number % (len(TWO_WAY) + 2)]
    person = maker.filled(maker.person("pair"), field)
    return [replace(person.on_hubspot(**{field: ""}), state="pending")]


def stage_to_app(maker: Maker, number: int) -> list[Person]:
    """A pair whose lifecycle stage has to go to Mailchimp: it is missing there, or an earlier one."""
    person = maker.person("pair")
    right = STAGE_CHOICES[person.value("lifecyclestage")]
    wrong = [choice for choice in STAGE_CHOICES.values() if choice != right]
    stage = "" if number % 3 == 0 else maker.rng.choice(wrong)
    return [replace(person.on_member(STAGE=stage), state="pending")]


def conflict(maker: Maker, number: int) -> list[Person]:
    """A pair whose field was changed on both sides within two minutes."""
    field = CONFLICTING[number % len(CONFLICTING)]
    person = maker.at_once(maker.filled(maker.person("pair"), field))
    value = maker.fresh(field, person.value(field))
    return [person.on_member(**{TAGS[field]: value}).stopped_by("conflict")]


def refused_by_app(maker: Maker, number: int) -> list[Person]:
    """Known to HubSpot only and free to go, but Mailchimp will refuse the address when it is written."""
    return [replace(maker.person("hubspot"), refusal=REFUSALS[number % len(REFUSALS)])]


def role_address(maker: Maker, number: int) -> list[Person]:
    """Someone whose address belongs to a function: reported, never stopped for it."""
    shapes: tuple[Shape, ...] = ("pair", "hubspot", "app")
    email = maker.addresses.exact(ROLES[number % len(ROLES)])
    return [maker.person(shapes[number % len(shapes)]).on_both(email=email)]


def hostile_text(maker: Maker, number: int) -> list[Person]:
    """Someone with an attack for a name or a town, equal on both sides: it changes no verdict."""
    shapes: tuple[Shape, ...] = ("pair", "pair", "hubspot", "app", "pair")
    person = maker.person(shapes[number % len(shapes)])
    texts = NAMES + TOWNS
    text = texts[number % len(texts)]
    if text in TOWNS:
        return [person.on_both(city=text)]
    return [person.on_both(**{("lastname", "firstname")[number % 2]: text})]
