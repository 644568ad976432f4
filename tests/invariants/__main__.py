"""The long version: `python -m tests.invariants --seeds 10000 [--start 0] [--jobs 2]`, or one history: `--seed 4711`."""

from __future__ import annotations

import os

# Before polars is loaded: frames here have a handful of rows, which the streaming engine takes up to eight times as long for.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("POLARS_ENGINE_AFFINITY", "in-memory")

import argparse
import gc
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.invariants.histories import History, never, run_history, tidy_history
from tests.invariants.saboteurs import SABOTEURS

ENOUGH = 500
"""From so many seeds on everything that can happen has to have happened."""
SHOWN = 5


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.invariants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories (%(default)s)")
    parser.add_argument("--start", type=int, default=0, help="the first seed (%(default)s)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes (%(default)s)")
    parser.add_argument("--seed", type=int, help="replay one history and tell it")
    parser.add_argument("--saboteur", choices=[one.name for one in SABOTEURS], help="with --seed: a broken engine")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command: 0 if every invariant held, 1 if one broke or nothing much happened."""
    options = _arguments(given)
    if options.seed is not None:
        return _replay(options.seed, options.saboteur)
    started = time.perf_counter()
    counts: Counter[str] = Counter()
    failed: list[History] = []
    seeds = range(options.start, options.start + options.seeds)
    for number, history in enumerate(_played(seeds, options.jobs), 1):
        counts.update(history.counts)
        if history.failure:
            failed.append(history)
            _tell(history)
        if number % 100 == 0:
            print(f"{number} of {options.seeds} seeds, {len(failed)} failed", file=sys.stderr)
    _summary(counts, options.seeds, time.perf_counter() - started)
    missing = never(counts) if options.seeds >= ENOUGH else []
    if missing:
        print(f"never happened: {', '.join(missing)}")
    numbers = Counter(history.failure.number for history in failed if history.failure)
    print(f"{len(failed)} of {options.seeds} seeds failed: {dict(numbers)}" if failed else "every invariant held")
    return 1 if failed or missing else 0


def _played(seeds: range, jobs: int) -> Iterator[History]:
    if jobs <= 1:
        yield from map(tidy_history, seeds)
        return
    # A forked process would hang on polars' threads.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=gc.freeze) as pool:
        yield from pool.map(tidy_history, seeds, chunksize=4)


def _replay(seed: int, saboteur: str | None) -> int:
    chosen = next((one for one in SABOTEURS if one.name == saboteur), None)
    if chosen:
        with chosen.at_work():
            history = run_history(seed, gates=chosen.gates)
    else:
        history = run_history(seed)
    print("\n".join(history.log) if history.failure is None else history.failure.told)
    print("every invariant held" if history.failure is None else f"{history.failure.number} does not hold")
    return 0 if history.failure is None else 1


def _tell(history: History) -> None:
    if history.failure:
        print(
            f"seed {history.seed}: {history.failure.number} does not hold",
            *history.failure.complaints[:SHOWN],
            sep="\n  ",
        )
        print(f"  replay: python -m tests.invariants --seed {history.seed}", flush=True)


def _summary(counts: Counter[str], seeds: int, seconds: float) -> None:
    print(f"{seeds} seeds, {counts['steps']} steps, {counts['syncs']} syncs, {counts['requests']} requests")
    print(f"{seconds:.0f} s, {seeds / max(seconds, 0.001):.2f} seeds per second")
    for title in ("run", "fault", "action", "branch", "experiment", "looked at"):
        found = {name: count for name, count in sorted(counts.items()) if name.startswith(f"{title} ") and count}
        told = ", ".join(f"{name.removeprefix(title).strip()} {count}" for name, count in found.items())
        print(f"{title}: {told or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
