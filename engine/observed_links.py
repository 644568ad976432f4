"""Links that another engine left in the records: fields that hold the id of the other side's record.

A field is used if the connection names it, or if it is clearly one: every value leads to another record there, each to
its own. Once found it stays in use although some ids go wrong later. One that nearly is one is only proposed. Wrong ids are
named, never guessed away.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from engine.connection import Connection
from engine.mirror import TABLE, columns_of
from engine.schema import Side, SideSchema
from engine.workspace import Workspace, quoted

CANDIDATES = 5
"""So many fields of a side are looked at without being named."""
CLEAR = 20
"""A field with fewer values is not taken for an id field by itself."""
PROPOSED_SHARE = 0.8
_LIKE_AN_ID = re.compile(r"(?:^|[^a-z])(?:u|gu|v)?ids?$|[a-z]id$", re.IGNORECASE)
_OTHER: Mapping[Side, Side] = {"hubspot": "app", "app": "hubspot"}
Used = Literal["configured", "found", "proposed"]

CLAIM = pl.Schema({"side": pl.String, "hubspot_id": pl.String, "app_id": pl.String, "field": pl.String})
DOUBT = pl.Schema(dict.fromkeys(("side", "record_id", "field", "names", "problem"), pl.String()))
"""An id that does not link: `names` is the value found in `field` of the record. `problem`: `nowhere` (no record has this
id), `several` (several records name the same one), `contradicts` (that record names another one in turn)."""


@dataclass(frozen=True)
class IdField:
    """A field with ids of the other side: of `filled` values `leading` lead to a record there; the others are doubts."""

    side: Side
    field: str
    used: Used
    filled: int
    leading: int
    nowhere: int
    several: int
    contradicting: int


@dataclass(frozen=True)
class LeftLinks:
    """What the id fields say: `links` (`hubspot_id`, `app_id`, `by`: `id hubspot.NAME` or `id app.NAME`), `doubts` (rows of
    DOUBT) and the fields themselves."""

    links: pl.DataFrame
    doubts: pl.DataFrame
    fields: tuple[IdField, ...]


def id_fields(connection: Connection, schema: SideSchema) -> list[str]:
    """The fields of a side to read for links: the configured one, else those whose names look like an id's. None where the
    engine keeps the links itself."""
    if connection.mode != "observed":
        return []
    configured = _configured(connection, schema.side)
    if configured:
        return [configured] if configured in schema.fields else []
    own = {schema.identity_field, *schema.former_ids_fields}
    named = [
        name
        for name, field in schema.fields.items()
        if name not in own
        and not name.startswith("hs_")
        and field.type in ("text", "number")
        and (_LIKE_AN_ID.search(name) or _LIKE_AN_ID.search(field.label))
    ]
    return named[:CANDIDATES]


def left_links(workspace: Workspace, connection: Connection, schemas: Mapping[Side, SideSchema]) -> LeftLinks:
    """What the mirrored id fields say now."""
    ids = {side: workspace.frame(f"SELECT _id AS id FROM {TABLE[side]}") for side in _OTHER}
    read = {
        side: [name for name in id_fields(connection, schemas[side]) if name in columns_of(workspace, side)]
        for side in _OTHER
    }
    aliases = {side: _aliases(workspace, schemas[_OTHER[side]]) for side in _OTHER if read[side]}
    claims = {(side, name): _claims(workspace, side, name, aliases[side]) for side in aliases for name in read[side]}
    found = {
        (row["side"], row["field"]) for row in workspace.rows("SELECT side, field FROM id_field WHERE used = 'found'")
    }
    used: dict[tuple[Side, str], Used] = {}
    for (side, name), rows in claims.items():
        if _configured(connection, side) == name:
            used[side, name] = "configured"
        elif _clear(rows, ids[_OTHER[side]]) or ((side, name) in found and _nearly(rows, ids[_OTHER[side]])):
            used[side, name] = "found"
        elif _nearly(rows, ids[_OTHER[side]]):
            used[side, name] = "proposed"
    taken = [claims[key] for key, how in used.items() if how != "proposed"]
    every = pl.concat([pl.DataFrame(schema=_NAMED), *taken])
    problems = _problems(every, ids)
    good = problems.filter(pl.col("problem") == "")
    links = good.select(
        "hubspot_id", "app_id", by=pl.concat_str(pl.lit("id "), "side", pl.lit("."), "field")
    ).unique(["hubspot_id", "app_id"], keep="last", maintain_order=True)  # fmt: skip
    doubts = problems.filter(pl.col("problem") != "").select(DOUBT.names()).unique(["side", "record_id", "field"])
    return LeftLinks(
        links, doubts, tuple(_described(key, how, claims[key], ids, problems) for key, how in used.items())
    )


_NAMED = pl.Schema(dict.fromkeys(("side", "field", "record_id", "names", "leads_to"), pl.String()))
"""A record of a side and the value of its id field; `leads_to` is the id that the value stands for by now."""


def _configured(connection: Connection, side: Side) -> str:
    return connection.observe.hubspot_id_field if side == "hubspot" else connection.observe.app_id_field


def _claims(workspace: Workspace, side: Side, field: str, aliases: pl.DataFrame) -> pl.DataFrame:
    held = workspace.frame(
        f"SELECT _id AS record_id, trim({quoted(field)}) AS names FROM {TABLE[side]} "
        f"WHERE trim(coalesce({quoted(field)}, '')) <> '' ORDER BY _id"
    )
    return (
        held.join(aliases, on="names", how="left")
        .with_columns(side=pl.lit(side), field=pl.lit(field), leads_to=pl.coalesce("now", "names"))
        .select(_NAMED.names())
    )


def _aliases(workspace: Workspace, schema: SideSchema) -> pl.DataFrame:
    """`names` (the id of a record that was merged away, or the hash of a record's address), `now`."""
    columns = columns_of(workspace, schema.side)
    rows = [pl.DataFrame(schema={"names": pl.String, "now": pl.String})]
    for field in schema.former_ids_fields:
        if field in columns:
            held = workspace.frame(
                f"SELECT {quoted(field)} AS names, _id AS now FROM {TABLE[schema.side]} WHERE {quoted(field)} <> ''"
            )
            rows.append(held.with_columns(pl.col("names").str.split(";")).explode("names").select("names", "now"))
    if schema.address_hash_is_id and schema.identity_field in columns:
        held = workspace.frame(
            f"SELECT {quoted(schema.identity_field)} AS names, _id AS now FROM {TABLE[schema.side]} WHERE names <> ''"
        )
        rows.append(held.with_columns(pl.col("names").map_elements(_hashed, return_dtype=pl.String)))
    former = pl.concat(rows).with_columns(pl.col("names").str.strip_chars())
    return former.filter(pl.col("names") != pl.col("now")).unique("names", keep="none")


def _hashed(address: str) -> str:
    return hashlib.md5(address.strip().lower().encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _clear(rows: pl.DataFrame, others: pl.DataFrame) -> bool:
    known = rows.join(others, left_on="leads_to", right_on="id", how="semi")
    return rows.height >= CLEAR and known.height == rows.height and rows["leads_to"].n_unique() == rows.height


def _nearly(rows: pl.DataFrame, others: pl.DataFrame) -> bool:
    known = rows.join(others, left_on="leads_to", right_on="id", how="semi")
    return 0 < rows.height * PROPOSED_SHARE <= known.height


def _problems(claims: pl.DataFrame, ids: Mapping[Side, pl.DataFrame]) -> pl.DataFrame:
    """The claims with both ids and their `problem`, empty if there is none."""
    ours = pl.col("side") == "hubspot"
    rows = claims.with_columns(
        hubspot_id=pl.when(ours).then("record_id").otherwise("leads_to"),
        app_id=pl.when(ours).then("leads_to").otherwise("record_id"),
    )
    known = (
        pl.when(ours)
        .then(pl.col("app_id").is_in(ids["app"]["id"].implode()))
        .otherwise(pl.col("hubspot_id").is_in(ids["hubspot"]["id"].implode()))
    )
    # What leads nowhere takes nobody's place.
    placed = rows.filter(known).unique(["hubspot_id", "app_id"])
    of_app = placed.group_by("app_id").agg(hubspots=pl.len())
    of_hubspot = placed.group_by("hubspot_id").agg(apps=pl.len())
    sharing = rows.filter(known).group_by("side", "field", "leads_to").agg(sharers=pl.len())
    return (
        rows.with_columns(known=known)
        .join(of_app, on="app_id", how="left")
        .join(of_hubspot, on="hubspot_id", how="left")
        .join(sharing, on=["side", "field", "leads_to"], how="left")
        .with_columns(
            problem=pl.when(~pl.col("known"))
            .then(pl.lit("nowhere"))
            .when(pl.col("sharers") > 1)
            .then(pl.lit("several"))
            .when((pl.col("hubspots") > 1) | (pl.col("apps") > 1))
            .then(pl.lit("contradicts"))
            .otherwise(pl.lit(""))
        )
    )


def _described(
    key: tuple[Side, str], used: Used, rows: pl.DataFrame, ids: Mapping[Side, pl.DataFrame], problems: pl.DataFrame
) -> IdField:
    side, field = key
    known = rows.join(ids[_OTHER[side]], left_on="leads_to", right_on="id", how="semi")
    mine = problems.filter((pl.col("side") == side) & (pl.col("field") == field))
    several = known.height - known["leads_to"].n_unique()
    counts = dict(mine.group_by("problem").len().iter_rows())
    return IdField(
        side, field, used, rows.height, known.height, rows.height - known.height,
        counts.get("several", several), counts.get("contradicts", 0),
    )  # fmt: skip
