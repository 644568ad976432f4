"""How many contacts fit into the HubSpot account: on the practice portal and from scripted answers."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from engine.auth.secret import Secret
from engine.connectors import Room
from engine.connectors.hubspot import HubSpotConnector
from engine.errors import ScopeMissing, UnexpectedAnswer
from sample_data.portal import Fault
from tests.engine.stage import Stage, reply
from tests.sample_data.small_portal import TOKEN, open_small


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_the_portal_tells_how_many_contacts_fit(tmp_path: Path, version: str) -> None:
    """In every version of the API; archived ones take no room; without the scope the refusal names it."""
    portal, _ = open_small(tmp_path, contacts=6, limits={"contacts": 10})
    stage = Stage(httpx.ASGITransport(app=portal.hubspot), token=TOKEN)
    connector = HubSpotConnector(stage.client, version, Secret(TOKEN))
    before = await connector.room()
    assert before is not None
    (first, *_) = [record async for page in connector.records(["email"]) for record in page]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=portal.hubspot), base_url="http://hubspot.example",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:  # fmt: skip
        await client.delete(f"/crm/v3/objects/contacts/{first.id}")

    assert await connector.room() == Room(before.usage - 1, 10)
    portal.faults.add(Fault("hubspot", "GET", "/limits/", 0, "403_scope"))
    with pytest.raises(ScopeMissing):
        await connector.room()


@pytest.mark.parametrize(
    ("status", "body", "known"),
    [
        (404, {}, None),
        (200, {"hubspotDefinedObjectTypes": []}, None),
        (200, {"hubspotDefinedObjectTypes": [{"objectTypeId": "0-2", "usage": 1, "limit": 2}]}, None),
        (200, {"hubspotDefinedObjectTypes": [{"objectTypeId": "0-1", "usage": 12, "limit": 10}]}, Room(12, 10)),
    ],
)
async def test_an_account_that_does_not_tell_is_no_error(status: int, body: object, known: Room | None) -> None:
    """An account that holds more than it may has no room left, and not less than none."""
    room = await HubSpotConnector(Stage(lambda _: reply(status, body)).client, "2026-09").room()

    assert room == known
    assert room is None or room.left == 0


@pytest.mark.parametrize("entry", [{"objectTypeId": "0-1"}, {"objectTypeId": "0-1", "usage": -1, "limit": 5}, None])
async def test_an_answer_of_another_shape_is_said(entry: object) -> None:
    """A count that is missing or less than nothing is not taken for one."""
    body = {"hubspotDefinedObjectTypes": [entry]}
    with pytest.raises(UnexpectedAnswer):
        await HubSpotConnector(Stage(lambda _: reply(200, body)).client, "2026-09").room()
