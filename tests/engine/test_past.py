"""The past: what is asked of an earlier examination is what was stored then, whatever happened in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from diagnostics.past.difference import GONE, NEW, difference
from diagnostics.past.findings import findings_until
from diagnostics.past.moment import Examined
from engine.fingerprint import fingerprint
from engine.forgetting import scrub
from engine.schema import Field
from tests.engine.answers import Answers, Given

OPT_IN = Given("excluded", "opt-in", {("opt-in", "hubspot.newsletter_opt_in"): "opted in means it is true"})
TOO_LONG = Given("failing", "field-length", {("field-length", "app.LNAME"): "takes at most 60 characters here"})
BOTH = Given("excluded", "opt-in", {**OPT_IN.found, **TOO_LONG.found})
IN_SYNC = Given("in_sync")
KINDS = (IN_SYNC, Given("pending"), OPT_IN, TOO_LONG, BOTH)
PEOPLE = ("101", "102", "103", "104")


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    """An empty workspace."""
    return Answers(tmp_path)


def spans(answers: Answers, table: str) -> list[tuple[object, ...]]:
    """All rows of a table of spans."""
    return [tuple(row) for row in answers.workspace.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]


def examined(answers: Answers, run: int) -> Examined:
    """A kept examination."""
    row = answers.workspace.rows("SELECT * FROM examination WHERE run_id = ?", (run,))[0]
    return Examined(run, "check", row["at"], row["contacts"], row["unread"])


STATES = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(KINDS), max_size=4)
STEPS = st.lists(
    st.tuples(st.sampled_from(["check", "twice", "cut off", "second cut off", "unread"]), STATES, STATES), max_size=8
)


@settings(max_examples=30, deadline=None)
@drawn(STEPS)
def test_every_examination_can_be_asked_for_again(
    steps: list[tuple[str, dict[str, Given], dict[str, Given]]],
) -> None:
    """Through checks, runs that plan twice, runs cut off in the middle and sides that cannot be read."""
    with TemporaryDirectory() as folder:
        answers = Answers(Path(folder))
        stored: dict[int, dict[str, Given]] = {}
        unread: set[int] = set()
        for kind, first, second in steps:
            before = {table: spans(answers, table) for table in ("verdict_span", "finding_span", "examination")}
            run = answers.run()
            if kind == "unread":
                unread.add(answers.unread())
                continue
            answers.answer(run, first, cut_off=kind == "cut off")
            if kind == "cut off":
                assert before == {table: spans(answers, table) for table in before}
                continue
            if kind == "twice":
                answers.answer(run, second)
            if kind == "second cut off":
                before = {table: spans(answers, table) for table in before}
                answers.answer(run, {one: second.get(one, was) for one, was in first.items()}, cut_off=True)
                assert before == {table: spans(answers, table) for table in before}
            stored[run.id] = second if kind == "twice" else first

        for run_id, expected in stored.items():
            assert answers.state_at(run_id) == expected
        for table, key in (("verdict_span", ("contact_id",)), ("finding_span", ("contact_id", "fingerprint"))):
            rows = answers.workspace.rows(f"SELECT * FROM {table} ORDER BY {', '.join(key)}, opened_run")
            assert all(row["closed_run"] is None or row["closed_run"] > row["opened_run"] for row in rows)
            for one, after in pairwise(rows):
                if all(one[name] == after[name] for name in key):
                    assert one["closed_run"] is not None
                    assert one["closed_run"] <= after["opened_run"]
        kept = sorted(stored)
        for before_run, after_run in [*pairwise(kept), *zip(kept[:1], kept[-1:], strict=True)]:
            _adds_up(answers, before_run, after_run, stored)
        for run_id in unread:
            earlier = [one for one in kept if one < run_id]
            if earlier:
                _all_unknown(answers, earlier[-1], run_id, len(stored[earlier[-1]]))
        answers.workspace.close()


@pytest.mark.parametrize("plans", [1, 2])
@pytest.mark.parametrize(("then", "now"), [(TOO_LONG, IN_SYNC), (IN_SYNC, TOO_LONG)])
def test_what_only_a_cut_off_second_plan_saw_counts_from_the_next_run_on(
    answers: Answers, then: Given, now: Given, plans: int
) -> None:
    """A sync looks again at the end; killed then, it has stored what changed, and the next run sees nothing new, however often it
    plans."""
    run = answers.run("sync")
    answers.answer(run, {"101": then, "102": IN_SYNC})
    answers.answer(run, {"101": now, "102": IN_SYNC}, cut_off=True)
    after = answers.run("sync")
    for _ in range(plans):
        answers.answer(after, {"101": now, "102": IN_SYNC})
    answers.check({"101": now, "102": IN_SYNC})

    held = answers.workspace.rows("SELECT opened_run, closed_run FROM finding_span")
    assert [tuple(row) for row in held] == [(run.id, after.id) if then is TOO_LONG else (after.id, None)]
    assert answers.state_at(run.id) == {"101": then, "102": IN_SYNC}
    assert answers.state_at(after.id) == {"101": now, "102": IN_SYNC}


def _adds_up(answers: Answers, before: int, after: int, stored: dict[int, dict[str, Given]]) -> None:
    found = difference(answers.workspace, examined(answers, before), examined(answers, after), examples=9)
    then, now = stored[before], stored[after]
    ids = {row["id"]: row["hubspot_id"] for row in answers.workspace.rows("SELECT id, hubspot_id FROM contact")}
    assert sum(found.states_then.values()) == len(then)
    assert sum(found.states_now.values()) == len(now)
    new = sum(move.contacts for move in found.moves if move.then == NEW)
    gone = sum(move.contacts for move in found.moves if move.now == GONE)
    assert len(then) + new - gone == len(now)
    assert found.unmoved + sum(move.contacts for move in found.moves if move.now != GONE) == len(now)
    for move in found.moves:
        assert move.contacts == len(move.examples) > 0
        for contact in move.examples:
            record = contact.hubspot_id or ""
            if move.then != NEW:
                assert (then[record].state, then[record].cause) == move.then
            if move.now != GONE:
                assert (now[record].state, now[record].cause) == move.now
                assert ids.get(contact.contact, record) == record


def _all_unknown(answers: Answers, before: int, unread: int, contacts: int) -> None:
    found = difference(answers.workspace, examined(answers, before), examined(answers, unread))
    assert found.states_now["unknown"] == contacts == sum(found.states_then.values())
    assert found.unmoved == 0
    assert found.findings == ()


def test_an_unchanged_check_adds_nothing(answers: Answers) -> None:
    """A thousand checks that find the same cost one row each."""
    answers.check({"101": BOTH, "102": IN_SYNC})
    before = {
        table: spans(answers, table) for table in ("verdict_span", "finding_span", "declared_past", "fingerprint")
    }

    answers.check({"101": BOTH, "102": IN_SYNC})

    assert {table: spans(answers, table) for table in before} == before
    assert answers.workspace.value("SELECT count(*) FROM examination") == 2
    assert answers.workspace.value("SELECT count(*) FROM changed_answer WHERE run_id = 2") == 0


def test_a_finding_is_seen_resolved_and_comes_back(answers: Answers) -> None:
    """First seen, last seen, resolved and come back, with a cut-off run and an unreachable side in between."""
    first = answers.check({"101": BOTH})
    answers.unread()
    answers.answer(answers.run(), {"101": IN_SYNC, "102": IN_SYNC}, cut_off=True)
    last = answers.check({"101": BOTH, "102": IN_SYNC})
    gone = answers.check({"101": TOO_LONG, "102": IN_SYNC})
    back = answers.check({"101": BOTH, "102": IN_SYNC})

    now = {one.code: one for one in findings_until(answers.workspace, 1, back)}
    then = {one.code: one for one in findings_until(answers.workspace, 1, gone)}

    assert (then["opt-in"].first_seen.run, then["opt-in"].last_seen.run) == (first, last)
    assert then["opt-in"].resolved is not None and then["opt-in"].resolved.run == gone
    assert now["opt-in"].resolved is None
    assert [one.run for one in now["opt-in"].came_back] == [back]
    assert now["field-length"].came_back == ()
    assert now["field-length"].first_seen.at == "2026-03-01T12:00:00.000Z"


def test_what_only_a_run_that_was_cut_off_saw_is_kept_by_the_next_whole_one(answers: Answers) -> None:
    """Also if a side could not be read in between."""
    answers.check({"101": IN_SYNC, "102": IN_SYNC})
    answers.answer(answers.run(), {"101": OPT_IN, "102": IN_SYNC}, cut_off=True)
    answers.unread()
    last = answers.check({"101": OPT_IN, "102": IN_SYNC})

    assert answers.state_at(last) == {"101": OPT_IN, "102": IN_SYNC}
    assert answers.state_at(last - 1) == {"101": IN_SYNC, "102": IN_SYNC}


def test_what_a_run_that_was_cut_off_met_first_begins_with_the_next_whole_one(answers: Answers) -> None:
    """A span begins with a completed examination."""
    answers.answer(answers.run(), {"101": OPT_IN, "102": IN_SYNC}, cut_off=True)
    whole = answers.check({"101": OPT_IN, "102": IN_SYNC})

    rows = answers.workspace.rows("SELECT hubspot_id, opened_run FROM verdict_span ORDER BY 1")
    assert [tuple(row) for row in rows] == [("101", whole), ("102", whole)]


def test_with_a_contact_all_that_was_found_of_it_ends(answers: Answers) -> None:
    """Its verdict and its findings, with the examination that did not meet it any more."""
    answers.check({"101": TOO_LONG, "102": TOO_LONG})
    second = answers.check({"102": TOO_LONG})

    for table in ("verdict_span", "finding_span"):
        rows = answers.workspace.rows(f"SELECT DISTINCT contact_id, closed_run FROM {table} ORDER BY 1")
        assert [tuple(row) for row in rows] == [(1, second), (2, None)]


def test_a_contact_that_became_part_of_another_hands_its_past_on(answers: Answers) -> None:
    """Its record is in another contact now: gone, but named as joined, and its findings go on."""
    first = answers.check({"101": TOO_LONG, "102": IN_SYNC})
    with answers.workspace.transaction() as sql:
        sql.execute("DELETE FROM contact WHERE hubspot_id = '101'")
        sql.execute("UPDATE contact SET hubspot_id = '101' WHERE hubspot_id = '102'")
    second = answers.check({"101": TOO_LONG})

    found = difference(answers.workspace, examined(answers, first), examined(answers, second))
    (gone,) = [move for move in found.moves if move.now == GONE]
    (open_one,) = findings_until(answers.workspace, 2, second)

    assert (gone.contacts, gone.joined) == (1, 1)
    assert (open_one.first_seen.run, open_one.came_back) == (first, ())


def test_a_sync_that_plans_twice_resolves_nothing_by_its_first_plan(answers: Answers) -> None:
    """What only the first plan of a run did not find has never been away."""
    answers.check({"101": BOTH})
    run = answers.run("sync")
    answers.answer(run, {"101": IN_SYNC})
    answers.answer(run, {"101": BOTH})

    assert [one.came_back for one in findings_until(answers.workspace, 1, run.id)] == [(), ()]
    assert len(spans(answers, "verdict_span")) == 1


def test_what_changed_around_the_contacts_is_kept_once(answers: Answers) -> None:
    """A field with another option, a larger list and another brake; the rest is not stored again."""
    first = answers.check({"101": IN_SYNC})
    rows = answers.workspace.value("SELECT count(*) FROM declared_past")
    hubspot = answers.situation.schemas["hubspot"]
    stage = hubspot.fields["lifecyclestage"]
    fields = {
        **hubspot.fields,
        "lifecyclestage": replace(stage, options=stage.options[:1]),
        "fax": Field("fax", "Fax", "text"),
    }
    brakes = answers.situation.connection.brakes.model_copy(update={"creates": 7})
    answers.situation = replace(
        answers.situation,
        schemas={**answers.situation.schemas, "hubspot": replace(hubspot, fields=fields)},
        list_size=3,
        connection=answers.situation.connection.model_copy(update={"brakes": brakes}),
    )
    second = answers.check({"101": IN_SYNC})
    third = answers.check({"101": IN_SYNC})

    changes = difference(answers.workspace, examined(answers, first), examined(answers, third)).situation

    assert {(one.part, one.key): (one.then, one.now, one.removed) for one in changes} == {
        ("connection", "brakes.creates"): (str(answers.situation.connection.brakes.__class__().creates), "7", ()),
        ("hubspot.fields", "lifecyclestage.options"): ("", "", ("customer",)),
        ("hubspot.fields", "fax"): ("", "text", ()),
        ("list.size", "members"): ("2", "3", ()),
    }
    assert answers.workspace.value("SELECT count(*) FROM declared_past") == rows + 3
    assert difference(answers.workspace, examined(answers, second), examined(answers, third)).situation == ()


def test_criteria_that_name_a_forgotten_person_go(answers: Answers) -> None:
    """A list may ask for an address; of all that the past keeps only this could hold one."""
    assert answers.situation.inclusion is not None
    for value in ("Jane@firma.example", "DE"):
        inclusion = replace(answers.situation.inclusion, filters=f'{{"value": "{value}"}}')
        answers.situation = replace(answers.situation, inclusion=inclusion)
        answers.check({"101": IN_SYNC})

    scrub(answers.workspace, [1], ["jane@firma.example"])

    kept = answers.workspace.rows("SELECT run_id, document FROM declared_past WHERE what = 'list' ORDER BY run_id")
    assert [row["document"] == "{}" for row in kept] == [True, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('takes at most 60 characters: "Müller"', 'takes at most 80 characters: "Meier"', True),
        ("the contact opted out of all e-mail", "of all e-mail opted out the contact", True),
        ("jane@example.com is not taken", "joe@example.org is not taken", True),
        ("takes at most 60 characters", "takes at least 60 characters", False),
    ],
)
def test_a_fingerprint_holds_no_value_and_no_order(one: str, other: str, same: bool) -> None:
    """The rule's words count, neither what they are about nor their order."""
    prints = fingerprint("field-length", "app.LNAME", one), fingerprint("field-length", "app.LNAME", other)
    assert (prints[0] == prints[1]) == same
    assert prints[0].startswith("v1:")


def test_a_fingerprint_is_what_it_was() -> None:
    """Another composition would make every finding a new one: it needs another version."""
    assert fingerprint("opt-in", "hubspot.newsletter_opt_in", "opted in means it is true") == "v1:fa7db501d277c098"
