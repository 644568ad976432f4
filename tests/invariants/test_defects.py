"""Defects that the histories found, each in its shortest form. One that is not mended yet fails strictly, so that mending
it shows; its action, if it has one, then joins ACTIONS."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.invariants import actions, invariants
from tests.invariants.histories import A_WHILE
from tests.invariants.people import CONTACTS, MEMBERS
from tests.invariants.world import World, setting_of

CHANCE = random.Random(1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A two-way world in which every pair is linked."""
    made = World(replace(setting_of(0), search_lag=0.0, in_list=False), tmp_path)
    made.sync()
    yield made
    made.close()


def _complaints(world: World) -> list[str]:
    world.desk.time.seconds += A_WHILE
    return list(invariants.convergence(world, world.sync()))


def test_an_edit_while_a_write_is_in_doubt_flows(world: World) -> None:
    """I1, I3: what somebody types between a cut-off run and the next one is not taken for what was sent."""
    assert actions.edit_while_in_doubt(world, CHANCE)
    assert _complaints(world) == []


def test_a_new_records_configured_value_reaches_the_app(world: World) -> None:
    """I1: a contact made in HubSpot gets a stage there, which is mapped to the app."""
    member = {
        "email_address": "neu@firma.example",
        "status": "subscribed",
        "merge_fields": {"FNAME": "A", "LNAME": "B"},
    }
    assert world.call("app", "POST", f"{MEMBERS}/members", member).status_code == 200
    world.people_did("adds")
    world.sync()
    assert _complaints(world) == []


def test_a_record_that_is_found_gone_leaves_nothing_pending(world: World) -> None:
    """I1: one sync is enough to know that a record is gone when it is looked at."""
    hubspot, app = world.ledger.pairs()[0]
    world.call("hubspot", "POST", f"{CONTACTS}/gdpr-delete", {"objectId": hubspot.id})
    world.tamper("app", app.id, {"CITY": "Bern"})
    world.people_did("erases and edits")
    world.desk.time.seconds += A_WHILE
    world.sync()
    assert _complaints(world) == []
