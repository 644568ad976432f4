"""Most values are read only where two records differ; the planner then says the same as with all of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from diagnostics.checkup import GATES
from engine import population
from engine.connection import read_connection
from engine.content import compare_by
from engine.fields import compared
from engine.memory import memory_of_slice
from engine.pairing import pair_contacts
from engine.plan import joined, plan
from engine.population import Compared, alike_and_others, mostly_alike, slice_of
from engine.situation import as_gates_see, recall
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.diagnostics.test_explain_equals_sync import POPULATIONS
from tests.engine.test_cycle import World

TOLD_OF_EVERYBODY = (
    "linked", "hubspot", "app", "hubspot_candidates", "app_candidates", "erased", "in_doubt", "hubspot_holder", "app_holder",
    "hubspot_swap", "app_swap", "hubspot_successor", "app_successor", "dependent", "member_since", "email", "email_key",
    "hubspot._unreadable", "app._unreadable", "hubspot._subscription",
)  # fmt: skip


def answers(world: World, where: Compared | None) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """All contacts as they are read, and what the planner says of them."""
    last = int(world.workspace.value("SELECT max(id) FROM contact"))
    memory, situation = memory_of_slice(world.workspace, 0, last), recall(world.workspace, world.connection)
    frames = alike_and_others(world.workspace, 0, last, where) if where else [slice_of(world.workspace, 0, last)]
    said = joined([plan(frame, memory, as_gates_see(situation), GATES) for frame in frames])
    return pl.concat(frames).sort("contact"), {
        "verdicts": said.verdicts, "findings": said.findings, "writes": said.writes, "wanted": said.wanted,
        "conflicts": said.conflicts, "merged": said.merged,
    }  # fmt: skip


async def planted(tmp_path: Path, seed: int, shares: tuple[str, ...]) -> World:
    """The practice connection on a population of these faults."""
    people = tmp_path / "people"
    options = [word for share in shares for word in ("--share", share)]
    assert generate(["--seed", str(seed), "--people", "160", "--out", str(people), *options]) == 0
    connection = read_connection(people / "connection.toml").model_copy(update={"name": "practice"})
    return World(open_portal(people, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), connection)


@pytest.mark.parametrize(("seed", "shares"), POPULATIONS)
async def test_the_answer_is_the_same(tmp_path: Path, seed: int, shares: tuple[str, ...]) -> None:
    """Before a sync, when nothing is linked, and after it, with bases and quarantine."""
    world = await planted(tmp_path, seed, shares)
    for run in (world.check, world.sync, world.check):
        await run()
        with world.workspace.transaction() as sql:  # What no population has by itself.
            sql.execute(
                "UPDATE contact SET hubspot_twins = 2 WHERE id = (SELECT min(id) FROM contact WHERE app_id <> '')"
            )
            sql.execute('UPDATE app_contact SET _unreadable = \'{"CITY": "too long"}\' WHERE rowid % 40 = 0')
        where = compared(recall(world.workspace, world.connection))
        everything, whole = answers(world, None)
        least, same = answers(world, where)
        for name, frame in whole.items():
            assert_frame_equal(same[name], frame, check_row_order=False)
        assert least.columns == everything.columns and least.schema == everything.schema
        for name in TOLD_OF_EVERYBODY:
            assert least[name].equals(everything[name]), name
        for name in ("hubspot_twins", "app_twins"):
            assert least[name].clip(1).equals(everything[name].clip(1))
        assert least["hubspot_id"].null_count() > everything["hubspot_id"].null_count()
        read = least.filter(pl.col("hubspot_updated_at").is_not_null() | pl.col("app_updated_at").is_not_null())
        assert_frame_equal(read, everything.filter(pl.col("contact").is_in(read["contact"].implode())))


async def test_where_most_records_differ_everything_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at some contacts tells; an empty workspace has none."""
    world = await planted(tmp_path, 24, ())
    await world.sync()
    where = compared(recall(world.workspace, world.connection))
    monkeypatch.setattr(population, "_MANY", 0.5)
    assert mostly_alike(world.workspace, where)
    with world.workspace.transaction() as sql:
        sql.execute("UPDATE app_contact SET CITY = CITY || ' (old)'")
    assert not mostly_alike(world.workspace, where)
    with world.workspace.transaction() as sql:
        sql.execute("DELETE FROM contact")
    assert mostly_alike(world.workspace, where)


async def test_where_both_sides_hold_the_same_nothing_else_is_asked(tmp_path: Path) -> None:
    """The number of the content decides. What somebody writes past it counts all the same, and with another mapping it says nothing."""
    world = await planted(tmp_path, 24, ())
    await world.sync()
    where = compared(recall(world.workspace, world.connection))

    def others() -> set[int]:
        last = int(world.workspace.value("SELECT max(id) FROM contact"))
        return {int(one) for frame in alike_and_others(world.workspace, 0, last, where)[1:] for one in frame["contact"]}

    before, everybody = others(), int(world.workspace.value("SELECT count(*) FROM contact"))
    assert 0 < len(before) < everybody / 2
    numbered = world.workspace.rows(
        "SELECT c.id FROM contact c JOIN hubspot_contact h ON h._id = c.hubspot_id JOIN app_contact a ON a._id = c.app_id "
        "WHERE h._content = a._content"
    )
    changed = next(row["id"] for row in numbered if row["id"] not in before)
    with world.workspace.transaction() as sql:
        sql.execute(
            "UPDATE app_contact SET CITY = 'Nirgends' WHERE _id = (SELECT app_id FROM contact WHERE id = ?)", (changed,)
        )
    assert others() == before | {changed}
    with world.workspace.transaction() as sql:  # Not so by themselves, which shows that the texts are not looked at.
        for side in ("hubspot", "app"):
            sql.execute(
                f"UPDATE {side}_contact SET _content = 7 WHERE _id = (SELECT {side}_id FROM contact WHERE id = ?)",
                (changed,),
            )
    assert others() == before
    compare_by(world.workspace, where.pairs[1:])
    assert others() == before | {changed}


@pytest.mark.parametrize("hint", ["NULL", "1", "(SELECT max(rowid) FROM app_contact)"])
async def test_a_wrong_hint_where_a_record_lies_leads_nobody_astray(tmp_path: Path, hint: str) -> None:
    """Another program may have moved the rows; the next check that reads everything corrects it."""
    world = await planted(tmp_path, 31, ())
    await world.sync()
    right = world.workspace.rows("SELECT hubspot_row, app_row FROM contact ORDER BY id")
    with world.workspace.transaction() as sql:
        sql.execute(f"UPDATE contact SET hubspot_row = {hint}, app_row = {hint}")
    _, whole = answers(world, None)
    _, same = answers(world, compared(recall(world.workspace, world.connection)))
    for name, frame in whole.items():
        assert_frame_equal(same[name], frame, check_row_order=False)

    await world.check()
    pair_contacts(world.workspace, recall(world.workspace, world.connection).schemas, whole=True)

    assert world.workspace.rows("SELECT hubspot_row, app_row FROM contact ORDER BY id") == right


async def test_with_another_mapping_the_answer_is_that_of_everything(tmp_path: Path) -> None:
    """The same fields mapped crosswise: nothing is read anew, and who agreed does not agree any more."""
    world = await planted(tmp_path, 24, ())
    await world.sync()
    crossed = {"FNAME": "LNAME", "LNAME": "FNAME"}
    mappings = [one.model_copy(update={"app": crossed.get(one.app, one.app)}) for one in world.connection.mappings]
    other = world.connection.model_copy(update={"mappings": tuple(mappings)})
    world.connection = other
    await world.check()
    _, whole = answers(world, None)
    _, same = answers(world, compared(recall(world.workspace, other)))
    for name, frame in whole.items():
        assert_frame_equal(same[name], frame, check_row_order=False)
    assert whole["merged"].height > 100
