"""WHO on the command line: by an additional address, a former id or a name, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sqlite import sqlite3
from tests.conftest import Command

ADDITIONAL = "schaefer.uwe@example.net"


def held(home: Path) -> tuple[str, str]:
    """The HubSpot id and the name of the person with the additional address."""
    with sqlite3.connect(home / "workspaces" / "practice.sqlite") as sql:
        record, name = sql.execute(
            "SELECT c.hubspot_id, c.name FROM contact c JOIN additional_email e ON e.record_id = c.hubspot_id WHERE e.email_key = ?",
            (ADDITIONAL,),
        ).fetchone()
        sql.execute("INSERT INTO alias VALUES ('hubspot', '4711', 'merged', ?, 1, '')", (record,))
    return str(record), str(name)


def test_a_person_is_found_in_every_way(command: Command, checked: Path) -> None:
    """The answer is the same, and standard error says how they were found."""
    record, name = held(checked)
    plain = command("explain", "practice", record, "--home", checked, "--json")
    assert plain.err == ""

    for who, said in (
        (ADDITIONAL.upper(), f"an additional address of HubSpot {record}"),
        ("4711", f"HubSpot 4711 was merged into HubSpot {record}"),
        (name.upper(), "the only contact with this name"),
    ):
        answer = command("explain", "practice", who, "--home", checked, "--json")
        assert answer.document == plain.document
        assert said in answer.err


@pytest.mark.parametrize("words", [("history", "practice", "4711"), ("explain", "practice", "4711", "--at", "run:1")])
def test_other_commands_take_it_too(command: Command, checked: Path, words: tuple[str, ...]) -> None:
    """The answer names the record that the former id leads to."""
    record, _ = held(checked)
    assert command(*words, "--home", checked, "--json").document["hubspot_id"] == record


def test_a_verification_looks_for_the_record_that_is_meant(command: Command, checked: Path) -> None:
    """It reads both sides without the workspace, which tells whom a former id or a name means."""
    held(checked)
    answer = command("verify", "practice", "--contact", "4711", "--contact", "4712", "--home", checked, "--json")
    assert "Asked for: 4711" not in answer.out
    assert "Asked for: 4712" in answer.out


def test_a_person_is_forgotten_by_a_former_id_but_not_by_a_name(command: Command, checked: Path) -> None:
    """Other people may have the same name, and what is removed does not come back."""
    record, name = held(checked)
    assert command("forget", "practice", name, "--home", checked, "--yes").code == 2
    answer = command("forget", "practice", "4711", "--home", checked, "--yes")
    assert answer.code == 0
    assert f"HubSpot {record}" in answer.out
