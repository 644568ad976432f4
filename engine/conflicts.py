"""The evidence behind conflicts: HubSpot's property history says when and by whom a value was set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from engine.errors import AccessError
from engine.gates import Situation
from engine.memory import memory_of
from engine.merge import differences, mapped_pairs
from engine.mirror import columns_of
from engine.observe import Sides
from engine.population import contacts_of
from engine.runs import Run
from engine.schema import Side
from engine.workspace import Workspace, quoted

CONTACTS_AT_ONCE = 10_000
_ALIASES: Mapping[Side, str] = {"hubspot": "h", "app": "a"}


@dataclass(frozen=True)
class Contested:
    """A field that both sides changed, with its two raw values."""

    contact: int
    field: str
    hubspot_id: str
    hubspot_value: str
    app_value: str


async def gather_evidence(run: Run, situation: Situation, sides: Sides) -> bool:
    """Asks HubSpot's history for the stored conflicts, and for what the policy "latest" decided by the records' times alone.

    Nothing is asked twice for the same two values. Returns whether the policy may now decide otherwise, so that the plan has to
    be made again. A side that does not answer leaves the evidence as it was.
    """
    latest = situation.connection.sync.conflicts == "latest"
    wanted = list(_conflicts(run.workspace))
    wanted += _decided_by_time(run.workspace, situation) if latest else []
    known = {
        (row["contact_id"], row["field"], row["hubspot_value"], row["app_value"])
        for row in run.workspace.rows("SELECT contact_id, field, hubspot_value, app_value FROM evidence")
    }
    new = [one for one in wanted if (one.contact, one.field, one.hubspot_value, one.app_value) not in known]
    learned = await _ask(run, sides, new) if new else 0
    _hand_over(run)
    _drop_what_is_over(run.workspace, situation)
    return latest and learned > 0


def _conflicts(workspace: Workspace) -> Iterator[Contested]:
    for row in workspace.rows(
        "SELECT k.contact_id, k.field, c.hubspot_id, k.hubspot_value, k.app_value FROM conflict k "
        "JOIN contact c ON c.id = k.contact_id WHERE c.hubspot_id IS NOT NULL ORDER BY k.contact_id, k.field"
    ):
        yield Contested(*row)


def _decided_by_time(workspace: Workspace, situation: Situation) -> Iterator[Contested]:
    pairs = mapped_pairs(situation.connection, situation.schemas)
    rows = workspace.rows("SELECT DISTINCT contact_id FROM planned_write WHERE kind = 'update' ORDER BY contact_id")
    ids = [int(row["contact_id"]) for row in rows]
    for start in range(0, len(ids), CONTACTS_AT_ONCE):
        some = ids[start : start + CONTACTS_AT_ONCE]
        contacts = contacts_of(workspace, some)
        merged = differences(contacts, memory_of(workspace, some), situation.connection, pairs)
        decided = merged.filter((pl.col("ground") == "policy") & (pl.col("outcome") != "conflict"))
        named = decided.join(contacts.select("contact", "hubspot_id"), on="contact")
        for row in named.select("contact", "mapping", "hubspot_id", "hubspot_value", "app_value").iter_rows():
            yield Contested(*row)


async def _ask(run: Run, sides: Sides, new: list[Contested]) -> int:
    """Stores an answer for each, also that there is none. Returns how many times became known."""
    run.progress("asking who changed what", 0, len(new))
    fields = sorted({one.field for one in new})
    try:
        found = await sides.hubspot.history([one.hubspot_id for one in new], fields)
    except AccessError as error:
        run.event(
            "warning", "no-evidence", f"the history of {len(new)} contested fields could not be read: {error.what}"
        )
        return 0
    rows = []
    for one in new:
        change = found.get(one.hubspot_id, {}).get(one.field)
        if change is not None and change.value.strip() != one.hubspot_value.strip():
            continue  # It was changed again since it was mirrored; the next run sees the new value.
        at, source = (change.at, change.source) if change is not None else (None, "")
        rows.append((one.contact, one.field, one.hubspot_value, one.app_value, at, source, run.id))
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT OR REPLACE INTO evidence(contact_id, field, hubspot_value, app_value, hubspot_changed_at, hubspot_source, "
            "run_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    return sum(row[4] is not None for row in rows)


def _hand_over(run: Run) -> None:
    """Copies the evidence to the conflicts and suspended fields it is about."""
    same = "e.contact_id = {0}.contact_id AND e.field = {0}.field AND e.hubspot_value = {0}.hubspot_value AND e.app_value = {0}.app_value"
    with run.workspace.transaction() as sql:
        sql.execute(
            "UPDATE conflict SET (hubspot_changed_at, hubspot_source) = (SELECT coalesce(e.hubspot_changed_at, "
            f"conflict.hubspot_changed_at), e.hubspot_source FROM evidence e WHERE {same.format('conflict')}) "
            f"WHERE EXISTS (SELECT 1 FROM evidence e WHERE {same.format('conflict')})"
        )
        sql.execute(
            "UPDATE suspended_field SET hubspot_writer = (SELECT e.hubspot_source FROM evidence e "
            f"WHERE {same.format('suspended_field')}) WHERE hubspot_writer = '' AND EXISTS "
            f"(SELECT 1 FROM evidence e WHERE e.hubspot_source <> '' AND {same.format('suspended_field')})"
        )


def _drop_what_is_over(workspace: Workspace, situation: Situation) -> None:
    """Drops the evidence about values that are no longer there. While both are, a plan goes by it, also one whose write is held back."""
    held = {
        pair.name: " AND ".join(
            f"{alias}.{quoted(pair.field(side))} IS e.{side}_value" for side, alias in _ALIASES.items()
        )
        for pair in mapped_pairs(situation.connection, situation.schemas)
        if all(pair.field(side) in columns_of(workspace, side) for side in _ALIASES)
    }
    with workspace.transaction() as sql:
        fields = [str(row["field"]) for row in sql.execute("SELECT DISTINCT field FROM evidence")]
        for field in fields:
            still = (
                "SELECT e.contact_id FROM evidence e JOIN contact c ON c.id = e.contact_id JOIN hubspot_contact h ON h._id = c.hubspot_id "
                f"JOIN app_contact a ON a._id = c.app_id WHERE e.field = :field AND {held.get(field, 'false')}"
            )
            sql.execute(f"DELETE FROM evidence WHERE field = :field AND contact_id NOT IN ({still})", {"field": field})
