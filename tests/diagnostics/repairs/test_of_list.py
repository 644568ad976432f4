"""What lets a contact into the inclusion list: the words name what keeps it out, and the planner is run on just that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from diagnostics.checkup import GATES
from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.wording import in_words
from diagnostics.repairs import Hypothetical, Repair, answer_to
from diagnostics.repairs.smallest import SmallestChange, applied, smallest_change, stops_of
from diagnostics.repairs.told import hindrance, proof
from engine.gates import Situation
from engine.schema import NamedList
from tests.diagnostics.causes.test_list_clauses import asks, listed
from tests.diagnostics.causes.world import INCLUSION, situation
from tests.diagnostics.repairs import planted

GOAL = {"property": "lifecyclestage", "values": ["lead"]}
NAMED_OR_NOT: tuple[dict[str, Any], ...] = ({"contacts": GOAL}, {})
"""By the goal."""
STAGE = asks("lifecyclestage", "IS_ANY_OF", "lead", "customer")
SWISS = asks("country", "IS_ANY_OF", "Schweiz")
ELSEWHERE = {"filterType": "IN_LIST", "operator": "NOT_IN_LIST", "listId": "102"}
SEEN = {"filterType": "PAGE_VIEW", "operator": "HAS_PAGEVIEW_EQ"}


def outside(of: Situation, **values: str) -> Hypothetical:
    """A HubSpot contact that the list does not hold."""
    return planted.given(planted.only_hubspot(values, member_since=None), of)


def change_of(before: Hypothetical) -> SmallestChange:
    """What is proposed first."""
    change = smallest_change(before, planted.answer(before), GATES)
    assert change is not None
    return change


def offered(before: Hypothetical) -> list[Repair]:
    """All repairs of the contact's stops."""
    answers = [answer_to(stop, before.situation) for stop in stops_of(planted.answer(before))]
    return [repair for answer in answers if isinstance(answer, tuple) for repair in answer]


def said(repairs: list[Repair] | tuple[Repair, ...]) -> list[str]:
    """In words."""
    return [repair.said(mask=False) for repair in repairs]


def criteria(of: Hypothetical) -> str:
    """The list's criteria in words."""
    tree = criteria_of(of.situation.inclusion.filters) if of.situation.inclusion else None
    return in_words(tree) if tree else ""


def test_the_clause_that_keeps_the_contact_out_is_widened_and_no_other() -> None:
    """The goal speaks of the stage; the list takes it, and asks for a country besides."""
    before = outside(listed([STAGE, SWISS], contacts=GOAL))
    change = change_of(before)

    assert said(change.repairs) == [
        'let the list Newsletter also take contacts with country "Polen" where it asks for country is any of Schweiz'
    ]
    after = applied(change.repairs, before)
    assert criteria(after) == (
        "((country is any of Schweiz or country is exactly Polen) and lifecyclestage is any of lead, customer)"
    )
    assert after.contacts["member_since"].null_count() == 0
    another = outside(before.situation, country="Italien")
    assert applied(change.repairs, another).contacts["member_since"].null_count() == 1


def test_a_list_may_be_called_anything() -> None:
    """Its name is no place for a value or a command's contact."""
    of = listed([STAGE, SWISS], contacts=GOAL)
    assert of.inclusion is not None
    change = change_of(outside(replace(of, inclusion=replace(of.inclusion, name="{value} {who} {verb}"))))
    (words,) = said(change.repairs)

    assert words.startswith('let the list {value} {who} {verb} also take contacts with country "Polen"')


def test_widening_one_of_two_clauses_lets_nobody_in() -> None:
    """What is proved is what the words say, so that both are named."""
    before = outside(listed([STAGE, SWISS, asks("city", "IS_ANY_OF", "Bern")], contacts=GOAL))
    change = change_of(before)

    assert sorted(repair.field for repair in change.repairs) == ["city", "country"]
    assert all(repair.kind == "list" and repair.once for repair in change.repairs)
    assert all(applied([one], before).contacts["member_since"].null_count() == 1 for one in change.repairs)


def test_an_empty_value_and_a_range_are_widened_in_their_own_words() -> None:
    """One number more is no widening that anybody would make."""
    many = {
        "filterType": "PROPERTY",
        "property": "loyalty_points",
        "operation": {"operationType": "NUMBER", "operator": "IS_GREATER_THAN", "value": 50},
    }
    assert said(change_of(outside(listed([STAGE, SWISS], contacts=GOAL), country="")).repairs) == [
        "let the list Newsletter also take contacts without a value in country where it asks for country is any of Schweiz"
    ]
    before = outside(listed([STAGE, many], contacts=GOAL))
    change = change_of(before)
    assert said(change.repairs) == ["let the list Newsletter no longer ask for loyalty_points is greater than 50"]
    assert criteria(applied(change.repairs, before)) == "(lifecyclestage is any of lead, customer and everybody)"


def test_what_is_asked_of_no_property_is_left_out_of_the_criteria() -> None:
    """A group of clauses is no clause on one property."""
    either = {"filterBranchType": "OR", "filters": [SWISS, asks("city", "IS_ANY_OF", "Bern")]}
    filters = {"filterBranchType": "AND", "filterBranches": [either], "filters": [STAGE]}
    of = replace(situation(), inclusion=planted.with_criteria(json.dumps(filters)))
    change = change_of(outside(of))

    assert said(change.repairs) == [
        "let the list Newsletter no longer ask for country is any of Schweiz or city is any of Bern"
    ]


@pytest.mark.parametrize("part", [ELSEWHERE, SEEN])
def test_where_the_clause_cannot_be_told_the_proof_says_so(part: dict[str, Any]) -> None:
    """Another list, page views: nobody here knows what would have to change."""
    for goals in NAMED_OR_NOT:
        change = change_of(outside(listed([STAGE, part], **goals)))
        assert said(change.repairs) == [
            "bring the contact into the list Newsletter; which of its criteria keeps the contact out cannot be told here"
        ]
        assert not change.repairs[0].foreseen
        assert "nobody knows it here" in proof(change)


def test_what_is_known_comes_before_what_is_not() -> None:
    """The country keeps the contact out for certain; whether the page views do, comes after it."""
    change = change_of(outside(listed([SWISS, SEEN], contacts=GOAL)))
    assert [repair.foreseen for repair in change.repairs] == [True, False]
    assert change.repairs[0].field == "country"


def test_where_hubspot_is_behind_nobody_has_to_change_anything() -> None:
    """The values meet the criteria already."""
    for goals in NAMED_OR_NOT:
        change = change_of(outside(listed([STAGE], **goals)))
        assert change.repairs == ()
        (wait,) = change.obstacles
        assert wait.hindrance == "wait"
        assert "whose criteria it meets" in hindrance(wait)


@pytest.mark.parametrize("kind", ["MANUAL", "SNAPSHOT"])
def test_to_a_list_that_people_keep_the_contact_is_added(kind: str) -> None:
    """Criteria that counted once are not widened."""
    for goals in NAMED_OR_NOT:
        change = change_of(outside(listed([SWISS], kind=kind, **goals)))
        assert said(change.repairs) == ["add the contact to the list Newsletter"]
        assert change.repairs[0].foreseen


def test_a_value_that_meets_the_criteria_is_what_the_planner_sees() -> None:
    """The country is mapped: it would be written as the list asks for it."""
    before = outside(listed([SWISS]))
    change = change_of(before)

    assert [(one.kind, one.field, one.once) for one in change.repairs] == [("value", "country", False)]
    assert "Schweiz" in said(change.repairs)[0]
    writes = planted.answer(applied(change.repairs, before)).writes
    assert writes.filter(pl.col("field") == "COUNTRY")["value"].to_list() == ["Schweiz"]
    assert "made-up values" in proof(change)


def test_a_value_that_the_app_does_not_take_is_no_way_in() -> None:
    """What the list asks for is none of the app's choices, so meeting the criteria alone is refused."""
    before = outside(listed([asks("country", "IS_ANY_OF", "Liechtenstein")]))
    change = change_of(before)

    assert [(one.kind, one.once) for one in change.repairs] == [("list", True)]
    assert [one.kind for one in offered(before)] == ["list"]
    there = planted.answer(planted.given(planted.only_hubspot({"country": "Liechtenstein"}), before.situation))
    assert there.verdicts["cause"].to_list() == ["field-option"]


def test_a_choice_that_both_the_list_and_the_app_take_is_preferred() -> None:
    """Of the values that meet the clause, one that can be carried over."""
    change = change_of(outside(listed([asks("country", "IS_ANY_OF", "Liechtenstein", "Schweiz")])))
    assert [(one.kind, one.field) for one in change.repairs] == [("value", "country")]


def test_an_address_and_a_read_only_property_are_not_changed_for_a_list() -> None:
    """Then only the criteria can be widened, and not for a single address."""
    address = {
        "filterType": "PROPERTY",
        "property": "email",
        "operation": {"operationType": "MULTISTRING", "operator": "ENDS_WITH", "values": ["@verein.example"]},
    }
    (repair,) = offered(outside(listed([address])))
    assert (repair.kind, repair.personal) == ("list", False)
    assert "no longer ask for email ends with @verein.example" in repair.words


def test_a_list_with_too_many_clauses_names_none() -> None:
    """It is said that the values do not meet them."""
    ways = [[asks("city", "IS_ANY_OF", f"Ort {number}")] for number in range(101)]
    before = outside(listed(*ways))
    (stop,) = stops_of(planted.answer(before))
    assert "too many to say which" in stop.rule
    assert change_of(before).repairs[0].foreseen is False
    assert INCLUSION.name in change_of(before).repairs[0].words


def barred(**named: Any) -> Hypothetical:
    """A lead that another list keeps out of the inclusion list."""
    of = listed([STAGE, ELSEWHERE], contacts=GOAL)
    assert of.inclusion is not None
    other = NamedList("102", "Elsewhere", **named)
    before = outside(replace(of, inclusion=replace(of.inclusion, named=(other,))))
    return replace(before, contacts=before.contacts.with_columns(named_lists=pl.lit(",102,")))


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"follows_criteria": True},
        {"follows_criteria": True, "criteria_properties": ("country", "hs_email_optout")},
        {"follows_criteria": True, "criteria_properties": ("newsletter_opt_in",)},
    ],
)
def test_a_list_that_may_hold_who_wants_no_mail_is_not_to_be_given_up(named: dict[str, Any]) -> None:
    """People keep it, it goes by events or other lists, or by what somebody agreed to."""
    change = change_of(barred(**named))
    assert change.repairs == ()
    (obstacle,) = change.obstacles
    assert "only they can change it" in hindrance(obstacle)


def test_a_list_by_other_properties_may_be_given_up() -> None:
    """Its members are known, and what it stands for."""
    change = change_of(barred(follows_criteria=True, criteria_properties=("country",)))
    assert said(change.repairs) == ["let the list Newsletter no longer ask for is not in list 102"]


def test_nothing_is_proved_by_a_list_that_follows_what_is_changed() -> None:
    """With another country the contact may come into the list that keeps it out."""
    of = listed([SWISS, ELSEWHERE])
    inclusion = of.inclusion
    assert inclusion is not None

    def let_in(*properties: str) -> bool:
        other = NamedList("102", "Elsewhere", follows_criteria=True, criteria_properties=properties)
        before = outside(replace(of, inclusion=replace(inclusion, named=(other,))))
        before = replace(before, contacts=before.contacts.with_columns(named_lists=pl.lit("")))
        (moved,) = (repair for repair in offered(before) if repair.kind == "value")
        return applied([moved], before).contacts["member_since"].null_count() == 0

    assert let_in("city")
    assert not let_in("city", "country")
    assert not let_in()


def test_a_list_may_be_called_as_its_rule_speaks() -> None:
    """The clause is found behind the name."""
    of = listed([STAGE, SWISS])
    assert of.inclusion is not None
    before = outside(replace(of, inclusion=replace(of.inclusion, name="Everybody who asks for news")))
    assert all(repair.foreseen for repair in offered(before))
    assert {repair.field for repair in offered(before)} == {"country"}
