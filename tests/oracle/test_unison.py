"""Random histories of edits through Unison and through the planner: after every round both hold the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.schema import SIDES
from tests.oracle.histories import FIELDS, Edit, People, history
from tests.oracle.planned import PlannedReplicas
from tests.oracle.unison import Empty, UnisonReplicas

RECORDS = 40
ROUNDS = 10
SEEDS = range(3)


@dataclass(frozen=True)
class Terms:
    """Terms under which both programs promise the same: Unison's options, the connection's policy, what people do."""

    empty: Empty
    preferences: tuple[str, ...] = ()
    conflicts: str = "ask"
    direction: str = "two_way"
    people: People = field(default_factory=People)


TERMS = {
    "conflicts are left alone": Terms("no file"),
    "a clearing is an empty file": Terms("empty file", people=People(first_meetings=False)),
    "hubspot wins": Terms("no file", ("-prefer", "hubspot"), "hubspot", people=People(never_cleared="hubspot")),
    "the app wins": Terms("no file", ("-prefer", "app"), "app", people=People(never_cleared="app")),
    "one way": Terms(
        "no file", ("-force", "hubspot"), direction="to_app", people=People("hubspot", never_grows="app")
    ),
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_a_history_ends_as_with_unison(tmp_path: Path, terms: Terms, seed: int) -> None:
    """Edits on one side, on both with equal and different values, clearings, new records, first meetings."""
    unison = UnisonReplicas(tmp_path, terms.empty, terms.preferences)
    planned = PlannedReplicas(conflicts=terms.conflicts, direction=terms.direction)
    played: list[Edit] = []
    disputed = moved = 0
    for edits in history(seed, RECORDS, ROUNDS, terms.people):
        played += edits
        for replicas in (unison, planned):
            replicas.edit(edits)
        before = {side: unison.replica(side) for side in SIDES}
        for replicas in (unison, planned):
            replicas.synchronise()

        after = {side: unison.replica(side) for side in SIDES}
        assert _differences(planned, unison, played) == []
        moved += before != after
        disputed += after["hubspot"] != after["app"]
    assert moved == ROUNDS
    assert (disputed > 0) == (terms.conflicts == "ask" and terms.direction == "two_way")


@pytest.mark.parametrize(
    ("empty", "rounds", "planner", "unison"),
    [
        pytest.param("empty file", [("Bern", "")], ("Bern", "Bern"), ("Bern", ""), id="a first meeting fills"),
        pytest.param(
            "no file", [("Bern", "Bern "), ("Wien", "Bern ")], ("Wien", "Wien"), ("Wien", "Bern "), id="spelling"
        ),
    ],
)
def test_where_the_planner_means_something_else(
    tmp_path: Path,
    empty: Empty,
    rounds: list[tuple[str, str]],
    planner: tuple[str, str],
    unison: tuple[str, str],
) -> None:
    """The differences that docs/engine.md explains are there, and are these."""
    replicas = UnisonReplicas(tmp_path, empty), PlannedReplicas()
    for values in rounds:
        edits = [Edit(side, "r", "f0", value) for side, value in zip(SIDES, values, strict=True)]
        for each in replicas:
            each.edit(edits)
            each.synchronise()

    assert tuple(replicas[1].replica(side)["r"]["f0"] for side in SIDES) == planner
    assert tuple(replicas[0].replica(side)["r"]["f0"] for side in SIDES) == unison


def _differences(planned: PlannedReplicas, unison: UnisonReplicas, played: list[Edit]) -> list[str]:
    """A line for each field in which the two disagree, with all that people did to it."""
    lines = []
    for side in SIDES:
        ours, theirs = planned.replica(side), unison.replica(side)
        lines += [f"{side} {record}: only one of the two has it" for record in ours.keys() ^ theirs.keys()]
        lines += [
            f"{side} {record} {field}: planner {ours[record][field]!r}, Unison {theirs[record][field]!r}, after "
            + "; ".join(
                f"{edit.side}={edit.value!r}" for edit in played if (edit.record, edit.field) == (record, field)
            )
            for record in ours.keys() & theirs.keys()
            for field in FIELDS
            if ours[record][field] != theirs[record][field]
        ]
    return lines
