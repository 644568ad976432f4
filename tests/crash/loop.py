"""Runs many points with several nurseries side by side."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from tests.crash.nursery import Nursery
from tests.crash.points import Result, point_of, run_point
from tests.crash.worlds import World, examine, prepare_homes

SMALL_BATCH = 2
T = TypeVar("T")
S = TypeVar("S")


class CrashLoop:
    """Worlds of a seed and the processes to kill in them. `opened` gives one."""

    def __init__(self, nurseries: Sequence[Nursery], folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._idle: queue.SimpleQueue[Nursery] = queue.SimpleQueue()
        self._jobs = len(nurseries)
        for nursery in nurseries:
            self._idle.put(nursery)
        homes = prepare_homes(nurseries[0], folder, seed)
        kinds = [(name, home, size) for name, home in homes.items() for size in (None, SMALL_BATCH)]
        self.worlds: list[World] = list(
            self._each(kinds, lambda nursery, kind: examine(nursery, folder / f"{kind[0]}-{kind[2]}", *kind))
        )

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, seed: int, jobs: int) -> Iterator[CrashLoop]:
        """A loop in an empty folder, with so many processes side by side."""
        with ExitStack() as stack:
            yield cls([stack.enter_context(Nursery()) for _ in range(jobs)], folder, seed)

    def run(self, numbers: Sequence[int]) -> Iterator[Result]:
        """The results of the points with these numbers, in their order."""

        def one(nursery: Nursery, number: int) -> Result:
            folder = self._folder / f"point-{number}"
            folder.mkdir()
            return run_point(nursery, folder, point_of(number, self._seed, self.worlds))

        yield from self._each(numbers, one)

    def _each(self, items: Sequence[T], work: Callable[[Nursery, T], S]) -> Iterator[S]:
        def with_nursery(item: T) -> S:
            nursery = self._idle.get()
            try:
                return work(nursery, item)
            finally:
                self._idle.put(nursery)

        with ThreadPoolExecutor(self._jobs) as pool:
            yield from pool.map(with_nursery, items)
