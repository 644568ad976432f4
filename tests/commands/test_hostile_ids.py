"""Ids and times that a service made up never reach the terminal as they came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.connection import read_connection
from engine.sqlite import sqlite3
from tests.conftest import Command
from tui.commands.session import Session
from tui.commands.writing import show_plan
from tui.home import Home

HOSTILE = "\x1b]0;pwn\x07"
COUNTS = {
    "writes": 1, "creates_hubspot": 0, "creates_app": 0, "updates_hubspot": 1, "updates_app": 0, "clears": 0,
}  # fmt: skip


def test_ids_and_times_are_shown_and_not_obeyed(command: Command, checked: Path) -> None:
    """`conflicts`, `explain` and `forget` of a workspace that holds some already."""
    with sqlite3.connect(checked / "workspaces" / "practice.sqlite") as sql:
        contact, record = sql.execute(
            "SELECT c.id, c.hubspot_id FROM conflict k JOIN contact c ON c.id = k.contact_id ORDER BY k.contact_id"
        ).fetchone()
        sql.execute("UPDATE contact SET hubspot_id = ? WHERE id = ?", (HOSTILE, contact))
        sql.execute("UPDATE hubspot_contact SET _id = ? WHERE _id = ?", (HOSTILE, record))
        sql.execute("UPDATE conflict SET hubspot_changed_at = ?1, app_changed_at = ?1", (HOSTILE,))

    for words in (("conflicts",), ("explain", HOSTILE), ("forget", HOSTILE)):
        answer = command(words[0], "practice", *words[1:], "--home", checked)
        assert "␛]0;pwn␇" in answer.out, answer.err
        assert "\x1b" not in answer.out + answer.err


def test_a_plan_shows_ids_and_does_not_obey_them(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The examples name the record."""
    home = Home(fresh)
    chosen = Session(home, read_connection(home.connection("practice")))
    example: dict[str, Any] = {"side": "hubspot", "kind": "update", "hubspot_id": HOSTILE, "app_id": None, "fields": []}

    show_plan(chosen, COUNTS, 0, [example])

    assert "contact ␛]0;pwn␇" in capsys.readouterr().out
