"""Observation: what an incremental run sees, what only a full reading sees, what is not believed, and what it costs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from diagnostics.checkup import GATES
from engine import aliases, cycle
from engine.apply import _Writing
from engine.auth.secret import Secret
from engine.connection import Connection, Observe, read_connection
from engine.connectors.open import open_connectors
from engine.cycle import examine, sync
from engine.errors import BrakeTripped, ConfigurationError, Unreachable, WorkspaceError
from engine.losses import Demand, last_reading
from engine.mirror import columns_of
from engine.observe import Sides
from engine.runs import Run
from engine.situation import recall
from engine.verdicts import Examination
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import Portal, open_portal
from tui.practice import secrets, transports

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
FULL = Demand(full=True)
VALUES = ("Bern", "Wien", " Graz ", "", "Mu\u0308nchen")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "11", "--people", "80", "--out", str(folder)]) == 0
    return folder


@dataclass
class Desk:
    """A portal and a workspace on one virtual clock that a test moves; our clock may be `wrong` by some seconds."""

    people: Path
    folder: Path
    moment: datetime = START
    wrong: float = 0.0
    lag: float = 0.0
    portal: Portal = field(init=False)
    workspace: Workspace = field(init=False)
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.portal = open_portal(
            self.people, self.folder / "portal.sqlite", now=self.tick, search_lag_seconds=self.lag
        )
        self.workspace = Workspace(self.folder / "w.sqlite")
        self.connection = read_connection(self.people / "connection.toml").model_copy(update={"name": "practice"})

    def tick(self) -> datetime:
        """The portal's time: it goes on a little with every look, so that no rate limit is met."""
        self.moment += timedelta(seconds=0.25)
        return self.moment

    def now(self) -> datetime:
        """Our own time."""
        return self.moment + timedelta(seconds=self.wrong)

    def later(self, **span: float) -> None:
        """Lets time pass."""
        self.moment += timedelta(**span)

    def run(self, command: str) -> Run:
        """A new run."""
        return Run(self.workspace, command, now=self.now)

    def sides(self) -> Sides:
        """Fresh connectors."""

        async def sleep(seconds: float) -> None:
            self.later(seconds=seconds)
            await asyncio.sleep(0)

        hubspot, app = open_connectors(
            self.connection,
            {side: Secret(text) for side, text in secrets(self.portal).items()},
            transports(self.portal, self.connection),
            on_exchange=lambda _: None,
            clock=lambda: self.moment.timestamp(),  # noqa: PLW0108  the moment moves
            sleep=sleep,
            now=self.now,
            random=random.Random(1),
        )
        return Sides(hubspot, app)

    async def check(self, demand: Demand = Demand()) -> Examination:  # noqa: B008
        """Examines."""
        return await examine(self.run("check"), self.connection, self.sides(), GATES, demand)

    async def sync(self, demand: Demand = Demand()) -> int:  # noqa: B008
        """Syncs; the number of records written."""
        applied, _ = await sync(self.run("sync"), self.connection, self.sides(), GATES, demand=demand)
        return applied.writes

    async def requests(self, work: Any) -> list[str]:
        """What a piece of work asked both services."""
        self.portal.requests.clear()
        await work
        return [f"{method} {path}" for _, method, path, _ in self.portal.requests]

    def verdicts(self) -> dict[tuple[str | None, str | None], tuple[str, str]]:
        """Every contact's verdict by its ids."""
        rows = self.workspace.rows("SELECT hubspot_id, app_id, state, cause FROM contacts")
        return {(row["hubspot_id"], row["app_id"]): (row["state"], row["cause"]) for row in rows}

    def events(self, code: str) -> list[str]:
        """The texts of all events of a kind, oldest first."""
        return [
            row["text"] for row in self.workspace.rows("SELECT text FROM event WHERE code = ? ORDER BY id", (code,))
        ]

    def linked(self) -> list[Any]:
        """Pairs that are live on both sides."""
        return self.workspace.rows(
            "SELECT c.hubspot_id, c.app_id FROM contact c JOIN hubspot_contact h ON h._id = c.hubspot_id "
            "JOIN app_contact a ON a._id = c.app_id WHERE a.member_status <> 'archived' ORDER BY c.id"
        )


@pytest.fixture
def desk(people: Path, tmp_path: Path) -> Desk:
    """Nothing read yet."""
    return Desk(people, tmp_path / "desk")


async def settled(desk: Desk) -> None:
    """Synced, and the engine's own writes seen."""
    await desk.sync()
    desk.later(minutes=15)
    await desk.sync()
    desk.later(minutes=15)


async def test_a_run_without_changes_sends_four_requests(desk: Desk) -> None:
    """One search and one look at the list in HubSpot, changed and archived members in Mailchimp."""
    await settled(desk)
    asked = Counter(await desk.requests(desk.sync()))
    assert asked == {
        "POST /crm/objects/2026-09/contacts/search": 1,
        "GET /crm/lists/2026-09/101": 1,
        "GET /3.0/lists/a1b2c3d4e5/members": 2,
    }


async def test_properties_that_criteria_look_at_are_read(desk: Desk) -> None:
    """Criteria that name another property are followed by one full reading, and a quiet run still costs four requests."""
    await settled(desk)
    asked = {"operationType": "ALL_PROPERTY", "operator": "IS_KNOWN"}
    filters = [
        {"filterType": "PROPERTY", "property": name, "operation": asked} for name in ("createdate", "no_such_one")
    ]
    branch = {"filterBranchType": "OR", "filterBranches": [{"filterBranchType": "AND", "filters": filters[:1]}]}
    branch["filterBranches"].append({"filterBranchType": "AND", "filters": filters[1:]})  # type: ignore[attr-defined]
    await desk.sides().hubspot._client.request(  # type: ignore[attr-defined]
        "PUT", "/crm/v3/lists/101/update-list-filters", template="", intent="write", json={"filterBranch": branch}
    )
    await desk.check()
    assert "createdate" not in columns_of(desk.workspace, "hubspot")
    await desk.check()
    assert "createdate" in columns_of(desk.workspace, "hubspot")
    assert "no_such_one" not in columns_of(desk.workspace, "hubspot")
    assert desk.workspace.value("SELECT count(*) FROM hubspot_contact WHERE createdate IS NULL") == 0
    desk.later(minutes=15)
    await desk.check()
    assert len(await desk.requests(desk.check())) == 4


@pytest.mark.parametrize("seed", range(6))
async def test_an_incremental_check_gives_the_verdicts_of_a_full_one(people: Path, tmp_path: Path, seed: int) -> None:
    """After random edits on both sides, with a late search index and a wrong clock of our own."""
    chance = random.Random(seed)
    desk = Desk(people, tmp_path / "desk", wrong=chance.choice((-3_600, 0, 86_400)), lag=chance.choice((0.0, 20.0)))
    await settled(desk)
    for _ in range(3):
        for person in chance.sample(desk.linked(), 6):
            value = chance.choice(VALUES)
            if chance.random() < 0.5:
                edit = {"city": value} if chance.random() < 0.7 else {"newsletter_opt_in": "false"}
                desk.portal.tamper("hubspot", person["hubspot_id"], edit)
            else:
                edit = (
                    {"CITY": value}
                    if chance.random() < 0.7
                    else {"status": chance.choice(("unsubscribed", "archived"))}
                )
                desk.portal.tamper("mailchimp", person["app_id"], edit)
            desk.later(seconds=chance.choice((0, 1, 400)))
        desk.later(seconds=30)
        await desk.check()
    incremental = desk.verdicts()

    await desk.check(FULL)

    assert desk.verdicts() == incremental
    assert desk.events("drift") == []


async def test_only_a_full_reading_drops_and_counts_what_was_missed(desk: Desk) -> None:
    """A deleted contact stays until everything is read; a change that no cursor saw is reported as drift."""
    await settled(desk)
    first, second, *_ = desk.linked()
    await desk.sides().hubspot._client.request(  # type: ignore[attr-defined]
        "DELETE", f"/crm/v3/objects/contacts/{first['hubspot_id']}", template="", intent="write"
    )
    city = json_city(desk, second["hubspot_id"], "Unbemerkt")
    await desk.check()
    assert (first["hubspot_id"], first["app_id"]) in desk.verdicts()
    held = "SELECT count(*) FROM hubspot_contact WHERE _id = ?"
    assert desk.workspace.value(held, (first["hubspot_id"],)) == 1
    assert city != "Unbemerkt"

    desk.later(hours=25)
    await desk.check()

    assert desk.workspace.value(held, (first["hubspot_id"],)) == 0
    assert desk.events("drift") == ["read everything: 1 changes had been missed by the runs before, 1 records are gone"]


def json_city(desk: Desk, contact: str, city: str) -> str:
    """Changes a city without a trace of when; gives the one before."""
    before = desk.workspace.value("SELECT city FROM hubspot_contact WHERE _id = ?", (contact,))
    desk.portal._state.run(
        "UPDATE contact SET properties = json_set(properties, '$.city', ?) WHERE id = ?", city, int(contact)
    )
    return str(before)


async def test_another_mapping_reads_everything_and_infers_nothing(desk: Desk) -> None:
    """The first reading under a new fingerprint keeps what it did not see, the second drops it."""
    await settled(desk)
    person = desk.linked()[0]
    await desk.sides().hubspot._client.request(  # type: ignore[attr-defined]
        "DELETE", f"/crm/v3/objects/contacts/{person['hubspot_id']}", template="", intent="write"
    )
    desk.connection = desk.connection.model_copy(update={"mappings": desk.connection.mappings[:-1]})
    held = "SELECT count(*) FROM hubspot_contact WHERE _id = ?"

    await desk.check()
    assert desk.workspace.value(held, (person["hubspot_id"],)) == 1
    await desk.check()
    assert desk.workspace.value(held, (person["hubspot_id"],)) == 0


async def test_a_merge_is_no_loss_and_is_followed_under_another_mapping_too(desk: Desk) -> None:
    """The survivor itself names whom it replaces: that takes no second reading."""
    await settled(desk)
    linked = [row["hubspot_id"] for row in desk.linked()[:2]]
    await merge(desk, linked)
    desk.connection = desk.connection.model_copy(update={"mappings": desk.connection.mappings[:-1]})

    await desk.check()

    held = "SELECT count(*) FROM hubspot_contact WHERE _id IN (?, ?)"
    assert desk.workspace.value(held, linked) == 0


@pytest.mark.parametrize("regime", ["new_id", "primary_kept", "both_kept"])
async def test_a_merge_between_look_and_end_of_a_run_that_was_cut_off_makes_nobody_new(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, regime: str
) -> None:
    """The look before writing has dropped the record that was merged away; the run ends before it follows it."""
    desk.portal.merge_regime = regime  # type: ignore[assignment]
    await settled(desk)
    person = desk.linked()[0]
    created = await desk.sides().hubspot._client.request(  # type: ignore[attr-defined]
        "POST", "/crm/v3/objects/contacts", template="", intent="write",
        json={"properties": {"email": "doppelt@firma.example", "lastname": "D", "lifecyclestage": "lead", "newsletter_opt_in": "true"}},
    )  # fmt: skip
    await desk.check()
    desk.portal.tamper("mailchimp", person["app_id"], {"CITY": "Bern"})
    looked_at = _Writing._looked_at

    async def merged_then_lost(writing: Any, side: Any, ids: Any, fields: Any) -> Any:
        if side == "hubspot":
            await merge(desk, [str(created.body["id"]), person["hubspot_id"]])
        await looked_at(writing, side, ids, fields)
        raise Unreachable("the line is down")

    with monkeypatch.context() as patch:
        patch.setattr(_Writing, "_looked_at", merged_then_lost)
        with pytest.raises(Unreachable):
            await desk.sync()
    members = "SELECT count(*) FROM app_contact"
    before = desk.workspace.value(members)

    await desk.sync()
    await desk.sync(FULL)

    assert desk.workspace.value(members) == before


async def merge(desk: Desk, ids: list[str]) -> None:
    """Somebody merges two HubSpot contacts into one with a new id."""
    await desk.sides().hubspot._client.request(  # type: ignore[attr-defined]
        "POST", "/crm/v3/objects/contacts/merge", template="", intent="write",
        json={"primaryObjectId": ids[0], "objectIdToMerge": ids[1]},
    )  # fmt: skip


async def test_a_merge_that_a_cut_off_run_read_is_followed_by_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ended between storing the survivor and dropping those it replaces; the survivor then is no change any more."""
    await settled(desk)
    linked = [row["hubspot_id"] for row in desk.linked()[:2]]
    await merge(desk, linked)
    with monkeypatch.context() as patch:
        patch.setattr(aliases, "drop_merged", cut_off)
        with pytest.raises(BrakeTripped):
            await desk.check()
    desk.later(minutes=30)

    await desk.check()

    held = "SELECT count(*) FROM hubspot_contact WHERE _id IN (?, ?)"
    assert desk.workspace.value(held, linked) == 0
    assert [cause for _, cause in desk.verdicts().values()].count("many-to-one") == 2


def cut_off(*_: Any) -> int:
    """The process ends here."""
    raise BrakeTripped("cut off")


@pytest.mark.parametrize("document", ["{}", "[]", "null", "{", '{"now": 3}'])
async def test_a_kept_situation_that_cannot_be_read_is_read_anew(desk: Desk, document: str) -> None:
    """Damaged, or kept by another version: a check reads everything, what needs the last one says what to do."""
    await settled(desk)
    desk.workspace.sql.execute("UPDATE declared SET document = ? WHERE what = 'situation'", (document,))
    with pytest.raises(WorkspaceError, match="cannot be read"):
        recall(desk.workspace, desk.connection)

    asked = await desk.requests(desk.check())

    assert "GET /crm/objects/2026-09/contacts" in asked
    assert recall(desk.workspace, desk.connection).connection is desk.connection


async def test_a_reading_that_broke_off_counts_for_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cursor and no absence come from a partial pass; the next run reads everything again."""
    run, sides = desk.run("check"), desk.sides()
    seen = 0

    def progress(phase: str, done: int, total: int | None = None) -> None:
        nonlocal seen
        seen += phase == "reading contacts"
        if seen == 2:
            raise BrakeTripped("cut off")

    monkeypatch.setattr(run, "progress", progress)
    with pytest.raises(BrakeTripped):
        await examine(run, desk.connection, sides, GATES)
    assert last_reading(desk.workspace, "app") is None
    asked = await desk.requests(desk.check())
    assert "GET /crm/objects/2026-09/contacts" in asked


@pytest.mark.parametrize("change", ["required", "option", "gone"])
async def test_a_schema_that_changes_in_mid_run_is_noticed_before_the_first_write(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Everything is planned again by the new schema, or the connection does not fit it any more."""
    await settled(desk)
    for person in desk.linked()[:4]:
        desk.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern"})
    planned = cycle.plan_all
    passes = 0

    def plan_all(*given: Any) -> Examination:
        nonlocal passes
        passes += 1
        if passes == 1:
            alter_city(desk.portal, change)
        return planned(*given)

    monkeypatch.setattr(cycle, "plan_all", plan_all)
    if change == "gone":
        with pytest.raises(ConfigurationError, match="CITY"):
            await desk.sync()
    else:
        await desk.sync()
        assert passes == (3 if change == "required" else 2)
    assert desk.events("schema-changed") == ["changed since they were read: app.CITY"]


def alter_city(portal: Portal, change: str) -> None:
    """An administrator changes the merge field CITY."""
    fields = portal._mailchimp._merge_fields.definitions
    definition = fields["CITY"]
    if change == "gone":
        del fields["CITY"]
    elif change == "required":
        fields["CITY"] = {**definition, "required": True}
    else:
        fields["CITY"] = {**definition, "type": "dropdown", "options": {"choices": ["Wien"]}}


async def test_a_side_that_shrank_stops_a_sync_and_is_reported_by_a_check(desk: Desk) -> None:
    """Nothing is dropped or written until the loss is accepted, once."""
    await settled(desk)
    before = desk.workspace.value("SELECT count(*) FROM hubspot_contact")
    desk.portal._state.run("UPDATE contact SET archived = 1 WHERE id % 2 = 0")
    desk.later(hours=25)

    desk.portal.requests.clear()
    with pytest.raises(BrakeTripped, match=r"more than 30 %") as error:
        await desk.sync()
    assert "--accept-shrink" in error.value.remedy
    assert not [path for _, method, path, _ in desk.portal.requests if "batch" in path or method == "PATCH"]
    await desk.check(FULL)
    assert len(desk.events("shrunk")) >= 1
    assert desk.workspace.value("SELECT count(*) FROM hubspot_contact") == before
    with pytest.raises(BrakeTripped):
        await desk.sync()

    await desk.check(Demand(accept_shrink=True))
    assert desk.workspace.value("SELECT count(*) FROM hubspot_contact") < before * 0.7


async def test_an_emptied_list_stops_a_sync(desk: Desk) -> None:
    """The members are gone because somebody broke the list's criteria, say."""
    await settled(desk)
    desk.portal._state.run("DELETE FROM membership")
    with pytest.raises(BrakeTripped, match="inclusion list"):
        await desk.sync()
    await desk.check()
    assert len(desk.events("shrunk")) == 1
    with pytest.raises(BrakeTripped, match="inclusion list"):
        await desk.sync(FULL)


async def test_an_empty_side_is_not_filled_unasked(desk: Desk) -> None:
    """The first sync against an audience without members stops before any write, until it is told that this is right."""
    desk.portal._state.run("DELETE FROM member")
    await desk.check()
    assert len(desk.events("empty-side")) == 1
    with pytest.raises(BrakeTripped, match="holds no contact at all"):
        await desk.sync()
    assert desk.workspace.value("SELECT count(*) FROM journal") == 0
    assert await desk.sync(Demand(accept_shrink=True)) > 0


async def test_members_are_read_again_before_an_incremental_run_writes(desk: Desk) -> None:
    """Two members of a list changed places without a trace: the one who left is not written to."""
    await settled(desk)
    person = next(row for row in desk.linked() if desk.verdicts()[row["hubspot_id"], row["app_id"]][0] == "in_sync")
    desk.portal.tamper("mailchimp", person["app_id"], {"CITY": "Neu"})
    number = int(person["hubspot_id"])
    stranger = desk.portal._state.row("SELECT id FROM contact WHERE id NOT IN (SELECT contact FROM membership) LIMIT 1")
    assert stranger
    desk.portal._state.run("UPDATE membership SET contact = ? WHERE contact = ? AND list = 101", stranger[0], number)

    assert await desk.sync() == 0

    assert desk.verdicts()[person["hubspot_id"], person["app_id"]][1].startswith("list-")


async def test_other_credentials_read_everything(desk: Desk) -> None:
    """A token may belong to another account; what the old one had read says nothing about it."""
    await settled(desk)
    sides = desk.sides()
    sides.hubspot.access = "another token"
    asked = await desk.requests(examine(desk.run("check"), desk.connection, sides, GATES))
    assert "GET /crm/objects/2026-09/contacts" in asked


async def test_a_reading_every_time_if_so_configured(desk: Desk) -> None:
    """`observe.full_every_hours = 0`."""
    desk.connection = desk.connection.model_copy(update={"observe": Observe(full_every_hours=0)})
    await desk.check()
    asked = await desk.requests(desk.check())
    assert "GET /crm/objects/2026-09/contacts" in asked


async def test_an_old_version_from_the_search_index_is_not_believed(people: Path, tmp_path: Path) -> None:
    """The index still shows what was before our own write: the mirror keeps what the server kept."""
    desk = Desk(people, tmp_path / "late", lag=500.0)
    await desk.sync()
    assert await desk.sync() == 0
    assert await desk.sync() == 0


async def test_a_side_that_gives_far_less_than_it_counts_is_not_believed(desk: Desk) -> None:
    """The first reading has nothing to be compared with but what the side says of itself."""
    sides = desk.sides()

    async def counted() -> int:
        return 10_000

    sides.app.count = counted  # type: ignore[method-assign]
    with pytest.raises(BrakeTripped, match="counts 10000 contacts"):
        await examine(desk.run("check"), desk.connection, sides, GATES)
    assert last_reading(desk.workspace, "app") is None
