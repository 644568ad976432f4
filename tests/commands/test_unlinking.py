"""`unlink`: what it shows, asks and refuses, on the practice portal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from engine.sqlite import sqlite3
from tests.conftest import Command


class Terminal(io.StringIO):
    """A text stream that counts as a terminal."""

    def isatty(self) -> bool:
        return True


def one(home: Path, query: str) -> str:
    """A value of the workspace."""
    with sqlite3.connect(home / "workspaces" / "practice.sqlite") as sql:
        row = sql.execute(query).fetchone()
    return str(row[0]) if row else ""


@pytest.fixture
def bereft(command: Command, synced: Path) -> tuple[Path, str, str]:
    """A home with a contact whose HubSpot record was archived since, and both its ids. New HubSpot contacts get no consent."""
    file = synced / "connections" / "practice.toml"
    file.write_text(file.read_text("utf-8").replace('newsletter_opt_in = "true"\n', ""), "utf-8")
    hubspot_id = one(synced, "SELECT hubspot_id FROM contacts WHERE state = 'in_sync' ORDER BY id LIMIT 1")
    app_id = one(synced, f"SELECT app_id FROM contacts WHERE hubspot_id = '{hubspot_id}'")
    with sqlite3.connect(synced / "practice" / "portal.sqlite") as portal:
        changed = portal.execute(
            "UPDATE contact SET archived = 1, archived_at = updated WHERE id = ?", (hubspot_id,)
        ).rowcount
    assert changed == 1
    command("check", "practice", "--full", "--home", synced)
    return synced, hubspot_id, app_id


def test_it_shows_what_follows_and_changes_nothing_without_a_yes(
    command: Command, bereft: tuple[Path, str, str]
) -> None:
    """That a deleted person may be created again is said before; where nobody can be asked it takes --yes."""
    home, hubspot_id, app_id = bereft
    explained = command("explain", "practice", app_id, "--home", home, "--json").document
    assert explained["cause"] == "counterpart-gone"
    assert "syncdoctor unlink" in explained["remedy"]

    refused = command("unlink", "practice", app_id, "--home", home)

    assert refused.code == 4
    assert "--yes" in refused.err
    assert hubspot_id in refused.out
    assert "CREATES this person in HubSpot AGAIN" in refused.out
    assert one(home, f"SELECT linked_at FROM contact WHERE app_id = '{app_id}'") != "None"
    done = command("unlink", "practice", app_id, "--home", home, "--yes")
    assert done.code == 0
    assert one(home, f"SELECT linked_at FROM contact WHERE app_id = '{app_id}'") == "None"
    assert hubspot_id in command("log", "practice", "--home", home, "--run", one(home, "SELECT max(id) FROM run")).out


def test_json_says_what_follows(command: Command, bereft: tuple[Path, str, str]) -> None:
    """Both ids, the side that lost its record, and what becomes of the other; done with --yes only, and once."""
    home, hubspot_id, app_id = bereft
    plan = command("unlink", "practice", hubspot_id, "--home", home, "--json")
    assert (plan.code, plan.document["done"], "--yes" in plan.err) == (1, False, True)
    assert one(home, f"SELECT linked_at FROM contact WHERE app_id = '{app_id}'") != "None"

    answer = command("unlink", "practice", hubspot_id, "--home", home, "--json", "--yes")

    assert (answer.code, answer.document["done"]) == (0, True)
    assert answer.document["unlinked"] == plan.document["unlinked"]
    assert answer.document["unlinked"] == {
        "hubspot_id": hubspot_id,
        "app_id": app_id,
        "gone": "hubspot",
        "then": "created",
        "successor": None,
    }
    again = command("unlink", "practice", app_id, "--home", home, "--json")
    assert (again.code, "no link" in again.out) == (2, True)


@pytest.mark.parametrize(("words", "code"), [("unlink\n", 0), ("yes\n", 4), ("", 4)])
def test_on_a_terminal_it_asks_first(
    command: Command, bereft: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    """Only the word itself goes on."""
    home, _, app_id = bereft
    monkeypatch.setattr("sys.stdin", Terminal(words))
    monkeypatch.setattr("sys.stderr", Terminal())

    assert command("unlink", "practice", app_id, "--home", home).code == code

    assert (one(home, f"SELECT linked_at FROM contact WHERE app_id = '{app_id}'") == "None") == (code == 0)


def test_a_live_link_and_nobody_are_refused(command: Command, synced: Path, fresh: Path) -> None:
    """With the reason and what to do; also before the first check."""
    alive = one(synced, "SELECT hubspot_id FROM contacts WHERE state = 'in_sync' ORDER BY id LIMIT 1")
    for who, words in ((alive, "its link is alive"), ("nobody@example.org", "no contact has this")):
        refused = command("unlink", "practice", who, "--home", synced, "--yes")
        assert refused.code == 2
        assert words in refused.err
    unexamined = command("unlink", "practice", "nobody@example.org", "--home", fresh, "--yes")
    assert unexamined.code == 2
    assert "syncdoctor check practice" in unexamined.err
