"""The Mailchimp connector: against the practice portal, and against scripted answers that a portal does not give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.auth.secret import Secret
from engine.connectors import Outcome, Record, Write
from engine.connectors.mailchimp import MailchimpConnector
from engine.connectors.open import mailchimp_address
from engine.errors import (
    ConfigurationError,
    CredentialsRefused,
    LimitExhausted,
    UnexpectedAnswer,
)
from engine.schema import Rule
from sample_data.portal import Fault
from tests.engine.stage import Answers, Script, Stage, reply
from tests.sample_data.small_portal import AUDIENCE, KEY, open_small

FIELDS = ["EMAIL", "FNAME", "LNAME", "POINTS", "member_status"]
ANNA, ULLA = f"{1:032x}", f"{2:032x}"
LIST = f"/3.0/lists/{AUDIENCE}"


def connected(
    tmp_path: Path, *, audience: str = AUDIENCE, key: str = KEY, faults: Sequence[Fault] = ()
) -> tuple[MailchimpConnector, Stage]:
    """A connector to a small practice portal."""
    portal, _ = open_small(tmp_path, faults=faults)
    transport = httpx.ASGITransport(app=portal.mailchimp)
    stage = Stage(transport, side="app", token=key, base_url="http://mailchimp.example/3.0")
    return MailchimpConnector(stage.client, audience), stage


def scripted(answers: Answers) -> MailchimpConnector:
    """A connector to scripted answers."""
    stage = Stage(answers, side="app", base_url="http://mailchimp.example/3.0")
    return MailchimpConnector(stage.client, AUDIENCE)


def create(operation: int, email: str, **values: str) -> Write:
    """A create."""
    return Write(operation, "create", None, {"EMAIL": email, **values})


def update(operation: int, record_id: str, **values: str) -> Write:
    """An update."""
    return Write(operation, "update", record_id, values)


async def all_records(connector: MailchimpConnector, fields: Sequence[str] = FIELDS) -> list[Record]:
    """Every record of the listing."""
    return [record async for page in connector.records(fields) for record in page]


def states(outcomes: Sequence[Outcome]) -> list[tuple[int, str]]:
    """What became of each operation."""
    return [(outcome.operation, outcome.state) for outcome in outcomes]


def member(number: int, email: str = "", merge: dict[str, Any] | None = None) -> dict[str, Any]:
    """A member as Mailchimp shows it."""
    return {
        "contact_id": f"{number:032x}",
        "email_address": email or f"m{number}@firma.example",
        "status": "subscribed",
        "merge_fields": merge or {},
        "timestamp_signup": "2026-01-01T00:00:00+00:00",
        "timestamp_opt": "",
        "last_changed": "2026-01-02T02:00:00+02:00",
    }


async def test_schema_of_an_audience(tmp_path: Path) -> None:
    """Merge fields come with types, choices and rules; the status says who may be written to."""
    connector, _ = connected(tmp_path)
    schema = await connector.describe()
    assert {name: field.type for name, field in schema.fields.items()} == {
        "EMAIL": "email", "member_status": "option", "FNAME": "text", "LNAME": "text", "PHONE": "phone", "COUNTRY": "option",
        "WEBSITE": "url", "POINTS": "number", "CONTRACT": "date",
    }  # fmt: skip
    assert [name for name, field in schema.fields.items() if field.required] == ["EMAIL", "FNAME"]
    assert [option.value for option in schema.fields["COUNTRY"].options] == ["Deutschland", "Österreich"]
    assert schema.fields["WEBSITE"].rules == (Rule("max_bytes", ("255",)), Rule("url"))
    assert schema.fields["POINTS"].rules == ()
    assert schema.fields["member_status"].read_only
    assert schema.consent is not None
    assert (schema.consent.name, schema.consent.accepted) == ("member_status", ("subscribed",))
    assert set(schema.consent.meanings) == {"unsubscribed", "cleaned", "pending", "transactional", "archived"}
    assert schema.account.details["audience"] == "Newsletter"


async def test_unknown_audience_names_the_ones_there_are(tmp_path: Path) -> None:
    """A wrong audience id is a matter of configuration."""
    connector, _ = connected(tmp_path, audience="ffffffffff")
    with pytest.raises(ConfigurationError) as caught:
        await connector.describe()
    assert f"{AUDIENCE} (Newsletter)" in caught.value.remedy


async def test_wrong_keys(tmp_path: Path) -> None:
    """An unknown key and one of another data centre are refused credentials, and neither is shown."""
    for number, key in enumerate(("nonsense-us00", KEY.replace("us00", "us99"))):
        connector, _ = connected(tmp_path / str(number), key=key)
        with pytest.raises(CredentialsRefused) as caught:
            await connector.describe()
        assert key not in str(caught.value)


async def test_data_centre_comes_from_the_key() -> None:
    """The last part of a key names the host; a key without it is refused before any request."""
    assert mailchimp_address(Secret("0123456789abcdef-us12")) == "https://us12.api.mailchimp.com/3.0"
    for key in ("0123456789abcdef", "0123-us12.evil.example", "0123-us12/x", "0123-eu1"):
        with pytest.raises(CredentialsRefused):
            mailchimp_address(Secret(key))


async def test_all_members_with_archived_ones(tmp_path: Path) -> None:
    """Members of every status come once, numbers as text, and the contact id is the id."""
    connector, _ = connected(tmp_path)
    records = await all_records(connector)
    assert {record.id: record.values["member_status"] for record in records} == {
        f"{1:032x}": "subscribed", f"{2:032x}": "unsubscribed", f"{3:032x}": "cleaned", f"{4:032x}": "archived",
    }  # fmt: skip
    anna = next(record for record in records if record.id == ANNA)
    assert anna.values == {
        "EMAIL": "Anna@firma.example", "FNAME": "Anna", "LNAME": "Amsel", "POINTS": "12", "member_status": "subscribed",
    }  # fmt: skip
    assert (anna.created_at, anna.updated_at) == ("2026-01-05T00:00:00Z", "2026-04-01T00:00:00Z")
    assert await connector.count() == 3


async def test_values_as_text() -> None:
    """Whole numbers lose their point, null is empty, blocks of values are unreadable, times are UTC."""
    merge = {
        "A": 5,
        "B": 5.0,
        "C": 668.3,
        "D": None,
        "E": {"addr1": "x"},
        "F": "\ud83d",
        "G": -0.5,
        "H": 123456789012345,
    }
    pages = [
        reply(200, {"members": [member(1, merge=merge)], "total_items": 1}),
        reply(200, {"members": [], "total_items": 0}),
    ]
    (record,) = await all_records(scripted(Script(*pages)), list("ABCDEFGHZ"))
    assert record.values == {"A": "5", "B": "5", "C": "668.3", "D": "", "G": "-0.5", "H": "123456789012345"}
    assert set(record.unreadable) == {"E", "F"}
    assert (record.created_at, record.updated_at) == ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")


def paged(lists: Sequence[Sequence[int]], total: int) -> Answers:
    """Answers one page after the other for the live members, and no archived ones."""
    waiting = [list(page) for page in lists]

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("status") == "archived":
            return reply(200, {"members": [], "total_items": 0})
        numbers = waiting.pop(0) if waiting else []
        return reply(200, {"members": [member(number) for number in numbers], "total_items": total})

    return answers


async def test_members_that_slip_between_pages_are_fetched_again() -> None:
    """When a page shift hides a member, a second pass finds it, and nobody comes twice."""
    records = await all_records(scripted(paged([[1, 2], [2, 3], [1, 2], [3, 4]], total=4)))
    assert sorted(int(record.id, 16) for record in records) == [1, 2, 3, 4]


async def test_member_archived_while_reading_comes_as_it_is_now() -> None:
    """A member in both listings does not make the second one look incomplete; its newer state comes last."""

    def answers(request: httpx.Request) -> httpx.Response:
        status = request.url.params.get("status", "subscribed")
        return reply(200, {"members": [member(1) | {"status": status}], "total_items": 1})

    records = await all_records(scripted(answers))
    assert [(record.id, record.values["member_status"]) for record in records] == [
        (ANNA, "subscribed"),
        (ANNA, "archived"),
    ]


async def test_incomplete_lists_are_refused() -> None:
    """Fewer members than the service counts, again and again, is not a complete list."""
    with pytest.raises(UnexpectedAnswer, match="3 of 4 came"):
        await all_records(scripted(paged([[1, 2], [2, 3], [1, 2], [2, 3], [1, 2], [2, 3]], total=4)))
    with pytest.raises(UnexpectedAnswer, match="0 of 4 came"):
        await all_records(scripted(paged([], total=4)))


@pytest.mark.parametrize("contact_id", ["1\x1b]0;pwn\x07", "", "1/2", "1" * 129])
async def test_an_id_that_is_none_is_refused(contact_id: str) -> None:
    """An id is shown and sent on as it came: what could act on a terminal or in a path never becomes one."""
    body = {"members": [member(1) | {"contact_id": contact_id}], "total_items": 1}
    with pytest.raises(UnexpectedAnswer, match=r"contact_id: String should match") as refused:
        await all_records(scripted(Script(reply(200, body))))
    assert "\x1b" not in str(refused.value)


async def test_read_and_find(tmp_path: Path) -> None:
    """Members by contact id and by address, whatever its case; what does not exist is left out."""
    connector, stage = connected(tmp_path)
    assert [record.id for record in await connector.read([ULLA, "0" * 32, ANNA], FIELDS)] == [ULLA, ANNA]
    found = await connector.find(["ANNA@FIRMA.example", "nobody@firma.example"], FIELDS)
    assert [record.id for record in found] == [ANNA]
    assert "firma" not in repr(stage.log)


async def test_an_id_is_its_own_or_leads_nowhere(tmp_path: Path) -> None:
    """There are no merges; who does not answer under the contact id was deleted permanently."""
    connector, _ = connected(tmp_path)
    resolved = await connector.resolve([ULLA, "0" * 32], FIELDS)
    assert {old: record.id for old, record in resolved.items()} == {ULLA: ULLA}
    assert await connector.gone_for_good(["0" * 32]) == {"0" * 32}


async def test_creates_are_matched_by_address(tmp_path: Path) -> None:
    """New members carry the chosen status; existing ones are left alone; the reasons come without the address."""
    connector, stage = connected(tmp_path)
    outcomes = await connector.write(
        [
            create(1, "Neu@firma.example", FNAME="Neu", POINTS="7", member_status="subscribed", LNAME=""),
            create(2, "ulla@firma.example", FNAME="Anders", member_status="subscribed"),
            create(3, "foo@firma.example", FNAME="Foo", member_status="subscribed"),
            create(4, "ohne@firma.example", member_status="subscribed"),
            create(5, "vergessen@firma.example", FNAME="V", member_status="subscribed"),
            create(6, "still@firma.example", FNAME="S"),
        ],
        FIELDS,
    )
    assert [outcome.operation for outcome in outcomes] == [1, 2, 3, 4, 5, 6]
    assert [outcome.state for outcome in outcomes] == ["applied", "exists", "refused", "refused", "refused", "applied"]
    new, exists, fake, missing, forgotten, silent = outcomes
    assert new.record is not None
    assert new.record.values == {
        "EMAIL": "Neu@firma.example", "FNAME": "Neu", "LNAME": "", "POINTS": "7", "member_status": "subscribed",
    }  # fmt: skip
    assert exists.code == "ERROR_CONTACT_EXISTS"
    assert fake.message == "<e-mail> looks fake or invalid, please enter a real email address."
    assert missing.field == "FNAME"
    assert "permanently deleted" in forgotten.message
    assert silent.record is not None
    assert silent.record.values["member_status"] == "pending"
    assert len(stage.log) == 1
    (ulla,) = await connector.read([ULLA], FIELDS)
    assert (ulla.values["FNAME"], ulla.values["member_status"]) == ("Ulla", "unsubscribed")


async def test_updates_never_carry_a_status(tmp_path: Path) -> None:
    """An update changes fields and address, also of who left, and never the status."""
    connector, _ = connected(tmp_path)
    outcomes = await connector.write(
        [
            update(1, ANNA, FNAME="Änne", POINTS="", EMAIL="aenne@firma.example"),
            update(2, ULLA, LNAME="Uhu", member_status="subscribed"),
            update(3, "0" * 32, FNAME="X"),
            update(4, f"{3:032x}", POINTS="viele"),
        ],
        FIELDS,
    )
    assert states(outcomes) == [(1, "applied"), (2, "applied"), (3, "refused"), (4, "refused")]
    anna, ulla = outcomes[0].record, outcomes[1].record
    assert anna is not None
    assert ulla is not None
    assert (anna.values["FNAME"], anna.values["EMAIL"], anna.values["POINTS"]) == ("Änne", "aenne@firma.example", "")
    assert anna.id == ANNA
    assert (ulla.values["LNAME"], ulla.values["member_status"]) == ("Uhu", "unsubscribed")
    assert (outcomes[2].status, outcomes[2].code) == (404, "Resource Not Found")
    assert (outcomes[3].field, outcomes[3].message) == (
        "POINTS", "Your merge fields were invalid. Please enter a number",
    )  # fmt: skip


async def test_body_of_an_update() -> None:
    """What is sent holds the changed fields only, nowhere a status."""
    script = Script(reply(200, member(1)))
    await scripted(script).write([update(1, ANNA, FNAME="Neu", member_status="subscribed")], FIELDS)
    assert (script.requests[0].method, script.body(0)) == ("PATCH", {"merge_fields": {"FNAME": "Neu"}})


@pytest.mark.parametrize("kind", ["timeout_after", "500_after", "truncated"])
async def test_unanswered_writes_are_in_doubt(tmp_path: Path, kind: Any) -> None:
    """Neither a create nor an update is sent again when its answer is lost."""
    faults = [Fault("mailchimp", "POST", "/lists/", 1, kind), Fault("mailchimp", "PATCH", "/members/", 1, kind)]
    connector, stage = connected(tmp_path, faults=faults)
    (created,) = await connector.write([create(1, "neu@firma.example", FNAME="Neu")], FIELDS)
    (updated,) = await connector.write([update(2, ANNA, FNAME="Neu")], FIELDS)
    assert (created.state, updated.state) == ("in_doubt", "in_doubt")
    assert [exchange.method for exchange in stage.log] == ["POST", "PATCH"]
    assert len(await connector.find(["neu@firma.example"], FIELDS)) == 1


async def test_refused_batch_is_halved() -> None:
    """One member that makes the whole request invalid does not keep the others out."""

    def answers(request: httpx.Request) -> httpx.Response:
        given = json.loads(request.content)["members"]
        addresses = [entry["email_address"] for entry in given]
        if "bad@firma.example" in addresses:
            errors = [{"field": "merge_fields", "message": "Schema describes object, bad@firma.example found"}]
            return reply(
                400, {"title": "Invalid Resource", "detail": "Not valid.", "errors": errors, "instance": "i-1"}
            )
        new = [member(number, email) for number, email in enumerate(reversed(addresses), 1)]
        return reply(200, {"new_members": new, "updated_members": [], "errors": []})

    emails = ["a@firma.example", "bad@firma.example", "c@firma.example"]
    outcomes = await scripted(answers).write([create(n, email) for n, email in enumerate(emails, 1)], ["EMAIL"])
    assert states(outcomes) == [(1, "applied"), (2, "refused"), (3, "applied")]
    assert outcomes[1].message == "Not valid. Schema describes object, <e-mail> found"
    assert outcomes[1].correlation_id == "i-1"
    assert [outcome.record.values["EMAIL"] for outcome in outcomes if outcome.record] == [emails[0], emails[2]]


async def test_words_of_a_refusal_come_without_what_was_sent() -> None:
    """Of an update and of a create; the status is no value of the person, and its name stays."""
    words = "0171 5551234 is no number of Erika Mustermann, who is subscribed"
    kept = "<value> is no number of <value>, who is subscribed"
    values = {"FNAME": "Erika Mustermann", "PHONE": "0171 5551234", "member_status": "subscribed"}
    (updated,) = await scripted(Script(reply(400, {"title": "Bad", "detail": words}))).write(
        [update(1, ANNA, **values)], FIELDS
    )
    error = {"email_address": "e@firma.example", "error": words, "error_code": "ERROR_GENERIC"}
    (created,) = await scripted(Script(reply(200, {"new_members": [], "errors": [error]}))).write(
        [create(2, "e@firma.example", **values)], FIELDS
    )

    assert (updated.state, updated.message) == ("refused", kept)
    assert (created.state, created.message) == ("refused", kept)


async def test_members_that_the_answer_forgets_are_in_doubt() -> None:
    """What is neither added nor refused, and what two inputs share, is in doubt."""
    body = {"new_members": [member(1, "a@firma.example"), member(2, "x@firma.example")], "errors": []}
    writes = [create(1, "A@firma.example"), create(2, "b@firma.example"), create(3, "x@firma.example")]
    outcomes = await scripted(Script(reply(200, body))).write([*writes, create(4, "X@firma.example")], ["EMAIL"])
    assert states(outcomes) == [(1, "applied"), (2, "in_doubt"), (3, "in_doubt"), (4, "in_doubt")]


async def test_limit_in_the_middle_of_updates_loses_no_outcome() -> None:
    """When the service asks for a long pause, applied updates are told and the rest is in doubt, not sent."""
    requests: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        requests.append(request.url.path)
        number = int(request.url.path[-32:], 16)
        return reply(200, member(number)) if number == 1 else reply(429, {"title": "Too Many"}, retry_after="3600")

    writes = [update(number, f"{number:032x}", FNAME="X") for number in range(1, 40)]
    outcomes = await scripted(answers).write(writes, ["FNAME"])
    assert states(outcomes) == [(1, "applied"), *((number, "in_doubt") for number in range(2, 40))]
    assert len(requests) < 10
    with pytest.raises(LimitExhausted):
        await scripted(answers).write(writes[1:], ["FNAME"])


async def test_an_answer_that_names_an_address_twice_leaves_it_in_doubt() -> None:
    """Added and refused at once, or added twice: only looking tells."""
    errors = [{"email_address": "b@firma.example", "error": "no", "error_code": "ERROR_GENERIC"}]
    new = [member(1, "a@firma.example"), member(2, "b@firma.example"), member(3, "c@firma.example")]
    body = {"new_members": [*new, member(4, "c@firma.example")], "errors": errors}
    writes = [create(number, f"{letter}@firma.example") for number, letter in enumerate("abc", 1)]
    outcomes = await scripted(Script(reply(200, body))).write(writes, ["EMAIL"])
    assert states(outcomes) == [(1, "applied"), (2, "in_doubt"), (3, "in_doubt")]


async def test_an_answer_about_another_member_is_no_answer() -> None:
    """The update is in doubt, and the other member's record is not taken for this one's."""
    outcomes = await scripted(Script(reply(200, member(2)))).write([update(1, ANNA, FNAME="Neu")], FIELDS)
    assert states(outcomes) == [(1, "in_doubt")]
