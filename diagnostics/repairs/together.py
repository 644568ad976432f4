"""Two repairs by which the inclusion list goes, done together: counted by evaluating the criteria with both done.

Reasons and what answers them do not tell it where one of the two changes in single records what the list looks at and the other does
so too, or widens the list: the first may break what the second mends, and bring others in that the second alone does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from heapq import heappush, heappushpop

import polars as pl

from diagnostics.causes.columns import column_name
from diagnostics.repairs.concerned import Concerned
from diagnostics.repairs.leaderboard import CountedPair, Counts, Pair, sets_of
from diagnostics.repairs.of_list import Fulfilment
from diagnostics.repairs.reasons import Reasons
from diagnostics.repairs.repair import Repair
from diagnostics.repairs.widening import Widening, options_of


class Together:
    """Pairs of repairs of which one changes single records and the other does so too or widens the list; what is told of contacts is in
    the order of `Concerned.contacts`. Repairs are named by their numbers."""

    def __init__(self, reasons: Reasons, concerned: Concerned) -> None:
        self._concerned = concerned
        self.contacts = frozenset(concerned.contacts["contact"])
        self._repairs = [part[0] for part in reasons.parts]
        self._stopped = sets_of(reasons.incidence, concerned.contacts["contact"])
        answered: dict[int, set[int]] = {}
        for reason, numbers in reasons.answers.items():
            for number in numbers:
                answered.setdefault(number, set()).add(reason)
        self._answered: Mapping[int, set[int]] = answered
        self._changing = [number for number, one in enumerate(self._repairs) if one in concerned.changing]
        widening = [number for number, one in enumerate(self._repairs) if one.kind == "list"]
        self.pairs: frozenset[Pair] = frozenset(
            (min(one, other), max(one, other))
            for one in self._changing
            for other in (*self._changing, *widening)
            if one != other
        )
        self._inside: dict[tuple[object, ...], pl.Series] = {}
        self._need: dict[int, pl.Series] = {}
        self._alone: dict[int, pl.Series] = {}
        self._lacking: dict[int, int] = {}
        self._held: dict[str, Counter[frozenset[str]]] = {}

    def best(self, counts: Counts, most: int) -> tuple[CountedPair, ...]:
        """The best of all pairs, these and those that `counts` tells right, as `Counts.pairs` gives them.

        Evaluated are those only that can be among the best by what each part frees alone and for how many contacts both are needed.
        """
        found = list(counts.pairs(most, self.pairs))
        best: list[int] = []
        bounds = sorted(((self._at_most(pair, counts), pair) for pair in self.pairs), key=lambda one: (-one[0], one[1]))
        for _, _, frees in found:
            heappush(best, frees)
        for bound, pair in bounds:
            if len(best) >= most and bound <= best[0]:
                break
            frees = self.count(pair, counts)
            if frees > max(counts.alone.get(one, 0) for one in pair):
                found.append((*pair, frees))
                (heappush if len(best) < most else heappushpop)(best, frees)
        return counts.best_of(found, most)

    def count(self, pair: Pair, counts: Counts) -> int:
        """How many contacts the two free, of all."""
        reckoned = self._stopped.all_of(self._gone(pair[0]) | self._gone(pair[1]))
        return counts.freed(pair) - int(reckoned.sum()) + int(self._freed(pair).sum())

    def done_for(self, pair: Pair) -> dict[tuple[int, ...], list[int]]:
        """The contacts that the two free, by which of them has to be done; what is one action for all is done anyway."""
        contacts, left = self._concerned.contacts["contact"], self._freed(pair)
        done: dict[tuple[int, ...], list[int]] = {}
        for numbers in ((pair[0],), (pair[1],), pair):
            if all(one in numbers or not self._repairs[one].once for one in pair):
                freed = left & (self._by_itself(numbers[0]) if len(numbers) == 1 else left)
                done[numbers] = contacts.filter(freed).to_list()
                left &= ~freed
        return done

    def _freed(self, pair: Pair) -> pl.Series:
        return self._by_itself(pair[0]) | self._by_itself(pair[1]) | self._by_both(pair)

    def _by_itself(self, number: int) -> pl.Series:
        if number not in self._alone:
            self._alone[number] = self._stopped.all_of(self._gone(number))
        return self._alone[number]

    def _gone(self, number: int) -> set[int]:
        return self._answered.get(number, set())

    def _by_both(self, pair: Pair) -> pl.Series:
        """Whom the two free, done both for those who need what is done for each contact. Of two values of one property only one is
        there."""
        one, other = (self._repairs[number] for number in pair)
        changing = self._concerned.changing
        besides = self._concerned.besides.all_of(changing.get(one, frozenset()) | changing.get(other, frozenset()))
        if one.kind == other.kind == "value" and one.field == other.field:
            return pl.repeat(False, besides.len(), dtype=pl.Boolean, eager=True)
        needed = [self._needed(number) for number in pair if self._repairs[number] in changing]
        for need in needed:
            besides &= need
        return besides & self._in_with(pair)

    def _needed(self, number: int) -> pl.Series:
        if number not in self._need:
            self._need[number] = self._concerned.need(self._repairs[number])
        return self._need[number]

    def _in_with(self, pair: Pair) -> pl.Series:
        """Whom the list holds with both done. A list that takes one value more holds whom it would if it asked for less, if they have
        the value."""
        number, other = sorted(pair, key=lambda one: self._repairs[one] not in self._concerned.changing)
        changing, second = self._repairs[number], self._repairs[other]
        effect = second.effect
        if not isinstance(effect, Widening) or effect.value is None:
            return self._evaluated((number, other), (changing, second))
        asking_less = replace(second, effect=replace(effect, value=None))
        open_to = self._evaluated((number, effect.parts), (changing, asking_less))
        return self._evaluated((number,), (changing,)) | (open_to & self._has(number, effect.property, effect.value))

    def _evaluated(self, key: tuple[object, ...], repairs: tuple[Repair, ...]) -> pl.Series:
        if key not in self._inside:
            self._inside[key] = self._concerned.inside(repairs)
        return self._inside[key]

    def _has(self, number: int, name: str, value: str) -> pl.Series:
        """Who has the value of the property, once the changing repair is done."""
        repair, column = self._repairs[number], column_name("hubspot", name)
        if isinstance(repair.effect, Fulfilment) and repair.effect.property == name:
            same = options_of(repair.effect.value) == options_of(value)
            return pl.repeat(same, self._concerned.contacts.height, dtype=pl.Boolean, eager=True)
        admission = self._concerned.admission
        before, after = admission.kinds[column], admission.after([repair])[column]
        own = _with_options(self._concerned.contacts[column], value)
        changed = self._concerned.of_kind(before.ne_missing(after))
        return (changed & self._concerned.of_kind(_with_options(after, value))) | (~changed & own)

    def _at_most(self, pair: Pair, counts: Counts) -> int:
        """What the two do not free more contacts than."""
        for_both = min(self._most_with(number, other) for number, other in (pair, pair[::-1]))
        return sum(counts.alone.get(number, 0) for number in pair) + for_both

    def _most_with(self, number: int, other: int) -> int:
        """For how many contacts a repair may be needed besides the other one."""
        repair, with_it = self._repairs[number], self._repairs[other]
        if repair in self._concerned.changing:
            if number not in self._lacking:
                self._lacking[number] = int((self._needed(number) & ~self._by_itself(number)).sum())
            return self._lacking[number]
        effect = repair.effect
        if (
            isinstance(effect, Widening)
            and effect.value is not None
            and with_it.kind == "value"
            and with_it.field != effect.property
        ):
            return self._holding(effect.property)[options_of(effect.value)]
        return self._concerned.contacts.height

    def _holding(self, name: str) -> Counter[frozenset[str]]:
        """How many contacts have each value of the property."""
        if name not in self._held:
            self._held[name] = Counter()
            values = self._concerned.contacts.group_by(column_name("hubspot", name)).len()
            for value, contacts in values.iter_rows():
                self._held[name][options_of(value or "")] += contacts
        return self._held[name]


def _with_options(values: pl.Series, value: str) -> pl.Series:
    options = options_of(value)
    same = [one for one in values.unique().to_list() if options_of(one or "") == options]
    return values.is_in(same, nulls_equal=True)
