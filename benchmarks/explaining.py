"""`python -m benchmarks.explaining [CONTACTS] [--workspace FILE]`: one contact explained among many (1,000,000 by default).

Contacts of every state there is, as many of each, by a seed; without and with the proof of the smallest change. The workspace is
checked first; `--workspace` names one that was built before, which is only copied.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.first_paint import median
from benchmarks.mirrored import practice_connection
from benchmarks.peers import PRODUCT, measured, ready
from diagnostics.explain import explain
from engine.workspace import Workspace

CALLS = 200
SEED = 5
LIMIT = 50
WAYS = {"explained": False, "with proof": True}


def chosen(workspace: Workspace) -> list[int]:
    """Contacts in mixed order, the same number of each state."""
    chance = random.Random(SEED)
    states = [row["state"] for row in workspace.rows("SELECT DISTINCT state FROM verdict ORDER BY state")]
    contacts: list[int] = []
    for state in states:
        rows = workspace.rows("SELECT contact_id FROM verdict WHERE state = ? ORDER BY contact_id", (state,))
        contacts += chance.sample([int(row["contact_id"]) for row in rows], CALLS // len(states))
    chance.shuffle(contacts)
    return contacts


def measure(path: Path) -> dict[str, list[float]]:
    """Milliseconds of each call, after one that does not count."""
    connection = practice_connection()
    found: dict[str, list[float]] = {}
    with Workspace(path, read_only=True) as workspace:
        contacts = chosen(workspace)
        for name, prove in WAYS.items():
            explain(workspace, connection, contacts[-1], prove=prove)
            found[name] = []
            for contact in contacts:
                began = time.perf_counter()
                explain(workspace, connection, contact, prove=prove)
                found[name].append((time.perf_counter() - began) * 1000)
    return found


def main(contacts: int, built: Path | None) -> None:
    """Prints one line per way."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sqlite"
        ready(path, contacts, built)
        checked = measured(PRODUCT, path)
        print(f"{checked['population']:,} contacts: {checked['states']}")
        for name, values in measured("benchmarks.explaining", path, "--measure").items():
            limit = f", at most {LIMIT}" if name == "explained" else ""
            print(
                f"{name:<10} {median(values):6.1f} ms (fastest {min(values):.1f}, slowest {max(values):.1f}, "
                f"{len(values)} contacts{limit})"
            )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(json.dumps(measure(Path(sys.argv[1]))))
    else:
        asked = argparse.ArgumentParser(prog="python -m benchmarks.explaining")
        asked.add_argument("contacts", type=int, nargs="?", default=1_000_000)
        asked.add_argument("--workspace", type=Path, default=None)
        given = asked.parse_args()
        main(given.contacts, given.workspace)
