"""Composes a population: how many people of which kind, and which faulty people carry further faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from sample_data.population import situations
from sample_data.population.addresses import AddressBook
from sample_data.population.clean import Maker
from sample_data.population.faults_of_contacts import CONTACT_PLANTERS, Planter, duplicates
from sample_data.population.faults_of_fields import FIELD_PLANTERS
from sample_data.population.person import RANK, Person

PLANTERS = CONTACT_PLANTERS + FIELD_PLANTERS
SEVERAL_FAULTS = 0.05
"""Share of the faulty people who carry a second or third fault."""


@dataclass(frozen=True)
class Kind:
    """A kind of people with its usual share of the population (0 to 1). `make` gets the running number."""

    name: str
    share: float
    meaning: str
    make: Callable[[Maker, int], list[Person]]


def _faulty(cause: str) -> Callable[[Maker, int], list[Person]]:
    planters = [planter for planter in PLANTERS if planter.cause == cause]

    def make(maker: Maker, number: int) -> list[Person]:
        return [_planted(maker.person(planters[number % len(planters)].shape), planters[number % len(planters)], maker)]

    return make


def _planted(person: Person, planter: Planter, maker: Maker) -> Person:
    return planter.plant(person, maker).stopped_by(planter.cause, planter.touches)


def _fault(name: str, share: float, meaning: str) -> Kind:
    return Kind(name, share, meaning, _faulty(name))


FAULTS: tuple[Kind, ...] = (
    _fault("email-missing", 0.02, "HubSpot record without an e-mail address"),
    _fault("email-invalid", 0.02, "address that is not valid"),
    Kind("email-duplicate", 0.012, "records that share an address after normalisation", duplicates),
    _fault("opt-in", 0.05, "no consent in HubSpot"),
    _fault("member-status", 0.05, "member that is unsubscribed, cleaned, pending, transactional or archived"),
    _fault("bounced", 0.015, "hard bounce in HubSpot"),
    _fault("test-address", 0.015, "address of somebody's test"),
    _fault("disposable-domain", 0.01, "throw-away address"),
    _fault("list-criteria", 0.025, "named by the goal, forgotten by the list's criteria"),
    _fault("list-membership", 0.03, "not in the list, and the goal does not name it"),
    _fault("required-field", 0.02, "first name (for Mailchimp) or last name (for HubSpot) missing"),
    _fault("field-type", 0.012, "customer number that is no number"),
    _fault("field-option", 0.02, "country or lifecycle stage that the target does not offer"),
    _fault("field-format", 0.02, "website or customer number in a wrong format"),
    _fault("field-length", 0.012, "name or town that is too long"),
    _fault("field-range", 0.01, "loyalty points out of range"),
    Kind("conflict", 0.015, "one field changed on both sides within two minutes", situations.conflict),
)

SITUATIONS: tuple[Kind, ...] = (
    Kind("create-in-app", 0.09, "HubSpot only, free to go", situations.create_in_app),
    Kind("create-in-hubspot", 0.05, "Mailchimp only, free to go", situations.create_in_hubspot),
    Kind("update-in-app", 0.05, "changed in HubSpot last", situations.update_in_app),
    Kind("update-in-hubspot", 0.04, "changed in Mailchimp last", situations.update_in_hubspot),
    Kind("fill-in-app", 0.03, "field empty in Mailchimp", situations.fill_in_app),
    Kind("fill-in-hubspot", 0.02, "field empty in HubSpot", situations.fill_in_hubspot),
    Kind("stage-to-app", 0.03, "lifecycle stage to be written to Mailchimp", situations.stage_to_app),
    Kind("refused-by-app", 0.005, "pending, but Mailchimp will refuse the address", situations.refused_by_app),
    Kind("role-address", 0.012, "address of a function, reported only", situations.role_address),
    Kind("hostile-text", 0.02, "attack in a name or a town, without influence on the verdict", situations.hostile_text),
)

KINDS = FAULTS + SITUATIONS
"""Everyone who is of none of these kinds is a pair in sync."""


class ShareError(ValueError):
    """A share is unknown, not between 0 and 1, or all together exceed 1."""


def compose(seed: int, people: int, shares: Mapping[str, float] | None = None) -> list[Person]:
    """`people` invented persons in random order; the same arguments give the same persons.

    `shares` replaces the usual share of kinds by name. A kind with a share above 0 has at least one person (a
    group of equal addresses two or three) as long as there are people left. Raises ShareError; ValueError for a
    negative number of people.
    """
    if people < 0:
        raise ValueError(f"the number of people must not be negative: {people}")
    wanted = _shares(shares or {})
    rng = Random(f"people {seed}")
    maker = Maker(rng, AddressBook(rng))
    population: list[Person] = []
    for kind in KINDS:
        share = wanted[kind.name]
        if share:
            population += _of_kind(kind, maker, max(1, round(share * people)), people - len(population))
    for number in range(people - len(population)):
        population += situations.in_sync(maker, number)
    population = _with_further_faults(population, maker)
    rng.shuffle(population)
    return population


def _shares(changed: Mapping[str, float]) -> dict[str, float]:
    shares = {kind.name: kind.share for kind in KINDS}
    for name, share in changed.items():
        if name not in shares:
            raise ShareError(f"unknown fault: {name}")
        if not 0 <= share <= 1:
            raise ShareError(f"the share of {name} must be between 0 and 1: {share:g}")
        shares[name] = share
    total = sum(shares.values())
    if total > 1 + 1e-9:
        raise ShareError(f"all shares together must not exceed 1: {total:.3f}")
    return shares


def _of_kind(kind: Kind, maker: Maker, count: int, room: int) -> list[Person]:
    made: list[Person] = []
    for number in range(count):
        group = kind.make(maker, number)
        if len(made) >= count or len(made) + len(group) > room:
            break
        made += group
    return made


def _with_further_faults(population: list[Person], maker: Maker) -> list[Person]:
    """Gives some faulty people one or two further faults that the table ranks behind the one they have."""
    rng = maker.rng
    faulty = [place for place, person in enumerate(population) if person.causes and "conflict" not in person.causes]
    for place in rng.sample(faulty, int(len(faulty) * SEVERAL_FAULTS)):
        for _ in range(rng.choice((1, 1, 2))):
            population[place] = _with_one_more(population[place], maker)
    return population


def _with_one_more(person: Person, maker: Maker) -> Person:
    first = max(RANK[cause] for cause in person.causes)
    fitting = [
        planter
        for planter in PLANTERS
        if planter.shape == person.shape and RANK[planter.cause] > first and not planter.touches & person.touched
    ]
    return _planted(person, maker.rng.choice(fitting), maker) if fitting else person
