"""The HubSpot server: contacts, their rules, versions, tokens and budgets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sample_data.portal import Portal
from tests.sample_data.small_portal import EXPIRED, READER, TOKEN, Clock, hubspot, open_small

V3, NEW = "/crm/v3/objects/contacts", "/crm/objects/2026-09/contacts"


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Portal, Clock]:
    """A portal and its clock."""
    return open_small(tmp_path)


@pytest.fixture
async def client(opened: tuple[Portal, Clock]) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the full token."""
    async with hubspot(opened[0]) as opened_client:
        yield opened_client


def _codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["context"]["propertyName"][0], error["code"]) for error in answer.json()["errors"]]


async def test_pages_follow_a_cursor_until_paging_is_absent(client: httpx.AsyncClient) -> None:
    """Live contacts come in id order; the archived one only when archived ones are asked for."""
    first = (await client.get(V3, params={"limit": 2})).json()
    assert [record["id"] for record in first["results"]] == ["101", "102"]
    last = (await client.get(V3, params={"limit": 2, "after": first["paging"]["next"]["after"]})).json()
    assert [record["id"] for record in last["results"]] == ["103"]
    assert "paging" not in last
    archived = (await client.get(V3, params={"archived": "true"})).json()["results"]
    assert [(record["id"], record["archived"], "archivedAt" in record) for record in archived] == [("104", True, True)]


async def test_values_are_text_and_empty_ones_null(client: httpx.AsyncClient) -> None:
    """Asked-for properties are text or null, unknown names are dropped, the defaults come unasked."""
    asked = (await client.get(f"{V3}/101", params={"properties": "loyalty_points,city,nonsense"})).json()
    assert asked["properties"]["loyalty_points"] == "12"
    assert asked["properties"]["city"] is None
    assert "nonsense" not in asked["properties"]
    plain = (await client.get(f"{V3}/101")).json()["properties"]
    assert set(plain) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}


@pytest.mark.parametrize(
    "base",
    [V3, "/crm/objects/v3/contacts", "/crm/objects/2026-03/contacts", NEW, "/crm/objects/2026-09/0-1"],
)
async def test_every_spelling_of_the_path_reaches_the_same_contact(client: httpx.AsyncClient, base: str) -> None:
    """v3 and the dated versions read from one core."""
    answer = await client.get(f"{base}/c.alt@firma.example", params={"idProperty": "email"})
    assert (answer.status_code, answer.json()["id"]) == (200, "103")


@pytest.mark.parametrize("address", ["ANNA@firma.example", "C.Alt@firma.example"])
async def test_an_address_belongs_to_one_contact(client: httpx.AsyncClient, address: str) -> None:
    """A primary or additional address in any case is taken: 409 names its contact."""
    owner = "101" if "ANNA" in address else "103"
    answer = await client.post(V3, json={"properties": {"email": address}})
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {owner}"
    composed = await client.post(V3, json={"properties": {"email": "\u00e1nna@firma.example"}})
    decomposed = await client.post(V3, json={"properties": {"email": "a\u0301nna@firma.example"}})
    assert (composed.status_code, decomposed.status_code) == (201, 201)


async def test_a_created_contact_says_where_it_came_from(
    client: httpx.AsyncClient, opened: tuple[Portal, Clock]
) -> None:
    """Creation is 201 with its place, source INTEGRATION and the portal's clock."""
    answer = await client.post(V3, json={"properties": {"email": "neu@firma.example", "loyalty_points": 5}})
    record = answer.json()
    assert (answer.status_code, answer.headers["location"].rpartition("/")[2]) == (201, record["id"])
    assert record["createdAt"] == "2026-10-01T08:00:00.000Z"
    assert record["properties"]["loyalty_points"] == "5"
    assert record["properties"]["hs_object_source"] == "INTEGRATION"
    assert record["properties"]["hs_object_source_label"] == "INTEGRATION"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_email_optout": "true"}, "READ_ONLY_VALUE"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"email": "not an address"}, "INVALID_EMAIL"),
        ({"lifecyclestage": "Kunde"}, "INVALID_OPTION"),
        ({"newsletter_opt_in": "ja"}, "INVALID_OPTION"),
        ({"loyalty_points": "1,200"}, "INVALID_INTEGER"),
        ({"loyalty_points": "-5"}, "INVALID_MIN_NUMBER"),
        ({"loyalty_points": "250000"}, "INVALID_MAX_NUMBER"),
        ({"customer_number": "A-1001"}, "INVALID_REGEX"),
        ({"city": "x" * 61}, "INVALID_MAX_LENGTH"),
        ({"contract_start": "soon"}, "INVALID_LONG"),
        ({"contract_start": "2026-05-01T10:30:00Z"}, "INVALID_DATE"),
    ],
)
async def test_bad_values_are_refused_by_property_and_code(
    client: httpx.AsyncClient, values: dict[str, str], code: str
) -> None:
    """400 names the property and code in `errors`, repeats it in the message, and changes nothing."""
    answer = await client.patch(f"{V3}/101", json={"properties": {"firstname": "X", **values}})
    assert answer.status_code == 400
    assert _codes(answer) == [(next(iter(values)), code)]
    assert answer.json()["message"].startswith("Property values were not valid: [{")
    assert code in answer.json()["message"]
    assert (await client.get(f"{V3}/101")).json()["properties"]["firstname"] == "Anna"


async def test_all_bad_values_of_a_write_are_named(client: httpx.AsyncClient) -> None:
    """Two bad values give two errors."""
    answer = await client.patch(f"{V3}/101", json={"properties": {"loyalty_points": "x", "customer_number": "1"}})
    assert sorted(_codes(answer)) == [("customer_number", "INVALID_REGEX"), ("loyalty_points", "INVALID_INTEGER")]


async def test_required_fields_hold_in_2026_09_only(client: httpx.AsyncClient) -> None:
    """A create without last name, or a customer without number, passes in v3 and is refused in 2026-09."""
    for number, values in enumerate(({"firstname": "A"}, {"lastname": "B", "lifecyclestage": "customer"})):
        given = {"properties": {"email": f"neu{number}@firma.example", **values}}
        refused = await client.post(NEW, json=given)
        assert refused.status_code == 400
        expected = [
            ("lastname", "MISSING_REQUIRED_PROPERTY"),
            ("customer_number", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"),
        ][number]
        assert _codes(refused) == [expected]
        assert (await client.post(V3, json=given)).status_code == 201
        assert (await client.post("/crm/objects/2026-03/contacts", json={"properties": values})).status_code == 201


async def test_dates_are_normalised_with_a_warning_in_2026_09(client: httpx.AsyncClient) -> None:
    """A time of day is cut off, and the answer says so."""
    answer = await client.patch(f"{NEW}/101", json={"properties": {"contract_start": "2026-05-01T10:30:00Z"}})
    assert answer.json()["properties"]["contract_start"] == "2026-05-01"
    warning = answer.json()["warnings"][0]
    assert warning["category"] == "PROPERTY_VALUE_NORMALIZED"
    assert warning["context"]["normalizedValue"] == "2026-05-01"


async def test_a_stage_only_moves_forward_unless_cleared(client: httpx.AsyncClient) -> None:
    """Going back is ignored without an error; clearing first makes it possible."""
    back = await client.patch(f"{V3}/103", json={"properties": {"lifecyclestage": "lead"}})
    assert back.json()["properties"]["lifecyclestage"] == "customer"
    await client.patch(f"{V3}/103", json={"properties": {"lifecyclestage": ""}})
    again = await client.patch(f"{V3}/103", json={"properties": {"lifecyclestage": "lead"}})
    assert again.json()["properties"]["lifecyclestage"] == "lead"


async def test_history_names_who_wrote_each_value(client: httpx.AsyncClient, opened: tuple[Portal, Clock]) -> None:
    """The value of the start, an API write and a change by hand are kept, newest first."""
    portal, clock = opened
    clock.forward(minutes=1)
    await client.patch(f"{V3}/101", json={"properties": {"lastname": "Bach"}})
    clock.forward(minutes=1)
    portal.tamper("hubspot", "101", {"lastname": "Cello"})
    record = (await client.get(f"{V3}/101", params={"propertiesWithHistory": "lastname"})).json()
    versions = [(item["value"], item["sourceType"]) for item in record["propertiesWithHistory"]["lastname"]]
    assert versions == [("Cello", "CRM_UI"), ("Bach", "INTEGRATION"), ("Amsel", "CRM_UI")]
    newest, api, _ = record["propertiesWithHistory"]["lastname"]
    assert (newest["sourceId"], newest["updatedByUserId"]) == ("userId:1", 1)
    assert (api["sourceId"], "updatedByUserId" in api) == ("4711", False)
    portal.tamper("hubspot", "101", {"lastname": "Dur"}, origin=("WORKFLOWS", "77", "Spelling"))
    record = (await client.get(f"{V3}/101", params={"propertiesWithHistory": "lastname"})).json()
    workflow = record["propertiesWithHistory"]["lastname"][0]
    assert (workflow["sourceType"], workflow["sourceId"], workflow["sourceLabel"]) == ("WORKFLOWS", "77", "Spelling")
    assert "updatedByUserId" not in workflow
    assert record["updatedAt"] == "2026-10-01T08:02:00.000Z"


async def test_an_archived_contact_is_gone_and_its_address_free(client: httpx.AsyncClient) -> None:
    """DELETE is 204, reading is 404 unless archived ones are asked for, and the address can be used again."""
    assert (await client.delete(f"{V3}/101")).status_code == 204
    gone = await client.get(f"{V3}/101")
    assert (gone.status_code, gone.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    assert (await client.get(f"{V3}/101", params={"archived": "true"})).status_code == 200
    again = await client.post(V3, json={"properties": {"email": "anna@firma.example"}})
    assert (again.status_code, again.json()["id"] != "101") == (201, True)


async def test_merged_contacts_live_on_under_a_new_id(client: httpx.AsyncClient) -> None:
    """Both old ids and both addresses lead to the survivor; the primary's values win and gaps are filled."""
    pair = {"primaryObjectId": "103", "objectIdToMerge": "101"}
    survivor = (await client.post(f"{V3}/merge", json=pair)).json()["id"]
    assert survivor not in ("101", "103")
    for key, id_property in (("101", None), ("103", None), ("anna@firma.example", "email")):
        params = {"properties": "email,lastname,lifecyclestage,hs_merged_object_ids"}
        params |= {"idProperty": id_property} if id_property else {}
        record = (await client.get(f"{V3}/{key}", params=params)).json()
        assert record["id"] == survivor
        assert record["properties"]["email"] == "clara@firma.example"
        assert (record["properties"]["lastname"], record["properties"]["lifecyclestage"]) == ("Amsel", "customer")
        assert record["properties"]["hs_merged_object_ids"] == "103;101"
    again = (await client.post(f"{V3}/merge", json={"primaryObjectId": "101", "objectIdToMerge": "102"})).json()["id"]
    assert (await client.get(f"{V3}/103")).json()["id"] == again


async def test_a_permanently_deleted_contact_leaves_nothing(client: httpx.AsyncClient) -> None:
    """After gdpr-delete it is not even among the archived; an API request may make it again."""
    assert (await client.post(f"{V3}/gdpr-delete", json={"objectId": "101"})).status_code == 204
    assert (await client.get(f"{V3}/101", params={"archived": "true"})).status_code == 404
    by_email = {"objectId": "niemand@firma.example", "idProperty": "email"}
    assert (await client.post(f"{V3}/gdpr-delete", json=by_email)).status_code == 204
    assert (await client.post(V3, json={"properties": {"email": "anna@firma.example"}})).status_code == 201


def _inputs(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": list(entries)}


async def test_batch_read_names_what_it_did_not_find(client: httpx.AsyncClient) -> None:
    """By id and by e-mail; missing ids make it 207."""
    by_id = await client.post(f"{V3}/batch/read", json=_inputs({"id": "101"}, {"id": "999"}))
    assert (by_id.status_code, [record["id"] for record in by_id.json()["results"]]) == (207, ["101"])
    assert by_id.json()["errors"][0]["context"]["ids"] == ["999"]
    body = _inputs({"id": "bernd@firma.example"}) | {"idProperty": "email", "properties": ["lifecyclestage"]}
    by_email = await client.post(f"{V3}/batch/read", json=body)
    assert by_email.status_code == 200
    assert by_email.json()["results"][0]["properties"]["lifecyclestage"] == "evangelist"


async def test_batch_create_answers_in_another_order(client: httpx.AsyncClient) -> None:
    """The recorded service does not keep the order of the inputs."""
    given = [f"neu{number}@firma.example" for number in range(3)]
    answer = await client.post(f"{V3}/batch/create", json=_inputs(*({"properties": {"email": item}} for item in given)))
    answered = [record["properties"]["email"] for record in answer.json()["results"]]
    assert answer.status_code == 201
    assert sorted(answered) == given and answered != given


async def test_one_bad_input_fails_a_batch_unless_inputs_carry_trace_ids(client: httpx.AsyncClient) -> None:
    """Without trace ids nothing is stored; with them 207 stores the good and names the bad."""
    good, bad = {"properties": {"email": "gut@firma.example"}}, {"properties": {"email": "ANNA@firma.example"}}
    assert (await client.post(f"{V3}/batch/create", json=_inputs(good, bad))).status_code == 409
    missing = await client.get(f"{V3}/gut@firma.example", params={"idProperty": "email"})
    assert missing.status_code == 404
    traced = _inputs({**good, "objectWriteTraceId": "a"}, {**bad, "objectWriteTraceId": "b"})
    answer = await client.post(f"{V3}/batch/create", json=traced)
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    assert [record["objectWriteTraceId"] for record in answer.json()["results"]] == ["a"]
    error = answer.json()["errors"][0]
    assert (error["category"], error["context"]["objectWriteTraceId"]) == ("CONFLICT", ["b"])


async def test_batch_update_upsert_and_archive(client: httpx.AsyncClient) -> None:
    """Updates name unknown ids, upserts say what is new, archiving is 204."""
    entries = ({"id": "101", "properties": {"city": "Köln"}}, {"id": "999", "properties": {"city": "Bonn"}})
    updated = await client.post(f"{V3}/batch/update", json=_inputs(*entries))
    assert (updated.status_code, updated.json()["errors"][0]["context"]["ids"]) == (207, ["999"])
    upserts = (
        {"id": "anna@firma.example", "idProperty": "email", "properties": {"city": "Ulm"}},
        {"id": "neu@firma.example", "idProperty": "email", "properties": {"lastname": "Neu"}},
    )
    upserted = await client.post(f"{V3}/batch/upsert", json=_inputs(*upserts))
    assert sorted(record["new"] for record in upserted.json()["results"]) == [False, True]
    wrong = {"id": "Ulm", "idProperty": "city", "properties": {}}
    refused = await client.post(f"{V3}/batch/upsert", json=_inputs(wrong))
    assert refused.json()["message"] == "Unable to perform update/upsert by non-unique 0-1 property city"
    archived = await client.post(f"{V3}/batch/archive", json=_inputs({"id": "101"}, {"id": "999"}))
    assert (archived.status_code, archived.content) == (204, b"")
    assert (await client.get(f"{V3}/101")).status_code == 404


async def test_more_than_a_hundred_inputs_are_refused(client: httpx.AsyncClient) -> None:
    """The 101st input makes the batch a bad request; a body without inputs does nothing and says COMPLETE."""
    inputs = _inputs(*({"id": str(number)} for number in range(101)))
    assert (await client.post(f"{V3}/batch/read", json=inputs)).status_code == 400
    nothing = await client.post(f"{V3}/batch/update", json={})
    assert (nothing.status_code, nothing.json()["status"], nothing.json()["results"]) == (200, "COMPLETE", [])


async def test_tokens_and_scopes_are_enforced(opened: tuple[Portal, Clock], client: httpx.AsyncClient) -> None:
    """Unknown and expired tokens are 401, a missing scope is 403 and named, introspection knows all three."""
    portal, _ = opened
    for token, status, category in (
        ("nonsense", 401, "INVALID_AUTHENTICATION"),
        (EXPIRED, 401, "EXPIRED_AUTHENTICATION"),
        (READER, 403, "MISSING_SCOPES"),
    ):
        async with hubspot(portal, token) as other:
            answer = await other.post(V3, json={"properties": {"lastname": "Neu"}})
        assert (answer.status_code, answer.json()["category"]) == (status, category)
        if status == 403:
            scopes = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
            assert scopes == ["crm.objects.contacts.write"]
    known = (await client.post("/oauth/2026-09/token/introspect", data={"token": TOKEN})).json()
    assert known["active"] and known["hub_id"] == 4711001 and "crm.objects.contacts.write" in known["scopes"]
    old = (await client.post("/oauth/v3/token/introspect", data={"token": EXPIRED})).json()
    assert old == {"active": False}


async def test_the_burst_budget_rolls_over_ten_seconds(tmp_path: Path) -> None:
    """The headers count down, the next request is 429 with its policy, and ten seconds later it passes."""
    portal, clock = open_small(tmp_path, limits={"burst": 2})
    async with hubspot(portal) as client:
        first = await client.get("/account-info/v3/details")
        assert first.headers["x-hubspot-ratelimit-remaining"] == "1"
        assert first.headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
        await client.get("/account-info/v3/details")
        refused = await client.get("/account-info/v3/details")
        assert (refused.status_code, refused.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
        clock.forward(seconds=10)
        assert (await client.get("/account-info/v3/details")).status_code == 200


async def test_the_daily_budget_ends_at_midnight_of_the_account(tmp_path: Path) -> None:
    """Midnight in Berlin is 22:00 UTC in October; the usage endpoint says so."""
    portal, clock = open_small(tmp_path, limits={"daily": 2})
    async with hubspot(portal) as client:
        usage = await client.get("/account-info/2026-09/api-usage/daily/private-apps")
        entry = usage.json()["results"][0]
        assert (entry["currentUsage"], entry["usageLimit"]) == (1, 2)
        assert entry["resetsAt"] == "2026-10-01T22:00:00.000Z"
        await client.get(f"{V3}/101")
        clock.forward(hours=13, minutes=59)
        refused = await client.get(f"{V3}/101")
        assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")
        clock.forward(minutes=1)
        assert (await client.get(f"{V3}/101")).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"properties": 5}', b'{"properties": {"city": "\\ud800"}}', b"\xff"])
async def test_bodies_that_are_no_request_are_400(client: httpx.AsyncClient, body: bytes) -> None:
    """Broken JSON, wrong types and lone surrogates get the error envelope with a correlation id."""
    answer = await client.patch(f"{V3}/101", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert answer.headers["x-hubspot-correlation-id"] == answer.json()["correlationId"]


async def test_unknown_paths_and_objects_have_the_envelope(client: httpx.AsyncClient) -> None:
    """Neither a wrong path nor another object type answers with anything but the envelope."""
    for path, status in (("/nowhere", 404), ("/crm/v9/objects/contacts", 404), ("/crm/v3/objects/pets", 400)):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["status"]) == (status, "error")


async def test_the_schema_names_required_properties_and_rules(client: httpx.AsyncClient) -> None:
    """Properties, the object schema and the validation rules come in v3 and dated paths alike."""
    for prefix in ("/crm/v3/property-validations/0-1", "/crm/property-validations/2026-09/0-1"):
        found = (await client.get(prefix)).json()["results"]
        rules = {item["propertyName"]: item["propertyValidationRules"] for item in found}
        assert rules["city"] == [{"ruleType": "MAX_LENGTH", "ruleArguments": ["60"]}]
    for path in ("/crm/v3/schemas/CONTACT", "/crm-object-schemas/2026-09/schemas/contacts"):
        assert (await client.get(path)).json()["requiredProperties"] == ["lastname"]
    missing = await client.get("/crm/properties/2026-09/contacts/nonsense")
    assert (missing.status_code, missing.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    rule = await client.get("/crm/v3/property-validations/0-1/customer_number/rule-type/regex")
    assert rule.json()["ruleArguments"] == ["^[0-9]{4,8}$"]
