"""Brakes: a plan beyond any limit writes nothing and says which limits, all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from diagnostics.checkup import GATES
from engine.brakes import FEWEST_LINKED, Volume, brake, tripped, volume
from engine.connection import Brakes
from engine.cycle import sync
from engine.errors import BrakeTripped, ConfigurationError
from engine.operations import Operation
from engine.runs import Run
from engine.schema import Side
from tests.engine.test_cycle import World


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


def test_a_plan_is_counted_by_what_it_does() -> None:
    """Creates, updates, emptied fields, and changes per field of either side; filling in is a change, no clearing."""
    create = Operation(9, "hubspot", "create", {"hubspot": None, "app": "a9"}, "", {"email": "x"}, {"email": ""})
    planned = volume(
        [
            update(1, {"CITY": "", "FNAME": "B"}, {"CITY": "Bern", "FNAME": ""}),
            update(2, {"CITY": ""}, {"CITY": ""}),
            create,
        ],
        50,
    )

    assert planned == Volume(1, 2, 1, {("app", "CITY"): 2, ("app", "FNAME"): 1}, 50)


@pytest.mark.parametrize(
    ("changed", "linked", "trips"), [(5, 20, False), (6, 20, True), (19, 19, False), (26, 100, True)]
)
def test_a_fields_share_counts_from_twenty_contacts_on(changed: int, linked: int, trips: bool) -> None:
    """A quarter is allowed, more is not; with fewer than twenty linked contacts a share says nothing."""
    planned = volume([update(one, {"CITY": "x"}, {"CITY": "y"}) for one in range(changed)], linked)

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
