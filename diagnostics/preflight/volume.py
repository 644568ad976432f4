"""What the stored plan would do, and the brakes that it meets: those that it trips, and those that are set to no use."""

from __future__ import annotations

from collections.abc import Iterator

from diagnostics.preflight.codes import found
from diagnostics.preflight.finding import Finding
from engine.brakes import Volume, first_creates, linked_contacts, tripped
from engine.connection import Brakes, Connection
from engine.schema import SIDES
from engine.verdicts import planned_counts
from engine.workspace import Workspace


def planned_volume(workspace: Workspace) -> Volume:
    """How much the stored plan would do, as a sync counts it before its first write."""
    counts = planned_counts(workspace)
    changed = workspace.rows(
        "SELECT side, field, count(*) AS contacts FROM planned_write WHERE kind = 'update' GROUP BY side, field"
    )
    return Volume(
        creates=counts["creates"],
        updates=counts["updates"],
        clears=counts["clears"],
        changed={(row["side"], row["field"]): row["contacts"] for row in changed},
        linked=linked_contacts(workspace),
        first=first_creates(workspace, {side: counts[f"creates_{side}"] for side in SIDES}),
    )


def lint_brakes(connection: Connection, planned: Volume | None, population: int) -> Iterator[Finding]:
    """Brakes that the plan trips, and limits that let nothing or everything through. Pure; `planned` None: not examined."""
    limits = connection.brakes
    if connection.mode == "observed":
        return
    if planned is not None:
        for one in tripped(limits, planned):
            yield found("brake-trips", f"brakes.{one.key}", one.what)
    yield from _shut(limits)
    yield from _off(limits, population)


def _shut(limits: Brakes) -> Iterator[Finding]:
    for key in ("creates", "updates"):
        if getattr(limits, key) == 0:
            yield found("brake-shut", f"brakes.{key}", f"no run with any {key} can write at all")


def _off(limits: Brakes, population: int) -> Iterator[Finding]:
    for key in ("field_share", "shrink"):
        if getattr(limits, key) == 100:
            yield found("brake-off", f"brakes.{key}", "100 % is never exceeded")
    for key in ("creates", "updates"):
        limit = getattr(limits, key)
        if population and limit >= 2 * population:
            yield found(
                "brake-off", f"brakes.{key}", f"{limit:,} is more than both records of all {population:,} contacts"
            )
