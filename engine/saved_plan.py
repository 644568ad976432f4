"""Saved plans: operations that a person reviewed, written exactly as they are or not at all.

Each operation carries a hash of what its contact's two records held when it was planned, whether it is in the list, and its
subscription. A plan belongs to one connection as configured and to one workspace, is written once, and ages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.connection import Connection
from engine.errors import ConfigurationError
from engine.gates import Situation
from engine.journal import planned_operations
from engine.operations import Operation
from engine.population import contacts_of
from engine.runs import Run, iso
from engine.schema import Side
from engine.visible import visible
from engine.workspace import Workspace

MAX_AGE_HOURS = 24
LARGEST_FILE = 1_000_000_000
"""Bytes: far beyond any plan; a larger file is something else."""
NOTE = "This file holds contacts' personal data. Keep it private and delete it when the plan is written."
_AT_ONCE = 20_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SavedOperation(_Strict):
    """One operation. `precondition` hashes what it was planned on; see `preconditions`."""

    side: Side
    kind: Literal["create", "update"]
    hubspot_id: str | None
    app_id: str | None
    values: dict[str, str]
    before: dict[str, str]
    precondition: str


class SavedPlan(_Strict):
    """A plan as a file. `digest` is over all the rest."""

    format: Literal[1]
    note: str
    plan_id: str
    connection: str
    fingerprint: str
    workspace: str
    made_at: datetime
    operations: tuple[SavedOperation, ...]
    digest: str

    def content(self) -> str:
        """All that the digest is over."""
        return self.model_dump_json(exclude={"digest"})


def make_plan(run: Run, connection: Connection, plan_id: str) -> SavedPlan:
    """The workspace's plan, just examined by `run`, ready to be saved. `plan_id` must be new."""
    operations = planned_operations(run)
    hashes = preconditions(run.workspace, [op.contact for op in operations])
    unsigned = SavedPlan(
        format=1,
        note=NOTE,
        plan_id=plan_id,
        connection=connection.name,
        fingerprint=fingerprint(connection),
        workspace=identity(run.workspace),
        made_at=run.now(),
        operations=tuple(
            SavedOperation(
                side=op.side,
                kind=op.kind,
                hubspot_id=op.ids["hubspot"],
                app_id=op.ids["app"],
                values=dict(op.values),
                before=dict(op.before),
                precondition=hashes[op.contact],
            )
            for op in operations
        ),
        digest="",
    )
    return unsigned.model_copy(update={"digest": _hash(unsigned.content())})


def read_plan(path: Path, connection: Connection, now: datetime, max_age_hours: float = MAX_AGE_HOURS) -> SavedPlan:
    """The plan in a file.

    Raises ConfigurationError if the file cannot be read, is damaged or was edited, is of another connection, or older than
    `max_age_hours`.
    """
    again = f"Make a new plan: syncdoctor plan {connection.name} --save FILE"
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError
        saved = SavedPlan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"the plan cannot be read: {error.strerror or error}", where=str(path), remedy=again
        ) from None
    except (ValidationError, ValueError):
        raise ConfigurationError("this is not a saved plan, or it is damaged", where=str(path), remedy=again) from None
    if _hash(saved.content()) != saved.digest:
        raise ConfigurationError(
            "the saved plan was changed after it was made; nothing was written", where=str(path), remedy=again
        )
    if saved.connection != connection.name:
        raise ConfigurationError(
            f"this plan is for the connection {visible(saved.connection)!r}",
            where=str(path),
            remedy="Choose the right file.",
        )
    made_at = saved.made_at if saved.made_at.tzinfo else saved.made_at.replace(tzinfo=now.tzinfo)
    if now - made_at > timedelta(hours=max_age_hours):
        raise ConfigurationError(
            f"the plan was made more than {max_age_hours:g} hours ago; nothing was written",
            where=str(path),
            remedy=f"{again}, or allow more with --max-age HOURS.",
        )
    return saved


def confirmed(run: Run, situation: Situation, saved: SavedPlan, planned: Sequence[Operation]) -> list[Operation]:
    """The saved operations, if every one of them is still what the fresh plan (`planned`) would write.

    Raises ConfigurationError otherwise; then none may be written.
    """
    _refuse_other(run.workspace, situation.connection, saved)
    where, again = (
        f"connection {situation.connection.name}",
        f"Make a new plan and look at it: syncdoctor plan {situation.connection.name} --save FILE",
    )
    contacts = {
        (row["hubspot_id"], row["app_id"]): int(row["id"])
        for row in run.workspace.rows("SELECT id, hubspot_id, app_id FROM contact")
    }
    chosen = [contacts.get((op.hubspot_id, op.app_id)) for op in saved.operations]
    hashes = preconditions(run.workspace, [contact for contact in chosen if contact is not None])
    changed = [
        op
        for op, contact in zip(saved.operations, chosen, strict=True)
        if contact is None or hashes.get(contact) != op.precondition
    ]
    if changed:
        raise ConfigurationError(
            f"{len({_record(op) for op in changed})} records changed since the plan was made, for instance record "
            f"{visible(_record(changed[0]))}; nothing was written",
            where=where,
            remedy=again,
        )
    fresh = {(op.contact, op.side, op.kind): op for op in planned}
    operations: list[Operation] = []
    for op, contact in zip(saved.operations, chosen, strict=True):
        now = fresh.get((contact or 0, op.side, op.kind))
        if now is None or dict(now.values) != op.values or dict(now.before) != op.before:
            raise ConfigurationError(
                f"the plan would be another one now, for instance for record {visible(_record(op))}, although its values are "
                "the same (a rule, the list's criteria or an earlier refusal changed); nothing was written",
                where=where,
                remedy=again,
            )
        operations.append(now)
    return operations


def use(run: Run, saved: SavedPlan) -> None:
    """Notes, before the first write, that the plan is being written."""
    with run.workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO used_plan(plan_id, run_id, at) VALUES (?, ?, ?)", (saved.plan_id, run.id, iso(run.now()))
        )


def _refuse_other(workspace: Workspace, connection: Connection, saved: SavedPlan) -> None:
    again = f"Make a new plan: syncdoctor plan {connection.name} --save FILE"
    where = f"connection {connection.name}"
    if saved.connection != connection.name or saved.fingerprint != fingerprint(connection):
        raise ConfigurationError(
            "the connection was changed since the plan was made; nothing was written", where=where, remedy=again
        )
    if saved.workspace != identity(workspace):
        raise ConfigurationError(
            "the plan was made with another workspace; nothing was written", where=where, remedy=again
        )
    used = workspace.value("SELECT run_id FROM used_plan WHERE plan_id = ?", (saved.plan_id,))
    if used is not None:
        raise ConfigurationError(
            f"the plan was already written, by run {used}; nothing was written now",
            where=where,
            remedy=f"Look: syncdoctor log {connection.name} --run {used}. {again}",
        )


def preconditions(workspace: Workspace, contacts: Iterable[int]) -> dict[int, str]:
    """A hash per contact over all that its plan follows from in the mirror: both ids, every mirrored value, membership in
    the list, subscription. Times are left out: a change elsewhere in a record is no change to the plan."""
    ids = sorted(set(contacts))
    hashes: dict[int, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        frame = contacts_of(workspace, ids[start : start + _AT_ONCE])
        names = sorted(
            name
            for name in frame.columns
            if name in ("hubspot_id", "app_id", "hubspot._subscription") or name.startswith(("hubspot.", "app."))
        )
        rows = frame.select("contact", pl.col("member_since").is_not_null(), *names).iter_rows()
        hashes |= {row[0]: _hash(json.dumps([names, row[1:]])) for row in rows}
    return hashes


def fingerprint(connection: Connection) -> str:
    """A digest of a connection; how much a run may write is not part of it."""
    return _hash(connection.model_dump_json(exclude={"brakes", "release", "verify"}))


def identity(workspace: Workspace) -> str:
    """What tells a workspace from another one of the same name: when and where its first run began."""
    rows = workspace.rows("SELECT started_at, pid, host FROM run ORDER BY id LIMIT 1")
    return _hash(json.dumps([tuple(row) for row in rows]))


def _record(op: SavedOperation) -> str:
    return op.hubspot_id or op.app_id or ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
