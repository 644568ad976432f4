"""Every kind of fault changes the answer in the way its name says, and stores what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sample_data.portal import Fault, Portal, PortalLimits, open_portal
from sample_data.portal.faults import KINDS, FaultKind, can_hit
from tests.sample_data.small_portal import AUDIENCE, Clock, hubspot, mailchimp, write_folder

CONTACTS = "/crm/v3/objects/contacts"
MEMBERS = f"/lists/{AUDIENCE}/members"
LIST = f"/lists/{AUDIENCE}"


def opened(tmp_path: Path, kind: FaultKind, nth: int = 1, **more: Any) -> Portal:
    """The small portal with pages of one, whose nth request to any server breaks."""
    fault = Fault("*", "*", "", nth, kind)
    limits = PortalLimits(contacts_page=2, members_page=2)
    return open_portal(
        write_folder(tmp_path / "data"), tmp_path / "state.db", now=Clock(), faults=[fault], limits=limits, **more
    )


async def listed(client: httpx.AsyncClient, after: str = "0") -> Any:
    """A page of contacts."""
    return (await client.get(CONTACTS, params={"limit": 100, "after": after})).json()


async def ids(client: httpx.AsyncClient, after: str = "0") -> list[str]:
    """The ids on a page of contacts."""
    return [record["id"] for record in (await listed(client, after))["results"]]


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("missing_items", ["101"], ["103"]),
        ("duplicate_item", ["101", "101", "102"], ["103"]),
        ("reordered", ["102", "101"], ["103"]),
        ("changing_page", ["102"], ["101", "103"]),
    ],
)
async def test_a_page_can_come_wrong(tmp_path: Path, kind: FaultKind, first: list[str], second: list[str]) -> None:
    """Its paging stays, the page after it and the stored contacts are as ever."""
    portal = opened(tmp_path, kind)
    async with hubspot(portal) as client:
        page = await listed(client)
        assert [record["id"] for record in page["results"]] == first
        assert await ids(client, page["paging"]["next"]["after"]) == second
        assert await ids(client) == ["101", "102"]
    assert [broken.kind for broken in portal.faults.broken] == [kind]


async def test_a_page_can_come_again(tmp_path: Path) -> None:
    """The second page has the items of the first, and its own paging; a first page has none before it."""
    portal = opened(tmp_path, "repeated_page", 2)
    async with hubspot(portal) as client:
        assert await ids(client) == ["101", "102"]
        second = await listed(client, "103")
        assert ([record["id"] for record in second["results"]], "paging" in second) == (["101", "102"], False)
        portal.faults.add(Fault("hubspot", "*", "", 1, "repeated_page"))
        assert await ids(client) == ["101", "102"]
    assert len(portal.faults.broken) == 1


async def test_a_null_an_empty_body_and_another_shape(tmp_path: Path) -> None:
    """Well-formed answers without content, or with JSON that means nothing here; the write was carried out."""
    portal = opened(tmp_path, "null_results")
    async with hubspot(portal) as client:
        assert (await listed(client))["results"] is None
        portal.faults.add(Fault("hubspot", "PATCH", "", 1, "empty_body"))
        portal.faults.add(Fault("hubspot", "PATCH", "", 2, "wrong_shape"))
        empty = await client.patch(f"{CONTACTS}/101", json={"properties": {"city": "Bonn"}})
        assert (empty.status_code, empty.content) == (200, b"")
        odd = await client.patch(f"{CONTACTS}/101", json={"properties": {"city": "Celle"}})
        assert list(odd.json()) == ["data"]
    assert [write.fields["city"] for write in portal.applied()] == ["Bonn", "Celle"]


async def test_a_web_page_with_status_200_stores_nothing(tmp_path: Path) -> None:
    """As a captive portal answers."""
    portal = opened(tmp_path, "html_200")
    async with hubspot(portal) as client:
        answer = await client.patch(f"{CONTACTS}/101", json={"properties": {"city": "Bonn"}})
    assert (answer.status_code, answer.text[:15], portal.applied()) == (200, "<!doctype html>", [])


async def test_a_slow_body_comes_in_drips(tmp_path: Path) -> None:
    """The answer is whole; the waiting goes through the sleep that was handed in."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    portal = opened(tmp_path, "slow_body", sleep=sleep)
    async with hubspot(portal) as client:
        assert await ids(client) == ["101", "102"]
    assert len(waits) == 10
    assert sum(waits) == pytest.approx(5.0)


async def test_429_can_come_three_times(tmp_path: Path) -> None:
    """Then the request is answered."""
    portal = opened(tmp_path, "429_then_ok")
    async with hubspot(portal) as client:
        assert [(await client.get(CONTACTS)).status_code for _ in range(4)] == [429, 429, 429, 200]


@pytest.mark.parametrize("trace", [True, False])
async def test_one_input_of_a_batch_is_refused_for_no_clear_reason(tmp_path: Path, trace: bool) -> None:
    """It is not applied, the others are; HubSpot says 207 and names it by its trace id or id."""
    portal = opened(tmp_path, "207_mixed")
    inputs: list[dict[str, Any]] = [{"id": number, "properties": {"city": "Ulm"}} for number in ("101", "102")]
    if trace:
        inputs = [{**given, "objectWriteTraceId": f"t{given['id']}"} for given in inputs]
    async with hubspot(portal) as client:
        answer = await client.post(f"{CONTACTS}/batch/update", json={"inputs": inputs})
    body = answer.json()
    assert (answer.status_code, [record["id"] for record in body["results"]]) == (207, ["102"])
    assert body["errors"][0]["context"] == ({"objectWriteTraceId": ["t101"]} if trace else {"ids": ["101"]})
    assert [write.record_id for write in portal.applied()] == ["102"]


async def test_one_member_of_a_batch_is_refused_for_no_clear_reason(tmp_path: Path) -> None:
    """Mailchimp says so among the errors of its usual answer."""
    portal = opened(tmp_path, "207_mixed")
    members = [{"email_address": f"{name}@neu.example", "status": "subscribed"} for name in ("eins", "zwei")]
    for member in members:
        member["merge_fields"] = {"FNAME": "N"}  # type: ignore[assignment]
    async with mailchimp(portal) as client:
        body = (await client.post(LIST, json={"members": members})).json()
    assert [member["email_address"] for member in body["new_members"]] == ["zwei@neu.example"]
    assert (body["error_count"], body["errors"][0]["email_address"]) == (1, "eins@neu.example")
    assert [write.address for write in portal.creates()] == ["zwei@neu.example"]


async def test_a_listed_record_can_be_missing_when_it_is_named(tmp_path: Path) -> None:
    """404 for one record; in a batch the first input is not found, and nothing is written to it."""
    portal = opened(tmp_path, "404_after_listing")
    async with hubspot(portal) as client, mailchimp(portal) as other:
        assert (await client.get(f"{CONTACTS}/101")).status_code == 404
        portal.faults.add(Fault("*", "POST", "", 0, "404_after_listing"))
        portal.faults.add(Fault("mailchimp", "*", "", 1, "404_after_listing"))
        assert (await other.get(f"{MEMBERS}/{1:032x}")).status_code == 404
        inputs = {
            "inputs": [{"id": "101", "properties": {"city": "Ulm"}}, {"id": "102", "properties": {"city": "Ulm"}}]
        }
        for action in ("read", "update"):
            body = (await client.post(f"{CONTACTS}/batch/{action}", json=inputs)).json()
            assert [record["id"] for record in body["results"]] == ["102"]
            assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert [write.record_id for write in portal.applied()] == ["102"]


@pytest.mark.parametrize("regime", ["new_id", "primary_kept", "both_kept"])
async def test_a_record_can_be_merged_just_before_it_is_written(tmp_path: Path, regime: Any) -> None:
    """The write reaches the survivor, whose id is another one in every regime; its other values stay."""
    portal = opened(tmp_path, "merged_meanwhile")
    portal.merge_regime = regime
    async with hubspot(portal) as client:
        inputs = {"inputs": [{"id": "101", "properties": {"city": "Ulm"}}]}
        answer = await client.post(f"{CONTACTS}/batch/update", json=inputs)
        survivor = answer.json()["results"][0]["id"]
        again = (await client.get(f"{CONTACTS}/101", params={"properties": "email,city"})).json()
    assert survivor != "101"
    assert (again["id"], again["properties"]["email"], again["properties"]["city"]) == (
        survivor,
        "anna@firma.example",
        "Ulm",
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_a_fault_is_recorded_only_where_it_broke_something(tmp_path: Path, kind: FaultKind) -> None:
    """A request that it cannot hit is answered as ever, and two requests later all is well again."""
    portal = opened(tmp_path, kind, sleep=_no_sleep)
    async with hubspot(portal) as client:
        path = "/account-info/v3/details"
        usual = json.loads((await hubspot_body(tmp_path / "usual", path)).content)
        try:
            answer = await client.get(path)
            same = answer.status_code == 200 and answer.content and answer.json() == usual
        except (httpx.TransportError, json.JSONDecodeError):
            same = False
        for _ in range(2):
            await client.get(path)
        assert (await client.get(path)).json() == usual
    hit = can_hit(kind, "hubspot", "GET", path)
    assert bool(portal.faults.broken) == hit
    assert bool(same) == (not hit or kind in ("slow", "slow_body"))


async def _no_sleep(seconds: float) -> None:
    return


async def hubspot_body(folder: Path, path: str) -> httpx.Response:
    """The answer of an unbroken portal."""
    async with hubspot(open_portal(write_folder(folder / "data"), folder / "state.db", now=Clock())) as client:
        return await client.get(path)


def test_every_kind_is_described() -> None:
    """docs/practice.md names each of them."""
    text = (Path(__file__).parents[2] / "docs" / "practice.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
