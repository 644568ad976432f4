"""The whole engine over the practice portal against Unison: the same edits, the same contents after every sync."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.connection import read_connection
from engine.schema import SIDES, Side
from engine.sqlite import sqlite3
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.population.compose import KINDS
from sample_data.portal import Portal, open_portal
from tests.engine.test_cycle import World
from tests.oracle.histories import Edit
from tests.oracle.unison import UnisonReplicas

FIELDS = {"firstname": "FNAME", "lastname": "LNAME", "city": "CITY"}
"""Plain text on both sides. A first or last name is required somewhere, so only towns are cleared."""
VALUES = ("Bern", "Wien", "Graz", "Chur")
PEOPLE = 24
ROUNDS = 6


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs that are in sync, and nobody else."""
    folder = tmp_path_factory.mktemp("people") / "data"
    none = [word for kind in KINDS for word in ("--share", f"{kind.name}=0")]
    assert generate(["--seed", "11", "--people", str(PEOPLE), "--out", str(folder), *none]) == 0
    return folder


@pytest.mark.parametrize("seed", range(3))
async def test_a_history_on_the_portal_ends_as_with_unison(people: Path, tmp_path: Path, seed: int) -> None:
    """One side, both sides alike and unlike, clearings, conflicts left alone and later resolved by people."""
    connection = read_connection(people / "connection.toml")
    asking = connection.sync.model_copy(update={"conflicts": "ask"})
    connection = connection.model_copy(update={"name": "practice", "sync": asking})
    state = tmp_path / "portal.sqlite"
    world = World(open_portal(people, state), Workspace(tmp_path / "w.sqlite"), connection)
    unison = UnisonReplicas(tmp_path / "replicas", "no file")
    pairs = _pairs(state)
    # Two spellings of one value are no difference to the engine, and one to Unison: the history begins with one spelling.
    alike = [
        Edit(side, edit.record, edit.field, edit.value.strip())
        for edit in _held(state, pairs)
        if edit.side == "hubspot"
        for side in SIDES
    ]
    disputed = 0

    for edits in [alike, *_history(seed, sorted(pairs))]:
        for edit in edits:
            _tamper(world.portal, pairs, edit)
        unison.edit(edits)
        await world.sync()
        unison.synchronise()

        held = {(edit.side, edit.record, edit.field): edit.value for edit in _held(state, pairs)}
        kept = {
            (side, *path.parts[-2:]): path.read_text()
            for side, root in unison.roots.items()
            for path in root.glob("*/*")
        }
        assert {key: value for key, value in held.items() if value} == kept
        disputed += any(kept.get(("hubspot", *key)) != kept.get(("app", *key)) for _, *key in kept)
    assert disputed


def _pairs(state: Path) -> dict[str, dict[Side, str]]:
    """The ids of each person on both sides, by number."""
    with closing(sqlite3.connect(state)) as sql:
        rows = sql.execute(
            "SELECT e.contact, m.contact_id FROM contact_email e JOIN member m ON lower(m.email) = e.email "
            "WHERE e.is_primary ORDER BY e.contact"
        ).fetchall()
    return {str(contact): {"hubspot": str(contact), "app": member} for contact, member in rows}


def _held(state: Path, pairs: dict[str, dict[Side, str]]) -> Iterator[Edit]:
    """What both sides hold, as edits from nothing."""
    with closing(sqlite3.connect(state)) as sql:
        contacts = dict(sql.execute("SELECT CAST(id AS TEXT), properties FROM contact").fetchall())
        members = dict(sql.execute("SELECT contact_id, merge_fields FROM member").fetchall())
    for record, ids in pairs.items():
        for field, tag in FIELDS.items():
            yield Edit("hubspot", record, field, json.loads(contacts[ids["hubspot"]]).get(field, ""))
            yield Edit("app", record, field, json.loads(members[ids["app"]]).get(tag, ""))


def _history(seed: int, records: list[str]) -> Iterator[list[Edit]]:
    chance = random.Random(f"portal {seed}")
    for _ in range(ROUNDS):
        edits = []
        for record in chance.sample(records, 5):
            field = chance.choice(list(FIELDS))
            values = ("", *VALUES) if field == "city" else VALUES
            sides: tuple[Side, ...] = chance.choice([SIDES[:1], SIDES[1:], SIDES])
            edits += [Edit(side, record, field, chance.choice(values)) for side in sides]
        yield edits


def _tamper(portal: Portal, pairs: dict[str, dict[Side, str]], edit: Edit) -> None:
    name = edit.field if edit.side == "hubspot" else FIELDS[edit.field]
    portal.tamper(
        "hubspot" if edit.side == "hubspot" else "mailchimp", pairs[edit.record][edit.side], {name: edit.value}
    )
