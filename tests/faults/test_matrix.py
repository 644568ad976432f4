"""A seeded share of the matrix; `python -m tests.faults --all` runs it whole. FAULT_SEED and FAULT_CASES choose the share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sample_data.portal.faults import KINDS
from tests.faults.matrix import LASTING, Case, Undisturbed, tried

SEED = int(os.environ.get("FAULT_SEED", "1"))
CASES = int(os.environ.get("FAULT_CASES", "44"))
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
async def test_a_fault_changes_nothing_but_the_time(cycle: tuple[Path, Undisturbed], tmp_path: Path, part: int) -> None:
    """Whatever breaks at whichever request: after the next quiet runs both sides are as if nothing had been."""
    master, usual = cycle
    broken = []
    for number, case in enumerate(usual.share(SEED, CASES)[part::PARTS]):
        result = await tried(case, master, tmp_path / str(number), usual)
        broken += [f"{case.name} at request {case.nth}: {promise}" for promise in result.broken]
    assert broken == []


def test_the_cycle_has_something_to_lose(cycle: tuple[Path, Undisturbed]) -> None:
    """It creates and updates both ways, in several batches, and every kind of fault can hit it; a share has all of them."""
    _, usual = cycle
    assert sorted(side for side, _ in usual.creates) == ["hubspot"] * 3 + ["mailchimp"] * 3
    paths = [path for _, _, path in usual.requests]
    assert sum(path.endswith("/batch/create") for path in paths) == 2
    assert sum(path.endswith("/batch/update") for path in paths) == 2
    assert usual.before != usual.after
    names = {case.name for case in usual.cases()}
    assert names == set(KINDS) | {f"{kind}..." for kind in LASTING}
    assert {case.name for case in usual.share(SEED, len(names))} == names


@pytest.mark.parametrize("regime", ["primary_kept", "both_kept"])
async def test_a_merge_while_writing_changes_nothing(
    cycle: tuple[Path, Undisturbed], tmp_path: Path, regime: str
) -> None:
    """In every merge regime; the matrix itself has merges that make new ids."""
    master, usual = cycle
    updates = [nth for nth, request in enumerate(usual.requests, 1) if request[2].endswith("/batch/update")]
    for nth in updates:
        case = Case(nth, "merged_meanwhile")
        result = await tried(case, master, tmp_path / str(nth), usual, regime=regime)  # type: ignore[arg-type]
        assert (result.hit, result.broken) == (True, ())
