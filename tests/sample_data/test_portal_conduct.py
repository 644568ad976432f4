"""What a portal can be told to do differently: limits, merge regimes, schema changes, silent changes; and its audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sample_data.portal import Audit, Portal, PortalLimits, open_portal
from sample_data.portal.state import State
from tests.sample_data.small_portal import AUDIENCE, Clock, hubspot, mailchimp, open_small, write_folder

CONTACTS = "/crm/v3/objects/contacts"
STRICT = "/crm/objects/2026-09/contacts"
MEMBERS = f"/lists/{AUDIENCE}/members"
ONE = PortalLimits(
    contacts_page=1,
    contacts_page_with_history=1,
    search_page=1,
    search_results=2,
    batch_inputs=2,
    list_members_page=1,
    members_page=1,
    members_batch=2,
)


def opened(tmp_path: Path, limits: PortalLimits = ONE) -> Portal:
    """The small portal with the smallest limits."""
    return open_portal(write_folder(tmp_path / "data"), tmp_path / "state.db", now=Clock(), limits=limits)


async def test_pages_of_one_reach_everybody_whatever_a_client_asks_for(tmp_path: Path) -> None:
    """The client asks for as many as the service documents and follows the paging."""
    async with hubspot(opened(tmp_path)) as client:
        for path, key in ((CONTACTS, "id"), ("/crm/v3/lists/101/memberships", "recordId")):
            found, after = [], None
            while True:
                page = (await client.get(path, params={"limit": 100} | ({"after": after} if after else {}))).json()
                assert len(page["results"]) == 1
                found.append(page["results"][0][key])
                if "paging" not in page:
                    break
                after = page["paging"]["next"]["after"]
            assert found == (["101", "102", "103"] if path == CONTACTS else ["101", "103"])


async def test_members_come_one_by_one(tmp_path: Path) -> None:
    """The offset counts what came."""
    async with mailchimp(opened(tmp_path)) as client:
        pages = [(await client.get(MEMBERS, params={"count": 1000, "offset": n})).json() for n in range(4)]
    assert [len(page["members"]) for page in pages] == [1, 1, 1, 0]
    assert len({member["id"] for page in pages for member in page["members"]}) == pages[0]["total_items"] == 3


async def test_a_search_ends_at_its_cap(tmp_path: Path) -> None:
    """Two results can be read one by one, the third is refused although it is announced."""
    async with hubspot(opened(tmp_path)) as client:
        for after in (0, 1):
            page = (await client.post(f"{CONTACTS}/search", json={"limit": 200, "after": after})).json()
            assert (page["total"], len(page["results"]), page["paging"]["next"]["after"]) == (3, 1, str(after + 1))
        assert (await client.post(f"{CONTACTS}/search", json={"limit": 200, "after": 2})).status_code == 400


async def test_a_batch_beyond_its_limit_is_refused_whole(tmp_path: Path) -> None:
    """On both servers."""
    portal = opened(tmp_path)
    async with hubspot(portal) as client, mailchimp(portal) as other:
        people = [{"email": f"neu{number}@firma.example"} for number in range(3)]
        refused = await client.post(f"{CONTACTS}/batch/create", json={"inputs": [{"properties": p} for p in people]})
        assert refused.status_code == 400
        members = [{"email_address": person["email"], "status": "subscribed"} for person in people]
        assert (await other.post(f"/lists/{AUDIENCE}", json={"members": members})).status_code == 400
    assert portal.applied() == []


@pytest.mark.parametrize(
    ("regime", "survivor", "merged", "everyone", "answers"),
    [
        ("new_id", "111", "103;101", "111;103;101", ["111"]),
        ("primary_kept", "103", "101", "103;101", ["103"]),
        ("both_kept", "103", "101", "103;101", ["103", "103"]),
    ],
)
async def test_which_id_a_merge_leaves(
    tmp_path: Path, regime: Any, survivor: str, merged: str, everyone: str, answers: list[str]
) -> None:
    """Both ids lead to the survivor; the properties that HubSpot fills name the others."""
    portal, _ = open_small(tmp_path)
    portal.merge_regime = regime
    pair = {"primaryObjectId": "103", "objectIdToMerge": "101"}
    wanted = {"properties": ["email", "hs_merged_object_ids"], "inputs": [{"id": "101"}, {"id": "103"}]}
    async with hubspot(portal) as client:
        assert (await client.post(f"{CONTACTS}/merge", json=pair)).json()["id"] == survivor
        records = (await client.post(f"{CONTACTS}/batch/read", json=wanted)).json()["results"]
        for key in ("101", "103"):
            assert (await client.get(f"{CONTACTS}/{key}")).json()["id"] == survivor
        changed = await client.patch(f"{CONTACTS}/101", json={"properties": {"city": "Ulm"}})
        assert changed.json()["id"] == survivor
        assert [item["id"] for item in (await client.get(CONTACTS)).json()["results"]] == ["102", survivor]
    assert [record["id"] for record in records] == answers
    assert records[0]["properties"]["hs_merged_object_ids"] == merged
    person = next(person for person in portal.people("hubspot") if person.id == survivor)
    assert person.values["hs_all_contact_vids"] == everyone
    assert (person.values["lifecyclestage"], person.values["firstname"]) == ("customer", "Anna")


async def test_a_property_changes_while_the_portal_runs(tmp_path: Path) -> None:
    """An option goes, a property becomes read-only, another is archived, a required one is new; a new process knows."""
    portal, clock = open_small(tmp_path)
    portal.change_property("lifecyclestage", remove_option="evangelist")
    portal.change_property("city", read_only=True)
    portal.change_property("website", archived=True)
    portal.change_property("branch", required=True)
    portal.close()
    portal = open_portal(tmp_path / "data", tmp_path / "state.db", now=clock)
    async with hubspot(portal) as client:

        async def code(name: str, value: str) -> str:
            answer = await client.patch(f"{CONTACTS}/101", json={"properties": {name: value}})
            return str(answer.json()["errors"][0]["code"])

        assert await code("lifecyclestage", "evangelist") == "INVALID_OPTION"
        assert await code("city", "Ulm") == "READ_ONLY_VALUE"
        assert await code("website", "https://firma.example") == "PROPERTY_DOESNT_EXIST"
        names = {item["name"] for item in (await client.get("/crm/v3/properties/contacts")).json()["results"]}
        assert "website" not in names and "branch" in names
        assert (await client.get("/crm/v3/properties/contacts/website")).status_code == 404
        refused = await client.post(STRICT, json={"properties": {"lastname": "Neu"}})
        assert refused.json()["errors"][0]["code"] == "MISSING_REQUIRED_PROPERTY"
        given = {"lastname": "Neu", "branch": "Nord"}
        assert (await client.post(STRICT, json={"properties": given})).status_code == 201
    with pytest.raises(KeyError):
        portal.change_property("lifecyclestage", remove_option="evangelist")


async def test_a_merge_field_changes_while_the_portal_runs(tmp_path: Path) -> None:
    """Deleted ones are in no answer and are passed over in writes; a type and a new required field bite."""
    portal, clock = open_small(tmp_path)
    portal.change_merge_field("WEBSITE", None)
    portal.change_merge_field("LNAME", {"type": "number"})
    portal.change_merge_field("BRANCH", {"required": True})
    portal.close()
    portal = open_portal(tmp_path / "data", tmp_path / "state.db", now=clock)
    async with mailchimp(portal) as client:
        path = f"/lists/{AUDIENCE}/merge-fields"
        fields = {item["tag"]: item for item in (await client.get(path, params={"count": 100})).json()["merge_fields"]}
        assert "WEBSITE" not in fields and (fields["BRANCH"]["merge_id"], fields["BRANCH"]["required"]) == (8, True)
        member = f"{MEMBERS}/{1:032x}"
        refused = await client.patch(member, json={"merge_fields": {"LNAME": "Amsel"}})
        assert {error["field"] for error in refused.json()["errors"]} == {"LNAME", "BRANCH"}
        kept = await client.patch(member, json={"merge_fields": {"BRANCH": "Nord", "WEBSITE": "x"}})
        assert "WEBSITE" not in kept.json()["merge_fields"]


async def test_a_server_can_keep_another_text_than_it_was_sent(tmp_path: Path) -> None:
    """Silently, in the answer too, and still after a restart; `as_given` ends it."""
    portal, clock = open_small(tmp_path)
    portal.keeps("hubspot", "city", "truncated")
    portal.keeps("mailchimp", "LNAME", "normalised")
    portal.close()
    portal = open_portal(tmp_path / "data", tmp_path / "state.db", now=clock)
    async with hubspot(portal) as client, mailchimp(portal) as other:
        write = {"properties": {"city": "Düsseldorf"}}
        assert (await client.patch(f"{CONTACTS}/101", json=write)).json()["properties"]["city"] == "Düsse"
        member = f"{MEMBERS}/{1:032x}"
        answer = await other.patch(member, json={"merge_fields": {"LNAME": " Amsel "}})
        assert answer.json()["merge_fields"]["LNAME"] == "AMSEL"
        portal.keeps("hubspot", "city", "as_given")
        assert (await client.patch(f"{CONTACTS}/101", json=write)).json()["properties"]["city"] == "Düsseldorf"


async def test_each_server_has_its_own_clock(tmp_path: Path) -> None:
    """One runs an hour ahead; the other does not."""
    portal, _ = open_small(tmp_path)
    portal.clock_skew["mailchimp"] = 3600.0
    async with hubspot(portal) as client, mailchimp(portal) as other:
        ours = await client.patch(f"{CONTACTS}/101", json={"properties": {"city": "Ulm"}})
        theirs = await other.patch(f"{MEMBERS}/{1:032x}", json={"merge_fields": {"LNAME": "Neu"}})
    assert ours.json()["updatedAt"] == "2026-10-01T08:00:00.000Z"
    assert theirs.json()["last_changed"] == "2026-10-01T09:00:00+00:00"
    dates = [answer.headers["date"] for answer in (ours, theirs)]
    assert dates == ["Thu, 01 Oct 2026 08:00:00 GMT", "Thu, 01 Oct 2026 09:00:00 GMT"]


async def test_the_audit_tells_what_was_really_applied(tmp_path: Path) -> None:
    """Creates, updates, restores, deletes and merges, not refusals and not people's own edits; another process reads it."""
    portal, _ = open_small(tmp_path)
    portal.tamper("hubspot", "102", {"city": "Bern"})
    async with hubspot(portal) as client, mailchimp(portal) as other:
        good, bad = ({"properties": {"email": f"{name}@firma.example"}} for name in ("neu", "anna"))
        traced = [{**good, "objectWriteTraceId": "a"}, {**bad, "objectWriteTraceId": "b"}]
        await client.post(f"{CONTACTS}/batch/create", json={"inputs": traced})
        await client.patch(f"{CONTACTS}/101", json={"properties": {"loyalty_points": "viele"}})
        await client.patch(f"{CONTACTS}/101", json={"properties": {"city": "Ulm"}})
        back = {"email_address": "arno@firma.example", "status": "subscribed", "merge_fields": {"FNAME": "Arno"}}
        await other.post(MEMBERS, json=back)
        await other.post(MEMBERS, json={**back, "email_address": "neu@firma.example"})
        await other.delete(f"{MEMBERS}/{1:032x}")
        await client.delete(f"{CONTACTS}/102")
        await client.post(f"{CONTACTS}/merge", json={"primaryObjectId": "101", "objectIdToMerge": "103"})
    audit = Audit(State(tmp_path / "state.db"))
    seen = [(write.side, write.kind, write.address) for write in audit.applied()]
    assert seen == [
        ("hubspot", "create", "neu@firma.example"),
        ("hubspot", "update", "anna@firma.example"),
        ("mailchimp", "restore", "arno@firma.example"),
        ("mailchimp", "create", "neu@firma.example"),
        ("mailchimp", "delete", "Anna@firma.example"),
        ("hubspot", "delete", "Bernd@firma.example"),
        ("hubspot", "merge", "anna@firma.example"),
    ]
    update = audit.applied()[1]
    assert (update.record_id, update.fields, update.at) == ("101", {"city": "Ulm"}, "2026-10-01T08:00:00.000Z")
    assert [write.number for write in audit.applied(after=5)] == [6, 7]
    assert portal.creates() == audit.creates() and len(audit.creates()) == 2
    members = audit.people("mailchimp")
    assert {person.address for person in members} == {
        "ulla@firma.example",
        "clemens@firma.example",
        "arno@firma.example",
        "neu@firma.example",
    }
    arno = next(person for person in members if person.address.startswith("arno"))
    assert (arno.values["status"], arno.values["FNAME"]) == ("subscribed", "Arno")
