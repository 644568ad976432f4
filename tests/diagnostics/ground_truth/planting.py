"""Plants faults in invented contacts, and writes down what the planner has to find.

A planter knows one cause: the shapes of contacts that can have it, what it touches (two that touch the same thing do not go
together), and whether it needs a write that the contact would otherwise cause.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from diagnostics.causes import CAUSES
from diagnostics.causes.refusals import CLASSES
from diagnostics.checkup import GATES
from engine.gates import Situation, released
from engine.memory import BASE, REFUSED, SUSPENDED, Memory, nothing_known
from engine.plan import plan
from engine.quarantine import sent as sent_digest
from tests.diagnostics.causes.world import contacts, person
from tests.diagnostics.ground_truth.planters import PLANTERS, USUAL, Planter, Row, way

SHAPES = ("pair", "hubspot", "app")
REFUSED_SHARE = 0.2
SIGNED_UP = "jo@firma.example has signed up to a lot of lists very recently"
ORDER = [entry.code for entry in CAUSES]


@dataclass
class Planted:
    """A contact with its shape, its faults, and what has to be found of it."""

    number: int
    shape: str
    planters: list[Planter] = field(default_factory=list)

    @property
    def blockers(self) -> list[str]:
        """The causes that have to be found, in the order in which they decide."""
        return sorted({one.code for one in self.planters if one.state}, key=ORDER.index)

    @property
    def reported(self) -> set[str]:
        """The causes that have to be reported and stop nobody."""
        only = {one.code for one in self.planters if one.state is None}
        return only | {code for one in self.planters for code in one.reports}

    @property
    def verdict(self) -> tuple[str, str]:
        """State and cause that have to come out."""
        if self.blockers:
            first = self.blockers[0]
            return next(str(one.state) for one in self.planters if one.code == first), first
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
        found: dict[int, list[str]] = {number: [] for number in self.people}
        reported: dict[int, set[str]] = {number: set() for number in self.people}
        rows = answer.findings.unique(["contact", "code"]).sort("rank")
        for number, code, blocking in rows.select("contact", "code", "blocking").iter_rows():
            if blocking:
                found[number].append(code)
            else:
                reported[number].add(code)
        # Conflicts are the merge's, and decide after all gates; of a loop the gate speaks.
        disputed = answer.merged.filter((pl.col("outcome") == "conflict") & (pl.col("reason") != "loop"))
        for number in disputed["contact"].unique():
            found[number].append("conflict")
        return Answers({row[0]: (row[1], row[2]) for row in answer.verdicts.iter_rows()}, found, reported)


@dataclass(frozen=True)
class Answers:
    """Verdicts, blockers and what is only reported, by contact."""

    verdicts: Mapping[int, tuple[str, str]]
    blockers: Mapping[int, list[str]]
    reported: Mapping[int, set[str]]


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


def population(
    seed: int, people: int, of: Situation = USUAL, *, faulty: float = 0.8, planters: Sequence[Planter] = PLANTERS
) -> Truth:
    """A population in random proportions: who is faulty has one to five faults, and every planter's weight is drawn anew."""
    chance = random.Random(f"ground truth {seed}")
    weights = {one: chance.random() ** 2 + 0.02 for one in planters}
    refused = {one.code: chance.random() ** 2 + 0.02 for one in CLASSES}
    planted = {}
    for number in range(1, people + 1):
        one = Planted(number, chance.choice(SHAPES))
        if chance.random() < faulty:
            for _ in range(chance.choice((1, 1, 2, 3, 5))):
                _one_more(one, chance, weights)
        planted[number] = one
    return plant(planted, of, chance, refused)


def _one_more(one: Planted, chance: random.Random, weights: Mapping[Planter, float]) -> None:
    touched = {what for planter in one.planters for what in planter.touches}
    writing = any(planter.writes for planter in one.planters)
    silent = any(planter.stops_writes for planter in one.planters)
    fitting = [
        planter
        for planter in weights
        if one.shape in planter.shapes
        and not planter.touches & touched
        and not (planter.writes and silent)
        and not (planter.stops_writes and writing)
    ]
    if fitting:
        one.planters += chance.choices(fitting, [weights[planter] for planter in fitting])


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
        people[number].planters.append(way(one.code, state, people[number].shape, "refused", lambda _: None))
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
