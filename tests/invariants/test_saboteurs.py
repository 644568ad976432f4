"""Broken engines are caught, each by the invariant meant for it, on seeds that the sound engine passes."""

from __future__ import annotations

import pytest

from tests.invariants.histories import run_history
from tests.invariants.saboteurs import SABOTEURS, Saboteur
from tests.invariants.test_histories import SEEDS


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda saboteur: saboteur.name)
def test_a_broken_engine_is_caught(saboteur: Saboteur) -> None:
    """Within the seeds that test_histories runs with the sound engine."""
    broken = []
    with saboteur.at_work():
        for seed in (*SEEDS[saboteur.first :], *SEEDS[: saboteur.first]):
            failure = run_history(seed, gates=saboteur.gates, experiments=False).failure
            if failure is not None:
                broken.append((seed, failure.number))
                if failure.number in saboteur.caught_by:
                    return
    raise AssertionError(f"{saboteur.name} was to be caught by {saboteur.caught_by}, but only {broken} broke")
