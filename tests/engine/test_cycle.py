"""The engine against the practice portal: what happens when people change things around a sync."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from diagnostics.checkup import GATES
from engine.apply import apply
from engine.auth.secret import Secret
from engine.connection import Connection, Observe, read_connection
from engine.connectors.open import open_connectors
from engine.cycle import examine, link_pairs, plan_all, sync
from engine.errors import ConfigurationError
from engine.journal import planned_operations
from engine.lookup import what_became
from engine.observe import Sides
from engine.runs import Run
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import Portal, open_portal
from tui.practice import secrets, transports


@dataclass
class World:
    """A portal, a workspace and a connection; every method is a run of its own."""

    portal: Portal
    workspace: Workspace
    connection: Connection

    def sides(self, token: str = "") -> Sides:
        """Fresh connectors to the portal; `token` in place of HubSpot's usual one."""

        async def sleep(seconds: float) -> None:
            self.portal.let_windows_pass()
            await asyncio.sleep(0)

        ticks = iter(range(10**9))
        held = {side: Secret(text) for side, text in secrets(self.portal).items()}
        hubspot, app = open_connectors(
            self.connection,
            held | ({"hubspot": Secret(token)} if token else {}),
            transports(self.portal, self.connection),
            on_exchange=lambda _: None,
            clock=lambda: float(next(ticks)),
            sleep=sleep,
            now=Run(self.workspace, "clock").now,
            random=random.Random(1),
        )
        return Sides(hubspot, app)

    async def sync(self) -> int:
        """Syncs; the number of records written."""
        applied, _ = await sync(Run(self.workspace, "sync"), self.connection, self.sides(), GATES)
        return applied.writes

    async def check(self) -> None:
        """Examines."""
        await examine(Run(self.workspace, "check"), self.connection, self.sides(), GATES)

    def one(self, where: str) -> Mapping[str, Any]:
        """The first contact of the view `contacts`, with both mirrors, that fits."""
        rows = self.workspace.rows(
            "SELECT c.*, h.*, a.* FROM contacts c LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id "
            f"LEFT JOIN app_contact a ON a._id = c.app_id WHERE {where} ORDER BY c.id LIMIT 1"
        )
        assert rows, where
        # A row's own look-up ignores case, and HubSpot's city is not the app's CITY.
        return dict(zip(rows[0].keys(), tuple(rows[0]), strict=True))

    async def call(self, side: str, method: str, path: str, json: object = None) -> httpx.Response:
        """A person's request to one of the two services."""
        app, token = (
            (self.portal.hubspot, self.portal.hubspot_token)
            if side == "hubspot"
            else (self.portal.mailchimp, self.portal.mailchimp_key)
        )
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://practice.invalid"
        ) as client:
            return await client.request(method, path, json=json, headers=headers)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "5", "--people", "150", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def world(people: Path, tmp_path: Path) -> World:
    """The practice connection on a small population, nothing done yet; every run reads everything."""
    connection = read_connection(people / "connection.toml")
    connection = connection.model_copy(update={"name": "practice", "observe": Observe(full_every_hours=0)})
    return World(open_portal(people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), connection)


async def test_somebody_who_opted_out_and_is_deleted_does_not_come_back(world: World) -> None:
    """A pair that never synced is a pair all the same: its record on one side is not a new person."""
    await world.sync()
    person = world.one("c.cause = 'opt-in' AND c.app_id IS NOT NULL AND a.member_status = 'subscribed'")
    assert (
        await world.call("hubspot", "DELETE", f"/crm/v3/objects/contacts/{person['hubspot_id']}")
    ).status_code == 204

    assert await world.sync() == 0

    assert world.one(f"c.id = {person['id']}")["cause"] == "counterpart-gone"


async def test_an_address_that_a_linked_record_holds_makes_no_second_person(world: World) -> None:
    """A new member whose address belongs to a linked contact, in another spelling, is not created again."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    world.portal.tamper("hubspot", person["hubspot_id"], {"email": "neu@xn--bcher-kva.example"})
    member = {"email_address": "neu@bücher.example", "status": "subscribed", "merge_fields": {"FNAME": "Neu"}}
    assert (await world.call("app", "POST", "/3.0/lists/a1b2c3d4e5/members", member)).status_code == 200

    await world.check()

    found = world.one("a.EMAIL = 'neu@bücher.example'")
    assert (found["state"], found["cause"], found["hubspot_id"]) == ("failing", "many-to-one", None)


async def test_a_write_of_our_own_does_not_decide_a_conflict(world: World) -> None:
    """Both sides changed the city at the same moment; writing another field leaves the conflict, also for the next sync."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern", "firstname": "Geändert"})
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Wien"})

    assert await world.sync() == 1
    assert await world.sync() == 0

    after = world.one(f"c.id = {person['id']}")
    assert (after["state"], after["city"], after["CITY"], after["FNAME"]) == ("conflict", "Bern", "Wien", "Geändert")


async def test_what_changes_between_plan_and_write_is_not_overwritten(world: World) -> None:
    """An opt-out and an edit that come after the plan take their contacts out of the run."""
    await world.check()
    creating = world.one("c.state = 'pending' AND c.app_id IS NULL")
    updating = world.one(
        "c.id IN (SELECT contact_id FROM planned_write WHERE side = 'app' AND kind = 'update' AND field = 'CITY')"
    )
    run = Run(world.workspace, "sync")
    sides = world.sides()
    situation = (await examine(run, world.connection, sides, GATES)).situation
    link_pairs(run)
    operations = planned_operations(run)
    world.portal.tamper("hubspot", creating["hubspot_id"], {"newsletter_opt_in": "false"})
    world.portal.tamper("mailchimp", updating["app_id"], {"CITY": "Eben getippt"})

    applied = await apply(run, situation, sides, operations)

    assert applied.changed_meanwhile == 2
    plan_all(run, situation, GATES)
    assert world.one(f"c.id = {creating['id']}")["cause"] == "opt-in"
    assert world.one(f"c.id = {creating['id']}")["app_id"] is None
    assert world.one(f"c.id = {updating['id']}")["CITY"] == "Eben getippt"


async def test_an_edit_on_either_side_flows_and_comes_to_rest(world: World) -> None:
    """Edits, a clearing and a change of address travel along the link; the next sync has nothing to do."""
    await world.sync()
    first = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("hubspot", first["hubspot_id"], {"city": ""})
    second = world.one(f"c.state = 'in_sync' AND c.id > {first['id']}")
    world.portal.tamper("mailchimp", second["app_id"], {"CITY": "Neustadt", "email_address": "umgezogen@example.com"})

    assert await world.sync() == 2
    assert await world.sync() == 0

    assert world.one(f"c.id = {first['id']}")["CITY"] == ""
    moved = world.one(f"c.id = {second['id']}")
    assert (moved["city"], moved["email"], moved["state"]) == ("Neustadt", "umgezogen@example.com", "in_sync")


async def test_a_connection_whose_creates_would_have_no_address_is_refused(world: World) -> None:
    """Without the address on both sides a repeated create would make a second person."""
    first, *rest = world.connection.mappings
    assert first.hubspot == "email"
    narrow = first.model_copy(update={"direction": "to_app"})
    world.connection = world.connection.model_copy(update={"mappings": (narrow, *rest)})

    with pytest.raises(ConfigurationError, match="address"):
        await world.check()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"CITY": "Bern "}, "applied"),
        ({"CITY": "Wien"}, "not_applied"),
        ({"CITY": "Ber"}, "ambiguous"),
        ({}, "ambiguous"),
    ],
)
def test_an_unanswered_update_is_judged_by_what_is_there(now: dict[str, str | None], expected: str) -> None:
    """What was sent, what was before, or something else: the last is never taken for a user's change."""
    assert what_became({"CITY": "Bern"}, {"CITY": "Wien"}, now) == expected
