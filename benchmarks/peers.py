"""`python -m benchmarks.peers [CONTACTS] [--per-record N] [--workspace FILE]`: the whole examination beside its peers.

The product with all gates, the same rules as per-record pydantic models (`per_record`), and pandera[polars] with the column rules
(`column_rules`), in turn, three runs each, every run a process of its own on a fresh copy of the same workspace, so that each
stores from nothing. The answers are compared; other answers than ours end the measurement. 1,000,000 contacts by default.

`--per-record N`: the per-record models take N contacts of the same kind, and contacts per second are compared. `--workspace`: a
workspace that was built before, which is only copied.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.column_rules import CODES
from benchmarks.first_paint import median
from benchmarks.mirrored import build
from benchmarks.same_answer import same_answer, same_findings

RUNS = 3
LEAST_TIMES_PER_RECORD = 8
MOST_OF_COLUMNS = 1
PRODUCT, PER_RECORD, COLUMNS = "benchmarks.examining", "benchmarks.per_record", "benchmarks.column_rules"
_CALLED = {
    PRODUCT: "product, all gates",
    PER_RECORD: "per-record pydantic",
    COLUMNS: "pandera, column rules",
}
Answer = dict[str, Any]


def measured(module: str, workspace: Path, *words: str) -> Answer:
    """What a measuring module prints, run as a process of its own. Its messages go to standard error. What the run before wrote is on
    the disk by then, so that it disturbs none."""
    os.sync()
    done = subprocess.run(
        [sys.executable, "-m", module, str(workspace), *words], stdout=subprocess.PIPE, check=False, text=True
    )
    if done.returncode:
        raise SystemExit(f"{module} ended with {done.returncode}")
    answer: Answer = json.loads(done.stdout)
    return answer


def ready(target: Path, contacts: int, built: Path | None) -> None:
    """Makes the workspace to measure on: built anew, or copied from one that was built before."""
    if built is None:
        build(target, contacts)
    else:
        shutil.copyfile(built, target)


def copied(workspace: Path, name: str) -> Path:
    """A fresh copy beside the workspace, written through, so that no write of it disturbs the measurement."""
    target = workspace.with_name(f"{name}.sqlite")
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    shutil.copyfile(workspace, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    return target


def line(name: str, answers: Sequence[Answer]) -> str:
    """Medians, single runs, contacts a second and the highest peak."""
    seconds = sorted(answer["seconds"] for answer in answers)
    shown = ", ".join(f"{value:.1f}" for value in seconds)
    peak = max(answer["peak_megabytes"] for answer in answers)
    population = answers[0]["population"]
    return (
        f"{name:<22} {population:>9,} contacts: {median(seconds):6.1f} s ({shown}), {rate(answers):>8,.0f}/s, "
        f"peak {peak:,.0f} MB"
    )


def rate(answers: Sequence[Answer]) -> float:
    """Contacts a second of the median run."""
    return float(answers[0]["population"]) / median([answer["seconds"] for answer in answers])


def main(contacts: int, per_record: int, built: Path | None) -> None:
    """Prints single lines per program, then the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole.sqlite"
        ready(whole, contacts, built)
        fewer = folder / "fewer.sqlite"
        if per_record:
            build(fewer, per_record)
        ways = {PRODUCT: whole, PER_RECORD: fewer if per_record else whole, COLUMNS: whole}
        found: dict[str, list[Answer]] = {module: [] for module in ways}
        rules: list[Answer] = []
        for _ in range(RUNS):
            for module, workspace in ways.items():
                found[module].append(measured(module, copied(workspace, module)))
            rules.append(measured(COLUMNS, whole, "--rules"))
        _compare(folder, fewer if per_record else None)
        for module, answers in found.items():
            print(line(_CALLED[module], answers))
        _ratios(found, rules, fewer=bool(per_record))


def _compare(folder: Path, fewer: Path | None) -> None:
    ours, records, columns = (folder / f"{module}.sqlite" for module in (PRODUCT, PER_RECORD, COLUMNS))
    same_findings(ours, columns, CODES)
    if fewer is not None:
        ours = copied(fewer, PRODUCT)
        measured(PRODUCT, ours)
    same_answer(ours, records)
    print("the same answer: every state, cause and finding of the per-record models, every finding of the column rules")


def _ratios(found: dict[str, list[Answer]], rules: Sequence[Answer], *, fewer: bool) -> None:
    times = rate(found[PRODUCT]) / rate(found[PER_RECORD])
    on = ", which took fewer contacts of the same kind" if fewer else ""
    print(f"throughput: {times:.1f} times the per-record models'{on} (at least {LEAST_TIMES_PER_RECORD})")
    share = rate(found[COLUMNS]) / rate(found[PRODUCT])
    print(f"end to end, all gates: {share:.2f} of pandera's time with the column rules (at most {MOST_OF_COLUMNS})")
    alone = {name: [answer[name] for answer in rules] for name in ("ours", "all gates", "pandera")}
    for name, values in alone.items():
        shown = ", ".join(f"{value:.1f}" for value in sorted(values))
        share = median(values) / median(alone["pandera"])
        print(
            f"same frames, neither read nor stored, {name:<9}: {median(values):5.1f} s ({shown}), {share:.2f} of pandera's"
        )


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    asked.add_argument("contacts", type=int, nargs="?", default=1_000_000)
    asked.add_argument("--per-record", type=int, default=0, metavar="N")
    asked.add_argument("--workspace", type=Path, default=None)
    given = asked.parse_args()
    main(given.contacts, given.per_record, given.workspace)
