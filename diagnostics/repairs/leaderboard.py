"""Which single repair, and which pair, frees most contacts: exact, by counting contacts with the same reasons once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heappushpop, nlargest
from itertools import combinations
from typing import Protocol, TypeAlias

import polars as pl

INCIDENCE = pl.Schema({"contact": pl.Int64, "reason": pl.Int64})
"""One row for each reason that stops a contact; reasons are numbered by whoever asks."""


@dataclass(frozen=True)
class ReasonSets:
    """The reasons of some contacts, in their order: `place` of each contact's in `sets`."""

    place: pl.Series
    sets: tuple[frozenset[int], ...]

    def any_of(self, reasons: Set[int]) -> pl.Series:
        """Of each contact, whether one of these is among its reasons."""
        return self._told(not one.isdisjoint(reasons) for one in self.sets)

    def all_of(self, reasons: Set[int]) -> pl.Series:
        """Of each contact, whether it has no reasons but these."""
        return self._told(one <= reasons for one in self.sets)

    def _told(self, answers: Iterable[bool]) -> pl.Series:
        return pl.Series(answers, dtype=pl.Boolean).gather(self.place)


def sets_of(incidence: pl.DataFrame, contacts: pl.Series) -> ReasonSets:
    """The reasons of these contacts; of those without any the empty set. `incidence`: rows of INCIDENCE."""
    mine = incidence.lazy().filter(pl.col("contact").is_in(contacts.implode())).unique().sort("contact", "reason")
    grouped = mine.group_by("contact").agg("reason").group_by("reason").agg("contact").collect()
    places = grouped.with_row_index("place").explode("contact").select("contact", "place")
    joined = contacts.to_frame("contact").join(places, on="contact", how="left", maintain_order="left")
    return ReasonSets(joined["place"].fill_null(grouped.height), (*map(frozenset, grouped["reason"]), frozenset()))


def alike(incidence: pl.DataFrame) -> dict[frozenset[int], int]:
    """How many contacts have exactly these reasons. `incidence`: rows of INCIDENCE."""
    sets = (
        incidence.lazy()
        .unique()
        .sort("contact", "reason")
        .group_by("contact", maintain_order=True)
        .agg("reason")
        .group_by("reason")
        .len()
        .collect()
    )
    return {frozenset(reasons): contacts for reasons, contacts in sets.iter_rows()}


Pair: TypeAlias = tuple[int, int]
"""Two repairs, the smaller number first."""


@dataclass(frozen=True)
class Counts:
    """How many contacts repairs free. `alone`: each by itself; `twice`: either of two; `together`: only both of two."""

    alone: Mapping[int, int]
    twice: Mapping[Pair, int]
    together: Mapping[Pair, int]

    def freed(self, pair: Pair) -> int:
        """Two repairs free what each frees, less what both free, and what only both together free."""
        first, second = pair
        each = self.alone.get(first, 0) + self.alone.get(second, 0)
        return each - self.twice.get(pair, 0) + self.together.get(pair, 0)

    def singles(self, most: int) -> tuple[tuple[int, int], ...]:
        """The repairs that free most alone, with how many, most first; ties go to the smaller numbers."""
        return tuple(nlargest(most, self.alone.items(), key=lambda one: (one[1], -one[0])))

    def pairs(self, most: int, but: Collection[Pair] = frozenset()) -> tuple[CountedPair, ...]:
        """The pairs without those in `but` that free most, with how many, only where both are needed for that number; ties go to the
        smaller numbers."""
        # What both free is then all that one of them frees: the pair frees no more than the other.
        idle = {one for one, both in self.twice.items() if both == min(self.alone[one[0]], self.alone[one[1]])}
        idle -= self.together.keys()
        special = [pair for pair in self.twice if pair not in idle]
        special += [pair for pair in self.together if pair not in self.twice]
        candidates = [pair for pair in special if pair not in but]
        candidates += _largest_sums(self.alone, (self.twice, self.together, but), most)
        return self.best_of(((*pair, self.freed(pair)) for pair in candidates), most)

    def best_with(self, elsewhere: Sequence[CountedElsewhere], most: int) -> tuple[CountedPair, ...]:
        """As `pairs`, with those that are counted elsewhere. These are counted only where they can be better than the others; of pairs
        that free as many, the first ones found stay."""
        found = list(self.pairs(most, frozenset().union(*(one.pairs for one in elsewhere))))
        best = [frees for _, _, frees in found]
        heapify(best)
        bounds = [(one.at_most(pair), pair, one) for one in elsewhere for pair in one.pairs]
        for bound, pair, one in sorted(bounds, key=lambda row: (-row[0], row[1])):
            if len(best) >= most and bound <= best[0]:
                break
            alone = max(self.alone.get(repair, 0) for repair in pair)
            frees = one.count(pair) if bound > alone else 0
            if frees > alone:
                found.append((*pair, frees))
                (heappush if len(best) < most else heappushpop)(best, frees)
        return self.best_of(found, most)

    def best_of(self, counted: Iterable[CountedPair], most: int) -> tuple[CountedPair, ...]:
        """Those of the pairs, in the order of `pairs`."""
        both_needed = (one for one in counted if one[2] > max(self.alone.get(one[0], 0), self.alone.get(one[1], 0)))
        return tuple(nlargest(most, both_needed, key=lambda one: (one[2], -one[0], -one[1])))


CountedPair: TypeAlias = tuple[int, int, int]
"""Two repairs and how many contacts they free together."""


class CountedElsewhere(Protocol):
    """Pairs of which the reasons alone do not tell how many contacts they free."""

    pairs: frozenset[Pair]

    def at_most(self, pair: Pair) -> int:
        """A number that they do not exceed, which takes less time to find."""

    def count(self, pair: Pair) -> int:
        """How many contacts they free."""


def counted(groups: Mapping[frozenset[int], int], answers: Mapping[int, Collection[int]]) -> Counts:
    """What repairs free of contacts with these reasons.

    A set of repairs frees a contact if each of its reasons is answered by one of them: `answers` gives, for each reason, the
    numbers of the repairs that answer it; a reason without any frees nobody.
    """
    alone: Counter[int] = Counter()
    twice: Counter[Pair] = Counter()
    together: Counter[Pair] = Counter()
    for reasons, contacts in groups.items():
        if len(reasons) == 1:
            (reason,) = reasons
            only = sorted(answers.get(reason, ()))
            for repair in only:
                alone[repair] += contacts
            for both in combinations(only, 2):
                twice[both] += contacts
            continue
        ways = sorted((frozenset(answers.get(reason, ())) for reason in reasons), key=len)
        singles = sorted(ways[0].intersection(*ways[1:])) if ways else []
        for repair in singles:
            alone[repair] += contacts
        for place, first in enumerate(singles):
            for second in singles[place + 1 :]:
                twice[first, second] += contacts
        if len(ways) > 1:
            for pair in _only_together(ways, set(singles)):
                together[pair] += contacts
    return Counts(alone, twice, together)


def _only_together(ways: Sequence[frozenset[int]], singles: Collection[int]) -> set[tuple[int, int]]:
    """The pairs that answer all reasons, neither of them alone. One of the two answers the reason with the fewest ways."""
    pairs = set()
    for first in ways[0] if ways else ():
        if first in singles:
            continue
        left = [way for way in ways if first not in way]
        for second in left[0].intersection(*left[1:]):
            if second not in singles:
                pairs.add((min(first, second), max(first, second)))
    return pairs


def _largest_sums(
    alone: Mapping[int, int], but: Sequence[Collection[tuple[int, int]]], most: int
) -> Iterable[tuple[int, int]]:
    """The pairs whose own numbers add up to most, without those in `but`; in the order of their sums, ties by number."""
    order = sorted(alone, key=lambda repair: (-alone[repair], repair))
    heap: list[tuple[int, tuple[int, int], int, int]] = []

    def placed(first: int, second: int) -> tuple[int, tuple[int, int], int, int]:
        one, other = order[first], order[second]
        return -alone[one] - alone[other], (one, other) if one < other else (other, one), first, second

    def push(first: int, second: int) -> None:
        while second < len(order):
            entry = placed(first, second)
            if not any(entry[1] in pairs for pairs in but):
                heappush(heap, entry)
                return
            second += 1

    found = opened = 0
    while found < most:
        while opened + 1 < len(order) and (not heap or placed(opened, opened + 1) < heap[0]):
            push(opened, opened + 1)
            opened += 1
        if not heap:
            return
        _, pair, first, second = heappop(heap)
        push(first, second + 1)
        found += 1
        yield pair


def answered_by_each(answers: Mapping[int, Collection[int]]) -> dict[int, set[int]]:
    """The reasons that each repair answers."""
    answered: dict[int, set[int]] = {}
    for reason, repairs in answers.items():
        for repair in repairs:
            answered.setdefault(repair, set()).add(reason)
    return answered


def freed_by(incidence: pl.DataFrame, repairs: Collection[int], answers: Mapping[int, Collection[int]]) -> list[int]:
    """The contacts of `incidence` that the repairs free, by number."""
    answered = [reason for reason, ways in answers.items() if not set(ways).isdisjoint(repairs)]
    return (
        incidence.lazy()
        .group_by("contact")
        .agg(pl.col("reason").is_in(answered).all().alias("freed"))
        .filter("freed")
        .sort("contact")
        .collect()["contact"]
        .to_list()
    )
