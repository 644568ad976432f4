"""Schemas and the list while a plan is written: looked at again after five minutes, and what does not stand is left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.checkup import GATES
from engine import apply as applying
from engine.apply import Applied
from engine.connection import Release
from engine.cycle import sync, undo
from engine.errors import AccessError, ConfigurationError, PlanOutdated, SyncdoctorError
from engine.runs import Run, open_release
from engine.standing import LOOK_AGAIN
from sample_data.generate import main as generate
from sample_data.portal import Fault
from tests.engine.test_observe import Desk, alter_city, settled

A_LONG_TIME = LOOK_AGAIN + timedelta(seconds=1)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small population."""
    folder = tmp_path_factory.mktemp("people") / "data"
    assert generate(["--seed", "11", "--people", "80", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def desk(people: Path, tmp_path: Path) -> Desk:
    """Nothing written yet; a stage may come out in any way."""
    desk = Desk(people, tmp_path / "desk")
    desk.connection = desk.connection.model_copy(update={"release": Release(tolerance=100)})
    return desk


def interrupted(desk: Desk, command: str, happens: Callable[[], None], after: timedelta = A_LONG_TIME) -> Run:
    """A run during which something happens, and time passes, once the first batch is written."""
    once = [happens]

    def on_progress(phase: str, done: int, total: int | None, rate: float | None) -> None:
        if phase == "writing" and done and once:
            desk.moment += after
            desk.portal.requests.clear()
            once.pop()()

    def monotonic() -> float:
        return desk.moment.timestamp()

    return Run(desk.workspace, command, now=desk.now, monotonic=monotonic, on_progress=on_progress)


async def staged(desk: Desk, run: Run) -> Applied:
    """A first sync, in stages."""
    applied, _ = await sync(run, desk.connection, desk.sides(), GATES, staged=True)
    return applied


def asked_again(desk: Desk) -> set[str]:
    """Whether the schemas and the members were read since the interruption and before the next write."""
    seen = set()
    for _, method, path, _ in desk.portal.requests:
        creates = method == "POST" and path.endswith(("batch/create", "batch/update", "lists/a1b2c3d4e5"))
        if method == "PATCH" or creates:
            break
        seen |= {part for part in ("merge-fields", "properties", "memberships") if part in path}
    return seen


@pytest.mark.parametrize("after", [timedelta(minutes=4), A_LONG_TIME])
async def test_only_a_long_run_looks_again(desk: Desk, after: timedelta) -> None:
    """Before the next batch everything is read if the last look is old, and nothing if it is not."""
    applied = await staged(desk, interrupted(desk, "sync", lambda: None, after))

    assert applied.writes > 20 and not applied.changed_meanwhile
    assert asked_again(desk) == (set() if after < LOOK_AGAIN else {"merge-fields", "properties", "memberships"})
    assert await desk.sync() == 0


async def test_contacts_that_leave_the_list_in_mid_run_are_left_alone(desk: Desk) -> None:
    """What is still planned for them is superseded and counted; the others are written; the next sync has nothing to do."""
    gone: list[str] = []

    def leave() -> None:
        waiting = desk.workspace.rows(
            "SELECT DISTINCT c.hubspot_id FROM planned_write p JOIN contact c ON c.id = p.contact_id WHERE c.hubspot_id IN "
            "(SELECT record_id FROM list_member) AND c.id NOT IN (SELECT contact_id FROM journal) ORDER BY c.id LIMIT 6"
        )
        gone.extend(row[0] for row in waiting)
        for record_id in gone:
            desk.portal._state.run("DELETE FROM membership WHERE contact = ?", int(record_id))

    applied = await staged(desk, interrupted(desk, "sync", leave))

    assert len(gone) == 6 and applied.changed_meanwhile >= 6 and applied.writes > 10
    left = desk.workspace.rows(
        "SELECT c.hubspot_id, j.state, j.code FROM journal j JOIN contact c ON c.id = j.contact_id "
        "WHERE c.hubspot_id IN (SELECT value FROM json_each(?))",
        (str(gone).replace("'", '"'),),
    )
    assert {row[0] for row in left} == set(gone)
    assert {(row[1], row[2]) for row in left} == {("superseded", "CHANGED_MEANWHILE")}
    assert desk.events("left-list") and "6 contacts" in desk.events("left-list")[0]
    causes = {verdict for ids, verdict in desk.verdicts().items() if ids[0] in gone}
    assert causes == {("failing", "list-criteria")}
    assert await desk.sync() == 0


async def test_a_schema_that_changes_in_mid_run_ends_the_plan(desk: Desk) -> None:
    """The rest is superseded, the run says why and what goes on, and the next sync plans anew, still in stages."""
    run = interrupted(desk, "sync", lambda: alter_city(desk.portal, "required"))

    with pytest.raises(PlanOutdated) as caught:
        await staged(desk, run)

    assert caught.value.exit_code == 4 and "1 of " in caught.value.what and "sync practice" in caught.value.remedy
    assert desk.events("schema-changed") == ["changed since they were read: app.CITY"]
    assert desk.workspace.value("SELECT count(*) FROM journal WHERE state IN ('planned', 'intent')") == 0
    assert int(desk.workspace.value("SELECT count(*) FROM journal WHERE state = 'superseded'")) > 0
    run.finish("stopped", 4)
    assert open_release(desk.workspace) == run.id
    assert await desk.sync() > 10
    assert await desk.sync() == 0


@pytest.mark.parametrize("trouble", ["field gone", "list unreadable"])
async def test_what_cannot_be_looked_at_stops_before_the_next_batch(desk: Desk, trouble: str) -> None:
    """A field that is no more is an error of the connection, a side that is gone one of access; what was written counts."""

    def happens() -> None:
        if trouble == "field gone":
            alter_city(desk.portal, "gone")
        else:
            desk.portal.faults.add(Fault("hubspot", "GET", "/memberships", 1, "500_before", times=99))

    expected: type[SyncdoctorError] = ConfigurationError if trouble == "field gone" else AccessError
    with pytest.raises(expected):
        await staged(desk, interrupted(desk, "sync", happens))

    states = {row[0] for row in desk.workspace.rows("SELECT DISTINCT state FROM journal")}
    assert states <= {"verified", "planned"} and "verified" in states
    if trouble == "list unreadable":
        desk.portal.faults.clear()
        assert await desk.sync() > 20
        assert await desk.sync() == 0


async def test_an_undo_notices_it_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two batches of an undo a field changes: the rest stays as it is, and the command to repeat is named."""
    monkeypatch.setattr(applying, "UPDATES_AT_ONCE", 1)
    await settled(desk)
    for person in desk.linked()[:4]:
        desk.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern"})
    assert await desk.sync() == 4
    number = int(desk.workspace.value("SELECT max(run_id) FROM journal"))
    run = interrupted(desk, "undo", lambda: alter_city(desk.portal, "required"))

    with pytest.raises(PlanOutdated, match="1 of 4 were written") as caught:
        await undo(run, desk.connection, desk.sides(), GATES, number)

    assert f"undo practice {number}" in caught.value.remedy
    states = [
        row[0] for row in desk.workspace.rows("SELECT state FROM journal WHERE run_id = ? ORDER BY id", (run.id,))
    ]
    assert states == ["verified", "superseded", "superseded", "superseded"]
    assert desk.workspace.value("SELECT count(*) FROM decision WHERE ended_at IS NULL") == 1
