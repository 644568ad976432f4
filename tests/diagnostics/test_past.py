"""The past of the practice connection: a contact as it was, what changed between two checks and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from diagnostics.checkup import GATES
from diagnostics.explain import explain
from diagnostics.past.difference import GONE, NEW, difference
from diagnostics.past.moment import Examined, examination, last_two
from diagnostics.past.then import explain_then
from engine.cycle import examine, plan_all, sync
from engine.errors import ConfigurationError, Stopped, WorkspaceError
from engine.runs import Run, StopFlag
from engine.situation import recall
from sample_data.portal import open_portal
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]

MONDAY = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


async def checked(world: World, at: datetime) -> Examined:
    """A check at a time."""
    run = Run(world.workspace, "check", now=lambda: at)
    await examine(run, world.connection, world.sides(), GATES)
    run.finish("done", 0)
    return kept(world, at)


async def synced(world: World, at: datetime) -> Examined:
    """A sync at a time."""
    run = Run(world.workspace, "sync", now=lambda: at)
    await sync(run, world.connection, world.sides(), GATES)
    run.finish("done", 0)
    return kept(world, at)


def kept(world: World, at: datetime) -> Examined:
    """The last examination until a time."""
    return examination(world.workspace, at.isoformat(), zone=UTC, now=at)


def states(world: World) -> dict[int, tuple[str, str]]:
    """Every contact's verdict now."""
    rows = world.workspace.rows("SELECT contact_id, state, cause FROM verdict")
    return {row["contact_id"]: (row["state"], row["cause"]) for row in rows}


async def test_each_contact_is_explained_as_it_was(world: World) -> None:
    """For every contact of the population: state and cause of before the sync, and the sentence names the same finding."""
    first = await checked(world, MONDAY)
    before = states(world)
    sentences = {contact: explain(world.workspace, world.connection, contact).cause for contact in list(before)[::10]}
    await synced(world, MONDAY + timedelta(days=1))
    ids = {row["id"]: row for row in world.workspace.rows("SELECT id, hubspot_id, app_id FROM contact")}

    for contact, verdict in before.items():
        row = ids.get(contact)
        if row is None:
            continue
        then = explain_then(world.workspace, world.connection, row["hubspot_id"] or row["app_id"], first)
        if then.contact == contact:
            assert (then.state, then.cause) == verdict
            assert sentences.get(contact, then.cause) == then.cause
            open_ones = {one.code for one in then.findings if one.resolved is None and one.blocking}
            assert then.cause in ("", "conflict") or then.cause in open_ones


async def test_values_of_then_are_known_or_named_as_not_known(people: Path, tmp_path: Path, world: World) -> None:
    """A value that a run found and replaced, one it wrote, those of an untouched record; nothing of what was edited since."""
    day = 0
    world.portal = open_portal(people, tmp_path / "timed.sqlite", now=lambda: MONDAY + timedelta(days=day))
    await synced(world, MONDAY)
    person = world.one("c.state = 'in_sync' AND a.CITY <> '' AND c.id NOT IN (SELECT contact_id FROM journal)")
    day = 1
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern"})
    second = await checked(world, MONDAY + timedelta(days=1, hours=2))
    day = 2
    third = await synced(world, MONDAY + timedelta(days=2))

    before = explain_then(world.workspace, world.connection, person["hubspot_id"], second)
    after = explain_then(world.workspace, world.connection, person["hubspot_id"], third)

    assert (before.state, after.state) == ("pending", "in_sync")
    known = {(one.side, one.field): one for one in before.values}
    assert (known["app", "CITY"].value, known["app", "CITY"].how) == (person["CITY"], "found")
    assert {(one.how, one.value) for one in before.values if one.field == "city"} == {("unchanged", "Bern")}
    assert {(one.side, one.field): one.value for one in after.values}["app", "CITY"] == "Bern"
    named = {f"{one.side}.{one.field}" for one in before.values}
    mapped = {f"hubspot.{m.hubspot}" for m in world.connection.mappings} | {
        f"app.{m.app}" for m in world.connection.mappings
    }
    assert named | set(before.not_known) == mapped
    assert not named & set(before.not_known)


async def test_a_diff_says_who_moved_and_why(world: World) -> None:
    """An opt-out, a repaired value, a record that is deleted, one that is new: each in its class, and all add up."""
    await synced(world, MONDAY)
    first = await checked(world, MONDAY + timedelta(hours=1))
    leaving = world.one("c.state = 'in_sync'")
    repaired = world.one("c.cause = 'field-option' AND c.app_id IS NULL")
    deleted = world.one("c.cause = 'email-missing' AND c.app_id IS NULL AND c.linked_at IS NULL")
    world.portal.tamper("hubspot", leaving["hubspot_id"], {"newsletter_opt_in": "false"})
    field = world.workspace.value(
        "SELECT field FROM finding WHERE contact_id = ? AND code = 'field-option'", (repaired["id"],)
    )
    mapping = next(one for one in world.connection.mappings if f"app.{one.app}" == field)
    world.portal.tamper("hubspot", repaired["hubspot_id"], {mapping.hubspot: ""})
    assert (
        await world.call("hubspot", "DELETE", f"/crm/v3/objects/contacts/{deleted['hubspot_id']}")
    ).status_code == 204
    body = {"properties": {"email": "neu@firma.example", "newsletter_opt_in": "false"}}
    assert (await world.call("hubspot", "POST", "/crm/v3/objects/contacts", body)).status_code == 201
    second = await checked(world, MONDAY + timedelta(days=1))

    found = difference(world.workspace, first, second, examples=5)

    opted_out = next(
        move for move in found.moves if move.then == ("in_sync", "") and move.now == ("excluded", "opt-in")
    )
    assert [(one.what, one.code, one.contacts) for one in opted_out.why] == [("new", "opt-in", 1)]
    assert [one.hubspot_id for one in opted_out.examples] == [leaving["hubspot_id"]]
    flows = next(move for move in found.moves if move.then == ("failing", "field-option"))
    assert ("resolved", "field-option", field) in [(one.what, one.code, one.field) for one in flows.why]
    assert sum(move.contacts for move in found.moves if move.now == GONE) == 1
    assert sum(move.contacts for move in found.moves if move.then == NEW) == 1
    assert sum(found.states_then.values()) == sum(found.states_now.values())
    assert found.unmoved == sum(found.states_now.values()) - 3
    assert found.worse == 0

    world.portal.tamper("hubspot", leaving["hubspot_id"], {"newsletter_opt_in": "true"})
    await checked(world, MONDAY + timedelta(days=2))
    world.portal.tamper("hubspot", leaving["hubspot_id"], {"newsletter_opt_in": "false"})
    last = await checked(world, MONDAY + timedelta(days=3))
    earlier, later = last_two(world.workspace)
    assert later == last
    (again,) = difference(world.workspace, earlier, later).moves
    assert [(one.what, one.code) for one in again.why] == [("came_back", "opt-in")]


async def test_a_check_that_is_stopped_leaves_no_trace_in_the_past(world: World) -> None:
    """Its answers are stored slice by slice; what it saw counts with the next whole check, and nothing is resolved by it."""
    first = await checked(world, MONDAY)
    person = world.one("c.cause = 'opt-in'")
    with world.workspace.transaction() as sql:
        sql.execute("UPDATE hubspot_contact SET newsletter_opt_in = 'true'")
    stopped = Run(world.workspace, "check", now=lambda: MONDAY + timedelta(days=1), stop=StopFlag("asked to"))

    with pytest.raises(Stopped):
        plan_all(stopped, recall(world.workspace, world.connection), GATES)

    later = examination(world.workspace, "2027-03-04", zone=UTC, now=MONDAY + timedelta(days=9))
    assert world.one(f"c.id = {person['id']}")["cause"] != "opt-in"
    assert later == first
    then = explain_then(world.workspace, world.connection, person["hubspot_id"], later)
    assert (then.state, then.cause) == ("excluded", "opt-in")
    assert all(one.resolved is None for one in then.findings)
    second = await checked(world, MONDAY + timedelta(days=2))
    assert difference(world.workspace, first, second).moves == ()


async def test_the_history_names_earlier_verdicts(world: World) -> None:
    """What a contact was before, and in which run; a change of ids alone is no other verdict."""
    first = await checked(world, MONDAY)
    person = world.one("c.state = 'pending' AND c.app_id IS NULL")
    await synced(world, MONDAY + timedelta(days=1))

    history = "\n".join(explain(world.workspace, world.connection, person["id"]).history)

    assert f"pending, examined in run {first.run}" in history
    assert "in_sync since this sync" in history
    assert "in_sync, examined" not in history


async def test_somebody_who_is_gone_is_found_by_an_id(world: World) -> None:
    """As they were; and asked for a time after that, nobody is there."""
    first = await checked(world, MONDAY)
    deleted = world.one("c.cause = 'email-missing' AND c.app_id IS NULL AND c.linked_at IS NULL")
    await world.call("hubspot", "DELETE", f"/crm/v3/objects/contacts/{deleted['hubspot_id']}")
    second = await checked(world, MONDAY + timedelta(days=1))

    then = explain_then(world.workspace, world.connection, deleted["hubspot_id"], first)

    assert (then.state, then.cause) == (deleted["state"], "email-missing")
    with pytest.raises(ConfigurationError, match="no contact"):
        explain_then(world.workspace, world.connection, deleted["hubspot_id"], second)


async def test_a_moment_means_the_last_examination_until_then(world: World) -> None:
    """Runs, dates to their end, times with and without an offset, on the day when clocks change too."""
    with pytest.raises(WorkspaceError, match="no examination"):
        examination(world.workspace, "run:1", zone=UTC, now=MONDAY)
    night = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)  # 01:30 in Berlin; at 02:00 it is 03:00 there
    first = await checked(world, night)
    second = await checked(world, night + timedelta(hours=1))
    now = night + timedelta(hours=5)

    def at(text: str) -> int:
        return examination(world.workspace, text, zone=BERLIN, now=now).run

    assert (
        at(f"run:{first.run}") == at(str(first.run)) == at("2027-03-28T01:30") == at("2027-03-28T00:45Z") == first.run
    )
    assert at("2027-03-28T03:29") == at("2027-03-28T00:30:00+00:00") == first.run
    assert at("2027-03-28T03:30") == at("2027-03-28") == at("2027-03-28T01:30Z") == second.run
    for text, words in (
        ("2027-03-28T01:29", "first examination"),
        ("2027-03-27", "first examination"),
        ("2027-03-29", "future"),
        ("2027-03-28T09:00", "future"),
        ("run:77", "no run 77"),
        ("run:99999999999999999999", "no time"),
        ("soon", "no time"),
        ("", "no time"),
        ("0001-01-01", "no time|first examination"),
        ("9999-12-31T23:59-12:00", "no time"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            at(text)
    aborted = Run(world.workspace, "verify", now=lambda: night)
    aborted.finish("failed", 3)
    with pytest.raises(ConfigurationError, match="completed no examination"):
        at(f"run:{aborted.id}")
