"""Saved plans: written exactly as reviewed, or refused whole before the first write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.checkup import GATES
from engine.cycle import examine, sync
from engine.errors import ConfigurationError
from engine.journal import planned_operations
from engine.runs import Run, utc_now
from engine.saved_plan import SavedPlan, confirmed, make_plan, read_plan
from engine.situation import recall
from tests.engine.test_cycle import World


async def made(world: World) -> SavedPlan:
    """A plan of the world as it is."""
    run = Run(world.workspace, "check")
    await examine(run, world.connection, world.sides(), GATES)
    return make_plan(run, world.connection, f"plan-{run.id}")


async def write(world: World, saved: SavedPlan) -> int:
    """Writes a saved plan; how many records."""
    applied, _ = await sync(Run(world.workspace, "sync"), world.connection, world.sides(), GATES, saved=saved)
    return applied.writes


def journalled(world: World) -> int:
    """How many writes were ever tried."""
    return int(world.workspace.value("SELECT count(*) FROM journal"))


async def test_a_plan_is_written_exactly_and_once(small: World, tmp_path: Path) -> None:
    """What the file holds is what the journal holds afterwards; the same file again is refused."""
    saved = await made(small)
    file = tmp_path / "plan.json"
    file.write_text(saved.model_dump_json())
    read = read_plan(file, small.connection, utc_now())
    assert read == saved and len(read.operations) > 5

    await write(small, read)

    wrote = {
        (row["side"], row["kind"], row["sent"]) for row in small.workspace.rows("SELECT side, kind, sent FROM journal")
    }
    assert wrote == {(op.side, op.kind, json.dumps(op.values, ensure_ascii=False)) for op in saved.operations}
    with pytest.raises(ConfigurationError, match="already written, by run"):
        await write(small, read)


@pytest.mark.parametrize("side", ["hubspot", "app"])
async def test_one_changed_record_refuses_the_whole_plan(small: World, side: str) -> None:
    """A value that somebody typed in any record of the plan: nothing at all is written, and the record is named."""
    saved = await made(small)
    op = next(op for op in saved.operations if op.kind == "update")
    if side == "hubspot":
        small.portal.tamper("hubspot", op.hubspot_id or "", {"city": "Eben getippt"})
    else:
        small.portal.tamper("mailchimp", op.app_id or "", {"CITY": "Eben getippt"})

    with pytest.raises(ConfigurationError, match=r"1 records changed .* for instance record") as caught:
        await write(small, saved)

    assert str(op.hubspot_id) in caught.value.what
    assert journalled(small) == 0


async def test_somebody_who_left_the_plan_refuses_it(small: World) -> None:
    """An opt-out of a person who was to be created, and a record that is gone, both refuse the plan."""
    saved = await made(small)
    op = next(op for op in saved.operations if op.kind == "create" and op.side == "app")
    small.portal.tamper("hubspot", op.hubspot_id or "", {"newsletter_opt_in": "false"})

    with pytest.raises(ConfigurationError, match="changed since the plan was made"):
        await write(small, saved)

    assert journalled(small) == 0


async def test_a_plan_that_would_be_another_one_now_is_refused(small: World) -> None:
    """The records hold what they held, but a rule lets one of them pass no longer, or would write another value."""
    saved = await made(small)
    run = Run(small.workspace, "sync")
    situation = recall(small.workspace, small.connection)
    first, *rest = planned_operations(run)
    other = replace(first, values={**first.values, "made_up": "x"})

    assert confirmed(run, situation, saved, [first, *rest]) == [first, *rest]
    for planned in ([other, *rest], rest):
        with pytest.raises(ConfigurationError, match="another one now"):
            confirmed(run, situation, saved, planned)


async def test_an_edit_elsewhere_does_not_matter(small: World) -> None:
    """A record that the plan does not touch may change; exactly the saved operations are written, not the new one."""
    saved = await made(small)
    touched = {op.hubspot_id for op in saved.operations}
    rows = small.workspace.rows(
        "SELECT c.hubspot_id FROM contacts c JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "WHERE c.state = 'in_sync' AND h.city <> ''"
    )
    other = next(row[0] for row in rows if row[0] not in touched)
    small.portal.tamper("hubspot", other, {"city": "Anderswo"})

    await write(small, saved)

    assert journalled(small) == len(saved.operations)
    assert small.one(f"c.hubspot_id = '{other}'")["state"] == "pending"


@pytest.mark.parametrize("what", ["sync", "mappings", "scope"])
async def test_a_plan_of_another_configuration_is_refused(small: World, what: str) -> None:
    """Policy, mappings or list changed since: the plan is not this connection's any more; a raised brake is no change."""
    saved = await made(small)
    raised = small.connection.brakes.model_copy(update={"creates": 9_999})
    changes = {
        "sync": small.connection.sync.model_copy(update={"conflicts": "ask"}),
        "mappings": small.connection.mappings[:-1],
        "scope": small.connection.scope.model_copy(update={"stale_after_days": 7}),
    }
    small.connection = small.connection.model_copy(update={"brakes": raised, what: changes[what]})

    with pytest.raises(ConfigurationError, match="connection was changed"):
        await write(small, saved)
    assert journalled(small) == 0


def _edited(text: str) -> str:
    document = json.loads(text)
    document["operations"][0]["values"] = {"email": "somebody@example.com"}
    return json.dumps(document)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda _: "", "damaged"),
        (lambda _: '{"format": 1, "plan": "0"}', "damaged"),
        (lambda _: "[" * 100_000, "damaged"),
        (lambda text: text.replace('"format":1', '"format":2'), "damaged"),
        (_edited, "changed after it was made"),
        (lambda text: text.replace('"made_at":"20', '"made_at":"21'), "changed after it was made"),
    ],
)
async def test_a_damaged_or_edited_file_is_refused(
    small: World, tmp_path: Path, spoil: Callable[[str], str], words: str
) -> None:
    """Cut off, empty, something else, or edited by hand: one clear error that names the file."""
    file = tmp_path / "plan.json"
    file.write_text(spoil((await made(small)).model_dump_json()))

    with pytest.raises(ConfigurationError, match=words) as caught:
        read_plan(file, small.connection, utc_now())

    assert str(file) in caught.value.where


async def test_a_plan_ages(small: World, tmp_path: Path) -> None:
    """A day is the limit unless more is allowed; a file that is not there says so; another connection's is refused."""
    file = tmp_path / "plan.json"
    file.write_text((await made(small)).model_dump_json())
    later = utc_now() + timedelta(hours=25)

    with pytest.raises(ConfigurationError, match="24 hours"):
        read_plan(file, small.connection, later)
    assert read_plan(file, small.connection, later, 48)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_plan(tmp_path / "none.json", small.connection, later)
    with pytest.raises(ConfigurationError, match="practice"):
        read_plan(file, small.connection.model_copy(update={"name": "other"}), utc_now())
