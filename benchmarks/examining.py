"""Examines a built workspace and prints seconds, peak megabytes and counts as JSON; a process of its own per measurement."""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from pathlib import Path

from benchmarks.mirrored import practice_connection
from diagnostics.checkup import GATES, summary
from diagnostics.program import program
from engine.cycle import plan_due
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.situation import recall
from engine.workspace import Workspace


def main(path: Path, changed: float, pairing: bool) -> None:
    """All that `check` does after reading and pairing both sides: plans who is due with all gates and stores the answer
    (`gates_seconds`), counts it, and looks at the list and the connection as a whole (with these: `seconds`).

    `changed`: the share of the HubSpot records that somebody edits first, which is not measured. `pairing`: the sides are paired
    before, all of them or after an edit what has changed (`pairing_seconds`; with all else `whole_seconds`).
    """
    with Workspace(path) as workspace:
        edited = _edit(workspace, changed)
        run = Run(workspace, "check")
        situation = recall(workspace, practice_connection())
        began = time.perf_counter()
        if pairing:
            pair_contacts(workspace, situation.schemas, whole=not changed)
        pairing_seconds = time.perf_counter() - began
        began = time.perf_counter()
        examination = plan_due(run, situation, GATES, program())
        gates_seconds = time.perf_counter() - began
        summary(run, examination)
        seconds = time.perf_counter() - began
        run.finish("done", 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = {
        "seconds": seconds,
        "pairing_seconds": pairing_seconds,
        "whole_seconds": pairing_seconds + seconds,
        "gates_seconds": gates_seconds,
        "peak_megabytes": peak,
        "population": examination.population,
        "states": examination.states,
        "edited": edited,
    }
    print(json.dumps(answer))


def _edit(workspace: Workspace, share: float) -> int:
    ids = [row["_id"] for row in workspace.rows("SELECT _id FROM hubspot_contact")] if share else []
    chosen = random.Random(7).sample(ids, int(share * len(ids)))
    with workspace.transaction() as sql:
        sql.executemany("UPDATE hubspot_contact SET city = 'Neustadt' WHERE _id = ?", ((one,) for one in chosen))
    return len(chosen)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.examining", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--changed", type=float, default=0.0, help="share of the records to edit first (%(default)s)")
    parser.add_argument("--pairing", action="store_true", help="pair both sides first")
    options = parser.parse_args()
    main(options.workspace, options.changed, options.pairing)
