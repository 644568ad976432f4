"""`explain --at`, `diff`, `waive`, `waivers` and `unwaive` on the practice portal."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.past.difference import Difference, FindingCount, Move, MovedContact
from diagnostics.past.moment import Examined
from diagnostics.past.situation import Change
from engine.gates import STATES
from engine.sqlite import sqlite3
from tests.conftest import Answer, Command
from tui.commands.past import diff_document, show_diff
from tui.commands.session import session
from tui.home import Home

ACCEPT = ("--owner", "Ada", "--reason", "agreed with legal", "--until", "2999-12-31")


def workspace(home: Path) -> Path:
    """The practice connection's file."""
    return home / "workspaces" / "practice.sqlite"


def one(home: Path, where: str) -> sqlite3.Row:
    """A contact that fits."""
    with sqlite3.connect(workspace(home)) as sql:
        sql.row_factory = sqlite3.Row
        row: sqlite3.Row = sql.execute(f"SELECT * FROM contacts WHERE {where} ORDER BY id LIMIT 1").fetchone()
        assert row is not None, where
        return row


def refused(answer: Answer, *words: str, code: int = 2) -> None:
    """An error that says these words, and no traceback."""
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err + answer.out
    for word in words:
        assert word in answer.err


def test_a_contact_is_explained_as_it_was_before_the_sync(command: Command, synced: Path) -> None:
    """Text and JSON; the values of then are masked unless asked for."""
    with sqlite3.connect(workspace(synced)) as sql:
        record, first = sql.execute(
            "SELECT hubspot_id, opened_run FROM verdict_span WHERE state = 'pending' AND hubspot_id IN "
            "(SELECT hubspot_id FROM contacts WHERE state = 'in_sync') ORDER BY contact_id"
        ).fetchone()

    text = command("explain", "practice", record, "--at", f"run:{first}", "--home", synced)
    then = command("explain", "practice", record, "--at", first, "--home", synced, "--json")
    open_then = command("explain", "practice", record, "--at", first, "--home", synced, "--json", "--values").document

    assert (text.code, then.code) == (1, 1)
    assert f"As of run {first}" in text.out
    assert then.document["state"] == "pending"
    assert command("explain", "practice", record, "--home", synced, "--json").document["state"] == "in_sync"
    shown = {f"{one['side']}.{one['field']}": one["value"] for one in open_then["values"]}
    masked = {f"{one['side']}.{one['field']}": one["value"] for one in then.document["values"]}
    assert shown["hubspot.email"] != masked["hubspot.email"]
    assert shown["hubspot.email"] not in text.out + then.out
    assert not set(shown) & set(then.document["not_known"])


def test_the_last_two_examinations_are_compared(command: Command, synced: Path) -> None:
    """Counts, moves and reasons; what the sync wrote is named; the counts add up."""
    with sqlite3.connect(workspace(synced)) as sql:
        runs = [row[0] for row in sql.execute("SELECT run_id FROM examination ORDER BY run_id")]

    text = command("diff", "practice", runs[0], runs[-1], "--home", synced)
    document = command("diff", "practice", runs[0], runs[-1], "--home", synced, "--json", "--contacts", "--limit", 3)

    found = document.document
    assert (found["from"]["run"], found["to"]["run"]) == (runs[0], runs[-1])
    assert sum(state["now"] for state in found["states"].values()) == found["unmoved"] + sum(
        move["contacts"] for move in found["moves"] if move["now"]["state"] != "gone"
    )
    written = next(move for move in found["moves"] if move["then"]["state"] == "pending" and move["written"])
    assert len(written["named"]) == min(3, written["contacts"])
    with sqlite3.connect(workspace(synced)) as sql:
        emails = dict(sql.execute("SELECT hubspot_id, email FROM contact WHERE hubspot_id IS NOT NULL"))
    named = next(one for one in written["named"] if emails.get(one["hubspot_id"]))
    address = emails[named["hubspot_id"]]
    assert (named["email"][0], "•••@" in named["email"]) == (address[0], True)
    whole = command("diff", "practice", runs[0], runs[-1], "--home", synced, "--contacts", "--values").out
    assert address in whole
    assert address not in command("diff", "practice", runs[0], runs[-1], "--home", synced, "--contacts").out
    assert "pending -> in_sync" in text.out
    assert "wrote" in text.out
    assert text.code == document.code == int(found["worse"] > 0)

    again = command("diff", "practice", runs[-1], "--home", synced)
    assert again.code == 0
    assert "No contact moved" in again.out


def test_the_counts_of_the_last_examinations_are_listed(command: Command, synced: Path) -> None:
    """Oldest first, in text and JSON; the states add up, and the list's size is there."""
    text = command("trend", "practice", "--home", synced)
    points = command("trend", "practice", "--home", synced, "--json").document["examinations"]
    (last,) = command("trend", "practice", "--home", synced, "--json", "--limit", 1).document["examinations"]

    assert (text.code, points[-1]) == (0, last)
    assert [one["run"] for one in points] == sorted(one["run"] for one in points)
    assert all(sum(one["states"].values()) == one["contacts"] for one in points)
    assert points[0]["findings"]["new"] > 0
    assert points[0]["findings"]["came_back"] == points[0]["findings"]["resolved"] == 0
    assert f"{points[0]['list_members']:,}" in text.out
    refused(command("trend", "practice", "--home", synced, "--limit", "0"), "--limit")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", "practice", "nobody@example.org", "--at", "run:1"), "no contact"),
        (("explain", "practice", "x", "--at", "2001-01-01"), "first examination"),
        (("explain", "practice", "x", "--at", "2998-01-01"), "future"),
        (("explain", "practice", "x", "--at", "yesterday"), "no time"),
        (("explain", "practice", "x", "--at", ""), "empty"),
        (("diff", "practice", ""), "empty"),
        (("diff", "practice", "run:1", " "), "empty"),
        (("waive", "practice", "opt-in", "", *ACCEPT), "empty"),
        (("waive", "practice", "opt-in", "--field", "", *ACCEPT), "empty"),
        (("diff", "practice", "run:99"), "no run 99"),
        (("diff", "practice", "2998-01-01"), "future"),
        (("diff", "practice", "\x1b[31mred"), "no time"),
        (("diff", "practice", "run:1", "run:1", "--limit", "0"), "--limit"),
        (("diff", "practice"), "needs two"),
        (("unwaive", "practice", "1"), "no waiver 1"),
        (("unwaive", "practice", "0"), "WAIVER"),
        (("waive", "practice", "opt-in"), "--owner"),
        (("waive", "practice", "opt-im", *ACCEPT), "'opt-in'"),
        (("waive", "practice", "unreachable", *ACCEPT), "cannot be waived"),
        (("waive", "practice", "opt-in", "nobody@example.org", *ACCEPT), "no contact"),
        (("waive", "practice", "opt-in", "--field", "hubspot.newsletter_optin", *ACCEPT), "newsletter_opt_in"),
        (("waive", "practice", "conflict", "--field", "zzz", *ACCEPT), "no such field"),
        (("waive", "practice", "opt-in", *ACCEPT[:4], "--until", "2001-01-01"), "future"),
        (("waive", "practice", "opt-in", *ACCEPT[:4], "--until", "tomorrow"), "no time"),
        (("waive", "practice", "opt-in", "--owner", " ", *ACCEPT[2:]), "owner"),
        (("waive", "practice", "opt-in", *ACCEPT[:2], "--reason", "x" * 1_001, *ACCEPT[4:]), "1000"),
    ],
)
def test_what_cannot_be_answered_is_refused(command: Command, checked: Path, words: tuple[str, ...], said: str) -> None:
    """Wrong times, runs, causes, fields, contacts and ends: an error that says what to do; nothing is stored."""
    refused(command(*words, "--home", checked), said)
    assert command("waivers", "practice", "--home", checked, "--json").document["waivers"] == []


def test_only_what_is_taken_is_offered(command: Command, checked: Path) -> None:
    """A waiver ends at a time, not with a run; an examination is found by both."""
    waiving = command("waive", "practice", "opt-in", *ACCEPT[:4], "--until", "run:3", "--home", checked)
    refused(waiving, "this is no time", "2026-03-02")
    assert "run:12" not in waiving.err
    refused(command("explain", "practice", "x", "--at", "yesterday", "--home", checked), "run:12")


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "practice"),
        ("trend", "practice"),
        ("explain", "practice", "x", "--at", "run:1"),
        ("waivers", "practice"),
        ("waive", "practice", "opt-in", *ACCEPT),
        ("unwaive", "practice", "1"),
    ],
)
def test_before_the_first_check_it_says_so(command: Command, fresh: Path, words: tuple[str, ...]) -> None:
    """Nothing was examined: each names the check."""
    refused(command(*words, "--home", fresh), "syncdoctor check practice")


def test_a_waived_cause_is_counted_apart_and_passes_nothing(command: Command, checked: Path) -> None:
    """In check, explain and the list; the state stays, and the plan too."""
    before = command("check", "practice", "--home", checked, "--json").document
    planned = command("plan", "practice", "--home", checked, "--json").document["counts"]
    person = one(checked, "cause = 'opt-in' AND id NOT IN (SELECT contact_id FROM finding WHERE code <> 'opt-in')")

    made = command("waive", "practice", "opt-in", *ACCEPT, "--home", checked, "--json").document

    after = command("check", "practice", "--home", checked, "--json").document
    cause = next(row for row in after["causes"] if row["code"] == "opt-in")
    assert made["waiver"]["number"] == 1
    assert made["contacts"] >= cause["contacts"] >= cause["waived"] == after["waived"]["excluded"] > 0
    assert after["states"] == before["states"]
    assert command("plan", "practice", "--home", checked, "--json").document["counts"] == planned
    explained = command("explain", "practice", person["hubspot_id"], "--home", checked, "--json")
    assert (explained.code, explained.document["state"], explained.document["waived"]) == (0, "excluded", True)
    text = command("explain", "practice", person["hubspot_id"], "--home", checked).out
    assert "Waiver 1: opt-in accepted until 2999-12-31" in text
    assert "not the same as passing" in text
    assert f"of these {cause['waived']} waived" in command("check", "practice", "--home", checked).out
    assert "agreed with legal" in command("waivers", "practice", "--home", checked).out
    refused(command("waive", "practice", "opt-in", *ACCEPT, "--home", checked), "waived already", "unwaive practice 1")

    assert command("unwaive", "practice", 1, "--home", checked).code == 0
    assert command("explain", "practice", person["hubspot_id"], "--home", checked).code == 1
    assert "nothing is waived" in command("waivers", "practice", "--home", checked).out
    assert command("waivers", "practice", "--home", checked, "--json").document["waivers"][0]["standing"] == "ended"


def test_an_expired_waiver_is_named(command: Command, checked: Path) -> None:
    """It counts no more, and says whose it was."""
    person = one(checked, "cause = 'opt-in'")
    command("waive", "practice", "opt-in", person["hubspot_id"], *ACCEPT, "--home", checked)
    with sqlite3.connect(workspace(checked)) as sql:
        sql.execute("UPDATE waiver SET until = '2026-01-31T22:59:59.000Z'")

    answer = command("check", "practice", "--home", checked)
    assert "Expired: waiver 1 (opt-in, of Ada) ended 2026-01-31 22:59 UTC" in answer.out
    assert "waived)" not in answer.out
    assert command("check", "practice", "--home", checked, "--json").document["expired_waivers"] == [1]
    listed = command("waivers", "practice", "--home", checked)
    assert listed.code == 1
    assert "EXPIRED" in listed.out
    assert "EXPIRED: was accepted" in command("explain", "practice", person["hubspot_id"], "--home", checked).out


def test_a_check_with_nothing_but_accepted_findings_ends_with_0(command: Command, few: Path) -> None:
    """Everything that would need somebody is accepted: exit code 0, and 1 again without one of the waivers."""
    command("sync", "practice", "--yes", "--home", few)
    found = command("check", "practice", "--home", few, "--json").document
    assert found["states"]["failing"] and found["states"]["conflict"]
    codes = {row["code"] for row in found["causes"]} | {row["code"] for row in found["connection_findings"]}
    assert command("check", "practice", "--home", few).code == 1
    for code in sorted(codes):
        assert command("waive", "practice", code, *ACCEPT, "--home", few).code == 0

    accepted = command("check", "practice", "--home", few, "--json")

    assert accepted.code == 0, accepted.out
    assert accepted.document["states"] == found["states"]
    command("unwaive", "practice", 1 + sorted(codes).index("conflict"), "--home", few)
    assert command("check", "practice", "--home", few).code == 1


def test_nothing_of_a_forgotten_person_stays_in_the_past(command: Command, synced: Path) -> None:
    """The past holds ids and causes, no values; a waiver's reason about them goes."""
    person = one(synced, "cause = 'opt-in' AND instr(email, '@')")
    address = str(person["email"]).lower()
    reason = ("--owner", "Ada", "--reason", f"{address} called", "--until", "2999-12-31")
    assert command("waive", "practice", "opt-in", person["hubspot_id"], *reason, "--home", synced).code == 0

    assert command("forget", "practice", address, "--home", synced, "--yes").code == 0

    content = b"".join(path.read_bytes() for path in synced.glob("workspaces/practice.sqlite*")).lower()
    assert address.encode() not in content
    then = command("explain", "practice", person["hubspot_id"], "--at", "run:1", "--home", synced, "--json").document
    assert (then["state"], then["cause"]) == ("excluded", "opt-in")
    assert all(one["value"] in ("(empty)", "<empty>") for one in then["values"])


def test_a_long_comparison_is_cut_and_hostile_words_are_made_visible(
    capsys: pytest.CaptureFixture[str], fresh: Path
) -> None:
    """Thirty lines of a kind, and how many more there are; ids and names come from outside."""
    escape = "\x1b[31m"
    examined = Examined(1, "check", "2026-03-01T12:00:00.000Z", 80)
    counts = tuple(FindingCount("new", f"cause-{number}", f"app.{escape}{number}", 1) for number in range(40))
    named = (MovedContact(1, f"{escape}5", None, f"{escape}a@b.example"),)
    moves = tuple(
        Move(("in_sync", ""), ("failing", f"cause-{number}"), 2, examples=named, why=counts[:1]) for number in range(40)
    )
    changes = tuple(Change("list", f"{escape}{number}", escape, escape) for number in range(40))
    states: dict[str, int] = dict.fromkeys(STATES, 0)
    found = Difference(examined, examined, states, states, moves, 0, 0, counts, changes, ())

    show_diff(session(Home(fresh), "practice"), found, contacts=True)

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert shown.count("in_sync -> failing") == 30
    assert "and 10 more kinds of moves" in shown
    assert shown.count("and 10 more;") == 2
    assert "and 1 more (--limit)" in shown
    assert len(diff_document(found)["moves"]) == 40
    assert found.worse == 80
