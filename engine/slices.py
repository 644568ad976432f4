"""Hands out the whole population slice by slice, so that no frame holds all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import polars as pl

from engine.memory import Memory, memory_of_slice
from engine.mirror import Compared, mostly_alike, slice_of
from engine.workspace import Workspace

T = TypeVar("T")

SLICE = 100_000
"""Contacts in one frame: smaller and faster than one frame of all (facts on speed: 250,000 took 740 MB)."""


AHEAD = 2
"""Slices that other threads work on meanwhile."""


_CACHE = 32_000
"""Kibibytes of pages per thread: holds the indexes that link the records of a million contacts."""


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
    workspace: Workspace,
    each: Callable[[pl.DataFrame, Memory], T],
    where: Compared | None = None,
    size: int = SLICE,
) -> Generator[tuple[pl.DataFrame, T]]:
    """Every contact once, as `gates.Population` describes them, with what `each` makes of them and of what is remembered of them.
    `where`: as in `mirror.slice_of`.

    While one slice's answer is stored, other threads read the next ones, through connections of their own, and work on them; so
    nothing may be written meanwhile that a slice shows, and what is not committed when this begins is not in it.
    """
    ranges = bounds(workspace, size)
    first = list(islice(ranges, 2))
    if not first:
        return
    where = where if where and mostly_alike(workspace, where) else None
    if len(first) == 1:
        yield _worked_on(workspace, each, *first[0], where)
        return
    with ExitStack() as threads:
        readers = [_Reader(workspace.path, threads) for _ in range(AHEAD)]
        coming: deque[Future[tuple[pl.DataFrame, T]]] = deque()
        for number, (after, up_to) in enumerate(chain(first, ranges)):
            coming.append(readers[number % AHEAD].begin(each, after, up_to, where))
            if len(coming) > AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


class _Reader:
    """A thread with a connection of its own, which keeps what it has read of the indexes from slice to slice."""

    def __init__(self, path: Path, threads: ExitStack) -> None:
        self._thread = threads.enter_context(ThreadPoolExecutor(max_workers=1))
        self._workspace = self._thread.submit(self._open, path).result()
        threads.callback(lambda: self._thread.submit(self._workspace.close).result())

    @staticmethod
    def _open(path: Path) -> Workspace:
        workspace = Workspace(path, read_only=True)
        workspace.sql.execute(f"PRAGMA cache_size = -{_CACHE}")
        return workspace

    def begin(
        self, each: Callable[[pl.DataFrame, Memory], T], after: int, up_to: int, where: Compared | None
    ) -> Future[tuple[pl.DataFrame, T]]:
        return self._thread.submit(_worked_on, self._workspace, each, after, up_to, where)


def _worked_on(
    workspace: Workspace, each: Callable[[pl.DataFrame, Memory], T], after: int, up_to: int, where: Compared | None
) -> tuple[pl.DataFrame, T]:
    contacts = slice_of(workspace, after, up_to, where)
    return contacts, each(contacts, memory_of_slice(workspace, after, up_to))
