"""`python -m benchmarks.rechecking [CONTACTS] [--workspace FILE]`: a check after 1 % of the contacts changed, beside a whole one.

In turn, three times: the whole examination of a fresh copy, then one after edits; each a process of its own. Both begin when both
sides are read: first they are paired, as `check` does it. The limit is on all of that; its parts are shown beside it. `--workspace`:
a workspace that was built before, which is only copied. 1,000,000 contacts by default.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.first_paint import median
from benchmarks.peers import PRODUCT, RUNS, copied, line, measured, ready

SHARE = 0.01
MOST = 0.1


def main(contacts: int, built: Path | None) -> None:
    """Prints a line for each kind of check, then the ratio of the medians."""
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole.sqlite"
        ready(whole, contacts, built)
        first, again = [], []
        for _ in range(RUNS):
            workspace = copied(whole, "checked")
            first.append(measured(PRODUCT, workspace, "--pairing"))
            again.append(measured(PRODUCT, workspace, "--pairing", "--changed", str(SHARE)))
    print(line("everything", first))
    print(line(f"{again[0]['edited']:,} changed", again))
    for what, name in (
        ("pairing_seconds", "pairing"),
        ("gates_seconds", "gates, answers stored"),
        ("seconds", "with the findings on list and connection"),
        ("whole_seconds", "all that a check does after reading"),
    ):
        limit = f" (at most {MOST} asked)" if what == "whole_seconds" else ""
        everything, changed = (median([one[what] for one in found]) for found in (first, again))
        print(f"{name}: {changed:.2f} s beside {everything:.2f} s, ratio {changed / everything:.3f}{limit}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rechecking", description=__doc__)
    parser.add_argument("contacts", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--workspace", type=Path)
    options = parser.parse_args()
    main(options.contacts, options.workspace)
