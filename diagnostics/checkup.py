"""The examination of a connection: every contact's verdict, counted by state and cause; and the sync that follows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from diagnostics.causes import CAUSES, SideFinding, cause, side_findings
from diagnostics.causes.idle_clauses import idle_clauses
from diagnostics.causes.list_clauses import hold_still
from diagnostics.observed.look import Observed, look
from diagnostics.past.since import CauseTimes, cause_times
from diagnostics.program import program
from diagnostics.unknown_refusals import UnknownRefusal, unknown_refusals
from engine.apply import Applied
from engine.connection import Connection
from engine.cycle import examine, sync, undo
from engine.due import planning_begins
from engine.errors import AccessError
from engine.gates import STATES, Situation, State
from engine.losses import USUAL, Demand
from engine.observe import Sides
from engine.past import keep_and_reopen, record_unread
from engine.runs import Run
from engine.saved_plan import SavedPlan
from engine.undo import UndoPlan
from engine.verdicts import Examination
from engine.waivers import Waiver, waived, waivers, whole_causes


@dataclass(frozen=True)
class CauseCount:
    """How many contacts a cause decides (`blocking`) or is merely reported for."""

    code: str
    state: str
    contacts: int
    title: str
    remedy: str
    fixed_by: str
    nature: str
    blocking: bool = True
    waived: int = 0
    """So many of them are accepted by a waiver."""


@dataclass(frozen=True)
class Checkup:
    """The result of a check. `states` has all six and adds up to `population`; `refusal` is set if a side could not be read;
    `unknown_refusals` are the groups behind the cause `refused-unknown`, `observed` what a check adds where another engine writes."""

    run: int
    population: int
    states: Mapping[State, int]
    causes: tuple[CauseCount, ...]
    reported: tuple[CauseCount, ...]
    connection_findings: tuple[SideFinding, ...]
    writes: Mapping[str, int]
    refusal: AccessError | None = None
    unknown_refusals: tuple[UnknownRefusal, ...] = ()
    observed: Observed | None = None
    waived: Mapping[State, int] = field(default_factory=dict)
    """Contacts per state of which every blocking finding is accepted by a waiver; they stay in `states`."""
    waived_causes: frozenset[str] = frozenset()
    """Causes that are accepted for everybody, also where they concern the connection as a whole."""
    expired_waivers: tuple[Waiver, ...] = ()
    times: Mapping[str, CauseTimes] = field(default_factory=dict)
    """Since when there are contacts with a cause, also with one that nobody has any more; by its code."""

    @property
    def to_act_on(self) -> bool:
        """Whether anything needs a human or a sync: exit code 1. What is waived does not, what was waived until now does."""
        acting: tuple[State, ...] = ("failing", "conflict", "pending", "unknown")
        return any(self.states[state] > self.waived.get(state, 0) for state in acting) or any(
            item.blocking and item.code not in self.waived_causes for item in self.connection_findings
        )


GATES = tuple(entry.gate for entry in CAUSES if entry.gate is not None)


def lasting(situation: Situation) -> str | None:
    """As `engine.cycle.Lasting`: what the answers of these gates go by besides the situation; None if criteria move with the time."""
    return program() if hold_still(situation) else None


async def check(run: Run, connection: Connection, sides: Sides, demand: Demand = USUAL) -> Checkup:
    """Examines both sides. A side that cannot be read makes every known contact `unknown` with the reason; the
    result then carries the error."""
    try:
        examination = await examine(run, connection, sides, GATES, demand, lasting=lasting)
    except AccessError as error:
        return _unreadable(run, connection, error)
    result = summary(run, examination)
    return replace(result, observed=look(run, examination.situation)) if connection.mode == "observed" else result


async def synchronise(
    run: Run,
    connection: Connection,
    sides: Sides,
    *,
    saved: SavedPlan | None = None,
    staged: bool | None = None,
    accepted: Collection[str] = (),
    demand: Demand = USUAL,
) -> tuple[Mapping[str, int], Checkup]:
    """Syncs and examines the result; the options are those of `engine.cycle.sync`. Returns the counts of writes (`writes` is
    their sum) and the checkup after it."""
    applied, examination = await sync(
        run, connection, sides, GATES, saved=saved, staged=staged, accepted=accepted, demand=demand
    )
    return counted(applied), summary(run, examination)


async def take_back(
    run: Run, connection: Connection, sides: Sides, number: int, *, expected: str = "", accepted: Collection[str] = ()
) -> tuple[Mapping[str, int], UndoPlan, Checkup]:
    """Undoes run `number` and examines the result; as `engine.cycle.undo`."""
    applied, undoing, examination = await undo(
        run, connection, sides, GATES, number, expected=expected, accepted=accepted
    )
    return counted(applied), undoing, summary(run, examination)


def counted(applied: Applied) -> Mapping[str, int]:
    """What became of the writes; `writes` are the records created or changed."""
    return {
        "writes": applied.writes,
        "created": applied.created,
        "updated": applied.updated,
        "refused": applied.refused,
        "in_doubt": applied.in_doubt,
        "not_applied": applied.not_applied,
        "changed_meanwhile": applied.changed_meanwhile,
    }


def summary(run: Run, examination: Examination) -> Checkup:
    """An examination in the words of the causes; stores what concerns the connection as a whole."""
    situation, connection = examination.situation, examination.situation.connection
    idle = idle_clauses(run.workspace, situation)
    whole = (*side_findings(situation, examination.population), *([idle] if idle else []))
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM side_finding WHERE run_id = ?", (run.id,))
        sql.executemany(
            "INSERT INTO side_finding(run_id, code, state, blocking, contacts, value, rule) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(run.id, f.code, f.state, f.blocking, f.contacts, f.value, f.rule) for f in whole],
        )
    reported = run.workspace.rows(
        "SELECT f.code, f.state, count(DISTINCT f.contact_id) AS contacts FROM finding f JOIN verdict v "
        "ON v.contact_id = f.contact_id AND v.run_id = f.last_run WHERE f.blocking = 0 GROUP BY +f.code, f.state"
    )
    accepted, accepted_causes = waived(run.workspace, run.now()), whole_causes(run.workspace, run.now())
    by_state: Counter[State] = Counter()
    for (state, _), contacts in accepted.items():
        by_state[state] += contacts
    return Checkup(
        run=run.id,
        population=examination.population,
        states=examination.states,
        causes=tuple(
            replace(row, waived=accepted.get((cast(State, row.state), row.code), 0))
            for row in _counted(connection, examination.causes)
        ),
        reported=tuple(
            replace(row, waived=row.contacts if row.code in accepted_causes else 0)
            for row in _counted(
                connection, {(row["code"], row["state"]): row["contacts"] for row in reported}, blocking=False
            )
        ),
        connection_findings=whole,
        writes=examination.writes,
        unknown_refusals=unknown_refusals(run.workspace),
        waived=by_state,
        waived_causes=accepted_causes,
        expired_waivers=tuple(one for one in waivers(run.workspace) if one.standing(run.now()) == "expired"),
        times=cause_times(run.workspace),
    )


def _counted(
    connection: Connection, counts: Mapping[tuple[str, str], int], *, blocking: bool = True
) -> tuple[CauseCount, ...]:
    rows = []
    for (code, state), contacts in counts.items():
        known = cause(code)
        remedy = known.to_do(connection)
        rows.append(CauseCount(code, state, contacts, known.title, remedy, known.fixed_by, known.nature, blocking))
    return tuple(sorted(rows, key=lambda row: (-row.contacts, row.code)))


def _unreadable(run: Run, connection: Connection, error: AccessError) -> Checkup:
    with run.workspace.transaction() as sql:
        keep_and_reopen(sql, "(v.state, v.cause) IS NOT ('unknown', ?)", (error.code,))
        sql.execute(
            "INSERT INTO verdict(contact_id, state, cause, since_run, run_id) SELECT id, 'unknown', ?, ?, ? FROM contact "
            "WHERE true ON CONFLICT(contact_id) DO UPDATE SET since_run = CASE WHEN state = excluded.state AND "
            "cause = excluded.cause THEN since_run ELSE excluded.since_run END, state = excluded.state, "
            "cause = excluded.cause, run_id = excluded.run_id",
            (error.code, run.id, run.id),
        )
        planning_begins(sql)
        known = sql.execute("SELECT count(*) FROM verdict").fetchone()[0]
        sql.execute(
            "INSERT OR REPLACE INTO run_state(run_id, state, cause, contacts) VALUES (?, 'unknown', ?, ?)",
            (run.id, error.code, known),
        )
        record_unread(run, error.code, known)
        sql.execute(
            "INSERT OR REPLACE INTO side_finding(run_id, code, state, blocking, contacts, value, rule) "
            "VALUES (?, ?, 'unknown', 1, ?, ?, ?)",
            (run.id, error.code, known, error.where, error.what),
        )
    states: dict[State, int] = dict.fromkeys(STATES, 0)
    states["unknown"] = known
    return Checkup(
        run=run.id,
        population=known,
        states=states,
        causes=_counted(connection, {(error.code, "unknown"): known}),
        reported=(),
        connection_findings=(SideFinding(error.code, "unknown", True, known, error.where, error.what),),
        writes={},
        refusal=error,
    )
