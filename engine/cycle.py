"""A run's steps in order: observe, settle, plan, store, brake, apply in stages, look again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import replace

import polars as pl

from engine.apply import Applied, apply
from engine.base import agree
from engine.brakes import brake, refuse_observed, volume
from engine.confirm import after_writing, before_writing
from engine.conflicts import gather_evidence
from engine.connection import Connection
from engine.decisions import end_decisions
from engine.due import due_contacts, planning_begins
from engine.fields import compared
from engine.gates import Gate, Situation
from engine.journal import planned_operations
from engine.lookup import settle_doubt
from engine.loops import suspend_flipping
from engine.losses import USUAL, Demand
from engine.memory import Memory
from engine.observe import Sides, observe
from engine.plan import Plan, joined, plan
from engine.release import begin_release, halt, in_stages, release
from engine.runs import Run, iso, release_is_first
from engine.saved_plan import SavedPlan, confirmed, use
from engine.situation import as_gates_see
from engine.slices import bounds, parts, slices
from engine.standing import Standing
from engine.undo import UndoPlan, undo_plan
from engine.verdicts import Examination, forget_answers, store_answer, summarise

Lasting = Callable[[Situation], str | None]
"""What besides the situation the gates' answers go by, as a text: the program. None if in this situation they change with the time."""


async def examine(
    run: Run,
    connection: Connection,
    sides: Sides,
    gates: Sequence[Gate],
    demand: Demand = USUAL,
    lasting: Lasting = lambda _: None,
) -> Examination:
    """Reads both sides, plans every contact that may have changed since the last examination, and stores verdicts, findings and
    planned writes. Writes to neither side.

    All contacts are planned where the answers are not `lasting`, with the demand for a full reading, and in observed mode.
    """
    situation = await observe(run, connection, sides, demand)
    program = None if connection.mode == "observed" else lasting(situation)
    if program is None:
        return await plan_with_evidence(run, situation, sides, gates)
    examined = plan_due(run, situation, gates, program, everybody=demand.full)
    return plan_due(run, situation, gates, program) if await gather_evidence(run, situation, sides) else examined


async def plan_with_evidence(run: Run, situation: Situation, sides: Sides, gates: Sequence[Gate]) -> Examination:
    """Plans the whole mirror, and once more if HubSpot's history says something that the policy goes by."""
    planned = plan_all(run, situation, gates)
    return plan_all(run, situation, gates) if await gather_evidence(run, situation, sides) else planned


def plan_all(run: Run, situation: Situation, gates: Sequence[Gate]) -> Examination:
    """Plans the whole mirror in slices and stores the answer."""
    end_decisions(run, situation)
    suspend_flipping(run, situation)
    return _plan(run, situation, gates, _population(run), None)


def plan_due(
    run: Run, situation: Situation, gates: Sequence[Gate], program: str, *, everybody: bool = False
) -> Examination:
    """As `plan_all`, but plans only the contacts that are due, if that can be told: the others' answers stand.

    `program` as `Lasting` gives it. `everybody`: all are due.
    """
    end_decisions(run, situation)
    suspend_flipping(run, situation)
    population = _population(run)
    due = None if everybody else due_contacts(run, situation, program, population)
    return _plan(run, situation, gates, population, due, program)


def _population(run: Run) -> int:
    return int(run.workspace.value("SELECT count(*) FROM contact"))


def _plan(
    run: Run,
    situation: Situation,
    gates: Sequence[Gate],
    population: int,
    due: Sequence[int] | None,
    program: str | None = None,
) -> Examination:
    seen, workspace = as_gates_see(situation), run.workspace
    done, total = 0, population if due is None else len(due)

    def answer(contacts: pl.DataFrame, memory: Memory) -> Plan:
        return plan(contacts, memory, seen, gates)

    with workspace.unflushed():
        forget_answers(run, only_due=due is not None)
        every = slices(workspace, answer, compared(situation)) if due is None else parts(workspace, answer, due)
        with closing(every):
            for planned in every:
                contacts, plans = zip(*planned, strict=True)
                store_answer(run, contacts, joined(plans))
                done += sum(frame.height for frame in contacts)
                run.progress("examining", done, total)
        return summarise(run, situation, population, program)


async def sync(
    run: Run,
    connection: Connection,
    sides: Sides,
    gates: Sequence[Gate],
    *,
    saved: SavedPlan | None = None,
    staged: bool | None = False,
    accepted: Collection[str] = (),
    demand: Demand = USUAL,
) -> tuple[Applied, Examination]:
    """Examines, writes what the plan holds, and examines the result.

    `saved`: exactly this plan is written, or nothing. `staged`: in stages; None leaves it to `runs.release_is_first`.
    `accepted`: brakes that do not count this once. `demand`: how to observe. Raises BrakeTripped and ConfigurationError
    before the first write, ReleaseHalted after a stage that came out otherwise than planned, PlanOutdated if a schema
    changed while it wrote; AccessError or Stopped may come at any time: what was settled is kept.
    """
    refuse_observed(connection)
    _nothing_stands(run)
    demand = replace(demand, writing=True)
    situation = await observe(run, connection, sides, demand)
    await settle_doubt(run, situation, sides)
    planned = await plan_with_evidence(run, situation, sides, gates)
    if planned.writes["writes"]:
        current = await before_writing(run, situation, sides, demand)
        if current is not situation:
            situation = current
            planned = plan_all(run, situation, gates)
    operations = planned_operations(run)
    if saved is not None:
        operations = confirmed(run, situation, saved, operations)
    brake(connection, volume(operations, run.workspace), accepted)

    run.intended = len(operations)
    if saved is not None:
        use(run, saved)
    linked = link_pairs(run)
    if staged is None:
        staged = release_is_first(run.workspace, len({op.contact for op in operations}))
    stages = in_stages(operations) if staged else [operations]
    begin_release(run, stages)
    standing = Standing(run, situation, sides)
    released = await release(run, standing, sides, stages)
    result = planned
    if operations or linked:
        result = await _look_again(run, standing.situation, sides, gates, released.applied)
    agree_all(run, result.situation)
    standing.refuse_if_outdated(released.applied.writes, len(operations), f"sync {connection.name}")
    halt(run, situation, released, len(operations))
    return released.applied, result


async def undo(
    run: Run,
    connection: Connection,
    sides: Sides,
    gates: Sequence[Gate],
    number: int,
    *,
    expected: str = "",
    accepted: Collection[str] = (),
) -> tuple[Applied, UndoPlan, Examination]:
    """Takes back the updates of an earlier run and examines the result.

    `expected`: digest of the undo that a person confirmed; any other is refused. Raises as `sync` does, and
    ConfigurationError for a run that wrote nothing.
    """
    refuse_observed(connection)
    _nothing_stands(run)
    demand = Demand(writing=True)
    situation = await observe(run, connection, sides, demand)
    await settle_doubt(run, situation, sides)
    situation = await before_writing(run, situation, sides, demand)
    plan_all(run, situation, gates)
    undoing = undo_plan(run.workspace, situation, number)
    undoing.refuse_unless(expected, connection.name)
    brake(connection, volume(undoing.operations, run.workspace), accepted, undoing=number)

    run.intended = len(undoing.operations)
    standing = Standing(run, situation, sides)
    applied = await apply(run, situation, sides, undoing.operations, standing)
    result = await _look_again(run, standing.situation, sides, gates, applied)
    agree_all(run, result.situation)
    standing.refuse_if_outdated(applied.writes, len(undoing.operations), f"undo {connection.name} {number}")
    return applied, undoing, result


def _nothing_stands(run: Run) -> None:
    with run.workspace.transaction() as sql:
        planning_begins(sql)


async def _look_again(
    run: Run, situation: Situation, sides: Sides, gates: Sequence[Gate], applied: Applied
) -> Examination:
    """Reads what follows the values (the list), and plans everything once more."""
    if applied.writes or applied.refused or applied.not_applied or applied.changed_meanwhile:
        situation = await after_writing(run, situation, sides, refused=applied.refused > 0)
    result = plan_all(run, situation, gates)
    await gather_evidence(run, situation, sides)
    link_pairs(run)
    return result


def agree_all(run: Run, situation: Situation) -> None:
    """Makes what both sides agree on the base of the next run."""
    for after, up_to in bounds(run.workspace):
        run.safe_point()
        agree(run, situation, after, up_to)


def link_pairs(run: Run) -> int:
    """Makes a link of every matched pair, whatever its verdict: a person who opted out and is then deleted on one side
    must not look like somebody new. Returns how many were made."""
    with run.workspace.transaction() as sql:
        return sql.execute(
            "UPDATE contact SET linked_at = ?, linked_by = matched_by WHERE linked_at IS NULL AND hubspot_id IS NOT NULL "
            "AND app_id IS NOT NULL",
            (iso(run.now()),),
        ).rowcount
