"""The peers that speed is measured against follow the same rules: the same verdicts and findings, also of planted faults."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.column_rules import CODES, end_to_end
from benchmarks.mirrored import build, practice_connection
from benchmarks.per_record.__main__ import examine
from benchmarks.per_record.terms import NotInThePeer, Terms
from benchmarks.same_answer import OtherAnswer, same_answer, same_findings
from diagnostics.checkup import GATES
from engine.cycle import plan_all
from engine.gates import Situation
from engine.observe import observe
from engine.runs import Run
from engine.situation import recall
from engine.sqlite import sqlite3
from engine.workspace import Workspace
from sample_data import PEOPLE
from sample_data.portal import open_portal
from tests.engine.test_cycle import World


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """A workspace as the benchmarks build it."""
    path = tmp_path / "generated.sqlite"
    build(path, 1_000)
    return path


def _by_the_peer(path: Path, situation: Situation) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as sql:
        examine(path, Terms(situation, sql), run=1)


async def test_the_per_record_models_agree_on_the_practice_portal(tmp_path: Path) -> None:
    """All planted faults: conflicts, required fields, types, lengths, ranges, lists, duplicates, consent."""
    world = World(
        open_portal(PEOPLE, tmp_path / "portal.sqlite"), Workspace(tmp_path / "w.sqlite"), practice_connection()
    )
    run = Run(world.workspace, "check")
    situation = await observe(run, world.connection, world.sides())
    world.workspace.close()
    shutil.copyfile(tmp_path / "w.sqlite", tmp_path / "peer.sqlite")
    with Workspace(tmp_path / "w.sqlite") as workspace:
        answer = plan_all(Run(workspace, "check"), situation, GATES)
    _by_the_peer(tmp_path / "peer.sqlite", situation)

    same_answer(tmp_path / "w.sqlite", tmp_path / "peer.sqlite")
    assert answer.states["conflict"] > 0
    assert len(answer.causes) > 16


def test_both_peers_agree_on_generated_contacts(generated: Path, tmp_path: Path) -> None:
    """And a difference is noticed."""
    records, columns = tmp_path / "records.sqlite", tmp_path / "columns.sqlite"
    for copy in (records, columns):
        shutil.copyfile(generated, copy)
    with Workspace(generated) as workspace:
        situation = recall(workspace, practice_connection())
        plan_all(Run(workspace, "check"), situation, GATES)
    _by_the_peer(records, situation)
    with Workspace(columns) as workspace:
        end_to_end(workspace, situation)

    same_answer(generated, records)
    same_findings(generated, columns, CODES)
    with closing(sqlite3.connect(records)) as sql, sql:
        sql.execute("UPDATE verdict SET state = 'failing' WHERE contact_id = (SELECT max(contact_id) FROM verdict)")
    with pytest.raises(OtherAnswer, match="1 rows of verdict are only ours"):
        same_answer(generated, records)


def test_what_the_per_record_models_do_not_know_is_refused(generated: Path) -> None:
    """A measurement without a rule that the product evaluates would be none."""
    with Workspace(generated) as workspace:
        situation = recall(workspace, practice_connection())
        workspace.sql.execute(
            "INSERT INTO suspended_field(contact_id, field, flips, hubspot_value, app_value, run_id, at) "
            "VALUES (1, 'city', 3, 'Bern', 'Graz', 1, '2026-01-01T00:00:00Z')"
        )
        with pytest.raises(NotInThePeer, match="suspended_field"):
            Terms(situation, workspace.sql)
