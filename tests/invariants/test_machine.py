"""The same actions and invariants as a state machine: hypothesis chooses what happens, and shortens what breaks."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.invariants.actions import ACTIONS
from tests.invariants.histories import come_to_rest, memory, step
from tests.invariants.world import World, setting_of

CHANCES = st.integers(0, 999)


class Engine(RuleBasedStateMachine):
    """A world; its rules are the actions, made below."""

    world: World | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="machine-", dir=memory())

    @initialize(seed=st.integers(0, 19))
    def begin(self, seed: int) -> None:
        """A world with the direction, policy and limits of this seed."""
        self.world = World(setting_of(seed), Path(self.folder.name))

    @invariant()
    def book_and_world_agree(self) -> None:
        """Whatever happened was entered: the judge's picture is what the services hold."""
        if self.world is not None:
            assert self.world.truth.look() == []

    def happen(self, name: str, chance: int) -> None:
        """One action and what it must not break."""
        assert self.world is not None
        step(self.world, name, random.Random(chance))

    def teardown(self) -> None:
        """At the end everything comes to rest."""
        try:
            if self.world is not None:
                come_to_rest(self.world)
        finally:
            if self.world is not None:
                self.world.close()
            self.folder.cleanup()


def _rule(name: str) -> object:
    def happens(self: Engine, chance: int) -> None:
        self.happen(name, chance)

    happens.__name__ = name
    happens.__doc__ = ACTIONS[name][0].__doc__
    return rule(chance=CHANCES)(happens)


for _name in ACTIONS:
    setattr(Engine, _name, _rule(_name))

TestEngine = Engine.TestCase
TestEngine.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
