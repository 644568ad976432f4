"""A seeded share of the crash loop: wherever the program is killed, the next run gives what an undisturbed one gives."""

from __future__ import annotations

from pathlib import Path

from tests.crash.boundaries import KINDS
from tests.crash.loop import CrashLoop

POINTS = 28
SEED = 7


def test_a_kill_at_any_boundary_changes_nothing_but_the_time(tmp_path: Path) -> None:
    """Both sides, verdicts and quiescence as undisturbed; nothing sent twice; no kind of boundary left out."""
    with CrashLoop.opened(tmp_path, SEED, jobs=2) as loop:
        results = list(loop.run(range(POINTS)))

    assert [f"{result.point}: {violation}" for result in results for violation in result.violations] == []
    assert {kill for result in results for kill in result.kills} == set(KINDS)
    assert any(len(result.kills) > 1 for result in results)
    assert sum(result.created for result in results) == sum(result.people for result in results) > 0
