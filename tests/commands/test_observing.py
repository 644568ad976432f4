"""A second connection in observed mode over the practice portal, beside the managed one; and verifying a sample."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from engine.sqlite import sqlite3
from tests.conftest import Answer, Command, change_connection


def refused(answer: Answer, *words: str) -> None:
    """Wrong usage, said in words."""
    assert answer.code == 2, answer.err
    for word in words:
        assert word in answer.err
    assert "Traceback" not in answer.err + answer.out


def rows(home: Path, name: str, query: str) -> list[tuple[object, ...]]:
    """Rows of a workspace."""
    with sqlite3.connect(home / "workspaces" / f"{name}.sqlite") as sql:
        return sql.execute(query).fetchall()


@pytest.fixture
def watched(few: Path, tmp_path: Path, command: Command) -> Path:
    """The home with few people and a second connection that watches the first."""
    text = (
        (few / "connections" / "practice.toml").read_text("utf-8").replace('mode = "managed"', 'mode = "observed"', 1)
    )
    file = tmp_path / "watched.toml"
    file.write_text(f"{text}\n[observe]\nfull_every_hours = 0\nstuck_after_hours = 0\n", "utf-8")
    assert command("connect", file, "--home", few).code == 0
    return few


def test_an_observed_connection_from_the_first_look_to_the_verification(command: Command, watched: Path) -> None:
    """Check, plan, explain and verify answer; certainty adds up; after the other engine's sync the flows are counted."""
    first = command("check", "watched", "--home", watched, "--json").document
    assert {state: sum(levels.values()) for state, levels in first["observed"]["certainty"].items()} == first["states"]
    assert first["observed"]["flows"] == []
    plan = command("plan", "watched", "--home", watched)
    assert "would have to flow; another engine writes here" in plan.out
    assert "would be written" not in plan.out
    pending = rows(watched, "watched", "SELECT hubspot_id FROM contacts WHERE state = 'pending' AND hubspot_id > ''")[
        0
    ][0]
    told = command("explain", "watched", pending, "--home", watched)
    assert "Pending: what would have to flow: the contact" in told.out
    assert "syncdoctor sync" not in told.out
    assert re.search(r"^  (Likely|Possible): ", told.out, re.MULTILINE)
    document = command("explain", "watched", pending, "--home", watched, "--json").document
    assert document["certain"]["certainty"] in ("likely", "possible")
    assert document["certain"]["reasons"]

    assert command("sync", "practice", "--home", watched, "--yes", "--json").document["writes"] > 0

    text = command("check", "watched", "--home", watched)
    assert "seen to flow from HubSpot to the app: whole contacts" in text.out
    verified = command("verify", "watched", "--home", watched, "--json").document
    assert verified["unexplained"] == 0
    inbound = next(one for one in verified["verifications"] if one["name"] == "inbound")
    assert inbound["expected"] > 0
    assert "Another engine writes here" in inbound["note"]
    assert verified["claims"]["broken"] == 0
    assert verified["claims"]["equal"] == verified["claims"]["looked_at"] > 0


def test_a_connection_that_was_managed_before(command: Command, few: Path) -> None:
    """Links that its own creates made are told as such, and no remedy names a command that is refused from now on."""
    assert command("sync", "practice", "--at-once", "--yes", "--home", few).code in (0, 1)
    change_connection(few, 'mode = "managed"', 'mode = "observed"')

    checked = command("check", "practice", "--home", few)
    assert "pairs. Linked when Syncdoctor created one of the records" in checked.out
    assert "holds in ." not in checked.out
    document = command("check", "practice", "--home", few, "--json").document
    (conflict,) = [row for row in document["causes"] if row["code"] == "conflict"]
    assert "syncdoctor decide" not in conflict["remedy"]
    (created,) = rows(few, "practice", "SELECT hubspot_id FROM contact WHERE linked_by = 'created' LIMIT 1")
    (contested,) = rows(few, "practice", "SELECT hubspot_id FROM contacts WHERE state = 'conflict' LIMIT 1")
    assert "Linked when Syncdoctor created" in command("explain", "practice", created[0], "--home", few).out
    told = command("explain", "practice", contested[0], "--home", few)
    assert told.code == 1
    assert "syncdoctor decide" not in told.out
    assert "the admin of the engine that writes here" in told.out
    assert "set in the other engine which side wins" in told.out
    assert command("report", "practice", "--home", few).code in (0, 1)
    assert "syncdoctor decide" not in next((few / "reports").rglob("*.md")).read_text("utf-8")


def test_the_report_says_how_certain_it_is(command: Command, watched: Path) -> None:
    """Among the facts of the subject: certainty, how links were inferred, what waits."""
    command("check", "watched", "--home", watched)
    command("report", "watched", "--home", watched)
    text = next((watched / "reports").rglob("*.md")).read_text("utf-8")
    assert re.search(r"Certainty of the verdicts.*\d+ certain, \d+ likely, \d+ possible", text)
    assert re.search(r"Pairs inferred.*\d+ by email", text)


def test_a_forgotten_person_leaves_no_certainty(command: Command, watched: Path) -> None:
    """Who is erased waits for nothing and is judged by nobody until the next check."""
    command("check", "watched", "--home", watched)
    found = rows(watched, "watched", "SELECT id, hubspot_id FROM contacts WHERE state = 'pending' AND hubspot_id > ''")
    contact, hubspot_id = found[0]
    about = (
        f"SELECT (SELECT count(*) FROM certainty WHERE contact_id = {contact}), "
        f"(SELECT count(*) FROM observed_wait WHERE hubspot_id = '{hubspot_id}')"
    )
    assert rows(watched, "watched", about)[0][0] == 1
    assert rows(watched, "watched", about)[0][1] != 0
    assert command("forget", "watched", hubspot_id, "--yes", "--home", watched).code == 0
    assert rows(watched, "watched", about) == [(0, 0)]
    command("check", "watched", "--home", watched)
    assert rows(watched, "watched", about) == [(1, 0)]


def test_the_file_of_contacts_has_the_certainty(command: Command, watched: Path, tmp_path: Path) -> None:
    """A sixth column, in an observed connection only."""
    command("check", "watched", "--home", watched, "--contacts", tmp_path / "watched.csv")
    command("check", "practice", "--home", watched, "--contacts", tmp_path / "practice.csv")
    with (tmp_path / "watched.csv").open(encoding="utf-8", newline="") as file:
        assert {row["certainty"] for row in csv.DictReader(file)} == {"certain", "likely", "possible"}
    assert "certainty" not in (tmp_path / "practice.csv").read_text("utf-8")


def test_nothing_writes_an_observed_connection(command: Command, watched: Path) -> None:
    """Sync, undo and decide refuse before anything is read."""
    command("check", "watched", "--home", watched)
    for words in (("sync", "watched", "--yes"), ("undo", "watched", "1", "--yes"),
                  ("decide", "watched", "--all", "--winner", "hubspot", "--yes")):  # fmt: skip
        refused(command(*words, "--home", watched), "observed")


def test_a_configured_id_field_that_is_not_there(command: Command, watched: Path) -> None:
    """The error names the key; in a managed connection it has no meaning."""
    file = watched / "connections" / "watched.toml"
    file.write_text(file.read_text("utf-8") + 'hubspot_id_field = "mailchimp_id"\n', "utf-8")
    refused(command("check", "watched", "--home", watched), "mailchimp_id", "observe.hubspot_id_field")
    file.write_text(file.read_text("utf-8").replace("observed", "managed", 1), "utf-8")
    refused(command("check", "watched", "--home", watched), "hubspot_id_field", 'mode = "observed"')


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sample", "0"], "from 1 on"),
        (["--sample", "0%"], "percent"),
        (["--sample", "101%"], "percent"),
        (["--sample", "viele"], "--sample 500"),
        (["--seed", "3"], "--sample"),
        (["--sample", "5", "--seed", "-1"], "--seed"),
        (["--sample", "99999"], "contacts there are"),
    ],
)
def test_a_sample_that_is_none_is_refused(command: Command, few: Path, words: list[str], said: str) -> None:
    """Nothing, more than all, words, a seed without a sample."""
    command("check", "practice", "--home", few)
    refused(command("verify", "practice", *words, "--home", few), said)


def test_a_sample_says_its_size_bound_and_seed_and_can_be_drawn_again(command: Command, few: Path) -> None:
    """Both forms name them; the same seed gives the same; what a whole verification calls unexplained is not more than the bound."""
    command("sync", "practice", "--home", few, "--yes")
    asked = ("verify", "practice", "--home", few, "--sample", "25%", "--seed", "11")
    first = command(*asked, "--json").document["sample"]
    again = command(*asked, "--json").document["sample"]
    whole = command("verify", "practice", "--home", few, "--json").document
    assert first == again
    assert first["seed"] == 11
    assert first["size"] == -(-first["population"] // 4)
    assert first["besides"] > 0
    assert whole["sample"] is None
    assert whole["unexplained"] <= first["at_most"]
    text = command(*asked)
    assert f"of {first['population']}" in text.out
    assert "with 95 % confidence at most" in text.out
    assert "Seed 11." in text.out
    assert rows(few, "practice", "SELECT count(*) FROM sample") == [(3,)]
    command("report", "practice", "--home", few)
    report = next((few / "reports").rglob("*.md")).read_text("utf-8")
    assert "with 95 % confidence at most" in report
