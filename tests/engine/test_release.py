"""Staged release: sizes, order, and the halt where outcomes leave the prediction."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.checkup import GATES
from engine.cycle import sync
from engine.errors import ReleaseHalted
from engine.operations import Operation
from engine.release import Stage, compare, in_stages, sizes
from engine.runs import Run, open_release, release_is_first
from engine.situation import recall
from sample_data.portal import Fault
from tests.engine.test_cycle import World


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        (0, ()),
        (1, (1,)),
        (5, (1, 4)),
        (11, (1, 10)),
        (60, (1, 10, 49)),
        (200, (1, 10, 20, 169)),
        (1000, (1, 10, 100, 889)),
    ],
)
def test_one_ten_a_tenth_and_the_rest(contacts: int, expected: tuple[int, ...]) -> None:
    """Stages grow; a tenth that is smaller than ten is left out; nothing is empty."""
    assert sizes(contacts) == expected


@given(st.integers(0, 1_000_000))
def test_stages_add_up(contacts: int) -> None:
    """Every contact is in exactly one stage."""
    assert sum(sizes(contacts)) == contacts and all(size > 0 for size in sizes(contacts))


def test_a_contact_is_never_split_and_kinds_take_turns() -> None:
    """Both writes of a contact are in one stage; the second stage shows creates and updates of both sides."""
    operations = [
        Operation(contact, side, kind, {"hubspot": "h", "app": "a"}, "", {"x": "1"}, {"x": ""})
        for contact in range(100)
        for side in (("hubspot", "app") if contact < 50 else ("app",))
        for kind in ("create" if contact >= 50 else "update",)
    ]

    stages = in_stages(operations)

    assert sorted(map(len, stages)) == sorted([2, len(stages[1]), len(stages[2])])
    assert {op.kind for op in stages[0]} == {"update"} and len({op.contact for op in stages[0]}) == 1
    assert {(op.kind, op.side) for op in stages[1]} >= {("update", "hubspot"), ("create", "app")}
    assert [sum(op.contact == contact for op in stage) for contact in range(50) for stage in stages].count(1) == 0
    assert sum(map(len, stages)) == len(operations)


@pytest.mark.parametrize(
    ("number", "planned", "astray", "halts"),
    [(1, 1, 0, False), (1, 100, 1, True), (2, 100, 5, False), (2, 100, 6, True), (3, 10, 1, True), (2, 0, 0, False)],
)
def test_the_first_stage_tolerates_nothing(number: int, planned: int, astray: int, halts: bool) -> None:
    """More than the tolerance ends the release, exactly the tolerance does not."""
    assert Stage(number, planned, {"refused": astray} if astray else {}).beyond(5) is halts


async def staged(world: World) -> int:
    """A staged sync; the run's number."""
    run = Run(world.workspace, "sync")
    await sync(run, world.connection, world.sides(), GATES, staged=True)
    return run.id


async def test_a_release_that_goes_as_planned_writes_everything(small: World) -> None:
    """All stages are recorded as predicted and the next sync has nothing to do."""
    run = await staged(small)

    rows = small.workspace.rows("SELECT * FROM release_stage WHERE run_id = ? ORDER BY stage", (run,))
    assert len(rows) >= 3 and [row["stage"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["otherwise"] == 0 and row["as_predicted"] == row["planned"] for row in rows[:2])
    assert open_release(small.workspace) is None
    assert await small.sync() == 0


async def test_a_refusal_in_the_first_stage_ends_it(small: World) -> None:
    """The very first write fails: nothing else is sent, the error counts, and what is open is known."""
    small.portal.faults.add(Fault("mailchimp", "PATCH", "/members/", 1, "500_before"))
    await small.check()
    planned = int(small.workspace.value("SELECT count(*) FROM (SELECT DISTINCT contact_id, side FROM planned_write)"))
    run = Run(small.workspace, "sync")

    with pytest.raises(ReleaseHalted) as caught:
        await sync(run, small.connection, small.sides(), GATES, staged=True)

    written = int(small.workspace.value("SELECT count(*) FROM journal WHERE state IN ('verified', 'applied')"))
    tried = int(small.workspace.value("SELECT count(DISTINCT contact_id) FROM journal"))
    assert (tried, caught.value.exit_code) == (1, 4)
    assert f"{written} of {planned} were written" in caught.value.what
    run.finish("stopped", 4)
    assert open_release(small.workspace) == run.id
    assert release_is_first(small.workspace, 100)


async def test_a_value_kept_differently_counts_as_astray(small: World) -> None:
    """A server that keeps something else than was planned leaves the prediction; another spelling of the same does not."""
    run = await staged(small)
    entry = small.workspace.rows("SELECT * FROM journal WHERE state = 'verified' AND kind = 'update' LIMIT 1")[0]
    field, value = next(iter(json.loads(entry["sent"]).items()))
    operation = Operation(entry["contact_id"], entry["side"], "update", {}, "", {field: value}, {field: ""})
    other = Operation(entry["contact_id"], entry["side"], "update", {}, "", {"made_up": "9"}, {"made_up": ""})
    again = Run(small.workspace, "sync")
    again.id = run
    situation = recall(small.workspace, small.connection)

    assert compare(again, situation, 2, [operation], 0).otherwise == {}
    assert compare(again, situation, 2, [other], 0).otherwise == {"kept differently": 1}
    assert compare(again, situation, 2, [operation], entry["id"]).otherwise == {"changed meanwhile": 1}


async def test_only_a_first_activation_is_staged_by_itself(small: World) -> None:
    """More than ten contacts on a connection that never wrote; later syncs write at once, and so does a small plan."""
    assert release_is_first(small.workspace, 11) and not release_is_first(small.workspace, 10)
    await sync(Run(small.workspace, "sync"), small.connection, small.sides(), GATES, staged=None)

    assert int(small.workspace.value("SELECT count(*) FROM release_stage")) >= 2
    assert not release_is_first(small.workspace, 11)


async def test_a_kill_just_before_the_first_stage_leaves_the_release_open(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection counts as active from here on; the next sync must all the same go step by step."""

    class Killed(BaseException):
        """The process ends here."""

    async def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("engine.cycle.release", killed)
    with pytest.raises(Killed):
        await sync(Run(small.workspace, "sync"), small.connection, small.sides(), GATES, staged=None)

    assert small.workspace.value("SELECT count(*) FROM journal") == 0
    assert release_is_first(small.workspace, 11)
