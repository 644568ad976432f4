"""A fixed share of the random histories: every invariant holds in every one, and everything that can happen happens."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.invariants.histories import never, run_history

SEEDS = range(24)
COUNTS: Counter[str] = Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invariant_holds_in_the_history_of(seed: int) -> None:
    """I1 to I20 hold in this history; `python -m tests.invariants --seed N` replays it."""
    history = run_history(seed)
    COUNTS.update(history.counts)
    assert history.failure is None, history.failure and history.failure.told


def test_something_happened_in_these_histories() -> None:
    """A run in which nothing happens looks green."""
    assert len(SEEDS) == sum(count for name, count in COUNTS.items() if name == "looked at I1")
    assert never(COUNTS) == []
