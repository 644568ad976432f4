"""Words of the command line that nothing can store are wrong usage, and a command that fails says so in its run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.sqlite import sqlite3
from tests.commands.test_unlinking import bereft
from tests.conftest import Command

__all__ = ["bereft"]
NOT_UTF8 = b"\xff".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "practice", NOT_UTF8),
        ("unlink", "practice", NOT_UTF8, "--yes"),
        ("forget", "practice", f"{NOT_UTF8}@firma.example", "--yes"),
        ("forget", "practice", f"{NOT_UTF8}@firma.example", "--undo"),
        ("decide", "practice", NOT_UTF8, "--winner", "app"),
        ("decide", "practice", "--all", "--field", NOT_UTF8, "--winner", "app"),
        ("verify", "practice", "--contact", NOT_UTF8),
        ("undo", "practice", "9" * 22),
        ("undo", "practice", "0"),
        ("log", "practice", "--run", "9" * 20),
        ("log", "practice", "--run", "-1"),
    ],
)
def test_what_cannot_be_stored_is_wrong_usage(command: Command, fresh: Path, words: tuple[str, ...]) -> None:
    """Half characters and numbers that are none of a run: exit code 2, also as a document, and no defect."""
    answer = command(*words, "--home", fresh)
    assert answer.code == 2
    assert "defect" not in answer.err
    assert command(*words, "--home", fresh, "--json").document["error"]["code"] == "usage"


@pytest.mark.parametrize("error", [sqlite3.OperationalError("database or disk is full"), ZeroDivisionError()])
def test_a_run_that_failed_is_not_running(
    command: Command,
    checked: Path,
    bereft: tuple[Path, str, str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """`unlink`, `decide` and `forget` close their run whatever ends them."""

    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("tui.commands.unlinking.end", broken)
    monkeypatch.setattr("tui.commands.deciding.decide", broken)
    monkeypatch.setattr("engine.forgetting.forget_person", broken)
    home, _, app_id = bereft
    for words, where in (
        (("unlink", "practice", app_id, "--yes"), home),
        (("decide", "practice", "--all", "--winner", "app", "--yes"), checked),
        (("forget", "practice", "a@firma.example", "--yes"), checked),
    ):
        assert command(*words, "--home", where).code in (1, 2)
        with sqlite3.connect(where / "workspaces" / "practice.sqlite") as sql:
            last = sql.execute("SELECT command, state FROM run ORDER BY id DESC").fetchone()
        assert last == (words[0], "failed")
