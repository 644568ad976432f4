"""The HubSpot connector: against the practice portal, and against scripted answers that a portal does not give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.auth.secret import Secret
from engine.connectors import Outcome, Record, Write
from engine.connectors.hubspot import HubSpotConnector
from engine.errors import AccessError, ConfigurationError, LimitExhausted, ScopeMissing, Stopped, UnexpectedAnswer
from engine.schema import Rule
from sample_data.portal import Fault
from tests.engine.stage import Answers, Script, Stage, StandingTime, reply
from tests.sample_data.small_portal import READER, TOKEN, open_small

FIELDS = ["email", "firstname", "lastname", "lifecyclestage"]
CREATE, READ = "/crm/objects/2026-09/contacts/batch/create", "/crm/objects/2026-09/contacts/batch/read"


def connected(
    tmp_path: Path, version: str = "2026-09", *, token: str = TOKEN, contacts: int = 4, faults: Sequence[Fault] = ()
) -> tuple[HubSpotConnector, Stage]:
    """A connector to a small practice portal."""
    portal, _ = open_small(tmp_path, contacts=contacts, faults=faults)
    stage = Stage(httpx.ASGITransport(app=portal.hubspot), token=token)
    return HubSpotConnector(stage.client, version, Secret(token)), stage


def scripted(answers: Answers) -> HubSpotConnector:
    """A connector to scripted answers."""
    return HubSpotConnector(Stage(answers).client, "2026-09")


def create(operation: int, **values: str) -> Write:
    """A create."""
    return Write(operation, "create", None, values)


def update(operation: int, record_id: str, **values: str) -> Write:
    """An update."""
    return Write(operation, "update", record_id, values)


async def all_records(connector: HubSpotConnector, fields: Sequence[str] = FIELDS) -> list[Record]:
    """Every record of the listing."""
    return [record async for page in connector.records(fields) for record in page]


def states(outcomes: Sequence[Outcome]) -> list[tuple[int, str]]:
    """What became of each operation."""
    return [(outcome.operation, outcome.state) for outcome in outcomes]


def contact(record_id: str, trace: str = "", **values: Any) -> dict[str, Any]:
    """A contact as HubSpot shows it."""
    shown = {
        "id": record_id,
        "properties": values,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-02T00:00:00Z",
    }
    return shown | ({"objectWriteTraceId": trace} if trace else {})


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_schema_of_every_version(tmp_path: Path, version: str) -> None:
    """Types, options, rules, read-only values and scopes are read; required fields count from 2026-09 on."""
    connector, stage = connected(tmp_path, version)
    schema = await connector.describe()
    assert (schema.account.id, schema.account.time_zone) == ("4711001", "Europe/Berlin")
    kinds = {name: field.type for name, field in schema.fields.items()}
    assert kinds["email"] == "email"
    assert kinds["loyalty_points"] == "number"
    assert kinds["contract_start"] == "date"
    assert kinds["lifecyclestage"] == "option"
    assert kinds["hs_additional_emails"] == "options"
    assert kinds["newsletter_opt_in"] == "bool"
    assert schema.fields["loyalty_points"].rules == (Rule("min_number", ("0",)), Rule("max_number", ("100000",)))
    assert schema.fields["hs_email_optout"].read_only
    assert not schema.fields["firstname"].read_only
    assert [option.value for option in schema.fields["lifecyclestage"].options][:2] == ["subscriber", "lead"]
    assert [name for name, field in schema.fields.items() if field.required] == (
        ["lastname"] if version == "2026-09" else []
    )
    assert "crm.objects.contacts.write" in schema.scopes
    assert schema.unavailable == {}
    assert schema.credentials["credentials, expire"] == "HubSpot does not tell"
    assert schema.limits["requests in 10 seconds"] == "190"
    assert "Europe/Berlin" in stage.budget.snapshot()
    assert TOKEN not in repr(stage.log)


async def test_areas_that_may_not_be_read_are_named(tmp_path: Path) -> None:
    """Without rules and introspection the schema still comes, and says what is missing."""
    faults = [
        Fault("hubspot", "GET", "property-validations", 0, "403_scope"),
        Fault("hubspot", "GET", "schemas/contacts", 0, "403_scope"),
        Fault("hubspot", "POST", "introspect", 0, "401"),
    ]
    connector, _ = connected(tmp_path, faults=faults)
    schema = await connector.describe()
    assert set(schema.unavailable) == {"rules", "required fields", "scopes"}
    assert schema.fields["loyalty_points"].rules == ()
    assert schema.scopes == ()


async def test_account_without_permission_is_an_error(tmp_path: Path) -> None:
    """Properties are needed: without their scope nothing is concluded."""
    connector, _ = connected(tmp_path, faults=[Fault("hubspot", "GET", "/properties/", 0, "403_scope")])
    with pytest.raises(ScopeMissing):
        await connector.describe()


async def test_rules_in_the_engines_words() -> None:
    """Known rule types are translated; one that is not evaluated is kept as declared."""
    bodies = {
        "/account-info/2026-09/details": {"portalId": 1},
        "/crm/properties/2026-09/contacts": {"results": [{"name": "code", "type": "string", "hubspotDefined": True}]},
        "/crm/property-validations/2026-09/0-1": {"results": [{"propertyName": "code", "propertyValidationRules": [
            {"ruleType": "ALPHANUMERIC", "ruleArguments": ["NUMERIC_ONLY"]},
            {"ruleType": "MAX_LENGTH", "ruleArguments": ["60"]},
            {"ruleType": "DAYS_OF_WEEK", "ruleArguments": ["MONDAY"]},
            {"ruleType": "ALPHANUMERIC", "ruleArguments": ["SOMETHING_NEW"]},
        ]}]},
        "/crm-object-schemas/2026-09/schemas/contacts": {"requiredProperties": []},
    }  # fmt: skip
    schema = await scripted(lambda request: reply(200, bodies[request.url.path])).describe()
    assert schema.fields["code"].rules == (
        Rule("digits_only"), Rule("max_length", ("60",)), Rule("not_checked", ("DAYS_OF_WEEK", "MONDAY")),
        Rule("not_checked", ("ALPHANUMERIC", "SOMETHING_NEW")),
    )  # fmt: skip
    assert not schema.fields["code"].custom


async def test_all_contacts_over_several_pages(tmp_path: Path) -> None:
    """Every live contact comes once with its fields; archived ones do not come, empty values are explicit."""
    connector, stage = connected(tmp_path, contacts=254)
    records = await all_records(connector, [*FIELDS, "no_such_property"])
    assert len({record.id for record in records}) == len(records) == 253
    anna = next(record for record in records if record.id == "101")
    assert anna.values == {
        "email": "anna@firma.example", "firstname": "Anna", "lastname": "Amsel", "lifecyclestage": "lead",
    }  # fmt: skip
    bernd = next(record for record in records if record.id == "102")
    assert bernd.values["lastname"] == ""
    assert anna.updated_at == "2026-04-01T00:00:00.000Z"
    assert len([exchange for exchange in stage.log if exchange.method == "GET"]) == 3
    assert await connector.count() == 253


async def test_paging_that_does_not_end() -> None:
    """A cursor that comes back is an error, and a record that comes back counts once."""
    page = {"results": [contact("1", email="a@firma.example")], "paging": {"next": {"after": "1"}}}
    connector = scripted(Script(reply(200, page)))
    with pytest.raises(UnexpectedAnswer, match="paging does not end"):
        await all_records(connector)
    last = {"results": [contact("1"), contact("2")]}
    records = await all_records(scripted(Script(reply(200, page), reply(200, last))))
    assert [record.id for record in records] == ["1", "2"]


@pytest.mark.parametrize(
    "body", [[], {"results": None}, {"status": "error"}, {"results": [{"id": "1"}]}, None, {"results": [{"id": 5}]}]
)
async def test_lists_of_another_shape_are_refused(body: object) -> None:
    """An answer without the documented parts is never taken for an empty account."""
    with pytest.raises(UnexpectedAnswer, match="shape"):
        await all_records(scripted(Script(reply(200, body))))


@pytest.mark.parametrize("record_id", ["1\x1b]0;pwn\x07", "", "1\n", "1 2", "../1", "ä", "1" * 129])
async def test_an_id_that_is_none_is_refused(record_id: str) -> None:
    """An id is shown and sent on as it came: what could act on a terminal or in a path never becomes one."""
    with pytest.raises(UnexpectedAnswer, match=r"results\.0\.id: String should match") as refused:
        await all_records(scripted(Script(reply(200, {"results": [contact(record_id)]}))))
    assert "\x1b" not in str(refused.value)
    fine = Script(reply(200, {"results": [contact("aZ_-9" + "1" * 123)]}))
    assert len(await all_records(scripted(fine))) == 1


async def test_lone_surrogates_spoil_one_value_only() -> None:
    """Half of a surrogate pair makes the field unreadable, with the reason, and leaves the rest."""
    text = json.dumps({"results": [contact("1", email="a@firma.example", firstname="An\ud83dna")]})
    for body in (text.encode(), text.replace("\\ud83d", "\ud83d").encode("utf-8", "surrogatepass")):
        (record,) = await all_records(scripted(Script(reply(200, body))))
        assert record.values == {"email": "a@firma.example"}
        assert "surrogate" in record.unreadable["firstname"]


async def test_read_and_find(tmp_path: Path) -> None:
    """Contacts by id and by address, whatever its case; what does not exist is left out."""
    connector, _ = connected(tmp_path)
    assert [record.id for record in await connector.read(["103", "999", "101", "101"], FIELDS)] == ["103", "101"]
    found = await connector.find(["ANNA@firma.example", "nobody@firma.example"], FIELDS)
    assert [record.values["email"] for record in found] == ["anna@firma.example"]
    assert await connector.read([], FIELDS) == []


async def test_reading_in_chunks(tmp_path: Path) -> None:
    """More than a hundred ids are asked for in several requests."""
    connector, stage = connected(tmp_path, contacts=254)
    records = await connector.read([str(1000 + number) for number in range(250)], FIELDS)
    assert len(records) == 250
    assert len(stage.log) == 3


async def test_creates_are_matched_by_trace_id(tmp_path: Path) -> None:
    """Each create gets its own outcome though the answer is in another order; the record is what HubSpot kept."""
    connector, _ = connected(tmp_path)
    outcomes = await connector.write(
        [
            create(11, email="Neu1@firma.example", lastname="Eins", lifecyclestage="lead", city=""),
            create(12, email="anna@firma.example", lastname="Amsel"),
            create(13, email="neu3@firma.example"),
            create(14, email="neu4@firma.example", lastname="Vier", lifecyclestage="nonsense"),
        ],
        FIELDS,
    )
    assert states(outcomes) == [(11, "applied"), (12, "exists"), (13, "refused"), (14, "refused")]
    kept = outcomes[0].record
    assert kept is not None
    assert kept.values["lastname"] == "Eins"
    assert set(kept.values) == set(FIELDS)
    assert (outcomes[1].code, outcomes[1].message) == ("CONFLICT", "Contact already exists. Existing ID: 101")
    assert outcomes[1].existing_id == "101"
    assert (outcomes[2].code, outcomes[2].field) == ("MISSING_REQUIRED_PROPERTY", "lastname")
    assert (outcomes[3].code, outcomes[3].field) == ("INVALID_OPTION", "lifecyclestage")
    assert all(outcome.correlation_id for outcome in outcomes)


async def test_updates_send_only_what_changes(tmp_path: Path) -> None:
    """An update clears with an empty text, leaves other fields, and names an id that is gone."""
    connector, _ = connected(tmp_path)
    outcomes = await connector.write(
        [update(1, "101", firstname="Änne", lastname=""), update(2, "999", firstname="X")], FIELDS
    )
    assert states(outcomes) == [(1, "applied"), (2, "refused")]
    assert outcomes[0].record is not None
    assert outcomes[0].record.values == {
        "email": "anna@firma.example", "firstname": "Änne", "lastname": "", "lifecyclestage": "lead",
    }  # fmt: skip
    assert outcomes[1].code == "OBJECT_NOT_FOUND"


async def test_read_only_token_is_refused_before_anything_is_applied(tmp_path: Path) -> None:
    """Without the write scope a batch ends in ScopeMissing that names it."""
    connector, _ = connected(tmp_path, token=READER)
    with pytest.raises(ScopeMissing) as caught:
        await connector.write([create(1, email="x@firma.example", lastname="X")], FIELDS)
    assert caught.value.scopes == ("crm.objects.contacts.write",)


@pytest.mark.parametrize("kind", ["timeout_after", "500_after", "truncated", "html"])
async def test_unanswered_writes_are_in_doubt_and_can_be_looked_up(tmp_path: Path, kind: Any) -> None:
    """A create whose answer is lost is not sent again; looking for its address shows what became of it."""
    connector, stage = connected(tmp_path, faults=[Fault("hubspot", "POST", "batch/create", 1, kind)])
    (outcome,) = await connector.write([create(5, email="neu@firma.example", lastname="Neu")], FIELDS)
    assert outcome.state == "in_doubt"
    assert outcome.message
    assert [exchange.template for exchange in stage.log].count(CREATE) == 1
    applied = kind in ("timeout_after", "500_after", "truncated")
    assert bool(await connector.find(["neu@firma.example"], FIELDS)) == applied


async def test_inputs_that_the_answer_forgets_are_in_doubt(tmp_path: Path) -> None:
    """A batch answer that lacks items leaves exactly those in doubt."""
    connector, _ = connected(tmp_path, faults=[Fault("hubspot", "POST", "batch/create", 1, "missing_items")])
    writes = [create(number, email=f"neu{number}@firma.example", lastname="Neu") for number in range(1, 5)]
    outcomes = await connector.write(writes, FIELDS)
    assert [outcome.operation for outcome in outcomes] == [1, 2, 3, 4]
    assert {outcome.state for outcome in outcomes} == {"applied", "in_doubt"}
    for outcome in outcomes:
        if outcome.record is not None:
            assert outcome.record.values["email"] == f"neu{outcome.operation}@firma.example"


async def test_poison_is_found_by_halving() -> None:
    """A batch that is refused as a whole is halved down to the record; the others go through."""
    written: list[list[str]] = []

    def answers(request: httpx.Request) -> httpx.Response:
        inputs = json.loads(request.content)["inputs"]
        if request.url.path == READ:
            return reply(200, {"results": [contact(entry["id"], firstname="kept") for entry in inputs]})
        ids = [entry["id"] for entry in inputs]
        if "3" in ids:
            message = 'Property values were not valid: [{"isValid":false,"message":"v@firma.example is bad","error":"BAD","name":"phone"}]'
            return reply(400, {"status": "error", "message": message}, x_hubspot_correlation_id="c-3")
        written.append(ids)
        return reply(200, {"results": [contact(entry["id"]) for entry in reversed(inputs)]})

    writes = [update(10 + number, str(number), phone="1") for number in range(1, 6)]
    outcomes = await scripted(answers).write(writes, ["firstname"])
    assert states(outcomes) == [(11, "applied"), (12, "applied"), (13, "refused"), (14, "applied"), (15, "applied")]
    poison = outcomes[2]
    assert (poison.code, poison.field, poison.message) == ("BAD", "phone", "<e-mail> is bad")
    assert (poison.status, poison.correlation_id) == (400, "c-3")
    assert sorted(record_id for ids in written for record_id in ids) == ["1", "2", "4", "5"]
    assert [outcome.record.id for outcome in outcomes if outcome.record] == ["1", "2", "4", "5"]


async def test_words_of_a_refusal_come_without_what_was_sent() -> None:
    """Alone or as an entry of a batch: neither the name nor the number is kept, the id that exists is."""
    words = "Erika Mustermann, 0171 5551234 was not one of the allowed options"
    values = {"firstname": "Erika Mustermann", "phone": "0171 5551234"}
    alone = Script(reply(400, {"category": "VALIDATION_ERROR", "message": words}))
    (refused,) = await scripted(alone).write([update(1, "1", **values)], [])
    exists = {"category": "CONFLICT", "message": f"{words}. Contact already exists. Existing ID: 4711"}
    entry = exists | {"status": "error", "context": {"objectWriteTraceId": ["2"]}}
    batch = Script(reply(207, {"results": [], "errors": [entry]}))
    (there,) = await scripted(batch).write([create(2, **values, zip="4711")], [])

    assert refused.message == "<value>, <value> was not one of the allowed options"
    assert there.message == f"{refused.message}. Contact already exists. Existing ID: <value>"
    assert (there.state, there.existing_id) == ("exists", "4711")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500])
async def test_other_refusals_are_never_halved(status: int) -> None:
    """What is not the data's fault is not looked for in the data."""
    script = Script(reply(status, {"message": "no"}))
    writes = [update(1, "1", city="A"), update(2, "2", city="B")]
    if status == 500:
        assert states(await scripted(script).write(writes, FIELDS)) == [(1, "in_doubt"), (2, "in_doubt")]
    else:
        with pytest.raises(AccessError):
            await scripted(script).write(writes, FIELDS)
    assert len(script.requests) == 1


async def test_limit_in_the_middle_loses_no_outcome() -> None:
    """When the day's limit ends a halved batch, what was applied is told and the rest is in doubt."""

    def answers(request: httpx.Request) -> httpx.Response:
        ids = [entry["id"] for entry in json.loads(request.content)["inputs"]]
        if ids == ["1"]:
            return reply(200, {"results": [contact("1", "11", city="A")]})
        if len(ids) == 2:
            return reply(400, {"message": "bad"})
        return reply(429, {"policyName": "DAILY"})

    outcomes = await scripted(answers).write([update(11, "1", city="A"), update(12, "2", city="B")], ["city"])
    assert states(outcomes) == [(11, "applied"), (12, "in_doubt")]
    assert "daily limit" in outcomes[1].message
    with pytest.raises(LimitExhausted):
        await scripted(Script(reply(429, {"policyName": "DAILY"}))).write([update(1, "1", city="A")], ["city"])


async def test_trace_id_decides_before_everything_else() -> None:
    """Creates are told apart by trace id even if HubSpot shows no address, or changed it."""

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == READ:
            return reply(500, {})
        return reply(201, {"results": [contact("8", "2"), contact("7", "1", email="other@firma.example")]})

    outcomes = await scripted(answers).write(
        [create(1, email="a@firma.example"), create(2, email="b@firma.example")], ["email"]
    )
    assert [outcome.record.id for outcome in outcomes if outcome.record] == ["7", "8"]


async def test_stop_while_waiting_to_read_back_loses_no_outcome() -> None:
    """Who stops the run during a pause after a write still gets told what was applied."""

    class StoppedTime(StandingTime):
        async def sleep(self, seconds: float) -> None:
            raise Stopped("stopped")

    script = Script(reply(200, {"results": [contact("1", "11", city="A")]}), reply(503))
    stage = Stage(script, time=StoppedTime())
    outcomes = await HubSpotConnector(stage.client, "v3").write([update(11, "1", city="A")], ["city"])
    assert states(outcomes) == [(11, "applied")]


async def test_answers_without_trace_ids_are_matched_by_address() -> None:
    """A create's result without trace id belongs to the input with its address, in whatever case."""

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == READ:
            return reply(500, {})
        results = [contact("8", email="b@firma.example"), contact("7", email="a@firma.example")]
        return reply(201, {"results": results})

    outcomes = await scripted(answers).write(
        [create(1, email="A@firma.example"), create(2, email="b@firma.example")], ["email"]
    )
    assert [outcome.record.id for outcome in outcomes if outcome.record] == ["7", "8"]


async def test_subscription_statuses(tmp_path: Path) -> None:
    """Status per address for the type of that name; an unknown type is named with the ones there are."""
    for version in ("v3", "2026-09"):
        connector, _ = connected(tmp_path / version, version)
        statuses = await connector.subscriptions(["Anna@firma.example", "nobody@firma.example"], "Newsletter")
        assert statuses == {"Anna@firma.example": "SUBSCRIBED", "nobody@firma.example": "NOT_SPECIFIED"}
        with pytest.raises(ConfigurationError) as caught:
            await connector.subscriptions(["anna@firma.example"], "News letter")
        assert "'Newsletter'" in caught.value.remedy


async def test_every_id_leads_to_its_own_survivor(tmp_path: Path) -> None:
    """Live, merged, archived and unknown ids; each old id of a merge is answered for itself."""
    connector, stage = connected(tmp_path, contacts=5)
    first, second, third, fourth = [record.id for record in await all_records(connector)]
    merge = "/crm/objects/2026-09/contacts/merge"
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    answer = await stage.client.request("POST", merge, template=merge, intent="write", json=body)
    assert isinstance(answer.body, dict)
    path = f"/crm/objects/2026-09/contacts/{fourth}"
    await stage.client.request("DELETE", path, template="", intent="write")
    before = len(stage.log)

    resolved = await connector.resolve([first, second, third, fourth, "9999999"], FIELDS)

    assert {old: record.id for old, record in resolved.items()} == {
        first: answer.body["id"],
        second: answer.body["id"],
        third: third,
    }
    assert set(resolved[third].values) == set(FIELDS)
    assert len(stage.log) - before == 5
    assert all("{id}" in exchange.template for exchange in stage.log[before + 1 :])
    assert await connector.gone_for_good([fourth, "9999999"]) == {"9999999"}


async def test_an_old_id_that_stays_readable_is_told_by_the_records_own_id() -> None:
    """The beta that keeps both ids: the record comes under the id that was asked for, and names its own."""
    kept = contact("2", email="a@firma.example", hs_object_id="1")
    connector = scripted(lambda request: reply(200, {"status": "COMPLETE", "results": [kept]}))

    resolved = await connector.resolve(["2"], FIELDS)

    assert (resolved["2"].id, dict(resolved["2"].values)) == ("1", {"email": "a@firma.example"})


async def test_an_answer_that_repeats_or_invents_inputs_changes_nothing_else() -> None:
    """An input named twice, as written and as refused or under two ids, is in doubt; a foreign trace or id is nobody's."""

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == READ:
            return reply(200, {"results": []})
        results = [
            contact("21", "1", email="a@firma.example"),
            contact("22", "2", email="b@firma.example"),
            contact("23", "2", email="c@firma.example"),
            contact("24", "99", email="d@firma.example"),
            contact("25", "5", email="e@firma.example"),
            contact("26", email="x@firma.example"),
        ]
        errors = [{"category": "VALIDATION_ERROR", "message": "no", "context": {"objectWriteTraceId": ["5", "98"]}}]
        return reply(207, {"results": results, "errors": errors})

    writes = [create(number, email=f"{letter}@firma.example") for number, letter in enumerate("abcde", 1)]
    outcomes = await scripted(answers).write(writes, ["email"])
    assert states(outcomes) == [(1, "applied"), *((number, "in_doubt") for number in (2, 3, 4, 5))]


@pytest.mark.parametrize(("moved", "edited"), [(True, ("city",)), (False, ())])
async def test_an_edit_between_a_write_and_its_read_back_is_named(moved: bool, edited: tuple[str, ...]) -> None:
    """A later time of change tells somebody's edit from a value that HubSpot itself keeps in another form."""

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path != READ:
            return reply(200, {"results": [contact("1", "1", city="Bern", lastname="A")]})
        later = {"updatedAt": "2026-01-03T00:00:00Z"} if moved else {}
        return reply(200, {"results": [contact("1", city="BERN", lastname="A") | later]})

    (outcome,) = await scripted(answers).write([update(1, "1", city="Bern")], ["city", "lastname"])

    assert outcome.record is not None
    assert (outcome.state, outcome.record.values["city"], outcome.edited) == ("applied", "BERN", edited)
