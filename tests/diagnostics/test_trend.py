"""How the counts moved: against a plain count by hand, for any course of examinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.past.trend import Point, trend
from tests.engine.answers import Answers, Given

RULES = {
    ("opt-in", "hubspot.newsletter_opt_in"): "opted in means it is true",
    ("field-length", "app.LNAME"): "takes at most 60 characters here",
}
Found = frozenset[tuple[str, str]]
PEOPLE = ("101", "102", "103")


def answer(found: Found) -> Given:
    """The answer with these findings."""
    return Given("failing", min(found)[0], {key: RULES[key] for key in found}) if found else Given("in_sync")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.frozensets(st.sampled_from(sorted(RULES)))] * len(PEOPLE)), min_size=1, max_size=6))
def test_findings_are_new_come_back_and_are_resolved(course: Sequence[tuple[Found, ...]]) -> None:
    """Counted per contact and finding; the states of each examination are those that it gave."""
    with TemporaryDirectory() as folder:
        answers = Answers(Path(folder))
        for found in course:
            answers.check({record: answer(mine) for record, mine in zip(PEOPLE, found, strict=True)})
        points = trend(answers.workspace, 100)
        answers.workspace.close()

    seen: set[tuple[str, tuple[str, str]]] = set()
    before: set[tuple[str, tuple[str, str]]] = set()
    for point, found in zip(points, course, strict=True):
        now = {(record, key) for record, mine in zip(PEOPLE, found, strict=True) for key in mine}
        come = now - before
        assert (point.new, point.came_back, point.resolved) == (len(come - seen), len(come & seen), len(before - now))
        assert point.states["failing"] == sum(map(bool, found))
        assert point.states["in_sync"] == len(found) - point.states["failing"]
        seen, before = seen | now, now


def test_what_was_not_looked_at_is_not_resolved(tmp_path: Path) -> None:
    """A contact that is gone, and a check that could not read a side; the list's size holds until it changes."""
    answers = Answers(tmp_path)
    whole: Found = frozenset(RULES)
    assert trend(answers.workspace, 10) == ()
    answers.check({"101": answer(whole), "102": answer(whole)})
    unread = answers.unread()
    answers.situation = replace(answers.situation, list_size=7)
    answers.check({"101": answer(whole)})

    def counts(one: Point) -> tuple[int, int, int, int | None]:
        return one.new, one.came_back, one.resolved, one.members

    first, second, third = trend(answers.workspace, 10)
    assert [counts(one) for one in (first, second, third)] == [(4, 0, 0, 2), (0, 0, 0, 2), (0, 0, 0, 7)]
    assert (second.examined.run, second.examined.unread, second.states["unknown"]) == (unread, "unreachable", 2)
    assert [one.examined.run for one in trend(answers.workspace, 2)] == [unread, third.examined.run]


def test_another_rule_for_the_same_field_is_no_new_finding(tmp_path: Path) -> None:
    """As in `diff`, where it is `changed`: a goal that names more, a limit that is another one."""
    answers = Answers(tmp_path)
    key = ("opt-in", "hubspot.newsletter_opt_in")
    for rule in (RULES[key], "opted in means it is yes"):
        answers.check({"101": Given("excluded", "opt-in", {key: rule})})
    answers.check({"101": Given("in_sync")})
    answers.check({"101": Given("excluded", "opt-in", {key: RULES[key]})})

    counts = [(one.new, one.came_back, one.resolved) for one in trend(answers.workspace, 10)]
    assert counts == [(1, 0, 0), (0, 0, 0), (0, 0, 1), (0, 1, 0)]
