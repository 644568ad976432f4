"""Verification after activation, over two sides in memory and a real workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from diagnostics.verification.result import Claims
from diagnostics.verify import Unexplained, Verification, VerificationResult, verify
from engine.connection import Connection
from engine.connectors import Record
from engine.errors import ConfigurationError, ScopeMissing, Stopped
from engine.merge import mapped_pairs
from tests.diagnostics.small_world import LONG_AGO, SmallWorld, connection, schemas
from tui.commands.session import Session
from tui.commands.verifying import show_verification, verification_document
from tui.home import Home


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    small = SmallWorld(tmp_path)
    yield small
    small.workspace.close()


async def verified(
    world: SmallWorld, configured: Connection | None = None, named: Sequence[str] = ()
) -> VerificationResult:
    return await verify(world.run, configured or connection(), world.hubspot, world.app, schemas(), named)


def agreed(world: SmallWorld, contact: int, field: str, hubspot: str, app: str, fingerprint: str | None = None) -> None:
    """The last agreement on a field, by default under the mapping's present meaning."""
    meaning = {pair.name: pair.fingerprint for pair in mapped_pairs(connection(), schemas())}
    world.sql(
        "INSERT INTO base_field(contact_id, field, hubspot_value, app_value, fingerprint, run_id) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        contact, field, hubspot, app, meaning[field] if fingerprint is None else fingerprint, world.check,
    )  # fmt: skip


def one(result: VerificationResult, name: str) -> Verification:
    return next(each for each in result.verifications if each.name == name)


async def test_equal_sides_have_nothing_unexplained(world: SmallWorld) -> None:
    """Five pairs with equal values pass, and every list member is found."""
    for number in "12345":
        world.pair(number)
    result = await verified(world)
    assert (result.differences, result.unexplained) == ({}, 0)
    outbound = one(result, "outbound")
    assert (outbound.status, outbound.expected, outbound.found, outbound.missing) == ("passed", 5, 5, ())


@pytest.mark.parametrize(("side", "field"), [("hubspot", "lastname"), ("app", "LNAME"), ("app", "STAGE")])
async def test_a_value_changed_behind_the_engines_back_is_unexplained(world: SmallWorld, side: str, field: str) -> None:
    """A tampered value on either side, also in a one-way field, counts as exactly one unexplained difference."""
    for number in "123":
        world.pair(number)
    (world.hubspot if side == "hubspot" else world.app).change(f"{side[0]}2", **{field: "Getauscht"})
    result = await verified(world)
    assert (result.differences, result.unexplained, result.passed) == ({"unexplained": 1}, 1, False)
    row = world.workspace.rows("SELECT * FROM difference")[0]
    assert (row["run_id"], row["class"], row["hubspot_id"], row["app_id"]) == (world.run.id, "unexplained", "h2", "a2")
    assert "Getauscht" in (row["hubspot_value"], row["app_value"])
    mapping = {"LNAME": "lastname", "STAGE": "lifecyclestage"}.get(field, field)
    assert result.unexplained_differences == (Unexplained("h2", "a2", mapping),)


async def test_spelling_is_no_difference(world: SmallWorld) -> None:
    """E-mail case, phone punctuation, outer blanks and the option map make two values no different ones."""
    world.pair("1")
    world.app.change("a1", EMAIL="Person1@FIRMA.example", PHONE="0049301234567", FNAME=" Ada ")
    assert (await verified(world)).differences == {}


@pytest.mark.parametrize(
    ("state", "cause", "expected"),
    [("excluded", "opt-in", "filtered"), ("failing", "field-length", "failing"), ("unknown", "unreachable", "unknown")],
)
async def test_a_stopped_contact_explains_its_difference(
    world: SmallWorld, state: str, cause: str, expected: str
) -> None:
    """The verdict of the last check names the class of the difference."""
    world.pair("1", state, cause)
    world.app.change("a1", LNAME="Anders")
    assert (await verified(world)).differences == {expected: 1}


async def test_conflict_and_plan_explain_only_their_own_field(world: SmallWorld) -> None:
    """A stored conflict and a planned write each cover one field; a third field of that contact stays unexplained."""
    contact = world.pair("1", "conflict", "conflict")
    world.sql(
        "INSERT INTO conflict(contact_id, field, hubspot_value, app_value, hubspot_changed_at, app_changed_at, run_id) "
        "VALUES (?, 'lastname', 'Beispiel', 'Anders', NULL, NULL, ?)",
        contact,
        world.check,
    )
    world.sql(
        "INSERT INTO planned_write(contact_id, side, kind, field, before, value) "
        "VALUES (?, 'app', 'update', 'FNAME', 'Eva', 'Ada')",
        contact,
    )
    world.app.change("a1", LNAME="Anders", FNAME="Eva", PHONE="+49 40 999999")
    result = await verified(world)
    assert result.differences == {"conflict": 1, "pending": 1, "unexplained": 1}


def held_back(world: SmallWorld, contact: int, field: str) -> None:
    """The app refused this field (empty: the whole record), and the last check still says so."""
    world.sql(
        "INSERT INTO quarantine(contact_id, side, field, sent, code, message, correlation_id, run_id, at) "
        "VALUES (?, 'app', ?, '', 'INVALID', 'refused', '', ?, ?)",
        contact, field, world.check, LONG_AGO,
    )  # fmt: skip
    world.finding(contact, "refused-unknown", field=f"app.{field}" if field else "")


async def test_what_a_side_refused_is_quarantined_and_explains_only_itself(world: SmallWorld) -> None:
    """A refused field is quarantined, the contact's planned other field pending; a refused record covers all its fields."""
    first, second = world.pair("1", "failing", "refused-unknown"), world.pair("2", "failing", "refused-unknown")
    held_back(world, first, "LNAME")
    held_back(world, second, "")
    world.sql(
        "INSERT INTO planned_write(contact_id, side, kind, field, before, value) "
        "VALUES (?, 'app', 'update', 'FNAME', 'Eva', 'Ada')",
        first,
    )
    for record in ("a1", "a2"):
        world.app.change(record, LNAME="Anders", FNAME="Eva")
    assert (await verified(world)).differences == {"quarantined": 3, "pending": 1}


async def test_a_record_that_keeps_moving_is_read_a_bounded_number_of_times(world: SmallWorld) -> None:
    """As long as a record moves between two looks it is read again, three times at most, and stays in flight."""
    world.pair("1")
    world.hubspot.change("h1", "2026-03-02T09:00:30.000Z", lastname="Neu 0")
    read = world.hubspot.read

    async def moving(ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        world.hubspot.change("h1", lastname=f"Neu {len(world.hubspot.asked) + 1}")
        return await read(ids, fields)

    world.hubspot.read = moving  # type: ignore[method-assign]
    assert (await verified(world)).differences == {"in_flight": 1}
    assert world.hubspot.asked == ["h1"] * 3


async def test_the_last_checks_word_is_tested(world: SmallWorld) -> None:
    """Of five contacts called in sync: two are equal, one is left by direction, one moves, one is not as the check said."""
    for number in "12345":
        world.pair(number)
    world.pair("6", "excluded", "opt-in")
    world.hubspot.change("h3", lifecyclestage="")
    world.hubspot.change("h4", "2026-03-02T09:00:30Z", lastname="Neu")
    world.app.change("a5", LNAME="Anders")
    world.app.change("a6", LNAME="Anders")
    assert (await verified(world)).claims == Claims(looked_at=5, equal=2, left=1, in_flight=1, broken=1)


@pytest.mark.parametrize(("state", "cause"), [("excluded", "list-membership"), ("failing", "list-criteria")])
async def test_not_in_the_list_is_no_reason_for_who_is_in_the_list(world: SmallWorld, state: str, cause: str) -> None:
    """The list read anew holds both: neither the missing record nor the differing value is explained. Who joined it after the
    check is, and so is who is not in it."""
    world.pair("1", state, cause)
    world.hubspot_only("2", state, cause)
    world.app.change("a1", LNAME="Anders")
    result = await verified(world)
    assert result.unexplained == 1
    assert [(row.hubspot_id, row.reason_state) for row in one(result, "outbound").missing] == [("h2", "unexplained")]
    world.hubspot.members[:] = [("h1", "2026-03-02T08:30:00Z"), ("h2", "2026-03-02T08:30:00Z")]
    result = await verified(world)
    assert result.unexplained == 0
    assert [row.reason_state for row in one(result, "outbound").missing] == [state]
    world.hubspot.members[:] = [("h3", LONG_AGO)]
    assert (await verified(world)).unexplained == 0


async def test_the_comparison_looks_at_nothing_that_the_engine_remembers() -> None:
    """The comparing code imports neither workspace, mirror, base, memory nor verdicts, nor what reads them."""
    code = (Path(__file__).parents[2] / "diagnostics/verification/comparing.py").read_text("utf-8")
    imported = {line.split()[1] for line in code.splitlines() if line.startswith(("from ", "import "))}
    assert "diagnostics.verification.fresh" in imported
    for module in ("known", "engine.workspace", "engine.mirror", "engine.base", "engine.memory", "engine.verdicts"):
        assert not any(name.endswith(module) for name in imported)


async def test_where_another_engine_writes_the_apps_contacts_are_looked_for(world: SmallWorld) -> None:
    """Linked and same-address records are found, an excluded one is explained, an unexplained one fails."""
    world.pair("1")
    world.app.put("a2", EMAIL="zwei@firma.example")
    world.hubspot.put("h2", email="Zwei@firma.example")
    world.app.put("a3", EMAIL="drei@firma.example")
    world.contact(None, "a3", "excluded", "member-status")
    inbound = one(await verified(world, connection(mode="observed")), "inbound")
    assert (inbound.status, inbound.expected, inbound.found) == ("passed", 3, 2)
    world.app.put("a4", EMAIL="vier@firma.example")
    inbound = one(await verified(world, connection(mode="observed")), "inbound")
    assert (inbound.status, [row.app_id for row in inbound.missing]) == ("failed", ["a3", "a4"])


async def test_a_settled_difference_is_named_apart_until_a_value_moves(world: SmallWorld) -> None:
    """Two values that differ exactly as at the last agreement are `agreed`, never `policy`: only the engine's own memory says
    so. One step further they are unexplained."""
    contact = world.pair("1")
    agreed(world, contact, "lastname", "Beispiel", "Kurz")
    world.app.change("a1", LNAME="Kurz")
    result = await verified(world)
    assert (result.differences, result.claims) == ({"agreed": 1}, Claims(1, 0, 1, 0, 0))
    world.app.change("a1", LNAME="Kürzer")
    assert (await verified(world)).differences == {"unexplained": 1}


async def test_an_agreement_on_another_meaning_settles_nothing(world: SmallWorld) -> None:
    """A base that was stored for another mapping of the same name does not make a difference policy."""
    contact = world.pair("1")
    agreed(world, contact, "lastname", "Beispiel", "Kurz", fingerprint="another meaning")
    world.app.change("a1", LNAME="Kurz")
    assert (await verified(world)).differences == {"unexplained": 1}


async def test_an_empty_source_of_a_one_way_field_is_policy(world: SmallWorld) -> None:
    """Where HubSpot has no stage and never had one, the app's own value stays and counts as policy."""
    world.pair("1")
    world.hubspot.change("h1", lifecyclestage="")
    assert (await verified(world)).differences == {"policy": 1}


async def test_a_source_that_was_emptied_later_is_not_policy(world: SmallWorld) -> None:
    """Where both sides once agreed on a stage, an emptied source is a change that nothing explains."""
    contact = world.pair("1")
    agreed(world, contact, "lifecyclestage", "lead", "lead")
    world.hubspot.change("h1", lifecyclestage="")
    assert (await verified(world)).differences == {"unexplained": 1}


async def test_a_change_during_the_reading_is_in_flight(world: SmallWorld) -> None:
    """A record changed after this verification began is in flight, and was read a second time by id."""
    world.pair("1")
    world.hubspot.change("h1", "2026-03-02T09:00:30.250Z", lastname="Neu")
    assert (await verified(world)).differences == {"in_flight": 1}
    assert world.hubspot.asked == ["h1"]


async def test_a_change_before_the_reading_is_not_in_flight(world: SmallWorld) -> None:
    """A record changed after the last check, up to the moment when verification began, is unexplained."""
    world.pair("1")
    world.hubspot.change("h1", "2026-03-02T09:00:00.000Z", lastname="Neu")
    assert (await verified(world)).differences == {"unexplained": 1}


async def test_a_difference_that_is_gone_at_the_second_look_does_not_count(world: SmallWorld) -> None:
    """A write that arrives between the two readings leaves no difference behind."""
    world.pair("1")
    world.pair("2")
    settled = world.app.held["a1"]
    world.app.change("a1", LNAME="Alt")
    world.app.late["a1"] = settled
    result = await verified(world)
    assert (result.differences, result.unexplained) == ({}, 0)
    assert world.app.asked == ["a1"]


@pytest.mark.parametrize(
    ("state", "cause", "expected"),
    [("in_sync", "", {"unexplained": 1}), ("failing", "counterpart-gone", {"failing": 1})],
)
async def test_a_vanished_record_needs_a_verdict_that_says_so(
    world: SmallWorld, state: str, cause: str, expected: dict[str, int]
) -> None:
    """A linked record that is gone is unexplained unless the last check knew it; the record row says which side."""
    world.pair("1", state, cause)
    del world.app.held["a1"]
    assert (await verified(world)).differences == expected
    row = world.workspace.rows("SELECT field, hubspot_value, app_value FROM difference")[0]
    assert tuple(row) == ("", "there", "gone")


OPT_IN = {"property": "newsletter_opt_in", "accepted": ["true"]}


@pytest.mark.parametrize("state", ["in_sync", "pending", "conflict"])
@pytest.mark.parametrize(
    ("side", "field", "value"),
    [
        ("app", "member_status", "unsubscribed"),
        ("hubspot", "newsletter_opt_in", "false"),
        ("hubspot", "newsletter_opt_in", ""),
        ("hubspot", "hs_email_optout", "true"),
    ],
)
async def test_consent_that_was_withdrawn_since_is_unexplained(
    world: SmallWorld, state: str, side: str, field: str, value: str
) -> None:
    """Whoever the last check takes for allowed and whose fresh consent says no is one unexplained difference."""
    for number in "12":
        world.pair(number, state, "conflict" if state == "conflict" else "")
        world.hubspot.change(f"h{number}", newsletter_opt_in="true")
    assert (await verified(world, connection(opt_in=OPT_IN))).differences == {}
    (world.app if side == "app" else world.hubspot).change(f"{side[0]}2", **{field: value})
    result = await verified(world, connection(opt_in=OPT_IN))
    assert result.differences == {"unexplained": 1}
    assert result.unexplained_differences == (Unexplained("h2", "a2", f"{side}.{field}"),)
    row = world.workspace.rows("SELECT hubspot_value, app_value FROM difference")[0]
    assert (row[f"{side}_value"], row["hubspot_value" if side == "app" else "app_value"]) == (value, "")


async def test_an_opt_in_property_counts_only_where_the_connection_names_it(world: SmallWorld) -> None:
    """Without an opt-in rule an empty opt-in property is no difference."""
    world.pair("1")
    assert (await verified(world)).differences == {}


async def test_consent_withdrawn_during_the_reading_is_in_flight(world: SmallWorld) -> None:
    """The app's record was changed after the verification began: in flight; a change in HubSpot does not cover it."""
    world.pair("1")
    world.pair("2")
    world.app.change("a1", "2026-03-02T09:00:30Z", member_status="unsubscribed")
    world.hubspot.change("h2", "2026-03-02T09:00:30Z")
    world.app.change("a2", member_status="unsubscribed")
    result = await verified(world)
    assert result.differences == {"in_flight": 1, "unexplained": 1}
    assert result.unexplained_differences == (Unexplained("h2", "a2", "app.member_status"),)


async def test_consent_that_is_back_at_the_second_look_does_not_count(world: SmallWorld) -> None:
    """The doubtful status is read once more by id, and the second reading holds."""
    world.pair("1")
    settled = world.app.held["a1"]
    world.app.change("a1", member_status="unsubscribed")
    world.app.late["a1"] = settled
    assert (await verified(world)).differences == {}
    assert world.app.asked == ["a1"]


@pytest.mark.parametrize(
    ("cause", "side", "field", "forbidden"),
    [
        ("member-status", "app", "member_status", "unsubscribed"),
        ("opt-in", "hubspot", "newsletter_opt_in", "false"),
        ("opt-in", "hubspot", "hs_email_optout", "true"),
    ],
)
async def test_consent_that_was_loosened_is_unexplained(
    world: SmallWorld, cause: str, side: str, field: str, forbidden: str
) -> None:
    """Excluded because of a field that now allows it: unexplained; as long as it still forbids it, nothing differs."""
    held, allowed = (world.app, "subscribed") if side == "app" else (world.hubspot, "true")
    allowed = "false" if field == "hs_email_optout" else allowed
    contact = world.pair("1", "excluded", cause)
    world.finding(contact, cause, field=f"{side}.{field}", state="excluded", value=forbidden)
    held.change(f"{side[0]}1", **{field: forbidden})
    assert (await verified(world, connection(opt_in=OPT_IN))).differences == {}
    held.change(f"{side[0]}1", **{field: allowed})
    result = await verified(world, connection(opt_in=OPT_IN))
    assert result.unexplained_differences == (Unexplained("h1", "a1", f"{side}.{field}"),)
    assert not result.passed


async def test_outbound_lists_each_missing_one_with_its_reason(world: SmallWorld) -> None:
    """Stopped members are missing with state and cause, and explained ones do not fail the verification."""
    world.pair("1")
    world.hubspot_only("2", "excluded", "email-missing", email="")
    world.hubspot_only("3", "failing", "required-field")
    outbound = one(await verified(world), "outbound")
    assert (outbound.status, outbound.expected, outbound.found) == ("passed", 3, 1)
    assert [(row.hubspot_id, row.reason_state, row.reason_cause) for row in outbound.missing] == [
        ("h2", "excluded", "email-missing"),
        ("h3", "failing", "required-field"),
    ]
    assert outbound.note == "Every missing contact is explained: 1 excluded, 1 failing."


async def test_outbound_does_not_call_the_unexamined_explained(world: SmallWorld) -> None:
    """Who could not be examined is counted apart from those whose absence is explained."""
    world.hubspot_only("1", "unknown", "unreachable")
    world.hubspot_only("2", "excluded", "opt-in")
    assert one(await verified(world), "outbound").note == (
        "1 could not be examined. Every other missing contact is explained: 1 excluded, 0 failing."
    )


async def test_outbound_shows_the_records_that_hold_the_same_address(world: SmallWorld) -> None:
    """For a duplicate, spelled in two domain forms, both members with that address are named as candidates."""
    world.hubspot_only("1", "failing", "email-duplicate", email="leser@bücher.example")
    world.app.put("a1", EMAIL="Leser@xn--bcher-kva.example")
    world.app.put("a2", EMAIL="leser@bücher.example")
    outbound = one(await verified(world), "outbound")
    assert [row.existing for row in outbound.missing] == [("a1", "a2")]


async def test_outbound_does_not_count_one_member_twice(world: SmallWorld) -> None:
    """Two HubSpot contacts that share an address are both missing, with the one member as the candidate of both."""
    world.hubspot_only("1", "failing", "email-duplicate", email="leser@bücher.example")
    world.hubspot_only("2", "failing", "email-duplicate", email="leser@xn--bcher-kva.example")
    world.app.put("a1", EMAIL="leser@bücher.example")
    outbound = one(await verified(world), "outbound")
    assert [(row.hubspot_id, row.existing) for row in outbound.missing] == [("h1", ("a1",)), ("h2", ("a1",))]


async def test_outbound_finds_an_unlinked_record_with_the_same_address(world: SmallWorld) -> None:
    """One record with the same normalised e-mail on each side is there, linked or not."""
    world.hubspot_only("1", "", email="leser@bücher.example")
    world.app.put("a1", EMAIL="LESER@xn--bcher-kva.example")
    outbound = one(await verified(world), "outbound")
    assert (outbound.status, outbound.found, outbound.missing) == ("passed", 1, ())


@pytest.mark.parametrize("state", ["pending", "in_sync"])
async def test_outbound_fails_on_what_no_verdict_explains(world: SmallWorld, state: str) -> None:
    """A member that should be there, or is only planned, fails the verification."""
    world.hubspot_only("1", state)
    outbound = one(await verified(world), "outbound")
    assert outbound.status == "failed"
    assert outbound.missing[0].reason_state == ("pending" if state == "pending" else "unexplained")


async def test_outbound_looks_once_more_before_it_fails(world: SmallWorld) -> None:
    """A member that appears in the app while verification reads is found by its address."""
    world.hubspot_only("1", "pending")
    world.app.late["a1"] = Record("a1", {"EMAIL": "person1@firma.example"}, LONG_AGO, LONG_AGO)
    outbound = one(await verified(world), "outbound")
    assert (outbound.status, outbound.found) == ("passed", 1)


async def test_outbound_without_a_check_is_unknown_not_passed(world: SmallWorld) -> None:
    """Before the first check nothing explains a missing one, and that is said."""
    world.hubspot_only("1", "")
    outbound = one(await verified(world), "outbound")
    assert outbound.status == "unknown"
    assert "Nothing was examined yet" in outbound.note


async def test_outbound_marks_what_came_after_the_check(world: SmallWorld) -> None:
    """A contact created after the last check is not yet written, which is not the same as unexplained."""
    world.pair("1")
    world.hubspot.put("h2", "2026-03-02T08:30:00Z", email="neu@firma.example")
    world.hubspot.members.append(("h2", "2026-03-02T08:30:00Z"))
    outbound = one(await verified(world), "outbound")
    assert (outbound.status, outbound.missing[0].reason_state) == ("failed", "in_flight")


async def test_outbound_without_a_list_takes_every_contact(world: SmallWorld) -> None:
    """With no inclusion list each HubSpot contact is expected; list members that are not live only appear in a note."""
    world.pair("1")
    world.hubspot.members.append(("h-archived", LONG_AGO))
    world.hubspot.put("h2", email="zwei@firma.example")
    world.contact("h2", None, "excluded", "opt-in")
    with_list = one(await verified(world), "outbound")
    assert (with_list.expected, with_list.note) == (1, "1 list members are no live contacts.")
    assert one(await verified(world, connection(scope={})), "outbound").expected == 2


async def test_outbound_never_passes_on_nobody(world: SmallWorld) -> None:
    """An empty, a deleted and an unreadable list verify nothing; the other verifications go on."""
    world.pair("1")
    world.hubspot.members.clear()
    empty = one(await verified(world), "outbound")
    assert (empty.status, empty.expected) == ("unknown", 0)
    world.hubspot.deleted_list = True
    assert "deleted" in one(await verified(world), "outbound").note
    world.hubspot.refusal = ScopeMissing("the token lacks crm.lists.read", scopes=("crm.lists.read",))
    result = await verified(world)
    refused = one(result, "outbound")
    assert (refused.status, refused.note) == ("unknown", "The list could not be read: the token lacks crm.lists.read")
    assert one(result, "update-only").status == "passed"


async def test_outbound_does_not_apply_to_a_connection_that_only_imports(world: SmallWorld) -> None:
    """A connection to HubSpot only has no outbound verification."""
    assert (
        one(await verified(world, connection(sync={"direction": "to_hubspot"})), "outbound").status == "not_applicable"
    )


def created(
    world: SmallWorld, number: str, created_at: str, source: str = "INTEGRATION", state: str = "verified"
) -> None:
    world.hubspot.put(f"h{number}", created_at, email=f"person{number}@firma.example", hs_object_source=source)
    contact = world.contact(f"h{number}", f"a{number}", email=f"person{number}@firma.example")
    world.app.put(f"a{number}", EMAIL=f"person{number}@firma.example")
    world.sql(
        "INSERT INTO journal(run_id, contact_id, side, kind, record_id, state, sent, before, planned_at) "
        "VALUES (?, ?, 'hubspot', 'create', ?, ?, '{}', '{}', ?)",
        world.check, contact, f"h{number}", state, LONG_AGO,
    )  # fmt: skip


async def test_inbound_finds_creates_by_source_and_date(world: SmallWorld) -> None:
    """Applied creates are expected; those with another source or an older date are missing, refused ones never count."""
    world.workspace.remember("activated_at", "2026-03-01T12:00:00.000Z")
    created(world, "1", "2026-03-01T12:00:05Z")
    created(world, "2", "2026-03-01T12:00:06Z", source="CRM_UI")
    created(world, "3", "2026-02-01T12:00:00Z")
    created(world, "4", "2026-03-01T12:00:07Z", state="permanent")
    inbound = one(await verified(world), "inbound")
    assert (inbound.status, inbound.expected, inbound.found) == ("failed", 3, 1)
    assert [(row.hubspot_id, row.existing) for row in inbound.missing] == [("h2", ("h2",)), ("h3", ("h3",))]
    assert inbound.note.startswith("1 more contacts of source INTEGRATION")


async def test_inbound_allows_for_two_clocks(world: SmallWorld) -> None:
    """A create that HubSpot dates five minutes before the activation counts, six minutes before does not."""
    world.workspace.remember("activated_at", "2026-03-01T12:00:00.000Z")
    created(world, "1", "2026-03-01T11:55:00Z")
    created(world, "2", "2026-03-01T11:54:00Z")
    assert [row.hubspot_id for row in one(await verified(world), "inbound").missing] == ["h2"]


async def test_inbound_accepts_only_a_known_loss(world: SmallWorld) -> None:
    """A created contact that is gone fails, unless the last check already says that the counterpart is gone."""
    world.workspace.remember("activated_at", "2026-03-01T12:00:00.000Z")
    created(world, "1", "2026-03-01T12:00:05Z")
    del world.hubspot.held["h1"]
    assert one(await verified(world), "inbound").status == "failed"
    world.sql("UPDATE verdict SET state = 'failing', cause = 'counterpart-gone'")
    inbound = one(await verified(world), "inbound")
    assert (inbound.status, inbound.missing[0].reason_cause) == ("passed", "counterpart-gone")


async def test_inbound_before_activation_and_in_other_modes(world: SmallWorld) -> None:
    """Before activation and under another engine it is unknown, in a connection to the app only it does not apply."""
    assert one(await verified(world), "inbound").status == "unknown"
    world.workspace.remember("activated_at", "2026-03-01T12:00:00.000Z")
    observed = one(await verified(world, connection(mode="observed")), "inbound")
    assert (observed.status, observed.expected, observed.found) == ("unknown", 0, 0)
    assert one(await verified(world, connection(sync={"direction": "to_app"})), "inbound").status == "not_applicable"


async def test_update_only_finds_an_empty_target_field(world: SmallWorld) -> None:
    """Of three filled stages one is empty in the app; the excluded pair is not looked at."""
    for number in "123":
        world.pair(number)
    world.pair("4", "excluded", "opt-in")
    world.app.change("a2", STAGE=" ")
    world.app.change("a4", STAGE="")
    filled = one(await verified(world), "update-only")
    assert (filled.status, filled.expected, filled.found) == ("failed", 3, 2)
    assert [(row.app_id, row.fields) for row in filled.missing] == [("a2", ("app: STAGE",))]


async def test_update_only_looks_at_named_contacts_field_by_field(world: SmallWorld) -> None:
    """A named contact is looked at in every mapping, by e-mail or either id; a stranger is listed as missing."""
    two_way = connection(
        mappings=[{"hubspot": "email", "app": "EMAIL"}, {"hubspot": "phone", "app": "PHONE"}],
        verify={"contacts": ["a1"]},
    )
    world.pair("1")
    world.pair("2")
    world.app.change("a2", PHONE="")
    filled = one(await verified(world, two_way, ["Person2@firma.example", "niemand@firma.example"]), "update-only")
    assert filled.status == "failed"
    assert [(row.hubspot_id, row.email, row.fields) for row in filled.missing] == [
        ("h2", "person2@firma.example", ("app: PHONE",)),
        ("", "niemand@firma.example", ()),
    ]
    assert (filled.expected, filled.found) == (8 - 1, 8 - 1 - 1)


async def test_a_named_contacts_field_must_also_agree(world: SmallWorld) -> None:
    """Both filled but different fails for a named contact, in another spelling it does not; the unnamed do not count."""
    for number in "12":
        world.pair(number)
        world.app.change(f"a{number}", STAGE="Kunde", PHONE="0049301234567")
    filled = one(await verified(world, named=["h1"]), "update-only")
    assert (filled.status, filled.expected, filled.found) == ("failed", 10, 9)
    assert [(row.hubspot_id, row.reason_state, row.fields) for row in filled.missing] == [
        ("h1", "unexplained", ("app: STAGE",))
    ]
    assert "nothing explains it" in filled.missing[0].note


async def test_a_named_contacts_explained_difference_is_no_failure(world: SmallWorld) -> None:
    """Where a conflict is known, the named contact's field counts as found."""
    contact = world.pair("1", "conflict", "conflict")
    world.sql(
        "INSERT INTO conflict(contact_id, field, hubspot_value, app_value, run_id) "
        "VALUES (?, 'lastname', 'Beispiel', 'Anders', ?)",
        contact, world.check,
    )  # fmt: skip
    world.app.change("a1", LNAME="Anders")
    filled = one(await verified(world, named=["h1"]), "update-only")
    assert (filled.status, filled.missing) == ("passed", ())


async def test_a_result_names_at_most_a_thousand_differences(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count is whole where the names are cut."""
    monkeypatch.setattr("diagnostics.verify.NAMED_LIMIT", 2)
    for number in "123":
        world.pair(number)
        world.app.change(f"a{number}", LNAME="Anders")
    result = await verified(world)
    assert result.unexplained == 3
    assert [each.hubspot_id for each in result.unexplained_differences] == ["h1", "h2"]


async def test_the_document_names_records_fields_and_notes(world: SmallWorld) -> None:
    """The JSON form says which records differ, what is missing of a named contact, and never an address."""
    world.pair("1")
    world.app.change("a1", LNAME="Anders")
    document = verification_document(await verified(world, named=["h1", "niemand@firma.example"]))
    assert document["unexplained_differences"] == [{"hubspot_id": "h1", "app_id": "a1", "field": "lastname"}]
    differing, nowhere = next(each for each in document["verifications"] if each["name"] == "update-only")["missing"]
    assert (differing["hubspot_id"], differing["fields"]) == ("h1", ["app: LNAME", "hubspot: lastname"])
    assert nowhere["note"] == "Neither side has a contact with this e-mail or id."
    assert "@" not in json.dumps(document)


async def test_the_text_names_records_and_reasons(
    world: SmallWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen stand unexplained records with their field, candidates with the address, and who is nowhere."""
    for number in range(21):
        world.pair(f"{number:02}")
        world.app.change(f"a{number:02}", LNAME="Anders")
    world.hubspot_only("d", "failing", "email-duplicate", email="leser@firma.example")
    world.app.put("x1", EMAIL="leser@firma.example")
    world.app.put("x2", EMAIL="Leser@firma.example")
    result = await verified(world, named=["niemand@firma.example"])
    show_verification(Session(Home(tmp_path), connection()), result)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "niemand@firma.example: Neither side has a contact with this e-mail or id." in lines
    assert "HubSpot hd: already there: x1, x2" in lines
    assert "HubSpot h00, app a00: lastname" in lines
    assert len([line for line in lines if line.endswith(": lastname")]) == 20
    assert "… 1 more" in lines


async def test_update_only_does_not_apply_without_one_way_fields_and_names(world: SmallWorld) -> None:
    """Two-way mappings and nobody named: nothing to verify."""
    two_way = connection(mappings=[{"hubspot": "email", "app": "EMAIL"}])
    assert one(await verified(world, two_way), "update-only").status == "not_applicable"


async def test_the_result_is_stored_under_the_runs_id(world: SmallWorld) -> None:
    """The table `verification` holds what was answered, with the missing ones as JSON."""
    world.hubspot_only("1", "failing", "required-field")
    result = await verified(world)
    rows = world.workspace.rows("SELECT * FROM verification WHERE run_id = ? ORDER BY name", (world.run.id,))
    assert [(row["name"], row["status"]) for row in rows] == sorted(
        (each.name, each.status) for each in result.verifications
    )
    missing = json.loads(next(row["missing"] for row in rows if row["name"] == "outbound"))
    assert (missing[0]["hubspot_id"], missing[0]["reason_cause"]) == ("h1", "required-field")


async def test_the_mirror_is_not_what_is_compared(world: SmallWorld) -> None:
    """A mirror in which both sides agree does not hide that they no longer do."""
    world.pair("1")
    world.mirrored()
    world.app.change("a1", FNAME="Eva")
    assert (await verified(world)).unexplained == 1


async def test_a_missing_list_and_a_stop_request_end_it(world: SmallWorld) -> None:
    """A list that is not there is a configuration error; a stop request is obeyed while reading, nothing is stored."""
    world.pair("1")
    with pytest.raises(ConfigurationError):
        await verified(world, connection(scope={"list": "Nirgends"}))
    world.run.stop.reason = "stopped by the user"
    with pytest.raises(Stopped):
        await verified(world)
    assert world.workspace.value("SELECT count(*) FROM verification") == 0
