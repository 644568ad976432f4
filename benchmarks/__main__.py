"""`python -m benchmarks [CONTACTS ...]`: check on generated contacts (100,000 and 1,000,000 by default), and first paint."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.first_paint import measure, median
from benchmarks.mirrored import build

RUNS = 3


def main(sizes: list[int]) -> None:
    """Prints one line per measurement: medians, then the single runs."""
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / f"bench-{size}.sqlite"
            build(path, size)
            answers = [
                json.loads(subprocess.check_output([sys.executable, "-m", "benchmarks.examining", str(path)]))
                for _ in range(RUNS)
            ]
            seconds = sorted(answer["seconds"] for answer in answers)
            peak = max(answer["peak_megabytes"] for answer in answers)
            rate = size / seconds[len(seconds) // 2]
            shown = ", ".join(f"{value:.1f}" for value in seconds)
            print(f"check, {size:>9,} contacts: {median(seconds):6.1f} s ({shown}), {rate:,.0f}/s, peak {peak:,.0f} MB")
            print(f"    {answers[0]['states']}")
        for name, values in measure(Path(folder) / "home").items():
            print(
                f"first paint, {name:<18}: {median(values) * 1000:5.0f} ms ({', '.join(f'{v * 1000:.0f}' for v in values)})"
            )


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100_000, 1_000_000])
