"""Every refusal has exactly one class: by the server's code, else by its words, else unknown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.causes import CAUSES, cause
from diagnostics.causes.refusals import CLASSES, NOT_FOR_CONTACTS, PREFIX, REFUSALS, UNKNOWN, Refusal, class_of
from diagnostics.unknown_refusals import CODE
from engine.answers import Answer
from engine.connectors import Write
from engine.connectors.hubspot_bodies import BatchError, refused
from engine.connectors.mailchimp_bodies import MemberProblem
from engine.connectors.mailchimp_writes import MailchimpWrites, _refused_in_batch
from engine.gates import Population
from engine.memory import REFUSED, Memory, nothing_known
from engine.plan import plan
from engine.quarantine import sent as sent_digest
from sample_data.portal.hubspot.errors import PropertyError, already_exists, invalid_properties, missing_scopes
from sample_data.portal.mailchimp import errors as mailchimp
from tests.diagnostics.causes.world import contacts, person, situation, write, writes

ADDRESS = "jo@firma.example"


def of_hubspot(body: Mapping[str, Any]) -> str:
    """The class of an envelope, or of an entry of a 207 answer, read as the engine reads it."""
    reason = refused(BatchError.model_validate(body))
    return class_of(reason.code, reason.property, reason.message)


def value_error(code: str, message: str, name: str = "city") -> dict[str, Any]:
    """HubSpot's envelope for one refused value: as JSON text in the message and again in `errors`."""
    return invalid_properties([PropertyError(code, message, name)], 4711001).body("c-1")


def embedded(code: str, message: str, name: str = "city") -> dict[str, Any]:
    """The older envelope: only the JSON text in the message."""
    body = value_error(code, message, name)
    del body["errors"]
    return body


def plain(message: str, category: str = "VALIDATION_ERROR", **more: object) -> dict[str, Any]:
    """An envelope without details."""
    return {"status": "error", "message": message, "correlationId": "c-1", "category": category, **more}


HUBSPOT: tuple[tuple[Mapping[str, Any], str], ...] = (
    (value_error("PROPERTY_DOESNT_EXIST", 'Property "kundennr" does not exist', "kundennr"), "refused-no-property"),
    (plain('Property "read only" does not exist'), "refused-no-property"),
    (value_error("READ_ONLY_VALUE", '"city" is a read only property; its value cannot be set'), "refused-read-only"),
    (plain('"days_to_close" is a calculated property and cannot be set'), "refused-read-only"),
    (value_error("INVALID_EMAIL", f"Email address {ADDRESS} is invalid", "email"), "refused-address"),
    (plain(f"Email address {ADDRESS} is invalid"), "refused-address"),
    (
        embedded(
            "INVALID_OPTION", "Partner was not one of the allowed options: [label: 'must be provided' value: 'x']"
        ),
        "refused-option",
    ),
    (plain("Partner was not one of the allowed options: [read only, calculated property]"), "refused-option"),
    (plain("x", subCategory="crm.contacts.INVALID_ENUMERATION_OPTION"), "refused-option"),
    (value_error("INVALID_INTEGER", "asd000 was not a valid number."), "refused-type"),
    (value_error("INVALID_LONG", "asd000 was not a valid long."), "refused-type"),
    (value_error("INVALID_DATE", "1700000000 is at 22:13:20.0 UTC, not midnight!"), "refused-type"),
    (plain("asd000 was not a valid long."), "refused-type"),
    (value_error("INVALID_LONG", "jo was not a valid long.", "hubspot_owner_id"), "refused-owner"),
    (plain("x", "COULD_NOT_FIND_OWNER"), "refused-owner"),
    (value_error("INVALID_ALPHA", "Enter only letters"), "refused-format"),
    (value_error("INVALID_URL_BLOCKED_DOMAINS", "The domain x.example is blocked"), "refused-format"),
    (plain("Enter only letters"), "refused-format"),
    (value_error("INVALID_MAX_LENGTH", "Enter at most 60 characters"), "refused-length"),
    (plain("Enter at most 60 characters"), "refused-length"),
    (value_error("INVALID_MAX_NUMBER", "Enter a number of at most 100"), "refused-range"),
    (plain("Enter a number of at most 100"), "refused-range"),
    (plain("Enter a date up to 2026-01-01"), "refused-range"),
    (
        value_error("MISSING_REQUIRED_PROPERTY", "A value for firstname must be provided", "firstname"),
        "refused-required",
    ),
    (
        plain("Error creating CONTACT. Some required properties were not set.", context={"properties": ["firstname"]}),
        "refused-required",
    ),
    (
        value_error(
            "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
            "vat is required because of a conditional property rule based on [country]",
            "vat",
        ),
        "refused-conditional",
    ),
    (plain("vat is required because of a conditional property rule based on [country]"), "refused-conditional"),
    (plain("Missing 'Edit Associations' permission."), "refused-permission"),
    (missing_scopes(["crm.objects.contacts.write"]).body("c-1"), "refused-permission"),
    (plain("Unable to perform update by non-unique 0-1 property customer_number"), "refused-request"),
    (plain("Invalid input JSON on line 1, column 12: Cannot deserialize value", ""), "refused-request"),
    (plain("4711 already has that value."), "refused-duplicate-value"),
    (already_exists(51).body("c-1"), "refused-duplicate-address"),
    (plain("Contact already exists. Existing ID: 51", ""), "refused-duplicate-address"),
    (plain("resource not found", "OBJECT_NOT_FOUND"), "refused-gone"),
    (plain("contact does not exist", ""), "refused-gone"),
    (plain("x", "GDPR_BLACKLISTED_EMAIL"), "refused-erased"),
    (plain("You have reached your secondly limit.", "RATE_LIMITS"), "refused-busy"),
    (plain("internal error", "INTERNAL_ERROR"), "refused-busy"),
    (plain("x", "LIMIT_EXCEEDED"), "refused-limit"),
    (plain("The portal has reached the limit of contacts"), "refused-limit"),
    (plain("Warp core breach in progress"), "refused-unknown"),
    (plain("x", "UNKNOWN_BAD_REQUEST"), "refused-unknown"),
    ({}, "refused-unknown"),
)


@pytest.mark.parametrize(("body", "expected"), HUBSPOT)
def test_hubspot_s_refusals(body: Mapping[str, Any], expected: str) -> None:
    """Bodies as the error-handling page, the changelog and recordings have them."""
    assert of_hubspot(body) == expected


MAILCHIMP = (
    (mailchimp.fake_address(ADDRESS), "refused-address"),
    (mailchimp.invalid("Please provide a valid email address."), "refused-address"),
    (mailchimp.member_exists(ADDRESS), "refused-duplicate-address"),
    (mailchimp.compliance_state(ADDRESS), "refused-consent"),
    (mailchimp.forgotten(ADDRESS), "refused-erased"),
    (
        mailchimp.invalid(f"{ADDRESS} has signed up to a lot of lists very recently; we're not allowing more signups for now"),
        "refused-many-signups",
    ),
    (mailchimp.invalid_merge_fields([mailchimp.FieldError("FNAME", "Please enter a value")]), "refused-required"),
    (mailchimp.invalid_merge_fields([mailchimp.FieldError("STAGE", "Please select one of the choices")]), "refused-option"),
    (mailchimp.invalid_merge_fields([mailchimp.FieldError("CUSTNO", "Please enter a number")]), "refused-type"),
    (mailchimp.invalid_merge_fields([mailchimp.FieldError("BDAY", "Please enter the date")]), "refused-type"),
    (mailchimp.invalid_merge_fields([mailchimp.FieldError("URL", "Please enter a valid URL")]), "refused-format"),
    (
        mailchimp.invalid_merge_fields([mailchimp.FieldError("CITY", "Please enter a value of at most 255 bytes")]),
        "refused-length",
    ),
    (
        mailchimp.invalid_fields(mailchimp.FieldError("status", "Data presented is not one of the accepted values.")),
        "refused-option",
    ),
    (mailchimp.invalid_fields(mailchimp.FieldError("x", "Schema describes string, integer found instead")), "refused-type"),
    (mailchimp.invalid("The audience limit has been reached for your plan"), "refused-limit"),
    (mailchimp.invalid("Warp core breach in progress"), "refused-unknown"),
)  # fmt: skip


@pytest.mark.parametrize(("problem", "expected"), MAILCHIMP)
def test_mailchimp_s_refusals(problem: mailchimp.Problem, expected: str) -> None:
    """The same class whether a member is refused alone or as an entry of a batch, where the title is missing."""
    order = Write(1, "create", None, {"EMAIL": ADDRESS})
    alone = MailchimpWrites(None, "a1").refuse(order, Answer(problem.status, problem.body("i-1")))  # type: ignore[arg-type]
    first = problem.errors[0] if problem.errors else mailchimp.FieldError("", "")
    entry = MemberProblem(
        email_address=ADDRESS, error=problem.detail, error_code="ERROR_GENERIC", field=first.field, field_message=first.message
    )  # fmt: skip
    batch = _refused_in_batch(order, entry, Answer(200, {}))

    assert class_of(alone.code, alone.field, alone.message) == expected
    assert class_of(batch.code, batch.field, batch.message) == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("FAILED_TO_OPT_OUT_CONTACT", ""),
        ("", "Failed to opt out contact"),
        ("", "The contact could not be unsubscribed"),
        ("", "Unable to unsubscribe this contact"),
    ],
)
def test_a_failed_opt_out_is_failing_and_nobody_is_asked_to_subscribe(code: str, message: str) -> None:
    """The opposite of a person who has to consent: an opt-out has to be recorded."""
    known = cause(class_of(code, "", message))
    assert known.code == "refused-opt-out"
    assert next(one for one in CLASSES if one.code == known.code).state == "failing"
    assert "opt-out" in known.remedy
    assert "subscribe" not in known.remedy
    assert class_of("", "", "jo has unsubscribed and cannot be resubscribed") == "refused-consent"


def test_gateway_errors_that_hubspot_wants_to_be_told_of_do_not_pass_by_themselves() -> None:
    """Source: HubSpot's error-handling page: pause and retry after 502 to 504, 521, 523 and 524; support after 522, 525, 526."""
    statuses = (423, 429, 477, 500, 502, 503, 504, 521, 522, 523, 524, 525, 526)
    natures = {status: cause(class_of(f"HTTP {status}", "", "")).nature for status in statuses}
    assert {status for status, nature in natures.items() if nature == "actionable"} == {522, 525, 526}
    assert "support" in cause("refused-gateway").remedy


def test_a_code_counts_before_the_words_and_unknown_codes_leave_it_to_them() -> None:
    """The words of one class under the code of another: the code decides."""
    assert class_of("INVALID_OPTION", "city", "Email address x is invalid") == "refused-option"
    assert class_of("invalid_option", "city", "") == "refused-option"
    assert class_of("NEW_IN_2027", "city", "Enter only letters") == "refused-format"
    assert class_of("NEW_IN_2027", "city", "") == UNKNOWN == CODE


@given(st.sampled_from(["", "X", *sorted(set().union(*(one.codes for one in CLASSES)))]), st.text(), st.text())
def test_every_refusal_has_exactly_one_class(code: str, field: str, message: str) -> None:
    """Whatever a server says."""
    assert class_of(code, field, message) in {entry.code for entry in REFUSALS}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Email already in use", "refused-duplicate-address"),
        ("You are creating a duplicate record", "refused-duplicate-value"),
        ("This record meets a duplicate rule", "refused-duplicate-value"),
        ("Insufficient access or missing record", "refused-permission"),
        ("The user lacks the field permission", "refused-permission"),
        ("The field is not writeable", "refused-read-only"),
        ("Bad value for restricted picklist field: XX", "refused-option"),
        ("Required fields are missing: [LastName]", "refused-required"),
        ("Required value is empty", "refused-required"),
        ("Data value too large: Oberammergau (max length=10)", "refused-length"),
        ("Phone number format is invalid", "refused-format"),
        ("Rejected by a validation rule", "refused-format"),
        ("Invalid email address", "refused-address"),
        ("Organization API limit exceeded", "refused-busy"),
        ("REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.", "refused-busy"),
        ("Storage limit exceeded", "refused-limit"),
        ("Missing 'Edit Associations' permission.", "refused-permission"),
        ("This hub is being migrated", "refused-busy"),
    ],
)
def test_the_groups_of_sync_errors_that_hubspot_documents_have_a_class(message: str, expected: str) -> None:
    """Duplicates, permissions, values, limits, custom code, as an app may word them without a code. Associations are not synced."""
    assert class_of("", "", message) == expected


def test_no_code_belongs_to_two_classes() -> None:
    """And the texts of a class are not another's."""
    codes = Counter(code for one in CLASSES for code in one.codes)
    assert [code for code, times in codes.items() if times > 1] == []
    assert all(code == code.upper() for code in codes)
    assert len({one.title for one in CAUSES}) == len(CAUSES)
    assert all(not one.words or re.compile(one.words) for one in CLASSES)


IMPORT_TYPES = """
DUPLICATE_ALTERNATE_ID DUPLICATE_OBJECT_ID DUPLICATE_RECORD_ID DUPLICATE_ASSOCIATION_ID DUPLICATE_ROW_CONTENT
DUPLICATE_UNIQUE_CREATION_KEY DUPLICATE_UNIQUE_PROPERTY_VALUE DUPLICATE_EVENT MULTIPLE_COMPANIES_WITH_THIS_DOMAIN
SECONDARY_EMAIL_WRITE_FAILURE INVALID_EMAIL INVALID_DOMAIN INVALID_OBJECT_ID INVALID_RECORD_ID INVALID_ALTERNATE_ID
GDPR_BLACKLISTED_EMAIL FAILED_TO_OPT_OUT_CONTACT AMBIGUOUS_ENUMERATION_OPTION INVALID_ENUMERATION_OPTION
INVALID_ENUM_FILE_ID_OR_URL COULD_NOT_PARSE_DATE COULD_NOT_PARSE_NUMBER COULD_NOT_PARSE_TERM INVALID_NUMBER_SIZE
INVALID_PROPERTY_VALUE_FORMAT OUTSIDE_VALID_TERM_RANGE OUTSIDE_VALID_TIME_RANGE COLUMN_TOO_LARGE ROW_DATA_TOO_LARGE
PROPERTY_VALUE_NOT_FOUND FAILED_VALIDATION INVALID_CUSTOM_PROPERTY_VALIDATION INVALID_REQUIRED_PROPERTY
MISSING_REQUIRED_PROPERTY FAILED_TO_PROCESS_OBJECT_WITH_EMPTY_PROPERTY_VALUES COULD_NOT_FIND_OWNER MULTIPLE_OWNERS_FOUND
COULD_NOT_FIND_BUSINESS_UNIT ASSOCIATION_LABEL_NOT_FOUND ASSOCIATION_LIMIT_EXCEEDED ASSOCIATION_RECORD_NOT_FOUND
FAILED_TO_CREATE_ASSOCIATION FAILED_TO_FIND_RECORD_FOR_ASSOCIATIONS INVALID_ASSOCIATION_IDENTIFIER INVALID_ASSOCIATION_KEY
NO_OBJECT_ID_FROM_ASSOCIATION_IDENTIFIER UNKNOWN_ASSOCIATION_RECORD_ID LINE_ITEM_MULTIPLE_PARENTS_IN_ROW CREATE_ONLY_IMPORT
UPDATE_ONLY_IMPORT LIMIT_EXCEEDED PORTAL_WIDE_CUSTOM_OBJECT_LIMIT_EXCEEDED PROPERTY_DEFINITION_NOT_FOUND
MISSING_OBJECT_DEFINITION MISSING_EVENT_DEFINITION MISSING_EVENT_TIMESTAMP INVALID_EVENT INVALID_EVENT_TIMESTAMP
INVALID_COLUMN_CONFIGURATION FILE_NOT_FOUND INVALID_FILE_TYPE INVALID_SPREADSHEET INVALID_SHEET_COUNT
INCORRECT_NUMBER_OF_COLUMNS COULD_NOT_PARSE_ROW MANY_ERRORS_IN_ROW UNKNOWN_BAD_REQUEST UNKNOWN_ERROR
"""
RULE_TYPES = """
FORMAT MAX_LENGTH MIN_LENGTH REGEX SPECIAL_CHARACTERS WHITESPACE EMAIL EMAIL_ALLOWED_DOMAINS EMAIL_BLOCKED_DOMAINS DOMAIN URL
URL_ALLOWED_DOMAINS URL_BLOCKED_DOMAINS PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE MIN_NUMBER MAX_NUMBER DECIMAL START_DATE END_DATE
START_DATETIME END_DATETIME BEFORE_DURATION AFTER_DURATION BEFORE_DATETIME_DURATION AFTER_DATETIME_DURATION DAYS_OF_WEEK ALPHANUMERIC
"""


def test_every_import_error_type_and_rule_type_is_placed() -> None:
    """HubSpot's whole enumerations (imports-v3 and property-validations specifications): a class, or a reason why not."""
    left_out = set().union(*NOT_FOR_CONTACTS.values())
    known = set().union(*(one.codes for one in CLASSES))
    types, rules = IMPORT_TYPES.split(), RULE_TYPES.split()

    assert (len(set(types)), len(set(rules))) == (68, 27)
    assert left_out < set(types)
    assert not left_out & known
    assert set(types) <= left_out | known
    assert {f"INVALID_{rule}" for rule in rules} <= known


def quarantined(*rows: dict[str, object]) -> Memory:
    """What was refused of contacts' updates in HubSpot."""
    whole = [
        {"contact": 1, "side": "hubspot", "lasting": 1, "message": "", "correlation_id": "c-1"} | row for row in rows
    ]
    return replace(nothing_known(), refused=pl.DataFrame(whole, schema=REFUSED))


def test_the_first_class_decides_and_the_other_fields_flow() -> None:
    """Two fields refused for two reasons: both are kept, each holds back its own field, a third field is written."""
    people = contacts(person(1, {"lifecyclestage": "lead"}, {}))
    wanted = {"city": "Ulm", "country": "XX", "website": "x"}
    memory = quarantined(
        {"field": "city", "code": "INVALID_MAX_LENGTH", "sent": sent_digest({"city": "Ulm"})},
        {"field": "country", "code": "INVALID_OPTION", "sent": sent_digest({"country": "XX"})},
    )
    sent = writes(*(write(1, "hubspot", field, value) for field, value in wanted.items()))
    rows = {
        entry.code: gate.findings(Population(people, sent, memory), situation())
        for entry in REFUSALS
        if (gate := entry.gate)
    }
    found = {code: some["field"].to_list() for code, some in rows.items() if some.height}

    assert found == {"refused-option": ["hubspot.country"], "refused-length": ["hubspot.city"]}
    assert all(some["only_field"].all() for some in rows.values())


def test_a_whole_record_refused_beside_a_field_of_another_class_is_still_held() -> None:
    """The record was sent without the refused field, so its digest only fits if that field is known to be held."""
    people = contacts(person(1, {"lifecyclestage": "lead"}, {}))
    memory = quarantined(
        {"field": "city", "code": "INVALID_MAX_LENGTH", "sent": sent_digest({"city": "Ulm"})},
        {"field": "", "code": "X", "message": "Warp core breach", "sent": sent_digest({"country": "XX"})},
    )
    sent = writes(write(1, "hubspot", "city", "Ulm"), write(1, "hubspot", "country", "XX"))
    gate = cause("refused-unknown").gate
    assert gate is not None
    rows = gate.findings(Population(people, sent, memory), situation())

    assert rows.select("field", "value").rows() == [("", "Warp core breach")]


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.code)
def test_each_class_decides_through_the_planner(one: Refusal) -> None:
    """The specific class is the deciding cause; who is kept out by a documented rule is excluded, not failing."""
    gates = [gate for entry in CAUSES if (gate := entry.gate)]
    people = contacts(person(1, {"lifecyclestage": "lead", "firstname": "Jo"}, None))
    wanted = plan(people, nothing_known(), situation(), gates).writes
    code = min(one.codes, default="ERROR_GENERIC")
    message = "" if one.codes else f"{ADDRESS} has signed up to a lot of lists very recently"
    refusal: dict[str, object] = {"side": "app", "field": "", "code": code, "message": message}
    digest = sent_digest(dict(wanted.select("field", "value").iter_rows()))
    answer = plan(people, quarantined(refusal | {"sent": digest}), situation(), gates)

    assert answer.verdicts.rows() == [(1, one.state, one.code)]
    assert answer.findings.filter("blocking")["code"].to_list() == [one.code]
    assert answer.writes.is_empty()


def test_only_classes_of_refusals_have_the_prefix() -> None:
    """What is held back is counted by it."""
    assert {one.code for one in CAUSES if one.code.startswith(PREFIX)} == {one.code for one in REFUSALS}


def test_a_field_that_is_refused_for_a_documented_rule_excludes_nobody() -> None:
    """The contact's other fields flow, so it is not out of the sync."""
    memory = quarantined({"field": "city", "code": "GDPR_BLACKLISTED_EMAIL", "sent": sent_digest({"city": "Ulm"})})
    people = contacts(person(1, {"lifecyclestage": "lead"}, {}))
    gate = cause("refused-erased").gate
    assert gate is not None
    rows = gate.findings(Population(people, writes(write(1, "hubspot", "city", "Ulm")), memory), situation())

    assert rows.select("state", "only_field").rows() == [("failing", True)]
