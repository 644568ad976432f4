"""Inclusion lists of HubSpot: found by id or name, with criteria and members."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.connectors.hubspot import HubSpotConnector
from engine.errors import ConfigurationError, UnexpectedAnswer
from tests.engine.stage import Script, Stage, reply
from tests.engine.test_hubspot_connector import connected
from tests.sample_data.small_portal import TOKEN, open_small


async def test_lists_by_id_and_name(tmp_path: Path) -> None:
    """A list is found either way, with its criteria, size and members."""
    connector, _ = connected(tmp_path)
    found = await connector.inclusion_list("Newsletter DACH")
    assert found == await connector.inclusion_list("101")
    assert (found.id, found.processing_type, found.size) == ("101", "DYNAMIC", 2)
    assert json.loads(found.filters)["filterBranchType"] == "OR"
    assert found.criteria_properties == ("lifecyclestage",)
    members = [member async for page in connector.list_members("101") for member in page]
    assert [record_id for record_id, _ in members] == ["101", "103"]
    manual = await connector.inclusion_list("Messe 2025")
    assert (manual.filters, manual.criteria_properties) == ("", ())


async def test_lists_that_cannot_be_chosen(tmp_path: Path) -> None:
    """Two lists of a name are told apart by id; a name that is not there gets the nearest one."""
    connector, _ = connected(tmp_path)
    with pytest.raises(ConfigurationError, match=r"2 lists are called 'VIP': id 103 .* id 104"):
        await connector.inclusion_list("VIP")
    with pytest.raises(ConfigurationError) as caught:
        await connector.inclusion_list("Newsleter DACH")
    assert "'Newsletter DACH'" in caught.value.remedy
    with pytest.raises(ConfigurationError):
        await connector.inclusion_list("77")


@pytest.mark.parametrize("record", ["abc", "007", "-1", "1234567890123456789", ""])
async def test_a_member_that_is_no_record_of_hubspot_is_refused(record: str) -> None:
    """Members are stored by number; the error says where the answer is odd."""
    stage = Stage(Script(reply(200, {"results": [{"recordId": "101"}, {"recordId": record}]})))

    with pytest.raises(UnexpectedAnswer, match=r"results\.1\.recordId: String should match"):
        [page async for page in HubSpotConnector(stage.client, "v3").list_members("101")]


async def test_half_of_a_surrogate_pair_in_the_criteria_is_kept_as_its_escape() -> None:
    """No text can hold it, and a workspace has to."""
    half, whole = asks("x\ud800y"), asks("Köln")
    whole["property"], half["property"] = "city", "half\udfff"
    branch = {"filterBranchType": "AND", "filters": [half, whole, {"filterType": "IN_LIST", "listId": "1\ud800"}]}
    body = {"listId": "101", "name": "Newsletter", "processingType": "DYNAMIC", "filterBranch": branch}
    stage = Stage(Script(reply(200, {"list": body})))

    found = await HubSpotConnector(stage.client, "v3").inclusion_list("101")

    assert "x\\ud800y" in found.filters
    assert "Köln" in found.filters
    assert found.filters.encode()
    assert json.loads(found.filters) == branch
    assert (found.criteria_properties, found.criteria_lists) == (("city",), ())


def asks(value: str) -> dict[str, Any]:
    """A filter on one value."""
    operation = {"operationType": "MULTISTRING", "operator": "IS_EQUAL_TO", "values": [value]}
    return {"filterType": "PROPERTY", "property": "city", "operation": operation}


async def test_deleted_list_is_told(tmp_path: Path) -> None:
    """A list that was deleted is still found by id and says when."""
    portal, _ = open_small(tmp_path)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=portal.hubspot), base_url="http://x.example",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as somebody:  # fmt: skip
        assert (await somebody.delete("/crm/v3/lists/102")).status_code == 204
    stage = Stage(httpx.ASGITransport(app=portal.hubspot), token=TOKEN)
    assert (await HubSpotConnector(stage.client, "v3").inclusion_list("102")).deleted_at is not None
