"""The fix leaderboard of a connection: what would free most of the contacts that the last check found blocked, and its proof."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from diagnostics.causes import (
    field_format,
    field_length,
    field_option,
    field_range,
    field_type,
    list_criteria,
    list_membership,
)
from diagnostics.causes.refusals import PREFIX, UNKNOWN
from diagnostics.checkup import GATES
from diagnostics.repairs import Hypothetical, Obstacle, Repair, Stop, answer_to
from diagnostics.repairs.leaderboard import INCIDENCE, Ranking, alike, freed_by, ranked
from diagnostics.repairs.smallest import GOOD, applied
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
_OF_THE_LIST = (list_criteria.CODE, list_membership.CODE)
_BY_VALUE = (field_option.CODE, *_OF_THE_LIST, UNKNOWN)
"""Causes whose value says what would be changed: one option, one value that the list would take, one message."""
_BY_RULE = (field_format.CODE, field_length.CODE, field_range.CODE, field_type.CODE, *_OF_THE_LIST)
"""Causes whose rule says it."""
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
class Reasons:
    """All reasons of all blocked contacts, numbered, and what answers each."""

    incidence: pl.DataFrame
    parts: tuple[tuple[Repair, ...], ...]
    answers: Mapping[int, Sequence[int]]
    obstacles: Mapping[int, Obstacle]


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
    reasons, ranking = best(workspace, situation, most)
    claims: list[tuple[int, tuple[int, ...], int]] = [
        *((place, (one,), frees) for place, (one, frees) in enumerate(ranking.singles)),
        *((place, (one, other), frees) for place, (one, other, frees) in enumerate(ranking.pairs)),
    ]
    proofs = [place < PROVED and sample > 0 for place, _, _ in claims]
    found: list[Fix] = []
    for (_, numbers, frees), prove in zip(claims, proofs, strict=True):
        parts = tuple(reasons.parts[number] for number in numbers)
        named = freed_by(reasons.incidence, numbers, reasons.answers)
        if prove and progress:
            progress("proving", sum(fix.proof is not None for fix in found), sum(proofs))
        proof = _proved(workspace, situation, reasons, numbers, _spread(named, sample), len(named)) if prove else None
        found.append(Fix(parts, frees, _per_state(states.filter(pl.col("contact").is_in(named))), proof))
    singles = len(ranking.singles)
    return Fixes(run, _per_state(states), _beyond(reasons), tuple(found[:singles]), tuple(found[singles:]))


def _spread(contacts: Sequence[int], most: int) -> Sequence[int]:
    """At most so many of them, evenly spread."""
    if len(contacts) <= most:
        return contacts
    return [contacts[place * len(contacts) // most] for place in range(most)]


def _per_state(contacts: pl.DataFrame) -> Mapping[str, int]:
    counts = dict(contacts.group_by("state").len().iter_rows())
    return {state: counts[state] for state in STATES if state in counts}


_STOPS = f"""
SELECT f.contact_id AS contact, f.code, f.state, f.field,
  CASE WHEN f.code IN ({", ".join(f"'{code}'" for code in _BY_VALUE)}) THEN f.value ELSE '' END AS value,
  CASE WHEN f.code IN ({", ".join(f"'{code}'" for code in _BY_RULE)}) OR f.state = 'unknown' AND f.code NOT GLOB '{PREFIX}*'
    THEN f.rule ELSE '' END AS rule
FROM verdict v JOIN finding f ON f.contact_id = v.contact_id AND f.last_run = v.run_id
WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} AND f.blocking
UNION ALL
SELECT v.contact_id, 'conflict', 'conflict', c.field, '', c.reason
FROM verdict v JOIN conflict c ON c.contact_id = v.contact_id AND c.run_id = v.run_id
WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} AND c.reason <> 'loop'
UNION ALL
SELECT v.contact_id, v.cause, v.state, '', '', '' FROM verdict v
WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} AND v.cause <> 'conflict' AND NOT EXISTS (
  SELECT 1 FROM finding f WHERE f.contact_id = v.contact_id AND f.code = v.cause AND f.last_run = v.run_id)
"""
"""What stops whom, without what is the contact's own: contacts with the same reason then have the same row. The last part are
contacts of a side that could not be read, of whom no gate says anything. That nobody in sync is meant is said in the words of the
index of states, which SQLite else does not use."""
_PARTS = ("code", "state", "field", "value", "rule")


def best(workspace: Workspace, situation: Situation, most: int = TOP) -> tuple[Reasons, Ranking]:
    """The reasons of all blocked contacts and the repairs, single and in pairs, that free most of them."""
    with _nothing_collected():
        reasons = _reasons_of(workspace, situation)
        return reasons, ranked(alike(reasons.incidence), reasons.answers, most)


def _reasons_of(workspace: Workspace, situation: Situation) -> Reasons:
    """Numbers the reasons of all blocked contacts and the repairs that answer them."""
    columns = {name: name for name in ("contact", *_PARTS)}
    stops = workspace.population(columns, f"({_STOPS})", integers=("contact",))
    distinct = stops.select(_PARTS).unique(maintain_order=True).with_row_index("reason")
    rows = stops.join(distinct, on=_PARTS, how="left").select("contact", pl.col("reason").cast(pl.Int64))
    parts, answers, obstacles = _answered(distinct, situation)
    return Reasons(rows.cast(dict(INCIDENCE)), parts, answers, obstacles)  # type: ignore[arg-type]


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """While many objects are made that stay, the collector only looks through them: half of the time for 100,000 reasons."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _answered(
    distinct: pl.DataFrame, situation: Situation
) -> tuple[tuple[tuple[Repair, ...], ...], dict[int, list[int]], dict[int, Obstacle]]:
    """Repairs that answer the same reasons, as one; which of them answer each reason; and what nobody can repair."""
    obstacles: dict[int, Obstacle] = {}
    by_repair: dict[Repair, list[int]] = {}
    for code, state, field, value, rule, reason in distinct.select(*_PARTS, "reason").iter_rows():
        answer = answer_to(Stop(code, field, value, rule, state), situation)
        if isinstance(answer, Obstacle):
            obstacles[reason] = answer
            continue
        for place, repair in enumerate(answer):
            # What is done for each contact counts only where nothing is preferred to it.
            if place == 0 or repair.once:
                by_repair.setdefault(repair, []).append(reason)
    same: dict[tuple[int, ...], list[Repair]] = {}
    for repair, reasons in sorted(by_repair.items(), key=lambda one: not one[0].once):
        same.setdefault(tuple(dict.fromkeys(reasons)), []).append(repair)
    answers: dict[int, list[int]] = {}
    for number, answered in enumerate(same):
        for reason in answered:
            answers.setdefault(reason, []).append(number)
    return tuple(map(tuple, same.values())), answers, obstacles


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
    reasons: Reasons,
    numbers: Sequence[int],
    chosen: Sequence[int],
    named: int,
) -> Proof:
    """Runs the planner on the chosen contacts. What is done for each contact is done only for those who need it."""
    needed: dict[int, set[int]] = {contact: set() for contact in chosen}
    for contact, reason in reasons.incidence.filter(pl.col("contact").is_in(chosen)).iter_rows():
        needed[contact] |= set(reasons.answers.get(reason, ())).intersection(numbers)
    groups: dict[tuple[int, ...], list[int]] = {}
    for contact, mine in needed.items():
        done = tuple(number for number in numbers if number in mine or reasons.parts[number][0].once)
        groups.setdefault(done, []).append(contact)
    freed = 0
    for done, contacts in groups.items():
        given = Hypothetical(contacts_of(workspace, contacts), memory_of(workspace, contacts), situation)
        changed = applied([reasons.parts[number][0] for number in done], given)
        verdicts = plan(changed.contacts, changed.memory, changed.situation, GATES).verdicts
        freed += int(verdicts["state"].is_in(GOOD).sum())
    return Proof(len(chosen), freed, len(chosen) == named)
