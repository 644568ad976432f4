"""What is wrong for a whole cycle and not with one request: late searches, clocks, servers that keep other values, the disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.errors import WorkspaceError
from engine.sqlite import sqlite3
from sample_data.portal import Fault
from sample_data.portal.audit import Server
from sample_data.portal.keeping import KEPT_CHARACTERS
from tests.faults.matrix import Undisturbed, broken_promises, disturbed_run, quiet_runs
from tests.faults.stage import World, copied

Cycle = tuple[Path, Undisturbed]


async def _held(world: World, usual: Undisturbed) -> None:
    broken = await quiet_runs(world, lambda: not broken_promises(world, usual))
    assert broken + broken_promises(world, usual) == []


@pytest.mark.parametrize("seconds", [90, 7200])
async def test_a_late_search_loses_nothing(cycle: Cycle, tmp_path: Path, seconds: float) -> None:
    """The search does not yet know the edits when the cycle begins, nor its own writes when it ends."""
    master, usual = cycle
    world = World.opened(copied(master, tmp_path / "w"), search_lag_seconds=seconds)
    assert await disturbed_run(world) == []
    await _held(world, usual)


@pytest.mark.parametrize("server", ["hubspot", "mailchimp"])
@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_clock_that_is_wrong_loses_nothing(
    cycle: Cycle, tmp_path: Path, server: Server, seconds: float
) -> None:
    """One server dates its changes an hour too early or too late."""
    master, usual = cycle
    world = World.opened(copied(master, tmp_path / "w"))
    world.portal.clock_skew[server] = seconds
    assert await disturbed_run(world) == []
    await _held(world, usual)


@pytest.mark.parametrize(
    ("server", "field", "how"), [("hubspot", "lastname", "truncated"), ("mailchimp", "CITY", "normalised")]
)
async def test_a_server_that_keeps_other_values_starts_no_ping_pong(
    cycle: Cycle, tmp_path: Path, server: Server, field: str, how: str
) -> None:
    """What it kept is not written back over what a person typed on the other side, and the next run has nothing to do."""
    master, usual = cycle
    world = World.opened(copied(master, tmp_path / "w"))
    world.portal.keeps(server, field, how)  # type: ignore[arg-type]
    assert await disturbed_run(world) == []
    assert await quiet_runs(world) == []
    now = world.snapshot()
    other: Server = "mailchimp" if server == "hubspot" else "hubspot"
    assert now[other] == usual.after[other]
    kept = 0
    for (address, values), (usual_address, usual_values) in zip(now[server], usual.after[server], strict=True):
        written = usual_values.get(field, "")
        changed = written[:KEPT_CHARACTERS] if how == "truncated" else written.strip().upper()
        if values.get(field, "") != written:
            assert values[field] == changed
            kept += 1
        assert (address, {**values, field: ""}) == (usual_address, {**usual_values, field: ""})
    assert kept > 0


@pytest.fixture(scope="session")
def needed_pages(cycle: Cycle, tmp_path_factory: pytest.TempPathFactory) -> int:
    """By how many pages the workspace grows in the cycle."""
    return asyncio.run(_pages_of_a_cycle(cycle[0], tmp_path_factory.mktemp("measured") / "w"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
async def test_a_full_disk_stops_the_run_and_nothing_else(
    cycle: Cycle, needed_pages: int, tmp_path: Path, share: float
) -> None:
    """The workspace may grow by a share of what the cycle needs; when there is room again, the next runs finish it."""
    master, usual = cycle
    world = World.opened(copied(master, tmp_path / "w"))
    world.workspace.sql.execute("VACUUM")
    pages = int(world.workspace.value("PRAGMA page_count"))
    world.workspace.rows(f"PRAGMA max_page_count = {pages + int(needed_pages * share)}")
    with pytest.raises(WorkspaceError, match="disk is full"):
        await world.sync()
    world.workspace.rows("PRAGMA max_page_count = 1000000")
    await _held(world, usual)


async def _pages_of_a_cycle(master: Path, folder: Path) -> int:
    world = World.opened(copied(master, folder))
    world.workspace.sql.execute("VACUUM")
    before = int(world.workspace.value("PRAGMA page_count"))
    await world.sync()
    after = int(world.workspace.value("PRAGMA page_count"))
    world.close()
    assert after > before
    return after - before


@pytest.mark.parametrize("share", [0.1, 0.45, 0.55, 0.65, 0.75])
async def test_a_locked_workspace_stops_the_run_and_nothing_else(cycle: Cycle, tmp_path: Path, share: float) -> None:
    """Another program takes the workspace's write lock at some request and gives it back when the run has ended."""
    master, usual = cycle
    folder = copied(master, tmp_path / "w")
    intruder = sqlite3.connect(folder / "workspace.sqlite", isolation_level=None)

    def intrude() -> None:
        intruder.execute("BEGIN IMMEDIATE")

    world = World.opened(folder, on_slow=intrude)
    world.workspace.sql.execute("PRAGMA busy_timeout = 1")
    world.portal.faults.add(Fault("*", "*", "", int(len(usual.requests) * share), "slow"))
    with pytest.raises(WorkspaceError, match="locked"):
        await world.sync()
    intruder.execute("ROLLBACK")
    intruder.close()
    await _held(world, usual)
