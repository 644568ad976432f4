"""Waivers: counted apart from what passes, for exactly what they name, until they expire."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from engine.errors import ConfigurationError
from engine.forgetting import scrub
from engine.waivers import Waiver, concerned, unwaive, waive, waived, waivers, waivers_of
from tests.engine.answers import BEGIN, Answers, Given

OPT_IN = Given("excluded", "opt-in", {("opt-in", "hubspot.newsletter_opt_in"): "opted in means it is true"})
LONG = Given("failing", "field-length", {("field-length", "app.LNAME"): "takes at most 60 characters here"})
LONG_FIRST = Given("failing", "field-length", {("field-length", "app.FNAME"): "takes at most 60 characters here"})
BOTH = Given("excluded", "opt-in", {**OPT_IN.found, **LONG.found})
DISPUTED = Given("conflict", "conflict", {}, ("city",))
IN_SYNC = Given("in_sync")
NOW = BEGIN + timedelta(days=10)
PEOPLE = {"101": OPT_IN, "102": LONG, "103": LONG_FIRST, "104": BOTH, "105": DISPUTED, "106": IN_SYNC}


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    """Six contacts, examined."""
    made = Answers(tmp_path)
    made.check(PEOPLE)
    return made


def accepted(
    answers: Answers, code: str, field: str = "", record: str = "", days: int = 30, reason: str = "agreed"
) -> Waiver:
    """A waiver from now on."""
    until = NOW + timedelta(days=days)
    records = {"hubspot_id": record, "app_id": None} if record else {}
    return waive(
        answers.workspace, code, field=field, records=records, owner="Ada", reason=reason, until=until, now=NOW
    )


@pytest.mark.parametrize(
    ("code", "field", "record", "expected", "contacts"),
    [
        ("opt-in", "", "", {("excluded", "opt-in"): 1}, 2),
        ("field-length", "", "", {("failing", "field-length"): 2}, 3),
        ("field-length", "app.LNAME", "", {("failing", "field-length"): 1}, 2),
        ("field-length", "", "103", {("failing", "field-length"): 1}, 1),
        ("field-length", "app.LNAME", "103", {}, 0),
        ("conflict", "city", "", {("conflict", "conflict"): 1}, 1),
        ("conflict", "phone", "", {}, 0),
        ("bounced", "", "", {}, 0),
    ],
)
def test_a_waiver_counts_for_what_it_names(
    answers: Answers, code: str, field: str, record: str, expected: dict[tuple[str, str], int], contacts: int
) -> None:
    """A cause, a field, a contact; somebody with another blocker that is not accepted counts as before."""
    made = accepted(answers, code, field, record)

    assert waived(answers.workspace, NOW) == expected
    assert concerned(answers.workspace, made) == contacts


def test_all_blockers_have_to_be_accepted(answers: Answers) -> None:
    """Opted out and too long: only both waivers together."""
    accepted(answers, "opt-in")
    assert waived(answers.workspace, NOW, 4) == {}
    accepted(answers, "field-length", record="104")
    assert waived(answers.workspace, NOW, 4) == {("excluded", "opt-in"): 1}
    assert [one.number for one in waivers_of(answers.workspace, 4)] == [2, 1]
    assert waivers_of(answers.workspace, 6) == []


def test_an_expired_or_ended_waiver_counts_no_more(answers: Answers) -> None:
    """It expires at its moment and stays in the list."""
    made = accepted(answers, "opt-in", days=1)
    end = NOW + timedelta(days=1)
    assert waived(answers.workspace, end - timedelta(milliseconds=1))
    assert waived(answers.workspace, end) == {}
    assert made.standing(end) == "expired"

    unwaive(answers.workspace, made.number, end)

    (kept,) = waivers(answers.workspace)
    assert (kept.standing(end), kept.reason) == ("ended", "agreed")
    with pytest.raises(ConfigurationError, match="taken back"):
        unwaive(answers.workspace, made.number, end)
    with pytest.raises(ConfigurationError, match="no waiver 9"):
        unwaive(answers.workspace, 9, end)


@pytest.mark.parametrize(
    ("owner", "reason", "until", "words"),
    [
        (" ", "agreed", NOW + timedelta(days=1), "owner"),
        ("Ada", "\t", NOW + timedelta(days=1), "reason"),
        ("Ada", "agreed", NOW, "future"),
    ],
)
def test_what_is_no_waiver_is_refused(answers: Answers, owner: str, reason: str, until: datetime, words: str) -> None:
    """Without somebody, without a reason, or over already."""
    with pytest.raises(ConfigurationError, match=words):
        waive(answers.workspace, "opt-in", field="", records={}, owner=owner, reason=reason, until=until, now=NOW)
    assert waivers(answers.workspace) == []


def test_the_same_is_accepted_once(answers: Answers) -> None:
    """The second one is refused by naming the first; another scope is another waiver."""
    accepted(answers, "opt-in")
    with pytest.raises(ConfigurationError, match="already"):
        accepted(answers, "opt-in")
    accepted(answers, "opt-in", record="101")
    assert len(waivers(answers.workspace)) == 2


def test_a_waiver_follows_a_merged_record(answers: Answers) -> None:
    """Its record's id is another one since; forgetting the person finds it under the old one too."""
    accepted(answers, "opt-in", record="77")
    assert waived(answers.workspace, NOW) == {}
    with answers.workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO alias(side, old_id, fate, record_id, run_id, at) VALUES ('hubspot', '77', 'merged', '101', 1, '')"
        )

    assert waived(answers.workspace, NOW) == {("excluded", "opt-in"): 1}
    scrub(answers.workspace, [1])
    assert waivers(answers.workspace) == []


def test_forgetting_a_person_removes_the_words_about_them(answers: Answers) -> None:
    """A reason is free text; a waiver of a whole cause is about nobody."""
    accepted(answers, "opt-in", record="101", reason="Jane Roe asked for it")
    accepted(answers, "opt-in")

    scrub(answers.workspace, [1])

    assert [one.reason for one in waivers(answers.workspace)] == ["agreed"]


@settings(max_examples=15, deadline=None)
@drawn(
    st.lists(
        st.tuples(
            st.sampled_from(["opt-in", "field-length", "conflict", "bounced"]),
            st.sampled_from(["", "app.LNAME", "city"]),
            st.sampled_from(["", "101", "104", "106"]),
        ),
        unique=True,
        max_size=6,
    )
)
def test_waivers_change_neither_verdict_nor_finding_nor_write(
    tmp_path_factory: pytest.TempPathFactory, scopes: list[tuple[str, str, str]]
) -> None:
    """Whatever is accepted; and never more is waived than there is."""
    answers = Answers(tmp_path_factory.mktemp("waived"))
    answers.check(PEOPLE)
    tables = ("verdict", "finding", "planned_write", "conflict", "verdict_span", "finding_span", "run_state")

    def stored() -> dict[str, list[tuple[object, ...]]]:
        return {name: [tuple(row) for row in answers.workspace.rows(f"SELECT * FROM {name}")] for name in tables}

    before = stored()
    for code, field, record in scopes:
        accepted(answers, code, field, record)
    assert stored() == before
    answers.check(PEOPLE)
    assert answers.state_at(1) == answers.state_at(2)
    counts = {
        (row["state"], row["cause"]): row["n"]
        for row in answers.workspace.rows("SELECT state, cause, count(*) AS n FROM verdict GROUP BY 1, 2")
    }
    assert all(0 < number <= counts[key] for key, number in waived(answers.workspace, NOW).items())
    answers.workspace.close()


def test_a_finding_that_stops_nobody_is_counted_for_its_waiver_too(answers: Answers) -> None:
    """How many contacts have it; their verdicts are nobody's to accept."""
    with answers.workspace.transaction() as sql:
        sql.execute("UPDATE finding SET blocking = 0 WHERE code = 'opt-in'")
    waiver = accepted(answers, "opt-in")

    assert concerned(answers.workspace, waiver) == 2
    assert waived(answers.workspace, NOW) == {}
