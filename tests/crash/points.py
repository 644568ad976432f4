"""Points of the crash loop: chosen by a seed, each one killed, recovered and compared."""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from engine.sqlite import sqlite3
from tests.crash.both_sides import Sent, read_both_sides, sent_inputs
from tests.crash.boundaries import KINDS, Boundary, Target
from tests.crash.nursery import Nursery
from tests.crash.worlds import NAME, World, sync, verdict_counts

SHARE_KILLED_TWICE = 0.3
"""Share of the points whose first recovery is killed, too."""


@dataclass(frozen=True)
class Point:
    """Where a run is killed, and, if `second`, the run after it."""

    number: int
    world: World
    kind: str
    first: Target
    second_kind: str = ""
    second: Target | None = None

    def __str__(self) -> str:
        twice = f", then {_told(self.second)}" if self.second else ""
        return f"point {self.number} ({self.world.name}): {_told(self.first)}{twice}"


def _told(target: Target) -> str:
    return f"{target.moment} {target.nth} of {target.place}"


@dataclass
class Result:
    """What became of a point. `kills` are the kinds of boundaries at which the program really died: none if the run did
    not come by (progress is stored by the clock, and some of it may be missing the next time)."""

    point: Point
    kills: list[str] = field(default_factory=list)
    created: int = 0
    people: int = 0
    violations: list[str] = field(default_factory=list)


def point_of(number: int, seed: int, worlds: Sequence[World]) -> Point:
    """The point with a number (from 0) of a seed. Kinds of boundaries and worlds take turns; places of a kind are equally likely."""
    chance = random.Random(f"{seed} {number}")
    world = worlds[(number + number // len(KINDS)) % len(worlds)]
    kind = KINDS[number % len(KINDS)]
    first = _target(chance, kind, world.trace)
    if first is None:
        raise RuntimeError(f"world {world.name}: no boundary of the kind {kind!r} in an undisturbed run")
    if chance.random() >= SHARE_KILLED_TWICE:
        return Point(number, world, kind, first)
    second_kind = chance.choice(KINDS)
    return Point(number, world, kind, first, second_kind, _target(chance, second_kind, chance.choice(world.recoveries)))


def _target(chance: random.Random, kind: str, trace: Sequence[Boundary]) -> Target | None:
    passed = Counter(boundary for boundary in trace if boundary.kind == kind)
    if not passed:
        return None
    chosen = chance.choice(sorted(passed, key=lambda boundary: (boundary.moment, boundary.place)))
    return Target(chosen.moment, chosen.place, chance.randint(1, passed[chosen]))


def run_point(nursery: Nursery, folder: Path, point: Point) -> Result:
    """Kills, runs again to the end, and compares with the undisturbed run. `folder` is removed if nothing is wrong."""
    world, result = point.world, Result(point)
    home = Path(shutil.copytree(world.home, folder / "home"))
    targets = [(point.kind, point.first)] + ([(point.second_kind, point.second)] if point.second else [])
    for kind, target in targets:
        code = sync(nursery, folder, target, world.batch_size)
        if code == -signal.SIGKILL:
            result.kills.append(kind)
        elif code not in world.codes:
            result.violations.append(f"the run that was to be killed ended with {code}")
    code = sync(nursery, folder, None, world.batch_size)
    if code not in world.codes:
        result.violations.append(f"the recovery ended with {code}, an undisturbed run with {sorted(world.codes)}")
    _compare(result, folder, home)
    sent = len(sent_inputs(folder))
    code = sync(nursery, folder, None, world.batch_size)
    if len(sent_inputs(folder)) != sent or code not in world.codes:
        again = [f"{one.kind} {one.who} on {one.side}" for one in sent_inputs(folder)[sent:]]
        result.violations.append(f"the run after the recovery ended with {code} and wrote {again}")
    if not result.violations:
        shutil.rmtree(folder)
    return result


def _compare(result: Result, folder: Path, home: Path) -> None:
    world = result.point.world
    after = read_both_sides(home, world.known)
    result.violations += after.differences(world.after)
    doubled = after.doubled() - world.before.doubled()
    result.violations += [f"{side} has {address} twice" for side, address in sorted(doubled)]

    for sent, times in Counter(sent_inputs(folder)).items():
        if times > 1 and _taken(sent, world):
            result.violations.append(f"{sent.kind} {sent.who} was sent to {sent.side} {times} times: {sent.content}")
    made = [sent for sent in sent_inputs(folder) if sent.kind == "create" and _taken(sent, world)]
    result.created = len(made)
    result.people = len({(sent.side, sent.who) for sent in made})
    if result.created != result.people:
        result.violations.append(f"{result.created} creates for {result.people} people")

    found = verdict_counts(home)
    if found != world.verdicts:
        result.violations.append(f"verdicts are {found}, undisturbed they are {world.verdicts}")
    with closing(sqlite3.connect(home / "workspaces" / f"{NAME}.sqlite")) as sql:
        doubtful = sql.execute("SELECT count(*) FROM journal WHERE state IN ('intent', 'in_doubt')").fetchone()[0]
        if doubtful:
            result.violations.append(f"{doubtful} writes are still in doubt")
        for check in ("integrity_check", "foreign_key_check"):
            answer = [tuple(row) for row in sql.execute(f"PRAGMA {check}")]
            if answer not in ([], [("ok",)]):
                result.violations.append(f"PRAGMA {check} of the workspace: {answer}")


def _taken(sent: Sent, world: World) -> bool:
    """Whether the server took it (it refuses some, and a refused one may rightly be tried again)."""
    return sent.kind == "update" or sent.who in world.after.addresses[sent.side]
