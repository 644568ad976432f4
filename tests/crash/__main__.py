"""`python -m tests.crash --points N [--seed S] [--jobs J] [--point K]`: kills, recovers, compares, counts."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.boundaries import KINDS
from tests.crash.loop import CrashLoop

PROGRESS_EVERY = 50


def main() -> int:
    """Prints the counts; 1 if a point broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="The program killed at seeded points.")
    parser.add_argument("--points", type=int, default=100, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other people and points (%(default)s)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="side by side (%(default)s)")
    parser.add_argument("--point", type=int, help="only the point with this number, and its folder is kept")
    options = parser.parse_args()
    numbers = range(options.points) if options.point is None else [options.point]
    folder = Path(tempfile.mkdtemp(prefix="syncdoctor-crash-"))
    began = time.monotonic()
    hit: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    with CrashLoop.opened(folder, options.seed, options.jobs if options.point is None else 1) as loop:
        for done, result in enumerate(loop.run(numbers), start=1):
            hit.update(result.kills)
            totals.update(
                points=1, killed=bool(result.kills), twice=len(result.kills) > 1, wrong=bool(result.violations)
            )
            totals.update(creates=result.created, people=result.people, kills=len(result.kills))
            if result.violations or options.point is not None:
                print(result.point)
                print("".join(f"  {violation}\n" for violation in result.violations), end="")
                print(f"  again: python -m tests.crash --seed {options.seed} --point {result.point.number}")
            elif done % PROGRESS_EVERY == 0:
                print(f"{done} points, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"{totals['kills']:6} kills")
    for kind in KINDS:
        print(f"{hit[kind]:6}   {kind}")
    print(
        f"{totals['points']:6} points: {totals['killed']} killed, {totals['twice']} of them again while recovering, "
        f"{totals['points'] - totals['killed']} never came to their boundary"
    )
    print(f"{totals['points'] - totals['wrong']:6} recovered to exactly what an undisturbed run gives")
    print(f"{totals['creates']:6} creates for {totals['people']} people")
    missing = [kind for kind in KINDS if not hit[kind]]
    if missing and options.point is None:
        print(f"no kill at: {', '.join(missing)}")
    print(f"{totals['wrong']:6} violations, seed {options.seed}, {time.monotonic() - began:.0f} s")
    if totals["wrong"] or options.point is not None:
        print(f"homes of the points: {folder}")
    else:
        shutil.rmtree(folder)
    return int(totals["wrong"] > 0 or (bool(missing) and len(numbers) >= len(KINDS)))


if __name__ == "__main__":
    sys.exit(main())
