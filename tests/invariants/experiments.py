"""Metamorphic invariants."""
from __future__ import annotations
import random
from tests.invariants.world import World
def experiments_at_rest(world: World, chance: random.Random) -> None:
    return
