"""The generator of the practice population and the folder that is committed."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from engine.connection import read_connection
from sample_data import PEOPLE
from sample_data.generate import PEOPLE_COUNT, SEED, main
from sample_data.population.compose import FAULTS, KINDS, compose
from sample_data.population.hostile import NAMES, STACKED_MARKS, TOWNS
from sample_data.population.person import RANK, STATE_OF_CAUSE
from sample_data.portal.folder import read_folder
from tests.sample_data.verdict_rules import judged, normal_email, rows

RESERVED = re.compile(r"(.*\.)?(example|test|invalid|example\.(com|org|net))", re.IGNORECASE)
OTHER_SHARES = ("--share", "opt-in=0.2", "--share", "create-in-app=0", "--share", "field-range=0.03")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred people with shares of their own."""
    folder = tmp_path_factory.mktemp("small") / "people"
    assert main(["--seed", "11", "--people", "200", "--out", str(folder), *OTHER_SHARES]) == 0
    return folder


@pytest.fixture(scope="module", params=["committed", "small"])
def folder(request: pytest.FixtureRequest, small: Path) -> Path:
    """The committed folder, then the small one."""
    return PEOPLE if request.param == "committed" else small


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _causes(folder: Path) -> Counter[str]:
    return Counter(row["cause"] for row in rows(folder / "answer_key.csv") if row["cause"])


def test_the_committed_folder_is_what_the_generator_writes(tmp_path: Path) -> None:
    """Seed 7 and 2,400 people give the committed files byte for byte, and no other file."""
    assert main(["--seed", str(SEED), "--people", str(PEOPLE_COUNT), "--out", str(tmp_path)]) == 0
    assert _bytes(tmp_path) == _bytes(PEOPLE)


def test_same_seed_and_options_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    """A second run repeats every byte; another seed changes the people."""
    for name, seed in (("again", "11"), ("other", "-11")):
        assert main(["--seed", seed, "--people", "200", "--out", str(tmp_path / name), *OTHER_SHARES]) == 0
    assert _bytes(tmp_path / "again") == _bytes(small)
    assert _bytes(tmp_path / "other")["hubspot_contacts.csv"] != _bytes(small)["hubspot_contacts.csv"]


def test_every_cause_is_there_with_its_state(folder: Path) -> None:
    """Each cause of the table occurs, always with the state that belongs to it, beside clean people."""
    key = rows(folder / "answer_key.csv")
    assert set(_causes(folder)) == set(STATE_OF_CAUSE)
    assert all(STATE_OF_CAUSE[row["cause"]] == row["state"] for row in key if row["cause"])
    assert {row["state"] for row in key if not row["cause"]} == {"in_sync", "pending"}


def test_shares_count(small: Path) -> None:
    """A changed share gives as many contacts as it says, and the unchanged ones keep theirs."""
    causes = _causes(small)
    assert (causes["opt-in"], causes["field-range"], causes["bounced"]) == (40, 6, 3)
    assert len(rows(small / "answer_key.csv")) == 200


def test_the_key_has_one_line_per_contact(folder: Path) -> None:
    """Every id of both sides is in exactly one line, with that record's address, and no other id is."""
    key = rows(folder / "answer_key.csv")
    contacts = {row["id"]: row["email"].strip() for row in rows(folder / "hubspot_contacts.csv")}
    members = {row["contact_id"]: row["email_address"] for row in rows(folder / "mailchimp_members.csv")}
    assert sorted(row["hubspot_id"] for row in key if row["hubspot_id"]) == sorted(contacts)
    assert sorted(row["app_id"] for row in key if row["app_id"]) == sorted(members)
    for row in key:
        assert row["email"] == (contacts[row["hubspot_id"]] if row["hubspot_id"] else members[row["app_id"]])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rules_read_independently_agree_with_the_key(seed: int, tmp_path: Path) -> None:
    """The verdict rules, applied to the written files alone, find what the planters say they planted."""
    assert main(["--seed", str(seed), "--people", "1500", "--out", str(tmp_path)]) == 0
    _assert_key_is_right(tmp_path)


def test_rules_read_independently_agree_with_the_given_keys(folder: Path) -> None:
    """The same holds for the committed folder and the small one."""
    _assert_key_is_right(folder)


def _assert_key_is_right(folder: Path) -> None:
    key = {(row["hubspot_id"], row["app_id"]): (row["state"], row["cause"]) for row in rows(folder / "answer_key.csv")}
    found = judged(folder)
    assert {
        who: (key.get(who), found.get(who)) for who in key.keys() | found.keys() if key.get(who) != found.get(who)
    } == {}


def test_addresses_are_unique_except_planted_duplicates(folder: Path) -> None:
    """Each normalised address belongs to one line of the key, or to lines that are all email-duplicate."""
    causes: dict[str, list[str]] = {}
    for row in rows(folder / "answer_key.csv"):
        if row["email"]:
            causes.setdefault(normal_email(row["email"]), []).append(row["cause"])
    for row in rows(folder / "hubspot_contacts.csv"):
        if row["hs_additional_emails"]:
            causes.setdefault(normal_email(row["hs_additional_emails"]), []).append("additional")
    shared = {email: found for email, found in causes.items() if len(found) > 1}
    assert shared
    assert all(set(found) == {"email-duplicate"} for found in shared.values())


def test_only_reserved_domains(folder: Path) -> None:
    """Whatever looks like a host name in any file ends in a domain that is reserved for examples and tests."""
    hosts = set()
    for file in folder.iterdir():
        if file.name in ("hubspot_properties.json", "hubspot_rules.json", "answer_key.csv"):
            continue
        text = file.read_text(encoding="utf-8")
        if file.name == "hubspot_account.json":
            text = json.dumps(json.loads(text)["account"])
        text = re.sub(r'[^,"\n]*@', " ", text)
        hosts |= set(re.findall(r"[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}\b", text))
    settings = {"app.quit", "goals.contacts", "hubspot.on_create", "app.on_create"}
    assert len(hosts) > 30
    assert {host for host in hosts - settings if not RESERVED.fullmatch(host)} == set()


def test_some_people_carry_several_faults() -> None:
    """About one in twenty faulty people has more than one cause; the key names the first of the table."""
    population = compose(SEED, PEOPLE_COUNT)
    faulty = [person for person in population if person.causes]
    several = [person for person in faulty if len(person.causes) > 1]
    assert 0.03 * len(faulty) < len(several) < 0.06 * len(faulty)
    for person in several:
        assert RANK[person.verdict()[1]] == min(RANK[cause] for cause in person.causes)


def test_each_bad_status_as_pair_and_alone() -> None:
    """All five statuses that are not subscribed stop a pair and somebody known to Mailchimp only."""
    members = {row["contact_id"]: row["status"] for row in rows(PEOPLE / "mailchimp_members.csv")}
    found = {
        (members[row["app_id"]], bool(row["hubspot_id"]))
        for row in rows(PEOPLE / "answer_key.csv")
        if row["cause"] == "member-status"
    }
    statuses = ("unsubscribed", "cleaned", "pending", "transactional", "archived")
    assert found == {(status, paired) for status in statuses for paired in (True, False)}


def test_hostile_texts_are_there_unchanged() -> None:
    """Every hostile text is stored as it is, and none is judged by a rule for texts."""
    contacts, members = rows(PEOPLE / "hubspot_contacts.csv"), rows(PEOPLE / "mailchimp_members.csv")
    stored = {row[name] for row in contacts for name in ("firstname", "lastname", "city")}
    stored |= {row[tag] for row in members for tag in ("FNAME", "LNAME", "CITY")}
    assert {text for text in (*NAMES, *TOWNS, STACKED_MARKS) if text not in stored} == set()
    assert all(text == text.strip() and len(text) <= 60 and len(text.encode()) <= 255 for text in NAMES + TOWNS)


def test_in_sync_pairs_differ_in_spelling() -> None:
    """Among the pairs in sync are telephone numbers, addresses, names and numbers in another spelling."""
    contacts = {row["id"]: row for row in rows(PEOPLE / "hubspot_contacts.csv")}
    members = {row["contact_id"]: row for row in rows(PEOPLE / "mailchimp_members.csv")}
    differing: Counter[str] = Counter()
    for row in rows(PEOPLE / "answer_key.csv"):
        if row["state"] == "in_sync":
            contact, member = contacts[row["hubspot_id"]], members[row["app_id"]]
            pairs = (
                ("phone", "PHONE"),
                ("email", "email_address"),
                ("lastname", "LNAME"),
                ("loyalty_points", "POINTS"),
            )
            differing.update(name for name, tag in pairs if contact[name] != member[tag])
    assert set(differing) == {"phone", "email", "lastname", "loyalty_points"}


def test_consent_has_one_line_per_address(folder: Path) -> None:
    """Each HubSpot contact with an address has one subscription status, SUBSCRIBED only with an opt-in."""
    contacts = {row["email"]: row for row in rows(folder / "hubspot_contacts.csv") if row["email"].strip()}
    consents = rows(folder / "hubspot_consent.csv")
    assert sorted(row["email"] for row in consents) == sorted(contacts)
    for row in consents:
        contact = contacts[row["email"]]
        willing = contact["newsletter_opt_in"] == "true" and contact["hs_email_optout"] != "true"
        assert (row["status"] == "SUBSCRIBED") == willing


def test_the_portal_reads_every_line(folder: Path) -> None:
    """The portal's own reader accepts the folder and finds all contacts, members and consents."""
    data = read_folder(folder)
    assert len(list(data.contacts())) == len(rows(folder / "hubspot_contacts.csv"))
    assert len(list(data.members())) == len(rows(folder / "mailchimp_members.csv"))
    assert len(list(data.consents())) == len(rows(folder / "hubspot_consent.csv"))


def test_the_connection_is_valid() -> None:
    """The folder's connection file is one that the engine reads, with all eleven mappings."""
    connection = read_connection(PEOPLE / "connection.toml")
    assert [mapping.app for mapping in connection.mappings][:2] == ["EMAIL", "FNAME"]
    assert len(connection.mappings) == 11


@pytest.mark.parametrize("people", [0, 1, 2, 10, 40])
def test_few_people(people: int, tmp_path: Path) -> None:
    """Any number of people gives a folder with exactly that many lines in a right key."""
    assert main(["--people", str(people), "--out", str(tmp_path)]) == 0
    assert len(rows(tmp_path / "answer_key.csv")) == people
    _assert_key_is_right(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--share", "opt-on=0.1"], "unknown fault: opt-on"),
        (["--share", "opt-in=1.5"], "between 0 and 1"),
        (["--share", "opt-in=nan"], "between 0 and 1"),
        (["--share", "opt-in=0.9", "--share", "bounced=0.9"], "must not exceed 1"),
        (["--share", "opt-in"], "expected FAULT=SHARE"),
        (["--people", "-1"], "must not be negative"),
        (["--people", "many"], "--people"),
    ],
)
def test_bad_input(arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage gives one line on standard error and code 2, and writes nothing."""
    assert _code([*arguments, "--out", str(tmp_path / "new")]) == 2
    output = capsys.readouterr()
    assert words in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert not (tmp_path / "new").exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not empty is written to only with --force; a file or a missing folder is refused."""
    kept = tmp_path / "kept.txt"
    kept.write_text("mine", encoding="utf-8")
    for arguments in (["--out", str(tmp_path)], ["--out", str(kept)], ["--out", str(kept / "below")], []):
        assert _code(["--people", "5", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]
    assert _code(["--people", "5", "--out", str(tmp_path), "--force"]) == 0
    assert kept.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "answer_key.csv").exists()


def _code(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_list_faults_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """--list-faults prints all names that --share takes and needs no folder."""
    assert main(["--list-faults"]) == 0
    printed = capsys.readouterr().out.split()
    assert all(kind.name in printed for kind in KINDS)
    assert {kind.name for kind in FAULTS} == set(STATE_OF_CAUSE)
