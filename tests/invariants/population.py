"""Tiny populations: made once by the seeded generator, filled into a portal file once, then copied for each history."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from engine.connection import Connection, read_connection
from sample_data.generate import main as generate
from sample_data.population.compose import KINDS
from sample_data.portal import open_portal

POPULATIONS = 8
SHARES = {"create-in-app": 0.2, "create-in-hubspot": 0.2, "update-in-app": 0.1, "fill-in-hubspot": 0.1}
"""The rest are pairs in sync. One population lies under both sides, so that edits and deletes hit the same people."""


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="invariants-")


@cache
def _template(number: int) -> Path:
    folder = Path(_folder().name) / str(number)
    people = 3 + number % 6
    shares = [word for kind in KINDS for word in ("--share", f"{kind.name}={SHARES.get(kind.name, 0)}")]
    assert generate(["--seed", str(number), "--people", str(people), "--out", str(folder), *shares]) == 0
    open_portal(folder, folder / "portal.sqlite").close()
    return folder


def settle_in(seed: int, folder: Path) -> tuple[Path, Path]:
    """The data folder of the seed's population and a portal file of its own, in `folder`, that is already filled."""
    template = _template(seed % POPULATIONS)
    state = folder / "portal.sqlite"
    shutil.copyfile(template / "portal.sqlite", state)
    return template, state


def connection_of(seed: int) -> Connection:
    """The practice connection of the seed's population."""
    return read_connection(_template(seed % POPULATIONS) / "connection.toml").model_copy(update={"name": "proof"})
