"""The evaluator against the practice portal's own, which is written separately: wherever it answers, both say the same."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.evaluate import Circumstances, answer
from diagnostics.criteria.form import Part
from diagnostics.criteria.reasons import left_open_because
from sample_data.portal.hubspot.filters import Surroundings, meets
from tests.diagnostics.criteria.random_criteria import PROPERTIES, Invention

WORLDS, CRITERIA, CONTACTS = 40, 250, 5


@dataclass
class World:
    """Contacts with their past and who of them is in list 7, at one time in one zone, and criteria."""

    seed: int

    def __post_init__(self) -> None:
        invented = Invention(self.seed)
        self.now, self.zone = invented.now, invented.zone
        self.branches = [invented.branch() for _ in range(CRITERIA)]
        self.people, self.past = (
            [{name: invented.value(name) for name in PROPERTIES} for _ in range(CONTACTS)] for _ in range(2)
        )
        self.inside = [invented.chance.random() < 0.5 for _ in range(CONTACTS)]
        self.frame = pl.DataFrame({f"hubspot.{name}": [one[name] for one in self.people] for name in PROPERTIES})
        self.frame = self.frame.with_columns(pl.Series("inside", self.inside))
        self.around = Circumstances(self.now, self.zone, frozenset(self.frame.columns), {"7": pl.col("inside")})

    def trees(self) -> list[Part]:
        """The criteria as they are read here."""
        return [tree for branch in self.branches if (tree := criteria_of(json.dumps(branch))) is not None]

    def ours(self) -> list[list[bool | None]]:
        """What is answered here, by criteria and contact."""
        answers = {str(number): answer(tree, self.around) for number, tree in enumerate(self.trees())}
        told = self.frame.with_columns(**answers)
        return [told[number].to_list() for number in answers]

    def theirs(self, branch: dict[str, Any]) -> list[bool]:
        """What the portal says of each contact."""
        return [meets(branch, person, self._surroundings(place)) for place, person in enumerate(self.people)]

    def _surroundings(self, place: int) -> Surroundings:
        now = int(self.now.timestamp() * 1000)

        def in_list(list_id: str) -> bool:
            return self.inside[place] if list_id == "7" else True

        def history(name: str) -> list[tuple[str, int]]:
            return [(self.past[place][name], now - 3_600_000)]

        return Surroundings(now, ZoneInfo(self.zone), in_list, history)


def test_the_evaluator_never_contradicts_the_portal_on_10_000_random_criteria() -> None:
    """Each on several contacts. Unknown is allowed, a wrong answer is not; and most answers are given."""
    answers: Counter[bool | None] = Counter()
    wrong: list[tuple[int, dict[str, Any], dict[str, str]]] = []
    for seed in range(WORLDS):
        world = World(seed)
        for branch, ours in zip(world.branches, world.ours(), strict=True):
            answers.update(ours)
            for person, here, there in zip(world.people, ours, world.theirs(branch), strict=True):
                if here is not None and here != there:
                    wrong.append((seed, branch, person))

    assert answers.total() == WORLDS * CRITERIA * CONTACTS
    assert WORLDS * CRITERIA == 10_000
    assert wrong == []
    assert answers[True] + answers[False] > answers.total() / 2
    assert min(answers[True], answers[False]) > answers.total() / 8


def test_a_reason_is_given_exactly_where_the_answer_is_not_known() -> None:
    """For the same criteria and contacts."""
    for seed in range(2):
        world = World(seed)
        for tree, ours in zip(world.trees(), world.ours(), strict=True):
            why = world.frame.with_columns(why=left_open_because(tree, world.around))["why"].to_list()
            assert [bool(reason) for reason in why] == [one is None for one in ours]
