"""What is done for each batch or record costs the same in a large workspace as in a small one, counted in SQLite's own steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import polars as pl
import pytest

from engine.base import keep_written
from engine.connection import FieldMapping, OptIn
from engine.gates import Population
from engine.memory import REFUSED, nothing_known
from engine.merge import MappedPair, mapped_pairs
from engine.quarantine import held
from engine.runs import Run
from engine.scope import read_subscriptions
from engine.situation import recall
from engine.undo import undo_plan
from engine.workspace import Workspace
from tests.diagnostics.causes.world import contacts, person, situation, write, writes
from tests.engine.test_cycle import World

EVERY = 100
"""SQLite's instructions between two counts."""


async def steps(workspace: Workspace, action: Callable[[], Awaitable[object]]) -> int:
    """How many counts an action takes."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    workspace.sql.set_progress_handler(count, EVERY)
    await action()
    workspace.sql.set_progress_handler(None, 0)
    return counted


def fill(workspace: Workspace, table: str, rows: int, **values: str) -> None:
    """Many more rows of a table: SQL expressions over `n`, counted from a million on."""
    columns, expressions = ", ".join(values), ", ".join(values.values())
    with workspace.transaction() as sql:
        sql.execute(
            f"WITH RECURSIVE c(n) AS (SELECT 1000001 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000 + {rows}) "
            f"INSERT INTO {table}({columns}) SELECT {expressions} FROM c"
        )


async def test_keeping_the_base_of_a_batch_does_not_go_through_the_whole_plan(small: World) -> None:
    """Twenty thousand other contacts are planned, and the run has written many of them."""
    mapping = FieldMapping(hubspot="city", app="CITY", merge="set")
    others = tuple(one for one in small.connection.mappings if one.hubspot != "city")
    small.connection = small.connection.model_copy(update={"mappings": (*others, mapping)})
    await small.sync()
    run, situation = Run(small.workspace, "sync"), recall(small.workspace, small.connection)
    contact = small.one("c.state = 'in_sync'")["id"]

    async def keep() -> int:
        return keep_written(run, situation, [(contact, "city")])

    before = await steps(small.workspace, keep)
    fill(small.workspace, "contact", 20_000, id="n", anchor="'x:' || n")
    for side, field in (("app", "CITY"), ("hubspot", "city")):
        fill(small.workspace, "planned_write", 20_000, contact_id="n", side=f"'{side}'", kind="'update'", field=f"'{field}'", before="''", value="'x'")  # fmt: skip
    fill(small.workspace, "journal", 500, run_id=str(run.id), contact_id="n", side="'app'", kind="'update'", state="'verified'", sent="'{}'", before="'{}'", planned_at="''")  # fmt: skip

    assert await steps(small.workspace, keep) < 2 * before + 50


class Subscribed:
    """Everybody's answer."""

    async def subscriptions(self, emails: Sequence[str], subscription: str) -> Mapping[str, str]:
        """All are subscribed."""
        return dict.fromkeys(emails, "SUBSCRIBED")


async def test_statuses_are_stored_without_a_scan_for_each_address(small: World) -> None:
    """Ten times as many contacts, about ten times the work. The same status again changes nothing."""
    await small.check()
    rule = OptIn.model_validate({"subscription": "Newsletter"})
    connection = small.connection.model_copy(update={"opt_in": rule})
    run = Run(small.workspace, "check")

    async def read() -> None:
        await read_subscriptions(run, connection, Subscribed(), {})  # type: ignore[arg-type]

    fill(small.workspace, "hubspot_contact", 400, _id="n", _email_key="'p' || n || '@firma.example'", email="'P' || n || '@firma.example'", _seen_run="1")  # fmt: skip
    before = await steps(small.workspace, read)
    with small.workspace.transaction() as sql:
        sql.execute("DELETE FROM hubspot_contact WHERE _email_key LIKE 'p1%@firma.example'")
    fill(small.workspace, "hubspot_contact", 4000, _id="n", _email_key="'p' || n || '@firma.example'", email="'P' || n || '@firma.example'", _seen_run="1")  # fmt: skip

    assert await steps(small.workspace, read) < 15 * before
    left = "SELECT count(*) FROM hubspot_contact WHERE email <> '' AND _subscription IS NOT 'SUBSCRIBED'"
    assert small.workspace.value(left) == 0

    with small.workspace.transaction() as sql:
        sql.execute("DELETE FROM touched_record")
    numbered = "SELECT count(*) FROM hubspot_contact WHERE _content IS NOT NULL"
    known = small.workspace.value(numbered)
    await read()
    assert small.workspace.value("SELECT count(*) FROM touched_record") == 0
    assert small.workspace.value(numbered) == known > 0


@pytest.mark.parametrize("rows", [20_000])
async def test_planning_an_undo_does_not_go_through_the_journal_for_each_record(small: World, rows: int) -> None:
    """Other runs wrote twenty thousand rows."""
    await small.sync()
    number = int(small.workspace.value("SELECT run_id FROM journal WHERE kind = 'update' LIMIT 1"))
    situation = recall(small.workspace, small.connection)

    async def plan() -> object:
        return undo_plan(small.workspace, situation, number)

    before = await steps(small.workspace, plan)
    other = Run(small.workspace, "sync").id
    fill(small.workspace, "journal", rows, run_id=str(other), contact_id="n", side="'app'", kind="'update'", state="'verified'", sent="'{}'", before="'{}'", planned_at="''")  # fmt: skip

    assert await steps(small.workspace, plan) < 2 * before + 50


def test_what_is_declared_is_worked_out_once_for_all_that_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand contacts of which one field was refused: the mappings are put together once, not a thousand times."""
    asked = 0

    def counted(*given: object) -> tuple[MappedPair, ...]:
        nonlocal asked
        asked += 1
        return mapped_pairs(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("engine.quarantine.mapped_pairs", counted)
    known = dict.fromkeys(("sent", "code", "message", "correlation_id", "wake_at", "at"), "") | {"circumstances": "x"}
    rows = [{"contact": n, "side": "hubspot", "field": "city", "lasting": 1, **known} for n in range(1000)]
    memory = replace(nothing_known(), refused=pl.DataFrame(rows, schema=REFUSED))
    wanted = writes(*(write(n, "hubspot", "city", "Ulm") for n in range(1000)))

    held(Population(contacts(*(person(n, {}, {}) for n in range(1000))), wanted, memory), situation())

    assert asked == 1
