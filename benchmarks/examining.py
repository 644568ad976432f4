"""Examines a built workspace and prints seconds, peak megabytes and counts as JSON; a process of its own per measurement."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.mirrored import practice_connection
from diagnostics.checkup import GATES
from engine.cycle import plan_all
from engine.runs import Run
from engine.situation import recall
from engine.workspace import Workspace


def main(path: Path) -> None:
    """Plans every contact with all gates and stores the answer, as `check` does after reading both sides."""
    with Workspace(path) as workspace:
        run = Run(workspace, "check")
        situation = recall(workspace, practice_connection())
        began = time.perf_counter()
        examination = plan_all(run, situation, GATES)
        seconds = time.perf_counter() - began
        run.finish("done", 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = {
        "seconds": seconds,
        "peak_megabytes": peak,
        "population": examination.population,
        "states": examination.states,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
