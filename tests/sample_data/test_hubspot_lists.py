"""The HubSpot server: search, lists and consent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sample_data.portal import Portal
from tests.sample_data.small_portal import Clock, hubspot, open_small, stage_filter

CONTACTS, LISTS = "/crm/objects/2026-09/contacts", "/crm/lists/2026-09"
CONSENT = "/communication-preferences"


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Portal, Clock]:
    """A portal and its clock."""
    return open_small(tmp_path)


@pytest.fixture
async def client(opened: tuple[Portal, Clock]) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the full token."""
    async with hubspot(opened[0]) as opened_client:
        yield opened_client


async def _search(client: httpx.AsyncClient, *groups: list[dict[str, Any]], **more: Any) -> httpx.Response:
    body = {"filterGroups": [{"filters": filters} for filters in groups], **more}
    return await client.post(f"{CONTACTS}/search", json=body)


def _found(answer: httpx.Response) -> list[str]:
    return sorted(record["id"] for record in answer.json()["results"])


def _test(name: str, operator: str, value: object = None, **more: object) -> dict[str, object]:
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (_test("email", "EQ", "BERND@firma.example"), ["102"]),
        (_test("email", "EQ", "c.alt@firma.example"), []),
        (_test("lastname", "EQ", "AMSEL"), ["101"]),
        (_test("lastname", "NEQ", "Amsel"), ["102", "103"]),
        (_test("loyalty_points", "GT", "9"), ["101"]),
        (_test("loyalty_points", "BETWEEN", "13", highValue="20"), []),
        (_test("lifecyclestage", "IN", values=["lead", "customer"]), ["101", "103"]),
        (_test("lifecyclestage", "NOT_IN", values=["lead"]), ["102", "103"]),
        (_test("lastname", "HAS_PROPERTY"), ["101"]),
        (_test("lastname", "NOT_HAS_PROPERTY"), ["102", "103"]),
        (_test("email", "CONTAINS_TOKEN", "*nn*"), ["101"]),
        (_test("email", "NOT_CONTAINS_TOKEN", "anna"), ["102", "103"]),
        (_test("contract_start", "LTE", "1777593600000"), ["103"]),
        (_test("lastmodifieddate", "GTE", "2026-04-02T00:00:00Z"), []),
        (_test("hs_object_id", "LT", "102"), ["101"]),
    ],
)
async def test_each_operator_finds_its_contacts(
    client: httpx.AsyncClient, test: dict[str, object], expected: list[str]
) -> None:
    """Archived contacts are never found."""
    answer = await _search(client, [test])
    assert (answer.status_code, _found(answer)) == (200, expected)
    assert not [name for name in answer.headers if name.startswith("x-hubspot-ratelimit")]


async def test_groups_are_or_and_filters_are_and(client: httpx.AsyncClient) -> None:
    """Two filters of a group both hold, two groups each add."""
    lead, late = _test("lifecyclestage", "EQ", "lead"), _test("email", "EQ", "bernd@firma.example")
    assert _found(await _search(client, [lead, late])) == []
    assert _found(await _search(client, [lead], [late])) == ["101", "102"]


async def test_search_pages_sorts_and_ends_at_ten_thousand(client: httpx.AsyncClient) -> None:
    """`after` counts results; beyond the 10,000th the request is refused, as are too many filters or sorts."""
    sort = [{"propertyName": "email", "direction": "DESCENDING"}]
    first = (await _search(client, limit=2, sorts=sort)).json()
    assert (first["total"], [record["id"] for record in first["results"]]) == (3, ["103", "101"])
    rest = (await _search(client, limit=2, sorts=sort, after=first["paging"]["next"]["after"])).json()
    assert [record["id"] for record in rest["results"]] == ["102"] and "paging" not in rest
    assert (await _search(client, limit=200, after="9801")).status_code == 400
    assert (await _search(client, *([[]] * 6))).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"sorts": ["email", "city"]},
        {"filterGroups": [{"filters": [{"propertyName": "nonsense", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "LIKE", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "loyalty_points", "operator": "GT", "value": "viel"}]}]},
    ],
)
async def test_searches_that_make_no_sense_are_400(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """The limits and names of a search are checked."""
    assert (await client.post(f"{CONTACTS}/search", json=body)).status_code == 400


async def test_searches_have_their_own_budget(client: httpx.AsyncClient, opened: tuple[Portal, Clock]) -> None:
    """The sixth search of a second is 429 in the recorded shape; other requests pass."""
    answers = [await _search(client) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert set(answers[-1].json()) == {"status", "message", "correlationId", "category"}
    assert (await client.get(CONTACTS)).status_code == 200
    opened[1].forward(seconds=1)
    assert (await _search(client)).status_code == 200


async def test_search_is_late_and_reading_is_not(tmp_path: Path) -> None:
    """With a lag, new contacts and new values are found only later, with the old values until then."""
    portal, clock = open_small(tmp_path, search_lag_seconds=10)
    async with hubspot(portal) as client:
        await client.patch(f"{CONTACTS}/101", json={"properties": {"lastname": "Bach"}})
        await client.post(CONTACTS, json={"properties": {"lastname": "Bach", "email": "neu@firma.example"}})
        bach = [_test("lastname", "EQ", "Bach")]
        assert _found(await _search(client, bach)) == []
        old = (await _search(client, [_test("lastname", "EQ", "Amsel")])).json()["results"]
        assert [(record["id"], record["properties"]["lastname"]) for record in old] == [("101", "Amsel")]
        assert (await client.get(f"{CONTACTS}/101")).json()["properties"]["lastname"] == "Bach"
        clock.forward(seconds=10)
        assert len(_found(await _search(client, bach))) == 2


async def _members(client: httpx.AsyncClient, list_id: int = 101, **query: Any) -> list[tuple[str, str]]:
    answer = (await client.get(f"{LISTS}/{list_id}/memberships", params=query)).json()
    return [(item["recordId"], item["membershipTimestamp"]) for item in answer["results"]]


async def test_a_dynamic_list_follows_the_values_at_once(client: httpx.AsyncClient) -> None:
    """Joining and leaving happen with the write; who stays keeps the time of joining."""
    start = "2026-02-01T00:00:00.000Z"
    assert await _members(client) == [("101", start), ("103", start)]
    await client.patch(f"{CONTACTS}/102", json={"properties": {"lifecyclestage": ""}})
    await client.patch(f"{CONTACTS}/102", json={"properties": {"lifecyclestage": "lead"}})
    await client.patch(f"{CONTACTS}/101", json={"properties": {"lifecyclestage": "partner"}})
    await client.patch(f"{CONTACTS}/103", json={"properties": {"city": "Köln"}})
    assert await _members(client) == [("102", "2026-10-01T08:00:00.000Z"), ("103", start)]
    await client.delete(f"{CONTACTS}/103")
    found = (await client.get(f"{LISTS}/101")).json()["list"]
    assert (found["size"], "filterBranch" in found) == (1, False)


async def test_new_criteria_move_contacts_and_their_time(client: httpx.AsyncClient) -> None:
    """With evangelists in the criteria the contact joins, and the list says when its filters changed."""
    body = {"filterBranch": stage_filter(["lead", "customer", "evangelist"])}
    await client.put(f"{LISTS}/101/update-list-filters", json=body)
    assert [contact for contact, _ in await _members(client)] == ["101", "102", "103"]
    found = (await client.get(f"{LISTS}/101", params={"includeFilters": "true"})).json()["list"]
    assert found["filtersUpdatedAt"] == "2026-10-01T08:00:00.000Z"
    assert found["filterBranch"] == body["filterBranch"]


async def test_lists_are_found_by_name_id_and_search(client: httpx.AsyncClient) -> None:
    """Names ignore case; two lists of one name are both in the search; unknown ones are 404."""
    by_name = await client.get(f"{LISTS}/object-type-id/0-1/name/newsletter dach")
    assert by_name.json()["list"]["listId"] == "101"
    vips = (await client.post(f"{LISTS}/search", json={"query": "vip"})).json()
    assert ([item["listId"] for item in vips["lists"]], vips["total"], vips["hasMore"]) == (["103", "104"], 2, False)
    page = (await client.post(f"{LISTS}/search", json={"count": 1, "offset": 1})).json()
    assert ([item["listId"] for item in page["lists"]], page["hasMore"]) == (["102"], True)
    assert (await client.get(f"{LISTS}/999")).status_code == 404
    assert (await client.get(f"{LISTS}/object-type-id/0-1/name/Nichts")).status_code == 404


async def test_members_of_given_lists_are_written_and_read_both_ways(client: httpx.AsyncClient) -> None:
    """Adding and removing say what happened; a DYNAMIC list refuses; a contact knows its lists."""
    added = (await client.put(f"{LISTS}/102/memberships/add", json=["101", "102", "999"])).json()
    assert added == {"recordsIdsAdded": ["102"], "recordIdsRemoved": [], "recordIdsMissing": ["999"]}
    assert (await client.put(f"{LISTS}/101/memberships/add", json=["102"])).status_code == 400
    removed = (await client.put(f"{LISTS}/102/memberships/remove", json=["101"])).json()
    assert removed["recordIdsRemoved"] == ["101"]
    of_record = (await client.get(f"{LISTS}/records/0-1/103/memberships")).json()["results"]
    assert [(item["listId"], item["firstAddedTimestamp"]) for item in of_record] == [
        ("101", "2026-02-01T00:00:00.000Z")
    ]


async def test_memberships_come_in_pages_in_both_orders(tmp_path: Path) -> None:
    """Cursors lead through all members by id, and by time of joining."""
    portal, clock = open_small(tmp_path)
    async with hubspot(portal) as client:
        for contact in ("103", "101", "102"):
            await client.put(f"{LISTS}/103/memberships/add", json=[contact])
            clock.forward(seconds=1)
        for order, expected in (("", ["101", "102", "103"]), ("/join-order", ["103", "101", "102"])):
            first = (await client.get(f"{LISTS}/103/memberships{order}", params={"limit": 2})).json()
            after = first["paging"]["next"]["after"]
            rest = (await client.get(f"{LISTS}/103/memberships{order}", params={"limit": 2, "after": after})).json()
            assert [item["recordId"] for item in first["results"] + rest["results"]] == expected
            assert "paging" not in rest
        assert (await client.get(f"{LISTS}/103/memberships", params={"limit": 251})).status_code == 400


async def test_a_deleted_list_says_when_and_can_come_back(client: httpx.AsyncClient) -> None:
    """The list stays readable by id with `deletedAt` and is no longer found by name."""
    await client.delete(f"{LISTS}/101")
    assert (await client.get(f"{LISTS}/101")).json()["list"]["deletedAt"] == "2026-10-01T08:00:00.000Z"
    assert (await client.get(f"{LISTS}/object-type-id/0-1/name/Newsletter DACH")).status_code == 404
    await client.put(f"{LISTS}/101/restore")
    assert "deletedAt" not in (await client.get(f"{LISTS}/101")).json()["list"]


async def test_consent_is_read_by_address_in_both_dialects(client: httpx.AsyncClient) -> None:
    """v3 says NOT_SUBSCRIBED where v4 says NOT_SPECIFIED; an unknown address has a status too."""
    v3 = (await client.get(f"{CONSENT}/v3/status/email/ANNA@firma.example")).json()
    assert [(item["id"], item["status"]) for item in v3["subscriptionStatuses"]] == [("5", "SUBSCRIBED")]
    unknown = (await client.get(f"{CONSENT}/v3/status/email/niemand@firma.example")).json()
    assert unknown["subscriptionStatuses"][0]["status"] == "NOT_SUBSCRIBED"
    body = {"inputs": ["anna@firma.example", "niemand@firma.example"]}
    batch = await client.post(f"{CONSENT}/v4/statuses/batch/read", params={"channel": "EMAIL"}, json=body)
    statuses = [(item["subscriberIdString"], item["statuses"][0]["status"]) for item in batch.json()["results"]]
    assert statuses == [("anna@firma.example", "SUBSCRIBED"), ("niemand@firma.example", "NOT_SPECIFIED")]
    assert (await client.get(f"{CONSENT}/v4/statuses/anna@firma.example")).status_code == 400
    definitions = (await client.get(f"{CONSENT}/2026-09/definitions")).json()["results"]
    assert [(item["id"], item["name"]) for item in definitions] == [("5", "Newsletter")]


async def test_v3_never_subscribes_again_and_v4_does(client: httpx.AsyncClient) -> None:
    """After opting out, v3 refuses; v4 takes a new status with its legal basis."""
    given = {"emailAddress": "anna@firma.example", "subscriptionId": "5"}
    assert (await client.post(f"{CONSENT}/v3/unsubscribe", json=given)).status_code == 200
    assert (await client.post(f"{CONSENT}/v3/subscribe", json=given)).status_code == 400
    again = {"channel": "EMAIL", "statusState": "SUBSCRIBED", "subscriptionId": 5, "legalBasis": "CONSENT_WITH_NOTICE"}
    answer = await client.post(f"{CONSENT}/v4/statuses/anna@firma.example", json=again)
    assert (answer.json()["status"], answer.json()["legalBasis"]) == ("SUBSCRIBED", "CONSENT_WITH_NOTICE")


async def test_opting_out_of_everything_reaches_the_contact(client: httpx.AsyncClient) -> None:
    """The read-only opt-out property is set by the service itself, with its source in the history."""
    path = f"{CONSENT}/v4/statuses/anna@firma.example/unsubscribe-all"
    assert (await client.get(path)).json()["results"][0]["status"] == "NOT_SPECIFIED"
    await client.post(path, params={"channel": "EMAIL"})
    assert (await client.get(path)).json()["results"][0]["status"] == "UNSUBSCRIBED"
    record = (await client.get(f"{CONTACTS}/101", params={"propertiesWithHistory": "hs_email_optout"})).json()
    version = record["propertiesWithHistory"]["hs_email_optout"][0]
    assert (version["value"], version["sourceType"]) == ("true", "COMMUNICATION_PREFERENCES")
