"""All that these tests know of the engine's inside: how to run it, what it says, where its limits and seams are."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from diagnostics import explain as explaining
from diagnostics.causes import CAUSES
from diagnostics.checkup import lasting
from diagnostics.report.building import build_report
from diagnostics.report.writing import render_json, render_markdown
from engine.apply import apply
from engine.auth.secret import Secret
from engine.connection import Connection
from engine.connectors.open import open_connectors
from engine.cycle import examine, link_pairs, sync, undo
from engine.decisions import Conflict, conflicts, decide
from engine.errors import AccessError, BrakeTripped, ReleaseHalted, SyncdoctorError
from engine.gates import STATES, Gate
from engine.journal import planned_operations
from engine.observe import Sides
from engine.runs import Run, close_abandoned_runs
from engine.saved_plan import SavedPlan, make_plan
from engine.sqlite import sqlite3
from engine.suppression import key_file
from engine.workspace import Workspace
from sample_data.population.person import TAGS
from tests.invariants.population import connection_of
from tests.invariants.rechecking import kept_answers, whole_says_otherwise
from tests.invariants.seams import Limits
from tests.invariants.truth import FIELDS, ONE_WAY, STAGE_OF, Side
from tests.invariants.wire import Desk, Item, Killed, Wire

LEFT_OUT = {
    "field-type", "field-option", "field-format", "field-length", "field-range", "required-field", "role-address",
    "test-address", "disposable-domain", "bounced", "list-stale", "rules-unreadable", "plan-tier", "list-processing",
    "list-empty", "list-criteria",
}  # fmt: skip
"""What most worlds do without: consent, identity, scope and quarantine stay. Without the field rules the services refuse
more, which is what quarantine has to be tried with, and a plan takes half the time (110 ms with all gates, 50 ms)."""
ALL_GATES: tuple[Gate, ...] = tuple(entry.gate for entry in CAUSES if entry.gate is not None)
FEW_GATES: tuple[Gate, ...] = tuple(gate for gate in ALL_GATES if gate.code not in LEFT_OUT)
CONSENT_GATES = ("opt-in", "member-status")
VERDICT_STATES: tuple[str, ...] = STATES
NO_SHARES = {"field_share": 100, "shrink": 100}
"""A quarter of six people is nobody's alarm."""
WIDE = {"creates": 10_000, "updates": 10_000, "clears": 10_000, **NO_SHARES}
TIGHT = {"creates": 1, "updates": 1, "clears": 0, **NO_SHARES}
BRANCHES = {
    "adopted": "SELECT count(*) FROM contact WHERE linked_by = 'email'",
    "created": "SELECT count(*) FROM contact WHERE linked_by = 'created'",
    "conflict": "SELECT count(*) FROM conflict",
    "quarantined": "SELECT count(*) FROM quarantine",
    "refused": "SELECT count(*) FROM journal WHERE state IN ('refused', 'permanent', 'quarantined', 'retryable')",
    "not applied": "SELECT count(*) FROM journal WHERE state = 'superseded'",
    "settled after a crash": "SELECT count(*) FROM event WHERE code = 'settled'",
}
"""The engine's interesting branches, and where its own record shows that they were taken."""
End = Literal["done", "failed", "braked", "killed", "halted", "refused", "broken"]


@dataclass(frozen=True)
class Ran:
    """How a run ended: `refused` because the world no longer is what a person looked at, `halted` after a stage, `broken`
    by an exception that no user should ever see. `id` is the run's number in the workspace."""

    number: int
    command: str
    end: End
    said: str = ""
    wrote: int = 0
    id: int = 0


@dataclass(frozen=True)
class Verdict:
    """A contact as the engine sees it; `reasons` counts its blocking findings."""

    contact: int
    hubspot_id: str | None
    app_id: str | None
    state: str
    cause: str
    reasons: int


def small_connection(seed: int, direction: str, conflicts: str, *, in_list: bool, tight: bool) -> Connection:
    """The connection of the small world."""
    given = connection_of(seed)
    document = given.model_dump()
    document["mappings"] = [mapping for mapping in document["mappings"] if mapping["hubspot"] in FIELDS]
    document["sync"] |= {"direction": direction, "conflicts": conflicts}
    document["brakes"] |= TIGHT if tight else WIDE
    if not in_list:
        document["scope"]["list"] = ""
    return Connection.model_validate(document)


def with_brakes(connection: Connection, *, tight: bool) -> Connection:
    """The same connection with other brakes."""
    changed = connection.brakes.model_copy(update=TIGHT if tight else WIDE)
    return connection.model_copy(update={"brakes": changed})


def without_mapping(connection: Connection, field: str) -> Connection:
    """The same connection with one field less."""
    kept = tuple(mapping for mapping in connection.mappings if mapping.hubspot != field)
    return connection.model_copy(update={"mappings": kept})


def mapped_fields(connection: Connection) -> set[str]:
    """The fields that are mapped now."""
    return {mapping.hubspot for mapping in connection.mappings}


def may_write(connection: Connection, side: Side, field: str) -> bool:
    """Whether the direction lets the engine write this field on this side."""
    found = [mapping for mapping in connection.mappings if mapping.hubspot == field]
    return bool(found) and connection.direction_of(found[0]) in ("two_way", f"to_{side}")


class WatchedWorkspace(Workspace):
    """A workspace whose transactions are boundaries; no test needs it to survive a power cut."""

    def __init__(self, path: Path, desk: Desk) -> None:
        self._desk = desk
        super().__init__(path)
        self.sql.execute("PRAGMA synchronous = OFF")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """As the engine's own, with the process's possible end before and after the commit."""
        self._desk.boundary()
        with super().transaction() as sql:
            yield sql
            self._desk.boundary()
        self._desk.boundary()


@dataclass
class Engine:
    """The engine of one world, as the commands would run it."""

    file: Path
    desk: Desk
    gates: Sequence[Gate]
    limits: Limits
    seed: int
    runs: list[Ran] = field(default_factory=list)
    kept: int = 0
    """Answers that checks let stand without planning the contact again."""

    def __post_init__(self) -> None:
        self.workspace = WatchedWorkspace(self.file, self.desk)

    @property
    def key_file(self) -> Path:
        """What belongs to the workspace and lies beside it."""
        return key_file(self.workspace)

    def reopen(self) -> None:
        """A new process on the same file."""
        self.workspace.close()
        self.desk.dead = False
        self.desk.spare()
        self.workspace = WatchedWorkspace(self.file, self.desk)
        close_abandoned_runs(self.workspace, self.desk.time.now)

    async def check(self, connection: Connection) -> Ran:
        """Examines, as `syncdoctor check` does."""
        return await self._run("check", lambda run, sides: self._examine(run, connection, sides), connection)

    async def sync(self, connection: Connection, *, staged: bool = False, saved: SavedPlan | None = None) -> Ran:
        """Syncs, as `syncdoctor sync` does."""

        async def synced(run: Run, sides: Sides) -> int:
            applied, _ = await sync(run, connection, sides, self.gates, staged=staged, saved=saved)
            return applied.writes

        return await self._run("sync", synced, connection)

    async def undo(self, connection: Connection, number: int) -> Ran:
        """Takes a run back, as `syncdoctor undo` does."""

        async def undone(run: Run, sides: Sides) -> int:
            applied, _, _ = await undo(run, connection, sides, self.gates, number)
            return applied.writes

        return await self._run("undo", undone, connection)

    async def save(self, connection: Connection) -> SavedPlan | None:
        """Examines and saves the plan, as `syncdoctor plan --save` does; None if a side could not be read."""
        saved: list[SavedPlan] = []

        async def planned(run: Run, sides: Sides) -> int:
            await self._examine(run, connection, sides)
            saved.append(make_plan(run, connection, f"plan-{len(self.runs)}"))
            return 0

        await self._run("check", planned, connection)
        return saved[0] if saved else None

    async def _examine(self, run: Run, connection: Connection, sides: Sides) -> int:
        with patch("engine.due.SHARE", 1.0):  # One of six people is too large a share.
            await examine(run, connection, sides, self.gates, lasting=lasting)
        self.kept += kept_answers(run)
        if complaints := whole_says_otherwise(run, connection, self.gates):
            raise AssertionError("; ".join(complaints))
        return 0

    async def _run(self, command: str, what: Callable[[Run, Sides], Awaitable[int]], connection: Connection) -> Ran:
        number = self.desk.run = len(self.runs) + 1
        sides = self._sides(connection)
        end: End = "done"
        said, wrote, id = "", 0, 0
        try:
            run = Run(self.workspace, command, now=self.desk.time.now, monotonic=self.desk.time.clock)
            id = run.id
            with patch("engine.population._MANY", self.seed % 2):  # Reads everything of everybody, or the least.
                wrote = await what(run, sides)
            run.finish("done", 0)
        except BrakeTripped as error:
            end, said = "braked", error.what
        except ReleaseHalted as error:
            end, said = "halted", error.what
        except AccessError as error:
            end, said = "failed", error.what
        except SyncdoctorError as error:
            refused = command == "undo" or "since the plan was made" in error.what
            end, said = "refused" if refused else "broken", f"{type(error).__name__}: {error.what}"
        except Killed:
            end = "killed"
        except Exception as error:
            end, said = "broken", f"{type(error).__name__}: {error}"
        finally:
            await sides.hubspot.close()  # type: ignore[attr-defined]
            await sides.app.close()  # type: ignore[attr-defined]
        self.runs.append(Ran(number, command, end, said, wrote, id))
        return self.runs[-1]

    async def apply_twice(self, connection: Connection, between: Callable[[], None]) -> None:
        """Plans once and applies the same operations two times; `between` is called after the first."""
        self.desk.run = len(self.runs) + 1
        sides = self._sides(connection)
        run = Run(self.workspace, "sync", now=self.desk.time.now, monotonic=self.desk.time.clock)
        situation = (await examine(run, connection, sides, self.gates)).situation
        link_pairs(run)
        operations = planned_operations(run)
        await apply(run, situation, sides, operations)
        between()
        await apply(run, situation, sides, operations)
        run.finish("done", 0)

    def _sides(self, connection: Connection) -> Sides:
        portal, time = self.desk.portal, self.desk.time
        hubspot, app = open_connectors(
            connection,
            {"hubspot": Secret(portal.hubspot_token), "app": Secret(portal.mailchimp_key)},
            {"hubspot": Wire("hubspot", self.desk), "app": Wire("app", self.desk)},
            on_exchange=lambda _: None,
            clock=time.clock,
            sleep=time.sleep,
            now=time.now,
            random=random.Random(self.seed),
            hubspot_limits=self.limits.of_hubspot(),
            app_limits=self.limits.of_app(),
        )
        return Sides(hubspot, app)

    def verdicts(self) -> list[Verdict]:
        """All contacts; one without a verdict has an empty state."""
        rows = self.workspace.rows(
            "SELECT c.id, c.hubspot_id, c.app_id, coalesce(v.state, '') AS state, coalesce(v.cause, '') AS cause, "
            "(SELECT count(*) FROM finding f WHERE f.contact_id = c.id AND f.last_run = v.run_id AND f.blocking) AS n "
            "FROM contact c LEFT JOIN verdict v ON v.contact_id = c.id ORDER BY c.id"
        )
        return [Verdict(*tuple(row)) for row in rows]

    def read_whole_in(self) -> list[int]:
        """The numbers of the runs in which each side was read whole last."""
        ids = {row["run_id"] for row in self.workspace.rows("SELECT run_id FROM full_reading")}
        return [ran.number for ran in self.runs if ran.id in ids]

    def counted(self) -> tuple[int, int]:
        """The contacts, and the sum of the counts per state of the last run."""
        total = self.workspace.value(
            "SELECT sum(contacts) FROM run_state WHERE run_id = (SELECT max(run_id) FROM run_state)"
        )
        return int(self.workspace.value("SELECT count(*) FROM contact")), int(total or 0)

    def conflicts(self) -> set[tuple[int, str]]:
        """Contact and field of the stored conflicts."""
        return {(one.contact, one.field) for one in self.open_conflicts()}

    def open_conflicts(self) -> list[Conflict]:
        """The stored conflicts, as `syncdoctor conflicts` shows them."""
        return conflicts(self.workspace)

    def decide(self, conflict: Conflict, winner: Side) -> None:
        """A side wins a conflict, as by `syncdoctor decide`."""
        decide(self.workspace, [conflict], winner, at=self.desk.time.now())

    def planned(self) -> list[Item]:
        """What the stored plan would send, as the wire will show it."""
        rows = self.workspace.rows(
            "SELECT p.contact_id, p.side, p.kind, p.field, p.value, c.hubspot_id, c.app_id FROM planned_write p "
            "JOIN contact c ON c.id = p.contact_id ORDER BY p.contact_id, p.side"
        )
        found: dict[tuple[int, Side, str], dict[str, str]] = {}
        names = {tag: name for name, tag in TAGS.items()}
        ids: dict[tuple[int, Side, str], str] = {}
        for row in rows:
            key = (row["contact_id"], row["side"], row["kind"])
            field_name = names.get(row["field"], row["field"]) if row["side"] == "app" else row["field"]
            value = STAGE_OF.get(row["value"], row["value"]) if field_name == ONE_WAY else row["value"]
            found.setdefault(key, {})["status" if field_name == "member_status" else field_name] = value
            ids[key] = row[f"{row['side']}_id"] or ""
        return [
            Item(side, "create" if kind == "create" else "update", ids[contact, side, kind] or values.get("email", ""), values)
            for (contact, side, kind), values in found.items()
        ]  # fmt: skip

    def in_doubt(self) -> int:
        """Writes of which nobody knows yet what became of them."""
        return int(self.workspace.value("SELECT count(*) FROM journal WHERE state IN ('intent', 'in_doubt')"))

    def quarantined(self) -> set[int]:
        """Contacts with something that a service refused."""
        return {row["contact_id"] for row in self.workspace.rows("SELECT DISTINCT contact_id FROM quarantine")}

    def branches(self) -> Counter[str]:
        """How often the engine went down which interesting branch, as its record shows."""
        return Counter({name: int(self.workspace.value(query)) for name, query in BRANCHES.items()})

    def explain(self, connection: Connection, contact: int) -> tuple[str, str]:
        """State and cause as `syncdoctor explain` gives them."""
        with patch.object(explaining, "GATES", tuple(self.gates)):
            found = explaining.explain(self.workspace, connection, contact)
        return found.state, found.cause

    def report(self, connection: Connection) -> str:
        """The whole support report, nothing revealed."""
        report = build_report(self.workspace, connection, now=self.desk.time.now())
        return render_json(report) + render_markdown(report)
