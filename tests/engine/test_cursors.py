"""Cursors: whatever the clocks, delays and failures, no change is ever skipped, and a hole stays a hole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.cursors import (
    BEGINNING,
    LAG,
    OVERLAP,
    Slice,
    closing,
    complete,
    gapless_end,
    merged,
    next_window,
    slices_of,
)
from engine.workspace import Workspace

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Seconds after the start."""
    return START + timedelta(seconds=seconds)


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


@given(spans)
def test_merging_keeps_every_moment_and_no_other(pairs: list[tuple[int, int]]) -> None:
    """The merged slices cover exactly the same seconds, in order, with a gap between any two."""
    slices = [Slice(at(low), at(high)) for low, high in pairs]
    result = merged(slices)
    for second in range(61):
        moment = at(second)
        assert any(part.low <= moment < part.high for part in result) == any(
            part.low <= moment < part.high for part in slices
        )
    assert all(left.high < right.low for left, right in pairwise(result))
    assert merged(reversed(result)) == result


def test_a_hole_stays_a_hole() -> None:
    """What lies behind a gap does not count until the gap was read."""
    first, behind = Slice(BEGINNING, at(100)), Slice(at(200), at(300))
    assert gapless_end([behind]) is None
    assert gapless_end([first, behind]) == at(100)
    assert gapless_end([first, behind, Slice(at(90), at(210))]) == at(300)


def test_another_fingerprint_knows_nothing(tmp_path: Path) -> None:
    """Slices are kept for one fingerprint of a side; the next one begins at nothing and ends the old."""
    with Workspace(tmp_path / "w.sqlite") as workspace:
        complete(workspace, "app", "old", 1, Slice(BEGINNING, at(10)))
        complete(workspace, "hubspot", "old", 1, Slice(BEGINNING, at(10)))
        complete(workspace, "app", "old", 1, Slice(at(20), at(30)))
        assert slices_of(workspace, "app", "old") == (Slice(BEGINNING, at(10)), Slice(at(20), at(30)))
        assert slices_of(workspace, "app", "new") == ()
        complete(workspace, "app", "new", 2, Slice(BEGINNING, at(40)))
        assert slices_of(workspace, "app", "old") == ()
        assert slices_of(workspace, "hubspot", "old") == (Slice(BEGINNING, at(10)),)


@given(
    changes=st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 0.99)), max_size=20),
    runs=st.lists(st.tuples(st.integers(1, 900), st.booleans(), st.integers(-4_000, 4_000)), min_size=1, max_size=12),
    skew=st.integers(-100_000, 100_000),
    tells=st.booleans(),
)
def test_no_change_is_ever_skipped(
    changes: list[tuple[int, float]], runs: list[tuple[int, bool, int]], skew: int, tells: bool
) -> None:
    """Changes show late, runs fail midway, our clock jumps, the side's clock is elsewhere, and it may not tell its time.

    `changes`: second and delay, as a share of lag plus overlap. `runs`: seconds since the run before, whether it comes to
    its end, how wrong our clock is in it. Everything that is visible early enough is seen by the runs that end.
    """
    patience = (LAG["hubspot"] + OVERLAP).total_seconds()
    stamped = [(second, second + delay * patience) for second, delay in changes]
    seen: set[int] = set()
    slices: tuple[Slice, ...] = ()
    true_time = 0.0
    for pause, ends, wrong in runs:
        true_time += pause
        started, side_time = at(true_time + wrong), at(true_time + skew)
        end = gapless_end(slices)
        window = next_window(end if end is not None else BEGINNING, started)
        if not ends:
            continue
        visible = {number for number, (_, shown) in enumerate(stamped) if shown <= true_time}
        found = {n for n in visible if window.since <= at(stamped[n][0] + skew) < window.until} if end else visible
        seen |= found
        newest = max((at(stamped[n][0] + skew) for n in seen), default=None)
        closed = closing(window, started, LAG["hubspot"], side_time if tells else None, newest)
        slices = merged((*slices, Slice(window.since, closed)))
        known_until = gapless_end(slices)
        if known_until is not None:
            complete_now = {n for n in visible if at(stamped[n][0] + skew) < known_until}
            assert complete_now <= seen
            late = {n for n in range(len(stamped)) if n not in visible and stamped[n][0] <= true_time}
            assert all(at(stamped[n][0] + skew) >= known_until - OVERLAP for n in late)


def test_a_clock_that_was_set_back_still_reaches_to_the_end() -> None:
    """The window never ends before what is complete, nor begins after it."""
    window = next_window(at(10_000), at(0))
    assert window.since < at(10_000) < window.until
