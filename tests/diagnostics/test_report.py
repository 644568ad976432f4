"""The support report: what it says, what it never says, and how it is written."""

from __future__ import annotations

import json
import random
import re
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from diagnostics.causes import CAUSES
from diagnostics.report import Report, build_report, render_json, render_markdown, write_report
from diagnostics.report.causes_found import SELF_CHECKS
from diagnostics.report.masking import Mask
from diagnostics.report.writing import cell, code
from diagnostics.verify import verify
from engine.errors import ConfigurationError, WorkspaceError
from engine.gates import Situation
from engine.situation import remember
from engine.waivers import unwaive, waive
from tests.diagnostics.small_world import LONG_AGO, NOW, SmallWorld, connection, schemas

HOSTILE = (
    "\x1b[31mrot\x1b]0;Titel\x07",
    "[klick](https://boese.example/x)",
    "![bild](https://boese.example/x.png)",
    "<script>alert(1)</script><img src=x>",
    "``` `` ` | zelle | **fett** # titel",
    "\u202egnp.exe \u200b \x9b31m",
    "https://boese.example www.boese.example @team #12",
    "zeile\n\n# neue\r\n- liste\n```\n",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    small = SmallWorld(tmp_path)
    yield small
    small.workspace.close()


def built(world: SmallWorld, *, reveal: bool = False, **changes: object) -> Report:
    return build_report(world.workspace, connection(**changes), now=NOW, reveal=reveal)


def answers(report: Report) -> dict[str, str]:
    return {question.letter: question.answer for question in report.questions}


OPT_IN = {"property": "newsletter_opt_in", "accepted": ["true"]}


def test_states_add_up_and_no_verdict_is_unknown(world: SmallWorld) -> None:
    """All six states are there, a contact without a verdict is unknown, and the sum is the population."""
    world.pair("1")
    world.hubspot_only("2", "excluded", "opt-in")
    world.hubspot_only("3", "failing", "required-field")
    world.hubspot_only("4", "")
    report = built(world)
    assert report.states == {"in_sync": 1, "pending": 0, "excluded": 1, "failing": 1, "conflict": 0, "unknown": 1}
    assert report.population == 4


def test_causes_carry_remedy_and_who_fixes_it(world: SmallWorld) -> None:
    """Deciding causes come first, most contacts first; what is only reported follows and is marked."""
    for number in "12":
        world.hubspot_only(number, "excluded", "opt-in")
    stopped = world.hubspot_only("3", "failing", "required-field")
    world.finding(stopped, "role-address", state="excluded", blocking=0)
    lines = built(world).causes
    assert [(line.code, line.contacts, line.blocking) for line in lines] == [
        ("opt-in", 2, True),
        ("required-field", 1, True),
        ("role-address", 1, False),
    ]
    assert all(line.remedy and line.fixed_by and line.title for line in lines)


def test_the_four_documented_causes_have_three_answers(world: SmallWorld) -> None:
    """Found with codes behind it, ruled out, and could not be checked with the reason, each with its sentence."""
    first = world.hubspot_only("1", "failing", "required-field")
    world.finding(first, "required-field", field="FNAME", rule="must be filled")
    world.finding(first, "field-length", field="LNAME", rule="at most 255 bytes")
    world.examined(list="the token may not read lists")
    report = built(world, opt_in=OPT_IN)
    assert answers(report) == {"a": "ruled out", "b": "ruled out", "c": "could not be checked", "d": "found"}
    assert report.questions[2].unchecked == ("the token may not read lists",)
    assert report.questions[3].contacts == 1
    assert [(each.code, each.contacts, each.deciding) for each in report.questions[3].codes] == [
        ("field-length", 1, 0),
        ("required-field", 1, 1),
    ]
    text = render_markdown(report)
    assert "### d) Field validation: found 1\n" in text
    assert "### c) Inclusion list: could not be checked, because `the token may not read lists`\n" in text
    assert all(sentence in text for _, _, sentence in SELF_CHECKS)


def test_every_self_check_has_causes_and_its_sentences_are_theirs() -> None:
    """Each of the four questions has codes, and quotes sentences that its causes stand for."""
    for letter, _, sentence in SELF_CHECKS:
        said = [entry.says for entry in CAUSES if entry.question == letter]
        assert any(sentence.startswith(each) or each in sentence for each in said), letter


def test_what_was_not_examined_is_never_ruled_out(world: SmallWorld) -> None:
    """Before the first check, and where a side could not be read, no question is answered with ruled out."""
    assert set(answers(built(world)).values()) == {"could not be checked"}
    world.hubspot_only("1", "unknown", "unreachable")
    world.sql(
        "INSERT INTO run_state(run_id, state, cause, contacts) VALUES (?, 'unknown', 'unreachable', 1)", world.check
    )
    world.sql(
        "INSERT INTO side_finding(run_id, code, state, blocking, contacts, value, rule) "
        "VALUES (?, 'unreachable', 'unknown', 1, 1, 'app', 'no answer after 4 attempts')",
        world.check,
    )
    world.examined()
    report = built(world, opt_in=OPT_IN)
    assert set(answers(report).values()) == {"could not be checked"}
    assert report.questions[0].unchecked == ("a side could not be read: no answer after 4 attempts",)


def test_rules_that_were_not_read_or_evaluated_are_never_ruled_out(world: SmallWorld) -> None:
    """Nobody broke a rule that is known; those that are not known are named."""
    world.pair("1")
    world.examined()
    assert answers(built(world))["d"] == "ruled out"
    world.sql("INSERT INTO run_state(run_id, state, cause, contacts) VALUES (?, 'in_sync', '', 1)", world.check)
    world.sql(
        "INSERT INTO side_finding(run_id, code, state, blocking, contacts, value, rule) "
        "VALUES (?, 'rules-unreadable', 'unknown', 0, 1, '', 'the required fields of HubSpot could not be read: no permission')",
        world.check,
    )
    question = built(world).questions[3]
    assert question.answer == "could not be checked"
    assert question.unchecked == ("the required fields of HubSpot could not be read: no permission",)


def test_a_missing_opt_in_rule_is_said(world: SmallWorld) -> None:
    """Without an opt-in rule nothing was checked for it, so it cannot be ruled out."""
    world.pair("1")
    world.examined()
    assert answers(built(world))["b"] == "could not be checked"
    assert answers(built(world, opt_in=OPT_IN))["b"] == "ruled out"


def test_a_list_finding_of_the_whole_connection_counts_as_found(world: SmallWorld) -> None:
    """A deleted list answers the third question although no single contact carries it."""
    world.pair("1")
    world.examined()
    world.sql("INSERT INTO run_state(run_id, state, cause, contacts) VALUES (?, 'in_sync', '', 1)", world.check)
    world.sql(
        "INSERT INTO side_finding(run_id, code, state, blocking, contacts, value, rule) "
        "VALUES (?, 'list-deleted', 'failing', 1, 7, '', 'deleted')",
        world.check,
    )
    question = built(world).questions[2]
    assert (question.answer, question.contacts, question.codes[0].code) == ("found", 7, "list-deleted")


def test_a_question_counts_only_who_was_examined(world: SmallWorld) -> None:
    """A contact that could not be examined for a code is a reason of its own, not one more that was found."""
    found, unseen = world.hubspot_only("1", "excluded", "opt-in"), world.hubspot_only("2", "unknown", "opt-in")
    world.finding(found, "opt-in", state="excluded")
    world.finding(unseen, "opt-in", state="unknown")
    world.examined()
    question = built(world, opt_in=OPT_IN).questions[1]
    assert (question.answer, question.contacts) == ("found", 1)
    assert question.unchecked == ("1 contacts could not be examined (opt-in)",)


def test_identity_and_scope_name_both_sides(world: SmallWorld) -> None:
    """Accounts, hosting, tier, mode, direction, who wins; the list with type, status, size and edit times in two zones."""
    world.pair("1")
    world.examined()
    world.workspace.remember("activated_at", "2026-03-01T12:00:00.000Z")
    report = built(world)
    facts = {fact.name: fact.value for fact in report.identity}
    assert facts["HubSpot account"] == "4711001"
    assert facts["HubSpot dataHostingLocation"] == "eu1"
    assert facts["Audience"] == "a1b2c3d4e5"
    assert facts["Direction"] == "both ways"
    listed = {fact.name: fact.value for fact in report.scope.list_facts}
    assert (listed["Type"], listed["Status"], listed["Size that HubSpot reports"]) == ("DYNAMIC", "COMPLETE", "2")
    assert listed["Criteria last edited"] == "2026-02-01T00:00:00Z (2026-02-01T01:00:00+01:00)"
    assert report.scope.activated_at is not None
    assert report.scope.activated_at.account == "2026-03-01T13:00:00+01:00"
    assert report.made_at.utc == "2026-03-02T09:00:00Z"
    assert report.scope.last_good_run is not None


def test_identity_names_each_fact_once(world: SmallWorld) -> None:
    """What the settings and the side both say is one line: the side's word."""
    declared = schemas()
    account = replace(declared["hubspot"].account, details={"API version": "v3"})
    world.run.now = lambda: NOW
    remember(
        world.run,
        Situation(
            connection(),
            {**declared, "hubspot": replace(declared["hubspot"], account=account)},
            None, NOW, 0, {},
        ),
    )  # fmt: skip
    names = [fact.name for fact in built(world).identity]
    assert len(names) == len(set(names))
    assert [fact.value for fact in built(world).identity if fact.name == "HubSpot API version"] == ["v3"]


async def test_verification_is_reported_with_its_reasons(world: SmallWorld) -> None:
    """The last verification, its missing ones by reason, and unexplained differences with masked values."""
    world.pair("1")
    world.pair("2")
    world.hubspot_only("3", "failing", "required-field")
    world.app.change("a2", LNAME="Getauscht")
    await verify(world.run, connection(), world.hubspot, world.app, schemas(), [])
    part = built(world).verification
    assert (part.unexplained, part.differences) == (1, {"unexplained": 1})
    outbound = part.lines[0]
    assert (outbound.name, outbound.status, outbound.expected, outbound.found) == ("outbound", "passed", 3, 2)
    assert re.search(r"^\| `outbound` .*\| `Every missing contact is explained: 0 excluded, 1 failing\.` \|$",
                     render_markdown(built(world)), re.MULTILINE)  # fmt: skip
    group = outbound.missing[0]
    assert (group.state, group.cause, group.contacts, group.examples) == ("failing", "required-field", 1, ("h3",))
    assert part.examples[0].app_value == "<9 characters: letters>"
    assert built(world, reveal=True).verification.examples[0].app_value == "Getauscht"


async def test_a_changed_status_is_shown_as_such(world: SmallWorld) -> None:
    """Consent has a fixed choice of values: the status is no secret, free text in its place is masked."""
    world.pair("1")
    world.pair("2")
    world.examined()
    world.app.change("a1", member_status="unsubscribed")
    world.app.change("a2", member_status="Ungewöhnlich")
    await verify(world.run, connection(), world.hubspot, world.app, schemas(), [])
    assert [(each.field, each.hubspot_value, each.app_value) for each in built(world).verification.examples] == [
        ("app.member_status", "", "unsubscribed"),
        ("app.member_status", "", "<12 characters: letters>"),
    ]


def test_a_cause_of_another_version_is_shown_by_its_code(world: SmallWorld) -> None:
    """Unknown codes in every table that holds one are listed as they are, and the report is built."""
    contact = world.pair("1", "failing", "from-the-future")
    world.finding(contact, "from-the-future", field="FNAME", value="x", rule="nobody knows")
    world.finding(world.pair("2"), "later-still", blocking=0)
    world.sql("INSERT INTO run_state(run_id, state, cause, contacts) VALUES (?, 'failing', 'from-the-future', 1)",
              world.check)  # fmt: skip
    world.sql(
        "INSERT INTO side_finding(run_id, code, state, blocking, contacts, value, rule) "
        "VALUES (?, 'side-of-tomorrow', 'failing', 1, 1, '', '')",
        world.check,
    )
    world.examined()
    report = built(world)
    assert [(line.code, line.title) for line in report.causes] == [
        ("from-the-future", "Not known to this version"),
        ("later-still", "Not known to this version"),
    ]
    assert [finding.code for finding in report.whole] == ["side-of-tomorrow"]
    assert [(each.cause, each.evidence[0].code) for each in report.examples] == [("from-the-future", "from-the-future")]
    assert "`from-the-future`" in render_markdown(report)


def test_examples_are_few_and_the_smallest(world: SmallWorld) -> None:
    """At most three contacts per cause, those with the fewest findings first, masked but recognisable."""
    for number in "12345":
        contact = world.hubspot_only(number, "failing", "field-format")
        world.finding(contact, "field-format", field="WEBSITE", value="www.ada.example", rule="must begin with http")
        if number in "12":
            world.finding(contact, "field-length", field="LNAME", value="x" * 300, rule="at most 255 bytes")
    examples = built(world).examples
    assert [example.hubspot_id for example in examples] == ["h3", "h4", "h5"]
    assert examples[0].email == "p•••@f•••.example"
    evidence = examples[0].evidence[0]
    assert (evidence.field, evidence.value, evidence.rule) == (
        "WEBSITE",
        "<15 characters: letters, other>",
        "must begin with http",
    )
    assert built(world, reveal=True).examples[0].evidence[0].value == "www.ada.example"


def test_choices_and_the_lists_name_are_shown(world: SmallWorld) -> None:
    """A value that the sides offer as a choice, and the list's name, are no person's; anything else is masked."""
    for number, (found, field, value) in enumerate(
        (
            ("field-option", "app.STAGE", "lead"),
            ("field-option", "app.STAGE", "Hildegunde"),
            ("field-type", "app.LNAME", "lead"),
            ("list-membership", "", "Newsletter"),
        )
    ):
        contact = world.hubspot_only(str(number), "failing", found if number != 1 else "field-format")
        world.finding(contact, found, field=field, value=value)
    world.examined()
    shown = {example.hubspot_id: example.evidence[0].value for example in built(world).examples}
    assert shown == {
        "h0": "lead",
        "h1": "<10 characters: letters>",
        "h2": "<4 characters: letters>",
        "h3": "Newsletter",
    }


def test_the_third_check_says_when_the_list_was_updated(world: SmallWorld) -> None:
    """Criteria and membership times answer the second half of the question; without a list that is said."""
    world.pair("1")
    world.examined()
    assert built(world).questions[2].remarks == (
        "Criteria last edited: 2026-02-01T00:00:00Z; newest membership: not known.",
    )
    assert built(world, scope={}).questions[2].remarks[0].startswith("The connection names no inclusion list")


def refused(world: SmallWorld, contact: int, message: str, correlation: str = "c-1", **sent: str) -> None:
    world.sql(
        "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, status, code, field, message, "
        "correlation_id, planned_at, settled_at) VALUES (?, ?, 'app', 'update', 'permanent', ?, '{}', 400, 'INVALID', "
        "'FNAME', ?, ?, ?, ?)",
        world.check, contact, json.dumps(sent), message, correlation, LONG_AGO, LONG_AGO,
    )  # fmt: skip


def test_refusals_keep_the_servers_words_without_the_values(world: SmallWorld) -> None:
    """What was sent and what the mirror holds of the contact is taken out of the words; the newest id is named."""
    contact = world.pair("1", last="Ungewöhnlich")
    world.mirrored()
    refused(
        world,
        contact,
        "'Kunigunde' is no name (Ungewöhnlich, andere@firma.example), see WEBSITE",
        "c-1",
        FNAME="Kunigunde",
    )
    refused(world, contact, "'Interessent' cannot be lead any more", "c-0", STAGE="Interessent")
    refused(
        world,
        contact,
        "'Hildegunde' is no name (Ungewöhnlich, andere@firma.example), see WEBSITE",
        "c-2",
        FNAME="Hildegunde",
    )
    world.examined()
    other, refusal = sorted(built(world).refusals, key=lambda refusal: refusal.times)
    assert other.words == "'Interessent' cannot be lead any more"
    assert refusal.words == "'<removed>' is no name (<removed>, a•••@f•••.example), see WEBSITE"
    assert (refusal.times, refusal.contacts, refusal.correlation_id, refusal.status) == (2, 1, "c-2", 400)


def test_what_became_of_writing_is_there_and_masked(world: SmallWorld) -> None:
    """Doubt, what is held back, conflicts with their evidence, stages, undos and merged records: counted, by ids only."""
    contact = world.pair("1", "conflict", "conflict", last="Ungewöhnlich")
    for state, undoes in (("verified", None), ("in_doubt", None), ("verified", 1)):
        world.sql(
            "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, correlation_id, planned_at, undoes) "
            "VALUES (?, ?, 'app', 'update', ?, '{\"LNAME\": \"Ungewöhnlich\"}', '{}', 'c-7', ?, ?)",
            world.check, contact, state, LONG_AGO, undoes,
        )  # fmt: skip
    for field_name in ("LNAME", "NOT_WANTED_ANY_MORE"):
        world.sql(
            "INSERT INTO quarantine(contact_id, side, field, sent, lasting, code, message, correlation_id, run_id, at, wake_at) "
            "VALUES (?, 'app', ?, 'x', 0, 'VAGUE', 'no', 'c-8', 1, ?, ?)", contact, field_name, LONG_AGO, LONG_AGO,
        )  # fmt: skip
    world.sql(
        "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) SELECT "
        "contact_id, 'refused-unknown', 'app.LNAME', 'failing', 1, 'no', 'rule', run_id, run_id FROM verdict WHERE contact_id = ?", contact,
    )  # fmt: skip
    world.sql(
        "INSERT INTO conflict(contact_id, field, hubspot_value, app_value, hubspot_changed_at, hubspot_source, reason, run_id) "
        "VALUES (?, 'lastname', 'Ungewöhnlich', 'Gewöhnlich', ?, 'CRM_UI', 'both_changed', 1)", contact, LONG_AGO,
    )  # fmt: skip
    world.sql("INSERT INTO release_stage VALUES (?, 1, 10, 7, 3, ?)", world.check, LONG_AGO)
    world.sql("INSERT INTO alias VALUES ('hubspot', '11', 'merged', '12', 1, ?)", LONG_AGO)
    report = built(world)
    written = report.written
    assert {line.state: line.writes for line in written.states} == {"verified": 2, "in_doubt": 1}
    assert (written.in_doubt, written.doubts[0].correlation_id) == (1, "c-7")
    assert [(held.field, held.code, held.lasting) for held in written.held] == [("LNAME", "VAGUE", False)]
    assert written.held[0].wakes_at is not None
    (field,) = written.conflicts
    assert (field.field, field.reasons, field.examples[0].hubspot_source) == ("lastname", {"both_changed": 1}, "CRM_UI")
    assert [(stage.as_planned, stage.planned) for stage in written.stages] == [(7, 10)]
    assert [(undone.run, undone.writes) for undone in written.undone] == [(world.check, 1)]
    assert [(alias.old_id, alias.record_id) for alias in written.aliases] == [("11", "12")]
    for text in (render_markdown(report), render_json(report)):
        assert "c-8" in text
        assert "ewöhnlich" not in text
        assert "ew\\u00f6hnlich" not in text


def test_only_failed_exchanges_are_listed(world: SmallWorld) -> None:
    """Errors and missing answers with their correlation ids, newest first; successes only count in the run."""
    for status, correlation in ((200, "ok"), (429, "c-429"), (None, "")):
        world.sql(
            "INSERT INTO exchange(run_id, at, side, method, path, status, milliseconds, attempt, correlation_id, note) "
            "VALUES (?, ?, 'hubspot', 'GET', '/crm/v3/objects/contacts/{id}', ?, 12, 1, ?, '')",
            world.check, LONG_AGO, status, correlation,
        )  # fmt: skip
    report = built(world)
    assert [(line.status, line.correlation_id) for line in report.exchanges] == [(None, ""), (429, "c-429")]
    assert next(run for run in report.runs if run.id == world.check).requests == 3
    assert "`GET /crm/v3/objects/contacts/{id}`" in render_markdown(report)


def test_the_newest_answers_of_the_last_run_have_ids(world: SmallWorld) -> None:
    """Per side and request the newest correlation id of the last run with any, also when nothing failed."""
    earlier = world.sql("INSERT INTO run(command, state, started_at) VALUES ('check small', 'done', ?)", LONG_AGO)
    later = world.sql("INSERT INTO run(command, state, started_at) VALUES ('sync small', 'done', ?)", LONG_AGO)
    silent = world.sql("INSERT INTO run(command, state, started_at) VALUES ('report small', 'done', ?)", LONG_AGO)
    for run, side, method, correlation in (
        (earlier, "hubspot", "DELETE", "old"),
        (later, "hubspot", "GET", "h-1"),
        (later, "hubspot", "GET", "h-2"),
        (later, "hubspot", "GET", ""),
        (later, "app", "GET", "a-1"),
        (later, "hubspot", "POST", "h-3"),
        (silent, "hubspot", "GET", ""),
    ):
        world.sql(
            "INSERT INTO exchange(run_id, at, side, method, path, status, milliseconds, attempt, correlation_id, note) "
            "VALUES (?, ?, ?, ?, '/things/{id}', 200, 12, 1, ?, '')",
            run, LONG_AGO, side, method, correlation,
        )  # fmt: skip
    report = built(world)
    assert report.exchanges == ()
    assert [(line.side, line.method, line.correlation_id) for line in report.latest_exchanges] == [
        ("app", "GET", "a-1"),
        ("hubspot", "GET", "h-2"),
        ("hubspot", "POST", "h-3"),
    ]
    assert "| hubspot | `POST /things/{id}` | 200 | `h-3` |" in render_markdown(report)


def test_settings_are_complete_and_hold_no_address(world: SmallWorld) -> None:
    """Settings are TOML with defaults; a server's address and named contacts' e-mails are taken out."""
    lines = built(
        world,
        hubspot={"server": "http://proxy.intern.example:8080/hubspot"},
        verify={"contacts": ["ada@firma.example"]},
    ).settings
    assert 'server = "<address>"' in lines
    assert 'contacts = ["a•••@f•••.example"]' in lines
    assert "clock_skew_seconds = 300" in lines


def test_no_host_user_or_path_gets_in(world: SmallWorld, tmp_path: Path) -> None:
    """A run's command line, its host and paths in messages stay out."""
    world.sql("UPDATE run SET command = 'explain small ada@firma.example --home /home/ada'")
    world.sql("UPDATE run SET message = ?, host = 'jump-host-7'", f"cannot write {tmp_path}/x.sqlite or ~/.config/y")
    report = built(world)
    for text in (render_markdown(report), render_json(report)):
        for secret in ("jump-host-7", socket.gethostname(), str(tmp_path), "/home/ada", "~/.config", "ada@"):
            assert secret not in text
    assert report.runs[0].command == "explain"
    assert report.runs[0].message == "cannot write <file> or <file>"


FIRST = ("Hannelore", "Jörg-Uwe", "Żaneta", "Ludovica", "Thorvald", "Anneliese", "Süleyman", "Marguerite")
LAST = ("Quastenflosser", "Ödegaard", "von Hohenfels", "Wrzesniewska", "Grünspan", "Katzenellenbogen", "D'Aubigny")


def people(seed: int) -> list[tuple[str, str, str, str]]:
    """Invented people: first name, last name, e-mail, phone."""
    chance = random.Random(seed)
    rows = []
    for number in range(40):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        local = (
            chance.choice((f"{first}.{last}", f"{last}+{number}", f"{first}_{number}"))
            .replace(" ", "")
            .replace("'", "")
        )
        domain = chance.choice(("kundschaft.example", "münchen.example", "mail.example.com"))
        rows.append(
            (first, last, f"{local}@{domain}", f"+49 {chance.randrange(100, 999)} {chance.randrange(10**6, 10**7)}")
        )
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_personal_value_of_the_population_appears(world: SmallWorld, seed: int) -> None:
    """E-mails, names and phones of everybody go through every table that a report reads, and none comes out."""
    population = people(seed)
    causes = ("field-format", "email-invalid", "opt-in", "refused-unknown", "conflict")
    for number, (first, last, email, phone) in enumerate(population):
        cause = causes[number % len(causes)]
        state = "conflict" if cause == "conflict" else "failing"
        contact = world.pair(str(number), state, cause, email=email, first=first, last=last, phone=phone)
        world.sql("UPDATE contact SET name = ? WHERE id = ?", f"{first} {last}", contact)
        said = f"{first} {last} <{email}> was not accepted: {phone} ({last}, {first})"
        if cause == "conflict":
            world.sql(
                "INSERT INTO conflict(contact_id, field, hubspot_value, app_value, hubspot_changed_at, app_changed_at, run_id) "
                "VALUES (?, 'lastname', ?, ?, ?, ?, 1)",
                contact,
                last,
                first,
                LONG_AGO,
                LONG_AGO,
            )
        else:
            world.finding(
                contact, cause, field="FNAME", value=said if cause == "refused-unknown" else first, rule="no such value"
            )
            world.finding(contact, "email-invalid", field="email", value=email) if cause != "email-invalid" else None
        refused(world, contact, said, f"c-{number}", FNAME=first, LNAME=last, EMAIL=email, PHONE=phone)
        world.sql("UPDATE journal SET field = ?", f"FIELD{number % 7}")
        world.app.change(f"a{number}", LNAME=f"{last} {first}", PHONE=phone[::-1])
    world.mirrored()
    world.examined()
    named = [email for _, _, email, _ in population[:5]] + ["niemand.bestimmtes@kundschaft.example"]
    await verify(world.run, connection(), world.hubspot, world.app, schemas(), named)
    world.sql("UPDATE difference SET class = 'unexplained'")
    report = built(world, verify={"contacts": named}, goals={"intent": f"write to {named[0]}"})
    texts = [render_markdown(report), render_json(report), json.dumps(report.model_dump(), ensure_ascii=False)]
    personal = {value for person in population for value in person} | set(named)
    personal |= {email.partition("@")[0] for email in [*named, *(person[2] for person in population)]}
    escaped = {json.dumps(value)[1:-1] for value in personal}
    for text in texts:
        found = [value for value in personal | escaped if value.lower() in text.lower()]
        assert not found
    assert len(report.examples) >= 5
    assert report.removed.emails > 10
    assert report.removed.values > 10
    shown = render_markdown(built(world, reveal=True))
    assert population[0][2] in shown


@given(st.text(min_size=2), st.text(max_size=40), st.text(max_size=40))
def test_given_values_leave_a_text_whatever_they_are(value: str, before: str, after: str) -> None:
    """A value that stands alone in a text is gone after masking, whatever characters it has."""
    words = f"{before} «{value}» {after}"
    shown = Mask(False).text(words, [value])
    if len(value.strip()) >= 2:
        assert f"«{value}»" not in shown


@given(st.text(alphabet="абвгдежз", min_size=5), st.text(alphabet="иклмнопр", min_size=5))
def test_a_masked_address_shows_two_letters_at_most(local: str, domain: str) -> None:
    """Of local part and domain only the first letter is shown, in a value as in a text, also without a top level."""
    mask = Mask(False)
    for address in (f"{local}@{domain}.example", f"{local}@{domain}", f"{local} @{domain}"):
        for shown in (mask.email(address), mask.value(address)):
            assert local[:2] not in shown
            assert domain[:2] not in shown
    assert mask.text(f"to {local}@{domain}.example!") == f"to {local[0]}•••@{domain[0]}•••.example!"


def hostile_world(world: SmallWorld) -> Report:
    for number, text in enumerate(HOSTILE):
        contact = world.pair(str(number), "failing", "field-format", first=text, last=text)
        world.finding(contact, "field-format", field=text, value=text, rule=text)
        refused(world, contact, text, text, FNAME="egal")
        world.sql("UPDATE journal SET code = ?, field = ? WHERE contact_id = ?", text, text, contact)
        world.sql(
            "INSERT INTO exchange(run_id, at, side, method, path, status, milliseconds, attempt, correlation_id, note) "
            "VALUES (?, ?, 'app', 'GET', ?, 500, 1, 1, ?, ?)",
            world.check, LONG_AGO, text, text, text,
        )  # fmt: skip
        world.sql(
            "INSERT INTO difference(run_id, contact_id, hubspot_id, app_id, field, class, hubspot_value, app_value) "
            "VALUES (?, ?, ?, ?, ?, 'unexplained', ?, ?)",
            world.run.id, contact, text, text, text, text, text,
        )  # fmt: skip
        waive(
            world.workspace, text, field=text, records={"hubspot_id": text}, owner=text, reason=text,
            until=NOW + timedelta(days=1), now=NOW,
        )  # fmt: skip
    world.sql("UPDATE examination SET unread = ?", HOSTILE[2])
    missing = [{"hubspot_id": HOSTILE[1], "app_id": "", "reason_state": HOSTILE[3], "reason_cause": HOSTILE[2]}]
    world.sql(
        "INSERT INTO verification(run_id, name, status, expected, found, missing, note) "
            "VALUES (?, 'outbound', 'failed', 1, 0, ?, ?)",
        world.run.id, json.dumps(missing), HOSTILE[4],
    )  # fmt: skip
    world.sql("UPDATE run SET message = ?, command = ?", HOSTILE[7], HOSTILE[1])
    world.examined(rules=HOSTILE[1])
    return built(
        world, reveal=True, goals={"intent": HOSTILE[6], "requirements": list(HOSTILE)}, scope={"list": HOSTILE[2]}
    )


def test_hostile_text_is_inert(world: SmallWorld) -> None:
    """Links, images, HTML, escapes, table breaks and fences from outside are shown and do nothing, even revealed."""
    report = hostile_world(world)
    markdown, document = render_markdown(report), render_json(report)
    for text in (markdown, document):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", text)
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(["table", "linkify"])
    tokens = [child for token in parser.parse(markdown) for child in [token, *(token.children or [])]]
    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "html_block", "html_inline"}
    headings = [token for token in tokens if token.type == "heading_open"]
    assert len(headings) == len(re.findall("^#+ ", render_markdown(report), re.MULTILINE)) == 21
    for row in re.findall(r"^\|.*$", markdown, re.MULTILINE):
        assert row.endswith("|")
    cells = [token for token in tokens if token.type == "th_open"]
    assert len(cells) == 2 + 2 + 9 + 9 + 14 + 6 + 5 + 6 + 10 + 7 + 5 + 8


@given(st.text(alphabet="`|\\\\ ab*[]()<>", min_size=1))
def test_a_code_span_holds_any_text_also_in_a_table(text: str) -> None:
    """Whatever backticks and pipes a text has, line and cell hold exactly one code span with exactly that text."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(f"| a | b |\n|---|---|\n| {cell(text)} | end |\n")
    inline = [token for token in tokens if token.type == "inline"][2:]
    spans = inline[0].children or []
    line = parser.parseInline(code(text))[0].children or []
    if text.strip():
        assert [(span.type, span.content.strip()) for span in line] == [("code_inline", text.strip())]
        assert [(span.type, span.content.strip()) for span in spans] == [("code_inline", text.strip())]
    assert inline[1].content == "end"


def test_both_forms_say_the_same(world: SmallWorld) -> None:
    """The JSON form is the model: reading it back gives the same report and the same Markdown."""
    report = hostile_world(world)
    again = Report.model_validate_json(render_json(report))
    assert again == report
    assert render_markdown(again) == render_markdown(report)
    assert json.loads(render_json(report))["format"] == 1


def test_files_are_private_whole_and_named_by_time(world: SmallWorld, tmp_path: Path) -> None:
    """Fixed names, mode 0600, nothing left beside them, and a second report of the same second replaces the first."""
    folder = tmp_path / "reports"
    for report in (built(world), built(world)):
        paths = write_report(report, folder, ["md", "json", "md"])
        assert [path.name for path in paths] == [
            "small-report-20260302T090000Z.md",
            "small-report-20260302T090000Z.json",
        ]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert paths[0].read_text(encoding="utf-8") == render_markdown(report)


def test_a_folder_that_cannot_be_written_and_a_strange_format_are_said(world: SmallWorld, tmp_path: Path) -> None:
    """A file in the folder's place is a workspace error, an unknown format a usage error; nothing is written."""
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(WorkspaceError):
        write_report(built(world), tmp_path / "taken", ["md"])
    with pytest.raises(ConfigurationError):
        write_report(built(world), tmp_path / "other", ["md", "pdf"])  # type: ignore[list-item]
    assert not (tmp_path / "other").exists()


def test_an_unknown_time_zone_leaves_utc(world: SmallWorld) -> None:
    """A time zone that the system does not know is no obstacle."""
    world.examined()
    document = world.workspace.value("SELECT document FROM declared WHERE what = 'hubspot'")
    changed = document.replace("Europe/Berlin", "../../etc/passwd")
    world.sql("UPDATE declared SET document = ? WHERE what = 'hubspot'", changed)
    report = build_report(world.workspace, connection(), now=NOW + timedelta(seconds=1))
    assert report.made_at.account == "2026-03-02T09:00:01+00:00"


def test_what_is_waived_and_how_the_counts_moved_are_part_of_it(world: SmallWorld) -> None:
    """Waived contacts stay in their state; the owner is masked, a waiver that was taken back is left out."""
    contact = world.hubspot_only("2", "excluded", "opt-in")
    world.finding(contact, "opt-in", field="hubspot.newsletter_opt_in", state="excluded")
    world.examined()
    for accepted, owner, days in (("opt-in", "Ada Muster", 30), ("bounced", "Bo", 1), ("opt-in", "Cy", 5)):
        one = waive(
            world.workspace, accepted, field="" if owner != "Cy" else "hubspot.newsletter_opt_in", records={}, owner=owner,
            reason=f"{owner} asked jane@firma.example", until=NOW + timedelta(days=days), now=NOW,
        )  # fmt: skip
    unwaive(world.workspace, one.number, NOW)
    later = build_report(world.workspace, connection(), now=NOW + timedelta(days=2))

    assert [(one.code, one.contacts, one.standing) for one in later.waivers] == [
        ("bounced", 0, "expired"),
        ("opt-in", 1, "active"),
    ]
    (line,) = [one for one in later.causes if one.code == "opt-in"]
    assert (line.contacts, line.waived, later.states["excluded"]) == (1, 1, 1)
    text = render_markdown(later)
    assert "1 (1 waived)" in text
    assert "Ada Muster" not in text
    assert "jane@firma" not in text
    assert later.trend[-1].run == world.check
    assert "Ada Muster asked jane" in render_markdown(build_report(world.workspace, connection(), now=NOW, reveal=True))
