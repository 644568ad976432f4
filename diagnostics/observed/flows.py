"""What moves between two checks of an observed connection: counted evidence that the other engine is alive, and which way it goes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from engine.runs import Run, iso
from engine.workspace import Workspace

SEEN = 3
"""So often a field has to have moved one way, and never the other, before it counts as its way."""
STUCK_CHECKS = 3
"""At so many checks something has to have waited unchanged before it is called stuck."""

_TEXTS = ("hubspot_id", "app_id", "field", "towards", "hubspot_digest", "app_digest")
WAITING = pl.Schema(dict.fromkeys(_TEXTS, pl.String()))
"""What would have to flow: of a pair the differing `field` (mapping) with digests of both canonical values; of a record that is
alone, an empty field and id. `towards` is the planner's outcome: to_app, to_hubspot, both or conflict."""
_KEYS = ["hubspot_id", "app_id", "field"]


@dataclass(frozen=True)
class Flow:
    """`moved` times a value of `field` (empty: a whole contact) that waited at one check had gone this way at the next."""

    field: str
    towards: str
    moved: int
    last_at: str


@dataclass(frozen=True)
class Wait:
    """Since when, and at how many checks, something waits unchanged."""

    field: str
    towards: str
    since_at: str
    checks: int


def digest(text: str) -> str:
    """A short digest of a canonical value, so that no value is stored to see that it has changed."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def digests(column: pl.Expr) -> pl.Expr:
    """The same of a column."""
    return column.map_elements(digest, return_dtype=pl.String, skip_nulls=True)


def moved(before: pl.DataFrame, waiting: pl.DataFrame, now: pl.DataFrame) -> dict[tuple[str, str], int]:
    """How many of those that waited have flowed, by field and direction (pure).

    `before`, `waiting`: rows of WAITING at the last check and now. `now`: `hubspot_id`, `app_id`, `field` and both digests of every
    mapped value of the pairs concerned, and for a record that was alone and has a counterpart by now a row with an empty field.
    A value counts if both sides hold now what one of them held before; that side's it was.
    """
    over = before.join(waiting, on=_KEYS, how="anti")
    pairs = over.filter(pl.col("field") != "").join(
        now.select(*_KEYS, now_hubspot="hubspot_digest", now_app="app_digest"), on=_KEYS
    )
    agree = pairs.filter(pl.col("now_hubspot") == pl.col("now_app"))
    went = agree.select(
        "field",
        towards=pl.when(pl.col("now_app") == pl.col("hubspot_digest"))
        .then(pl.lit("to_app"))
        .when(pl.col("now_hubspot") == pl.col("app_digest"))
        .then(pl.lit("to_hubspot"))
        .otherwise(pl.lit("")),
    )
    alone = over.filter(pl.col("field") == "")
    there = now.filter(pl.col("field") == "")
    created = pl.concat(
        [
            alone.filter(pl.col(own) != "").join(there, on=own, how="semi").select("field", "towards")
            for own in ("hubspot_id", "app_id")
        ]
    )
    counted = pl.concat([went, created]).filter(pl.col("towards") != "").group_by("field", "towards").len()
    return {(field, towards): count for field, towards, count in counted.iter_rows()}


def waits(workspace: Workspace) -> pl.DataFrame:
    """Rows of WAITING as the last check left them."""
    return workspace.frame(f"SELECT {', '.join(WAITING.names())} FROM observed_wait")


def keep(run: Run, waiting: pl.DataFrame, counted: Mapping[tuple[str, str], int]) -> None:
    """Keeps what waits now, since when, and adds what has flowed."""
    now = iso(run.now())
    before = run.workspace.frame(
        f"SELECT {', '.join(_KEYS)}, hubspot_digest, app_digest, since_run, since_at, checks FROM observed_wait",
        integers=("since_run", "checks"),
    )
    same = [*_KEYS, "hubspot_digest", "app_digest"]
    rows = waiting.unique(_KEYS, keep="first").join(before, on=same, how="left").with_columns(
        pl.col("since_run").fill_null(run.id), pl.col("since_at").fill_null(now), pl.col("checks").fill_null(0) + 1
    )  # fmt: skip
    columns = (*WAITING.names(), "since_run", "since_at", "checks")
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM observed_wait")
        sql.executemany(
            f"INSERT INTO observed_wait({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            rows.select(columns).iter_rows(),
        )
        sql.executemany(
            "INSERT INTO observed_flow(field, towards, moved, last_run, last_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT(field, towards) DO UPDATE SET moved = moved + excluded.moved, last_run = excluded.last_run, "
            "last_at = excluded.last_at",
            [(field, towards, count, run.id, now) for (field, towards), count in counted.items()],
        )


def flows(workspace: Workspace) -> tuple[Flow, ...]:
    """What was seen to flow, the most first."""
    rows = workspace.rows(
        "SELECT field, towards, moved, last_at FROM observed_flow ORDER BY moved DESC, field, towards"
    )
    return tuple(Flow(*row) for row in rows)


def ways(known: tuple[Flow, ...]) -> dict[str, str]:
    """The way of each field that has moved often enough one way and never the other."""
    per_field: dict[str, list[Flow]] = {}
    for one in known:
        per_field.setdefault(one.field, []).append(one)
    return {field: found[0].towards for field, found in per_field.items() if len(found) == 1 and found[0].moved >= SEEN}


def stuck_since(now: datetime, after_hours: int) -> str:
    """What has waited unchanged since before this moment is stuck, if it was seen often enough."""
    return iso(now - timedelta(hours=after_hours))
