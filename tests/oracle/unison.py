"""Two replicas that Unison keeps: a directory for each record, a file for each field."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from engine.schema import SIDES, Side
from tests.oracle.histories import FIELDS, Edit, Replica

Empty = Literal["no file", "empty file"]
"""How a field without a value is kept."""
SKIPPED = 1
"""Unison's exit code if conflicts were left alone (manual, section "Exit code")."""


def unison_program() -> str:
    """The program's path. Raises RuntimeError naming the package if it is not installed."""
    found = shutil.which("unison")
    if found is None:
        raise RuntimeError("unison is not installed; it is the Debian package unison: apt-get install unison")
    return found


class UnisonReplicas:
    """Two roots and Unison's archives in one folder. `preferences` are further options of its command line."""

    def __init__(self, folder: Path, empty: Empty, preferences: Sequence[str] = ()) -> None:
        self.roots: dict[Side, Path] = {side: folder / side for side in SIDES}
        self._empty = empty
        self._preferences = [str(self.roots[word]) if word in SIDES else word for word in preferences]
        self._archives = folder / "unison"
        for path in (*self.roots.values(), self._archives):
            path.mkdir(parents=True)

    def edit(self, edits: Iterable[Edit]) -> None:
        """Applies edits to the files."""
        for edit in edits:
            path = self.roots[edit.side] / edit.record / edit.field
            path.parent.mkdir(exist_ok=True)
            if edit.value or self._empty == "empty file":
                path.write_text(edit.value, encoding="utf-8")
            else:
                path.unlink(missing_ok=True)

    def synchronise(self) -> None:
        """One run of Unison. It compares contents, not times, and leaves conflicts alone unless told otherwise."""
        words = [
            unison_program(), *(str(root) for root in self.roots.values()), "-ui", "text", "-batch", "-auto", "-silent",
            "-dumbtty", "-fastcheck=false", "-perms", "0", "-confirmbigdel=false", *self._preferences,
        ]  # fmt: skip
        environment = {**os.environ, "UNISON": str(self._archives), "UNISONLOCALHOSTNAME": "oracle"}
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)
        if done.returncode not in (0, SKIPPED):
            raise RuntimeError(f"unison ended with {done.returncode}: {done.stderr}")

    def replica(self, side: Side) -> Replica:
        """What a side's files hold."""
        return {
            record.name: {field: _content(record / field) for field in FIELDS}
            for record in sorted(self.roots[side].iterdir())
        }


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
