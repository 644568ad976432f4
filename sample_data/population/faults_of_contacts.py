"""Planters for causes that stop a whole contact: address, consent, status, list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from unicodedata import normalize

from sample_data.population.clean import Maker
from sample_data.population.hostile import STACKED_MARKS
from sample_data.population.person import Person, Shape

Plant = Callable[[Person, Maker], Person]

BAD_STATUSES = ("unsubscribed", "cleaned", "pending", "transactional", "archived")
TEST_LOCALS = ("test", "test.newsletter", "test-1", "test+a", "asdf", "qwerty", "foo", "foobar", "xxx", "dummy")
UNUSABLE_EVERYWHERE = ("{0}@firma.test", "{0}@alt.invalid")
UNUSABLE_IN_HUBSPOT = (
    "{0}@localhost",
    "{0}.example.com",
    "{0}@@example.com",
    "{0}..doppelpunkt@example.org",
    "{0} leerstelle@example.net",
    "{0}@-strich.example",
    "@{0}.example",
)
BOUNCES = ("UNKNOWN_USER", "MAILBOX_FULL", "POLICY", "SPAM", "OTHER")


@dataclass(frozen=True)
class Planter:
    """Plants one cause in a clean person of one shape. Two planters go together if they touch nothing in common."""

    cause: str
    shape: Shape
    touches: frozenset[str]
    plant: Plant


def planter(cause: str, shape: Shape, touches: str, plant: Plant) -> Planter:
    """A planter; `touches` are words separated by blanks."""
    return Planter(cause, shape, frozenset(touches.split()), plant)


def _no_email(blank: str) -> Plant:
    return lambda person, maker: person.on_hubspot(email=blank)


def _unusable_email(form: str) -> Plant:
    def plant(person: Person, maker: Maker) -> Person:
        local = person.value("email").partition("@")[0].replace("+", ".")
        number = 1
        while not maker.addresses.claim(email := form.format(local if number == 1 else f"{local}{number}")):
            number += 1
        return person.on_both(email=email)

    return plant


def _test_email(local: str) -> Plant:
    return lambda person, maker: person.on_both(email=maker.addresses.exact(local))


def _throw_away_email(person: Person, maker: Maker) -> Person:
    first, last = person.value("firstname"), person.value("lastname")
    return person.on_both(email=maker.addresses.personal(first, last, ("wegwerf.example",)))


def _hubspot(**values: str) -> Plant:
    return lambda person, maker: person.on_hubspot(**values)


def _hostile_without_consent(person: Person, maker: Maker) -> Person:
    return person.on_hubspot(lastname=STACKED_MARKS, newsletter_opt_in="false")


def _status(status: str) -> Plant:
    return lambda person, maker: replace(person, status=status)


def _stage(stage: str, choice: str) -> Plant:
    return lambda person, maker: person.on_hubspot(lifecyclestage=stage).on_member(STAGE=choice)


def _bounce(person: Person, maker: Maker) -> Person:
    return person.on_hubspot(hs_email_hard_bounce_reason_enum=maker.rng.choice(BOUNCES))


SIDES: tuple[Shape, ...] = ("hubspot", "app", "pair")
IN_HUBSPOT: tuple[Shape, ...] = ("hubspot", "pair")

CONTACT_PLANTERS: tuple[Planter, ...] = (
    planter("email-missing", "hubspot", "email", _no_email("")),
    planter("email-missing", "hubspot", "email", _no_email("   ")),
    *(planter("email-invalid", shape, "email", _unusable_email(f)) for shape in SIDES for f in UNUSABLE_EVERYWHERE),
    *(planter("email-invalid", "hubspot", "email", _unusable_email(form)) for form in UNUSABLE_IN_HUBSPOT),
    *(planter("opt-in", shape, "opt-in", _hubspot(newsletter_opt_in="false")) for shape in IN_HUBSPOT),
    *(planter("opt-in", shape, "opt-in", _hubspot(newsletter_opt_in="")) for shape in IN_HUBSPOT),
    *(planter("opt-in", shape, "opt-in", _hubspot(hs_email_optout="true")) for shape in IN_HUBSPOT),
    planter("opt-in", "hubspot", "opt-in lastname", _hostile_without_consent),
    *(planter("member-status", "app", "status", _status(status)) for status in BAD_STATUSES),
    *(planter("member-status", "pair", "status", _status(status)) for status in BAD_STATUSES),
    *(planter("bounced", shape, "bounce", _bounce) for shape in IN_HUBSPOT),
    *(planter("test-address", shape, "email", _test_email(local)) for local in TEST_LOCALS for shape in SIDES),
    *(planter("disposable-domain", shape, "email", _throw_away_email) for shape in SIDES),
    *(planter("list-criteria", shape, "stage", _stage("evangelist", "Fürsprecher")) for shape in IN_HUBSPOT),
    *(planter("list-membership", shape, "stage", _stage("other", "Kunde")) for shape in IN_HUBSPOT),
    *(planter("list-membership", shape, "stage", _stage("", "Abonnent")) for shape in IN_HUBSPOT),
)

DUPLICATE_GROUPS = (
    ("hubspot", "hubspot"),
    ("app", "app"),
    ("hubspot", "hubspot", "app"),
    ("hubspot", "app", "app"),
)
"""The sides that the records of a group of equal addresses are on, one group after another."""


def duplicates(maker: Maker, number: int) -> list[Person]:
    """Two or three records whose addresses differ in their bytes and are equal after normalisation.

    `number` counts the groups: it decides the sides, and whether the local part (NFC and NFD) or the form of
    the domain (Unicode and ASCII) differs.
    """
    sides = DUPLICATE_GROUPS[number % len(DUPLICATE_GROUPS)]
    by_domain = (number // len(DUPLICATE_GROUPS)) % 2 == 1
    local, domains = ("verena", ("bücher.example",)) if by_domain else ("jörg.böhm", ("example.com", "post.example"))
    email = maker.addresses.at(local, domains)
    forms = (email, _ascii_domain(email) if by_domain else normalize("NFD", email))
    used: dict[str, int] = {}
    group = []
    for side in sides:
        shape: Shape = "hubspot" if side == "hubspot" else "app"
        form = forms[used.get(side, 0)]
        used[side] = used.get(side, 0) + 1
        group.append(maker.person(shape).on_both(email=form).stopped_by("email-duplicate", frozenset({"email"})))
    return group


def _ascii_domain(email: str) -> str:
    local, _, domain = email.partition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"
