"""Undo: what a run changed goes back where nobody touched it since, consent stays, and no later sync quietly redoes it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx
import pytest

from diagnostics.checkup import GATES
from engine.apply import Applied
from engine.cycle import undo
from engine.errors import BrakeTripped, ConfigurationError, Stopped
from engine.observe import Sides
from engine.runs import Run, StopFlag
from engine.situation import recall
from engine.undo import UndoPlan, consent_fields, undo_plan
from sample_data.portal import Fault
from tests.engine.test_apply import pick
from tests.engine.test_cycle import World

SPELLING = " (Altstadt)"


async def take_back(world: World, number: int) -> tuple[Applied, UndoPlan, int]:
    """Undoes a run; what was written, the plan, and the undo's own run."""
    run = Run(world.workspace, "undo")
    applied, plan, _ = await undo(run, world.connection, world.sides(), GATES, number)
    return applied, plan, run.id


def last_writer(world: World) -> int:
    """The newest run that wrote."""
    return int(world.workspace.value("SELECT max(run_id) FROM journal"))


async def edited(world: World) -> tuple[int, int]:
    """A contact whose city HubSpot changed and a sync carried to the app: contact, and the run."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> '' AND a.CITY = h.city")
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Neustadt"})
    assert await world.sync() == 1
    return person["id"], last_writer(world)


async def test_a_value_goes_back_and_no_sync_redoes_or_spreads_it(small: World) -> None:
    """The app gets its old city again; three syncs later both sides still hold what they held, as an open conflict."""
    contact, run = await edited(small)
    old = small.workspace.value("SELECT before FROM journal WHERE run_id = ?", (run,))

    applied, plan, _ = await take_back(small, run)

    after = small.one(f"c.id = {contact}")
    assert applied.writes == 1 and plan.fields == 1
    assert after["CITY"] != "Neustadt" and after["CITY"] in old and after["city"] == "Neustadt"
    for _ in range(3):
        assert await small.sync() == 0
        again = small.one(f"c.id = {contact}")
        assert (again["city"], again["CITY"], again["state"]) == ("Neustadt", after["CITY"], "conflict")
    assert small.workspace.value("SELECT undoes FROM journal ORDER BY id DESC LIMIT 1") is not None


@pytest.mark.parametrize("policy", ["hubspot", "app", "latest", "ask"])
@pytest.mark.parametrize("direction", ["two_way", "to_app"])
async def test_policy_and_direction_do_not_decide_an_undone_field(small: World, policy: str, direction: str) -> None:
    """Whoever wins otherwise, and whichever way the connection runs, an undone value waits for a person."""
    sync = small.connection.sync.model_copy(update={"conflicts": policy, "direction": direction})
    small.connection = small.connection.model_copy(update={"sync": sync})
    contact, run = await edited(small)

    await take_back(small, run)

    assert await small.sync() == 0
    assert small.one(f"c.id = {contact}")["state"] == "conflict"


async def test_a_later_edit_ends_the_wait(small: World) -> None:
    """Somebody types a value on one side: that is a decision, it flows, and the contact is in sync again."""
    contact, run = await edited(small)
    await take_back(small, run)
    small.portal.tamper("hubspot", small.one(f"c.id = {contact}")["hubspot_id"], {"city": "Altdorf"})

    assert await small.sync() == 1
    assert await small.sync() == 0

    after = small.one(f"c.id = {contact}")
    assert (after["city"], after["CITY"], after["state"]) == ("Altdorf", "Altdorf", "in_sync")


async def test_an_edit_before_the_undo_is_still_an_edit_after_it(small: World) -> None:
    """The other side's own change is not swallowed by the base: with a later edit of the undone side both have changed."""
    small.connection = small.connection.model_copy(
        update={"sync": small.connection.sync.model_copy(update={"conflicts": "ask"})}
    )
    contact, run = await edited(small)
    person = small.one(f"c.id = {contact}")
    small.portal.tamper("hubspot", person["hubspot_id"], {"city": "Selbst getippt"})
    applied, _, _ = await take_back(small, run)
    assert applied.writes == 1
    small.portal.tamper("mailchimp", person["app_id"], {"CITY": "Altdorf"})

    assert await small.sync() == 0

    after = small.one(f"c.id = {contact}")
    assert (after["city"], after["CITY"], after["state"]) == ("Selbst getippt", "Altdorf", "conflict")


async def test_undoing_an_undo_and_undoing_twice(small: World) -> None:
    """The second undo of a run has nothing left; the undo of the undo brings the value back, and all is in sync."""
    contact, run = await edited(small)
    _, _, first = await take_back(small, run)

    applied, plan, _ = await take_back(small, run)
    assert applied.writes == 0 and not plan.operations
    assert [one.why for one in plan.left] == ["undone-already"]

    applied, plan, _ = await take_back(small, first)
    after = small.one(f"c.id = {contact}")
    assert applied.writes == 1
    assert (after["city"], after["CITY"], after["state"]) == ("Neustadt", "Neustadt", "in_sync")
    assert small.workspace.value("SELECT count(*) FROM decision") == 0
    assert await small.sync() == 0


async def test_nothing_is_taken_back_from_who_has_opted_out(small: World) -> None:
    """Nobody who opted out is written to, not even to put things right."""
    contact, run = await edited(small)
    person = small.one(f"c.id = {contact}")
    small.portal.tamper("hubspot", person["hubspot_id"], {"hs_email_optout": "true", "newsletter_opt_in": "false"})

    applied, plan, _ = await take_back(small, run)

    assert applied.writes == 0
    assert [(one.record_id, one.why) for one in plan.left] == [(person["app_id"], "excluded")]


async def test_what_somebody_changed_since_stays(small: World) -> None:
    """A record that holds another value than the run wrote is named and left alone."""
    contact, run = await edited(small)
    person = small.one(f"c.id = {contact}")
    small.portal.tamper("mailchimp", person["app_id"], {"CITY": "Selbst getippt"})

    applied, plan, _ = await take_back(small, run)

    assert applied.writes == 0
    assert [(one.record_id, one.field, one.why) for one in plan.left] == [(person["app_id"], "CITY", "changed-since")]
    assert small.one(f"c.id = {contact}")["CITY"] == "Selbst getippt"


async def test_created_records_are_named_and_not_deleted(small: World) -> None:
    """The first sync's creates are all listed with their ids, and are still there afterwards."""
    await small.sync()
    run = last_writer(small)
    created = {
        row[0]
        for row in small.workspace.rows("SELECT record_id FROM journal WHERE kind = 'create' AND state = 'verified'")
    }

    _, plan, _ = await take_back(small, run)

    assert created and {one.record_id for one in plan.left if one.why == "created"} == created
    there = {
        row[0] for row in small.workspace.rows("SELECT _id FROM hubspot_contact UNION SELECT _id FROM app_contact")
    }
    assert created <= there


async def test_consent_is_never_loosened(small: World) -> None:
    """A run that wrote an opt-out cannot be undone in that field, whatever the journal says it was before."""
    contact, run = await edited(small)
    person = small.one(f"c.id = {contact}")
    situation = recall(small.workspace, small.connection)
    field = next(name for side, name in consent_fields(situation) if side == "app")
    with small.workspace.transaction() as sql:
        sql.execute(
            f"UPDATE journal SET sent = json_set(sent, '$.{field}', 'unsubscribed'), "
            f"kept = json_set(kept, '$.{field}', 'unsubscribed'), before = json_set(before, '$.{field}', 'subscribed') "
            "WHERE run_id = ?",
            (run,),
        )
        sql.execute(f"UPDATE app_contact SET {field} = 'unsubscribed' WHERE _id = ?", (person["app_id"],))

    plan = undo_plan(small.workspace, situation, run)

    assert [(one.field, one.why) for one in plan.left] == [(field, "consent")]
    assert all(field not in op.values for op in plan.operations) and plan.operations


async def test_an_undo_passes_the_brakes_too(small: World) -> None:
    """An undo larger than the connection allows writes nothing."""
    _, run = await edited(small)
    brakes = small.connection.brakes.model_copy(update={"updates": 0})
    small.connection = small.connection.model_copy(update={"brakes": brakes})

    with pytest.raises(BrakeTripped, match=r"updates"):
        await take_back(small, run)

    assert last_writer(small) == run


async def test_an_undo_that_is_not_the_one_shown_is_refused(small: World) -> None:
    """What was confirmed is written or nothing is; a run that is not there is named."""
    contact, run = await edited(small)
    shown = undo_plan(small.workspace, recall(small.workspace, small.connection), run)
    small.portal.tamper("mailchimp", small.one(f"c.id = {contact}")["app_id"], {"CITY": "Anders"})

    with pytest.raises(ConfigurationError, match="changed since this undo was shown"):
        await undo(Run(small.workspace, "undo"), small.connection, small.sides(), GATES, run, expected=shown.digest)
    with pytest.raises(ConfigurationError, match="no run 999"):
        await take_back(small, 999)

    assert last_writer(small) == run


@dataclass
class Respelling(httpx.AsyncBaseTransport):
    """A wire to an app that keeps another city than it is sent, and that asks the run to stop once it has."""

    inner: httpx.AsyncBaseTransport
    stop: StopFlag

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hands on; an update of the city in another spelling."""
        if request.method == "PATCH" and b"CITY" in request.content:
            self.stop.reason = "stopped by a test"
            body = json.loads(request.content)
            body["merge_fields"]["CITY"] += SPELLING
            content = json.dumps(body).encode()
            headers = {**request.headers, "content-length": str(len(content))}
            request = httpx.Request(request.method, request.url, headers=headers, content=content)
        return await self.inner.handle_async_request(request)


def respelled(world: World, stop: StopFlag) -> Sides:
    """Connectors of which the app's respells."""
    sides = world.sides()
    client = sides.app._client._http  # type: ignore[attr-defined]
    client._transport = Respelling(client._transport, stop)
    return sides


async def app_wins(world: World) -> tuple[int, int]:
    """As `edited`, on a connection whose policy would carry the app's value over."""
    sync = world.connection.sync.model_copy(update={"conflicts": "app"})
    world.connection = world.connection.model_copy(update={"sync": sync})
    return await edited(world)


async def waits(world: World, contact: int) -> None:
    """The undone value, in the app's spelling, waits for a person, whoever wins otherwise."""
    assert await world.sync() == 0
    assert await world.sync() == 0
    now = world.one(f"c.id = {contact}")
    assert (now["city"], now["CITY"].endswith(SPELLING), now["state"]) == ("Neustadt", True, "conflict")


async def test_an_undo_that_is_stopped_after_a_write_lets_what_was_kept_wait(small: World) -> None:
    """The app keeps another spelling and the run ends at once: the value that is there waits, not the one that was sent."""
    contact, number = await app_wins(small)
    stop = StopFlag()
    run = Run(small.workspace, "undo", stop=stop)

    with pytest.raises(Stopped):
        await undo(run, small.connection, respelled(small, stop), GATES, number)

    await waits(small, contact)
    small.portal.tamper("mailchimp", small.one(f"c.id = {contact}")["app_id"], {"CITY": "Selbst getippt"})
    assert await small.sync() == 1
    assert small.one(f"c.id = {contact}")["city"] == "Selbst getippt"


async def test_an_undo_whose_answer_is_lost_waits_once_it_is_looked_up(small: World) -> None:
    """The side is gone after the write; the next run finds a spelling that nobody sent, and asks."""
    contact, number = await app_wins(small)
    small.portal.faults.add(Fault("mailchimp", "PATCH", "/members/", 1, "timeout_after"))
    small.portal.faults.add(Fault("mailchimp", "GET", "/members/", 2, "500_before", times=99))
    run = Run(small.workspace, "undo")
    await undo(run, small.connection, respelled(small, StopFlag()), GATES, number)
    assert small.workspace.value("SELECT state FROM journal ORDER BY id DESC LIMIT 1") == "in_doubt"
    small.portal.faults.clear()

    await waits(small, contact)


async def test_an_undo_that_could_not_be_read_back_waits_with_what_is_seen_later(small: World) -> None:
    """Another spelling in the record at the next run is the server's or a person's: it waits once, and then edits flow."""
    await small.sync()
    person = small.one("c.state = 'in_sync' AND h.city <> '' AND a.CITY = h.city")
    small.portal.tamper("mailchimp", person["app_id"], {"CITY": "Neustadt"})
    assert await small.sync() == 1
    small.portal.faults.add(Fault("hubspot", "POST", "batch/read", 2, "500_before", times=99))
    await take_back(small, last_writer(small))
    small.portal.faults.clear()
    assert small.workspace.value("SELECT state FROM journal ORDER BY id DESC LIMIT 1") == "applied"
    small.portal.tamper("hubspot", person["hubspot_id"], {"city": "Anders gehalten"})

    assert await small.sync() == 0
    assert await small.sync() == 0
    now = small.one(f"c.id = {person['id']}")
    assert (now["city"], now["CITY"], now["state"]) == ("Anders gehalten", "Neustadt", "conflict")
    small.portal.tamper("hubspot", person["hubspot_id"], {"city": "Altdorf"})
    assert await small.sync() == 1
    assert small.one(f"c.id = {person['id']}")["CITY"] == "Altdorf"


async def test_what_an_undo_did_not_write_does_not_wait(small: World) -> None:
    """The app refuses the update: both sides hold the newer value, and nobody is asked about it."""
    contact, number = await edited(small)
    sides = small.sides()
    pick(sides, lambda record: "CITY" in record)

    applied, _, _ = await undo(Run(small.workspace, "undo"), small.connection, sides, GATES, number)

    assert (applied.writes, applied.refused) == (0, 1)
    assert small.workspace.value("SELECT count(*) FROM decision") == 0
    assert small.one(f"c.id = {contact}")["state"] == "in_sync"
