"""The fix leaderboard of a connection: what would free most of the contacts that the last check found blocked, and its proof."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import polars as pl

from diagnostics.checkup import GATES
from diagnostics.repairs import Hypothetical, Obstacle, Repair
from diagnostics.repairs.leaderboard import CountedPair, alike, counted, freed_by
from diagnostics.repairs.opening import Opening
from diagnostics.repairs.reasons import Reasons, reasons_of
from diagnostics.repairs.smallest import GOOD, applied
from diagnostics.repairs.together import Together
from engine.connection import Connection
from engine.gates import STATES, Situation
from engine.memory import memory_of
from engine.plan import plan
from engine.population import contacts_of
from engine.situation import recall
from engine.workspace import Workspace

TOP = 10
PROVED = 10
"""So many of the best repairs, and of the best pairs, are proved."""
SAMPLE = 200
"""Contacts on which a claim is proved, evenly spread over those that it names; all of them if they are not more."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Proof:
    """What the planner said of contacts with the repairs done: of `contacts` run again, `freed` are in sync or pending. `all`:
    whether these were all that the claim names."""

    contacts: int
    freed: int
    all: bool


@dataclass(frozen=True)
class Fix:
    """One or two repairs and how many contacts they free by the findings of the last check, also by the state that these are in.
    Each part is a tuple: the repairs that do the same, any one of which is enough, single actions first."""

    parts: tuple[tuple[Repair, ...], ...]
    frees: int
    states: Mapping[str, int]
    proof: Proof | None


@dataclass(frozen=True)
class Fixes:
    """`blocked`: contacts that are neither in sync nor pending, per state; `beyond`: those that no repair frees as long as the obstacle
    stands, per obstacle (a contact counts for each of its own)."""

    run: int
    blocked: Mapping[str, int]
    beyond: tuple[tuple[Obstacle, int], ...]
    singles: tuple[Fix, ...]
    pairs: tuple[Fix, ...]


@dataclass(frozen=True)
class Ranking:
    """`singles`: repairs by number with how many contacts each frees alone; `pairs`: two of them with how many they free together."""

    reasons: Reasons
    together: Together | None
    opening: Opening
    singles: tuple[tuple[int, int], ...]
    pairs: tuple[CountedPair, ...]

    def freed(self, numbers: tuple[int, ...]) -> list[int]:
        """The contacts that one or two repairs free."""
        by_reasons = freed_by(self.reasons.incidence, numbers, self.reasons.answers)
        if numbers in self.opening.pairs:
            return sorted({*by_reasons}.difference(self.opening.stopped((numbers[0], numbers[1]))))
        if self.together is None or numbers not in self.together.pairs:
            return by_reasons
        found = chain(*self.together.done_for(numbers).values())
        return sorted({*by_reasons}.difference(self.together.contacts).union(found))

    def done_for(self, numbers: tuple[int, ...], contacts: Sequence[int]) -> Mapping[tuple[int, ...], Sequence[int]]:
        """Some of these contacts by the repairs that they need; what is one action for all is done for everybody."""
        needed: dict[int, set[int]] = {contact: set() for contact in contacts}
        for contact, reason in self.reasons.incidence.filter(pl.col("contact").is_in(contacts)).iter_rows():
            needed[contact] |= set(self.reasons.answers.get(reason, ())).intersection(numbers)
        if self.together is not None and numbers in self.together.pairs:
            for done, freed in self.together.done_for(numbers).items():
                needed |= {contact: set(done) for contact in needed.keys() & freed}
        once = {number for number in numbers if self.reasons.parts[number][0].once}
        groups: dict[tuple[int, ...], list[int]] = {}
        for contact, mine in needed.items():
            groups.setdefault(tuple(sorted(mine | once)), []).append(contact)
        return groups


def fixes(
    workspace: Workspace,
    connection: Connection,
    *,
    most: int = TOP,
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> Fixes:
    """The best repairs and pairs for the contacts of the last check. The first ten of each are proved by running the planner on
    up to `sample` of the contacts that they free (0: none). Raises WorkspaceError if nothing was examined yet."""
    situation = recall(workspace, connection)
    states = workspace.frame(
        f"SELECT contact_id AS contact, state FROM verdict WHERE state <> 'in_sync' AND state NOT IN {GOOD}",
        (),
        integers=("contact",),
    )
    run = int(workspace.value("SELECT coalesce(max(run_id), 0) FROM examination"))
    ranking = best(workspace, situation, most)
    claims: list[tuple[int, tuple[int, ...], int]] = [
        *((place, (one,), frees) for place, (one, frees) in enumerate(ranking.singles)),
        *((place, (one, other), frees) for place, (one, other, frees) in enumerate(ranking.pairs)),
    ]
    proofs = [place < PROVED and sample > 0 for place, _, _ in claims]
    found: list[Fix] = []
    for (_, numbers, frees), prove in zip(claims, proofs, strict=True):
        parts = tuple(ranking.reasons.parts[number] for number in numbers)
        named = ranking.freed(numbers)
        if prove and progress:
            progress("proving", sum(fix.proof is not None for fix in found), sum(proofs))
        proof = _proved(workspace, situation, ranking, numbers, _spread(named, sample), len(named)) if prove else None
        found.append(Fix(parts, frees, _per_state(states.filter(pl.col("contact").is_in(named))), proof))
    singles = len(ranking.singles)
    return Fixes(run, _per_state(states), _beyond(ranking.reasons), tuple(found[:singles]), tuple(found[singles:]))


def _spread(contacts: Sequence[int], most: int) -> Sequence[int]:
    """At most so many of them, evenly spread."""
    if len(contacts) <= most:
        return contacts
    return [contacts[place * len(contacts) // most] for place in range(most)]


def _per_state(contacts: pl.DataFrame) -> Mapping[str, int]:
    counts = dict(contacts.group_by("state").len().iter_rows())
    return {state: counts[state] for state in STATES if state in counts}


def best(workspace: Workspace, situation: Situation, most: int = TOP) -> Ranking:
    """The repairs, single and in pairs, that free most of all blocked contacts."""
    with _nothing_collected():
        reasons = reasons_of(workspace, situation)
        counts = counted(alike(reasons.incidence), reasons.answers)
        together = Together(reasons, reasons.concerned, counts) if reasons.concerned else None
        opening = Opening(reasons, counts)
        pairs = counts.best_with([opening, *([together] if together else [])], most)
        return Ranking(reasons, together, opening, counts.singles(most), pairs)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """While many objects are made that stay, the collector only looks through them: half of the time for 100,000 reasons. At the end
    they count as old ones, or it would look through all of them at once."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _beyond(reasons: Reasons) -> tuple[tuple[Obstacle, int], ...]:
    """The obstacles with how many contacts each holds back, most first."""
    counts: dict[Obstacle, int] = {}
    for obstacle in dict.fromkeys(reasons.obstacles.values()):
        mine = [number for number, other in reasons.obstacles.items() if other == obstacle]
        concerned = reasons.incidence.filter(pl.col("reason").is_in(mine))
        counts[obstacle] = concerned["contact"].n_unique()
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0].words)))


def _proved(
    workspace: Workspace,
    situation: Situation,
    ranking: Ranking,
    numbers: tuple[int, ...],
    chosen: Sequence[int],
    named: int,
) -> Proof:
    """Runs the planner on the chosen contacts. What is done for each contact is done only for those who need it."""
    freed = 0
    for done, contacts in ranking.done_for(numbers, chosen).items():
        given = Hypothetical(contacts_of(workspace, contacts), memory_of(workspace, contacts), situation)
        changed = applied([ranking.reasons.parts[number][0] for number in done], given)
        verdicts = plan(changed.contacts, changed.memory, changed.situation, GATES).verdicts
        freed += int(verdicts["state"].is_in(GOOD).sum())
    return Proof(len(chosen), freed, len(chosen) == named)
