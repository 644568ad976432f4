"""A record refused in vague words is taken apart: the good fields arrive, the poison stands alone, and it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from engine.bisect import can_be_parted, in_parts, requests_for
from engine.connectors import Outcome, Record
from engine.operations import IN_PARTS, Operation

ALWAYS = frozenset({"EMAIL", "member_status"})


class Side:
    """A side that refuses every operation with a value in `poison`, naming no field."""

    def __init__(self, poison: Collection[str], *, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.poison = set(poison)
        self.held: dict[str, str] = {}
        self.there = False
        self.requests: list[Operation] = []
        self.refused: list[Operation] = []
        self._fails = fails

    async def send(self, op: Operation, more: bool) -> Outcome:
        """As `bisect.Send`."""
        self.requests.append(op)
        if self._fails(len(self.requests)):
            return Outcome(0, "in_doubt")
        if self.poison & set(op.values):
            if more:
                return Outcome(0, "not_applied", code=IN_PARTS)
            self.refused.append(op)
            return Outcome(0, "refused")
        assert self.there or op.kind == "create"
        self.there = True
        self.held |= op.values
        return Outcome(0, "applied", Record("7", dict(self.held), "", ""))


def operation(kind: str, fields: int) -> Operation:
    """An operation with so many optional fields F0, F1, ...; a create has address and status, too."""
    values = {f"F{number}": str(number) for number in range(fields)}
    needed = {"EMAIL": "a@firma.example", "member_status": "subscribed"} if kind == "create" else {}
    ids = {"hubspot": "1", "app": None if kind == "create" else "7"}
    return Operation(1, "app", kind, ids, "a@firma.example", {**needed, **values}, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["create", "update"])
@pytest.mark.parametrize("fields", [2, 3, 5, 8, 9, 17, 33])
async def test_one_poisoned_field_is_found_and_all_others_arrive(kind: str, fields: int) -> None:
    """Wherever it is, within the allowance of requests."""
    for position in range(fields):
        op = operation(kind, fields)
        poison = f"F{position}"
        side = Side({poison})
        side.there = kind == "update"

        await in_parts(op, ALWAYS, side.send)

        assert side.held == {field: value for field, value in op.values.items() if field != poison}
        assert [set(refused.values) for refused in side.refused] == [{poison}]
        assert all(refused.kind == "update" for refused in side.refused)
        assert len(side.requests) <= requests_for(fields)


@pytest.mark.parametrize("kind", ["create", "update"])
async def test_several_poisons_come_out_run_by_run(kind: str) -> None:
    """What the allowance does not reach is left for the next run, and every run gets on."""
    op = operation(kind, 12)
    poison = {"F1", "F4", "F10"}
    side = Side(poison)
    side.there = kind == "update"
    known: set[str] = set()
    rest = op
    for _ in range(6):
        before = len(side.requests)
        await in_parts(rest, ALWAYS, side.send)
        assert len(side.requests) - before <= requests_for(12)
        known |= {field for refused in side.refused for field in refused.values if len(refused.values) == 1}
        left = [field for field in op.values if field not in known and field not in side.held]
        if len(left) < 2:
            break
        rest = operation("update", 12).only(left) if side.there else op.only(left)
    assert known >= poison - set(left)
    assert set(side.held) == set(op.values) - poison


async def test_a_create_that_is_refused_with_nothing_optional_is_refused_whole() -> None:
    """The last try holds only what every create needs, and its refusal is the record's own."""
    side = Side({"EMAIL"})
    await in_parts(operation("create", 6), ALWAYS, side.send)
    assert not side.there
    assert [set(op.values) for op in side.refused] == [ALWAYS]
    assert side.refused[0].whole == operation("create", 6).values
    assert all(set(op.values) >= ALWAYS for op in side.requests)


async def test_doubt_ends_the_search() -> None:
    """Nothing is sent for a record whose last answer was lost."""
    side = Side({"F1"}, fails=lambda number: number == 2)
    side.there = True
    await in_parts(operation("update", 8), ALWAYS, side.send)
    assert len(side.requests) == 2


def test_what_has_no_parts_is_not_taken_apart() -> None:
    """One changed field, or a create with nothing optional."""
    assert not can_be_parted(operation("update", 1), ALWAYS)
    assert not can_be_parted(operation("create", 0), ALWAYS)
    assert can_be_parted(operation("create", 1), ALWAYS)
