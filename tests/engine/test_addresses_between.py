"""Addresses that move between contacts, and people who are there twice: never a second person, never a lost address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.connectors import Record
from engine.mirror import add_columns, store
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.workspace import Workspace
from tests.engine.test_aliases import FIELDS, SCHEMAS
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]

MEMBERS = "/3.0/lists/a1b2c3d4e5/members"
CONTACTS = "/crm/v3/objects/contacts"


def two(world: World) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Two contacts in sync."""
    first = world.one("c.state = 'in_sync' AND h.city <> ''")
    return first, world.one(f"c.state = 'in_sync' AND c.id > {first['id']}")


def seen(world: World, contact: Mapping[str, Any]) -> tuple[str, str, str]:
    """State, cause and the address that the app has now."""
    now = world.one(f"c.id = {contact['id']}")
    return now["state"], now["cause"], now["EMAIL"]


async def test_exchanged_addresses_wait_for_a_person_and_other_fields_flow(world: World) -> None:
    """Neither can be written first; with a third address in between both arrive."""
    await world.sync()
    first, second = two(world)
    world.portal.tamper("hubspot", first["hubspot_id"], {"email": second["EMAIL"], "city": "Bern"})
    world.portal.tamper("hubspot", second["hubspot_id"], {"email": first["EMAIL"]})

    assert await world.sync() == 1
    assert await world.sync() == 0

    assert seen(world, first) == ("failing", "address-swap", first["EMAIL"])
    assert seen(world, second) == ("failing", "address-swap", second["EMAIL"])
    assert world.one(f"c.id = {first['id']}")["CITY"] == "Bern"
    evidence = world.workspace.value("SELECT rule FROM finding WHERE contact_id = ?", (first["id"],))
    assert second["app_id"] in evidence
    world.portal.tamper("hubspot", first["hubspot_id"], {"email": "zwischen@firma.example"})
    assert [await world.sync(), await world.sync()] == [1, 1]
    world.portal.tamper("hubspot", first["hubspot_id"], {"email": second["EMAIL"]})
    assert [await world.sync(), await world.sync()] == [1, 0]
    assert seen(world, first) == ("in_sync", "", second["EMAIL"])
    assert seen(world, second) == ("in_sync", "", first["EMAIL"])


async def test_a_chain_of_moves_resolves_itself(world: World) -> None:
    """One takes the address that another has just left: it follows once that one's own is written."""
    await world.sync()
    first, second = two(world)
    world.portal.tamper("hubspot", first["hubspot_id"], {"email": second["EMAIL"]})
    world.portal.tamper("hubspot", second["hubspot_id"], {"email": "weiter@firma.example"})

    await world.check()
    assert seen(world, first)[:2] == ("failing", "address-taken")
    assert [await world.sync(), await world.sync(), await world.sync()] == [1, 1, 0]

    assert seen(world, first) == ("in_sync", "", second["EMAIL"])
    assert seen(world, second) == ("in_sync", "", "weiter@firma.example")


async def test_an_address_of_a_record_that_nobody_linked_is_taken_too(world: World) -> None:
    """Also in another spelling; the holder is named by its id."""
    await world.sync()
    first, _ = two(world)
    member = {"email_address": "neu@bücher.example", "status": "subscribed", "merge_fields": {"FNAME": "Neu"}}
    holder = (await world.call("app", "POST", MEMBERS, member)).json()["contact_id"]
    world.portal.tamper("hubspot", first["hubspot_id"], {"email": "Neu@xn--bcher-kva.example"})

    assert await world.sync() == 0

    assert seen(world, first) == ("failing", "address-taken", first["EMAIL"])
    rule = world.workspace.value(
        "SELECT rule FROM finding WHERE contact_id = ? AND code = 'address-taken'", (first["id"],)
    )
    assert holder in rule


async def test_an_additional_address_of_another_contact_is_taken(world: World) -> None:
    """HubSpot would refuse it: it belongs to a contact there already."""
    await world.sync()
    first, second = two(world)
    world.portal.tamper("hubspot", second["hubspot_id"], {"hs_additional_emails": "zweit@firma.example"})
    world.portal.tamper("mailchimp", first["app_id"], {"email_address": "zweit@firma.example"})

    assert await world.sync() == 0

    assert seen(world, first)[:2] == ("failing", "address-taken")


async def test_a_member_known_under_an_additional_address_is_linked_and_not_created(world: World) -> None:
    """The contact and the member are one person; a second such member is named, not created."""
    for address in ("zweit@firma.example", "dritt@firma.example"):
        member = {"email_address": address, "status": "subscribed", "merge_fields": {"FNAME": "Jo", "LNAME": "Kern"}}
        assert (await world.call("app", "POST", MEMBERS, member)).status_code == 200
    await world.check()
    alone, other = (
        row["hubspot_id"]
        for row in world.workspace.rows("SELECT hubspot_id FROM contacts WHERE app_id IS NULL AND state = 'pending'")[
            :2
        ]
    )
    world.portal.tamper("hubspot", alone, {"hs_additional_emails": "zweit@firma.example"})
    await world.sync()
    linked = world.one(f"c.hubspot_id = '{alone}'")
    assert linked["app_id"] is not None
    assert world.workspace.value("SELECT linked_by FROM links WHERE hubspot_id = ?", (alone,)) == "additional e-mail"
    world.portal.tamper("hubspot", alone, {"hs_additional_emails": "zweit@firma.example;vierter@firma.example"})
    member = {"email_address": "vierter@firma.example", "status": "subscribed", "merge_fields": {"FNAME": "Jo"}}
    assert (await world.call("app", "POST", MEMBERS, member)).status_code == 200
    before = world.workspace.value("SELECT count(*) FROM hubspot_contact")

    await world.sync()

    fourth = world.one("a.EMAIL = 'vierter@firma.example'")
    assert (fourth["state"], fourth["cause"], fourth["hubspot_id"]) == ("failing", "many-to-one", None)
    assert world.workspace.value("SELECT count(*) FROM hubspot_contact") == before
    assert other != alone


async def test_two_records_of_one_address_are_never_created_twice(world: World) -> None:
    """Spelled differently, equal once normalised: neither is sent, whichever side they are on."""
    for email in ("doppelt@bücher.example", "Doppelt@xn--bcher-kva.example"):
        given = {"properties": {"email": email, "lastname": "Doppelt", "newsletter_opt_in": "true"}}
        assert (await world.call("hubspot", "POST", CONTACTS, given)).status_code == 201
    for email in ("zweimal@bücher.example", "zweimal@xn--bcher-kva.example"):
        member = {"email_address": email, "status": "subscribed", "merge_fields": {"FNAME": "Z", "LNAME": "Weimal"}}
        assert (await world.call("app", "POST", MEMBERS, member)).status_code == 200

    await world.sync()

    rows = world.workspace.rows(
        "SELECT state, cause, hubspot_id, app_id FROM contacts WHERE lower(email) LIKE 'doppelt@%' OR email LIKE 'zweimal@%'"
    )
    assert [(row["state"], row["cause"]) for row in rows] == [("failing", "email-duplicate")] * 4
    assert all(row["hubspot_id"] is None or row["app_id"] is None for row in rows)


def test_the_same_record_twice_in_a_page_is_one_contact(tmp_path: Path) -> None:
    """The later one counts."""
    workspace = Workspace(tmp_path / "w.sqlite")
    add_columns(workspace, "app", FIELDS["app"])
    run = Run(workspace, "check")
    page = [Record("r", {"EMAIL": address}, "", "") for address in ("alt@firma.example", "neu@firma.example")]

    store(workspace, SCHEMAS["app"], page, FIELDS["app"], run.id)

    assert pair_contacts(workspace, SCHEMAS) == 1
    assert workspace.value("SELECT email FROM contact") == "neu@firma.example"
