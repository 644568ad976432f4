"""What would be written: counts per side and kind, conflicts, and each value by position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs import release_is_first
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.brakes import Tripped
    from engine.connection import Brakes


@dataclass(frozen=True)
class PlanGroup:
    """Writes of one kind to one side: records and single values."""

    side: str
    kind: str
    records: int
    values: int
    clears: int


@dataclass(frozen=True)
class PlanSummary:
    """The plan in numbers. `writes` counts records to be created or changed, `rows` the lines of the list, `contacts` the
    people behind the writes, `changed` the updates per side and field, `linked` the contacts with a record on both sides,
    `filled` per side the creates of a first sync and what the side holds."""

    groups: tuple[PlanGroup, ...]
    conflicts: int
    rows: int
    contacts: int = 0
    changed: tuple[tuple[str, str, int], ...] = ()
    linked: int = 0
    filled: tuple[tuple[str, int, int], ...] = ()
    first: bool = False
    """Whether a sync will be written in stages because none went through yet."""

    @property
    def writes(self) -> int:
        """Records that would be created or changed, over both sides: the number that a sync asks to be typed."""
        return sum(group.records for group in self.groups)


@dataclass(frozen=True)
class PlanRow:
    """One value that would be written, or one conflict (kind `conflict`: `before` HubSpot's, `value` the app's)."""

    contact: int
    email: str
    hubspot_id: str
    app_id: str
    side: str
    kind: str
    field: str
    before: str
    value: str


def open_plan(workspace: Workspace) -> PlanSummary:
    """Counts the plan and materialises its keys, conflicts first, as a temporary table with dense positions."""
    from engine.brakes import first_creates

    sql = workspace.sql
    sql.execute("PRAGMA temp_store = MEMORY")
    sql.execute("DROP TABLE IF EXISTS temp.plan_window")
    sql.execute(
        "CREATE TEMP TABLE plan_window(position INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL, side TEXT, field TEXT)"
    )
    sql.execute(
        "INSERT INTO temp.plan_window(contact_id, side, field) "
        "SELECT contact_id, NULL, field FROM conflict ORDER BY contact_id, field"
    )
    conflicts = sql.execute("SELECT count(*) FROM temp.plan_window").fetchone()[0]
    sql.execute(
        "INSERT INTO temp.plan_window(contact_id, side, field) "
        "SELECT contact_id, side, field FROM planned_write ORDER BY contact_id, side, field"
    )
    sql.commit()
    groups = workspace.rows(
        "SELECT side, kind, count(DISTINCT contact_id) AS records, count(*) AS vals, "
        "sum(value = '' AND before <> '') AS clears FROM planned_write GROUP BY side, kind ORDER BY side, kind"
    )
    rows = int(workspace.value("SELECT coalesce(max(position), 0) FROM temp.plan_window"))
    changed = workspace.rows(
        "SELECT side, field, count(*) FROM planned_write WHERE kind = 'update' GROUP BY side, field"
    )
    contacts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM planned_write"))
    creates = {row["side"]: row["records"] for row in groups if row["kind"] == "create"}
    return PlanSummary(
        tuple(PlanGroup(*row) for row in groups),
        int(conflicts),
        rows,
        contacts=contacts,
        changed=tuple((row[0], row[1], row[2]) for row in changed),
        linked=int(workspace.value("SELECT count(*) FROM contact WHERE hubspot_id IS NOT NULL AND app_id IS NOT NULL")),
        filled=tuple((side, count, held) for side, (count, held) in first_creates(workspace, creates).items()),
        first=release_is_first(workspace, contacts),
    )


def beyond(plan: PlanSummary, limits: Brakes) -> list[Tripped]:
    """Every brake that would stop a sync of this plan before its first write."""
    from engine.brakes import Volume, tripped

    planned = Volume(
        creates=sum(group.records for group in plan.groups if group.kind == "create"),
        updates=sum(group.records for group in plan.groups if group.kind == "update"),
        clears=sum(group.clears for group in plan.groups),
        changed={(side, field): count for side, field, count in plan.changed},  # type: ignore[misc]
        linked=plan.linked,
        first={side: (count, held) for side, count, held in plan.filled},  # type: ignore[misc]
    )
    return tripped(limits, planned)


@dataclass(frozen=True)
class StageRow:
    """A stage of a staged release: how many writes it had, and how many came out as planned."""

    stage: int
    planned: int
    as_planned: int


def stages_of(workspace: Workspace, run: int) -> list[StageRow]:
    """The stages that a run has written; none if it wrote at once."""
    rows = workspace.rows(
        "SELECT stage, planned, as_predicted FROM release_stage WHERE run_id = ? ORDER BY stage", (run,)
    )
    return [StageRow(*row) for row in rows]


def plan_page(workspace: Workspace, first: int, limit: int) -> tuple[PlanRow, ...]:
    """Rows `first` to `first + limit` of the plan, counted from 0."""
    rows = workspace.rows(
        "SELECT c.id, c.email, coalesce(c.hubspot_id, ''), coalesce(c.app_id, ''), coalesce(w.side, ''), "
        "coalesce(p.kind, 'conflict'), w.field, coalesce(p.before, k.hubspot_value, ''), "
        "coalesce(p.value, k.app_value, '') FROM temp.plan_window w JOIN contact c ON c.id = w.contact_id "
        "LEFT JOIN planned_write p ON p.contact_id = w.contact_id AND p.side = w.side AND p.field = w.field "
        "LEFT JOIN conflict k ON w.side IS NULL AND k.contact_id = w.contact_id AND k.field = w.field "
        "WHERE w.position > ? AND w.position <= ? ORDER BY w.position",
        (first, first + limit),
    )
    return tuple(PlanRow(*row) for row in rows)
