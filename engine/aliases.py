"""Linked records that are no longer there: merged into another, archived, or gone for good.

HubSpot has three ways to number a merged contact: the primary's id stays, a new id is made, or both stay readable. In
all three an old id leads to the survivor when it is read, so that is asked, once per id. Source: HubSpot's changelog on
merges; `hs_merged_object_ids`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.connectors import Connector, Record
from engine.forgetting import additional, scrub
from engine.mirror import TABLE, columns_of, store
from engine.runs import Run, iso
from engine.schema import SIDES, Side, SideSchema
from engine.suppression import normalised, suppress
from engine.workspace import quoted

if TYPE_CHECKING:
    from engine.observe import Sides

AT_LEAST, SHARE = 20, 0.1
"""More linked records gone at once than this number and this share of all links is no case of erased people: more
likely the account, the audience or the permissions are other ones."""


@dataclass(frozen=True)
class _Missing:
    """A link whose record on a side was not read."""

    contact: int
    old_id: str
    hubspot_id: str
    other_key: str
    email: str


async def follow_merges(
    run: Run,
    sides: Sides,
    schemas: Mapping[Side, SideSchema],
    fields: Mapping[Side, Sequence[str]],
    changed: Sequence[str] | None = None,
) -> bool:
    """Finds out what became of linked records that are not in the mirror: moves links to survivors of merges and
    keeps erased people away. Call it before pairing; it asks nothing where no linked record is missing.

    `changed`: the HubSpot records that can name others as merged into them; None: all. Returns whether anything was found
    that the mirror did not show. Raises AccessError if a side does not answer.
    """
    connectors: Mapping[Side, Connector] = {"hubspot": sides.hubspot, "app": sides.app}
    dropped = sum(drop_merged(run, side, schemas[side], changed if side == "hubspot" else None) for side in SIDES)
    missed = 0
    for side in SIDES:
        _forget_returned(run, side)
        missing = _missing(run, side)
        if missing:
            await _find_out(run, connectors[side], schemas[side], fields[side], missing)
            # A survivor that was just read may name records that nobody linked.
            drop_merged(run, side, schemas[side])
        missed += len(missing)
        _move(run, side)
    return dropped + missed > 0


async def _find_out(
    run: Run, connector: Connector, schema: SideSchema, fields: Sequence[str], missing: Sequence[_Missing]
) -> None:
    side = connector.side
    survivors = _named_by_survivors(run, side, schema, {one.old_id for one in missing})
    asked = [one.old_id for one in missing if one.old_id not in survivors]
    resolved = await connector.resolve(asked, fields) if asked else {}
    store(run.workspace, schema, _distinct(resolved), fields, run.id)
    survivors |= {old: record.id for old, record in resolved.items() if record.id != old}
    lost = [one for one in missing if one.old_id not in survivors and one.old_id not in resolved]
    gone = await connector.gone_for_good([one.old_id for one in lost]) if lost else frozenset()
    _remember(run, side, survivors, {one.old_id: "gone" if one.old_id in gone else "archived" for one in lost})
    _erase(run, schema.app, [one for one in lost if one.old_id in gone])


def _forget_returned(run: Run, side: Side) -> None:
    """A record that is there again, restored, stands for itself."""
    with run.workspace.transaction() as sql:
        sql.execute(
            f"DELETE FROM alias WHERE side = ? AND old_id IN (SELECT _id FROM {TABLE[side]})",
            (side,),
        )


def _missing(run: Run, side: Side) -> list[_Missing]:
    """Links without a mirrored record whose fate is not known yet."""
    other: Side = "app" if side == "hubspot" else "hubspot"
    rows = run.workspace.rows(
        f"SELECT c.id, c.{side}_id AS old_id, c.hubspot_id, c.email, coalesce(o._email_key, '') AS other_key FROM contact c "
        f"LEFT JOIN {TABLE[side]} m ON m._id = c.{side}_id LEFT JOIN {TABLE[other]} o ON o._id = c.{other}_id "
        "WHERE c.linked_at IS NOT NULL AND m._id IS NULL "
        f"AND NOT EXISTS (SELECT 1 FROM alias l WHERE l.side = ? AND l.old_id = c.{side}_id) ORDER BY c.id",
        (side,),
    )
    return [
        _Missing(row["id"], row["old_id"], row["hubspot_id"] or "", row["other_key"], row["email"])
        for row in rows
        if row["old_id"]
    ]


def _named_by_survivors(run: Run, side: Side, schema: SideSchema, wanted: set[str]) -> dict[str, str]:
    """Old ids that a live record names as merged into it: no request is needed for these."""
    found: dict[str, str] = {}
    present = columns_of(run.workspace, side)
    for field in (name for name in schema.former_ids_fields if name in present):
        for row in run.workspace.rows(
            f"SELECT _id, {quoted(field)} AS ids FROM {TABLE[side]} WHERE {quoted(field)} <> '' AND {quoted(field)} <> _id"
        ):
            found |= {old.strip(): row["_id"] for old in row["ids"].split(";") if old.strip() in wanted}
    return found


def drop_merged(run: Run, side: Side, schema: SideSchema, changed: Sequence[str] | None = None) -> int:
    """Removes mirrored records that a mirrored one, or one of the `changed` ones, names as merged into it. Returns how many.

    A reading needs it that infers no loss: it learns of the survivor, never of what is gone.
    """
    present = columns_of(run.workspace, side)
    former: set[str] = set()
    for field in (quoted(name) for name in schema.former_ids_fields if name in present):
        for row in run.workspace.rows(
            f"SELECT _id, {field} AS ids FROM {TABLE[side]} WHERE {field} <> '' AND {field} <> _id "
            "AND (?1 IS NULL OR _id IN (SELECT value FROM json_each(?1)))",
            (None if changed is None else json.dumps(changed),),
        ):
            former |= {old.strip() for old in row["ids"].split(";")} - {row["_id"], ""}
    with run.workspace.transaction() as sql:
        deleted = f"DELETE FROM {TABLE[side]} WHERE _id IN (SELECT value FROM json_each(?))"
        return sql.execute(deleted, (json.dumps(sorted(former)),)).rowcount


def _distinct(resolved: Mapping[str, Record]) -> list[Record]:
    return list({record.id: record for record in resolved.values()}.values())


def _remember(run: Run, side: Side, survivors: Mapping[str, str], fates: Mapping[str, str]) -> None:
    moment = iso(run.now())
    with run.workspace.transaction() as sql:
        # A survivor that was merged again: what led to it leads on.
        sql.executemany(
            "UPDATE alias SET record_id = ? WHERE side = ? AND record_id = ?",
            [(survivor, side, old) for old, survivor in survivors.items()],
        )
        sql.executemany(
            "INSERT OR REPLACE INTO alias(side, old_id, fate, record_id, run_id, at) VALUES (?, ?, ?, ?, ?, ?)",
            [
                *((side, old, "merged", survivor, run.id, moment) for old, survivor in survivors.items()),
                *((side, old, fate, "", run.id, moment) for old, fate in fates.items()),
            ],
        )


def _erase(run: Run, app: str, gone: Sequence[_Missing]) -> None:
    if not gone:
        return
    links = int(run.workspace.value("SELECT count(*) FROM contact WHERE linked_at IS NOT NULL"))
    if len(gone) > AT_LEAST and len(gone) > SHARE * links:
        run.event(
            "warning", "many-gone", f"{len(gone)} linked records are gone from {app} at once; nobody counts as erased"
        )
        return
    everything: set[str] = set()
    with run.workspace.transaction():
        for one in gone:
            keys = {one.other_key, normalised(one.email), *additional(run.workspace, [one.hubspot_id])}
            suppress(run, keys, f"deleted for good in {app}")
            everything |= keys
        scrub(run.workspace, [one.contact for one in gone], everything)
    run.event("info", "erased", f"{len(gone)} linked records were deleted for good in {app} and stay away")


def _move(run: Run, side: Side) -> None:
    """Moves links to survivors that belong to no other link. Where several meet in one survivor, the one whose other
    record has the survivor's address comes first; the rest keep their old id and become a finding."""
    other: Side = "app" if side == "hubspot" else "hubspot"
    merged = run.workspace.rows(
        f"SELECT c.id, c.{side}_id AS old_id, l.record_id AS survivor FROM contact c "
        f"JOIN alias l ON l.side = ? AND l.fate = 'merged' AND l.old_id = c.{side}_id "
        f"JOIN {TABLE[side]} s ON s._id = l.record_id LEFT JOIN {TABLE[other]} o ON o._id = c.{other}_id "
        "WHERE c.linked_at IS NOT NULL ORDER BY o._email_key IS NOT s._email_key, c.id",
        (side,),
    )
    moved = 0
    with run.workspace.transaction() as sql:
        for link in merged:
            survivor = link["survivor"]
            taken = f"SELECT 1 FROM contact WHERE {side}_id = ? AND linked_at IS NOT NULL"
            if sql.execute(taken, (survivor,)).fetchone():
                continue
            sql.execute(
                f"DELETE FROM contact WHERE linked_at IS NULL AND ({side}_id = ? OR anchor = ?)",
                (survivor, f"{side[0]}:{survivor}"),
            )
            sql.execute(
                f"UPDATE contact SET {side}_id = ?, {side}_written_at = NULL, "
                "anchor = CASE WHEN anchor = ? THEN ? ELSE anchor END WHERE id = ?",
                (survivor, f"{side[0]}:{link['old_id']}", f"{side[0]}:{survivor}", link["id"]),
            )
            moved += 1
    if moved:
        run.event("info", "merged", f"{moved} links follow their record, which was merged into another one")
