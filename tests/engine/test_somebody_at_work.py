"""People who type in a contact while a run writes it on both sides: the run leaves the rest of the contact alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.apply import Applied, apply
from engine.connection import read_connection
from engine.observe import Sides
from engine.operations import Operation
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_apply import planned
from tests.engine.test_cycle import World


@dataclass
class Before(httpx.AsyncBaseTransport):
    """Lets something happen once, just before the first request that fits."""

    inner: httpx.AsyncBaseTransport
    fits: str
    happens: Callable[[], None]
    happened: bool = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hands on."""
        if not self.happened and request.url.path.endswith(self.fits):
            self.happened = True
            self.happens()
        return await self.inner.handle_async_request(request)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "9", "--people", "60", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
async def world(people: Path, tmp_path: Path) -> World:
    """A synced portal."""
    connection = read_connection(people / "connection.toml").model_copy(update={"name": "practice"})
    made = World(open_portal(people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), connection)
    await made.sync()
    return made


async def both_ways(world: World, sides: Sides) -> tuple[Any, Callable[[], Any]]:
    """Somebody whose city flows to HubSpot and whose last name flows to the app, planned; and the writing of that plan."""
    person = world.one("c.state = 'in_sync' AND h.city <> '' AND h.lastname <> ''")
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Linz"})
    world.portal.tamper("hubspot", person["hubspot_id"], {"lastname": "Neu"})
    run, situation, operations = await planned(world, sides)
    chosen: list[Operation] = [op for op in operations if op.contact == person["id"]]
    assert {op.side: dict(op.values) for op in chosen} == {"hubspot": {"city": "Linz"}, "app": {"LNAME": "Neu"}}
    return person, lambda: apply(run, situation, sides, chosen)


async def test_what_somebody_types_before_the_first_of_two_writes_survives_the_second(world: World) -> None:
    """The look before HubSpot's write mirrors the app's new value; the look before the app's write must not take that for
    what the plan saw."""
    sides = world.sides()
    person, write = await both_ways(world, sides)
    world.portal.tamper("mailchimp", person["app_id"], {"LNAME": "Getippt"})

    applied: Applied = await write()
    assert (applied.writes, applied.changed_meanwhile) == (0, 2)

    await world.sync()
    after = world.one(f"c.id = {person['id']}")
    assert "Getippt" in (after["LNAME"], after["lastname"]) or after["state"] == "conflict"
    assert after["city"] == "Linz"


async def test_what_somebody_types_in_the_answer_s_record_is_no_base(world: World) -> None:
    """HubSpot's last name changes between the look and HubSpot's own write, whose answer shows it: the app does not get the
    older name as an agreed one, and the newer flows with the next sync."""
    sides = world.sides()
    person, write = await both_ways(world, sides)
    client = sides.hubspot._client._http  # type: ignore[attr-defined]
    types = Before(
        client._transport,
        "/batch/update",
        lambda: world.portal.tamper("hubspot", person["hubspot_id"], {"lastname": "Getippt"}),
    )
    client._transport = types

    applied: Applied = await write()
    assert types.happened
    assert (applied.updated, applied.changed_meanwhile) == (1, 1)

    await world.sync()
    after = world.one(f"c.id = {person['id']}")
    assert (after["state"], after["lastname"], after["LNAME"], after["city"]) == (
        "in_sync",
        "Getippt",
        "Getippt",
        "Linz",
    )
