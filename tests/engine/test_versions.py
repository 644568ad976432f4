"""Every version of one contact's properties, and what Mailchimp tells of a member: the portal, and answers that it does not give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.connectors import TraceSource, VersionSource
from engine.connectors.hubspot import HubSpotConnector
from engine.connectors.mailchimp import MailchimpConnector
from engine.errors import ScopeMissing, UnexpectedAnswer
from sample_data.portal import Fault
from tests.engine.stage import Stage, reply
from tests.sample_data.small_portal import AUDIENCE, KEY, TOKEN, open_small

ANNA = f"{1:032x}"


def hubspot(transport: httpx.AsyncBaseTransport | Any, version: str = "2026-09") -> HubSpotConnector:
    """A connector to a transport or to scripted answers."""
    return HubSpotConnector(Stage(transport, token=TOKEN).client, version)


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_versions_of_one_contact_newest_first(tmp_path: Path, version: str) -> None:
    """With source, id, label and user as far as given; a property without a value has none."""
    portal, clock = open_small(tmp_path)
    clock.forward(minutes=1)
    portal.tamper("hubspot", "101", {"lastname": "Bach"}, origin=("WORKFLOWS", "77", "Spelling"))
    clock.forward(minutes=1)
    portal.tamper("hubspot", "101", {"lastname": "Cello"})
    connector = hubspot(httpx.ASGITransport(app=portal.hubspot), version)
    found = await connector.versions("101", ["lastname", "website", "nosuch"])

    assert isinstance(connector, VersionSource)
    assert found is not None
    assert found.id == "101"
    told = [
        (one.value, one.source_type, one.source_id, one.source_label, one.user_id) for one in found.fields["lastname"]
    ]
    assert told == [
        ("Cello", "CRM_UI", "userId:1", "", "1"), ("Bach", "WORKFLOWS", "77", "Spelling", ""), ("Amsel", "CRM_UI", "", "", ""),
    ]  # fmt: skip
    assert "nosuch" not in found.fields
    assert await connector.versions("99999999", ["lastname"]) is None


async def test_a_merged_id_answers_with_the_survivors(tmp_path: Path) -> None:
    """The record's own id says so."""
    portal, _ = open_small(tmp_path)
    transport = httpx.ASGITransport(app=portal.hubspot)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://hubspot.example", headers=headers) as client:
        pair = {"primaryObjectId": "103", "objectIdToMerge": "101"}
        survivor = (await client.post("/crm/v3/objects/contacts/merge", json=pair)).json()["id"]
    found = await hubspot(transport).versions("101", ["lastname"])
    assert found is not None
    assert found.id == survivor


async def test_strange_versions_neither_break_nor_vanish() -> None:
    """No time, no source, half a surrogate pair, numbers and lists for texts: each is kept as far as it can be."""
    body = {
        "id": "101",
        "propertiesWithHistory": {
            "city": [
                {"value": "no time", "sourceType": "API"},
                {"value": "\ud800", "timestamp": "2026-03-01T08:00:00Z", "sourceType": "API"},
                {
                    "value": None,
                    "timestamp": "2026-03-01T10:00:00+02:00",
                    "sourceType": "X\u001b[31m",
                    "sourceLabel": None,
                },
                {"value": 5, "timestamp": "2026-03-01T09:00:00Z", "updatedByUserId": 12, "unheardOf": {}},
            ]
        },
    }
    found = await hubspot(lambda request: reply(200, body)).versions("101", ["city"])
    assert found is not None
    assert [(one.value, one.at, one.user_id) for one in found.fields["city"]] == [
        ("5", "2026-03-01T09:00:00.000Z", "12"), (None, "2026-03-01T08:00:00.000Z", ""), ("", "2026-03-01T08:00:00.000Z", ""),
        ("no time", "", ""),
    ]  # fmt: skip
    assert all("\u001b" not in one.source_type for one in found.fields["city"])


@pytest.mark.parametrize(("status", "body"), [(400, {"message": "no"}), (200, {"propertiesWithHistory": []})])
async def test_another_answer_is_an_error_of_access(status: int, body: object) -> None:
    """Never an empty history."""
    with pytest.raises(UnexpectedAnswer):
        await hubspot(lambda request: reply(status, body)).versions("101", ["city"])


async def test_a_missing_permission_is_named(tmp_path: Path) -> None:
    """As with every other reading."""
    portal, _ = open_small(tmp_path, faults=[Fault("hubspot", "GET", r"/101$", 0, "403_scope")])
    with pytest.raises(ScopeMissing):
        await hubspot(httpx.ASGITransport(app=portal.hubspot)).versions("101", ["city"])


async def test_what_mailchimp_tells_of_a_member(tmp_path: Path) -> None:
    """When it joined and changed, in order; nobody under an unknown id."""
    portal, clock = open_small(tmp_path)
    clock.forward(minutes=5)
    portal.tamper("mailchimp", ANNA, {"status": "unsubscribed"})
    stage = Stage(
        httpx.ASGITransport(app=portal.mailchimp), side="app", token=KEY, base_url="http://mailchimp.example/3.0"
    )
    connector = MailchimpConnector(stage.client, AUDIENCE)
    found = await connector.traces(ANNA)

    assert isinstance(connector, TraceSource)
    assert found is not None
    assert [one.what.split(",")[0] for one in found] == ["joined the audience", "record changed last"]
    assert found[-1].what.endswith("status unsubscribed")
    assert found[0].at < found[1].at
    assert await connector.traces(f"{999:032x}") is None
