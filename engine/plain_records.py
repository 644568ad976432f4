"""Pairs unlinked records in ranges, so that no frame holds all of them: first those that hang together with others, then, in the
order of the mirror, those whose own address alone tells the pair.

Entangled is who has additional addresses, shares its address with another record of its side, or is in a row of the table
`contact` that its address does not explain; and whoever shares an address or a row with these (`engine/nearby.py`). All others
are plain: at most one record of each side has the address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from engine.identity import ADDRESS, paired
from engine.mirror import TABLE
from engine.nearby import AMONG, LINK, RECORD, Records, array, near, together
from engine.schema import SIDES, Side
from engine.workspace import Workspace

RANGE = 100_000
"""Rows of a mirror in one frame."""
SHARE = 0.2
"""Entangled records, as a share of the larger side, up to which the plain ones are paired apart from them."""
_TWINS = """
SELECT _id FROM {table} WHERE _email_key IN
  (SELECT _email_key FROM {table} WHERE _email_key <> '' GROUP BY _email_key HAVING count(*) > 1)
"""
_SEVERAL: Mapping[Side, str] = {
    "hubspot": f"{_TWINS.format(table=TABLE['hubspot'])} UNION SELECT record_id FROM additional_email",
    "app": _TWINS.format(table=TABLE["app"]),
}
_STRAYS = """
SELECT c.hubspot_id, c.app_id FROM contact c
LEFT JOIN hubspot_contact h ON h._rowid_ = c.hubspot_row AND h._id = c.hubspot_id
LEFT JOIN app_contact a ON a._rowid_ = c.app_row AND a._id = c.app_id
WHERE c.linked_at IS NULL AND (h._id IS NOT c.hubspot_id OR a._id IS NOT c.app_id OR h._email_key <> a._email_key)
UNION ALL SELECT iif(anchor LIKE 'h:%', substr(anchor, 3), NULL), iif(anchor LIKE 'a:%', substr(anchor, 3), NULL)
FROM contact WHERE hubspot_id IS NULL AND app_id IS NULL
"""
"""Rows whose records are gone, or do not have one address; and those without records, by the one that they are named after. Looked
up where they lay at the last pairing: whose place is not known any more counts as gone."""
_OF_HUBSPOT: Mapping[Side, str] = {
    "hubspot": "hubspot_contact WHERE _rowid_ > ? AND _rowid_ <= ?",
    "app": "(SELECT a._id, a._email_key FROM hubspot_contact h CROSS JOIN app_contact a ON a._email_key = h._email_key "
    "WHERE h._rowid_ > ? AND h._rowid_ <= ? AND h._email_key <> '')",
}
_OF_APP_ALONE = """
app_contact a WHERE _rowid_ > ? AND _rowid_ <= ?
  AND (a._email_key = '' OR NOT EXISTS (SELECT 1 FROM hubspot_contact h WHERE h._email_key = a._email_key))
"""


def entangled(workspace: Workspace) -> Records | None:
    """The records that have to be paired together, unlinked ones and those that make them so; None if they are not few."""
    most = SHARE * max(int(workspace.value(f"SELECT count(*) FROM {table}")) for table in TABLE.values())
    several = Records(*(frozenset(str(row[0]) for row in workspace.rows(_SEVERAL[side])) for side in SIDES))
    return near(workspace, several | together(workspace, _STRAYS), most)


def plain_pairs(workspace: Workspace, apart_from: Records) -> Iterator[tuple[pl.DataFrame, Records]]:
    """Rows of `identity.PAIRED` for all unlinked plain records, range by range, each part with the records that it is of.
    `apart_from`: the entangled ones."""
    none = pl.DataFrame(schema=ADDRESS)
    for ends in _ranges(workspace, "hubspot"):
        hubspot, app = (_read(workspace, side, _OF_HUBSPOT[side], ends, apart_from) for side in SIDES)
        yield _paired(workspace, hubspot, app)
    for ends in _ranges(workspace, "app"):
        yield _paired(workspace, none, _read(workspace, "app", _OF_APP_ALONE, ends, apart_from))


def _read(workspace: Workspace, side: Side, source: str, ends: tuple[int, int], apart_from: Records) -> pl.DataFrame:
    records = workspace.population(RECORD, source, ends)
    return records.filter(~pl.col("id").is_in(apart_from.of(side)))


def _paired(workspace: Workspace, hubspot: pl.DataFrame, app: pl.DataFrame) -> tuple[pl.DataFrame, Records]:
    rows = paired(hubspot, app, _links(workspace, hubspot, app)).filter(pl.col("contact").is_null())
    return rows, Records(*(frozenset(rows[f"{side}_id"].drop_nulls()) for side in SIDES))


def _links(workspace: Workspace, hubspot: pl.DataFrame, app: pl.DataFrame) -> pl.DataFrame:
    if not workspace.value("SELECT EXISTS (SELECT 1 FROM contact WHERE linked_at IS NOT NULL)"):
        return pl.DataFrame(schema={name: pl.Int64 if name == "contact" else pl.String for name in LINK})
    having = " UNION ALL ".join(f"SELECT id FROM contact WHERE {side}_id {AMONG}" for side in SIDES)
    return workspace.population(
        LINK,
        f"contact WHERE linked_at IS NOT NULL AND id IN ({having})",
        (array(hubspot["id"]), array(app["id"])),
        integers=("contact",),
    )


def _ranges(workspace: Workspace, side: Side) -> Iterator[tuple[int, int]]:
    last = int(workspace.value(f"SELECT coalesce(max(_rowid_), 0) FROM {TABLE[side]}"))
    return ((after, after + RANGE) for after in range(0, last, RANGE))
