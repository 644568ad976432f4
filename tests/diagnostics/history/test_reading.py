"""Timelines against the practice portal: a user, an import, a workflow and us; merges, missing records, missing permissions."""

from __future__ import annotations

import pytest

from diagnostics.history.reading import ContactTimeline, chosen_mappings, timeline_of
from engine.errors import ConfigurationError, ScopeMissing
from engine.runs import Run
from sample_data.portal.faults import Fault
from tests.diagnostics.portal_world import World

WORKFLOW = ("WORKFLOWS", "77", "Spelling")


async def timeline(world: World, contact: int, field: str = "") -> ContactTimeline:
    """The timeline of a contact."""
    run = Run(world.workspace, "history")
    mappings = chosen_mappings(world.connection, field)
    return await timeline_of(run.workspace, world.connection, world.sides(), contact, mappings)


async def test_a_user_an_import_a_workflow_and_us(world: World) -> None:
    """Each edit of a synced contact comes with its source, our own write with its run, in the order of time."""
    await world.synced()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    portal, record = world.portal, person["hubspot_id"]
    portal.tamper("hubspot", record, {"city": "Zug"}, origin=("IMPORT", "55", "Fair 2026"))
    portal.tamper("hubspot", record, {"city": "Chur"})
    portal.tamper("hubspot", record, {"city": "Genf"}, origin=WORKFLOW)
    await world.synced()
    portal.tamper("mailchimp", person["app_id"], {"CITY": "Lugano"})
    await world.synced()
    last = int(world.workspace.value("SELECT max(run_id) FROM journal"))

    found = (await timeline(world, person["id"], "city")).fields[0]
    hubspot = [(one.kind, one.by, one.value) for one in found.entries if one.side == "hubspot"]
    assert hubspot[:4] == [
        ("us", f"us (run {last})", "Lugano"), ("workflow", "workflow 77 (Spelling)", "Genf"), ("person", "user 1 (Ina Beispiel)", "Chur"),
        ("import", "import 55 (Fair 2026)", "Zug"),
    ]  # fmt: skip
    app = [(one.kind, one.value) for one in found.entries if one.side == "app"]
    assert app[:2] == [("app", "Lugano"), ("us", "Genf")]
    assert (await timeline(world, person["id"], "CITY")).fields[0].entries == found.entries


async def test_a_workflow_that_respells_after_each_write_will_again(world: World) -> None:
    """Twice written, twice respelt: two of two times, with both spellings."""
    await world.synced()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    for town in ("Thun", "Biel"):
        world.portal.tamper("mailchimp", person["app_id"], {"CITY": town})
        await world.synced()
        world.portal.tamper("hubspot", person["hubspot_id"], {"city": town.upper()}, origin=WORKFLOW)
        await world.synced()
    found = (await timeline(world, person["id"], "city")).fields[0]
    answer = next(one for one in found.again if one.side == "hubspot")

    assert (answer.word, answer.times, answer.of, answer.by) == ("yes", 2, 2, "workflow 77 (Spelling)")
    assert (answer.ours, answer.theirs) == ("Biel", "BIEL")


async def test_a_contact_that_we_created_begins_with_us(world: World) -> None:
    """Every value of a created contact is ours, on the side where it was created."""
    await world.check()
    created = world.one("c.id IN (SELECT contact_id FROM planned_write WHERE side = 'hubspot' AND kind = 'create')")
    await world.synced()
    found = await timeline(world, created["id"])
    first = [field.entries for field in found.fields if field.name in ("email", "firstname")]
    assert first
    assert all([one.kind for one in entries if one.side == "hubspot"] == ["us"] for entries in first)


async def test_a_contact_without_a_hubspot_record(world: World) -> None:
    """Said, with what the app tells of the record."""
    await world.check()
    person = world.one("c.hubspot_id IS NULL")
    found = await timeline(world, person["id"])
    assert found.hubspot_id is None
    assert any("no HubSpot record" in remark for remark in found.remarks)
    assert [one.what.split(",")[0] for one in found.traces] == ["joined the audience", "record changed last"]
    assert {one.side for field in found.fields for one in field.entries} == {"app"}
    assert found.refusal is None


async def test_a_merged_record_keeps_what_we_wrote_under_its_old_id(world: World) -> None:
    """The survivor has a new id; our write under the old one is there, the merge is a merge, and it does not happen again."""
    await world.synced()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Basel"})
    await world.synced()
    other = world.one(f"c.state = 'in_sync' AND c.id > {person['id']}")
    pair = {"primaryObjectId": person["hubspot_id"], "objectIdToMerge": other["hubspot_id"]}
    assert (await world.call("hubspot", "POST", "/crm/v3/objects/contacts/merge", pair)).status_code == 200
    await world.check()
    found = await timeline(world, person["id"], "city")

    assert person["hubspot_id"] in found.former_ids
    kinds = [(one.kind, one.value) for one in found.fields[0].entries if one.side == "hubspot"]
    assert kinds[:2] == [("merge", "Basel"), ("us", "Basel")]
    assert any(person["hubspot_id"] in remark and "merged away" in remark for remark in found.remarks)
    assert [one.word for one in found.fields[0].again if one.side == "hubspot"] == ["no"]


async def test_a_side_that_refuses_is_told_and_the_rest_is_there(world: World) -> None:
    """HubSpot answers 403: our journal and the app's record remain, and the refusal is in the result."""
    await world.synced()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Basel"})
    await world.synced()
    world.portal.faults.add(Fault("hubspot", "GET", r"contacts/\d+$", 0, "403_scope"))
    refused = await timeline(world, person["id"], "city")
    assert isinstance(refused.refusal, ScopeMissing)
    assert ("us", "Basel") in [(one.kind, one.value) for one in refused.fields[0].entries if one.side == "hubspot"]
    assert refused.traces


async def test_without_the_names_of_the_users_their_ids_do(world: World) -> None:
    """The token may not read owners: that is said, and nothing else is missing. Nobody is asked for names where no user wrote."""
    await world.synced()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    assert (await timeline(world, person["id"], "city")).refusal is None
    asked = [one for one in world.portal.requests if any("owners" in str(part) for part in one)]
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Chur"})
    world.portal.faults.add(Fault("hubspot", "GET", "owners", 0, "403_scope"))
    found = await timeline(world, person["id"], "city")

    assert asked == []
    assert found.refusal is None
    assert [(one.kind, one.by) for one in found.fields[0].entries if one.value == "Chur"] == [("person", "user 1")]
    assert any("the names of HubSpot's users are not told" in remark for remark in found.remarks)


async def test_who_was_erased_is_not_asked_for(world: World) -> None:
    """Neither side is asked for the values of an erased person."""
    await world.check()
    person = world.one("c.hubspot_id IS NOT NULL")
    with world.workspace.transaction() as sql:
        sql.execute("UPDATE contact SET erased = 1 WHERE id = ?", (person["id"],))
    before = len(world.portal.requests)
    with pytest.raises(ConfigurationError, match="erased"):
        await timeline(world, person["id"])
    assert len(world.portal.requests) == before


async def test_a_field_that_changed_often_may_lack_older_versions(world: World) -> None:
    """Twenty versions and more: said that some may be missing."""
    await world.check()
    person = world.one("c.hubspot_id IS NOT NULL AND h.city <> ''")
    for number in range(20):
        world.portal.tamper("hubspot", person["hubspot_id"], {"city": f"Ort {number}"})
    found = await timeline(world, person["id"], "city")
    assert len([one for one in found.fields[0].entries if one.side == "hubspot"]) == 21
    assert any("older versions may be missing" in remark for remark in found.remarks)


def test_a_field_that_is_not_mapped_is_refused_with_the_nearest(world: World) -> None:
    """By either side's name."""
    with pytest.raises(ConfigurationError, match="maps no field") as refused:
        chosen_mappings(world.connection, "citty")
    assert "city" in refused.value.remedy
