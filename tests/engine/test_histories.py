"""Random histories: people edit, opt out and delete on both sides between syncs. What must hold after every sync holds."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from engine.connection import read_connection
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_cycle import World

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP_SECONDS = 0.1
"""The portal's clock moves on each time it is looked at, faster than its rate limit fills."""
ROUNDS = 8
EDITS = 6
VALUES = ("Bern", "Wien", " Graz ", "", "Mu\u0308nchen", "<b>", "=1+1")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "9", "--people", "60", "--out", str(folder)]) == 0
    return folder


async def edit(world: World, chance: random.Random, removed: set[str]) -> None:
    """One thing that somebody does on either side; nothing happens to who was `removed` before."""
    contacts = world.workspace.rows(
        "SELECT c.hubspot_id, c.app_id FROM contact c JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "JOIN app_contact a ON a._id = c.app_id WHERE a.member_status <> 'archived'"
    )
    person = chance.choice(contacts)
    value = chance.choice(VALUES)
    if person["hubspot_id"] in removed:
        return
    match chance.choice(("hubspot", "app", "both", "opt-out", "unsubscribe", "delete", "archive")):
        case "hubspot":
            world.portal.tamper("hubspot", person["hubspot_id"], {"city": value})
        case "app":
            world.portal.tamper("mailchimp", person["app_id"], {"CITY": value})
        case "both":
            world.portal.tamper("hubspot", person["hubspot_id"], {"city": value, "lastname": "Neu"})
            world.portal.tamper("mailchimp", person["app_id"], {"CITY": chance.choice(VALUES)})
        case "opt-out":
            world.portal.tamper("hubspot", person["hubspot_id"], {"newsletter_opt_in": "false"})
        case "unsubscribe":
            world.portal.tamper("mailchimp", person["app_id"], {"status": "unsubscribed"})
        case "delete":
            removed.add(person["hubspot_id"])
            await world.call("hubspot", "DELETE", f"/crm/v3/objects/contacts/{person['hubspot_id']}")
        case "archive":
            removed.add(person["hubspot_id"])
            await world.call("app", "DELETE", f"/3.0/lists/a1b2c3d4e5/members/{person['app_id']}")


def consents(workspace: Workspace) -> dict[tuple[str, str], bool]:
    """Whether each record may be written to, by side and normalised address."""
    hubspot = workspace.rows("SELECT _email_key AS key, newsletter_opt_in AS said FROM hubspot_contact WHERE key <> ''")
    app = workspace.rows("SELECT _email_key AS key, member_status AS said FROM app_contact")
    return {("hubspot", row["key"]): row["said"] == "true" for row in hubspot} | {
        ("app", row["key"]): row["said"] == "subscribed" for row in app
    }


def shared_addresses(workspace: Workspace) -> set[tuple[str, str]]:
    """Addresses that more than one record of a side has."""
    return {
        (table, row["_email_key"])
        for table in ("hubspot_contact", "app_contact")
        for row in workspace.rows(
            f"SELECT _email_key FROM {table} WHERE _email_key <> '' GROUP BY _email_key HAVING count(*) > 1"
        )
    }


@pytest.mark.parametrize(
    ("seed", "conflicts", "direction"),
    [
        (1, "latest", "two_way"),
        (3, "hubspot", "two_way"),
        (4, "app", "to_hubspot"),
        (5, "ask", "to_app"),
    ],
)
async def test_a_history_of_edits_never_harms(
    people: Path, tmp_path: Path, seed: int, conflicts: str, direction: str
) -> None:
    """After each sync the next one writes nothing, nobody exists twice who did not before, no consent was loosened, and
    every contact has exactly one verdict."""
    connection = read_connection(people / "connection.toml")
    wanted = connection.sync.model_copy(update={"conflicts": conflicts, "direction": direction})
    connection = connection.model_copy(update={"name": "practice", "sync": wanted})
    moments = count()
    portal = open_portal(
        people, tmp_path / "portal.sqlite", now=lambda: START + timedelta(seconds=next(moments) * STEP_SECONDS)
    )
    world = World(portal, Workspace(tmp_path / "w.sqlite"), connection)
    chance = random.Random(seed)
    await world.check()
    written = 0
    removed: set[str] = set()
    for _ in range(ROUNDS):
        for _ in range(EDITS):
            await edit(world, chance, removed)
        await world.check()
        before, doubled = consents(world.workspace), shared_addresses(world.workspace)

        written += await world.sync()

        assert await world.sync() == 0
        after = consents(world.workspace)
        assert [who for who, allowed in before.items() if not allowed and after.get(who, False)] == []
        assert shared_addresses(world.workspace) <= doubled
        contacts, verdicts = (
            world.workspace.value(f"SELECT count(*) FROM {table}") for table in ("contact", "verdict")
        )
        assert contacts == verdicts > 0
    assert written > 0
