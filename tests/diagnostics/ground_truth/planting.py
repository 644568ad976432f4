"""Plants faults in invented contacts, and writes down what the planner has to find.

A planter knows one cause: the shapes of contacts that can have it, what it touches (two that touch the same thing do not go
together), and whether it needs a write that the contact would otherwise cause.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from diagnostics.causes import CAUSES
from diagnostics.causes.refusals import CLASSES
from diagnostics.checkup import GATES
from engine.gates import Situation, State, released
from engine.mapped_pair import mapped_pairs
from engine.memory import BASE, REFUSED, SUSPENDED, Memory, nothing_known
from engine.plan import plan
from engine.quarantine import sent as sent_digest
from tests.diagnostics.causes.world import CONNECTION, contacts, person, situation

Row = dict[str, Any]
SHAPES = ("pair", "hubspot", "app")
REFUSED_SHARE = 0.2
SIGNED_UP = "jo@firma.example has signed up to a lot of lists very recently"
ORDER = [entry.code for entry in CAUSES]
USUAL: Situation = situation(mappings=[one for one in CONNECTION["mappings"] if one["hubspot"] != "lifecyclestage"])


@dataclass(frozen=True)
class Planter:
    """One way to have one cause. `plant` changes a row in place; `memory` gives what earlier runs left of it: a table of Memory
    and its row. `state` is the verdict if the cause decides. `writes`: the cause is about something that would be written."""

    code: str
    state: State
    shapes: Sequence[str]
    touches: frozenset[str]
    plant: Callable[[Row], None]
    memory: Callable[[Row], tuple[str, Row]] | None = None
    writes: bool = False
    stops_writes: bool = False


@dataclass
class Planted:
    """A contact with its shape, its faults, and what has to be found of it."""

    number: int
    shape: str
    planters: list[Planter] = field(default_factory=list)

    @property
    def blockers(self) -> list[str]:
        """The causes that have to be found, in the order in which they decide."""
        return sorted({one.code for one in self.planters}, key=ORDER.index)

    @property
    def verdict(self) -> tuple[str, str]:
        """State and cause that have to come out."""
        if self.blockers:
            first = self.blockers[0]
            return next(one.state for one in self.planters if one.code == first), first
        return ("in_sync" if self.shape == "pair" else "pending"), ""


@dataclass(frozen=True)
class Truth:
    """A planted population: the planner's input, and everybody's right answer by contact."""

    contacts: pl.DataFrame
    memory: Memory
    situation: Situation
    people: Mapping[int, Planted]

    def answered(self) -> Answers:
        """What the planner says."""
        answer = plan(self.contacts, self.memory, self.situation, GATES)
        blocking = answer.findings.filter("blocking").unique(["contact", "code"]).sort("rank")
        found: dict[int, list[str]] = {number: [] for number in self.people}
        for number, code in blocking.select("contact", "code").iter_rows():
            found[number].append(code)
        return Answers({row[0]: (row[1], row[2]) for row in answer.verdicts.iter_rows()}, found)


@dataclass(frozen=True)
class Answers:
    """Verdicts and blockers by contact."""

    verdicts: Mapping[int, tuple[str, str]]
    blockers: Mapping[int, list[str]]


def _sets(**values: object) -> Callable[[Row], None]:
    """Sets facts of a row; `hubspot__city` is a field of a record, set where there is that record."""

    def plant(row: Row) -> None:
        for name, value in values.items():
            side, _, of = name.partition("__")
            if not of:
                row[name] = value
            elif row[side]:
                row[f"{side}.{of}"] = value

    return plant


def _address(address: str) -> Callable[[Row], None]:
    def plant(row: Row) -> None:
        given = address.format(row["contact"])
        _sets(hubspot__email=given, app__EMAIL=given, email=given, email_key=given.strip().lower())(row)

    return plant


def _no_address(row: Row) -> None:
    _sets(hubspot__email="  ", email=row.get("app.EMAIL") or None)(row)


def _gone(row: Row) -> None:
    row["linked"] = True
    row["app_id" if row["hubspot"] else "hubspot_id"] = "77"


def _into_app(name: str, target: str, value: str) -> Callable[[Row], None]:
    """A value of HubSpot that has to go to the app, where the field is empty."""
    return _sets(**{f"hubspot__{name}": value, f"app__{target}": ""})


def _into_hubspot(name: str, source: str, value: str) -> Callable[[Row], None]:
    return _sets(**{f"hubspot__{name}": "", f"app__{source}": value})


def _moved(*, swap: bool) -> Callable[[Row], None]:
    """A linked pair whose address was changed in HubSpot to one that another member has."""

    def plant(row: Row) -> None:
        row |= {
            "linked": True,
            "app_holder": "ff",
            "app_swap": swap,
            "hubspot.email": f"neu{row['contact']}@firma.example",
        }

    return plant


def _last_agreed(field_name: str, column: str) -> Callable[[Row], tuple[str, Row]]:
    prints = {pair.name: pair.fingerprint for pair in mapped_pairs(USUAL.connection, USUAL.schemas)}

    def remember(row: Row) -> tuple[str, Row]:
        held = row[column]
        values = {"hubspot_value": held, "app_value": held, "fingerprint": prints[field_name]}
        return "base", {"contact": row["contact"], "field": field_name, **values}

    return remember


def _flipping(row: Row) -> tuple[str, Row]:
    spelt = {"hubspot_value": "Ulm", "app_value": "Ulmen"}
    writers = {"hubspot_writer": "WORKFLOW", "app_writer": ""}
    return "suspended", {"contact": row["contact"], "field": "city", "flips": 4, **spelt, **writers}


def _planter(code: str, state: State, shapes: str, touches: str, plant: Callable[[Row], None], **more: Any) -> Planter:
    return Planter(code, state, shapes.split(), frozenset(touches.split()), plant, **more)


ANY, IN_HUBSPOT, IN_APP, FROM_HUBSPOT, FROM_APP = (
    "pair hubspot app",
    "pair hubspot",
    "pair app",
    "pair hubspot",
    "pair app",
)
OUTSIDE = {"member_since": None}
CONTACT_PLANTERS = (
    _planter("erased", "excluded", ANY, "erased", _sets(erased=True)),
    *(_planter("in-doubt", "unknown", ANY, "doubt", _sets(in_doubt=side)) for side in ("hubspot", "app")),
    _planter("many-to-one", "failing", ANY, "link", _sets(hubspot_candidates="1, 2", app_candidates="aa")),
    _planter("counterpart-gone", "failing", "hubspot app", "link", _gone, stops_writes=True),
    _planter("email-missing", "excluded", IN_HUBSPOT, "address", _no_address),
    *(
        _planter("email-invalid", "excluded", ANY, "address", _address(text))
        for text in ("p{0}@firma.test", "p{0}@@firma.example", "p {0}@firma.example")
    ),
    _planter("email-duplicate", "failing", ANY, "link", _sets(hubspot_twins=2)),
    *(
        _planter("opt-in", "excluded", IN_HUBSPOT, "consent", _sets(hubspot__newsletter_opt_in=value))
        for value in ("false", "", "maybe")
    ),
    *(
        _planter("member-status", "excluded", IN_APP, "status", _sets(app__status=status))
        for status in ("unsubscribed", "cleaned", "pending", "archived")
    ),
    _planter("bounced", "excluded", IN_HUBSPOT, "bounce", _sets(hubspot__hs_email_hard_bounce_reason_enum="OTHER")),
    *(
        _planter("test-address", "excluded", ANY, "address", _address(text))
        for text in ("test.{0}@firma.example", "test-{0}@firma.example")
    ),
    _planter("disposable-domain", "excluded", ANY, "address", _address("p{0}@wegwerf.example")),
    _planter("list-criteria", "failing", IN_HUBSPOT, "list", _sets(**OUTSIDE, hubspot__lifecyclestage="evangelist")),
    _planter("list-membership", "excluded", IN_HUBSPOT, "list", _sets(**OUTSIDE, hubspot__lifecyclestage="other")),
    _planter("list-membership", "excluded", IN_HUBSPOT, "list", _sets(**OUTSIDE, hubspot__lifecyclestage="partner")),
)
FIELD_PLANTERS = tuple(
    _planter(code, "failing", shapes, touches, plant, writes=True)
    for code, shapes, touches, plant in (
        ("required-field", "hubspot", "firstname", _sets(hubspot__firstname=" ")),
        ("required-field", "app", "lastname", _sets(app__LNAME="")),
        ("field-type", FROM_HUBSPOT, "number", _into_app("customer_number", "CUSTNO", "A-1001")),
        ("field-type", FROM_APP, "points", _into_hubspot("loyalty_points", "POINTS", "viele")),
        ("field-option", FROM_HUBSPOT, "country", _into_app("country", "COUNTRY", "Atlantis")),
        ("field-format", FROM_HUBSPOT, "website", _into_app("website", "WEBSITE", "keine")),
        ("field-format", FROM_APP, "number", _into_hubspot("customer_number", "CUSTNO", "12")),
        ("field-length", FROM_HUBSPOT, "lastname", _into_app("lastname", "LNAME", "ü" * 128)),
        ("field-length", FROM_APP, "city", _into_hubspot("city", "CITY", "Oberammergau")),
        ("field-range", FROM_APP, "points", _into_hubspot("loyalty_points", "POINTS", "101")),
    )
)
LINK_PLANTERS = (
    _planter(
        "address-taken",
        "failing",
        "pair",
        "address link",
        _moved(swap=False),
        memory=_last_agreed("email", "app.EMAIL"),
        writes=True,
    ),
    _planter(
        "address-swap",
        "failing",
        "pair",
        "address link",
        _moved(swap=True),
        memory=_last_agreed("email", "app.EMAIL"),
        writes=True,
    ),
    _planter("field-loop", "conflict", "pair", "city", _sets(hubspot__city="Ulm", app__CITY="Ulmen"), memory=_flipping),
)
PLANTERS = CONTACT_PLANTERS + FIELD_PLANTERS + LINK_PLANTERS


def clean(number: int, shape: str) -> Row:
    """Somebody whom nothing stops: a pair in sync, or somebody on one side who may go to the other."""
    ours = {
        "firstname": "Jo",
        "lastname": "Doe",
        "city": "Ulm",
        "lifecyclestage": "lead",
        "hs_email_hard_bounce_reason_enum": "",
    }
    theirs = {"FNAME": "Jo", "LNAME": "Doe", "CITY": "Ulm"}
    both = {"country": "COUNTRY", "website": "WEBSITE", "customer_number": "CUSTNO", "loyalty_points": "POINTS"}
    ours |= dict.fromkeys(both, "")
    theirs |= dict.fromkeys(both.values(), "")
    return person(number, ours if shape != "app" else None, theirs if shape != "hubspot" else None)


def population(seed: int, people: int, of: Situation = USUAL, *, faulty: float = 0.8) -> Truth:
    """A population in random proportions: who is faulty has one to five faults, and every planter's weight is drawn anew."""
    chance = random.Random(f"ground truth {seed}")
    weights = {id(one): chance.random() ** 2 + 0.02 for one in PLANTERS}
    refused = {one.code: chance.random() ** 2 + 0.02 for one in CLASSES}
    planted = {}
    for number in range(1, people + 1):
        one = Planted(number, chance.choice(SHAPES))
        if chance.random() < faulty:
            for _ in range(chance.choice((1, 1, 2, 3, 5))):
                _one_more(one, chance, weights)
        planted[number] = one
    return plant(planted, of, chance, refused)


def _one_more(one: Planted, chance: random.Random, weights: Mapping[int, float]) -> None:
    touched = {what for planter in one.planters for what in planter.touches}
    writing = any(planter.writes for planter in one.planters)
    silent = any(planter.stops_writes for planter in one.planters)
    fitting = [
        planter
        for planter in PLANTERS
        if one.shape in planter.shapes
        and not planter.touches & touched
        and not (planter.writes and silent)
        and not (planter.stops_writes and writing)
    ]
    if fitting:
        one.planters += chance.choices(fitting, [weights[id(planter)] for planter in fitting])


def plant(
    people: Mapping[int, Planted],
    of: Situation,
    chance: random.Random | None = None,
    refused: Mapping[str, float] | None = None,
) -> Truth:
    """The planner's input for these people. With `refused` some who would be written get a refusal of what would be sent."""
    rows: list[Row] = []
    remembered: dict[str, list[Row]] = {"base": [], "suspended": [], "refused": []}
    for one in people.values():
        row = clean(one.number, one.shape)
        for planter in one.planters:
            if planter.memory is not None:
                table, kept = planter.memory(row)
                remembered[table].append(kept)
            planter.plant(row)
        rows.append(row)
    frame = contacts(*rows)
    memory = replace(
        nothing_known(),
        base=pl.DataFrame(remembered["base"], schema=BASE),
        suspended=pl.DataFrame(remembered["suspended"], schema=SUSPENDED),
    )
    if chance is not None and refused is not None:
        remembered["refused"] = list(_refusals(people, frame, memory, of, chance, refused))
    return Truth(frame, replace(memory, refused=pl.DataFrame(remembered["refused"], schema=REFUSED)), of, people)


def _refusals(
    people: Mapping[int, Planted],
    frame: pl.DataFrame,
    memory: Memory,
    of: Situation,
    chance: random.Random,
    weights: Mapping[str, float],
) -> Iterator[Row]:
    """Refusals of what would be sent, whole or of one field, and their planters among the people's faults. Each class is first given
    to somebody of whom it is the only fault."""
    due = chance.sample(CLASSES, len(CLASSES))
    answer = plan(frame, memory, of, GATES)
    sent: dict[tuple[int, str], dict[str, str]] = {}
    for row in released(answer.wanted, answer.findings).iter_rows(named=True):
        sent.setdefault((row["contact"], row["side"]), {})[row["field"]] = row["value"] or ""
    for (number, side), values in sorted(sent.items()):
        if chance.random() > REFUSED_SHARE or any(one.code.startswith("refused-") for one in people[number].planters):
            continue
        alone = due and not people[number].planters
        one = due.pop() if alone else chance.choices(CLASSES, [weights[one.code] for one in CLASSES])[0]
        single = [name for name in ("city", "CITY") if name in values]
        refused_field = single[0] if single and chance.random() < 0.5 else ""
        state = one.state if not refused_field else "failing"
        people[number].planters.append(_planter(one.code, state, people[number].shape, "refused", lambda _: None))
        yield {
            "contact": number,
            "side": side,
            "field": refused_field,
            "sent": sent_digest({refused_field: values[refused_field]} if refused_field else values),
            "lasting": 1,
            "code": min(one.codes, default="ERROR_GENERIC"),
            "message": "" if one.codes else SIGNED_UP,
            "correlation_id": f"c-{number}",
        }
