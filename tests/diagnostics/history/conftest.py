"""The practice connection on a small population."""

from __future__ import annotations

from pathlib import Path

import pytest

from sample_data.generate import main as generate
from tests.diagnostics.portal_world import World, world_of


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "7", "--people", "60", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def world(people: Path, tmp_path: Path) -> World:
    """The practice connection on it, nothing done yet."""
    return world_of(people, tmp_path)
