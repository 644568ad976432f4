"""`retry`: what a server refused is tried again by the next sync, once, and linked to the first refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.sqlite import sqlite3
from tests.conftest import Command, change_connection


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the workspace."""
    with sqlite3.connect(home / "workspaces" / "practice.sqlite") as sql:
        return sql.execute(query).fetchall()


def refused(home: Path, cause: str) -> str:
    """The HubSpot id of a contact that waits for this cause."""
    return str(rows(home, f"SELECT hubspot_id FROM contacts WHERE cause = '{cause}' ORDER BY id LIMIT 1")[0][0])


def test_one_contact_is_tried_again_by_the_next_sync(command: Command, synced: Path) -> None:
    """It is pending until then; refused once more, it waits again, and the second try is counted."""
    record = refused(synced, "refused-address")
    of_it = f"FROM quarantine q JOIN contact c ON c.id = q.contact_id WHERE c.hubspot_id = '{record}'"

    answer = command("retry", "practice", record, "--home", synced, "--json").document

    assert (answer["woken"], answer["contacts"], answer["sides"]) == (1, 1, {"app": 1})
    assert command("explain", "practice", record, "--home", synced, "--json").document["state"] == "pending"
    assert command("plan", "practice", "--home", synced, "--json").document["counts"]["writes"] == 1
    command("sync", "practice", "--home", synced, "--yes")
    assert rows(synced, f"SELECT tries, lasting, wake_at {of_it}") == [(2, 1, None)]
    again = command("explain", "practice", record, "--home", synced, "--json").document
    assert (again["state"], again["cause"]) == ("failing", "refused-address")
    assert len([line for line in again["history"] if "refused" in line and "create in app" in line]) == 2


def test_a_class_a_time_and_all_are_chosen(command: Command, synced: Path) -> None:
    """An erased person stays away, whatever is chosen, and one whose consent is wanted unless they are meant; nothing woken is no error."""
    everybody = rows(synced, "SELECT count(*) FROM quarantine")[0][0]
    erased = rows(synced, "SELECT count(*) FROM contacts WHERE cause = 'refused-erased'")[0][0]
    of_class = rows(synced, "SELECT count(*) FROM contacts WHERE cause = 'refused-address'")[0][0]

    def woken(*words: str) -> int:
        return int(command("retry", "practice", *words, "--home", synced, "--json").document["woken"])

    asked = rows(synced, "SELECT count(*) FROM contacts WHERE cause = 'refused-consent'")[0][0]
    assert erased and of_class and asked
    assert woken("--cause", "refused-address") == of_class
    assert woken("--since", "2001-01-01") == woken("--all") == everybody - erased - asked
    assert woken("--cause", "refused-consent") == asked
    assert woken("--since", "2999-01-01") == 0
    assert woken(refused(synced, "refused-erased")) == 0
    assert (
        "Nothing that a server refused waits"
        in command("retry", "practice", "--since", "2999-01-01", "--home", synced).out
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--all"),
        (("--all", "--cause", "refused-address"), "--all"),
        (("--cause", "opt-in"), "no class of refusals"),
        (("--cause", "refused-erased"), "no class of refusals"),
        (("--since", "yesterday"), "no time"),
        (("--since", ""), "empty"),
        (("nobody@example.org",), "no contact"),
    ],
)
def test_what_cannot_be_tried_is_refused(command: Command, checked: Path, words: tuple[str, ...], said: str) -> None:
    """With what to do."""
    answer = command("retry", "practice", *words, "--home", checked)
    assert answer.code == 2
    assert said in answer.err


def test_an_observed_connection_tries_nothing(command: Command, checked: Path) -> None:
    """It never writes."""
    change_connection(checked, 'mode = "managed"', 'mode = "observed"')
    assert command("retry", "practice", "--all", "--home", checked).code == 2
