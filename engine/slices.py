"""Hands out the population, whole or named contacts, slice by slice, so that no frame holds all of it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import polars as pl

from engine.memory import Memory, memory_of, memory_of_slice, together
from engine.population import Compared, alike_and_others, contacts_of, mostly_alike, slice_of
from engine.workspace import Workspace

T = TypeVar("T")

SLICE = 100_000
"""Contacts in one slice: smaller and faster than one frame of all (facts on speed: 250,000 took 740 MB)."""
OF_ALIKE = 170_000
"""The same where little is read of most: a million contacts then take 0.9 GB."""
AHEAD = 3
"""Slices that other threads work on meanwhile: one more than two processors, since they wait for each other's locks (2 % less time)."""
_WORTH_A_THREAD = 2_000
"""Contacts above which opening another connection pays."""
_CACHE = 4_000
"""Kibibytes of pages per thread. SQLite allocates each page under one lock of the whole process: with 32 MB, two threads take as
long for scattered contacts as one; with 4 MB, 0.6 times as long."""


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
    size: int | None = None,
) -> Generator[list[tuple[pl.DataFrame, T]]]:
    """Every contact once, slice by slice, as `gates.Population` describes them, with what `each` makes of them and of what is
    remembered of them. `where`: a slice may be in two frames, as `population.alike_and_others` gives them.

    While one slice's answer is stored, other threads read the next ones, through connections of their own, and work on them; so
    nothing may be written meanwhile that a slice shows, and what is not committed when this begins is not in it.
    """
    where = where if where and mostly_alike(workspace, where) else None
    size = size or _even(int(workspace.value("SELECT count(*) FROM contact")), OF_ALIKE if where else SLICE)
    return _in_threads(workspace, each, (_Range(*ends, where) for ends in bounds(workspace, size)))


def _even(population: int, most: int) -> int:
    """Contacts in a slice, so that each thread gets as many slices; where one slice is enough, all of them."""
    return most if population <= most else math.ceil(population / (AHEAD * math.ceil(population / (AHEAD * most))))


def parts(
    workspace: Workspace, each: Callable[[pl.DataFrame, Memory], T], ids: Sequence[int], size: int = SLICE
) -> Generator[list[tuple[pl.DataFrame, T]]]:
    """The named contacts, with all their fields, as `slices` gives everybody."""
    if _WORTH_A_THREAD < len(ids) <= size:
        return _at_once(workspace, each, ids)
    return _in_threads(workspace, each, (_Named(ids[start : start + size]) for start in range(0, len(ids), size)))


@dataclass(frozen=True)
class _Range:
    after: int
    up_to: int
    where: Compared | None

    def read(self, workspace: Workspace) -> tuple[list[pl.DataFrame], Memory]:
        ends = (self.after, self.up_to)
        frames = alike_and_others(workspace, *ends, self.where) if self.where else [slice_of(workspace, *ends)]
        return frames, memory_of_slice(workspace, *ends)


@dataclass(frozen=True)
class _Named:
    ids: Sequence[int]

    def read(self, workspace: Workspace) -> tuple[list[pl.DataFrame], Memory]:
        return [contacts_of(workspace, self.ids)], memory_of(workspace, self.ids)


def _at_once(
    workspace: Workspace, each: Callable[[pl.DataFrame, Memory], T], ids: Sequence[int]
) -> Generator[list[tuple[pl.DataFrame, T]]]:
    """One slice of contacts that lie scattered: reading them takes longer than what is made of them, so each thread reads a part."""
    size = math.ceil(len(ids) / AHEAD)
    with ExitStack() as threads:
        readers = [_Reader(workspace.path, threads) for _ in range(AHEAD)]
        read = [reader.read(_Named(ids[number * size :][:size])) for number, reader in enumerate(readers)]
        frames, memories = zip(*(part.result() for part in read), strict=True)
    contacts = pl.concat([frame for part in frames for frame in part])
    yield [(contacts, each(contacts, together(memories)))]


def _in_threads(
    workspace: Workspace, each: Callable[[pl.DataFrame, Memory], T], wanted: Iterator[_Range | _Named]
) -> Generator[list[tuple[pl.DataFrame, T]]]:
    first = list(islice(wanted, 2))
    if len(first) < 2:
        yield from (_worked_on(workspace, each, one) for one in first)
        return
    with ExitStack() as threads:
        readers = [_Reader(workspace.path, threads) for _ in range(AHEAD)]
        coming: deque[Future[list[tuple[pl.DataFrame, T]]]] = deque()
        for number, one in enumerate(chain(first, wanted)):
            coming.append(readers[number % AHEAD].begin(each, one))
            if len(coming) > AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


class _Reader:
    """A thread with a connection of its own, which keeps what it has read of the indexes from slice to slice."""

    def __init__(self, path: Path, threads: ExitStack) -> None:
        self._thread = threads.enter_context(ThreadPoolExecutor(max_workers=1))
        self._workspace = self._thread.submit(Workspace, path, read_only=True, cache=_CACHE).result()
        threads.callback(lambda: self._thread.submit(self._workspace.close).result())

    def read(self, wanted: _Range | _Named) -> Future[tuple[list[pl.DataFrame], Memory]]:
        return self._thread.submit(wanted.read, self._workspace)

    def begin(
        self, each: Callable[[pl.DataFrame, Memory], T], wanted: _Range | _Named
    ) -> Future[list[tuple[pl.DataFrame, T]]]:
        return self._thread.submit(_worked_on, self._workspace, each, wanted)


def _worked_on(
    workspace: Workspace, each: Callable[[pl.DataFrame, Memory], T], wanted: _Range | _Named
) -> list[tuple[pl.DataFrame, T]]:
    frames, memory = wanted.read(workspace)
    return [(contacts, each(contacts, memory)) for contacts in frames]
