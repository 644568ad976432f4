"""Hands out the whole population slice by slice, so that no frame holds all of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from engine.memory import Memory, memory_of_slice
from engine.mirror import Compared, mostly_alike, slice_of
from engine.workspace import Workspace

SLICE = 100_000
"""Contacts in one frame: smaller and faster than one frame of all (facts on speed: 250,000 took 740 MB)."""


def bounds(workspace: Workspace, size: int = SLICE) -> Iterator[tuple[int, int]]:
    """Ranges (after, up to] of contact ids, each with at most `size` contacts."""
    after = 0
    while True:
        last = workspace.value(
            "SELECT max(id) FROM (SELECT id FROM contact WHERE id > ? ORDER BY id LIMIT ?)", (after, size)
        )
        if last is None:
            return
        yield after, int(last)
        after = int(last)


def slices(
    workspace: Workspace, where: Compared | None = None, size: int = SLICE
) -> Generator[tuple[pl.DataFrame, Memory]]:
    """Every contact once, as `gates.Population` describes them, with what is remembered of them. `where`: as in `mirror.slice_of`.

    While one slice is worked on, another thread reads the next through a connection of its own; so nothing may be written
    meanwhile that a slice shows, and what is not committed when this begins is not in it.
    """
    ranges = list(bounds(workspace, size))
    where = where if where and mostly_alike(workspace, where) else None
    if len(ranges) == 1:
        yield _read(workspace, *ranges[0], where)
        return
    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = [ahead.submit(_read_beside, workspace.path, *first, where) for first in ranges[:1]]
        for following in (*ranges[1:], None):
            if not coming:
                return
            ready = coming.pop().result()
            if following:
                coming.append(ahead.submit(_read_beside, workspace.path, *following, where))
            yield ready


def _read_beside(path: Path, after: int, up_to: int, where: Compared | None) -> tuple[pl.DataFrame, Memory]:
    with Workspace(path, read_only=True) as workspace:
        return _read(workspace, after, up_to, where)


def _read(workspace: Workspace, after: int, up_to: int, where: Compared | None) -> tuple[pl.DataFrame, Memory]:
    return slice_of(workspace, after, up_to, where), memory_of_slice(workspace, after, up_to)
