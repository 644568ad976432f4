"""`fixes`, and the smallest change in `explain`, on the practice portal."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.conftest import Command, change_connection

GOOD = ("in_sync", "pending")


def sql(home: Path, statement: str) -> None:
    """One committed statement in the workspace."""
    with Workspace(home / "workspaces" / "practice.sqlite") as workspace, workspace.transaction() as cursor:
        cursor.execute(statement)


def blocked(home: Path) -> dict[str, int]:
    """Blocked contacts per state."""
    with Workspace(home / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        rows = workspace.rows("SELECT state, count(*) AS n FROM verdict GROUP BY state")
        return {row["state"]: row["n"] for row in rows if row["state"] not in GOOD}


def test_the_best_repairs_are_ranked_and_every_claim_is_proved(command: Command, checked: Path) -> None:
    """As a document: counts by state add up, fall, and hold when the planner is run again."""
    answer = command("fixes", "practice", "--home", checked, "--json")
    document = answer.document

    assert answer.code == 1
    assert document["states"] == blocked(checked)
    assert document["blocked"] == sum(document["states"].values()) > 500
    assert len(document["singles"]) == len(document["pairs"]) == 10
    for ranking in (document["singles"], document["pairs"]):
        assert [fix["frees"] for fix in ranking] == sorted((fix["frees"] for fix in ranking), reverse=True)
        for fix in ranking:
            assert sum(fix["states"].values()) == fix["frees"]
            assert fix["proof"]["freed"] == fix["proof"]["contacts"] == min(fix["frees"], 200)
            assert fix["proof"]["all"] == (fix["frees"] <= 200)
    best = document["singles"][0]
    assert len(best["repairs"]) == 1
    assert document["pairs"][0]["frees"] > best["frees"]
    consents = [part for fix in document["singles"] for part in fix["repairs"] if part["kind"] == "consent"]
    assert consents and {part["by"] for part in consents} == {"contact"}


def test_as_text_the_same_repairs_stand_in_the_same_order(command: Command, checked: Path) -> None:
    """With who does it, how many of how many, and what was proved."""
    document = command("fixes", "practice", "--home", checked, "--json", "--limit", 3).document
    text = command("fixes", "practice", "--home", checked, "--limit", 3)

    assert text.code == 1
    assert f"{document['blocked']:,} contacts do not sync (" in text.out
    for number, fix in enumerate(document["singles"], 1):
        assert f"{number}. " in text.out and fix["repairs"][0]["what"] in text.out
        assert f"frees {fix['frees']} of {document['blocked']:,}" in text.out
    assert len(document["singles"]) == 3
    assert "proved by planning" in text.out


def test_an_option_that_is_missing_is_one_action_and_a_persons_own_words_are_masked(
    command: Command, checked: Path
) -> None:
    """A choice of the other side may be shown; a country that somebody typed is not, unless values are asked for."""
    masked = command("fixes", "practice", "--home", checked, "--json", "--limit", 100).document
    shown = command("fixes", "practice", "--home", checked, "--json", "--limit", 100, "--values").document

    def options(document: dict[str, list[dict[str, list[dict[str, object]]]]]) -> dict[str, list[str]]:
        parts = [part for fix in document["singles"] for part in fix["repairs"] if part["kind"] == "option"]
        return {name: [str(part["what"]) for part in parts if part["field"] == name] for name in ("STAGE", "COUNTRY")}

    assert [fix["proof"] is None for fix in masked["singles"]] == [
        place >= 10 for place in range(len(masked["singles"]))
    ]
    assert any('"partner"' in what for what in options(masked)["STAGE"])
    assert any('"Liechtenstein"' in what for what in options(shown)["COUNTRY"])
    assert not any("Liechtenstein" in what for what in options(masked)["COUNTRY"])
    stage = next(part for fix in masked["singles"] for part in fix["repairs"] if part["field"] == "STAGE")
    assert stage["once"]
    assert [other["kind"] for other in stage["or"]] == ["mapping"]


def test_before_any_check_it_names_the_command(command: Command, fresh: Path) -> None:
    """An error like that of `explain`."""
    answer = command("fixes", "practice", "--home", fresh)
    assert answer.code == 2
    assert "syncdoctor check practice" in answer.err
    assert "Traceback" not in answer.err


def test_nobody_blocked_is_an_answer(command: Command, checked: Path) -> None:
    """Exit code 0, empty rankings."""
    sql(checked, "UPDATE verdict SET state = 'in_sync', cause = ''")
    text = command("fixes", "practice", "--home", checked)
    document = command("fixes", "practice", "--home", checked, "--json").document

    assert (text.code, text.out.startswith("Nobody is blocked")) == (0, True)
    assert (document["blocked"], document["singles"], document["pairs"]) == (0, [], [])


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_a_limit_that_makes_no_sense_is_wrong_usage(command: Command, checked: Path, limit: str) -> None:
    """Exit code 2."""
    assert command("fixes", "practice", "--home", checked, "--limit", limit).code == 2


def test_what_only_waits_or_cannot_be_seen_is_counted_apart(command: Command, checked: Path) -> None:
    """Contacts of a list that may not be read, and one in doubt, are promised to nobody."""
    sql(checked, "UPDATE finding SET state = 'unknown', rule = 'not read' WHERE code = 'list-membership'")
    document = command("fixes", "practice", "--home", checked, "--json", "--limit", 100).document
    text = command("fixes", "practice", "--home", checked, "--limit", 1).out

    (grant,) = [one for one in document["cannot_be_repaired"] if one["why"] == "grant"]
    assert grant["contacts"] > 0
    assert "list-membership" not in {part["code"] for fix in document["singles"] for part in fix["repairs"]}
    assert f"{grant['contacts']}: It cannot be foreseen before a permission is granted" in text


def test_a_side_that_cannot_be_read_leaves_nothing_to_rank(command: Command, checked: Path) -> None:
    """Everybody is unknown by a cause that no gate finds."""
    sql(checked, "UPDATE verdict SET state = 'unknown', cause = 'unreachable', run_id = run_id + 1")
    document = command("fixes", "practice", "--home", checked, "--json").document

    assert (document["singles"], document["pairs"]) == ([], [])
    (one,) = document["cannot_be_repaired"]
    assert (one["why"], one["contacts"]) == ("wait", document["blocked"])


def test_every_deciding_cause_gets_a_smallest_change_in_explain(command: Command, checked: Path) -> None:
    """One contact of each cause: proved, or said why not; consent is the person's."""
    with Workspace(checked / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        people = workspace.rows(
            "SELECT cause, coalesce(min(hubspot_id), min(app_id)) AS id FROM contacts WHERE cause <> '' GROUP BY cause"
        )
    assert len(people) > 12
    for row in people:
        answer = command("explain", "practice", row["id"], "--home", checked, "--json").document
        change = answer["smallest_change"]
        assert change["state"] in GOOD, row["cause"]
        assert change["smallest"] and change["repairs"] and not change["cannot_be_repaired"]
        for repair in change["repairs"]:
            assert repair["kind"] != "consent" or repair["by"] == "contact"
        text = command("explain", "practice", row["id"], "--home", checked).out
        assert "Proved by running the planner again" in text
        assert all(repair["what"] in text for repair in change["repairs"])


def test_who_is_in_sync_has_no_change(command: Command, checked: Path) -> None:
    """Null, and no word of it."""
    with Workspace(checked / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        who = workspace.value("SELECT hubspot_id FROM contacts WHERE state = 'in_sync' LIMIT 1")
    assert command("explain", "practice", who, "--home", checked, "--json").document["smallest_change"] is None
    assert "smallest" not in command("explain", "practice", who, "--home", checked).out


def test_another_direction_is_one_action_for_all(command: Command, few: Path) -> None:
    """A one-way connection leaves out whoever is only on the receiving side."""
    change_connection(few, "[sync]\n", '[sync]\ndirection = "to_app"\n')
    change_connection(few, 'direction = "two_way"', "")
    assert command("check", "practice", "--home", few).code == 1
    document = command("fixes", "practice", "--home", few, "--json", "--limit", 100).document

    (two_way,) = [fix for fix in document["singles"] if fix["repairs"][0]["code"] == "direction"]
    assert two_way["frees"] > 0
    assert two_way["repairs"][0]["by"] == "us"
