"""Guards on paging: a cursor that repeats never ends, and a record that repeats counts once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from engine.errors import UnexpectedAnswer

Item = TypeVar("Item")


class PageGuard:
    """Follows one listing. `where` names its endpoint in errors."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._cursors: set[str] = set()
        self._ids: set[str] = set()

    @property
    def seen(self) -> int:
        """How many different records came."""
        return len(self._ids)

    def fresh(self, items: Iterable[Item], identity: Callable[[Item], str]) -> list[Item]:
        """The items of a page that did not come before."""
        new = []
        for item in items:
            key = identity(item)
            if key not in self._ids:
                self._ids.add(key)
                new.append(item)
        return new

    def follow(self, cursor: str) -> str:
        """The cursor of the next page. Raises UnexpectedAnswer if it was followed before."""
        if cursor in self._cursors:
            raise UnexpectedAnswer(
                "paging does not end: the same page is announced again", where=self._where,
                remedy="Run again; if it stays, report it to the service.",
            )  # fmt: skip
        self._cursors.add(cursor)
        return cursor
