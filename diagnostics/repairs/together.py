"""Two repairs by which the inclusion list goes, done together: counted by evaluating the criteria with both done.

Reasons and what answers them do not tell it where one of the two changes in single records what the list looks at and the other does
so too, or widens the list: the first may break what the second mends, and bring others in that the second alone does not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import polars as pl

from diagnostics.causes.columns import column_name
from diagnostics.repairs.concerned import Concerned
from diagnostics.repairs.leaderboard import Counts, Pair, answered_by_each, sets_of
from diagnostics.repairs.of_list import Fulfilment
from diagnostics.repairs.reasons import Reasons
from diagnostics.repairs.repair import Repair
from diagnostics.repairs.widening import Widening, options_of


class Together:
    """Pairs of repairs of which one changes single records and the other does so too or widens the list; what is told of contacts is in
    the order of `Concerned.contacts`. Repairs are named by their numbers."""

    def __init__(self, reasons: Reasons, concerned: Concerned, counts: Counts) -> None:
        self._concerned, self._counts = concerned, counts
        self.contacts = frozenset(concerned.contacts["contact"])
        self._repairs = [part[0] for part in reasons.parts]
        self._stopped = sets_of(reasons.incidence, concerned.contacts["contact"])
        self._answered = answered_by_each(reasons.answers)
        self._changing = [number for number, one in enumerate(self._repairs) if one in concerned.changing]
        widening = [number for number, one in enumerate(self._repairs) if one.kind == "list"]
        self.pairs: frozenset[Pair] = frozenset(
            (min(one, other), max(one, other))
            for one in self._changing
            for other in (*self._changing, *widening)
            if one != other
        )
        self._held: dict[tuple[object, ...], pl.Series] = {}
        self._need: dict[int, pl.Series] = {}
        self._alone: dict[int, pl.Series] = {}
        self._more: dict[int, int] = {}
        self._after: dict[tuple[int, str], pl.Series] = {}
        self._by_options: dict[tuple[int, frozenset[str], str], Counter[frozenset[str]]] = {}

    def at_most(self, pair: Pair) -> int:
        """What the two do not free more contacts than: those whom each frees, and those for whom both may be needed."""
        number, other = self._in_order(pair)
        effect = self._repairs[other].effect
        if isinstance(effect, Widening) and effect.value is not None:
            for_both = self._gained(number, other, effect)[options_of(effect.value)]
        else:
            for_both = min(self._lacking(one) for one in pair)
        return sum(self._counts.alone.get(one, 0) for one in pair) - self._counts.twice.get(pair, 0) + for_both

    def count(self, pair: Pair) -> int:
        """How many contacts the two free, of all."""
        reckoned = self._stopped.all_of(self._gone(pair[0]) | self._gone(pair[1]))
        return self._counts.freed(pair) - int(reckoned.sum()) + int(self._freed(pair).sum())

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
        """Whom the two free, both done for those who need what is done for each contact. Of two values of one property only one is
        there."""
        one, other = (self._repairs[number] for number in pair)
        if one.kind == other.kind == "value" and one.field == other.field:
            return pl.repeat(False, self._concerned.contacts.height, dtype=pl.Boolean, eager=True)
        number, widening = self._in_order(pair)
        effect = self._repairs[widening].effect
        if not isinstance(effect, Widening) or effect.value is None:
            return self._done_with(*pair) & self._inside(pair, (one, other))
        by_value = self._done_with(number) & self._inside((number,), (self._repairs[number],))
        return by_value | (
            self._asked_less(number, widening, effect) & self._has(number, effect.property, effect.value)
        )

    def _in_order(self, pair: Pair) -> Pair:
        """A repair that changes single records comes first."""
        return pair if self._repairs[pair[0]] in self._concerned.changing else pair[::-1]

    def _done_with(self, *numbers: int) -> pl.Series:
        """Whom nothing but the list stops any more, of those who need what these change in single records."""
        changing = {
            number: self._repairs[number] for number in numbers if self._repairs[number] in self._concerned.changing
        }
        done = self._concerned.besides.all_of(
            frozenset().union(*map(self._concerned.changing.__getitem__, changing.values()))
        )
        for number in changing:
            done &= self._needed(number)
        return done

    def _needed(self, number: int) -> pl.Series:
        if number not in self._need:
            self._need[number] = self._concerned.need(self._repairs[number])
        return self._need[number]

    def _inside(self, key: tuple[object, ...], repairs: tuple[Repair, ...]) -> pl.Series:
        """Whom the list holds with the repairs done."""
        if key not in self._held:
            self._held[key] = self._concerned.inside(repairs)
        return self._held[key]

    def _asked_less(self, number: int, widening: int, effect: Widening) -> pl.Series:
        """Whom a changing repair would free if the list did not ask for what it takes one value more of."""
        repair = self._repairs[widening]
        asking_less = replace(repair, effect=replace(effect, value=None))
        return self._done_with(number) & self._inside((number, effect.parts), (self._repairs[number], asking_less))

    def _has(self, number: int, name: str, value: str) -> pl.Series:
        """Who has the value of the property once the changing repair is done."""
        values = self._values(number, name)
        options = options_of(value)
        same = [one for one in values.unique().to_list() if options_of(one or "") == options]
        return values.is_in(same, nulls_equal=True)

    def _values(self, number: int, name: str) -> pl.Series:
        """The contacts' values of the property once the changing repair is done."""
        key = (number, name)
        if key not in self._after:
            concerned, column, repair = self._concerned, column_name("hubspot", name), self._repairs[number]
            if isinstance(repair.effect, Fulfilment) and repair.effect.property == name:
                self._after[key] = pl.repeat(repair.effect.value, concerned.contacts.height, eager=True)
            else:
                before, after = concerned.admission.kinds[column], concerned.admission.after([repair])[column]
                changed = concerned.of_kind(before.ne_missing(after))
                self._after[key] = concerned.of_kind(after).zip_with(changed, concerned.contacts[column])
        return self._after[key]

    def _lacking(self, number: int) -> int:
        """How many contacts a repair may free that it does not free alone."""
        if number not in self._more:
            needed = self._needed(number) if self._repairs[number] in self._concerned.changing else True
            self._more[number] = int((needed & ~self._by_itself(number)).sum())
        return self._more[number]

    def _gained(self, number: int, widening: int, effect: Widening) -> Counter[frozenset[str]]:
        """How many contacts a list that also takes a value frees with the changing repair that this alone does not, by value."""
        key = (number, effect.parts, effect.property)
        if key not in self._by_options:
            gained = self._asked_less(number, widening, effect) & ~self._by_itself(number)
            values = self._values(number, effect.property).filter(gained).value_counts()
            self._by_options[key] = Counter()
            for value, contacts in values.iter_rows():
                self._by_options[key][options_of(value or "")] += contacts
        return self._by_options[key]
