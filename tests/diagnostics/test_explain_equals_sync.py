"""`explain` says before a sync what the sync then does, for every contact of three populations."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from diagnostics.explain import Explanation, explain
from engine.connection import read_connection
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_cycle import World

POPULATIONS = (
    (21, ()),
    (22, ("conflict=0.1", "field-length=0.08", "field-option=0.08", "create-in-hubspot=0.1")),
    (23, ("fill-in-app=0.1", "stage-to-app=0.06", "hostile-text=0.08", "email-duplicate=0.05", "refused-by-app=0.05")),
)


def foretold(explanation: Explanation) -> dict[str, tuple[str, str]]:
    """Side and value that are said to be written, by the mapping's name."""
    arrows = {view.name: view.to_write for view in explanation.fields if view.to_write.startswith("-> ")}
    parts = {name: arrow.removeprefix("-> ").partition(": ") for name, arrow in arrows.items()}
    return {name: (side, value) for name, (side, _, value) in parts.items()}


def written(world: World) -> dict[int, dict[str, dict[str, str]]]:
    """What was sent of the mapped fields, whatever became of it: contact, mapping, side, value. The parts of a record that
    was refused as a whole are left to it."""
    names = {
        (side, world.connection.field(one, side)): one.name
        for one in world.connection.mappings
        for side in ("hubspot", "app")
    }
    sent: dict[int, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for row in world.workspace.rows("SELECT contact_id, side, sent FROM journal WHERE state <> 'planned' ORDER BY id"):
        for field, value in json.loads(row["sent"]).items():
            if (row["side"], field) in names:
                sent[row["contact_id"]][names[row["side"], field]].setdefault(row["side"], value)
    return sent


@pytest.mark.parametrize(("seed", "shares"), POPULATIONS)
async def test_what_is_said_is_done(tmp_path: Path, seed: int, shares: tuple[str, ...]) -> None:
    """State, fields, sides and values; who is stopped is not touched, and keeps the verdict that was told."""
    people = tmp_path / "people"
    options = [word for share in shares for word in ("--share", share)]
    assert generate(["--seed", str(seed), "--people", "160", "--out", str(people), *options]) == 0
    connection = read_connection(people / "connection.toml").model_copy(update={"name": "practice"})
    world = World(open_portal(people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), connection)
    await world.check()
    ids = [row["id"] for row in world.workspace.rows("SELECT id FROM contact ORDER BY id")]
    told = {contact: explain(world.workspace, world.connection, contact) for contact in ids}
    assert len(told) >= 150

    await world.sync()
    sent = written(world)
    after = {row["contact_id"]: (row["state"], row["cause"]) for row in world.workspace.rows("SELECT * FROM verdict")}
    for contact, explanation in told.items():
        said = foretold(explanation)
        assert said.keys() == sent[contact].keys(), explanation.sentence
        for name, (side, value) in said.items():
            assert sent[contact][name].get(side) == value
        if not said:
            assert after[contact] == (explanation.state, explanation.cause)
    assert {one.state for one in told.values()} >= {"in_sync", "pending", "excluded", "failing", "conflict"}
    assert sum(bool(foretold(one)) for one in told.values()) > 20
