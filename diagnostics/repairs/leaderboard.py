"""Which single repair, and which pair, frees most contacts: exact, by counting contacts with the same reasons once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, nlargest
from itertools import combinations

import polars as pl

INCIDENCE = pl.Schema({"contact": pl.Int64, "reason": pl.Int64})
"""One row for each reason that stops a contact; reasons are numbered by whoever asks."""


@dataclass(frozen=True)
class Ranking:
    """`singles`: repairs with how many contacts each frees alone, most first; `pairs`: two repairs with how many they free
    together, only where both are needed for that number. Ties go to the smaller numbers."""

    singles: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[int, int, int], ...]


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


def ranked(groups: Mapping[frozenset[int], int], answers: Mapping[int, Collection[int]], most: int) -> Ranking:
    """The best repairs and pairs, at most `most` of each.

    A set of repairs frees a contact if each of its reasons is answered by one of them: `answers` gives, for each reason, the
    numbers of the repairs that answer it; a reason without any frees nobody.
    """
    alone: Counter[int] = Counter()
    twice: Counter[tuple[int, int]] = Counter()
    together: Counter[tuple[int, int]] = Counter()
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
    singles_ranked = nlargest(most, alone.items(), key=lambda one: (one[1], -one[0]))
    return Ranking(tuple(singles_ranked), tuple(_best_pairs(alone, twice, together, most)))


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


def _best_pairs(
    alone: Mapping[int, int],
    twice: Mapping[tuple[int, int], int],
    together: Mapping[tuple[int, int], int],
    most: int,
) -> list[tuple[int, int, int]]:
    """Two repairs free what each frees, less what both free, and what only both together free."""

    def freed(pair: tuple[int, int]) -> int:
        first, second = pair
        return alone.get(first, 0) + alone.get(second, 0) - twice.get(pair, 0) + together.get(pair, 0)

    # What both free is then all that one of them frees: the pair frees no more than the other.
    idle = {pair for pair, both in twice.items() if both == min(alone[pair[0]], alone[pair[1]])} - together.keys()
    special = [pair for pair in twice if pair not in idle] + [pair for pair in together if pair not in twice]
    candidates = [*special, *_largest_sums(alone, (twice, together), most)]
    counted = [(*pair, freed(pair)) for pair in candidates]
    both_needed = [one for one in counted if one[2] > max(alone.get(one[0], 0), alone.get(one[1], 0))]
    return nlargest(most, both_needed, key=lambda one: (one[2], -one[0], -one[1]))


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
