"""One history: a seed decides the world and what happens in it; the invariants are looked at after each run and at rest."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.gates import Gate
from tests.invariants.actions import ACTIONS, act
from tests.invariants.adapter import Ran, with_brakes
from tests.invariants.invariants import AFTER_RUN, AT_REST
from tests.invariants.pardons import pardoned
from tests.invariants.world import World, setting_of

STEPS = 16
ROUNDS_TO_REST = 6
"""Syncs without faults in which everything has to come to rest (I18)."""


class Broken(AssertionError):
    """An invariant does not hold. `number` is I1 to I20."""

    def __init__(self, number: str, complaints: Sequence[str], world: World) -> None:
        self.number = number
        self.complaints = list(complaints)
        self.log = list(world.log)
        self.setting = world.setting
        told = "\n".join(["", *self.log, "", f"{world.setting}", *(f"{number}: {text}" for text in self.complaints[:5])])
        super().__init__(told)


@dataclass
class History:
    """What a history was: its counters, seconds, and what broke, if anything did."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    broken: Broken | None = None


def examined(world: World, ran: Ran) -> None:
    """Looks at a run with every invariant that concerns one. Raises Broken."""
    for number, invariant in AFTER_RUN.items():
        world.counts[f"looked at {number}"] += 1
        judge(world, number, invariant(world, ran))


def judge(world: World, number: str, complaints: Iterable[str]) -> None:
    """Raises Broken for what is not pardoned."""
    left = []
    for complaint in complaints:
        pardon = pardoned(number, complaint)
        world.counts[f"pardoned {pardon}"] += bool(pardon)
        left += [] if pardon else [complaint]
    if left:
        raise Broken(number, left, world)


def step(world: World, name: str, chance: random.Random) -> None:
    """One action, and a look at what the engine did in it. Raises Broken."""
    before = len(world.engine.runs)
    act(world, name, chance)
    for ran in world.engine.runs[before:]:
        examined(world, ran)


def come_to_rest(world: World) -> None:
    """No more faults or edits: a few syncs, then nothing is left to do (I1, I2, I18). Raises Broken."""
    world.desk.waiting.clear()
    world.desk.spare()
    world.connection = with_brakes(world.connection, tight=False)
    world.say("at rest from here on")
    for _ in range(ROUNDS_TO_REST):
        world.desk.time.seconds += 1000
        ran = world.sync()
        examined(world, ran)
        if ran.end == "done" and not any(
            request.kind != "read" for request in world.desk.requests if request.run == ran.number
        ):
            break
    else:
        raise Broken("I18", [f"after {ROUNDS_TO_REST} syncs there is still something to write"], world)
    world.counts["looked at I18"] += 1
    last = world.sync()
    examined(world, last)
    for number, invariant in AT_REST.items():
        world.counts[f"looked at {number}"] += 1
        judge(world, number, invariant(world, last))


def tally(world: World) -> None:
    """Adds what the wire and the engine's own record count to the world's counters."""
    world.counts.update({f"fault {kind}": count for kind, count in world.desk.fired.items()})
    world.counts.update({f"branch {name}": count for name, count in world.engine.branches().items()})
    world.counts["requests"] += len(world.desk.requests)


def run_history(seed: int, *, gates: Sequence[Gate] | None = None, steps: int = STEPS) -> History:
    """Plays the history of a seed. What breaks is kept in the answer, not raised."""
    from tests.invariants.experiments import experiments_at_rest

    started = time.perf_counter()
    history = History(seed)
    chance = random.Random(f"history {seed}")
    with tempfile.TemporaryDirectory(prefix="history-", dir=_memory()) as folder:
        world = World(setting_of(seed), Path(folder), gates)
        world.counts = history.counts
        try:
            names, weights = list(ACTIONS), [weight for _, weight in ACTIONS.values()]
            for name in chance.choices(names, weights, k=steps):
                step(world, name, chance)
                history.counts["steps"] += 1
            come_to_rest(world)
            experiments_at_rest(world, chance)
        except Broken as broken:
            history.broken = broken
        finally:
            tally(world)
            world.close()
    history.seconds = time.perf_counter() - started
    return history


def _memory() -> str | None:
    """A folder in memory if the system has one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
