"""Makes people whose values satisfy every rule of both sides: what faults are planted in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from sample_data.population.addresses import AddressBook
from sample_data.population.names import AREAS, LONG_LAST_NAMES, Area
from sample_data.population.person import REFERENCE_TIME, STAGE_CHOICES, TAGS, Person, Shape

HOUR = 3600
DAY = 24 * HOUR
FIRST_DAY = datetime(2018, 1, 8, tzinfo=UTC)
LISTED_STAGES = ("subscriber", "lead", "lead", "opportunity", "customer", "customer")
CREATED_BY = ("CRM_UI", "IMPORT", "FORM", "INTEGRATION", "API")
MEMBER_SOURCES = ("Import", "Embed Form", "API - Generic", "Admin Add", "Hosted Signup Form")
HUBSPOT_ONLY_FIELDS = (
    "newsletter_opt_in",
    "hs_email_optout",
    "hs_email_hard_bounce_reason_enum",
    "hs_additional_emails",
    "hs_object_source",
    "hs_object_source_label",
    "hs_marketable_status",
)
OPTIONAL = {
    "phone": 0.7,
    "city": 0.85,
    "country": 0.85,
    "website": 0.3,
    "customer_number": 0.5,
    "loyalty_points": 0.5,
    "contract_start": 0.4,
}
"""Fields that may be empty, with the share of people who have a value."""


class Maker:
    """Makes clean people. Randomness and the address book are handed in."""

    def __init__(self, rng: Random, addresses: AddressBook) -> None:
        self.rng = rng
        self.addresses = addresses

    def person(self, shape: Shape) -> Person:
        """A clean person: a pair whose fields all agree, or somebody known to one side only."""
        profile = self._profile()
        created, opted, older, newer = self._moments()
        hubspot_first = self.rng.random() < 0.5
        rng = self.rng
        hubspot = {
            **profile,
            "newsletter_opt_in": "true",
            "hs_email_optout": rng.choice(("", "", "false")),
            "hs_email_hard_bounce_reason_enum": "",
            "hs_additional_emails": "",
            "hs_object_source": rng.choice(CREATED_BY),
            "hs_object_source_label": "",
            "hs_marketable_status": rng.choice(("true", "true", "false")),
        }
        hubspot["hs_object_source_label"] = hubspot["hs_object_source"]
        member = {TAGS[name]: value for name, value in profile.items()}
        member["STAGE"] = "Abonnent" if shape == "app" else STAGE_CHOICES[profile["lifecyclestage"]]
        return Person(
            hubspot=None if shape == "app" else hubspot,
            member=None if shape == "hubspot" else member,
            state="in_sync" if shape == "pair" else "pending",
            created=created,
            opted=opted,
            updated=older if hubspot_first else newer,
            changed=(newer if hubspot_first else older).replace(microsecond=0),
            source=rng.choice(MEMBER_SOURCES),
        )

    def newest(self, person: Person, side: Literal["hubspot", "app"]) -> Person:
        """The same person, changed last on this side, by hours at least."""
        times = sorted((person.updated, person.changed))
        older, newer = times if side == "app" else times[::-1]
        return _at(person, older, newer)

    def at_once(self, person: Person) -> Person:
        """The same person, changed on both sides within two minutes."""
        gap = timedelta(seconds=self.rng.randint(1, 110))
        moment = min(person.updated, person.changed) + timedelta(hours=1)
        first, second = (moment, moment + gap) if self.rng.random() < 0.5 else (moment + gap, moment)
        return _at(person, first, second)

    def fresh(self, field: str, *unlike: str) -> str:
        """A clean value of a mapped field, different from the given ones."""
        while True:
            value = self._value(field, self._area())
            if value not in unlike:
                return value

    def filled(self, person: Person, *fields: str) -> Person:
        """The same person with a value, equal on both sides, in each of the given fields."""
        for field in fields:
            if not person.value(field):
                person = person.on_both(**{field: self.fresh(field)})
        return person

    def _profile(self) -> dict[str, str]:
        area = self._area()
        first, last = self.rng.choice(area.first), self.rng.choice(area.last)
        if self.rng.random() < 0.01:
            last = self.rng.choice(LONG_LAST_NAMES)
        profile = {name: "" for name in TAGS}
        profile |= {"email": self.addresses.personal(first, last), "firstname": first, "lastname": last}
        profile["lifecyclestage"] = self.rng.choice(LISTED_STAGES)
        for field, share in OPTIONAL.items():
            if self.rng.random() < share:
                profile[field] = self._value(field, area)
        return profile

    def _value(self, field: str, area: Area) -> str:
        rng = self.rng
        makers: dict[str, Callable[[], str]] = {
            "firstname": lambda: rng.choice(area.first),
            "lastname": lambda: rng.choice(area.last),
            "phone": self.addresses.phone,
            "city": lambda: rng.choice(area.towns),
            "country": lambda: rng.choice(area.countries),
            "website": self.addresses.website,
            "customer_number": lambda: str(rng.randint(1000, 99_999_999)),
            "loyalty_points": lambda: str(rng.choice((0, 5, rng.randint(1, 900), rng.randint(900, 100_000)))),
            "contract_start": lambda: (FIRST_DAY + timedelta(days=rng.randint(0, 3100))).date().isoformat(),
            "lifecyclestage": lambda: rng.choice(LISTED_STAGES),
        }
        return makers[field]()

    def _area(self) -> Area:
        return self.rng.choices(AREAS, weights=[area.weight for area in AREAS])[0]

    def _moments(self) -> tuple[datetime, datetime, datetime, datetime]:
        """Created, opted in, and two changes at least three hours apart, all before the reference time."""
        created = FIRST_DAY + timedelta(
            seconds=self.rng.randint(0, _seconds(FIRST_DAY, REFERENCE_TIME) - 30 * DAY),
            milliseconds=self.rng.randint(0, 999),
        )
        older = created + timedelta(
            seconds=self.rng.randint(HOUR, _seconds(created, REFERENCE_TIME) - 2 * DAY),
            milliseconds=self.rng.randint(0, 999),
        )
        newer = older + timedelta(seconds=self.rng.randint(3 * HOUR, _seconds(older, REFERENCE_TIME) - DAY // 2))
        opted = created + timedelta(seconds=self.rng.randint(60, HOUR - 60))
        return created, opted.replace(microsecond=0), older, newer


def _seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())


def _at(person: Person, updated: datetime, changed: datetime) -> Person:
    return replace(person, updated=updated, changed=changed.replace(microsecond=0))
