"""A fixed share of the random histories: every invariant holds in every one, and everything that can happen happens."""

from __future__ import annotations

from collections import Counter

from tests.invariants.histories import never, run_history

SEEDS = range(26)


def test_every_invariant_holds_in_a_share_of_the_histories() -> None:
    """I1 to I20 hold; `python -m tests.invariants --seed N` replays one. A run in which nothing happens looks green, so
    every action, fault, branch and invariant has a counter, and none of them stays at nought."""
    counts: Counter[str] = Counter()
    for seed in SEEDS:
        history = run_history(seed)
        counts.update(history.counts)
        assert history.failure is None, f"seed {seed}\n{history.failure and history.failure.told}"
    assert never(counts) == []
