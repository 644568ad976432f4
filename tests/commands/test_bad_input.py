"""Everything a user can get wrong, and every way a side can refuse: a clear error, the right exit code, nothing lost."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.lock import locked
from engine.sqlite import sqlite3
from sample_data.portal import Fault, open_portal, serving
from tests.conftest import Answer, Command, change_connection


def refused(answer: Answer, code: int, *words: str) -> None:
    """The command failed with this exit code, says these words, and shows neither a traceback nor a secret."""
    assert answer.code == code, answer.err
    for word in words:
        assert word.lower() in answer.err.lower()
    assert "Traceback" not in answer.err + answer.out
    assert "practice-hubspot" not in answer.err + answer.out
    assert "defect" not in answer.err


@contextmanager
def served(home: Path, *faults: Fault) -> Iterator[None]:
    """The practice portal over HTTP, with faults, for a home whose connection points at it."""
    portal = open_portal(home / "practice" / "data", home / "practice" / "portal.sqlite", faults=faults)
    with serving(portal) as address:
        change_connection(home, 'server = "practice"', f'server = "{address}/hubspot"')
        change_connection(home, 'server = "practice"', f'server = "{address}/mailchimp/3.0"')
        yield


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal's credentials, as environment variables."""
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_HUBSPOT", "practice-hubspot-token")
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_APP", "practice-mailchimp-key-us00")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('hubspot = "city"', 'hubspot = "ctiy"', ("ctiy", "city")),
        ('app = "CITY"', 'app = "CITTY"', ("CITTY", "CITY")),
        ('list = "Newsletter DACH"', 'list = "Newsleter DACH"', ("Newsleter DACH", "Newsletter DACH")),
        ('list = "Newsletter DACH"', 'list = "VIP"', ("103", "104")),
        ('property = "newsletter_opt_in"', 'property = "newsletter_optin"', ("newsletter_opt_in",)),
        ('audience = "a1b2c3d4e5"', 'audience = "ffffffffff"', ("a1b2c3d4e5",)),
        ("account = 4711001", "account = 4711002", ("4711001", "4711002")),
        ("[brakes]", "[brake]", ("brakes", "line")),
        ("account = 4711001", 'token = "abc"', ("'token'", "syncdoctor login")),
        ('hubspot = "email"', 'direction = "to_app"\nhubspot = "email"', ("address", "two_way")),
        ('partner"]', 'partnr"]', ("partnr", "partner")),
    ],
)
def test_a_connection_that_does_not_fit_is_refused_with_the_near_right_name(
    command: Command, fresh: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    """Misspelt properties, fields, lists, keys: the error names what is there."""
    change_connection(fresh, old, new)

    refused(command("check", "practice", "--home", fresh), 2, *words)


@pytest.mark.parametrize(
    ("side", "secret", "words"),
    [
        ("HUBSPOT", "pat-eu1-wrong", ("HubSpot", "log in")),
        ("HUBSPOT", "practice-hubspot-expired", ("expired",)),
        ("APP", "no-such-key-us00", ("Mailchimp", "log in")),
        ("APP", "practice-mailchimp-key-us01", ("data centre",)),
    ],
)
def test_refused_credentials_end_with_3_and_make_contacts_unknown(
    command: Command, checked: Path, monkeypatch: pytest.MonkeyPatch, side: str, secret: str, words: tuple[str, ...]
) -> None:
    """Wrong, expired, of another data centre: nothing is concluded about any contact, and the mirror is kept."""
    monkeypatch.setenv(f"SYNCDOCTOR_PRACTICE_{side}", secret)

    answer = command("check", "practice", "--home", checked, "--json")

    refused(answer, 3, *words)
    assert secret not in answer.out + answer.err
    document = answer.document
    assert document["states"]["unknown"] == document["population"] > 2_000
    monkeypatch.delenv(f"SYNCDOCTOR_PRACTICE_{side}")
    assert command("check", "practice", "--home", checked, "--json").document["states"]["unknown"] == 0


def test_a_token_without_write_scope_stops_the_sync_and_names_the_scope(
    command: Command, checked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading works; writing says which scope is missing, and later the writes still come."""
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_HUBSPOT", "practice-hubspot-readonly")

    assert command("check", "practice", "--home", checked).code == 1
    refused(command("sync", "practice", "--home", checked, "--json"), 3, "crm.objects.contacts.write")
    monkeypatch.delenv("SYNCDOCTOR_PRACTICE_HUBSPOT")
    assert command("sync", "practice", "--home", checked, "--json").document["writes"] > 0
    assert command("sync", "practice", "--home", checked, "--json").document["writes"] == 0


def test_a_host_that_is_not_there(command: Command, fresh: Path, keys: None) -> None:
    """Nothing listens: exit code 3, the side is named."""
    change_connection(fresh, 'server = "practice"', 'server = "http://127.0.0.1:9"')

    refused(command("check", "practice", "--home", fresh), 3, "hubspot")


@pytest.mark.parametrize(("kind", "words"), [("html", "Mailchimp"), ("truncated", "JSON")])
def test_answers_that_are_no_json(command: Command, fresh: Path, keys: None, kind: str, words: str) -> None:
    """A web page or half a document is an error and never taken for an empty list; no foreign markup is shown."""
    fault = Fault(server="mailchimp", method="GET", path=r"/members", nth=0, kind=kind)  # type: ignore[arg-type]
    with served(fresh, fault):
        answer = command("check", "practice", "--home", fresh)

    refused(answer, 3, words)
    assert "<html" not in answer.err
    with sqlite3.connect(fresh / "workspaces" / "practice.sqlite") as sql:
        assert sql.execute("SELECT count(*) FROM verdict").fetchone()[0] == 0


def test_over_real_http_the_answer_is_the_same(command: Command, fresh: Path, checked: Path, keys: None) -> None:
    """In-process and over loopback the same contacts get the same verdicts."""
    expected = command("check", "practice", "--home", checked, "--json").document["states"]
    with served(fresh):
        document = command("check", "practice", "--home", fresh, "--json").document

    assert document["states"] == expected


def test_the_daily_limit_says_when_it_ends(command: Command, fresh: Path, keys: None) -> None:
    """A used-up daily limit stops at once instead of asking ten thousand times."""
    fault = Fault(server="hubspot", method="GET", path=r"/contacts", nth=0, kind="429_daily")
    with served(fresh, fault):
        refused(command("check", "practice", "--home", fresh), 3, "daily")


def test_nobody_and_several_are_told_apart(command: Command, checked: Path) -> None:
    """`explain` of nobody names the way on, of several the ids to choose from."""
    with sqlite3.connect(checked / "workspaces" / "practice.sqlite") as sql:
        email, one = sql.execute(
            "SELECT email, hubspot_id FROM contacts WHERE cause = 'email-duplicate' AND hubspot_id IS NOT NULL"
        ).fetchone()

    refused(command("explain", "practice", "nobody@nowhere.example", "--home", checked), 2, "no contact")
    several = command("explain", "practice", email, "--home", checked)
    refused(several, 2, "share", "ids")
    assert command("explain", "practice", one, "--home", checked).code == 1
    refused(command("explain", "practice", "   ", "--home", checked), 2, "no contact")


def test_explaining_before_the_first_check_names_the_command(command: Command, fresh: Path) -> None:
    """Nothing examined yet is an answer with a next step."""
    for name, *rest in (["explain", "x@example.com"], ["report"], ["verify"]):
        refused(command(name, "practice", *rest, "--home", fresh), 2, "syncdoctor check practice")


def test_a_damaged_workspace_is_left_as_it_is(command: Command, checked: Path) -> None:
    """Damage is named; the file is not replaced by an empty one."""
    path = checked / "workspaces" / "practice.sqlite"
    path.write_bytes(b"no database at all" * 1_000)
    for companion in checked.glob("workspaces/*-wal"):
        companion.unlink()
    before = path.read_bytes()

    refused(command("check", "practice", "--home", checked), 2, "practice.sqlite")
    assert path.read_bytes() == before


def test_a_workspace_of_a_newer_version(command: Command, checked: Path) -> None:
    """The program says that it is too old, and touches nothing."""
    with sqlite3.connect(checked / "workspaces" / "practice.sqlite") as sql:
        sql.execute("PRAGMA user_version = 99")

    refused(command("check", "practice", "--home", checked), 2, "version 99", "Update")


def test_a_run_in_progress_is_named(command: Command, checked: Path) -> None:
    """The lock's holder is told, exit code 4."""
    with locked(checked / "workspaces" / "practice.sqlite", "sync"):
        refused(command("check", "practice", "--home", checked), 4, "'sync'", "log practice --follow")


def test_a_brake_stops_before_the_first_write(command: Command, fresh: Path) -> None:
    """The plan is larger than allowed: which brake, and how to go on."""
    change_connection(fresh, "creates = 2000", "creates = 3")

    refused(command("sync", "practice", "--home", fresh, "--json"), 4, "brakes.creates", "nothing was written")
    with sqlite3.connect(fresh / "workspaces" / "practice.sqlite") as sql:
        assert sql.execute("SELECT count(*) FROM journal").fetchone()[0] == 0


def test_an_observed_connection_is_never_written(command: Command, fresh: Path) -> None:
    """Observed mode checks like any other and refuses to sync."""
    change_connection(fresh, 'mode = "managed"', 'mode = "observed"')

    assert command("check", "practice", "--home", fresh).code == 1
    refused(command("sync", "practice", "--home", fresh), 2, "observed")
    with sqlite3.connect(fresh / "workspaces" / "practice.sqlite") as sql:
        assert sql.execute("SELECT count(*) FROM journal").fetchone()[0] == 0


def test_a_home_that_cannot_be_written(command: Command, tmp_path: Path) -> None:
    """A file in the way stands for a read-only home."""
    (tmp_path / "home").write_text("not a folder")

    refused(command("demo", "--headless", "--home", tmp_path / "home"), 2, "home")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["chek", "practice"], "'check'"),
        (["check"], "NAME"),
        (["check", "practise"], "'practice'"),
        (["check", "practice", "--jsn"], "--json"),
        (["demo", "--until", "sometime"], "sometime"),
        (["log", "practice", "--run", "four"], "integer"),
        (["login", "practice", "middle"], "middle"),
        (["connect", "nowhere.toml"], "nowhere.toml"),
        (["sync", "practice", "--plan", "nowhere.json"], "nowhere.json"),
        (["practice", "serve", "--port", "0"], "--port"),
    ],
)
def test_wrong_words_get_usage_and_exit_code_2(command: Command, fresh: Path, words: list[str], expected: str) -> None:
    """Misspelt commands, options and names are answered with the nearest right one where there is one."""
    answer = command(*words, "--home", fresh)

    assert answer.code == 2
    assert expected in answer.err
    assert "Traceback" not in answer.err


def test_errors_are_documents_with_json(command: Command, fresh: Path) -> None:
    """A script gets the error's code, place and remedy."""
    error = command("explain", "practice", "x@example.com", "--home", fresh, "--json").document["error"]

    assert error["code"] == "workspace"
    assert "syncdoctor check practice" in error["remedy"]


def test_a_saved_plan_is_written_exactly_or_refused(command: Command, checked: Path, tmp_path: Path) -> None:
    """The plan that was looked at is the plan that is written; a contact that changed meanwhile voids it."""
    file = tmp_path / "plan.json"
    assert command("plan", "practice", "--home", checked, "--save", file).code == 1
    planned = len(json.loads(file.read_text())["operations"])
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**json.loads(file.read_text()), "plan_id": "0" * 32}))

    refused(command("sync", "practice", "--home", checked, "--plan", other), 2, "changed after it was made")
    document = command("sync", "practice", "--home", checked, "--plan", file, "--json").document
    assert document["writes"] + document["refused"] == planned


def test_login_takes_a_token_from_standard_input_and_never_shows_it(
    command: Command, fresh: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is stored is used by the next command, and logout forgets it."""
    token = tmp_path / "token"
    token.write_text("Bearer pat-eu1-wrong\n")
    with token.open() as source:
        monkeypatch.setattr(sys, "stdin", source)
        answer = command("login", "practice", "hubspot", "--stdin", "--home", fresh)

    assert answer.code == 0
    assert "pat-eu1-wrong" not in answer.out + answer.err
    refused(command("check", "practice", "--home", fresh), 3, "log in")
    assert command("logout", "practice", "--home", fresh).code == 0
    assert command("check", "practice", "--home", fresh).code == 1


def test_usage_errors_are_documents_too(command: Command, fresh: Path) -> None:
    """A misspelt option with --json still gives a script something to read."""
    answer = command("check", "--json", "--home", fresh)

    assert answer.code == 2
    assert answer.document["error"]["code"] == "usage"


def test_a_missing_write_scope_is_told_before_the_first_write(
    command: Command, checked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` already says that a sync could not write."""
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_HUBSPOT", "practice-hubspot-readonly")

    findings = command("check", "practice", "--home", checked, "--json").document["connection_findings"]

    assert [(f["code"], f["blocking"]) for f in findings if "crm.objects.contacts.write" in f["evidence"]] == [
        ("scope-missing", False)
    ]


def test_a_faulty_population_is_refused_before_anything_is_set_up(
    command: Command, fresh: Path, tmp_path: Path
) -> None:
    """The user's own file is named, and the corrected folder is taken afterwards."""
    people, home = tmp_path / "people", tmp_path / "home"
    shutil.copytree(fresh / "practice" / "data", people)
    good = (people / "hubspot_lists.json").read_text(encoding="utf-8")
    (people / "hubspot_lists.json").write_text("[", encoding="utf-8")

    refused(
        command("demo", "--headless", "--until", "check", "--home", home, "--data", people),
        2,
        str(people),
        "hubspot_lists.json",
    )
    (people / "hubspot_lists.json").write_text(good, encoding="utf-8")
    assert command("demo", "--headless", "--until", "check", "--home", home, "--data", people).code == 0


def test_a_defect_of_ours_is_one_line_and_a_private_log_without_values(
    command: Command, checked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last resort: no traceback, no value, the log in the chosen home."""

    def broken(*_: object, **__: object) -> None:
        address = "jane@example.com"
        raise ZeroDivisionError(address)

    monkeypatch.setattr("tui.commands.configure.connections", broken)

    answer = command("connections", "--home", checked)

    assert answer.code == 1
    assert "Traceback" not in answer.err
    (log,) = (checked / "log").glob("defect-*")
    assert "jane@example.com" not in log.read_text() + answer.err
    assert log.stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_named(command: Command, fresh: Path) -> None:
    """`practice serve` says which port, exit code 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(command("practice", "serve", "--port", port, "--home", fresh), 2, str(port))


def test_a_list_that_may_not_be_read_is_unknown_and_never_passed(command: Command, fresh: Path, keys: None) -> None:
    """Without the lists' scope the list gates answer "not examined", in the counts and in an explanation; all add up."""
    faults = [
        Fault(server="hubspot", method=method, path=r"/lists", nth=0, kind="403_scope") for method in ("GET", "POST")
    ]
    with served(fresh, *faults):
        document = command("check", "practice", "--home", fresh, "--json").document

    unknown = [cause for cause in document["causes"] if cause["state"] == "unknown"]
    assert [cause["code"] for cause in unknown] == ["list-membership"]
    assert document["states"]["unknown"] == unknown[0]["contacts"] > 0
    assert sum(document["states"].values()) == document["population"]
    assert "scope-missing" in [finding["code"] for finding in document["connection_findings"]]
    with sqlite3.connect(fresh / "workspaces" / "practice.sqlite") as sql:
        (who,) = sql.execute("SELECT hubspot_id FROM contacts WHERE cause = 'list-membership' LIMIT 1").fetchone()
    explained = command("explain", "practice", who, "--home", fresh, "--json").document
    gates = {gate["code"]: gate["passed"] for gate in explained["gates"]}
    assert (explained["state"], gates["list-membership"], gates["email-missing"]) == ("unknown", None, True)
