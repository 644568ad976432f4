"""`forget`: what it says, what it removes, and how it is lifted."""

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


def workspace(home: Path) -> Path:
    """The practice connection's file."""
    return home / "workspaces" / "practice.sqlite"


def somebody(home: Path) -> tuple[str, str, str]:
    """Address and both ids of a contact in sync that has no other address."""
    with sqlite3.connect(workspace(home)) as sql:
        row = sql.execute(
            "SELECT lower(email), hubspot_id, app_id FROM contacts WHERE state = 'in_sync' AND instr(email, '@') "
            "AND hubspot_id NOT IN (SELECT record_id FROM additional_email) ORDER BY id"
        ).fetchone()
    return str(row[0]), str(row[1]), str(row[2])


def content(home: Path) -> bytes:
    """All bytes of the workspace, with what is not merged into the file yet."""
    return b"".join(path.read_bytes() for path in home.glob("workspaces/practice.sqlite*")).lower()


def test_a_person_is_forgotten_and_stays_away(command: Command, synced: Path) -> None:
    """The address is in no byte of the workspace, the next check excludes the contact, a sync writes nothing."""
    address, hubspot_id, app_id = somebody(synced)
    assert address.encode() in content(synced)

    answer = command("forget", "practice", address, "--home", synced, "--yes")

    assert answer.code == 0
    assert f"HubSpot {hubspot_id}, app {app_id}" in answer.out
    assert address not in answer.out
    assert address.encode() not in content(synced)
    assert command("sync", "practice", "--home", synced, "--json").document["writes"] == 0
    explained = command("explain", "practice", hubspot_id, "--home", synced, "--json").document
    assert (explained["state"], explained["cause"]) == ("excluded", "erased")
    assert address.encode() not in content(synced)
    assert command("verify", "practice", "--home", synced, "--json").document["unexplained"] == 0


def test_a_verification_keeps_nothing_of_a_forgotten_person(command: Command, synced: Path) -> None:
    """What earlier ones missed loses the address, later ones do not take it up again, though they read it."""
    with sqlite3.connect(workspace(synced)) as sql:
        missing = sql.execute(
            "SELECT m.value ->> 'email' FROM verification v, json_each(v.missing) m WHERE instr(m.value ->> 'email', '@')"
        ).fetchall()
    address = str(missing[0][0]).strip().lower()

    assert command("forget", "practice", address, "--home", synced, "--yes").code == 0
    assert address.encode() not in content(synced)
    assert command("verify", "practice", "--home", synced).code == 0
    assert address.encode() not in content(synced)


def test_undo_lets_the_person_sync_again(command: Command, synced: Path) -> None:
    """By the address only: the list holds nothing else; the next check reads the records anew."""
    address, hubspot_id, _ = somebody(synced)
    answer = command("forget", "practice", hubspot_id, "--home", synced, "--json", "--yes")
    assert (answer.code, answer.document["done"]) == (0, True)
    assert answer.document["forgotten"] == {"contacts": 1, "addresses": 1}

    assert command("forget", "practice", hubspot_id, "--undo", "--home", synced).code == 2
    assert command("forget", "practice", address.upper(), "--undo", "--home", synced).code == 0

    command("check", "practice", "--home", synced)
    explained = command("explain", "practice", address, "--home", synced, "--json").document
    assert explained["cause"] == ""
    assert command("forget", "practice", address, "--undo", "--home", synced).code == 2


def test_an_address_that_nobody_has_can_be_kept_away_beforehand(command: Command, fresh: Path) -> None:
    """The list needs no contact; an id that nobody has is an error."""
    assert command("forget", "practice", "kommt-noch@firma.example", "--home", fresh, "--yes").code == 0
    assert b"kommt-noch" not in content(fresh)
    refused = command("forget", "practice", "4711", "--home", fresh)
    assert refused.code == 2
    assert "no e-mail address" in refused.err


@pytest.mark.parametrize(("words", "code"), [("forget\n", 0), ("yes\n", 4), ("", 4)])
def test_on_a_terminal_it_asks_first(
    command: Command, synced: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    """Only the word itself goes on; anything else leaves everything as it is."""
    address, _, _ = somebody(synced)
    monkeypatch.setattr("sys.stdin", Terminal(words))
    monkeypatch.setattr("sys.stderr", Terminal())

    assert command("forget", "practice", address, "--home", synced).code == code

    assert (address.encode() in content(synced)) == (code == 4)


def test_json_shows_the_plan_and_needs_a_yes(command: Command, synced: Path) -> None:
    """Without --yes a document says what would go, and everything stays."""
    address, hubspot_id, _ = somebody(synced)
    answer = command("forget", "practice", hubspot_id, "--home", synced, "--json")

    assert (answer.code, answer.document["done"]) == (1, False)
    assert answer.document["forgotten"] == {"contacts": 1, "addresses": 1}
    assert "--yes" in answer.err
    assert address.encode() in content(synced)
    assert command("forget", "practice", address, "--undo", "--home", synced).code == 2


def test_nobody_is_forgotten_where_nobody_can_be_asked(command: Command, synced: Path) -> None:
    """Values that were removed do not come back: without a terminal it takes --yes."""
    address, _, _ = somebody(synced)
    refused = command("forget", "practice", address, "--home", synced)
    assert refused.code == 4
    assert "--yes" in refused.err
    assert command("explain", "practice", address, "--home", synced).code in (0, 1)
