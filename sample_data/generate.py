"""Generates a data folder for the practice portal: `python -m sample_data.generate --seed 7 --people 2400 --out DIR`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sample_data.population.compose import FAULTS, SITUATIONS, ShareError, compose
from sample_data.population.data_folder import write_folder

SEED = 7
PEOPLE_COUNT = 2400
"""The seed and the number of people of the committed folder."""


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _share(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected FAULT=SHARE, as in opt-in=0.02: {text!r}") from None


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = _Arguments(prog="python -m sample_data.generate", description="Invents people with planted faults.")
    parser.add_argument("--seed", type=int, default=SEED, help="same seed and options, same bytes (%(default)s)")
    parser.add_argument("--people", type=int, default=PEOPLE_COUNT, help="how many persons (%(default)s)")
    parser.add_argument("--out", type=Path, help="folder to write; made if missing, else it has to be empty")
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")
    parser.add_argument(
        "--share", type=_share, action="append", default=[], metavar="FAULT=SHARE", help="share of a fault, 0 to 1"
    )
    parser.add_argument("--list-faults", action="store_true", help="print names, usual shares, meanings, and end")
    options = parser.parse_args(given)
    if options.list_faults:
        return options
    if options.out is None:
        parser.error("--out is missing")
    if options.people < 0:
        parser.error(f"--people must not be negative: {options.people}")
    if options.out.exists() and not options.out.is_dir():
        parser.error(f"--out is not a folder: {options.out}")
    if options.out.is_dir() and not options.force and any(options.out.iterdir()):
        parser.error(f"--out is not empty; --force writes into it all the same: {options.out}")
    return options


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command; 0, or 2 with one line on standard error for wrong usage or a folder that cannot be written."""
    options = _arguments(given)
    if options.list_faults:
        for title, kinds in (("faults", FAULTS), ("other situations", SITUATIONS)):
            print(f"{title}:")
            for kind in kinds:
                print(f"  {kind.name:18} {kind.share:6.3f}  {kind.meaning}")
        return 0
    try:
        population = compose(options.seed, options.people, dict(options.share))
        options.out.mkdir(parents=True, exist_ok=True)
        write_folder(population, options.seed, options.out)
    except ShareError as error:
        print(f"python -m sample_data.generate: --share: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"python -m sample_data.generate: --out: {error.strerror}: {error.filename}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
