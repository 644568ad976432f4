"""Writing against the practice portal while answers are lost, servers refuse, disks fill and people type."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from diagnostics.checkup import GATES
from engine import outcomes
from engine.apply import Applied, apply
from engine.connection import read_connection
from engine.cycle import examine, link_pairs, sync
from engine.errors import AccessError, WorkspaceError
from engine.journal import planned_operations
from engine.observe import Sides
from engine.operations import Operation
from engine.runs import Run
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import Fault, open_portal
from tests.engine.test_cycle import World

LIST = r"/lists/a1b2c3d4e5$"
POISON = "Giftstadt"
Refuses = Callable[[Mapping[str, str]], bool]


@dataclass
class Picky(httpx.AsyncBaseTransport):
    """A wire to a server that refuses whole requests with a poisoned record in it, in words that name nothing."""

    inner: httpx.AsyncBaseTransport
    refuses: Refuses
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Refuses, or hands on."""
        content = json.loads(request.content) if request.content else {}
        records = [entry.get("properties", {}) for entry in content.get("inputs", [])]
        records += [member | member.get("merge_fields", {}) for member in content.get("members", [])]
        records += [content["merge_fields"]] if "merge_fields" in content else []
        writes = request.method in ("POST", "PATCH") and "read" not in request.url.path
        if writes:
            self.asked.append((request.method, request.url.path, len(records)))
        if writes and any(self.refuses(record) for record in records):
            body = {"status": "error", "message": "There was a problem with the request.", "correlationId": "c-poison"}
            problem = {"title": "Invalid Resource", "detail": "The request could not be understood.", "status": 400}
            return httpx.Response(400, json=body if "inputs" in content else problem)
        return await self.inner.handle_async_request(request)


def pick(sides: Sides, refuses: Refuses) -> Picky:
    """Puts the picky wire before the app."""
    client = sides.app._client._http  # type: ignore[attr-defined]
    picky = Picky(client._transport, refuses)
    client._transport = picky
    return picky


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "11", "--people", "240", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def world(people: Path, tmp_path: Path) -> World:
    """The practice connection, nothing done yet."""
    connection = read_connection(people / "connection.toml").model_copy(update={"name": "practice"})
    return World(open_portal(people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), connection)


def states(world: World, where: str = "true") -> Counter[tuple[str, str]]:
    """How many journal rows there are by state and code."""
    rows = world.workspace.rows(f"SELECT state, code FROM journal WHERE {where}")
    return Counter((row["state"], row["code"]) for row in rows)


def doubled(world: World) -> list[str]:
    """Addresses of creates that two records have."""
    return [
        row["_email_key"]
        for side, table in (("hubspot", "hubspot_contact"), ("app", "app_contact"))
        for row in world.workspace.rows(
            f"SELECT _email_key FROM {table} WHERE _email_key IN (SELECT email_key FROM journal WHERE kind = 'create' "
            "AND side = ?) GROUP BY _email_key HAVING count(*) > 1",
            (side,),
        )
    ]


async def planned(world: World, sides: Sides) -> tuple[Run, Any, list[Operation]]:
    """A run that has planned and not yet written."""
    run = Run(world.workspace, "sync")
    situation = (await examine(run, world.connection, sides, GATES)).situation
    link_pairs(run)
    return run, situation, planned_operations(run)


async def test_a_whole_plan_ends_verified_and_sends_nothing_that_is_equal(world: World) -> None:
    """Every row is read back, the kept values are the base, and no update carries a field that did not differ."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "  Neustadt ", "firstname": "Neu"})
    world.portal.tamper("mailchimp", person["app_id"], {"FNAME": " Neu "})
    sides = world.sides()
    run, situation, operations = await planned(world, sides)
    assert [op.values for op in operations] == [{"CITY": "Neustadt"}]

    await apply(run, situation, sides, operations)

    assert {state for state, _ in states(world, "code <> 'EXISTS'")} <= {"verified", "permanent"}
    windows = world.workspace.rows("SELECT text FROM event WHERE code = 'race_window'")
    assert windows
    assert " ms" in windows[-1]["text"]


async def test_a_lost_answer_is_looked_up_and_nobody_is_made_twice(world: World) -> None:
    """The create was applied: one look finds everybody, and the next sync writes nothing."""
    world.portal.faults.add(Fault("mailchimp", "POST", LIST, 1, "timeout_after"))
    assert await world.sync() > 0
    assert await world.sync() == 0
    assert doubled(world) == []
    assert world.workspace.value("SELECT count(*) FROM in_doubt") == 0


async def test_what_cannot_be_looked_up_stays_in_doubt_and_is_settled_before_anything_else(world: World) -> None:
    """Until then its contacts get no new write; the next run looks, links, and writes nobody twice."""
    world.portal.faults.add(Fault("mailchimp", "POST", LIST, 1, "timeout_after"))
    world.portal.faults.add(Fault("mailchimp", "GET", "/members/", 0, "500_before"))
    sides = world.sides()
    run, situation, operations = await planned(world, sides)
    creates = [op for op in operations if op.kind == "create" and op.side == "app"]

    applied = await apply(run, situation, sides, creates)

    assert applied.in_doubt == len(creates) > 0
    assert states(world) == {("in_doubt", ""): len(creates)}
    assert not [op for op in planned_operations(run) if (op.kind, op.side) == ("create", "app")]
    assert (await apply(run, situation, sides, creates)) == Applied()

    world.portal.faults._faults.clear()
    await world.sync()
    assert world.workspace.value("SELECT count(*) FROM in_doubt") == 0
    settled = states(world, f"id <= {len(creates)}")
    assert set(settled) <= {("verified", ""), ("superseded", "NOT_APPLIED")}
    assert settled[("verified", "")] > len(creates) / 2
    assert doubled(world) == []


async def test_doubt_that_cannot_be_settled_leaves_only_its_contacts_alone(world: World) -> None:
    """The side's single reads fail for a whole run: the others are written, the doubtful ones wait."""
    sides = world.sides()
    run, situation, operations = await planned(world, sides)
    creates = [op for op in operations if op.kind == "create" and op.side == "app"][:3]
    first = hashlib.md5(creates[0].values["EMAIL"].lower().encode(), usedforsecurity=False).hexdigest()
    world.portal.faults.add(Fault("mailchimp", "POST", LIST, 1, "timeout_after"))
    world.portal.faults.add(Fault("mailchimp", "GET", f"/members/{first}", 0, "500_before"))
    await apply(run, situation, sides, creates)
    posted = len(
        [1 for _, method, path, _ in world.portal.requests if method == "POST" and path.endswith("a1b2c3d4e5")]
    )
    assert posted == 1

    sides = world.sides()
    run = Run(world.workspace, "sync")
    applied, _ = await sync(run, world.connection, sides, GATES)

    doubtful = {op.contact for op in creates}
    again = world.workspace.rows(f"SELECT contact_id FROM journal WHERE run_id = {run.id} AND side = 'app'")
    assert applied.created > 0
    assert doubtful.isdisjoint(row["contact_id"] for row in again)


async def test_a_crash_before_the_outcome_is_stored_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies inside the one transaction that stores outcome, mirror, link and base: nothing of it is there."""
    await world.check()

    def dies(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(outcomes, "keep_written", dies)
        with pytest.raises(KeyboardInterrupt):
            await world.sync()
    assert {state for state, _ in states(world)} == {"intent", "planned"}
    assert world.workspace.value("SELECT count(*) FROM contact WHERE linked_by = 'created'") == 0

    await world.sync()
    assert await world.sync() == 0
    assert doubled(world) == []
    assert not {"intent", "planned", "in_doubt"} & {state for state, _ in states(world)}
    assert ("superseded", "NEVER_SENT") in states(world)


async def test_somebody_who_is_there_already_is_matched_and_not_overwritten(world: World) -> None:
    """A person signs up between plan and write: the create is superseded, and the next plan matches both records."""
    sides = world.sides()
    run, situation, operations = await planned(world, sides)
    for op in operations:
        member = {"email_address": op.values.get("EMAIL"), "status": "subscribed", "merge_fields": {"FNAME": "Selbst"}}
        path = "/3.0/lists/a1b2c3d4e5/members"
        if (op.kind, op.side) == ("create", "app") and (
            await world.call("app", "POST", path, member)
        ).status_code == 200:
            break

    applied = await apply(run, situation, sides, [op])

    assert (applied.writes, applied.refused, applied.not_applied) == (0, 0, 1)
    assert states(world) == {("superseded", "EXISTS"): 1}
    assert world.workspace.value("SELECT FNAME FROM app_contact WHERE _email_key = ?", (op.email_key,)) == "Selbst"
    await world.sync()
    linked = world.one(f"a._email_key = '{op.email_key}'")
    assert linked["hubspot_id"] == op.ids["hubspot"]
    assert doubled(world) == []


async def test_a_record_that_is_another_contact_s_is_never_taken(world: World) -> None:
    """The address was given to a linked member meanwhile: the create is refused for good and the link stays."""
    await world.sync()
    linked = world.one("c.state = 'in_sync'")
    names = {"firstname": "N", "lastname": "N", "newsletter_opt_in": "true", "lifecyclestage": "lead"}
    new = {"properties": {"email": "neu@firma.example", **names}}
    assert (await world.call("hubspot", "POST", "/crm/v3/objects/contacts", new)).status_code == 201
    sides = world.sides()
    run, situation, _ = await planned(world, sides)
    contact = world.workspace.rows("SELECT id, hubspot_id FROM contact WHERE email = 'neu@firma.example'")[0]
    values = {"EMAIL": "neu@firma.example", "FNAME": "N", "member_status": "subscribed"}
    ids = {"hubspot": contact["hubspot_id"], "app": None}
    op = Operation(contact["id"], "app", "create", ids, "neu@firma.example", values, {})  # type: ignore[arg-type]
    world.portal.tamper("mailchimp", linked["app_id"], {"email_address": "neu@firma.example"})

    applied = await apply(run, situation, sides, [op])

    assert applied.refused == 1
    assert states(world, f"run_id = {run.id}") == {("permanent", "ALREADY_LINKED"): 1}
    assert world.one(f"c.id = {linked['id']}")["app_id"] == linked["app_id"]
    assert world.one(f"c.id = {contact['id']}")["app_id"] is None


@pytest.mark.parametrize("kind", ["update", "create"])
async def test_a_poisoned_field_stands_alone_and_everything_else_arrives(world: World, people: Path, kind: str) -> None:
    """The words name nothing; the other fields of the record flow, and it is tried again only when the value differs."""
    if kind == "update":
        await world.sync()
        person = world.one("c.state = 'in_sync' AND h.city <> ''")
        changed = {"city": POISON, "firstname": "Neu", "lastname": "Auch"}
    else:
        await world.check()
        audience = json.loads((people / "mailchimp_audience.json").read_text())
        refused = ", ".join(f"'{email}'" for key in ("fake_emails", "compliance_emails") for email in audience[key])
        person = world.one(f"c.state = 'pending' AND c.app_id IS NULL AND h.city <> '' AND h.email NOT IN ({refused})")
        changed = {"city": POISON}
    world.portal.tamper("hubspot", person["hubspot_id"], changed)
    sides = world.sides()
    picky = pick(sides, lambda record: record.get("CITY") == POISON)

    await sync(Run(world.workspace, "sync"), world.connection, sides, GATES)

    after = world.one(f"c.hubspot_id = '{person['hubspot_id']}'")
    assert (after["state"], after["cause"]) == ("failing", "refused-unknown")
    assert (after["FNAME"], after["LNAME"]) == (after["firstname"], after["lastname"])
    assert after["CITY"] != POISON
    (row,) = world.workspace.rows("SELECT * FROM quarantine WHERE contact_id = ?", (after["id"],))
    assert (row["side"], row["field"], row["lasting"]) == ("app", "CITY", 0)
    assert ("superseded", "IN_PARTS") in states(world)

    picky.asked.clear()
    applied, _ = await sync(Run(world.workspace, "sync"), world.connection, sides, GATES)
    assert (applied.writes, applied.refused, picky.asked) == (0, 0, [])

    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Gesundheim"})
    assert await world.sync() == 1
    assert world.one(f"c.hubspot_id = '{person['hubspot_id']}'")["CITY"] == "Gesundheim"
    assert world.workspace.rows("SELECT * FROM quarantine WHERE contact_id = ?", (after["id"],)) == []


@pytest.mark.parametrize("poisoned", [1, 4, 21])
async def test_poisoned_records_change_nobody_else_s_outcome(people: Path, tmp_path: Path, poisoned: int) -> None:
    """With k records that the server refuses whatever they hold, all others end as they do without them."""

    async def outcome(name: str, count: int) -> tuple[dict[str, tuple[str, ...]], list[str]]:
        connection = read_connection(people / "connection.toml").model_copy(update={"name": "practice"})
        portal = open_portal(people, tmp_path / f"{name}.portal")
        world = World(portal, Workspace(tmp_path / f"{name}.sqlite"), connection)
        sides = world.sides()
        run, situation, operations = await planned(world, sides)
        creates = [op for op in operations if (op.kind, op.side) == ("create", "app")]
        victims = [op.values["EMAIL"] for op in creates[:count]]
        pick(sides, lambda record: record.get("email_address") in victims)
        await apply(run, situation, sides, operations)
        rows = world.workspace.rows(
            "SELECT a.EMAIL, a.FNAME, a.LNAME, a.CITY, a.PHONE, c.anchor FROM contact c JOIN app_contact a ON a._id = c.app_id"
        )
        return {row["EMAIL"]: tuple(row) for row in rows}, victims

    undisturbed, _ = await outcome("without", 0)
    disturbed, victims = await outcome("with", poisoned)
    assert len(victims) == poisoned
    assert {email: values for email, values in undisturbed.items() if email not in victims} == disturbed


async def test_batches_are_full_although_records_changed_meanwhile(world: World) -> None:
    """What is left alone is made up for by the next ones: one request fewer, not emptier ones."""
    sides = world.sides()
    sides.app.batch_size = 4
    picky = pick(sides, lambda _: False)
    run, situation, operations = await planned(world, sides)
    creates = [op for op in operations if (op.kind, op.side) == ("create", "app")][:12]
    for op in (creates[1], creates[2], creates[5]):
        world.portal.tamper("hubspot", str(op.ids["hubspot"]), {"firstname": "Eben"})

    applied = await apply(run, situation, sides, creates)

    assert (applied.created + applied.refused, applied.changed_meanwhile) == (9, 3)
    assert [size for _, _, size in picky.asked] == [4, 4, 1]
    assert states(world, "code = 'CHANGED_MEANWHILE'") == {("superseded", "CHANGED_MEANWHILE"): 3}


@pytest.mark.parametrize("moment", ["plan", "outcome"])
async def test_a_full_disk_stops_before_the_next_write_and_nothing_is_lost(world: World, moment: str) -> None:
    """Whether the plan or an outcome finds no room, the run ends with an error; the next one settles what was sent."""
    sides = world.sides()
    sides.app.batch_size = 12
    run, situation, operations = await planned(world, sides)
    creates = [op for op in operations if (op.kind, op.side) == ("create", "app")]
    assert len(creates) > 12
    sent = []

    class Filling(Picky):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if request.method == "POST":
                sent.append(request)
                fill(world.workspace)
            return answer

    client = sides.app._client._http  # type: ignore[attr-defined]
    client._transport = Filling(client._transport, lambda _: False)
    if moment == "plan":
        fill(world.workspace)

    with pytest.raises(WorkspaceError, match="disk is full") as raised:
        await apply(run, situation, sides, creates)

    assert raised.value.exit_code == 2
    assert len(sent) == (0 if moment == "plan" else 1)
    world.workspace.sql.execute("PRAGMA max_page_count = 1000000")
    await world.sync()
    assert await world.sync() == 0
    assert doubled(world) == []
    assert world.workspace.value("SELECT count(*) FROM in_doubt") == 0


def fill(workspace: Workspace) -> None:
    """From now on the disk is full: not one more page, and no free ones left."""
    sql = workspace.sql
    pages = sql.execute("PRAGMA page_count").fetchone()[0]
    sql.execute(f"PRAGMA max_page_count = {pages}")
    try:
        while True:
            sql.execute("INSERT INTO event(run_id, at, level, code, text) VALUES (1, '', '', '', ?)", ("x" * 3000,))
    except Exception as error:
        assert "full" in str(error)


async def test_a_locked_workspace_stops_before_the_next_write(world: World, tmp_path: Path) -> None:
    """Another program holds the file when the first answer comes; later everybody is there once."""
    from engine.sqlite import sqlite3

    sides = world.sides()
    sides.app.batch_size = 5
    run, situation, operations = await planned(world, sides)
    creates = [op for op in operations if (op.kind, op.side) == ("create", "app")]
    world.workspace.sql.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(world.workspace.path, isolation_level=None)
    sent = []

    class Locking(Picky):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if request.method == "POST":
                sent.append(request)
                other.execute("BEGIN IMMEDIATE")
            return answer

    client = sides.app._client._http  # type: ignore[attr-defined]
    client._transport = Locking(client._transport, lambda _: False)
    with pytest.raises(WorkspaceError, match="locked"):
        await apply(run, situation, sides, creates)
    assert len(sent) == 1
    other.execute("ROLLBACK")
    other.close()

    await world.sync()
    assert await world.sync() == 0
    assert doubled(world) == []


async def test_a_server_that_cannot_be_reached_leaves_nothing_in_doubt(world: World) -> None:
    """Refused connections were certainly not applied: the rows are superseded and the rest was never sent."""
    world.portal.faults.add(Fault("mailchimp", "POST", LIST, 0, "refuse"))
    with pytest.raises(AccessError):
        await world.sync()
    found = states(world)
    assert found[("superseded", "NOT_APPLIED")] > 0
    assert world.workspace.value("SELECT count(*) FROM in_doubt") == 0
