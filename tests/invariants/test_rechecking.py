"""A check plans only what is due, and says the same as one that plans everything, whatever happened since the last one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.invariants.actions import ACTIONS, act
from tests.invariants.histories import examined
from tests.invariants.world import World, setting_of

STEPS = 14
ENGINE_AT_WORK = ("sync", "sync_saved", "undo", "edit_around_sync", "edit_in_run", "edit_while_in_doubt", "die")
"""Actions with a sync in them: they come up, but rarely, for the check after one plans everything."""


@pytest.mark.parametrize("seed", range(6))
def test_a_partial_check_says_what_a_whole_one_would(seed: int, tmp_path: Path) -> None:
    """After each action of people there is a check; the world compares it with a whole planning in a copy."""
    chance = random.Random(seed)
    world = World(setting_of(seed), tmp_path)
    weights = {name: weight for name, (_, weight) in ACTIONS.items()}
    weights |= dict.fromkeys(ENGINE_AT_WORK, 1) | {"break_read": 1, "break_write": 1}
    for name in ("sync", *chance.choices(list(weights), list(weights.values()), k=STEPS)):
        before = len(world.engine.runs)
        act(world, name, chance)
        world.desk.time.seconds += 100
        world.check()
        for ran in world.engine.runs[before:]:
            examined(world, ran)
    world.close()

    assert world.engine.kept > 0
