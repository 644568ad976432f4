"""The evaluator against the practice portal's own, which is written separately: wherever it answers, both say the same."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.evaluate import Circumstances, answer
from sample_data.portal.hubspot.filters import Surroundings, meets
from tests.diagnostics.criteria.random_criteria import PROPERTIES, Invention

CRITERIA, CONTACTS = 400, 25


def test_the_evaluator_never_contradicts_the_portal_on_10_000_criteria_and_contacts() -> None:
    """Unknown is allowed, a wrong answer is not; and most answers are given."""
    answers: Counter[bool | None] = Counter()
    wrong: list[tuple[int, dict[str, Any], dict[str, str]]] = []
    for seed in range(CRITERIA):
        world = Invention(seed)
        branch = world.branch()
        people = [{name: world.value(name) for name in PROPERTIES} for _ in range(CONTACTS)]
        past = [{name: world.value(name) for name in PROPERTIES} for _ in range(CONTACTS)]
        inside = [world.chance.random() < 0.5 for _ in range(CONTACTS)]
        frame = pl.DataFrame({f"hubspot.{name}": [person[name] for person in people] for name in PROPERTIES})
        frame = frame.with_columns(pl.Series("inside", inside))
        tree = criteria_of(json.dumps(branch))
        assert tree is not None
        around = Circumstances(world.now, world.zone, frozenset(frame.columns), {"7": pl.col("inside")})
        given = frame.select(answer(tree, around).alias("answer"))
        ours = given["answer"].to_list() if given.height == CONTACTS else given["answer"].to_list() * CONTACTS
        for person, before, member, ours_of_it in zip(people, past, inside, ours, strict=True):
            now = int(world.now.timestamp() * 1000)

            def in_list(list_id: str, member: bool = member) -> bool:
                return member if list_id == "7" else True

            def history(name: str, before: dict[str, str] = before, now: int = now) -> list[tuple[str, int]]:
                return [(before[name], now - 3_600_000)]

            theirs = meets(branch, person, Surroundings(now, ZoneInfo(world.zone), in_list, history))
            answers[ours_of_it] += 1
            if ours_of_it is not None and ours_of_it != theirs:
                wrong.append((seed, branch, person))

    assert answers.total() == CRITERIA * CONTACTS
    assert wrong == []
    assert answers[True] > 1_500 and answers[False] > 1_500
