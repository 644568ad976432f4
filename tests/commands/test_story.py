"""The main job, end to end, on the practice portal."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from engine.gates import STATES
from engine.workspace import Workspace
from sample_data.generate import main as generate
from tests.conftest import Command
from tui.home import Home
from tui.practice import open_practice

Key = dict[tuple[str, str], tuple[str, str]]


def answers(path: Path) -> Key:
    """State and cause by the pair of ids."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["hubspot_id"], row["app_id"]): (row["state"], row["cause"]) for row in csv.DictReader(file)}


def disagreements(found: Key, right: Key) -> Counter[tuple[object, object]]:
    """(right, found) pairs that differ, counted: a confusion table without its diagonal."""
    return Counter(
        (right.get(ids), found.get(ids)) for ids in right.keys() | found.keys() if right.get(ids) != found.get(ids)
    )


def test_check_agrees_with_the_answer_key_for_every_contact(command: Command, fresh: Path, tmp_path: Path) -> None:
    """State and deciding cause of each contact are what the planter of its fault wrote down."""
    file = tmp_path / "contacts.csv"
    answer = command("check", "practice", "--home", fresh, "--contacts", file, "--json")
    right = answers(fresh / "practice" / "data" / "answer_key.csv")

    assert disagreements(answers(file), right) == Counter()
    assert answer.document["population"] == len(right) > 2_000
    assert answer.code == 1


@pytest.mark.parametrize(
    ("seed", "shares"),
    [
        (11, ["opt-in=0.12", "field-option=0.08", "email-duplicate=0.05", "create-in-app=0.03"]),
        (12, ["list-criteria=0.15", "conflict=0.08", "member-status=0.1", "hostile-text=0"]),
    ],
)
def test_another_population_agrees_too(command: Command, tmp_path: Path, seed: int, shares: list[str]) -> None:
    """Another seed and other proportions of faults change the numbers and not the agreement."""
    people, home, file = tmp_path / "people", tmp_path / "home", tmp_path / "contacts.csv"
    options = [word for share in shares for word in ("--share", share)]
    assert generate(["--seed", str(seed), "--people", "600", "--out", str(people), *options]) == 0

    assert command("demo", "--headless", "--until", "connect", "--home", home, "--data", people).code == 0
    command("check", "practice", "--home", home, "--contacts", file)

    assert disagreements(answers(file), answers(people / "answer_key.csv")) == Counter()


def test_the_six_states_add_up_and_causes_belong_to_them(command: Command, checked: Path) -> None:
    """Every contact has exactly one state; causes never claim more contacts than their state has."""
    document = command("check", "practice", "--home", checked, "--json").document

    assert tuple(document["states"]) == STATES
    assert sum(document["states"].values()) == document["population"]
    for state in ("excluded", "failing", "conflict"):
        caused = sum(cause["contacts"] for cause in document["causes"] if cause["state"] == state)
        assert caused == document["states"][state]
    assert all(cause["remedy"] for cause in document["causes"])


def test_the_whole_story_is_told_and_a_second_sync_writes_nothing(command: Command, synced: Path) -> None:
    """After the demo the state goes on: a further sync has nothing to write and nothing is left pending."""
    document = command("sync", "practice", "--home", synced, "--json").document

    assert document["writes"] == 0
    assert document["after"]["states"]["pending"] == 0


def test_the_demo_can_be_told_again_on_the_same_home(command: Command, synced: Path) -> None:
    """A second run goes on from the state there and ends well."""
    answer = command("demo", "--headless", "--home", synced)

    assert answer.code == 0
    assert "0 writes" in answer.out
    assert "== report" in answer.out


def test_verification_names_the_planted_faults_and_nothing_is_unexplained(command: Command, synced: Path) -> None:
    """What is missing is explained by a verdict; no difference is without an explanation."""
    answer = command("verify", "practice", "--home", synced, "--json")
    document = answer.document

    assert [item["name"] for item in document["verifications"]] == ["outbound", "inbound", "update-only"]
    assert {item["status"] for item in document["verifications"]} == {"passed"}
    assert document["unexplained"] == 0
    reasons = {missing["cause"] for item in document["verifications"] for missing in item["missing"]}
    assert "opt-in" in reasons
    assert answer.code == 0


def test_a_record_changed_behind_the_engines_back_is_found(command: Command, synced: Path) -> None:
    """Verification reads for itself: what nobody told the engine about is unexplained."""
    hubspot_id, app_id = synced_contact(synced)
    open_practice(Home(synced)).tamper("mailchimp", app_id, {"CITY": "Nirgendwo"})

    answer = command("verify", "practice", "--home", synced, "--json", "--contact", hubspot_id)

    assert answer.document["unexplained"] == 1
    assert answer.code == 1


def synced_contact(home: Path) -> tuple[str, str]:
    """The ids of one contact that is in sync."""
    with Workspace(home / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        row = workspace.rows("SELECT hubspot_id, app_id FROM contacts WHERE state = 'in_sync' ORDER BY id LIMIT 1")[0]
    return row["hubspot_id"], row["app_id"]


def test_explaining_equals_doing(command: Command, checked: Path) -> None:
    """For a sample of every state and cause, `explain` gives the verdict of the check, and the deciding gate is the one that fails first."""
    right = answers(checked / "practice" / "data" / "answer_key.csv")
    samples = {verdict: ids for ids, verdict in right.items()}
    assert len(samples) > 15

    for (state, cause), (hubspot_id, app_id) in samples.items():
        document = command("explain", "practice", hubspot_id or app_id, "--home", checked, "--json").document
        assert (document["state"], document["cause"]) == (state, cause)
        failed = [gate["code"] for gate in document["gates"] if gate["passed"] is False]
        deciding = [gate["code"] for gate in document["gates"] if gate["decides"]]
        if cause and cause != "conflict":
            assert failed[0] == cause == deciding[0]
            assert next(gate["evidence"] for gate in document["gates"] if gate["decides"])


def test_the_report_names_the_four_documented_causes_and_no_person(command: Command, synced: Path) -> None:
    """The report answers the source document's four checks and holds no address of the population."""
    answer = command("report", "practice", "--home", synced, "--json")
    with (synced / "practice" / "data" / "answer_key.csv").open(encoding="utf-8", newline="") as file:
        addresses = {row["email"].strip() for row in csv.DictReader(file) if "@" in row["email"]}

    assert answer.code == 0
    assert not [address for address in addresses if address in answer.out]
    written = sorted((synced / "reports").glob("*.md"))
    assert written
    text = written[0].read_text(encoding="utf-8")
    for check in (
        "a) E-mail address: found",
        "b) Unwanted data and opt-in: found",
        "c) Inclusion list: found",
        "d) Field",
    ):
        assert check in text


def test_every_write_is_in_the_journal_and_every_exchange_in_the_log(command: Command, synced: Path) -> None:
    """The record of the sync can be read afterwards, without addresses or ids in its paths."""
    runs = command("log", "practice", "--home", synced, "--json").document["runs"]
    sync = next(row for row in runs if row["command"] == "sync")
    detail = command("log", "practice", "--home", synced, "--run", sync["id"], "--json").document

    assert {row["state"] for row in runs} == {"done"}
    assert sync["counts"]["writes"] > 0
    assert any(exchange["method"] == "POST" for exchange in detail["exchanges"])
    assert not [exchange for exchange in detail["exchanges"] if "@" in exchange["path"]]


def test_contacts_file_is_inert_in_a_spreadsheet(command: Command, checked: Path, tmp_path: Path) -> None:
    """No cell starts a formula and no control character is left."""
    file = tmp_path / "contacts.csv"
    command("check", "practice", "--home", checked, "--contacts", file)

    with file.open(encoding="utf-8", newline="") as lines:
        cells = [cell for row in csv.reader(lines) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@") or "\x1b" in cell]
