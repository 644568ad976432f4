"""Observed mode on the practice portal: the managed engine is "the other engine", a second workspace only watches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from diagnostics.checkup import Checkup, check
from diagnostics.explain import explain
from diagnostics.observed.certainty import LEVELS
from engine.connection import Connection, Observe, read_connection
from engine.connectors import Record
from engine.errors import Unreachable
from engine.gates import STATES
from engine.runs import Run
from engine.who import find_contact
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_cycle import World


@dataclass
class Watched:
    """A portal, the engine that syncs it, and a watcher that only reads."""

    other: World
    watcher: World

    async def look(self) -> Checkup:
        """A check by the watcher."""
        return await check(Run(self.watcher.workspace, "check"), self.watcher.connection, self.watcher.sides())

    def states(self, world: World) -> dict[tuple[str | None, str | None], tuple[str, str]]:
        """State and cause by both ids."""
        rows = world.workspace.rows("SELECT hubspot_id, app_id, state, cause FROM contacts")
        return {(row["hubspot_id"], row["app_id"]): (row["state"], row["cause"]) for row in rows}

    def certainty(self) -> dict[tuple[str | None, str | None], tuple[str, str]]:
        """Level and reason by both ids."""
        rows = self.watcher.workspace.rows(
            "SELECT c.hubspot_id, c.app_id, s.certainty, s.reason FROM certainty s JOIN contact c ON c.id = s.contact_id "
            "JOIN verdict v ON v.contact_id = s.contact_id AND v.run_id = s.run_id"
        )
        return {(row["hubspot_id"], row["app_id"]): (row["certainty"], row["reason"]) for row in rows}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population with every planted fault."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "8", "--people", "240", "--out", str(folder)]) == 0
    return folder


def observing(connection: Connection, **observe: object) -> Connection:
    """The same connection, watched; everything is read each time."""
    settings = Observe(full_every_hours=0, **observe)  # type: ignore[arg-type]
    return connection.model_copy(update={"name": "watched", "mode": "observed", "observe": settings})


@pytest.fixture
def watched(people: Path, tmp_path: Path) -> Watched:
    """Nothing done yet."""
    connection = read_connection(people / "connection.toml")
    managed = connection.model_copy(update={"name": "practice", "observe": Observe(full_every_hours=0)})
    other = World(open_portal(people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), managed)
    watcher = World(other.portal, Workspace(tmp_path / "watched.sqlite"), observing(connection, stuck_after_hours=0))
    return Watched(other, watcher)


async def test_it_gives_the_verdicts_of_the_engine_that_syncs(watched: Watched) -> None:
    """Before and after the other engine's sync: the same state and cause for every contact, each with its certainty. Only what
    a server refused, which nothing but the other engine's memory holds, looks pending, and that is never called certain."""
    before = await watched.look()
    await watched.other.check()
    assert watched.states(watched.watcher) == watched.states(watched.other)

    await watched.other.sync()
    after = await watched.look()

    ours, theirs, certainty = watched.states(watched.watcher), watched.states(watched.other), watched.certainty()
    assert ours.keys() == theirs.keys() == certainty.keys()
    refused = {key for key, (_, cause) in theirs.items() if cause.startswith("refused-")}
    assert {key for key in ours if ours[key] != theirs[key]} == refused
    assert {(ours[key][0], certainty[key][0]) for key in refused} == {("pending", "likely")}
    assert {level for key, (level, _) in certainty.items() if ours[key][0] == "in_sync"} == {"certain"}
    for result in (before, after):
        assert result.observed is not None
        sums = {state: sum(result.observed.certainty[state].values()) for state in STATES}
        assert sums == dict(result.states)
        assert set(result.observed.certainty["pending"]) == set(LEVELS)


async def test_it_counts_what_flows_and_writes_nothing(watched: Watched) -> None:
    """The creates that the other engine made are the ones that are counted; the watcher's own requests change nothing."""
    await watched.look()
    assert watched.watcher.portal.applied() == []
    await watched.other.sync()
    writes = len(watched.watcher.portal.applied())
    result = await watched.look()
    assert result.observed is not None
    made = watched.other.workspace.rows(
        "SELECT side, count(*) AS number FROM journal WHERE kind = 'create' AND state = 'verified' GROUP BY side"
    )
    seen = {flow.towards: flow.moved for flow in result.observed.flows if flow.field == ""}
    assert seen == {f"to_{row['side']}": row["number"] for row in made}
    assert len(seen) == 2
    stages = [flow for flow in result.observed.flows if flow.field == "lifecyclestage"]
    assert [flow.towards for flow in stages] == ["to_app"]
    assert len(watched.watcher.portal.applied()) == writes
    again = await watched.look()
    assert again.observed is not None
    assert again.observed.flows == result.observed.flows


async def test_what_waits_unchanged_over_checks_is_stuck(watched: Watched) -> None:
    """The refused contact is stuck at the third check after it began to wait, with the evidence in words; not before, and
    not while the connection allows more hours."""
    await watched.other.sync()
    seen = [(await watched.look()).observed for _ in range(4)]
    assert [one.stuck for one in seen[:2] if one] == [0, 0]
    assert [one.stuck for one in seen[2:] if one] == [one.waiting for one in seen[2:] if one]
    assert seen[3] is not None
    assert seen[3].stuck > 0
    key = next(key for key, (_, cause) in watched.states(watched.other).items() if cause.startswith("refused-"))
    contact = find_contact(watched.watcher.workspace, key[0] or key[1] or "").contact
    answer = explain(watched.watcher.workspace, watched.watcher.connection, contact).certain
    assert answer is not None
    assert (answer.certainty, answer.stuck) == ("likely", True)
    assert "is stuck" in answer.reasons[-1]
    assert "seen at 4 checks" in answer.reasons[-1]
    assert "nothing was seen to flow meanwhile" in answer.reasons[-1]
    patient = observing(watched.watcher.connection, stuck_after_hours=24)
    answer = explain(watched.watcher.workspace, patient, contact).certain
    assert answer is not None
    assert not answer.stuck


async def test_a_way_that_was_seen_makes_a_contested_field_likely(watched: Watched) -> None:
    """City differs on both sides: possible, until the other engine was seen to carry three cities the same way."""
    watched.watcher.connection = observing(watched.watcher.connection)
    await watched.other.sync()
    rows = watched.other.workspace.rows(
        "SELECT c.hubspot_id, c.app_id FROM contacts c JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "WHERE c.state = 'in_sync' AND h.city <> '' AND h._updated_at < '2026' ORDER BY c.id LIMIT 5"
    )
    assert len(rows) == 5
    for row in rows[:3]:
        watched.other.portal.tamper("hubspot", row["hubspot_id"], {"city": "Bern"})
    await watched.look()
    last = (rows[3]["hubspot_id"], rows[3]["app_id"])
    assert {watched.certainty()[row["hubspot_id"], row["app_id"]] for row in rows[:3]} == {("possible", "direction")}
    await watched.other.sync()
    watched.other.portal.tamper("hubspot", rows[3]["hubspot_id"], {"city": "Wien"})
    await watched.look()
    assert watched.certainty()[last] == ("likely", "flow-seen")


async def test_damage_shows_and_what_the_other_engine_repairs_is_over(watched: Watched) -> None:
    """A linked record that is deleted after it was seen is a gone counterpart, likely, since the link is inferred."""
    await watched.other.sync()
    await watched.look()
    row = watched.other.one("c.state = 'in_sync'")
    gone = await watched.other.call("hubspot", "DELETE", f"/crm/v3/objects/contacts/{row['hubspot_id']}")
    assert gone.status_code == 204
    await watched.look()
    key = (row["hubspot_id"], row["app_id"])
    assert watched.states(watched.watcher)[key] == ("failing", "counterpart-gone")
    assert watched.certainty()[key] == ("likely", "link")


async def test_ids_that_the_other_engine_leaves_link_whatever_the_addresses(watched: Watched) -> None:
    """With a property of member ids: pairs whose address differs are pairs, as the engine that links them says; wrong ids are
    counted, named to whoever asks, and make a verdict less certain."""
    await watched.other.sync()
    portal = watched.other.portal
    portal.change_property("mailchimp_id")
    pairs = watched.other.workspace.rows(
        "SELECT hubspot_id, app_id, state FROM contacts WHERE linked_at IS NOT NULL AND state = 'in_sync' ORDER BY id"
    )
    for row in pairs:
        portal.tamper("hubspot", row["hubspot_id"], {"mailchimp_id": row["app_id"]})
    portal.tamper("hubspot", pairs[0]["hubspot_id"], {"email": "umgezogen@example.com"})
    portal.tamper("hubspot", pairs[1]["hubspot_id"], {"mailchimp_id": "0" * 32, "email": "anders@example.com"})
    portal.tamper("hubspot", pairs[2]["hubspot_id"], {"mailchimp_id": pairs[3]["app_id"]})
    watched.watcher.connection = observing(watched.watcher.connection, hubspot_id_field="mailchimp_id")

    result = await watched.look()

    assert result.observed is not None
    assert [(one.problem, one.records) for one in result.observed.doubts] == [("nowhere", 1), ("several", 2)]
    assert result.observed.links["id hubspot.mailchimp_id"] == len(pairs) - 3
    states, certainty = watched.states(watched.watcher), watched.certainty()
    moved, lost = [(row["hubspot_id"], row["app_id"]) for row in pairs[:2]]
    assert states[moved][0] in ("pending", "conflict")
    assert lost not in states
    assert states[lost[0], None] == ("pending", "")
    assert certainty[lost[0], None] == ("possible", "link-doubt")
    third = (pairs[2]["hubspot_id"], pairs[2]["app_id"])
    assert states[third] == ("in_sync", "")
    assert certainty[third] == ("certain", "equal")
    contact = find_contact(watched.watcher.workspace, lost[0]).contact
    answer = explain(watched.watcher.workspace, watched.watcher.connection, contact).certain
    assert answer is not None
    assert f"HubSpot's mailchimp_id names {'0' * 32}, which no record of the app has as its id." in answer.reasons


async def test_a_run_that_asks_only_for_changes_sees_the_same(watched: Watched) -> None:
    """The second look reads what changed only, links the new pairs, and counts what has flowed."""
    usual = Observe(full_every_hours=24, stuck_after_hours=0)
    watched.watcher.connection = watched.watcher.connection.model_copy(update={"observe": usual})
    await watched.look()
    await watched.other.sync()
    result = await watched.look()
    ours, theirs = watched.states(watched.watcher), watched.states(watched.other)
    refused = {key for key, (_, cause) in theirs.items() if cause.startswith("refused-")}
    assert {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)} == refused
    assert result.observed is not None
    assert {flow.towards for flow in result.observed.flows if not flow.field} == {"to_app", "to_hubspot"}


async def test_an_unreadable_side_has_no_certainty(watched: Watched) -> None:
    """Every contact is unknown then, and the last check's certainty is not passed off as this one's."""
    await watched.look()
    sides = watched.watcher.sides()

    async def refuse(fields: object) -> AsyncIterator[list[Record]]:
        raise Unreachable("the app does not answer", where="app")
        yield []

    sides.app.records = refuse  # type: ignore[method-assign]
    result = await check(Run(watched.watcher.workspace, "check"), watched.watcher.connection, sides)
    assert result.observed is None
    assert result.states["unknown"] == result.population > 0
    assert watched.certainty() == {}
