"""One thread per open connection that answers questions to its workspace, so that the screen never waits for SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from engine.sqlite import sqlite3
from engine.workspace import Workspace

Answer = TypeVar("Answer")


class Superseded(Exception):
    """A newer question of the same topic made this one needless."""


class Reader:
    """Asks a workspace, read only, one question after the other on a thread of its own.

    The file is opened at the first question and again when another file has taken its place. Questions raise what
    `Workspace` raises, or Superseded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._workspace: Workspace | None = None
        self._file: tuple[int, int] = (0, 0)
        self._newest: dict[str, int] = {}
        self._busy_with = ""

    async def ask(self, question: Callable[[Workspace], Answer], *, topic: str = "") -> Answer:
        """The question's answer. A later question of the same topic interrupts this one."""
        number = self._newest.get(topic, 0) + 1
        self._newest[topic] = number
        if topic and self._busy_with == topic and self._workspace is not None:
            self._workspace.sql.interrupt()

        def answer() -> Answer:
            if topic and self._newest[topic] != number:
                raise Superseded
            self._busy_with = topic
            try:
                return self._answer(question)
            except sqlite3.OperationalError as error:
                if "interrupted" in str(error):
                    raise Superseded from None
                raise
            finally:
                self._busy_with = ""

        return await asyncio.get_running_loop().run_in_executor(self._pool, answer)

    def close(self) -> None:
        """Interrupts what is being asked and closes the file; nothing can be asked any more."""
        if self._workspace is not None:
            self._workspace.sql.interrupt()
        self._pool.submit(self._close_workspace)
        self._pool.shutdown(wait=False)

    def _answer(self, question: Callable[[Workspace], Answer]) -> Answer:
        workspace = self._opened()
        try:
            return question(workspace)
        except BaseException:
            if workspace.sql.in_transaction:
                workspace.sql.rollback()
            raise

    def _opened(self) -> Workspace:
        try:
            status = self.path.stat()
            file = (status.st_dev, status.st_ino)
        except OSError:
            file = (0, 0)
        if self._workspace is None or file != self._file:
            self._close_workspace()
            self._workspace = Workspace(self.path, read_only=True)
            self._file = file
        return self._workspace

    def _close_workspace(self) -> None:
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
