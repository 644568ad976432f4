"""The ranking against counting by brute force, on random incidences."""

from __future__ import annotations

from itertools import combinations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.repairs.leaderboard import INCIDENCE, alike, counted, freed_by, sets_of

CONTACTS = st.lists(st.sets(st.integers(0, 7), min_size=1, max_size=4), max_size=30)
ANSWERS = st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 6), max_size=3), max_size=8)
FEW = settings(max_examples=300, deadline=None, derandomize=True)


def incidence(contacts: list[set[int]]) -> pl.DataFrame:
    """A row for each contact and reason, some of them twice."""
    rows = [(number, reason) for number, reasons in enumerate(contacts) for reason in sorted(reasons)]
    return pl.DataFrame([*rows, *rows[:3]], schema=INCIDENCE, orient="row")


def by_hand(contacts: list[set[int]], answers: dict[int, set[int]], repairs: set[int]) -> int:
    """How many contacts have each of their reasons answered by one of the repairs."""
    return sum(all(answers.get(reason, set()) & repairs for reason in reasons) for reasons in contacts)


@FEW
@given(CONTACTS, ANSWERS, st.integers(1, 12))
def test_singles_and_pairs_are_those_of_a_brute_force_count(
    contacts: list[set[int]], answers: dict[int, set[int]], most: int
) -> None:
    """The same numbers in the same order; pairs only where both repairs are needed for the number."""
    counts = counted(alike(incidence(contacts)), answers)

    every = range(7)
    alone = {one: by_hand(contacts, answers, {one}) for one in every}
    singles = sorted(((one, frees) for one, frees in alone.items() if frees), key=lambda row: (-row[1], row[0]))
    pairs = [(one, two, by_hand(contacts, answers, {one, two})) for one, two in combinations(every, 2)]
    both_needed = [row for row in pairs if row[2] > max(alone[row[0]], alone[row[1]])]
    assert list(counts.singles(most)) == singles[:most]
    assert list(counts.pairs(most)) == sorted(both_needed, key=lambda row: (-row[2], row[0], row[1]))[:most]


@FEW
@given(CONTACTS, ANSWERS, st.sets(st.sampled_from(list(combinations(range(7), 2)))))
def test_pairs_that_somebody_else_counts_are_left_out(
    contacts: list[set[int]], answers: dict[int, set[int]], elsewhere: set[tuple[int, int]]
) -> None:
    """The others keep their numbers and their order, and none is lost."""
    counts = counted(alike(incidence(contacts)), answers)

    others = [pair for pair in counts.pairs(21) if pair[:2] not in elsewhere]
    assert list(counts.pairs(21, elsewhere)) == others
    assert list(counts.pairs(3, elsewhere)) == others[:3]


@FEW
@given(CONTACTS, st.sets(st.integers(0, 7), max_size=4))
def test_the_reasons_of_contacts_are_told_in_their_order(contacts: list[set[int]], gone: set[int]) -> None:
    """Also of those without any."""
    named = [len(contacts), *range(len(contacts))][::-1]
    told = sets_of(incidence(contacts), pl.Series("contact", named, dtype=pl.Int64))
    reasons = [contacts[number] if number < len(contacts) else set() for number in named]

    assert told.any_of(gone).to_list() == [bool(one & gone) for one in reasons]
    assert told.all_of(gone).to_list() == [one <= gone for one in reasons]


@FEW
@given(CONTACTS, ANSWERS, st.sets(st.integers(0, 6), min_size=1, max_size=2))
def test_the_contacts_behind_a_number_are_named(
    contacts: list[set[int]], answers: dict[int, set[int]], repairs: set[int]
) -> None:
    """Whom the planner is run on again."""
    named = freed_by(incidence(contacts), repairs, answers)
    assert len(named) == by_hand(contacts, answers, repairs)
    assert all(by_hand([contacts[one]], answers, repairs) == 1 for one in named)


def test_nobody_blocked_gives_an_empty_ranking() -> None:
    """Neither singles nor pairs, and no error."""
    counts = counted(alike(pl.DataFrame(schema=INCIDENCE)), {})
    assert (counts.singles(10), counts.pairs(10)) == ((), ())


def test_contacts_with_the_same_reasons_are_counted_once() -> None:
    """Ten thousand contacts with two kinds of trouble are two sets."""
    rows = [(number, reason) for number in range(10_000) for reason in ((0, 1) if number % 4 else (1,))]
    groups = alike(pl.DataFrame(rows, schema=INCIDENCE, orient="row"))
    assert groups == {frozenset({0, 1}): 7_500, frozenset({1}): 2_500}
    assert counted(groups, {0: [0], 1: [1]}).pairs(10) == ((0, 1, 10_000),)
