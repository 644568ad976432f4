"""The judge of the matrix itself: after an undisturbed cycle it finds nothing, and each harm that is done then it names."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sample_data.portal import Portal
from tests.faults.matrix import Undisturbed, broken_promises, quiet_runs
from tests.faults.stage import World, copied

CONTACTS = "/crm/v3/objects/contacts"
OPTED_OUT = {"properties": {"newsletter_opt_in": "true"}}


async def _call(portal: Portal, method: str, path: str, json: object = None) -> None:
    headers = {"Authorization": f"Bearer {portal.hubspot_token}"}
    transport = httpx.ASGITransport(app=portal.hubspot)
    async with httpx.AsyncClient(transport=transport, base_url="http://hubspot.example", headers=headers) as client:
        (await client.request(method, path, json=json)).raise_for_status()


async def _harm(world: World, harm: str) -> None:
    people = world.portal.people("hubspot")
    first, stranger = people[0], {"email": "zweite@example.com", "lastname": "Zweite"}
    match harm:
        case "lost":
            world.portal.tamper("hubspot", first.id, {"lastname": "Verloren"})
        case "second person":
            await _call(world.portal, "POST", CONTACTS, {"properties": stranger})
        case "loosened":
            out = next(person for person in people if person.values.get("newsletter_opt_in") == "false")
            await _call(world.portal, "PATCH", f"{CONTACTS}/{out.id}", OPTED_OUT)
        case "deleted":
            await _call(world.portal, "DELETE", f"{CONTACTS}/{first.id}")
        case _:
            world.workspace.sql.execute(
                "UPDATE journal SET state = 'in_doubt' WHERE id = (SELECT min(id) FROM journal)"
            )


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ("lost", "hubspot differs"),
        ("second person", "creates differ: too many {('hubspot', 'zweite@example.com'): 1}"),
        ("loosened", "consent was loosened"),
        ("deleted", "something was deleted"),
        ("in doubt", "1 writes are still in doubt"),
    ],
)
async def test_each_harm_is_noticed(cycle: tuple[Path, Undisturbed], tmp_path: Path, harm: str, named: str) -> None:
    """Done by hand, in place of an engine that does it."""
    master, usual = cycle
    world = World.opened(copied(master, tmp_path / "w"))
    await world.sync()
    assert broken_promises(world, usual) == []

    await _harm(world, harm)

    assert any(named in promise for promise in broken_promises(world, usual))


async def test_an_engine_that_never_comes_to_rest_is_noticed(
    cycle: tuple[Path, Undisturbed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody edits before every run, so every run writes."""
    master, _ = cycle
    world = World.opened(copied(master, tmp_path / "w"))
    contact = next(person.id for person in world.portal.people("hubspot") if person.values.get("city") == "Bern")
    usual_sync, towns = world.sync, iter(["Aarau", "Baden", "Chur", "Davos", "Egg"])

    async def restless() -> int:
        world.portal.tamper("hubspot", contact, {"city": next(towns)})
        return await usual_sync()

    monkeypatch.setattr(world, "sync", restless)
    assert await quiet_runs(world) == ["a run after 3 quiet runs still writes 1 records"]
