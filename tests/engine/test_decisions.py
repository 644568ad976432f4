"""Conflicts on the practice portal: their evidence, deciding them, and fields that keep flipping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.connection import read_connection
from engine.decisions import conflicts, decidable, decide
from engine.errors import ConfigurationError
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_cycle import World

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HISTORY = "/crm/objects/2026-09/contacts/batch/read"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "9", "--people", "60", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
async def world(people: Path, tmp_path: Path) -> World:
    """A synced portal whose clock moves on at each look; conflicts are asked about."""
    connection = read_connection(people / "connection.toml")
    asking = connection.sync.model_copy(update={"conflicts": "ask"})
    connection = connection.model_copy(update={"name": "practice", "sync": asking})
    moments = count()
    portal = open_portal(people, tmp_path / "portal.sqlite", now=lambda: NOW + timedelta(seconds=next(moments) * 0.1))
    made = World(portal, Workspace(tmp_path / "w.sqlite"), connection)
    await made.sync()
    return made


def somebody(world: World) -> Any:
    """A contact in sync that has a city."""
    return world.one("c.state = 'in_sync' AND h.city <> ''")


def contest(world: World, person: Any, hubspot: str = "Bern", app: str = "Wien") -> None:
    """Both sides change the city."""
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": hubspot})
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": app})


def verdict(world: World, person: Any) -> tuple[str, str]:
    """State and cause."""
    now = world.one(f"c.id = {person['id']}")
    return now["state"], now["cause"]


def read_by_id(world: World) -> int:
    """How often contacts were read by id: a check does that for the history of contested fields only."""
    return sum(path.endswith("/batch/read") for _, _, path, _ in world.portal.requests)


async def test_a_conflict_is_stored_with_who_changed_it_and_asked_about_once(world: World) -> None:
    """HubSpot's history gives time and source; the next check does not ask again for the same two values."""
    person = somebody(world)
    contest(world, person)
    before = read_by_id(world)
    await world.check()
    assert read_by_id(world) == before + 1

    (found,) = conflicts(world.workspace, contact=person["id"])
    history = (
        await world.call(
            "hubspot", "GET", f"/crm/v3/objects/contacts/{person['hubspot_id']}?propertiesWithHistory=city"
        )
    ).json()
    newest = history["propertiesWithHistory"]["city"][0]
    assert (found.hubspot_value, found.app_value, found.reason) == ("Bern", "Wien", "both_changed")
    assert found.hubspot_changed_at[:19] == newest["timestamp"][:19]
    assert found.hubspot_source.startswith(newest["sourceType"])
    assert found.app_changed_at

    before = read_by_id(world)
    await world.check()
    assert read_by_id(world) == before
    assert conflicts(world.workspace, contact=person["id"]) == [found]


@pytest.mark.parametrize(("winner", "city"), [("hubspot", "Bern"), ("app", "Wien")])
async def test_a_decision_is_written_by_the_next_sync(world: World, winner: Any, city: str) -> None:
    """The winner's value goes to the other side; the loser's stays in the journal's before-image."""
    person = somebody(world)
    contest(world, person)
    assert await world.sync() == 0

    chosen, left = decidable(world.workspace, winner, contact=person["id"])
    assert decide(world.workspace, chosen, winner, at=NOW) == 1
    assert left == 0
    assert await world.sync() == 1
    assert await world.sync() == 0

    after = world.one(f"c.id = {person['id']}")
    assert (after["state"], after["city"], after["CITY"]) == ("in_sync", city, city)
    before = world.workspace.value("SELECT before FROM journal ORDER BY id DESC LIMIT 1")
    assert ("Wien" if city == "Bern" else "Bern") in before


async def test_a_decision_is_over_once_a_value_has_changed(world: World) -> None:
    """What somebody types after the decision is not overwritten, not even if the same two values come back later."""
    person = somebody(world)
    contest(world, person)
    await world.check()
    decide(world.workspace, decidable(world.workspace, "hubspot", contact=person["id"])[0], "hubspot", at=NOW)
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Linz"})

    assert await world.sync() == 0
    assert verdict(world, person) == ("conflict", "conflict")
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Wien"})
    assert await world.sync() == 0
    assert verdict(world, person) == ("conflict", "conflict")


async def test_what_is_no_conflict_cannot_be_decided(world: World) -> None:
    """A contact in sync, and a field that nobody contests."""
    person = somebody(world)
    with pytest.raises(ConfigurationError, match="no conflict"):
        decidable(world.workspace, "hubspot", contact=person["id"])
    contest(world, person)
    await world.check()
    with pytest.raises(ConfigurationError, match="lastname"):
        decidable(world.workspace, "hubspot", contact=person["id"], field="lastname")


async def flip(world: World, person: Any, times: int) -> None:
    """The app's automation writes in capitals, HubSpot's workflow sets it back, a sync after each."""
    for turn in range(times):
        if turn % 2 == 0:
            world.portal.tamper("mailchimp", person["app_id"], {"CITY": "BERN"})
        else:
            world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern"})
        assert await world.sync() == 1, turn


async def looping(world: World) -> Any:
    """A contact whose city was carried to and fro four times and differs again."""
    person = somebody(world)
    contest(world, person, "Bern", "Bern")
    await world.sync()
    await flip(world, person, 4)
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "BERN"})
    return person


async def test_a_field_that_keeps_flipping_waits_and_the_others_flow(world: World) -> None:
    """After more than three flips the engine writes that field no more, and says which two spellings it were."""
    person = await looping(world)
    world.portal.tamper("hubspot", person["hubspot_id"], {"lastname": "Umbenannt"})

    assert await world.sync() == 1
    assert await world.sync() == 0

    assert verdict(world, person) == ("conflict", "field-loop")
    after = world.one(f"c.id = {person['id']}")
    assert (after["city"], after["CITY"], after["LNAME"]) == ("Bern", "BERN", "Umbenannt")
    (row,) = world.workspace.rows("SELECT * FROM suspended_field")
    assert (row["hubspot_value"], row["app_value"], row["flips"]) == ("Bern", "BERN", 4)
    assert row["hubspot_writer"]


async def test_a_third_value_ends_the_loop(world: World) -> None:
    """Somebody settles the matter on one side: the value flows as any other."""
    person = await looping(world)
    await world.sync()
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern BE"})
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Bern"})

    assert await world.sync() == 1
    assert world.one(f"c.id = {person['id']}")["CITY"] == "Bern BE"
    assert world.workspace.value("SELECT count(*) FROM suspended_field") == 0


async def test_a_decision_ends_the_loop(world: World) -> None:
    """The spelling that was chosen is written once; what was before the decision does not count as flips any more."""
    person = await looping(world)
    await world.sync()
    (found,) = decidable(world.workspace, "hubspot", contact=person["id"])[0]
    assert found.reason == "loop"
    decide(world.workspace, [found], "hubspot", at=datetime.now(UTC))

    assert await world.sync() == 1
    assert await world.sync() == 0
    assert world.one(f"c.id = {person['id']}")["CITY"] == "Bern"
    assert verdict(world, person)[0] == "in_sync"


async def test_an_edit_through_our_own_app_is_no_echo(world: World) -> None:
    """Content, not author, tells an echo: somebody who writes with the engine's very token has made an edit like any other."""
    person = somebody(world)
    path = f"/crm/v3/objects/contacts/{person['hubspot_id']}"
    assert (await world.call("hubspot", "PATCH", path, {"properties": {"city": "Thun"}})).status_code == 200

    assert await world.sync() == 1
    assert world.one(f"c.id = {person['id']}")["CITY"] == "Thun"
    assert await world.sync() == 0


async def test_a_decision_is_used_up_by_its_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends right after the write, and the app's user types the old value again: a new edit, not the old conflict."""
    person = somebody(world)
    contest(world, person)
    await world.check()
    decide(world.workspace, conflicts(world.workspace, contact=person["id"]), "hubspot", at=NOW)

    class Killed(BaseException):
        """The process ends here."""

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as cut_off, pytest.raises(Killed):
        cut_off.setattr("engine.cycle._look_again", killed)
        await world.sync()
    assert world.one(f"c.id = {person['id']}")["CITY"] == "Bern"
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Wien"})

    await world.sync()

    after = world.one(f"c.id = {person['id']}")
    assert (after["city"], after["CITY"]) == ("Wien", "Wien")


@pytest.mark.parametrize("winner", ["hubspot", "ask"])
async def test_a_decision_outlives_a_respelling(world: World, winner: Any) -> None:
    """White space and Unicode form mean nothing, so neither a decision nor an undo's question ends with them."""
    person = somebody(world)
    contest(world, person, hubspot="Zürich", app="Wien")
    await world.check()
    decide(world.workspace, conflicts(world.workspace, contact=person["id"]), winner, at=NOW)
    contest(world, person, hubspot="  Zu\u0308rich", app="Wien ")

    await world.sync()
    after = world.one(f"c.id = {person['id']}")
    if winner == "ask":
        assert (after["state"], after["CITY"]) == ("conflict", "Wien ")
        assert conflicts(world.workspace, contact=person["id"])[0].reason == "undone"
    else:
        assert (after["state"], after["CITY"].strip()) == ("in_sync", "Zu\u0308rich")
