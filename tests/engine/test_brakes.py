"""Brakes: a plan beyond any limit writes nothing and says which limits, all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from diagnostics.checkup import GATES
from engine.brakes import FEWEST_LINKED, Volume, brake, tripped, volume
from engine.connection import Brakes
from engine.cycle import sync
from engine.errors import BrakeTripped, ConfigurationError
from engine.losses import Demand
from engine.operations import Operation
from engine.runs import Run
from engine.schema import Side
from tests.engine.test_cycle import World
from tui.reading.plan import beyond, open_plan


def update(contact: int, values: Mapping[str, str], before: Mapping[str, str], side: Side = "app") -> Operation:
    """An update of a linked contact."""
    return Operation(contact, side, "update", {"hubspot": f"h{contact}", "app": f"a{contact}"}, "", values, before)


def with_brakes(world: World, **limits: int) -> World:
    """The same world with other limits."""
    brakes = world.connection.brakes.model_copy(update=limits)
    world.connection = world.connection.model_copy(update={"brakes": brakes})
    return world


def journalled(world: World) -> int:
    """How many writes were ever tried."""
    return int(world.workspace.value("SELECT count(*) FROM journal"))


def test_a_plan_is_counted_by_what_it_does(small: World) -> None:
    """Creates, updates, emptied fields, and changes per field of either side; filling in is a change, no clearing."""
    create = Operation(9, "hubspot", "create", {"hubspot": None, "app": "a9"}, "", {"email": "x"}, {"email": ""})
    planned = volume(
        [
            update(1, {"CITY": "", "FNAME": "B"}, {"CITY": "Bern", "FNAME": ""}),
            update(2, {"CITY": ""}, {"CITY": ""}),
            create,
        ],
        small.workspace,
    )

    assert planned == Volume(1, 2, 1, {("app", "CITY"): 2, ("app", "FNAME"): 1}, 0, {"hubspot": (1, 0)})


@pytest.mark.parametrize(
    ("changed", "linked", "trips"), [(5, 20, False), (6, 20, True), (19, 19, False), (26, 100, True)]
)
def test_a_fields_share_counts_from_twenty_contacts_on(changed: int, linked: int, trips: bool) -> None:
    """A quarter is allowed, more is not; with fewer than twenty linked contacts a share says nothing."""
    planned = Volume(updates=changed, changed={("app", "CITY"): changed}, linked=linked)

    assert FEWEST_LINKED == 20
    assert bool(tripped(Brakes(), planned)) is trips


async def test_all_brakes_are_named_at_once_and_nothing_is_written(small: World) -> None:
    """Creates, updates and a field's share trip together: one refusal, every key, no request that writes."""
    with_brakes(small, creates=1, updates=1, field_share=0)

    with pytest.raises(BrakeTripped) as caught:
        await small.sync()

    for key in ("brakes.creates", "brakes.updates", "brakes.field_share"):
        assert key in caught.value.where
    assert "clears" not in caught.value.where
    assert "--accept creates --accept updates --accept field_share" in caught.value.remedy
    assert journalled(small) == 0
    assert small.workspace.fact("activated_at") == ""


async def test_an_accepted_brake_lets_this_run_pass_and_the_others_hold(small: World) -> None:
    """Accepting one of two leaves the other; accepting both writes, and the next run is held again."""
    with_brakes(small, creates=1, updates=1)
    run = Run(small.workspace, "sync")
    with pytest.raises(BrakeTripped) as caught:
        await sync(run, small.connection, small.sides(), GATES, accepted=("creates",))
    assert "brakes.creates" not in caught.value.where

    applied, _ = await sync(
        Run(small.workspace, "sync"), small.connection, small.sides(), GATES, accepted=("creates", "updates")
    )

    assert applied.created > 1 and applied.updated > 1


def test_an_unknown_brake_is_wrong_usage(small: World) -> None:
    """A misspelt name does not silently accept nothing."""
    with pytest.raises(ConfigurationError, match="create"):
        brake(small.connection, Volume(), ("create",))


@pytest.mark.parametrize(
    ("creates", "held", "trips"), [(101, 100, True), (101, 101, False), (100, 5, False), (900, 0, False)]
)
def test_a_first_sync_may_not_more_than_double_a_side(creates: int, held: int, trips: bool) -> None:
    """A hundred creates are nothing to ask about; an empty side is asked about by a brake of its own."""
    limits = Brakes(creates=10_000)

    found = tripped(limits, Volume(creates=creates, first={"app": (creates, held)}))

    assert [one.key for one in found] == (["first_creates"] if trips else [])
    if trips:
        assert f"create {creates} contacts in the app, which holds only {held}: is the app complete" in found[0].what


async def test_a_half_empty_side_is_filled_only_when_told_and_only_the_first_time(small: World) -> None:
    """The audience holds a few of the members it had: nothing is written until somebody accepts it; `plan` says so too."""
    with_brakes(small, first_creates=3)
    small.portal._state.run("DELETE FROM member WHERE rowid NOT IN (SELECT rowid FROM member ORDER BY rowid LIMIT 2)")

    with pytest.raises(BrakeTripped, match="is the app complete, is it the right account") as caught:
        await sync(
            Run(small.workspace, "sync"), small.connection, small.sides(), GATES, demand=Demand(accept_shrink=True)
        )

    assert caught.value.where.endswith("brakes.first_creates") and "--accept first_creates" in caught.value.remedy
    assert journalled(small) == 0
    assert [one.key for one in beyond(open_plan(small.workspace), small.connection.brakes)] == ["first_creates"]
    applied, _ = await sync(
        Run(small.workspace, "sync"), small.connection, small.sides(), GATES, accepted=("first_creates",)
    )
    assert applied.created > 3
    assert beyond(open_plan(small.workspace), small.connection.brakes) == []


def test_the_remedy_of_an_undo_names_the_undo(small: World) -> None:
    """Another command accepts it."""
    with_brakes(small, updates=0)
    with pytest.raises(BrakeTripped) as caught:
        brake(small.connection, Volume(updates=1), undoing=7)

    assert "syncdoctor undo practice 7 --accept updates" in caught.value.remedy
    assert "sync practice" not in caught.value.remedy.replace("undo practice", "")
