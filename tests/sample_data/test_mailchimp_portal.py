"""The Mailchimp server: members, merge fields, statuses, batches and credentials."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sample_data.portal import Fault, Portal
from tests.sample_data.small_portal import AUDIENCE, KEY, Clock, mailchimp, open_small

LIST = f"/lists/{AUDIENCE}"
MEMBERS = f"{LIST}/members"
ANNA, ULLA = f"{MEMBERS}/anna@firma.example", f"{MEMBERS}/ulla@firma.example"


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Portal, Clock]:
    """A portal and its clock."""
    return open_small(tmp_path)


@pytest.fixture
async def client(opened: tuple[Portal, Clock]) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the right key."""
    async with mailchimp(opened[0]) as opened_client:
        yield opened_client


def _emails(answer: httpx.Response) -> list[str]:
    return [member["email_address"] for member in answer.json()["members"]]


async def test_account_ping_and_audience(client: httpx.AsyncClient) -> None:
    """The root names the account, the audience counts its members per status."""
    root = (await client.get("/")).json()
    assert {"account_id", "account_name", "login", "role"} <= set(root)
    assert (await client.get("/ping")).json() == {"health_status": "Everything's Chimpy!"}
    stats = (await client.get(LIST)).json()["stats"]
    assert (stats["member_count"], stats["unsubscribe_count"], stats["cleaned_count"]) == (1, 1, 1)
    assert (await client.get("/lists")).json()["lists"][0]["id"] == AUDIENCE
    assert (await client.get("/lists/ffffffffff")).json()["title"] == "Resource Not Found"


async def test_merge_fields_are_described(client: httpx.AsyncClient) -> None:
    """Types, required fields and choices come with the fields; the address is none of them."""
    answer = (await client.get(f"{LIST}/merge-fields", params={"count": 100})).json()
    fields = {field["tag"]: field for field in answer["merge_fields"]}
    assert answer["total_items"] == len(fields) == 7
    assert fields["FNAME"]["required"] and "EMAIL" not in fields
    assert fields["COUNTRY"]["options"]["choices"] == ["Deutschland", "Österreich"]
    assert (await client.get(f"{LIST}/merge-fields/6")).json()["tag"] == "POINTS"


async def test_members_come_in_pages_without_the_archived(client: httpx.AsyncClient) -> None:
    """Count and offset cut the list; archived members are shown only when asked for."""
    first = await client.get(MEMBERS, params={"count": 2})
    rest = await client.get(MEMBERS, params={"count": 2, "offset": 2})
    assert _emails(first) + _emails(rest) == ["Anna@firma.example", "ulla@firma.example", "clemens@firma.example"]
    assert first.json()["total_items"] == 3
    assert _emails(await client.get(MEMBERS, params={"status": "archived"})) == ["arno@firma.example"]
    assert (await client.get(MEMBERS, params={"count": 1001})).status_code == 400


async def test_members_are_filtered_by_time_and_sorted(client: httpx.AsyncClient) -> None:
    """`since_last_changed` leaves out what is as old; sorting turns the order."""
    since = {"since_last_changed": "2026-04-01T00:00:00+00:00", "sort_field": "last_changed", "sort_dir": "DESC"}
    assert _emails(await client.get(MEMBERS, params=since)) == ["clemens@firma.example", "ulla@firma.example"]
    assert (await client.get(MEMBERS, params={"since_last_changed": "gestern"})).status_code == 400


async def test_fields_choose_parts_of_the_answer(client: httpx.AsyncClient) -> None:
    """Paths start at the top: a name without its parent neither shows nor hides a member's field."""
    chosen = (await client.get(MEMBERS, params={"fields": "members.email_address,total_items"})).json()
    assert set(chosen) == {"members", "total_items"} and set(chosen["members"][0]) == {"email_address"}
    hidden = (await client.get(MEMBERS, params={"exclude_fields": "email_address,members._links"})).json()
    assert "email_address" in hidden["members"][0] and "_links" not in hidden["members"][0]


async def test_a_member_is_found_by_hash_address_and_contact_id(client: httpx.AsyncClient) -> None:
    """All three lead to one member; numbers are numbers, empty fields empty text."""
    keys = [hashlib.md5(b"anna@firma.example").hexdigest(), "ANNA@firma.example", f"{1:032x}"]
    found = [(await client.get(f"{MEMBERS}/{key}")).json() for key in keys]
    assert found[0] == found[1] == found[2]
    assert found[0]["merge_fields"]["POINTS"] == 12 and found[0]["merge_fields"]["LNAME"] == "Amsel"
    assert found[0]["merge_fields"]["WEBSITE"] == ""
    assert (await client.get(f"{MEMBERS}/niemand@firma.example")).status_code == 404


async def _add(client: httpx.AsyncClient, address: str, **more: Any) -> httpx.Response:
    body = {"email_address": address, "status": "subscribed", "merge_fields": {"FNAME": "Neu"}, **more}
    return await client.post(MEMBERS, json=body)


async def test_a_member_is_added_and_keeps_its_contact_id(client: httpx.AsyncClient) -> None:
    """A new address changes the hash, not the contact id."""
    added = (await _add(client, "Neu@firma.example")).json()
    assert added["id"] == hashlib.md5(b"neu@firma.example").hexdigest()
    assert (added["source"], added["last_changed"]) == ("API - Generic", "2026-10-01T08:00:00+00:00")
    changed = await client.patch(f"{MEMBERS}/{added['id']}", json={"email_address": "neuer@firma.example"})
    assert changed.json()["contact_id"] == added["contact_id"] and changed.json()["id"] != added["id"]
    taken = await client.patch(f"{MEMBERS}/neuer@firma.example", json={"email_address": "anna@firma.example"})
    assert taken.json()["title"] == "Member Exists"


@pytest.mark.parametrize(
    ("address", "title", "words"),
    [
        ("AAAAA", "Invalid Resource", "Please provide a valid email address."),
        ("foo@firma.example", "Invalid Resource", "looks fake or invalid"),
        ("ANNA@firma.example", "Member Exists", "is already a list member"),
        ("vergessen@firma.example", "Forgotten Email Not Subscribed", "was permanently deleted"),
        ("beschwerde@firma.example", "Member In Compliance State", "compliance state"),
    ],
)
async def test_addresses_are_refused_in_the_services_words(
    client: httpx.AsyncClient, address: str, title: str, words: str
) -> None:
    """Each refusal is 400 with its own title, and no member appears."""
    answer = await _add(client, address)
    assert (answer.status_code, answer.json()["title"]) == (400, title)
    assert words in answer.json()["detail"]
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (await client.get(MEMBERS)).json()["total_items"] == 3


@pytest.mark.parametrize(
    ("tag", "value", "message"),
    [
        ("FNAME", "", "Please enter a value"),
        ("FNAME", " ", "Please enter a value"),
        ("POINTS", "viel", "Please enter a number"),
        ("CONTRACT", "2026-13-01", "Please enter the date"),
        ("WEBSITE", "ftp://firma.example", "Please enter a valid URL"),
        ("COUNTRY", "Liechtenstein", "Please select one of the choices"),
        ("LNAME", "ü" * 128, "Please enter a value of at most 255 bytes"),
        ("LNAME", {"first": "a"}, "Data did not match any of the schemas described in anyOf."),
    ],
)
async def test_bad_merge_fields_are_named(client: httpx.AsyncClient, tag: str, value: object, message: str) -> None:
    """400 with the merge tag and a message; the member keeps its values."""
    answer = await client.patch(ANNA, json={"merge_fields": {tag: value}})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Your merge fields were invalid.")
    assert answer.json()["errors"] == [{"field": tag, "message": message}]
    kept = (await client.get(ANNA)).json()["merge_fields"]
    assert (kept["FNAME"], kept["LNAME"], kept["POINTS"]) == ("Anna", "Amsel", 12)


async def test_good_merge_fields_are_stored_and_unknown_tags_ignored(client: httpx.AsyncClient) -> None:
    """255 bytes, a date in either form, a choice and a number are taken; empty text clears."""
    fields = {"LNAME": "ü" * 127, "CONTRACT": "05/01/2026", "COUNTRY": "Österreich", "POINTS": "", "NIX": "1"}
    kept = (await client.patch(ANNA, json={"merge_fields": fields})).json()["merge_fields"]
    assert (kept["LNAME"], kept["CONTRACT"], kept["COUNTRY"]) == ("ü" * 127, "2026-05-01", "Österreich")
    assert kept["POINTS"] == "" and "NIX" not in kept and kept["FNAME"] == "Anna"


async def test_required_fields_can_be_waived(client: httpx.AsyncClient) -> None:
    """`skip_merge_validation` lets an empty required field pass, but never a value of the wrong type."""
    refused = await _add(client, "neu@firma.example", merge_fields={})
    assert refused.json()["errors"] == [{"field": "FNAME", "message": "Please enter a value"}]
    body = {"email_address": "neu@firma.example", "status": "subscribed", "merge_fields": {"POINTS": "viel"}}
    skip = {"skip_merge_validation": "true"}
    assert (await client.post(MEMBERS, json=body, params=skip)).status_code == 400
    assert (await client.post(MEMBERS, json=body | {"merge_fields": {}}, params=skip)).status_code == 200


async def test_put_adds_or_updates_and_leaves_the_status_alone(
    client: httpx.AsyncClient, opened: tuple[Portal, Clock]
) -> None:
    """`status_if_new` counts for new members only; without `status` an unsubscribed member stays so."""
    fields = {"merge_fields": {"FNAME": "Ulla", "LNAME": "Uhu"}}
    updated = (await client.put(ULLA, json={"status_if_new": "subscribed", **fields})).json()
    assert (updated["status"], updated["merge_fields"]["LNAME"]) == ("unsubscribed", "Uhu")
    new = {"email_address": "neu@firma.example", "status_if_new": "pending", "merge_fields": {"FNAME": "Neu"}}
    key = hashlib.md5(b"neu@firma.example").hexdigest()
    assert (await client.put(f"{MEMBERS}/{key}", json=new)).json()["status"] == "pending"
    no_status = {"email_address": "neu2@firma.example", "merge_fields": {"FNAME": "Neu"}}
    refused = await client.put(f"{MEMBERS}/{'0' * 32}", json=no_status)
    assert refused.json()["errors"][0]["field"] == "status"
    opened[1].forward(minutes=5)
    same = (await client.put(ULLA, json=fields)).json()
    assert same["last_changed"] == "2026-10-01T08:00:00+00:00"


async def test_nobody_who_left_is_subscribed_by_an_api_call(client: httpx.AsyncClient) -> None:
    """Who unsubscribed or bounced stays out in every way of writing; who an admin removed may come back."""
    back = {"email_address": "ulla@firma.example", "status": "subscribed", "merge_fields": {"FNAME": "Ulla"}}
    answers = [
        await client.patch(ULLA, json={"status": "subscribed"}),
        await client.put(ULLA, json=back),
        await client.patch(f"{MEMBERS}/clemens@firma.example", json={"status": "subscribed"}),
    ]
    assert [answer.json()["title"] for answer in answers] == ["Member In Compliance State"] * 3
    batch = (await client.post(LIST, json={"members": [back], "update_existing": True})).json()
    assert (batch["error_count"], batch["total_updated"]) == (1, 0)
    assert (await client.get(ULLA)).json()["status"] == "unsubscribed"
    assert (await client.patch(ULLA, json={"status": "pending"})).json()["status"] == "pending"
    await client.patch(ANNA, json={"status": "unsubscribed"})
    assert (await client.patch(ANNA, json={"status": "subscribed"})).json()["status"] == "subscribed"


async def test_archiving_and_permanent_deletion(client: httpx.AsyncClient) -> None:
    """DELETE archives once; an archived member comes back by adding; a forgotten address never does."""
    assert (await client.delete(ANNA)).status_code == 204
    assert (await client.get(ANNA)).json()["status"] == "archived"
    twice = await client.delete(ANNA)
    assert (twice.status_code, twice.headers["allow"]) == (405, "GET, PUT")
    assert (await _add(client, "anna@firma.example")).json()["status"] == "subscribed"
    assert (await client.post(f"{ANNA}/actions/delete-permanent")).status_code == 204
    assert (await client.get(ANNA)).status_code == 404
    assert (await _add(client, "anna@firma.example")).json()["title"] == "Forgotten Email Not Subscribed"


async def test_a_batch_answers_for_each_member(client: httpx.AsyncClient) -> None:
    """New, existing, bad and repeated members each find their place, and the counts agree."""
    members = [
        {"email_address": "neu@firma.example", "status": "subscribed", "merge_fields": {"FNAME": "Neu"}},
        {"email_address": "anna@firma.example", "merge_fields": {"FNAME": "Änna"}},
        {"email_address": "leer@firma.example", "status": "subscribed"},
        {"email_address": "NEU@firma.example", "status": "subscribed", "merge_fields": {"FNAME": "Neu"}},
    ]
    first = (await client.post(LIST, json={"members": members})).json()
    assert (first["total_created"], first["total_updated"], first["error_count"]) == (1, 0, 3)
    errors = {error["email_address"]: error for error in first["errors"]}
    assert errors["anna@firma.example"]["error_code"] == "ERROR_CONTACT_EXISTS"
    assert "update_existing:true" in errors["anna@firma.example"]["error"]
    missing = errors["leer@firma.example"]
    assert (missing["error_code"], missing["field"], missing["field_message"]) == (
        "ERROR_GENERIC",
        "FNAME",
        "Please enter a value",
    )
    second = (await client.post(LIST, json={"members": members[:2], "update_existing": True})).json()
    assert sorted(member["full_name"] for member in second["updated_members"]) == ["Neu", "Änna Amsel"]
    too_many = {"members": [{"email_address": f"p{number}@firma.example"} for number in range(501)]}
    assert (await client.post(LIST, json=too_many)).status_code == 400


@pytest.mark.parametrize(
    ("authorization", "status", "title"),
    [
        (None, 401, "API Key Missing"),
        ("Bearer nonsense-us00", 401, "API Key Invalid"),
        ("Bearer practice-mailchimp-key-us21", 403, "Wrong Datacenter"),
        ("Basic !!", 401, "API Key Missing"),
        (f"Bearer {KEY}", 200, None),
    ],
)
async def test_keys_are_checked(
    opened: tuple[Portal, Clock], authorization: str | None, status: int, title: str | None
) -> None:
    """Missing, unknown and foreign keys have their own problems; Bearer is as good as Basic."""
    headers = {"Authorization": authorization} if authorization else {}
    transport = httpx.ASGITransport(app=opened[0].mailchimp)
    async with httpx.AsyncClient(transport=transport, base_url="http://mailchimp.example/3.0") as anonymous:
        answer = await anonymous.get(LIST, headers=headers)
    assert (answer.status_code, answer.json().get("title")) == (status, title)


async def test_methods_that_a_resource_lacks_are_405(client: httpx.AsyncClient) -> None:
    """The Allow header names what is possible."""
    answer = await client.put(MEMBERS, json={})
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")
    assert answer.headers["allow"] == "GET, POST"


async def test_the_eleventh_simultaneous_request_is_refused(client: httpx.AsyncClient) -> None:
    """Ten at a time pass; one more is 429; afterwards all is well again."""
    answers = await asyncio.gather(*(client.get("/ping") for _ in range(11)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429]
    assert (await client.get("/ping")).status_code == 200


async def test_a_member_can_be_changed_behind_everyones_back(
    client: httpx.AsyncClient, opened: tuple[Portal, Clock]
) -> None:
    """Tampering moves `last_changed` and is not checked; unknown tags are an error of the test itself."""
    portal, clock = opened
    clock.forward(hours=1)
    portal.tamper("mailchimp", f"{1:032x}", {"POINTS": "-5", "status": "unsubscribed"})
    member = (await client.get(ANNA)).json()
    assert (member["status"], member["merge_fields"]["POINTS"]) == ("unsubscribed", -5)
    assert member["last_changed"] == "2026-10-01T09:00:00+00:00"
    with pytest.raises(KeyError):
        portal.tamper("mailchimp", f"{1:032x}", {"NIX": "1"})


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"merge_fields": [1]}', b'{"merge_fields": {"LNAME": "\\udfff"}}'])
async def test_bodies_that_are_no_request_are_400(client: httpx.AsyncClient, body: bytes) -> None:
    """Broken JSON, wrong types and lone surrogates are problems, never a crash."""
    answer = await client.patch(ANNA, content=body)
    assert (answer.status_code, "detail" in answer.json()) == (400, True)


async def test_a_fault_of_this_server_speaks_its_language(tmp_path: Path) -> None:
    """An invented 500 is a problem document."""
    portal, _ = open_small(tmp_path, faults=[Fault("mailchimp", "GET", "/members$", 1, "500_before")])
    async with mailchimp(portal) as client:
        answer = await client.get(MEMBERS)
        assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
        assert (await client.get(MEMBERS)).status_code == 200
