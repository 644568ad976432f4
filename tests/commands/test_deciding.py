"""`conflicts` and `decide` on the practice portal."""

from __future__ import annotations

import re
from pathlib import Path

from engine.workspace import Workspace
from tests.conftest import Command


def contested(home: Path) -> tuple[str, str]:
    """Field and HubSpot id of a stored conflict."""
    with Workspace(home / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        row = workspace.rows(
            "SELECT k.field, c.hubspot_id FROM conflict k JOIN contact c ON c.id = k.contact_id ORDER BY k.contact_id LIMIT 1"
        )[0]
        return row["field"], row["hubspot_id"]


def test_conflicts_are_listed_by_field_with_masked_values(command: Command, checked: Path) -> None:
    """Text and JSON agree; values are shown only when asked for."""
    answer = command("conflicts", "practice", "--home", checked, "--json")
    document = answer.document
    shown = command("conflicts", "practice", "--home", checked, "--json", "--values").document

    assert answer.code == 1
    assert document["conflicts"] == sum(field["conflicts"] for field in document["fields"]) > 0
    entry, open_entry = document["fields"][0]["contacts"][0], shown["fields"][0]["contacts"][0]
    assert entry["hubspot"]["changed_at"] and entry["hubspot"]["source"]
    assert open_entry["hubspot"]["value"] and open_entry["hubspot"]["value"] not in entry["hubspot"]["value"]
    text = command("conflicts", "practice", "--home", checked)
    assert f"{document['conflicts']} fields in conflict" in text.out
    assert open_entry["hubspot"]["value"] not in text.out


def test_one_contacts_conflict_is_decided_and_written_by_the_next_sync(command: Command, checked: Path) -> None:
    """Deciding writes to neither side; the sync does, and the conflict is gone."""
    field, record = contested(checked)
    decided = command("decide", "practice", record, "--winner", "hubspot", "--home", checked, "--json")
    assert (decided.code, decided.document["decided"]) == (0, 1)
    assert decided.document["fields"] == [{"field": field, "conflicts": 1}]

    assert command("sync", "practice", "--yes", "--home", checked, "--json").code in (0, 1)
    document = command("explain", "practice", record, "--home", checked, "--json").document
    assert document["state"] == "in_sync"


def test_all_of_a_field_are_shown_before_they_are_decided(command: Command, checked: Path) -> None:
    """How many, and a few of them, masked."""
    field, _ = contested(checked)
    answer = command("decide", "practice", "--field", field, "--all", "--winner", "app", "--home", checked)

    assert answer.code == 0
    assert "conflicts would be decided: the app's value wins" in answer.out
    assert "Nothing was written yet" in answer.out
    after = command("conflicts", "practice", "--home", checked, "--json").document
    mine = next(one for one in after["fields"] if one["field"] == field)
    assert {entry["decided"] for entry in mine["contacts"]} == {"app"}


def test_the_command_that_a_repair_names_works(command: Command, checked: Path) -> None:
    """As explain prints it for one contact, and as fixes does for all of a field."""
    field, record = contested(checked)
    told = command("explain", "practice", record, "--home", checked).out
    (words,) = re.findall(r"\(syncdoctor (decide .*), or app\)", told)
    assert words == f"decide practice {record} --field {field} --winner hubspot"
    assert command(*words.split(), "--home", checked, "--yes").code == 0

    told = command("fixes", "practice", "--limit", 100, "--home", checked).out
    words = re.findall(r"\(syncdoctor (decide .*), or app\)", told)[0]
    assert "--all" in words
    assert command(*words.split(), "--home", checked, "--yes").code == 0


def test_what_is_no_conflict_is_refused(command: Command, checked: Path) -> None:
    """Neither a field without one, nor nobody, nor a side that does not exist."""
    for words in (
        ("--field", "nothing", "--all", "--winner", "app"),
        ("--winner", "app"),
        ("--all", "--field", "", "--winner", "app"),
        ("nobody@example.org", "--winner", "app"),
        ("--all", "--winner", "both"),
    ):
        answer = command("decide", "practice", *words, "--home", checked)
        assert answer.code == 2, words
        assert "Traceback" not in answer.err
