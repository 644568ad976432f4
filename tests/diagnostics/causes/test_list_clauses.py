"""What the causes of the list say of its criteria: the clause that keeps a contact out, and where list and criteria differ."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from diagnostics.causes import list_disagreement
from diagnostics.causes.list_clauses import hold_still
from diagnostics.evidence import sentence
from engine.gates import Situation
from tests.diagnostics.causes.world import INCLUSION, contacts, findings, person, situation


def asks(name: str, operator: str, *values: str) -> dict[str, Any]:
    """A filter on options."""
    operation = {"operationType": "ENUMERATION", "operator": operator, "values": list(values)}
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


def listed(*ways: list[dict[str, Any]], kind: str = "DYNAMIC", **goals: Any) -> Situation:
    """A situation whose list has these ways in, each a list of filters."""
    branches = [{"filterBranchType": "AND", "filters": filters} for filters in ways]
    filters = json.dumps({"filterBranchType": "OR", "filterBranches": branches})
    return situation(inclusion=replace(INCLUSION, filters=filters, processing_type=kind, updated_by="77"), goals=goals)


STAGE = asks("lifecyclestage", "IS_ANY_OF", "lead", "customer")
PLACE = asks("city", "IS_ANY_OF", "Bern")
OUT = {"member_since": None}


def test_criteria_that_ask_for_a_moment_relative_to_now_move_with_the_time() -> None:
    """A fixed day does not, nor does a list by hand: then a check lets its answers stand."""
    now = {"timeType": "INDEXED", "indexReference": {"referenceType": "NOW"}, "offset": {"days": -30}}
    day = {"timeType": "DATE", "year": 2026, "month": 9, "day": 1}

    def since(point: dict[str, Any], kind: str = "DYNAMIC") -> Situation:
        point |= {"timezoneSource": "CUSTOM", "zoneId": "UTC"}
        operation = {
            "operationType": "TIME_POINT",
            "operator": "IS_AFTER",
            "timePoint": point,
            "endpointBehavior": "EXCLUSIVE",
        }
        return listed([STAGE, {"filterType": "PROPERTY", "property": "createdate", "operation": operation}], kind=kind)

    assert [hold_still(one) for one in (since(now), since(day), since(now, "MANUAL"), listed([STAGE]))] == [
        False,
        True,
        True,
        True,
    ]


def test_the_clause_that_keeps_a_contact_out_is_shown_with_its_value() -> None:
    """Of two ways in, the one that fewer clauses bar; the value is the evidence, the clause the rule."""
    people = contacts(person(1, {"lifecyclestage": "other", "city": "Bern"}, None, **OUT))
    rows = findings(
        "list-membership", people, listed([STAGE, PLACE], [asks("country", "IS_ANY_OF", "CH"), STAGE, PLACE])
    )

    assert [(row["field"], row["value"], row["state"]) for row in rows] == [
        ("hubspot.lifecyclestage", "other", "excluded")
    ]
    assert "the list Newsletter asks for lifecyclestage is any of lead, customer" in rows[0]["rule"]
    assert "last edited on 2026-09-01 (the list last by user 77)" in rows[0]["rule"]
    shown = sentence("list-membership", rows[0]["field"], rows[0]["value"], rows[0]["rule"], mask=False)
    assert shown.startswith('HubSpot\'s lifecyclestage is "other": the list Newsletter asks for')
    assert "other" not in sentence("list-membership", rows[0]["field"], rows[0]["value"], rows[0]["rule"], mask=True)


def test_every_clause_of_the_nearest_way_is_named() -> None:
    """Both values have to change; an empty one is said to be empty."""
    people = contacts(person(1, {"lifecyclestage": "", "city": "Wien"}, None, **OUT))
    rows = findings("list-membership", people, listed([STAGE, PLACE]))

    assert [row["field"] for row in rows] == ["hubspot.city", "hubspot.lifecyclestage"]
    shown = sentence("list-membership", rows[1]["field"], rows[1]["value"], rows[1]["rule"], mask=True)
    assert shown.startswith("HubSpot's lifecyclestage is empty: the list Newsletter asks for")


def test_a_contact_whose_values_meet_the_criteria_is_said_to_do_so() -> None:
    """The criteria say in, the list says out; the other way round it is reported as well, and neither blocks more."""
    fits = person(1, {"lifecyclestage": "lead"}, None, **OUT)
    misfit = person(2, {"lifecyclestage": "other"}, None)
    agrees = person(3, {"lifecyclestage": "lead"}, None)
    people, around = contacts(fits, misfit, agrees), listed([STAGE])

    assert "meet its criteria, but the list does not hold it" in findings("list-membership", people, around)[0]["rule"]
    rows = findings("list-disagreement", people, around)
    assert [(row["contact"], row["blocking"]) for row in rows] == [(1, False), (2, False)]
    assert rows[0]["rule"].startswith("the criteria say in, the list says out; the newest membership is of 2026-09-20")
    assert rows[1]["rule"].startswith("the criteria say out, the list says in")


def test_what_cannot_be_evaluated_is_named_and_claims_nothing() -> None:
    """A filter on page views, a property that is not read, a snapshot's old criteria."""
    people = contacts(person(1, {"lifecyclestage": "lead"}, None, **OUT))
    seen = {"filterType": "PAGE_VIEW", "operator": "HAS_PAGEVIEW_EQ"}

    assert "PAGE_VIEW filter is not evaluated" in findings("list-membership", people, listed([STAGE, seen]))[0]["rule"]
    assert "property city is not in the mirror" in findings("list-membership", people, listed([PLACE]))[0]["rule"]
    (row,) = findings("list-disagreement", people, listed([STAGE, seen]))
    assert (row["state"], row["blocking"]) == ("unknown", False)
    assert row["rule"].startswith("the criteria cannot be compared with the list: ")
    assert "PAGE_VIEW filter is not evaluated" in row["rule"]
    whole = list_disagreement.side_finding(listed([STAGE, seen]), 2)
    assert whole is not None
    assert (whole.state, whole.rule, row["value"]) == ("unknown", row["rule"], "")
    assert list_disagreement.side_finding(listed([STAGE]), 2) is None
    snapshot = listed([STAGE], kind="SNAPSHOT")
    assert findings("list-disagreement", people, snapshot) == []
    assert "criteria is not known" not in findings("list-membership", people, snapshot)[0]["rule"]


def test_what_is_not_known_of_a_single_contact_is_given_its_reason() -> None:
    """A property's past, and a value that HubSpot may read either way; whoever is alike gets the same."""
    ever = {"operationType": "ENUMERATION", "operator": "HAS_EVER_BEEN_ANY_OF", "values": ["lead"]}
    past = {"filterType": "PROPERTY", "property": "lifecyclestage", "operation": ever}
    people = contacts(
        person(1, {"lifecyclestage": "other", "city": "Bern"}, None, **OUT),
        person(2, {"lifecyclestage": "lead", "city": "BERN"}, None, **OUT),
        person(3, {"lifecyclestage": "lead", "city": "Bern"}, None, **OUT),
    )
    rules = [row["rule"] for row in findings("list-membership", people, listed([past, PLACE]))]

    assert rules[0].endswith(
        "whether its values meet the criteria is not known: lifecyclestage has ever been any of lead: the value of now does not "
        "decide it, and earlier ones are not read"
    )
    assert rules[1].endswith(
        "not known: city is any of Bern: whether case counts in an option's internal value is not documented"
    )
    assert "meet its criteria, but the list does not hold it" in rules[2]


def test_a_contact_of_the_goal_is_told_the_clause_too() -> None:
    """The goal names it, and the clause leaves it out."""
    people = contacts(person(1, {"lifecyclestage": "evangelist"}, None, **OUT))
    around = listed([STAGE], contacts={"property": "lifecyclestage", "values": ["evangelist"]})

    rule = findings("list-criteria", people, around)[0]["rule"]
    assert rule == (
        "the goal names lifecyclestage evangelist, but the list asks for lifecyclestage is any of lead, customer"
    )


def test_a_contact_of_the_goal_is_told_the_clause_that_it_does_not_meet() -> None:
    """The list asks for the goal's stage too, but what keeps the lead out is the city."""
    people = contacts(
        person(1, {"lifecyclestage": "lead", "city": "Wien"}, None, **OUT),
        person(2, {"lifecyclestage": "lead", "city": ""}, None, **OUT),
    )
    around = listed([STAGE, PLACE], contacts={"property": "lifecyclestage", "values": ["lead"]})

    rows = findings("list-criteria", people, around)
    assert [(row["field"], row["value"]) for row in rows] == [("hubspot.city", "Wien"), ("hubspot.city", "")]
    assert {row["rule"] for row in rows} == {
        "the goal names lifecyclestage lead, but the list asks for city is any of Bern"
    }
    shown = sentence("list-criteria", rows[1]["field"], rows[1]["value"], rows[1]["rule"], mask=True)
    assert shown.startswith("HubSpot's city is empty: the goal names")


def test_a_contact_of_the_goal_that_meets_the_criteria_or_perhaps_does_is_told_no_clause() -> None:
    """HubSpot is behind, or another list decides whose members nobody here knows."""
    people = contacts(person(1, {"lifecyclestage": "lead"}, None, **OUT))
    goal = {"property": "lifecyclestage", "values": ["lead"]}
    elsewhere = {"filterType": "IN_LIST", "operator": "NOT_IN_LIST", "listId": "102"}

    (behind,) = findings("list-criteria", people, listed([STAGE], contacts=goal))
    assert behind["rule"] == (
        "the goal names lifecyclestage lead; the contact's values meet the list's criteria, but the list does not hold it; its "
        "newest membership is of 2026-09-20"
    )
    (unclear,) = findings("list-criteria", people, listed([STAGE, elsewhere], contacts=goal))
    assert unclear["rule"] == (
        "the goal names lifecyclestage lead, but the list does not hold the contact, and whether its values meet the criteria is "
        "not known: the members of list 102 are not known"
    )


def test_two_clauses_on_one_property_are_told_as_one() -> None:
    """A finding names a property once."""
    people = contacts(person(1, {"lifecyclestage": "other"}, None, **OUT))
    row = findings("list-membership", people, listed([STAGE, asks("lifecyclestage", "IS_NONE_OF", "other")]))[0]
    assert (
        "asks for lifecyclestage is any of lead, customer and lifecyclestage is none of other, and only" in row["rule"]
    )


def test_members_whom_the_goal_does_not_name_are_reported_one_by_one() -> None:
    """A lead and a customer are members, an `other` is not; the goal names leads. What was not fetched is unknown."""
    goal = {"property": "lifecyclestage", "values": ["lead"]}
    people = contacts(
        person(1, {"lifecyclestage": " lead "}, None),
        person(2, {"lifecyclestage": "customer"}, None),
        person(3, {"lifecyclestage": "other"}, None, **OUT),
        person(4, {"lifecyclestage": None}, None),
        person(5, {"lifecyclestage": ""}, None),
        person(6, None, {}),
    )
    rows = findings("list-beyond-goal", people, listed([STAGE], contacts=goal))

    assert [(row["contact"], row["state"], row["value"], row["blocking"]) for row in rows] == [
        (2, "excluded", "customer", False),
        (4, "unknown", "", False),
        (5, "excluded", "", False),
    ]
    assert rows.pop(1)["rule"] == "lifecyclestage was not read, so whether the goal names the contact is not known"
    shown = sentence("list-beyond-goal", rows[0]["field"], rows[0]["value"], rows[0]["rule"], mask=False)
    assert shown == (
        'HubSpot\'s lifecyclestage is "customer": the list holds the contact, and the goal names lifecyclestage lead.'
    )
    assert "is empty" in sentence("list-beyond-goal", rows[1]["field"], "", rows[1]["rule"], mask=True)
    assert findings("list-beyond-goal", people, listed([STAGE])) == []
