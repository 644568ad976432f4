"""`python -m tests.faults --all`: every fault at every request; without it a seeded share. Prints kind, requests hit, held.

Ends with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.faults.matrix import Result, Undisturbed, learned, tried_alone


def main(given: Sequence[str] | None = None) -> int:
    """Runs the matrix in as many processes as asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every fault at every request")
    parser.add_argument("--seed", type=int, default=1, help="which share (%(default)s)")
    parser.add_argument("--share", type=int, default=100, help="how many cases without --all (%(default)s)")
    parser.add_argument(
        "--kind", action="append", default=[], help="only this kind, as the table names it; may be repeated"
    )
    parser.add_argument(
        "--request", type=int, action="append", default=[], help="only at this request; may be repeated"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(given)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        master, usual = asyncio.run(learned(folder))
        wanted = (
            usual.cases()
            if options.all or options.kind or options.request
            else usual.share(options.seed, options.share)
        )
        cases = [
            case
            for case in wanted
            if (not options.kind or case.name in options.kind) and (not options.request or case.nth in options.request)
        ]
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            jobs = [
                pool.submit(tried_alone, case, master, folder / f"case-{number}", usual)
                for number, case in enumerate(cases)
            ]
            results = []
            for job in jobs:
                results.append(job.result())
                _tell_broken(results[-1], usual)
    _print_table(results)
    print(f"{len(results)} cases at {len(usual.requests)} requests in {time.monotonic() - started:.0f} s")
    return 1 if any(result.broken for result in results) else 0


def _tell_broken(result: Result, usual: Undisturbed) -> None:
    server, method, path = usual.requests[result.case.nth - 1]
    for promise in result.broken:
        print(f"{result.case.name} at request {result.case.nth} ({server} {method} {path}):\n  {promise}", flush=True)


def _print_table(results: Sequence[Result]) -> None:
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_kind[result.case.name].append(result)
    print(f"{'fault':22}{'requests':>10}{'hit':>6}{'held':>6}")
    for kind, found in by_kind.items():
        hit = sum(result.hit for result in found)
        held = sum(not result.broken for result in found)
        print(f"{kind:22}{len(found):>10}{hit:>6}{held:>6}")


if __name__ == "__main__":
    sys.exit(main())
