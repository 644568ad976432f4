"""Causes of the inclusion list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from diagnostics.causes import side_findings
from engine.gates import Situation
from engine.schema import InclusionList
from tests.diagnostics.causes.world import INCLUSION, NOW, contacts, findings, person, situation, stopped

LIST_CODES = ("list-deleted", "list-processing", "list-empty", "list-criteria", "list-membership")
MEMBER = person(1, {"lifecyclestage": "lead"}, None)
NAMED = person(2, {"lifecyclestage": " evangelist"}, None, member_since=None)
OTHER = person(3, {"lifecyclestage": "other"}, {}, member_since=None)
UNSTAGED = person(4, {"lifecyclestage": ""}, None, member_since=None)
UNREAD = person(5, {"lifecyclestage": None}, None, member_since=None)
APP_ONLY = person(6, None, {})
PEOPLE = contacts(MEMBER, NAMED, OTHER, UNSTAGED, UNREAD, APP_ONLY)
DELETED = replace(INCLUSION, deleted_at=NOW - timedelta(days=3))
PROCESSING = replace(INCLUSION, processing_status="PROCESSING")


def spoken(of: Situation) -> dict[str, list[int]]:
    """Which list causes stop whom."""
    answers = {code: stopped(code, PEOPLE, of) for code in LIST_CODES}
    return {code: people for code, people in answers.items() if people}


@pytest.mark.parametrize(
    ("inclusion", "size", "expected"),
    [
        (INCLUSION, 3, {"list-criteria": [2], "list-membership": [3, 4, 5]}),
        (INCLUSION, 0, {"list-empty": [1, 2, 3, 4, 5]}),
        (DELETED, 3, {"list-deleted": [1, 2, 3, 4, 5]}),
        (PROCESSING, 3, {"list-processing": [2, 3, 4, 5]}),
        (PROCESSING, 0, {"list-processing": [2, 3, 4, 5]}),
        (None, 0, {"list-membership": [1, 2, 3, 4, 5]}),
    ],
)
def test_one_list_cause_speaks_for_each_standing(
    inclusion: InclusionList | None, size: int, expected: dict[str, list[int]]
) -> None:
    """A deleted, unsettled or empty list is told as such; only a usable one decides by membership."""
    assert spoken(situation(inclusion=inclusion, list_size=size)) == expected


def test_without_a_list_in_the_connection_no_list_cause_speaks() -> None:
    """No list means every contact."""
    assert spoken(situation(scope={}, inclusion=None, list_size=0)) == {}


def test_an_unreadable_list_makes_hubspot_contacts_unknown_with_the_reason() -> None:
    """What was not read is neither inside nor outside."""
    rows = findings("list-membership", PEOPLE, situation(unavailable={"list": "no permission"}))
    assert [(row["contact"], row["state"]) for row in rows] == [(n, "unknown") for n in range(1, 6)]
    assert "no permission" in rows[0]["rule"]


def test_with_an_unreadable_list_every_list_gate_answers_unknown_and_membership_alone_decides() -> None:
    """None of them is passed: whether the list was deleted, empty or behind is not known either. Where no list or goal is asked for,
    nothing is missing."""
    unread = situation(inclusion=None, unavailable={"list": "no permission"})
    of_list = {"list-deleted", "list-processing", "list-empty", "list-disagreement"}
    of_goal = {"list-criteria", "list-beyond-goal"}
    for code in of_list | of_goal:
        rows = findings(code, PEOPLE, unread)
        assert [(row["contact"], row["state"], row["blocking"]) for row in rows] == [
            (n, "unknown", False) for n in range(1, 6)
        ]
        assert rows[0]["rule"] == "the list Newsletter could not be read: no permission"
        assert findings(code, PEOPLE, situation(scope={}, inclusion=None, unavailable={})) == []
        without_goal = situation(inclusion=None, unavailable={"list": "no permission"}, goals={})
        assert bool(findings(code, PEOPLE, without_goal)) == (code in of_list)


def test_list_criteria_shows_goal_value_and_the_list_s_clause() -> None:
    """The evidence puts the goal beside what the list asks for."""
    row = findings("list-criteria", PEOPLE)[0]
    assert (row["field"], row["value"], row["state"]) == ("hubspot.lifecyclestage", " evangelist", "failing")
    assert "the goal names lifecyclestage lead, evangelist" in row["rule"]
    assert "lifecyclestage is any of lead, partner" in row["rule"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"filters": "", "processing_type": "MANUAL"}, "but the list does not hold the contact, which is kept by hand"),
        (
            {"processing_type": "SNAPSHOT"},
            "but the list does not hold the contact, which is a snapshot: when it was made it asked for lifecyclestage is any of "
            "lead, partner",
        ),
        ({"filters": ""}, "but the list does not hold the contact; its criteria are not known"),
    ],
)
def test_list_criteria_blames_no_clause_where_none_counts(changes: dict[str, str], says: str) -> None:
    """Lists whose members people change have no live criteria; criteria that nobody has read are not guessed."""
    row = findings("list-criteria", PEOPLE, situation(inclusion=replace(INCLUSION, **changes)))[0]  # type: ignore[arg-type]
    assert row["rule"] == f"the goal names lifecyclestage lead, evangelist, {says}"
    assert (row["field"], row["value"]) == ("hubspot.lifecyclestage", " evangelist")


def test_list_membership_says_which_list_and_when_it_was_edited() -> None:
    """Without criteria to read, the evidence is the list's name and the day of its criteria."""
    row = findings("list-membership", PEOPLE, situation(inclusion=replace(INCLUSION, filters="")))[0]
    assert (row["value"], row["state"]) == ("Newsletter", "excluded")
    assert "2026-09-01" in row["rule"]


def test_without_a_goal_everybody_outside_is_excluded_not_failing() -> None:
    """The goal alone makes being outside a fault."""
    assert spoken(situation(goals={})) == {"list-membership": [2, 3, 4, 5]}


def test_a_goal_on_a_property_that_is_no_column_names_nobody() -> None:
    """A frame without the goal's column excludes instead of failing."""
    people = PEOPLE.drop("hubspot.lifecyclestage")
    assert stopped("list-criteria", people) == []
    assert [(row["contact"], row["state"]) for row in findings("list-criteria", people)] == [
        (contact, "unknown") for contact in (2, 3, 4, 5)
    ]
    assert stopped("list-membership", people) == [2, 3, 4, 5]


def test_becoming_a_member_lifts_the_finding() -> None:
    """The same person inside the list passes all list causes."""
    inside = contacts(NAMED | {"member_since": ""})
    assert [code for code in LIST_CODES if stopped(code, inside)] == []


def side_codes(of: Situation) -> list[str]:
    """The codes of what concerns the connection."""
    return [finding.code for finding in side_findings(of, 10)]


OLD, VERY_OLD = NOW - timedelta(days=91), NOW - timedelta(days=400)


@pytest.mark.parametrize(
    ("kind", "criteria", "members", "stale"),
    [
        ("DYNAMIC", VERY_OLD, OLD, True),
        ("DYNAMIC", VERY_OLD, NOW - timedelta(days=90), False),
        ("DYNAMIC", NOW, OLD, False),
        ("DYNAMIC", VERY_OLD, None, False),
        ("MANUAL", NOW, OLD, True),
        ("SNAPSHOT", NOW, OLD, True),
        ("MANUAL", VERY_OLD, NOW, False),
    ],
)
def test_list_stale_needs_both_criteria_and_membership_to_be_old(
    kind: str, criteria: datetime, members: datetime | None, stale: bool
) -> None:
    """Only membership counts for lists without live criteria; an unknown time proves nothing."""
    inclusion = replace(INCLUSION, processing_type=kind, criteria_updated_at=criteria, members_changed_at=members)
    assert side_codes(situation(inclusion=inclusion)) == (["list-stale"] if stale else [])


def test_list_stale_is_told_with_both_days_and_blocks_nobody() -> None:
    """The words give both days and the limit."""
    inclusion = replace(INCLUSION, criteria_updated_at=VERY_OLD, members_changed_at=OLD)
    finding = side_findings(situation(inclusion=inclusion), 10)[0]
    assert (finding.blocking, finding.contacts, finding.value) == (False, 10, "Newsletter")
    assert "criteria unchanged since 2025-08-27" in finding.rule
    assert "membership unchanged since 2026-07-02" in finding.rule
    assert "90 days" in finding.rule


def test_deleted_and_empty_lists_are_told_once_for_the_connection() -> None:
    """Both concern everybody and block."""
    assert side_codes(situation(inclusion=DELETED)) == ["list-deleted"]
    assert side_codes(situation(list_size=0)) == ["list-empty"]
    assert all(finding.blocking for finding in side_findings(situation(list_size=0), 10))
