"""Random histories: what people do to the fields of records on two sides, round by round, by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from engine.schema import SIDES, Side

FIELDS = ("f0", "f1", "f2", "f3", "f4")
VALUES = ("", "Bern", "Wien", "Graz", "Chur")
"""Few, so that both sides often come to the same value, or back to the last agreement."""
Replica = dict[str, dict[str, str]]
"""Record and field to value; a record that a side does not have is missing, an empty field is "" ."""


@dataclass(frozen=True)
class Edit:
    """Somebody sets a field on a side; the record is made there if it is missing."""

    side: Side
    record: str
    field: str
    value: str


@dataclass(frozen=True)
class People:
    """What people do. `never_cleared` and `never_grows` name a side without clearings or without new records;
    `first_meetings` lets both sides make the same record in one round."""

    never_cleared: Side | None = None
    never_grows: Side | None = None
    first_meetings: bool = True


def history(seed: int, records: int, rounds: int, people: People) -> Iterator[list[Edit]]:
    """The edits of each round. Half of the records are there from the first round, the others come later."""
    chance = random.Random(f"edits {seed}")
    known: set[str] = set()
    for number in range(rounds):
        edits = []
        for record in (f"r{index}" for index in range(records)):
            if record in known:
                edits += [edit for field in FIELDS for edit in _field(chance, record, field, people)]
            elif chance.random() < (0.5 if number == 0 else 0.1):
                known.add(record)
                edits += _newcomer(chance, record, people)
        yield edits


def _newcomer(chance: random.Random, record: str, people: People) -> list[Edit]:
    growing: list[Side] = [side for side in SIDES if side != people.never_grows]
    both = people.first_meetings and len(growing) > 1 and chance.random() < 0.4
    sides = growing if both else [chance.choice(growing)]
    return [Edit(side, record, field, _value(chance, side, people)) for side in sides for field in FIELDS]


def _field(chance: random.Random, record: str, field: str, people: People) -> list[Edit]:
    drawn = chance.random()
    if drawn > 0.3:
        return []
    if drawn < 0.03:
        value = chance.choice(VALUES[1:] if people.never_cleared else VALUES)
        return [Edit(side, record, field, value) for side in SIDES]
    sides = SIDES if drawn < 0.1 else (chance.choice(SIDES),)
    return [Edit(side, record, field, _value(chance, side, people)) for side in sides]


def _value(chance: random.Random, side: Side, people: People) -> str:
    return chance.choice(VALUES[1:] if side == people.never_cleared else VALUES)
