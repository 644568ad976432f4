"""The smallest set of repairs after which a contact is in sync or pending: found, and proved, by running the planner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import polars as pl

from diagnostics.repairs import answer_to
from diagnostics.repairs.effects import following_criteria
from diagnostics.repairs.repair import Hypothetical, Obstacle, Repair, Stop
from diagnostics.repairs.widening import Widening, widened
from engine.gates import Gate, Situation
from engine.memory import Memory
from engine.plan import Plan, plan

GOOD = ("in_sync", "pending")
MOST_ROUNDS = 8
MOST_RUNS, MOST_SETS = 64, 500
"""Planner runs spent on smaller sets, and such sets of one size; a set that was not compared with all of them is not called the
smallest."""


@dataclass(frozen=True)
class SmallestChange:
    """What would let a contact sync.

    With `repairs`, the planner has said `state` (in_sync or pending) of the contact with all of them, and something else
    with any one left out; `smallest`: also with every smaller set of the repairs known for its stops. Without, either
    `obstacles` say what nobody can repair now, or `left` names the causes that no known repair lifted.
    """

    repairs: tuple[Repair, ...] = ()
    state: str = ""
    smallest: bool = False
    obstacles: tuple[Obstacle, ...] = ()
    left: tuple[str, ...] = ()
    runs: int = 0


@dataclass(frozen=True)
class _Judged:
    state: str
    stops: tuple[Stop, ...]


def stops_of(answer: Plan) -> tuple[Stop, ...]:
    """What keeps a plan's one contact from syncing, in the order in which it decides. For a conflict by a loop the finding speaks."""
    rows = answer.findings.filter("blocking").sort("rank", maintain_order=True)
    stops = [
        Stop(row["code"], row["field"], row["value"], row["rule"], row["state"]) for row in rows.iter_rows(named=True)
    ]
    stops += [
        Stop("conflict", row["field"], "", row["reason"], "conflict")
        for row in answer.conflicts.iter_rows(named=True)
        if row["reason"] != "loop"
    ]
    return tuple(stops)


def smallest_change(given: Hypothetical, answer: Plan, gates: Sequence[Gate]) -> SmallestChange | None:
    """The smallest change for the one contact of `given`, of whom the planner said `answer`; None if nothing stops them.

    Pure. Every set that is named was planned; so was every set that is called insufficient.
    """
    if answer.verdicts["state"][0] in GOOD:
        return None
    return _Search(given, stops_of(answer), gates).change()


def applied(repairs: Iterable[Repair], given: Hypothetical, did: pl.DataFrame | None = None) -> Hypothetical:
    """The contacts with the repairs done, one after the other, those last of which nobody can foresee what they do; a list that
    follows its criteria has followed (`did` as in `effects.following_criteria`)."""
    in_order = [repair.effect for repair in sorted(repairs, key=lambda one: not one.foreseen)]
    changed = widened([effect for effect in in_order if isinstance(effect, Widening)], given)
    for effect in in_order:
        changed = changed if isinstance(effect, Widening) else effect(changed)
    return following_criteria(given, changed, did)


class _Search:
    def __init__(self, given: Hypothetical, stops: tuple[Stop, ...], gates: Sequence[Gate]) -> None:
        self._given, self._stops, self._gates = given, stops, gates
        self._pool: list[Repair] = []
        self._known: dict[frozenset[Repair], _Judged] = {}
        self._runs = 0

    def change(self) -> SmallestChange:
        chosen: list[Repair] = []
        obstacles: dict[Obstacle, None] = {}
        stops = self._stops
        for _ in range(MOST_ROUNDS):
            added = self._answers(stops, chosen, obstacles)
            if obstacles or not added:
                break
            chosen += added
            self._judge([tuple(chosen)])
            judged = self._known[frozenset(chosen)]
            if judged.state in GOOD:
                return self._smaller(chosen)
            stops = judged.stops
        left = tuple(dict.fromkeys(stop.code for stop in stops))
        return SmallestChange(obstacles=tuple(obstacles), left=left, runs=self._runs)

    def _answers(
        self, stops: Iterable[Stop], chosen: Sequence[Repair], obstacles: dict[Obstacle, None]
    ) -> list[Repair]:
        """For each stop the first repair that was not tried yet; fills the pool, and `obstacles`."""
        added: list[Repair] = []
        for stop in stops:
            answer = answer_to(stop, self._given.situation)
            if isinstance(answer, Obstacle):
                obstacles[answer] = None
                continue
            self._pool += [repair for repair in answer if repair not in self._pool]
            untried = [repair for repair in answer if repair not in chosen]
            if untried and not any(repair in added for repair in answer):
                added.append(untried[0])
        return added

    def _smaller(self, chosen: list[Repair]) -> SmallestChange:
        """The set without what is not needed, or a smaller one of other repairs."""
        needed, exact = self._irreducible(tuple(chosen)), True
        for size in range(1, len(needed)):
            found, exact = self._of_size(size)
            if found is not None:
                needed = found
            if found is not None or not exact:
                break
        state = self._known[frozenset(needed)].state
        return SmallestChange(self._in_order(needed), state, smallest=exact, runs=self._runs)

    def _of_size(self, size: int) -> tuple[tuple[Repair, ...] | None, bool]:
        """A set of so many repairs that is enough, if there is one, and whether all sets were tried that had to be for saying so."""
        if comb(len(self._pool), size) > MOST_SETS:
            return None, False
        sets = list(combinations(self._pool, size))
        promising = [one for one in sets if self._may_suffice(one)]
        for tried in (promising, sets):
            if not self._judge(tried, MOST_RUNS - self._runs):
                return None, False
            found = next((one for one in tried if self._known[frozenset(one)].state in GOOD), None)
            if found is not None:
                return found, True
        return None, True

    def _irreducible(self, repairs: tuple[Repair, ...]) -> tuple[Repair, ...]:
        """The set after leaving out, one by one, whatever can be left out."""
        while len(repairs) > 1:
            fewer = [tuple(one for one in repairs if one is not left) for left in repairs]
            self._judge(fewer)
            enough = next((one for one in reversed(fewer) if self._known[frozenset(one)].state in GOOD), None)
            if enough is None:
                return repairs
            repairs = enough
        return repairs

    def _may_suffice(self, repairs: tuple[Repair, ...]) -> bool:
        """Whether each of the contact's stops is lifted by one of the repairs alone: these sets are tried first. Others may still
        lift a stop together."""
        if len(repairs) == 1:
            return True
        return all(any(self._lifts(repair, stop) for repair in repairs) for stop in self._stops)

    def _lifts(self, repair: Repair, stop: Stop) -> bool:
        alone = self._known[frozenset((repair,))]
        return all((stop.code, stop.field) != (still.code, still.field) for still in alone.stops)

    def _in_order(self, repairs: tuple[Repair, ...]) -> tuple[Repair, ...]:
        return tuple(sorted(repairs, key=self._pool.index))

    def _judge(self, sets: Iterable[Sequence[Repair]], most: int | None = None) -> bool:
        """Plans the contact with each set of repairs. Those that leave the situation alike are planned together, each as a
        contact of its own. False, and nothing planned, if that takes more than `most` runs."""
        together: list[tuple[Situation, list[frozenset[Repair]], list[Hypothetical]]] = []
        for repairs in sets:
            key = frozenset(repairs)
            if key in self._known or any(key in keys for _, keys, _ in together):
                continue
            changed = applied([repair for repair in self._pool if repair in key], self._given)
            group = next((one for one in together if one[0] == changed.situation), None)
            if group is None:
                group = (changed.situation, [], [])
                together.append(group)
            group[1].append(key)
            group[2].append(changed)
        if most is not None and len(together) > most:
            return False
        for situation, keys, variants in together:
            self._known |= zip(keys, judged(variants, situation, self._gates), strict=True)
            self._runs += 1
        return True


def judged(variants: Sequence[Hypothetical], situation: Situation, gates: Sequence[Gate]) -> list[_Judged]:
    """What the planner says of each variant of the one contact."""
    numbered = [_numbered(variant, number) for number, variant in enumerate(variants)]
    contacts = pl.concat([one.contacts for one in numbered], how="diagonal_relaxed")
    memory = Memory(
        *(
            pl.concat([getattr(one.memory, name) for one in numbered])
            for name in ("base", "decisions", "suspended", "refused", "evidence")
        )
    )
    answer = plan(contacts, memory, situation, gates)
    verdicts = dict(answer.verdicts.select("contact", "state").iter_rows())
    result = []
    for number in range(len(variants)):
        mine = pl.col("contact") == number
        part = replace(answer, findings=answer.findings.filter(mine), conflicts=answer.conflicts.filter(mine))
        result.append(_Judged(verdicts[number], stops_of(part)))
    return result


def _numbered(variant: Hypothetical, number: int) -> Hypothetical:
    def own(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(contact=pl.lit(number, pl.Int64))

    memory = variant.memory
    return replace(
        variant,
        contacts=own(variant.contacts),
        memory=Memory(
            own(memory.base), own(memory.decisions), own(memory.suspended), own(memory.refused), own(memory.evidence)
        ),
    )
