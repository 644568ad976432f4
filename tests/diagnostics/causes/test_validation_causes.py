"""Causes for values that the target would not take, and for refused writes."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from diagnostics.causes import side_findings
from engine.gates import Situation
from engine.memory import REFUSED, Memory, nothing_known
from engine.quarantine import sent as sent_digest
from engine.schema import Field, Option, Rule, RuleKind, Side, SideSchema
from tests.diagnostics.causes.world import (
    HUBSPOT,
    MAILCHIMP,
    contacts,
    findings,
    person,
    situation,
    stopped,
    with_field,
    write,
    writes,
)

VALUE_CODES = ("field-type", "field-option", "field-format", "field-length", "field-range")
ANYBODY = contacts(person(1, {}, {}))


def broken(side: Side, field: str, value: str, of: Situation | None = None) -> list[str]:
    """The codes of the value causes that object to one written value."""
    written = writes(write(1, side, field, value))
    return [code for code in VALUE_CODES if stopped(code, ANYBODY, of, written)]


def with_rules(side: Side, field: Field) -> Situation:
    """The situation with one field declared differently."""
    schemas: dict[Side, SideSchema] = {"hubspot": HUBSPOT, "app": MAILCHIMP}
    schemas[side] = with_field(schemas[side], field)
    return situation(schemas=schemas)


@pytest.mark.parametrize(
    ("side", "field", "value", "expected"),
    [
        ("app", "CUSTNO", "1001", []),
        ("app", "CUSTNO", "A-1001", ["field-type"]),
        ("app", "CUSTNO", "1.000,5", ["field-type"]),
        ("app", "POINTS", "-5.5", []),
        ("app", "POINTS", "5.", []),
        ("app", "POINTS", "NaN", ["field-type"]),
        ("app", "POINTS", "١٢", ["field-type"]),
        ("app", "CONTRACT", "2026-02-28", []),
        ("app", "CONTRACT", "2026-02-30", ["field-type"]),
        ("app", "CONTRACT", "bald", ["field-type"]),
        ("hubspot", "contract_start", "1767225600000", []),
        ("app", "COUNTRY", "Polen", []),
        ("app", "COUNTRY", "polen", ["field-option"]),
        ("app", "COUNTRY", "Liechtenstein", ["field-option"]),
        ("app", "STAGE", "partner", ["field-option"]),
        ("app", "WEBSITE", "https://firma.example/a?b#c", []),
        ("app", "WEBSITE", "HTTP://firma.example:8080", []),
        ("app", "WEBSITE", "www.firma.example", ["field-format"]),
        ("app", "WEBSITE", "ftp://firma.example", ["field-format"]),
        ("app", "WEBSITE", "https://", ["field-format"]),
        ("app", "WEBSITE", "https://firma .example", ["field-format"]),
        ("hubspot", "website", "www.firma.example", []),
        ("hubspot", "website", "keine", ["field-format"]),
        ("hubspot", "customer_number", "1001", []),
        ("hubspot", "customer_number", "123", ["field-format"]),
        ("hubspot", "customer_number", "1001\n", ["field-format"]),
        ("hubspot", "city", "Ulm", []),
        ("hubspot", "city", "Oberammergau", ["field-length"]),
        ("hubspot", "city", "Ü", ["field-length"]),
        ("app", "LNAME", "ü" * 127, []),
        ("app", "LNAME", "ü" * 128, ["field-length"]),
        ("app", "LNAME", "u" * 255, []),
        ("hubspot", "loyalty_points", "0", []),
        ("hubspot", "loyalty_points", "100.0", []),
        ("hubspot", "loyalty_points", "-1", ["field-range"]),
        ("hubspot", "loyalty_points", "100.01", ["field-range"]),
        ("hubspot", "loyalty_points", "viele", ["field-type"]),
    ],
)
def test_a_written_value_is_judged_by_the_target_s_declaration(
    side: Side, field: str, value: str, expected: list[str]
) -> None:
    """Type, choices, format, length and range each object to their own faults, at the boundary."""
    assert broken(side, field, value) == expected


@pytest.mark.parametrize("field", ["CUSTNO", "CONTRACT", "COUNTRY", "WEBSITE"])
def test_clearing_a_field_is_never_a_wrong_value(field: str) -> None:
    """An empty value has no type, format or length."""
    assert broken("app", field, "") == []


@pytest.mark.parametrize(
    ("kind", "argument", "good", "bad", "code"),
    [
        ("letters_only", "", "Anna Ä", "Anna1", "field-format"),
        ("digits_only", "", "12 34", "12a", "field-format"),
        ("alphanumeric", "", "Anna 1", "Anna-1", "field-format"),
        ("email", "", "a@b.example", "a@b", "field-format"),
        ("phone_with_country_code", "", "+49 (89) 123-456", "089 123456", "field-format"),
        ("decimals", "2", "1.25", "1.255", "field-format"),
        ("regex", "a|bb", "bb", "ab", "field-format"),
        ("max_length", "3", "äöü", "äöüß", "field-length"),
        ("min_length", "3", "abc", "ab", "field-length"),
        ("min_number", "0.5", "0.5", "0.49", "field-range"),
        ("max_number", "1e3", "1000", "1000.5", "field-range"),
    ],
)
def test_each_kind_of_rule_has_a_value_that_passes_and_one_that_does_not(
    kind: RuleKind, argument: str, good: str, bad: str, code: str
) -> None:
    """The rule alone makes the difference."""
    of = with_rules("hubspot", Field("city", "City", "text", rules=(Rule(kind, (argument,) if argument else ()),)))
    assert broken("hubspot", "city", good, of) == []
    assert broken("hubspot", "city", bad, of) == [code]
    plain = with_rules("hubspot", Field("city", "City", "text"))
    assert broken("hubspot", "city", bad, plain) == []


def test_several_choices_are_each_looked_up() -> None:
    """A field of several options takes any of them, joined by semicolons, and nothing else."""
    field = Field("city", "City", "options", options=(Option("a", "A"), Option("b", "B")))
    of = with_rules("hubspot", field)
    assert broken("hubspot", "city", "a;b", of) == []
    assert broken("hubspot", "city", "b; a;", of) == []
    assert broken("hubspot", "city", "a;c", of) == ["field-option"]


def test_yes_and_no_fields_take_only_true_and_false() -> None:
    """A word for yes is not what the API takes."""
    of = with_rules("hubspot", Field("city", "City", "bool"))
    assert broken("hubspot", "city", "TRUE", of) == []
    assert broken("hubspot", "city", "ja", of) == ["field-type"]


def test_a_rule_with_an_argument_that_is_no_number_is_told_and_not_guessed() -> None:
    """It stops nobody, and the connection's findings say so."""
    of = with_rules("hubspot", Field("city", "City", "text", rules=(Rule("max_length", ("many",)),)))
    assert broken("hubspot", "city", "x" * 300, of) == []
    assert "hubspot.city: max_length many" in side_findings(of, 1)[0].value


@pytest.mark.parametrize(
    ("rule", "gate"),
    [
        (Rule("regex", ("(?=a)b",)), "field-format"),
        (Rule("not_checked", ("SPECIAL_CHARACTERS",)), "field-format"),
        (Rule("not_checked", ("DAYS_OF_WEEK",)), "field-range"),
        (Rule("min_number", ("few",)), "field-range"),
        (Rule("max_length"), "field-length"),
        (Rule("regex"), "field-format"),
    ],
)
def test_rules_that_cannot_be_evaluated_are_told_as_unknown(rule: Rule, gate: str) -> None:
    """Once for the connection, and by their gate of each value that would be written; they stop nobody, and are never a silent pass."""
    of = with_rules("hubspot", Field("city", "City", "text", rules=(rule,)))
    assert broken("hubspot", "city", "anything", of) == []
    written = writes(write(1, "hubspot", "city", "anything"))
    told = [(code, row) for code in VALUE_CODES for row in findings(code, ANYBODY, of, written)]
    assert [(code, row["state"], row["field"]) for code, row in told] == [(gate, "unknown", "hubspot.city")]
    assert "cannot be evaluated" in told[0][1]["rule"]
    assert [
        row for code in VALUE_CODES for row in findings(code, ANYBODY, of, writes(write(1, "hubspot", "city", "")))
    ] == []
    finding = side_findings(of, 7)[0]
    assert (finding.code, finding.state, finding.blocking, finding.contacts) == (
        "rules-unreadable",
        "unknown",
        False,
        7,
    )
    assert "hubspot.city" in finding.value


def without(area: str) -> Situation:
    """HubSpot does not let an area be read."""
    hubspot = replace(HUBSPOT, unavailable={area: "a scope is missing"})
    return situation(schemas={"hubspot": hubspot, "app": MAILCHIMP})


@pytest.mark.parametrize(
    ("area", "codes"),
    [("rules", ("field-format", "field-length", "field-range")), ("required fields", ("required-field",))],
)
def test_what_could_not_be_read_of_a_side_is_told_with_the_reason(area: str, codes: tuple[str, ...]) -> None:
    """Once for the connection, and by the gates that need it for whom would be written to that side; it stops nobody, since the
    server checks the value itself."""
    finding = side_findings(without(area), 7)[0]
    assert (finding.code, finding.blocking) == ("rules-unreadable", False)
    assert "a scope is missing" in finding.rule
    assert side_findings(situation(), 7) == []
    people = contacts(person(1, {}, {}), person(2, {}, {"FNAME": "Jo"}), person(3, {}, {}))
    written = writes(
        write(1, "hubspot", "city", "Ulm"),
        write(1, "hubspot", "country", "Polen"),
        write(2, "app", "CITY", "Ulm"),
    )
    for code in codes:
        rows = findings(code, people, without(area), written)
        assert [(row["contact"], row["state"], row["blocking"]) for row in rows] == [(1, "unknown", False)]
        assert rows[0]["rule"].endswith("of HubSpot could not be read: a scope is missing")
        assert findings(code, people, situation(), written) == []


def test_a_value_that_breaks_a_known_rule_stops_its_contact_also_where_others_are_not_known() -> None:
    """One answer a gate and contact: stopped by what is known."""
    written = writes(write(1, "app", "WEBSITE", "keine"), write(1, "hubspot", "city", "Ulm"))
    rows = findings("field-format", ANYBODY, without("rules"), written)
    assert [(row["field"], row["state"]) for row in rows] == [("app.WEBSITE", "failing")]


def test_a_value_finding_names_target_field_value_and_rule() -> None:
    """The evidence is enough to correct the record."""
    row = findings("field-length", ANYBODY, None, writes(write(1, "hubspot", "city", "O" * 300)))[0]
    assert (row["field"], row["value"], row["state"]) == ("hubspot.city", "O" * 200, "failing")
    assert "HubSpot takes at most 10 characters" in row["rule"]


def test_two_broken_rules_of_one_field_are_one_finding_and_two_fields_are_two() -> None:
    """Findings are kept once per contact and field."""
    rules = (Rule("regex", ("a+",)), Rule("regex", ("b+",)))
    of = with_rules("hubspot", Field("city", "City", "text", rules=rules))
    written = writes(write(1, "hubspot", "city", "c"), write(1, "app", "WEBSITE", "keine"))
    rows = findings("field-format", ANYBODY, of, written)
    assert [row["field"] for row in rows] == ["app.WEBSITE", "hubspot.city"]


def test_the_same_value_into_the_other_side_is_judged_by_that_side() -> None:
    """HubSpot's limit does not count for Mailchimp."""
    assert broken("app", "CITY", "Oberammergau") == []


def test_fields_of_the_same_name_on_both_sides_are_kept_apart() -> None:
    """A rule of HubSpot's `city` is not one of the app's `city`."""
    of = situation(
        mappings=[{"hubspot": "city", "app": "city"}],
        schemas={"hubspot": HUBSPOT, "app": with_field(MAILCHIMP, Field("city", "Town", "text"))},
    )
    assert broken("app", "city", "Oberammergau", of) == []
    assert broken("hubspot", "city", "Oberammergau", of) == ["field-length"]


def test_the_address_itself_is_left_to_the_causes_for_addresses() -> None:
    """A bad address is one fault, not two."""
    assert broken("app", "EMAIL", "a@b") == []


def test_a_field_that_the_schema_does_not_know_is_not_judged() -> None:
    """The consent field of a create, for instance, is no merge field."""
    assert broken("app", "status", "subscribed") == []


def test_values_that_could_not_be_kept_fail_with_the_reason() -> None:
    """Only mapped fields count, on either side; an empty note is none."""
    people = contacts(
        person(1, {"_unreadable": '{"city": "a lone surrogate"}'}, None),
        person(2, {"_unreadable": ""}, {"_unreadable": '{"CITY": "too deep", "OTHER": "x"}'}),
        person(3, {"_unreadable": '{"jobtitle": "a lone surrogate"}'}, None),
    )
    rows = findings("field-type", people)
    assert [(row["contact"], row["field"]) for row in rows] == [(1, "hubspot.city"), (2, "app.CITY")]
    assert rows[0]["rule"].endswith("a lone surrogate")


def created(contact: int, side: Side, **values: str) -> list[dict[str, object]]:
    """The rows of a create."""
    return [write(contact, side, field, value, "create") for field, value in values.items()]


def test_a_create_must_fill_what_the_target_requires() -> None:
    """Mailchimp wants a first name, HubSpot a last name; blank is nothing."""
    people = contacts(person(1, {}, None), person(2, {}, None), person(3, {}, None), person(4, None, {}))
    written = writes(
        *created(1, "app", FNAME="Jo", LNAME="Ohm"),
        *created(2, "app", LNAME="Ohm"),
        *created(3, "app", FNAME="  ", LNAME="Ohm"),
        *created(4, "hubspot", firstname="Jo"),
    )
    rows = findings("required-field", people, None, written)
    assert [(row["contact"], row["field"]) for row in rows] == [
        (2, "app.FNAME"), (3, "app.FNAME"), (4, "hubspot.lastname"),
    ]  # fmt: skip
    assert "Mailchimp requires First name (FNAME), and firstname in HubSpot gives none" in rows[0]["rule"]


def test_a_pair_that_is_written_to_must_have_its_required_fields_afterwards() -> None:
    """The value written counts, else the one that is there; without a write nothing is asked."""
    people = contacts(
        person(1, {}, {"FNAME": ""}),
        person(2, {}, {"FNAME": "Jo"}),
        person(3, {}, {"FNAME": ""}),
        person(4, {}, {"FNAME": ""}),
        person(5, {}, {"FNAME": None}),
        person(6, {}, {"FNAME": "Jo"}),
    )
    written = writes(
        write(1, "app", "CITY", "Ulm"),
        write(2, "app", "CITY", "Ulm"),
        write(3, "app", "FNAME", "Jo"),
        write(5, "app", "CITY", "Ulm"),
        write(6, "app", "FNAME", ""),
    )
    assert stopped("required-field", people, None, written) == [1, 6]


def test_a_required_field_that_nothing_is_mapped_to_is_named_as_such() -> None:
    """The remedy is then the mapping, and the words say so."""
    of = with_rules("app", Field("BDAY", "Birthday", "text", required=True))
    rows = findings("required-field", contacts(person(1, {}, None)), of, writes(*created(1, "app", FNAME="Jo")))
    assert [row["field"] for row in rows] == ["app.BDAY"]
    assert "nothing in HubSpot is mapped to it" in rows[0]["rule"]


def test_fields_that_the_server_fills_itself_and_the_address_are_not_asked_for() -> None:
    """A read-only field cannot be given, and a missing address has its own cause."""
    of = with_rules("app", Field("ID", "Id", "text", required=True, read_only=True))
    written = writes(*created(1, "app", FNAME="Jo"))
    assert stopped("required-field", contacts(person(1, {}, None)), of, written) == []


def quarantined(side: Side, sent: pl.DataFrame, **words: str) -> Memory:
    """The memory of a contact whose write was refused."""
    row = {
        "contact": 1, "side": side, "field": "city", "sent": sent_digest(dict(sent.select("field", "value").iter_rows())), "lasting": 1,
        "code": "VALIDATION_ERROR", "message": "no such town", "correlation_id": "c-1",
    }  # fmt: skip
    return replace(nothing_known(), refused=pl.DataFrame([row | words], schema=REFUSED))


def test_a_refused_write_stops_the_contact_until_something_else_would_be_sent() -> None:
    """Changing one value lifts it; the server's words and the correlation id are the evidence."""
    sent = writes(write(1, "hubspot", "city", "Ulm"))
    people, memory = contacts(person(1, {}, {}), person(2, {}, {})), quarantined("hubspot", sent)
    rows = findings("refused-unknown", people, None, sent, memory)
    assert [(row["contact"], row["field"], row["value"]) for row in rows] == [(1, "hubspot.city", "no such town")]
    assert "VALIDATION_ERROR" in rows[0]["rule"]
    assert "c-1" in rows[0]["rule"]
    assert stopped("refused-unknown", people, None, writes(write(1, "hubspot", "city", "Bonn")), memory) == []
    assert stopped("refused-unknown", people, None, writes(), memory) == []


def test_a_refusal_of_one_side_does_not_stop_the_same_values_for_the_other() -> None:
    """The digest belongs to a side."""
    sent = writes(write(1, "hubspot", "city", "Ulm"))
    other = sent.with_columns(side=pl.lit("app"))
    assert stopped("refused-unknown", contacts(person(1, {}, {})), None, other, quarantined("hubspot", sent)) == []


def test_a_refusal_without_words_still_tells_the_side() -> None:
    """Code, field, message and correlation id may all be missing."""
    sent = writes(write(1, "app", "CITY", "Ulm"))
    bare = quarantined("app", sent, code="", field="", message="", correlation_id="")
    row = findings("refused-unknown", contacts(person(1, {}, {})), None, sent, bare)[0]
    assert (row["field"], row["value"], row["rule"]) == ("", "", "Mailchimp refused these values")


def test_a_side_with_other_limits_gives_another_verdict() -> None:
    """Relaxing the target's rule lifts the finding."""
    relaxed = replace(HUBSPOT.fields["city"], rules=(Rule("max_length", ("60",)),))
    assert broken("hubspot", "city", "Oberammergau", with_rules("hubspot", relaxed)) == []
