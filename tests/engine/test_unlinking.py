"""Ending the link to a record that is gone: what is left is matched anew, and nobody exists twice by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.errors import ConfigurationError
from engine.forgetting import lift
from engine.runs import Run
from engine.situation import recall
from engine.suppression import normalised, suppress
from engine.unlinking import DeadLink, dead_link, unlink
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]

CONTACTS, MEMBERS = "/crm/v3/objects/contacts", "/3.0/lists/a1b2c3d4e5/members"


async def bereft(world: World, where: str = "c.state = 'in_sync' AND h.city <> ''") -> Mapping[str, Any]:
    """A synced contact whose HubSpot record was deleted since."""
    await world.sync()
    person = world.one(where)
    assert (await world.call("hubspot", "DELETE", f"{CONTACTS}/{person['hubspot_id']}")).status_code == 204
    return person


async def in_hubspot(world: World, **properties: str) -> str:
    """A new contact of HubSpot, who may be written to; its id."""
    given = {"lastname": "Neu", "newsletter_opt_in": "true", **properties}
    created = await world.call("hubspot", "POST", CONTACTS, {"properties": given})
    assert created.status_code == 201
    return str(created.json()["id"])


def found(world: World, who: str) -> DeadLink:
    """The dead link."""
    return dead_link(world.workspace, world.connection, who)


def end(world: World, who: str) -> DeadLink:
    """Ends it."""
    link = found(world, who)
    unlink(Run(world.workspace, "unlink"), recall(world.workspace, world.connection).schemas, link)
    return link


async def records(world: World) -> tuple[int, int]:
    """How many both sides hold, as the last run read them."""
    await world.check()
    return tuple(world.workspace.value(f"SELECT count(*) FROM {name}") for name in ("hubspot_contact", "app_contact"))


def rule(world: World, contact: int, code: str) -> str:
    """The words of a finding."""
    return str(world.workspace.value("SELECT rule FROM finding WHERE contact_id = ? AND code = ?", (contact, code)))


async def test_a_record_that_was_created_anew_takes_the_place_of_the_deleted_one(world: World) -> None:
    """The finding names it; after the end of the link the two are one contact, and nobody is created on either side."""
    person = await bereft(world)
    successor = await in_hubspot(world, email=person["EMAIL"])
    assert await world.sync() == 0
    assert world.one(f"c.id = {person['id']}")["cause"] == "counterpart-gone"
    assert f"record {successor} there has its address" in rule(world, person["id"], "counterpart-gone")
    assert world.one(f"c.hubspot_id = '{successor}'")["cause"] == "many-to-one"
    before = await records(world)
    journal = world.workspace.value("SELECT count(*) FROM journal")

    link = end(world, person["EMAIL"])

    assert (link.gone, link.gone_id, link.left_id) == ("hubspot", person["hubspot_id"], person["app_id"])
    assert (link.then, link.successor) == ("matched", successor)
    assert world.workspace.value("SELECT count(*) FROM journal") == journal
    assert world.workspace.value("SELECT count(*) FROM event WHERE code = 'unlinked'") == 1
    await world.sync()
    pair = world.one(f"c.app_id = '{person['app_id']}'")
    assert (pair["hubspot_id"], pair["linked_at"] is not None) == (successor, True)
    assert pair["cause"] not in ("counterpart-gone", "many-to-one")
    assert await world.sync() == 0
    assert await records(world) == before


async def test_who_is_left_alone_is_created_again_if_the_connection_says_so(world: World) -> None:
    """Once, and only after a person has ended the link; what the deleted record had agreed on counts no more."""
    without_consent(world)
    person = await bereft(world)
    assert await world.sync() == 0
    hubspot, app = await records(world)

    assert end(world, person["app_id"]).then == "created"
    assert world.one(f"c.app_id = '{person['app_id']}'")["id"] == person["id"]
    assert world.workspace.value("SELECT count(*) FROM base_field WHERE contact_id = ?", (person["id"],)) == 0
    await world.sync()

    again = world.one(f"c.app_id = '{person['app_id']}'")
    assert again["hubspot_id"] not in (None, person["hubspot_id"])
    assert await world.sync() == 0
    assert await records(world) == (hubspot + 1, app)


async def test_nobody_is_created_again_as_opted_in(world: World) -> None:
    """The deleted contact may have opted out, and a new one would get the consent that the connection gives."""
    person = await bereft(world)
    await world.sync()

    with pytest.raises(ConfigurationError, match="had opted out"):
        end(world, person["app_id"])

    assert world.one(f"c.app_id = '{person['app_id']}'")["cause"] == "counterpart-gone"


def without_consent(world: World) -> None:
    """New HubSpot contacts get no consent."""
    hubspot = world.connection.hubspot.model_copy(update={"on_create": {"lifecyclestage": "subscriber"}})
    world.connection = world.connection.model_copy(update={"hubspot": hubspot})


async def test_nobody_is_created_against_the_connections_direction(world: World) -> None:
    """The record stays alone."""
    person = await bereft(world)
    sync = world.connection.sync.model_copy(update={"direction": "to_app"})
    world.connection = world.connection.model_copy(update={"sync": sync})
    await world.sync()
    before = await records(world)

    assert end(world, person["app_id"]).then == "alone"
    await world.sync()

    assert await records(world) == before
    assert world.one(f"c.app_id = '{person['app_id']}'")["cause"] == "direction"


async def test_several_records_with_the_address_are_named_and_none_is_matched(world: World) -> None:
    """Two new contacts whose addresses are equal once normalised."""
    person = await bereft(world)
    world.portal.tamper("mailchimp", person["app_id"], {"email_address": "neu@bücher.example"})
    for address in ("neu@bücher.example", "Neu@xn--bcher-kva.example"):
        await in_hubspot(world, email=address)
    await world.sync()
    assert "has its address" not in rule(world, person["id"], "counterpart-gone")
    before = await records(world)

    assert end(world, person["app_id"]).then == "several"
    await world.sync()

    assert await records(world) == before
    assert world.one(f"c.app_id = '{person['app_id']}'")["cause"] == "email-duplicate"


async def test_an_address_that_a_linked_contact_holds_makes_nobody_new(world: World) -> None:
    """It is that contact's additional address: named, not matched, not created."""
    person = await bereft(world)
    other = world.one(f"c.state = 'in_sync' AND c.id <> {person['id']}")
    world.portal.tamper("hubspot", other["hubspot_id"], {"hs_additional_emails": person["EMAIL"]})
    await world.sync()
    before = await records(world)

    assert end(world, person["app_id"]).then == "several"
    await world.sync()

    assert await records(world) == before
    assert world.one(f"c.app_id = '{person['app_id']}'")["cause"] == "many-to-one"


async def test_a_restored_record_keeps_its_link_and_it_cannot_be_ended(world: World) -> None:
    """As soon as a run has seen it."""
    without_consent(world)
    person = await bereft(world)
    await world.sync()
    assert found(world, person["app_id"]).gone_id == person["hubspot_id"]
    world.workspace.sql.execute(
        "INSERT INTO hubspot_contact(_id, _email_key, _seen_run) VALUES (?, ?, 1)",
        (person["hubspot_id"], person["EMAIL"].lower()),
    )

    with pytest.raises(ConfigurationError, match="its link is alive"):
        found(world, person["app_id"])


async def test_what_must_not_be_ended_is_refused_with_the_reason(world: World) -> None:
    """Nobody, no link, not asked yet, in doubt, erased; nothing is changed."""
    person = await bereft(world)
    alone = await in_hubspot(world, email="ohne-liste@firma.example", newsletter_opt_in="false")
    await world.sync()
    sql = world.workspace.sql

    with pytest.raises(ConfigurationError, match="no contact has this"):
        found(world, "nobody@firma.example")
    with pytest.raises(ConfigurationError, match="no contact has this"):
        found(world, "")
    with pytest.raises(ConfigurationError, match="no link"):
        found(world, alone)
    sql.execute("UPDATE journal SET state = 'in_doubt' WHERE id = (SELECT max(id) FROM journal)")
    sql.execute(
        "UPDATE journal SET contact_id = 9999, side = 'app', kind = 'update', record_id = ? WHERE state = 'in_doubt'",
        (person["app_id"],),
    )
    with pytest.raises(ConfigurationError, match="in doubt"):
        found(world, person["app_id"])
    sql.execute("UPDATE journal SET state = 'verified' WHERE state = 'in_doubt'")
    sql.execute("UPDATE alias SET old_id = 'x' WHERE old_id = ?", (person["hubspot_id"],))
    with pytest.raises(ConfigurationError, match="absence is not deletion"):
        found(world, person["app_id"])
    sql.execute("UPDATE alias SET old_id = ? WHERE old_id = 'x'", (person["hubspot_id"],))
    suppress(Run(world.workspace, "forget"), [normalised(person["EMAIL"])], "asked for it")
    await world.check()
    with pytest.raises(ConfigurationError, match="erased"):
        found(world, person["app_id"])
    assert world.workspace.value("SELECT linked_at FROM contact WHERE id = ?", (person["id"],)) is not None


async def test_a_merged_record_is_not_gone(world: World) -> None:
    """Its survivor is there: ending the link would make the other side's record somebody new."""
    await world.sync()
    first, second = (
        row["hubspot_id"]
        for row in world.workspace.rows("SELECT hubspot_id FROM contacts WHERE state = 'in_sync' LIMIT 2")
    )
    pair = {"primaryObjectId": first, "objectIdToMerge": second}
    assert (await world.call("hubspot", "POST", f"{CONTACTS}/merge", pair)).status_code == 200
    await world.sync()
    waiting = world.workspace.value(
        "SELECT app_id FROM contact WHERE linked_at IS NOT NULL AND hubspot_id NOT IN (SELECT _id FROM hubspot_contact)"
    )

    with pytest.raises(ConfigurationError, match="merged into HubSpot"):
        found(world, waiting)


async def test_a_member_who_came_back_is_matched_after_the_list_and_the_link_were_lifted(world: World) -> None:
    """Deleted for good in the app counts as erased; the person then signed up again."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    gone = await world.call("app", "POST", f"{MEMBERS}/{person['app_id']}/actions/delete-permanent")
    assert gone.status_code == 204
    await world.sync()
    assert lift(Run(world.workspace, "forget"), person["EMAIL"])
    # The service takes no member with an address that was deleted for good.
    world.portal.tamper("hubspot", person["hubspot_id"], {"email": "zurueck@firma.example"})
    member = {
        "email_address": "zurueck@firma.example",
        "status": "subscribed",
        "merge_fields": {"FNAME": "Neu"},
    }
    successor = (await world.call("app", "POST", MEMBERS, member)).json()["contact_id"]
    await world.sync()
    assert f"record {successor} there has its address" in rule(world, person["id"], "counterpart-gone")

    link = end(world, person["hubspot_id"])
    await world.sync()

    assert (link.gone, link.then, link.successor) == ("app", "matched", successor)
    pair = world.one(f"c.hubspot_id = '{person['hubspot_id']}'")
    assert (pair["id"], pair["app_id"], pair["linked_at"] is not None) == (person["id"], successor, True)
