"""A preflight as a whole: lint of the connection, the examination's expected counts, the forecast, and whether it may start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from diagnostics.checkup import GATES, summary
from diagnostics.preflight.access import lint_access
from diagnostics.preflight.codes import CODES, found
from diagnostics.preflight.fields import PREVENTING, lint_fields
from diagnostics.preflight.finding import SEVERITIES, Finding, Severity
from diagnostics.preflight.forecast import ListEffect, Requests, forecast, list_effect, requests_needed
from diagnostics.preflight.inclusion import lint_list
from diagnostics.preflight.types import lint_types
from diagnostics.preflight.values import lint_values
from diagnostics.preflight.volume import lint_brakes, planned_volume
from engine.connection import Connection
from engine.connectors import Room, RoomSource
from engine.cycle import examine
from engine.errors import AccessError, BrakeTripped, ConfigurationError, ScopeMissing
from engine.gates import STATES, Situation, State
from engine.losses import USUAL, Demand
from engine.observe import Sides, read_schemas
from engine.runs import Run
from engine.scope import LIST
from engine.situation import recall
from engine.verdicts import planned_counts
from engine.workspace import Workspace

_ROOM = "room.hubspot"
"""The fact that keeps what HubSpot told of the contacts that fit, when a preflight asked last."""


@dataclass(frozen=True)
class Expected:
    """What the next sync is expected to do. `states` has all six and adds up to `population`; `causes` are contacts per
    deciding cause and state; `writes` as `engine.verdicts.planned_counts` gives them."""

    population: int
    states: Mapping[State, int]
    causes: Mapping[tuple[str, str], int]
    writes: Mapping[str, int]
    list_effect: ListEffect | None
    requests: Requests


@dataclass(frozen=True)
class Preflight:
    """The answer. `expected` is None if nothing could be examined; `examined_at` is when both sides were read last."""

    findings: tuple[Finding, ...]
    expected: Expected | None
    examined_at: str
    run: int | None

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(one for one in self.findings if one.severity == severity)

    @property
    def ready(self) -> bool:
        """Whether nothing stops the activation."""
        return not self.of("stops")


async def examined_preflight(run: Run, connection: Connection, sides: Sides, demand: Demand = USUAL) -> Preflight:
    """Reads both sides, examines every contact if the connection fits them, and judges. Writes to neither side.

    A connection that does not fit is no error here: what does not fit are the findings. Raises AccessError if a side cannot
    be read, ConfigurationError if the app has no such audience.
    """
    schemas = await read_schemas(sides)
    unavailable = {area: reason for schema in schemas.values() for area, reason in schema.unavailable.items()}
    declared = Situation(connection, schemas, None, run.now(), 0, unavailable)
    missing = await _list_missing(connection, sides, unavailable)
    await _note_room(run, sides)
    alone = [*missing, *_declared(declared)]
    if not missing and not any(one.code in PREVENTING for one in alone):
        try:
            summary(run, await examine(run, connection, sides, GATES, demand))
            run.progress("weighing what contacts hold", 0)
            return stored_preflight(run.workspace, connection)
        except BrakeTripped as error:
            alone.append(found("side-shrunk", error.where, error.what))
        except ConfigurationError as error:
            alone.append(found("not-examined", error.where, error.what, severity="stops", remedy=error.remedy))
    alone.append(found("not-examined", "", "contacts, writes and side effects were not counted"))
    alone += lint_brakes(connection, None, 0)
    return Preflight(_in_order(alone), None, "", None)


async def _list_missing(connection: Connection, sides: Sides, unavailable: dict[str, str]) -> list[Finding]:
    if not connection.scope.list:
        return []
    try:
        await sides.hubspot.inclusion_list(connection.scope.list)
    except ConfigurationError as error:
        return [found("list-missing", "scope.list", error.what, remedy=error.remedy)]
    except ScopeMissing as error:
        unavailable[LIST] = error.what
    return []


async def _note_room(run: Run, sides: Sides) -> None:
    """Keeps how many contacts fit; empty if HubSpot does not tell, or not to these credentials."""
    try:
        room = await sides.hubspot.room() if isinstance(sides.hubspot, RoomSource) else None
    except AccessError as error:
        run.event("warning", "limits-unread", f"how many contacts fit was not told: {error.what}")
        room = None
    run.workspace.remember(_ROOM, f"{room.usage}/{room.limit}" if room else "")


def _room(workspace: Workspace) -> Room | None:
    usage, known, limit = workspace.fact(_ROOM).partition("/")
    return Room(int(usage), int(limit)) if known else None


def stored_preflight(workspace: Workspace, connection: Connection) -> Preflight:
    """The same from what the last examination stored, without any request. Raises WorkspaceError if there was none."""
    situation = recall(workspace, connection)
    examined = workspace.rows("SELECT run_id, at FROM declared WHERE what = 'situation'")[0]
    expected = _expected(workspace, situation)
    found_here = [
        *_declared(situation),
        *lint_list(situation),
        *_disbelieved(workspace, examined["run_id"]),
        *lint_values(workspace, situation),
        *lint_brakes(connection, planned_volume(workspace), expected.population),
    ]
    if connection.mode == "managed":
        found_here += forecast(situation, expected.writes, expected.list_effect, expected.requests, _room(workspace))
    return Preflight(_in_order(found_here), expected, examined["at"], examined["run_id"])


def examined_since(workspace: Workspace, since: datetime) -> bool:
    """Whether every contact was examined at this moment or later, and no later check failed to read a side."""
    rows = workspace.rows("SELECT run_id, at FROM declared WHERE what = 'situation'")
    judged = workspace.value("SELECT max(run_id) FROM examination")
    return bool(rows) and judged == rows[0]["run_id"] and datetime.fromisoformat(rows[0]["at"]) >= since


def _declared(situation: Situation) -> Iterator[Finding]:
    yield from lint_fields(situation.connection, situation.schemas)
    yield from lint_types(situation.connection, situation.schemas)
    yield from lint_access(situation)


def _expected(workspace: Workspace, situation: Situation) -> Expected:
    rows = workspace.rows("SELECT state, cause, count(*) AS contacts FROM verdict GROUP BY state, cause")
    states: dict[State, int] = dict.fromkeys(STATES, 0)
    for row in rows:
        states[row["state"]] += row["contacts"]
    return Expected(
        population=sum(states.values()),
        states=states,
        causes={(row["cause"], row["state"]): row["contacts"] for row in rows if row["cause"]},
        writes=planned_counts(workspace),
        list_effect=list_effect(workspace, situation),
        requests=requests_needed(workspace, situation),
    )


def _disbelieved(workspace: Workspace, run: int) -> Iterator[Finding]:
    """Losses that a run which only looks logs, and before which a sync stops (`engine.losses`)."""
    for row in workspace.rows(
        "SELECT code, text FROM event WHERE run_id = ? AND code IN ('shrunk', 'empty-side') ORDER BY id", (run,)
    ):
        yield found("side-shrunk", "brakes.shrink", row["text"])


_PLACES = {one.code: number for number, one in enumerate(CODES)}


def _in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """By severity, then in the order of the catalogue, the most contacts first."""
    return tuple(
        sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), _PLACES[one.code], -(one.contacts or 0)))
    )
