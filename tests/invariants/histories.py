"""One history: a seed decides the world and what happens in it; the invariants are looked at after each run and at rest."""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.gates import Gate
from tests.invariants.actions import ACTIONS, READ_FAULTS, WRITE_FAULTS, act
from tests.invariants.adapter import BRANCHES, Ran, with_brakes
from tests.invariants.invariants import AFTER_RUN, AT_REST
from tests.invariants.world import World, setting_of

STEPS = 16
MORE_BRANCHES = (
    "explained and done", "cause put right", "saved plan written", "saved plan refused", "undone", "edited in the gap",
)  # fmt: skip
ROUNDS_TO_REST = 6
"""Syncs without faults in which everything has to come to rest (I18)."""
A_WHILE, A_DAY = 1_000, 90_000
"""Seconds before the syncs that bring a world to rest: with every other seed long enough for both sides to be read whole."""


class Broken(AssertionError):
    """An invariant does not hold. `number` is I1 to I20."""

    def __init__(self, number: str, complaints: Sequence[str], world: World) -> None:
        self.number = number
        self.complaints = list(complaints)
        self.log = list(world.log)
        self.setting = world.setting
        told = "\n".join(
            ["", *self.log, "", f"{world.setting}", *(f"{number}: {text}" for text in self.complaints[:5])]
        )
        super().__init__(told)


@dataclass(frozen=True)
class Failure:
    """What broke in a history: the invariant, the first complaints, and the history in words."""

    number: str
    complaints: tuple[str, ...]
    told: str


@dataclass
class History:
    """What a history was: its counters, its steps in words, seconds, and what broke, if anything did."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0
    failure: Failure | None = None


def examined(world: World, ran: Ran) -> None:
    """Looks at a run with every invariant that concerns one. Raises Broken."""
    for number, invariant in AFTER_RUN.items():
        world.counts[f"looked at {number}"] += 1
        judge(world, number, invariant(world, ran))


def judge(world: World, number: str, complaints: Iterable[str]) -> None:
    """Raises Broken if there is a complaint."""
    if left := list(complaints):
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
    world.resting = True
    world.desk.time.seconds += A_DAY if world.setting.seed % 2 else 0
    # A reading with other fields drops nobody; who is gone is noticed by the next one.
    least = 2 if world.unmapped or world.once_unmapped else 1
    for round_ in range(1, ROUNDS_TO_REST + 1):
        world.desk.time.seconds += A_WHILE
        ran = world.sync()
        examined(world, ran)
        wrote = any(request.kind != "read" for request in world.desk.requests if request.run == ran.number)
        if ran.end == "done" and not wrote and round_ >= least:
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


def run_history(
    seed: int, *, gates: Sequence[Gate] | None = None, steps: int = STEPS, experiments: bool = True
) -> History:
    """Plays the history of a seed. What breaks is kept in the answer, not raised."""
    from tests.invariants.experiments import experiments_at_rest

    started = time.perf_counter()
    history = History(seed)
    chance = random.Random(f"history {seed}")
    with tempfile.TemporaryDirectory(prefix="history-", dir=memory()) as folder:
        world = World(setting_of(seed), Path(folder), gates)
        world.counts = history.counts
        try:
            for name in script(seed, chance, steps):
                step(world, name, chance)
                history.counts["steps"] += 1
            come_to_rest(world)
            if experiments:
                experiments_at_rest(world, chance)
        except Broken as broken:
            history.failure = Failure(broken.number, tuple(broken.complaints), str(broken))
        finally:
            tally(world)
            history.log = world.log
            world.close()
    history.seconds = time.perf_counter() - started
    return history


def tidy_history(seed: int) -> History:
    """The history of a seed, with garbage collected once at its end: all the time takes a seventh longer."""
    gc.disable()
    history = run_history(seed)
    gc.collect()
    return history


def script(seed: int, chance: random.Random, steps: int) -> list[str]:
    """The names of a history's actions: random ones by their weights, and the one whose turn it is with this seed."""
    names, weights = list(ACTIONS), [weight for _, weight in ACTIONS.values()]
    chosen = chance.choices(names, weights, k=steps)
    chosen[chance.randrange(steps)] = names[seed % len(names)]
    place = chance.randrange(1, steps - 3)
    chosen[place : place + 3] = ["new_welcome", "break_in_turn", "sync"]
    return chosen


def memory() -> str | None:
    """A folder in memory if the system has one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def never(counts: Counter[str]) -> list[str]:
    """What should have happened at least once and never did: a run in which nothing happens looks green."""
    wanted = [f"action {name}" for name in ACTIONS]
    wanted += [f"fault {kind}" for kind in {*READ_FAULTS, *WRITE_FAULTS}]
    wanted += [f"looked at I{number}" for number in range(1, 21)]
    wanted += [f"branch {name}" for name in (*BRANCHES, *MORE_BRANCHES)]
    wanted += [f"run {end}" for end in ("done", "failed", "braked", "killed", "halted", "refused")]
    return sorted(name for name in wanted if not counts[name])
