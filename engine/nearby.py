"""Whom the records that changed since the last pairing may concern: all that has to be paired anew, and nothing else.

Triggers note what changes (`touched_record`, `engine/tables.py`). A pair depends on who shares an address, so whoever shares one
with a touched record is paired anew with it, and whoever shares one with these. An address that a record has given up is not
known any more; but whoever shared it with that record is in a pair with it, or its row says that the address is shared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from engine.mirror import TABLE
from engine.schema import SIDES, Side
from engine.workspace import Workspace

AMONG = "IN (SELECT value FROM json_each(?))"
RECORD = {"id": "_id", "key": "_email_key"}
"""A mirrored record's id and normalised address, as columns of a frame."""
LINK = {"contact": "id", "hubspot_id": "hubspot_id", "app_id": "app_id"}
"""The same of a link."""
_ADDRESSES: Mapping[Side, str] = {
    "hubspot": f"SELECT _email_key FROM hubspot_contact WHERE _id {AMONG} "
    f"UNION SELECT email_key FROM additional_email WHERE record_id {AMONG}",
    "app": f"SELECT _email_key FROM app_contact WHERE _id {AMONG}",
}
_UNLINKED = "NOT EXISTS (SELECT 1 FROM contact c WHERE c.{side}_id = {id} AND c.linked_at IS NOT NULL)"
_HOLDERS: Mapping[Side, str] = {
    "hubspot": f"SELECT _id FROM hubspot_contact r WHERE _email_key {AMONG} AND {_UNLINKED.format(side='hubspot', id='r._id')} "
    f"UNION SELECT record_id FROM additional_email e WHERE email_key {AMONG} "
    f"AND {_UNLINKED.format(side='hubspot', id='e.record_id')}",
    "app": f"SELECT _id FROM app_contact r WHERE _email_key {AMONG} AND {_UNLINKED.format(side='app', id='r._id')}",
}
_SHARING = """
SELECT hubspot_id, app_id FROM contact
WHERE linked_at IS NULL AND (hubspot_twins > 1 OR app_twins > 1 OR app_twins > 0 AND hubspot_twins > 0 AND matched_by <> 'email')
UNION SELECT hubspot_id, app_id FROM contact WHERE linked_at IS NULL AND hubspot_candidates <> ''
"""
_SAME_ROW = f"""
SELECT hubspot_id, app_id FROM contact WHERE linked_at IS NULL AND hubspot_id {AMONG}
UNION SELECT hubspot_id, app_id FROM contact WHERE linked_at IS NULL AND app_id {AMONG}
"""


def array(values: Iterable[str]) -> str:
    """Texts as a JSON array, for AMONG."""
    return json.dumps(list(values))


@dataclass(frozen=True)
class Records:
    """Ids of records of both sides."""

    hubspot: frozenset[str] = frozenset()
    app: frozenset[str] = frozenset()

    def of(self, side: Side) -> frozenset[str]:
        """Those of one side."""
        return self.hubspot if side == "hubspot" else self.app

    def __or__(self, other: Records) -> Records:
        return Records(self.hubspot | other.hubspot, self.app | other.app)

    def __sub__(self, other: Records) -> Records:
        return Records(self.hubspot - other.hubspot, self.app - other.app)

    def __len__(self) -> int:
        return len(self.hubspot) + len(self.app)


def touched(workspace: Workspace, *, to_pair: bool = False) -> Records:
    """The records that changed since the last pairing, or only those that have to be paired anew: they came, went, have another
    address, or their contact changed."""
    rows = workspace.rows("SELECT side, record_id FROM touched_record WHERE to_pair >= ?", (int(to_pair),))
    return Records(*(frozenset(row["record_id"] for row in rows if row["side"] == side) for side in SIDES))


def near(workspace: Workspace, changed: Records, most: float) -> Records | None:
    """The changed records, and all unlinked ones that have to be paired anew with them; None if these are more than `most`."""
    if not changed:
        return changed
    reached = Records()
    found = changed | together(workspace, _SHARING)
    while fresh := found - reached:
        reached |= fresh
        if len(reached) > most:
            return None
        keys = {
            str(row[0])
            for side in SIDES
            for row in workspace.rows(_ADDRESSES[side], [array(fresh.of(side))] * _ADDRESSES[side].count("?"))
        } - {""}
        holders = Records(
            *(
                frozenset(
                    str(row[0]) for row in workspace.rows(_HOLDERS[side], [array(keys)] * _HOLDERS[side].count("?"))
                )
                for side in SIDES
            )
        )
        found = holders | together(workspace, _SAME_ROW, [array(fresh.hubspot), array(fresh.app)])
    return reached


def unlinked_among(workspace: Workspace, records: Records) -> dict[Side, pl.DataFrame]:
    """`id` and `key` of those records that are there and in no link."""
    return {
        side: workspace.population(
            RECORD,
            f"{TABLE[side]} r WHERE _id {AMONG} AND {_UNLINKED.format(side=side, id='r._id')}",
            (array(records.of(side)),),
        )
        for side in SIDES
    }


def together(workspace: Workspace, query: str, parameters: Iterable[str] = ()) -> Records:
    """The records in the rows of a query for `hubspot_id` and `app_id`."""
    rows = workspace.rows(query, list(parameters))
    return Records(*(frozenset(row[f"{side}_id"] for row in rows if row[f"{side}_id"] is not None) for side in SIDES))
