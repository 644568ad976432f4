"""The few people of the matrix and their undisturbed cycle, made once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.matrix import Undisturbed, learned


@pytest.fixture(scope="session")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Undisturbed]:
    """The folder that every case copies, and what its cycle does when nothing disturbs it."""
    return asyncio.run(learned(tmp_path_factory.mktemp("faults")))
