"""Causes that stop a contact for what it is: side, link, address, consent, unwanted data."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from tests.diagnostics.causes.world import (
    HUBSPOT,
    MAILCHIMP,
    contacts,
    findings,
    person,
    situation,
    stopped,
    write,
    writes,
)

ON_BOTH, ONLY_HUBSPOT, ONLY_APP = person(1, {}, {}), person(2, {}, None), person(3, None, {})


@pytest.mark.parametrize(("direction", "expected"), [("two_way", []), ("to_app", [3]), ("to_hubspot", [2])])
def test_direction_stops_contacts_that_only_the_receiver_has(direction: str, expected: list[int]) -> None:
    """One-way connections exclude what exists only where they send to."""
    people = contacts(ON_BOTH, ONLY_HUBSPOT, ONLY_APP)
    assert stopped("direction", people, situation(sync={"direction": direction})) == expected


def test_direction_leaves_a_broken_link_to_its_own_cause() -> None:
    """A linked contact that lost its sending record is not excluded but failing."""
    people = contacts(person(1, None, {}, linked=True))
    assert stopped("direction", people, situation(sync={"direction": "to_app"})) == []
    assert stopped("counterpart-gone", people) == [1]


def test_counterpart_gone_names_side_and_id() -> None:
    """The evidence says which record is gone; linked pairs and unlinked singles pass."""
    people = contacts(
        person(1, {}, {}, linked=True),
        person(2, None, {}, linked=True, hubspot_id="77"),
        person(3, {}, None, linked=True, app_id="ab"),
        person(4, None, None, linked=True, hubspot_id="78", app_id="cd"),
        person(5, {}, None),
    )
    rows = findings("counterpart-gone", people)
    assert [(row["contact"], row["value"]) for row in rows] == [(2, "77"), (3, "ab"), (4, "78 and cd")]
    assert "HubSpot" in rows[0]["rule"]
    assert "Mailchimp" in rows[1]["rule"]
    assert {row["state"] for row in rows} == {"failing"}


def test_plan_tier_stops_everybody_on_a_free_account_with_custom_mappings() -> None:
    """The finding names the custom mapping; a paid plan lifts it."""
    people = contacts(ON_BOTH, ONLY_APP)
    free = situation(hubspot={"tier": "free"})
    assert stopped("plan-tier", people, free) == [1, 3]
    assert "customer_number" in findings("plan-tier", people, free)[0]["rule"]
    assert stopped("plan-tier", people, situation(hubspot={"tier": "starter"})) == []


def test_plan_tier_allows_default_fields_on_a_free_account() -> None:
    """Without a custom mapping a free account is enough."""
    free = situation(hubspot={"tier": "free"}, mappings=[{"hubspot": "email", "app": "EMAIL"}])
    assert stopped("plan-tier", contacts(ON_BOTH), free) == []


@pytest.mark.parametrize("blank", ["", "   ", "\u00a0\t"])
def test_email_missing_stops_blank_addresses_in_hubspot(blank: str) -> None:
    """Empty and blank count as missing, on the HubSpot record even if the other side has an address."""
    people = contacts(person(1, {"email": blank}, None), person(2, {"email": blank}, {}), ON_BOTH | {"contact": 3})
    assert stopped("email-missing", people) == [1, 2]
    assert stopped("email-invalid", people) == []


def test_email_missing_does_not_take_unread_for_empty() -> None:
    """An address that was not fetched is not missing."""
    assert stopped("email-missing", contacts(person(1, {"email": None}, {}))) == []


def test_email_missing_asks_the_app_only_where_hubspot_has_no_record() -> None:
    """A record that is only in the app needs an address as well."""
    people = contacts(person(1, None, {"EMAIL": ""}), person(2, {}, {"EMAIL": ""}))
    assert [row["field"] for row in findings("email-missing", people)] == ["app.EMAIL"]


@pytest.mark.parametrize("address", ["a@firma.test", "a@@b.example", "a b@c.example", "a@-b.example", "@b.example"])
def test_email_invalid_stops_wrong_addresses_on_either_side(address: str) -> None:
    """The value found is the evidence, and correcting it lifts the finding."""
    people = contacts(person(1, {"email": address}, None), person(2, None, {"EMAIL": address}), ONLY_APP)
    rows = findings("email-invalid", people)
    assert [(row["contact"], row["field"], row["value"]) for row in rows] == [
        (1, "hubspot.email", address),
        (2, "app.EMAIL", address),
    ]
    assert all(row["rule"] and row["state"] == "excluded" for row in rows)
    assert stopped("email-invalid", contacts(person(1, {"email": "a@b.example"}, None))) == []


def test_email_invalid_overlooks_outer_blanks_and_cuts_long_evidence() -> None:
    """Outer white space is no fault; evidence has at most 200 characters."""
    people = contacts(person(1, {"email": " a@b.example "}, None), person(2, {"email": "x" * 900}, None))
    rows = findings("email-invalid", people)
    assert [(row["contact"], len(row["value"])) for row in rows] == [(2, 200)]


def test_email_duplicate_stops_all_that_share_an_address_and_counts_them() -> None:
    """Twins on either side stop the contact, unless it is linked or has no address; so does an address that a linked
    record of the other side has."""
    people = contacts(
        person(1, {}, None, hubspot_twins=2, app_twins=0),
        person(2, None, {}, hubspot_twins=1, app_twins=3),
        person(3, {}, {}, hubspot_twins=2, linked=True),
        person(4, {"email": ""}, None, hubspot_twins=2),
        person(5, {}, {}),
        person(6, {}, None, hubspot_twins=1, app_twins=0),
        person(7, {}, None, hubspot_twins=1, app_twins=1),
        person(8, None, {}, hubspot_twins=1, app_twins=1),
    )
    rows = findings("email-duplicate", people)
    assert [(row["contact"], row["state"]) for row in rows] == [(who, "failing") for who in (1, 2, 7, 8)]
    assert "2 in HubSpot and 0 in Mailchimp" in rows[0]["rule"]
    assert "1 in HubSpot and 3 in Mailchimp" in rows[1]["rule"]


def test_email_duplicate_leaves_to_many_to_one_what_names_its_candidates() -> None:
    """The two never stop the same contact."""
    people = contacts(
        person(1, {}, None, hubspot_twins=2, app_twins=1, hubspot_candidates="1, 2", app_candidates="r"),
        person(2, None, {}, hubspot_twins=1, app_twins=2),
    )
    assert stopped("email-duplicate", people) == [2]
    assert stopped("many-to-one", people) == [1]


def test_many_to_one_names_the_candidates_by_id() -> None:
    """Linked contacts whose records were merged on one side, and single ones; no address is in the evidence."""
    people = contacts(
        person(1, {}, {}, linked=True, hubspot_candidates="1", app_candidates="r1, r2"),
        person(2, None, {}, linked=True, hubspot_id="old", hubspot_candidates="1", app_candidates="r1, r2"),
        person(3, {}, None, hubspot_candidates="1, 2, 3, 4, 5 and 3 more", app_candidates="r1"),
        person(4, {}, {}, linked=True),
    )
    rows = findings("many-to-one", people)
    assert [(row["contact"], row["state"], row["field"]) for row in rows] == [
        (1, "failing", "hubspot.id"),
        (2, "failing", "app.id"),
        (3, "failing", "hubspot.id"),
    ]
    assert "HubSpot 1; Mailchimp r1, r2 (HubSpot's or Mailchimp's records were merged" in rows[0]["rule"]
    assert "HubSpot 1, 2, 3, 4, 5 and 3 more; Mailchimp r1 (another record is linked already" in rows[2]["rule"]
    assert all("@" not in row["rule"] + row["value"] for row in rows)


def test_erased_excludes_whoever_is_on_the_list() -> None:
    """Linked or not, whatever else is wrong with the contact."""
    people = contacts(person(1, {}, {}, erased=True, linked=True), person(2, {"email": ""}, None, erased=True))
    rows = findings("erased", contacts(*people.to_dicts(), person(3, {}, {})))
    assert [(row["contact"], row["state"], row["value"]) for row in rows] == [(1, "excluded", ""), (2, "excluded", "")]


@pytest.mark.parametrize(("swap", "code"), [(False, "address-taken"), (True, "address-swap")])
def test_a_held_address_holds_back_only_itself(swap: bool, code: str) -> None:
    """The update of the address waits and names the holder; creates, other fields and the other side do not."""
    facts = {"app_holder": "r9", "app_swap": swap}
    people = contacts(
        person(1, {}, {}, **facts), person(2, {}, {}), person(3, {}, None, **facts), person(4, {}, {}, **facts)
    )
    written = writes(
        write(1, "app", "EMAIL", "neu@firma.example"),
        write(1, "app", "CITY", "Ulm"),
        write(2, "app", "EMAIL", "neu@firma.example"),
        write(3, "app", "EMAIL", "neu@firma.example", kind="create"),
        write(4, "hubspot", "email", "neu@firma.example"),
    )
    (row,) = findings(code, people, written=written)
    assert (row["contact"], row["field"], row["value"]) == (1, "app.EMAIL", "neu@firma.example")
    assert row["only_field"]
    assert "in Mailchimp this is an address of record r9" in row["rule"]
    other = {"address-taken": "address-swap", "address-swap": "address-taken"}[code]
    assert findings(other, people, written=written) == []


def test_opt_in_by_property_tells_refused_from_unread() -> None:
    """Only accepted values pass; empty is a refusal, not fetched is unknown; app-only contacts are not asked."""
    people = contacts(
        person(1, {"newsletter_opt_in": " true "}, None),
        person(2, {"newsletter_opt_in": "false"}, {}),
        person(3, {"newsletter_opt_in": ""}, None),
        person(4, {"newsletter_opt_in": None}, None),
        person(5, None, {}),
    )
    rows = findings("opt-in", people)
    assert [(row["contact"], row["state"]) for row in rows] == [(2, "excluded"), (3, "excluded"), (4, "unknown")]
    assert rows[0]["value"] == "false"
    assert "newsletter_opt_in is true" in rows[0]["rule"]


def test_opt_in_takes_the_accepted_values_of_the_connection() -> None:
    """Another property and other words count if the connection says so."""
    rule = {"property": "consent", "accepted": ["double opt-in", "contract"]}
    people = contacts(person(1, {"consent": "contract"}, None), person(2, {"consent": "true"}, None))
    assert stopped("opt-in", people, situation(opt_in=rule)) == [2]


def test_opt_in_never_passes_when_its_property_was_not_read_at_all() -> None:
    """A frame without the configured column makes HubSpot contacts unknown."""
    people = contacts(person(1, {}, None), person(2, None, {})).drop("hubspot.newsletter_opt_in")
    assert [(row["contact"], row["state"]) for row in findings("opt-in", people)] == [(1, "unknown")]


@pytest.mark.parametrize(
    ("code", "field"), [("opt-in", "hs_email_optout"), ("bounced", "hs_email_hard_bounce_reason_enum")]
)
def test_what_tells_whether_a_person_may_be_written_to_is_never_taken_for_granted(code: str, field: str) -> None:
    """Not fetched, no column, or a property that HubSpot does not show (any more): HubSpot contacts are unknown."""
    people = contacts(person(1, {field: None}, {}), person(2, {}, None), person(3, None, {}))
    assert [(row["contact"], row["state"], row["blocking"]) for row in findings(code, people)] == [(1, "unknown", True)]
    hidden = replace(HUBSPOT, fields={name: one for name, one in HUBSPOT.fields.items() if name != field})
    without = situation(schemas={"hubspot": hidden, "app": MAILCHIMP})
    for of, frame, words in (
        (situation(), people.drop(f"hubspot.{field}"), f"{field} was not read"),
        (without, people, f"HubSpot does not show {field} to the credentials"),
    ):
        rows = findings(code, frame, of)
        assert [(row["contact"], row["state"]) for row in rows] == [(1, "unknown"), (2, "unknown")]
        assert rows[0]["rule"].startswith(words)


def test_who_is_stopped_by_what_could_be_read_is_not_unknown_for_the_rest() -> None:
    """A refused opt-in decides, whether or not the person also opted out of all mail."""
    people = contacts(person(1, {"newsletter_opt_in": "false", "hs_email_optout": None}, None))
    assert [row["state"] for row in findings("opt-in", people)] == ["excluded"]


def test_opting_out_of_all_mail_overrules_an_opt_in() -> None:
    """The stricter of the two counts, also without a rule in the connection."""
    people = contacts(person(1, {"hs_email_optout": "true"}, None), person(2, {"hs_email_optout": "false"}, None))
    assert stopped("opt-in", people) == [1]
    without_rule = situation(opt_in=None, app={"name": "mailchimp", "audience": "a1"})
    assert stopped("opt-in", people, without_rule) == [1]


def test_opt_in_by_subscription_needs_the_status_subscribed() -> None:
    """A subscription rule reads the subscription column, and what it cannot read is unknown."""
    rule = {"subscription": "Newsletter"}
    people = contacts(
        person(1, {"_subscription": "SUBSCRIBED"}, None),
        person(2, {"_subscription": "NOT_SPECIFIED"}, None),
        person(3, {"_subscription": None}, None),
    )
    assert [(row["contact"], row["state"]) for row in findings("opt-in", people, situation(opt_in=rule))] == [
        (2, "excluded"),
        (3, "unknown"),
    ]
    unread = situation(opt_in=rule, unavailable={"subscription": "a scope is missing"})
    rows = findings("opt-in", people, unread)
    assert [row["state"] for row in rows] == ["unknown"] * 3
    assert "a scope is missing" in rows[0]["rule"]


def test_member_status_gives_the_status_and_its_meaning() -> None:
    """Statuses outside the accepted ones stop the contact; HubSpot-only contacts have none."""
    people = contacts(
        person(1, None, {"status": "cleaned"}),
        person(2, {}, {"status": "archived"}),
        person(3, {}, {"status": None}),
        person(4, {}, {}),
        person(5, {}, None),
    )
    rows = findings("member-status", people)
    assert [(row["contact"], row["state"], row["value"]) for row in rows] == [
        (1, "excluded", "cleaned"),
        (2, "excluded", "archived"),
        (3, "unknown", ""),
    ]
    assert "mail to this address bounced" in rows[0]["rule"]
    no_consent = situation(schemas={"hubspot": HUBSPOT, "app": replace(MAILCHIMP, consent=None)})
    assert findings("member-status", people, no_consent) == []


def test_bounced_blocks_only_if_the_connection_excludes_it() -> None:
    """Otherwise it is reported; an empty reason is none."""
    people = contacts(
        person(1, {"hs_email_hard_bounce_reason_enum": "SPAM"}, None),
        person(2, {"hs_email_hard_bounce_reason_enum": ""}, None),
    )
    assert stopped("bounced", people) == [1]
    reported = findings("bounced", people, situation(unwanted={"exclude": []}))
    assert [(row["contact"], row["blocking"], row["value"]) for row in reported] == [(1, False, "SPAM")]
    unread = contacts(person(1, {"hs_email_hard_bounce_reason_enum": None}, None))
    assert [row["blocking"] for row in findings("bounced", unread)] == [True]
    assert [row["blocking"] for row in findings("bounced", unread, situation(unwanted={"exclude": []}))] == [False]


@pytest.mark.parametrize(
    ("local", "made_up"),
    [
        ("test", True), ("test.a", True), ("test1", True), ("test+x", True), ("Test", True), ("asdf", True),
        ("dummy", True), ("tester", False), ("testa", False), ("mytest", False), ("asdfg", False), ("xxxx", False),
    ],
)  # fmt: skip
def test_test_address_looks_at_the_whole_local_part(local: str, made_up: bool) -> None:
    """`test` alone or before something that is no letter, and a few words, on either side."""
    address = f"{local}@firma.example"
    people = contacts(person(1, {"email": address}, None), person(2, None, {"EMAIL": address}))
    assert stopped("test-address", people) == ([1, 2] if made_up else [])


def test_role_address_is_only_reported_unless_excluded() -> None:
    """A role address has no influence on the state by default."""
    people = contacts(person(1, {"email": "Info@firma.example"}, None), person(2, {"email": "infos@a.example"}, None))
    rows = findings("role-address", people)
    assert [(row["contact"], row["blocking"], row["value"]) for row in rows] == [(1, False, "Info@firma.example")]
    assert stopped("role-address", people, situation(unwanted={"exclude": ["role-address"]})) == [1]


@pytest.mark.parametrize(
    ("domain", "disposable"),
    [("wegwerf.example", True), ("xn--mll-hoa.example", True), ("mailinator.com", True),
     ("sub.wegwerf.example", False), ("firma.example", False)],
)  # fmt: skip
def test_disposable_domain_knows_the_public_list_and_the_connection_s(domain: str, disposable: bool) -> None:
    """Own domains count in their IDNA form; subdomains are not meant."""
    people = contacts(person(1, {"email": f"a@{domain}"}, None), person(2, None, {"EMAIL": f"b@{domain}"}))
    assert stopped("disposable-domain", people) == ([1, 2] if disposable else [])


@pytest.mark.parametrize(
    ("code", "bad", "good"),
    [
        ("email-missing", {"email": ""}, {"email": "a@b.example"}),
        ("email-invalid", {"email": "a@b"}, {"email": "a@b.example"}),
        ("opt-in", {"newsletter_opt_in": "no"}, {"newsletter_opt_in": "true"}),
        ("bounced", {"hs_email_hard_bounce_reason_enum": "OTHER"}, {"hs_email_hard_bounce_reason_enum": ""}),
        ("test-address", {"email": "foo@b.example"}, {"email": "jo@b.example"}),
    ],
)
def test_repairing_the_value_lifts_the_finding(code: str, bad: dict[str, str], good: dict[str, str]) -> None:
    """The same person with the one value corrected is no longer stopped by the cause."""
    assert stopped(code, contacts(person(1, bad, None))) == [1]
    assert stopped(code, contacts(person(1, good, None))) == []


def test_contact_numbers_stay_as_they_are_in_big_frames() -> None:
    """Ids beyond 32 bits survive."""
    people = contacts(person(5_000_000_000, {"email": ""}, None))
    assert findings("email-missing", people)[0]["contact"] == 5_000_000_000
    assert people.schema["contact"] == pl.Int64


def test_a_write_in_doubt_makes_the_contact_unknown() -> None:
    """Nobody knows what the side holds; the side is named."""
    people = contacts(person(1, {}, {}, in_doubt="app"), person(2, {}, {}))
    rows = findings("in-doubt", people)
    assert [(row["contact"], row["state"], row["field"]) for row in rows] == [(1, "unknown", "app.id")]
    assert "Mailchimp" in rows[0]["rule"]
