"""The preflight as a whole against the practice portal: what it expects is what check and sync then do."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from diagnostics.checkup import check
from diagnostics.preflight.preflight import Preflight, examined_preflight, stored_preflight
from diagnostics.preflight.volume import planned_volume
from engine.brakes import tripped, volume
from engine.connection import Brakes, FieldMapping, Scope
from engine.journal import planned_operations
from engine.losses import Demand
from engine.runs import Run
from engine.scope import known_members
from sample_data.generate import main as generate
from sample_data.portal import Fault
from sample_data.portal.faults import FaultKind
from tests.diagnostics.portal_world import World, world_of


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "11", "--people", "200", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def world(people: Path, tmp_path: Path) -> World:
    """The practice connection on a small population, nothing done yet."""
    return world_of(people, tmp_path)


async def preflight(world: World, token: str = "") -> Preflight:
    """A preflight that examines."""
    return await examined_preflight(Run(world.workspace, "preflight"), world.connection, world.sides(token))


def codes(result: Preflight) -> dict[str, int | None]:
    """Codes with their contacts."""
    return {one.code: one.contacts for one in result.findings}


async def test_expected_counts_are_what_check_and_sync_then_do(world: World) -> None:
    """States, causes and writes of the preflight, of a check after it, and of the sync; the stored answer is the same."""
    result = await preflight(world)
    expected = result.expected
    assert expected is not None
    assert result.ready
    assert sum(expected.states.values()) == expected.population > 150

    checked = await check(Run(world.workspace, "check"), world.connection, world.sides())
    assert (checked.states, checked.writes) == (expected.states, expected.writes)
    assert {(row.code, row.state): row.contacts for row in checked.causes} == expected.causes
    again = stored_preflight(world.workspace, world.connection)
    assert (again.findings, again.expected and again.expected.states) == (result.findings, expected.states)

    before = len(world.portal.requests)
    counts = await world.synced()
    refused = counts["refused"]
    assert counts["created"] + counts["updated"] + refused == expected.writes["writes"]
    assert expected.writes["creates"] - refused <= counts["created"] <= expected.writes["creates"]
    took = {"hubspot": 0, "mailchimp": 0}
    for server, *_ in world.portal.requests[before:]:
        took[server] += 1
    for side, server in (("hubspot", "hubspot"), ("app", "mailchimp")):
        assert expected.requests.needed[side] / 2 <= took[server] <= expected.requests.needed[side] * 2  # type: ignore[index]


async def test_new_contacts_have_to_fit_into_the_account(people: Path, tmp_path: Path) -> None:
    """One place less than is needed stops; what the account does not tell is unknown, and no error. The stored answer is the same."""
    data = tmp_path / "data"
    shutil.copytree(people, data)
    account = json.loads((data / "hubspot_account.json").read_text(encoding="utf-8"))
    with (data / "hubspot_contacts.csv").open(encoding="utf-8", newline="") as file:
        there = sum(row["archived"] == "false" for row in csv.DictReader(file))
    for name in ("plain", "contacts-too-many", "contacts-nearly-full", "403_scope", "500_before"):
        (tmp_path / name).mkdir()
    plain = await preflight(world_of(people, tmp_path / "plain"))
    assert plain.expected is not None
    created = plain.expected.writes["creates_hubspot"]
    assert created > 1

    for places, said in ((created - 1, "contacts-too-many"), (created, "contacts-nearly-full")):
        account["limits"]["contacts"] = there + places
        (data / "hubspot_account.json").write_text(json.dumps(account), encoding="utf-8")
        world = world_of(data, tmp_path / said)
        result = await preflight(world)
        assert (codes(result)[said], result.ready) == (created, places >= created)
        assert codes(stored_preflight(world.workspace, world.connection)) == codes(result)

    faults: tuple[FaultKind, ...] = ("403_scope", "500_before")
    for fault in faults:
        world = world_of(people, tmp_path / fault)
        world.portal.faults.add(Fault("hubspot", "GET", "/limits/", 0, fault))
        result = await preflight(world)
        unknown = [one for one in result.findings if one.code == "contact-limits"]
        assert {one.where for one in unknown} == {"hubspot", "app"}
        assert result.ready


async def _list_after_sync(world: World) -> tuple[Preflight, frozenset[str], frozenset[str], int]:
    result = await preflight(world)
    before = known_members(world.workspace)
    counts = await world.synced()
    return result, before, known_members(world.workspace), counts["refused"]


async def test_contacts_that_would_enter_the_list_do(world: World) -> None:
    """New contacts get a stage that the criteria ask for: the portal puts as many into the list as were forecast."""
    result, before, after, _ = await _list_after_sync(world)
    effect = result.expected.list_effect if result.expected else None

    refused_creates = world.count(
        "SELECT count(DISTINCT contact_id) FROM journal WHERE side = 'hubspot' AND kind = 'create' "
        "AND state IN ('permanent', 'quarantined') AND contact_id NOT IN (SELECT contact_id FROM journal WHERE "
        "side = 'hubspot' AND kind = 'create' AND state IN ('applied', 'verified'))"
    )
    assert effect is not None
    assert effect.enters > 5
    assert (len(after - before) + refused_creates, len(before - after)) == (effect.enters, effect.leaves)
    assert codes(result)["list-enters"] == effect.enters


async def test_contacts_that_would_leave_the_list_do(world: World) -> None:
    """The app wins a property that the criteria look at: whoever no longer meets them leaves, and nobody else."""
    portal = world.portal
    await preflight(world)
    members = [
        row["hubspot_id"]
        for row in world.workspace.rows(
            "SELECT c.hubspot_id, c.app_id FROM contacts c JOIN list_member m ON m.record_id = c.hubspot_id "
            "WHERE c.state = 'in_sync' ORDER BY c.id LIMIT 6"
        )
    ]
    criteria = {"filterType": "PROPERTY", "property": "city", "operation": {
        "operationType": "STRING", "operator": "IS_EQUAL_TO", "value": "Hierheim", "includeObjectsWithNoValueSet": False}}  # fmt: skip
    branch = {"filterBranchType": "OR", "filterBranchOperator": "OR", "filters": [], "filterBranches": [
        {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [criteria]}]}  # fmt: skip
    await _change_criteria(world, branch)
    for record in members:
        portal.tamper("hubspot", record, {"city": "Hierheim"})
    shrunk = await preflight(world)
    assert "side-shrunk" in {one.code for one in shrunk.of("stops")}
    accepting = Demand(accept_shrink=True)
    await world.synced(accepting)
    assert "side-shrunk" not in codes(await preflight(world))
    leaving = world.workspace.rows("SELECT app_id FROM contacts WHERE hubspot_id IN (?, ?)", members[:2])
    for row in leaving:
        portal.tamper("mailchimp", row["app_id"], {"CITY": "Anderswo"})
    world.change(brakes=Brakes(field_share=100, creates=2000, updates=2000, clears=100))

    result, before, after, _ = await _list_after_sync(world)
    effect = result.expected.list_effect if result.expected else None

    assert effect is not None
    assert (effect.leaves, effect.enters, effect.unknown) == (2, 0, 0)
    assert before - after == set(members[:2])
    assert codes(result)["list-leaves"] == 2


async def _change_criteria(world: World, branch: Mapping[str, object]) -> None:
    answer = await world.call("hubspot", "PUT", "/crm/v3/lists/101/update-list-filters", {"filterBranch": branch})
    assert answer.status_code == 200, answer.text


async def test_criteria_that_are_not_evaluated_leave_the_effect_unknown(world: World) -> None:
    """The time of a change is HubSpot's own: a list on it cannot be forecast, which is said and not passed."""
    criteria = {"filterType": "PROPERTY", "property": "hs_object_source", "operation": {
        "operationType": "STRING", "operator": "CONTAINS", "value": "API", "includeObjectsWithNoValueSet": False}}  # fmt: skip
    branch = {"filterBranchType": "OR", "filterBranchOperator": "OR", "filters": [], "filterBranches": [
        {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [criteria]}]}  # fmt: skip
    await _change_criteria(world, branch)
    result = await preflight(world)
    if result.expected and result.expected.writes["creates_hubspot"]:
        assert codes(result)["list-effect-unknown"] == result.expected.writes["creates_hubspot"]
    else:
        assert "list-empty" in codes(result)


async def test_a_connection_that_fits_nowhere_is_linted_whole(world: World) -> None:
    """An archived property and a mapping onto a read-only one: all of it is found, and nothing is counted."""
    world.portal.change_property("city", archived=True)
    world.portal.change_property("phone", read_only=True)
    world.change(scope=Scope(list="Newsletter DAC"))
    result = await preflight(world)

    stops = {one.code for one in result.of("stops")}
    assert stops == {"field-missing", "field-read-only", "list-missing"}
    assert "Newsletter DACH" in next(one.remedy for one in result.findings if one.code == "list-missing")
    assert (result.ready, result.expected) == (False, None)
    assert "not-examined" in codes(result)
    assert world.workspace.rows("SELECT 1 FROM hubspot_contact LIMIT 1") == []


async def test_what_another_part_refuses_is_a_finding_too(world: World) -> None:
    """A subscription type that does not exist shows only when it is read."""
    rule = world.connection.opt_in
    assert rule is not None
    world.change(opt_in=rule.model_copy(update={"property": "", "accepted": (), "subscription": "No such type"}))
    result = await preflight(world)
    assert [one.severity for one in result.findings if one.code == "not-examined"] == ["stops", "unknown"]
    assert "option-untranslated" not in codes(result)


async def test_a_withdrawn_permission_is_named_and_what_needs_it_is_unknown(world: World) -> None:
    """The read-only token of the portal may not write: the scope is named, and the counts are there all the same."""
    result = await preflight(world, "practice-hubspot-readonly")
    missing = next(one for one in result.findings if one.code == "scope-missing")
    assert missing.items == ("crm.objects.contacts.write",)
    assert not result.ready
    assert result.expected is not None


async def test_this_plans_own_brake_is_told_before_the_sync_meets_it(world: World) -> None:
    """One less than the plan needs; with exactly as many it is not raised."""
    result = await preflight(world)
    assert result.expected is not None
    creates = result.expected.writes["creates"]
    world.change(brakes=Brakes(creates=creates - 1, updates=2000))
    assert [one.where for one in stored_preflight(world.workspace, world.connection).of("stops")] == ["brakes.creates"]
    world.change(brakes=Brakes(creates=creates, updates=2000))
    assert stored_preflight(world.workspace, world.connection).ready


async def test_the_volume_is_what_a_sync_counts_before_its_first_write(world: World) -> None:
    """Per kind, per field, and against what the sides hold: before the first sync and after it."""
    for _ in range(2):
        await world.check()
        run = Run(world.workspace, "look")
        counted = volume(planned_operations(run), world.workspace)
        mine = planned_volume(world.workspace)
        assert (mine.creates, mine.updates, mine.clears, mine.linked) == (
            counted.creates, counted.updates, counted.clears, counted.linked,
        )  # fmt: skip
        assert mine.changed == counted.changed
        assert tripped(Brakes(first_creates=0), mine) == tripped(Brakes(first_creates=0), counted)
        await world.synced()
        person = world.one("c.state = 'in_sync' AND h.city <> ''")
        world.portal.tamper("hubspot", person["hubspot_id"], {"city": ""})


async def test_a_shrunken_side_stops_the_preflight_as_a_finding(world: World) -> None:
    """Nobody there any more: nothing is believed, nothing counted."""
    await preflight(world)
    for row in world.workspace.rows("SELECT _id FROM app_contact"):
        path = f"/3.0/lists/a1b2c3d4e5/members/{row['_id']}/actions/delete-permanent"
        assert (await world.call("app", "POST", path)).status_code == 204
    result = await preflight(world)
    assert "side-shrunk" in {one.code for one in result.of("stops")}
    assert result.expected is None


async def test_an_observed_connection_forecasts_nothing_of_ours(world: World) -> None:
    """Another engine writes."""
    world.change(mode="observed")
    result = await preflight(world)
    assert "observed-mode" in codes(result)
    assert {"list-enters", "marketing-contacts", "brake-trips"} & set(codes(result)) == set()


async def test_a_plain_date_against_a_moment_is_told(world: World) -> None:
    """A mapping onto HubSpot's own moment is read-only there: both things are said."""
    world.change(mappings=(*world.connection.mappings, FieldMapping(hubspot="createdate", app="BIRTHDAY")))
    world.portal.change_merge_field("BIRTHDAY", {"type": "date"})
    result = await preflight(world)
    assert {"field-read-only", "date-moment"} <= set(codes(result))
