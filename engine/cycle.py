"""A run's steps in order: observe, plan, store the answer, and for a sync brake, apply, look again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from engine.apply import Applied, apply
from engine.base import agree, mapping_names
from engine.brakes import brake, refuse_observed
from engine.confirm import after_writing, before_writing
from engine.connection import Connection
from engine.errors import ConfigurationError
from engine.gates import STATES, Gate, Situation, State
from engine.journal import planned_operations, settle_after_crash
from engine.losses import USUAL, Demand
from engine.memory import memory_of_slice
from engine.mirror import bounds, slice_of
from engine.observe import Sides, observe
from engine.plan import Plan, plan
from engine.runs import Run, iso
from engine.workspace import Workspace


@dataclass(frozen=True)
class Examination:
    """What a run found: contacts per state (all six, they add up to `population`) and per deciding cause."""

    situation: Situation
    population: int
    states: Mapping[State, int]
    causes: Mapping[tuple[str, str], int]
    writes: Mapping[str, int]


async def examine(
    run: Run, connection: Connection, sides: Sides, gates: Sequence[Gate], demand: Demand = USUAL
) -> Examination:
    """Reads both sides, plans every contact, and stores verdicts, findings and planned writes. Writes to neither side."""
    situation = await observe(run, connection, sides, demand)
    return plan_all(run, situation, gates)


def plan_all(run: Run, situation: Situation, gates: Sequence[Gate]) -> Examination:
    """Plans the whole mirror in slices and stores the answer."""
    population = int(run.workspace.value("SELECT count(*) FROM contact"))
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM planned_write")
        sql.execute("DELETE FROM conflict")
        # A sync plans twice in one run; what only the first plan found is over.
        sql.execute("DELETE FROM finding WHERE first_run = ?", (run.id,))
        sql.execute("UPDATE finding SET last_run = ? WHERE last_run = ?", (run.id - 1, run.id))
    done = 0
    for after, up_to in bounds(run.workspace):
        contacts = slice_of(run.workspace, after, up_to)
        answer = plan(contacts, memory_of_slice(run.workspace, after, up_to), situation, gates)
        _store(run, answer)
        done += contacts.height
        run.progress("examining", done, population)
    return _summary(run, situation, population)


def _store(run: Run, answer: Plan) -> None:
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO verdict(contact_id, state, cause, since_run, run_id) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT(contact_id) DO UPDATE SET since_run = CASE WHEN state = excluded.state AND cause = excluded.cause "
            "THEN since_run ELSE excluded.since_run END, state = excluded.state, cause = excluded.cause, run_id = excluded.run_id",
            ((*row, run.id, run.id) for row in answer.verdicts.iter_rows()),
        )
        findings = answer.findings.unique(["contact", "code", "field"], keep="first", maintain_order=True)
        sql.executemany(
            "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(contact_id, code, field) DO UPDATE SET state = excluded.state, "
            "blocking = excluded.blocking, value = excluded.value, rule = excluded.rule, last_run = excluded.last_run",
            (
                (*row, run.id, run.id)
                for row in findings.select("contact", "code", "field", "state", "blocking", "value", "rule").iter_rows()
            ),
        )
        sql.executemany(
            "INSERT OR REPLACE INTO planned_write(contact_id, side, kind, field, before, value) VALUES (?, ?, ?, ?, ?, ?)",
            answer.writes.select(
                "contact",
                "side",
                "kind",
                "field",
                pl.col("before").fill_null(""),
                pl.col("value").fill_null(""),
            ).iter_rows(),
        )
        sql.executemany(
            "INSERT OR REPLACE INTO conflict(contact_id, field, hubspot_value, app_value, hubspot_changed_at, "
            "app_changed_at, run_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((*row, run.id) for row in answer.conflicts.iter_rows()),
        )


def _summary(run: Run, situation: Situation, population: int) -> Examination:
    rows = run.workspace.rows("SELECT state, cause, count(*) AS contacts FROM verdict GROUP BY state, cause")
    states: dict[State, int] = dict.fromkeys(STATES, 0)
    causes: dict[tuple[str, str], int] = {}
    for row in rows:
        states[row["state"]] += row["contacts"]
        if row["cause"]:
            causes[row["cause"], row["state"]] = row["contacts"]
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM run_state WHERE run_id = ?", (run.id,))
        sql.executemany(
            "INSERT INTO run_state(run_id, state, cause, contacts) VALUES (?, ?, ?, ?)",
            [(run.id, row["state"], row["cause"], row["contacts"]) for row in rows],
        )
    return Examination(situation, population, states, causes, planned_counts(run.workspace))


def planned_counts(workspace: Workspace) -> dict[str, int]:
    """What the stored plan would write: `creates` and `updates` (contacts), per side too, and `clears` (fields)."""
    counts = {
        f"{kind}s_{side}": int(
            workspace.value(
                "SELECT count(DISTINCT contact_id) FROM planned_write WHERE kind = ? AND side = ?",
                (kind, side),
            )
        )
        for kind in ("create", "update")
        for side in ("hubspot", "app")
    }
    counts["creates"] = counts["creates_hubspot"] + counts["creates_app"]
    counts["updates"] = counts["updates_hubspot"] + counts["updates_app"]
    counts["clears"] = int(workspace.value("SELECT count(*) FROM planned_write WHERE value = '' AND before <> ''"))
    counts["writes"] = counts["creates"] + counts["updates"]
    return counts


def plan_digest(workspace: Workspace) -> str:
    """A digest of the stored plan; two plans with the same digest write the same."""
    digest = hashlib.sha256()
    for row in workspace.rows(
        "SELECT c.hubspot_id, c.app_id, p.side, p.kind, p.field, p.before, p.value FROM planned_write p "
        "JOIN contact c ON c.id = p.contact_id ORDER BY c.anchor, p.side, p.field"
    ):
        digest.update(json.dumps(tuple(row), ensure_ascii=False).encode())
    return digest.hexdigest()


async def sync(
    run: Run,
    connection: Connection,
    sides: Sides,
    gates: Sequence[Gate],
    *,
    expected_digest: str = "",
    demand: Demand = USUAL,
) -> tuple[Applied, Examination]:
    """Examines, writes what the plan holds, and examines the result.

    With `expected_digest` (of a saved plan) anything else than exactly that plan is refused. Raises BrakeTripped and
    ConfigurationError before the first write; AccessError or Stopped may come later: what was settled is kept.
    """
    refuse_observed(connection)
    demand = replace(demand, writing=True)
    situation = await observe(run, connection, sides, demand)
    settle_after_crash(run, mapping_names(situation))
    planned = plan_all(run, situation, gates)
    if planned.writes["writes"]:
        confirmed = await before_writing(run, situation, sides, demand)
        if confirmed is not situation:
            situation, planned = confirmed, plan_all(run, confirmed, gates)
    if expected_digest and plan_digest(run.workspace) != expected_digest:
        raise ConfigurationError(
            "the saved plan is out of date: the contacts have changed since; nothing was written",
            where=f"connection {connection.name}",
            remedy=f"Make a new plan: syncdoctor plan {connection.name} --save FILE",
        )
    brake(connection, planned.writes)
    link_pairs(run)
    if not run.workspace.fact("activated_at"):
        run.workspace.remember("activated_at", iso(run.now()))
    applied = await apply(run, situation, sides, planned_operations(run))
    if applied.writes or applied.refused:
        situation = await after_writing(run, situation, sides, refused=applied.refused > 0)
    result = plan_all(run, situation, gates)
    link_pairs(run)
    for after, up_to in bounds(run.workspace):
        agree(run, situation, after, up_to)
    return applied, result


def link_pairs(run: Run) -> int:
    """Makes a link of every matched pair, whatever its verdict: a person who opted out and is then deleted on one side
    must not look like somebody new. Returns how many were made."""
    with run.workspace.transaction() as sql:
        return sql.execute(
            "UPDATE contact SET linked_at = ?, linked_by = 'email' WHERE linked_at IS NULL AND hubspot_id IS NOT NULL "
            "AND app_id IS NOT NULL",
            (iso(run.now()),),
        ).rowcount
