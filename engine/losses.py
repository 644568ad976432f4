"""Brakes on what was read: an emptied or shrunken side or list is not believed, a half-empty side is not filled unasked.

The last believed count of each part is in the table `full_reading`: a side, the inclusion list, the subscriptions.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.connection import Connection
from engine.errors import BrakeTripped
from engine.runs import Run, iso
from engine.schema import SIDES, Side
from engine.workspace import Workspace

FEWEST = 10
"""A loss of fewer records is not worth a brake, whatever its share."""
ACCEPT = "--accept-shrink"


@dataclass(frozen=True)
class Demand:
    """What is asked of an observation: to read everything (`full`), to believe a loss once (`accept_shrink`), and
    whether the run is going to write: a run that only looks reports a loss and goes on."""

    full: bool = False
    accept_shrink: bool = False
    writing: bool = False


USUAL = Demand()


@dataclass(frozen=True)
class Reading:
    """The last complete reading of a part. `at` is empty if it has to be repeated whatever its age."""

    fingerprint: str
    run: int
    at: str
    records: int


def last_reading(workspace: Workspace, part: str) -> Reading | None:
    """The last complete reading of a side, of the `list` or of the `subscription` statuses."""
    rows = workspace.rows("SELECT fingerprint, run_id, at, records FROM full_reading WHERE side = ?", (part,))
    return Reading(*rows[0]) if rows else None


def note_reading(run: Run, part: str, fingerprint: str, records: int, *, final: bool = True) -> None:
    """Keeps that a part was read completely in this run. One that is not `final` is to be repeated by the next run."""
    with run.workspace.transaction() as sql:
        sql.execute(
            "INSERT OR REPLACE INTO full_reading(side, fingerprint, run_id, at, records) VALUES (?, ?, ?, ?, ?)",
            (part, fingerprint, run.id, iso(run.now()) if final else "", records),
        )


def believed(run: Run, connection: Connection, demand: Demand, part: str, name: str, before: int, now: int) -> bool:
    """Whether a count is believed, where there were `before`.

    Raises BrakeTripped if a whole side is gone, or if the run is going to write; a run that only looks logs the loss.
    """
    lost = before - now
    if demand.accept_shrink or lost < FEWEST or lost * 100 <= before * connection.brakes.shrink:
        return True
    brake = BrakeTripped(
        f"{name} shows {now} contacts where there were {before}: more than {connection.brakes.shrink} % are missing",
        where=f"{part}, brakes.shrink",
        remedy="Check the account and the permissions of the credentials. Nothing was changed. If they are really gone, "
        f"run once with {ACCEPT}; if such losses are usual, raise brakes.shrink.",
    )
    if demand.writing or (now == 0 and part in SIDES):
        raise brake
    run.event("warning", "shrunk", f"{brake.what}. {brake.remedy}")
    return False


def refuse_partial(
    connection: Connection, demand: Demand, side: Side, name: str, read: int, declared: int | None
) -> None:
    """Raises BrakeTripped if a side that is read for the first time gives less than half of what it counts itself."""
    if demand.accept_shrink or declared is None or declared - read < FEWEST or read * 2 >= declared:
        return
    raise BrakeTripped(
        f"{name} counts {declared} contacts and gave {read}",
        where=f"{side}, first reading of connection {connection.name}",
        remedy=f"Check the permissions of the credentials and run again. If the number is right, run once with {ACCEPT}.",
    )


def refuse_empty_side(run: Run, connection: Connection, demand: Demand) -> None:
    """Before the first sync: raises BrakeTripped if a side holds nobody and would be filled from the other.

    A run that only looks logs it. An empty side is more often the wrong account than a wish.
    """
    if demand.accept_shrink or run.workspace.fact("activated_at"):
        return
    held = {side: int(run.workspace.value(f"SELECT count(*) FROM {side}_contact")) for side in SIDES}
    names = {"hubspot": "HubSpot", "app": connection.app.name}
    for side, other in (("hubspot", "app"), ("app", "hubspot")):
        if held[side] or held[other] < FEWEST or connection.sync.direction not in ("two_way", f"to_{side}"):  # type: ignore[index]
            continue
        brake = BrakeTripped(
            f"{names[side]} holds no contact at all and {names[other]} {held[other]}; nothing was written",  # type: ignore[index]
            where=f"{side}, first sync of connection {connection.name}",
            remedy=f"Check that this is the right account. If it is to be filled, run once with {ACCEPT}.",
        )
        if demand.writing:
            raise brake
        run.event("warning", "empty-side", f"{brake.what}. {brake.remedy}")
