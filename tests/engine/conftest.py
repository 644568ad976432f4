"""A small practice connection for tests of whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.connection import read_connection
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_cycle import World


@pytest.fixture(scope="session")
def sixty_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small population."""
    folder = tmp_path_factory.mktemp("sixty") / "data"
    assert generate(["--seed", "9", "--people", "60", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def small(sixty_people: Path, tmp_path: Path) -> World:
    """The practice connection on sixty people, nothing done yet."""
    connection = read_connection(sixty_people / "connection.toml").model_copy(update={"name": "practice"})
    return World(open_portal(sixty_people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), connection)
