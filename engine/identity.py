"""Which records are one contact. Links are followed by their id pair; the rest is matched by normalised e-mail.

A match counts only if the address is unique on both sides; otherwise the records stay single and carry how many share it.
"""

from __future__ import annotations

import polars as pl

PAIRED = pl.Schema(
    {
        "contact": pl.Int64,
        "anchor": pl.String,
        "hubspot_id": pl.String,
        "app_id": pl.String,
        "hubspot_twins": pl.Int64,
        "app_twins": pl.Int64,
    }
)
"""`contact` is the id of a linked contact, else null; `anchor` names an unlinked one (`h:ID` or `a:ID`)."""


def paired(hubspot: pl.DataFrame, app: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Every record of both sides in exactly one row of PAIRED.

    `hubspot`, `app`: `id`, `key` (normalised e-mail, empty if there is none). `links`: `contact`, `hubspot_id`, `app_id`.
    Links whose record is gone from a side keep both ids.
    """
    hubspot_counts, app_counts = _sharing(hubspot, "hubspot_twins"), _sharing(app, "app_twins")
    free_hubspot = hubspot.join(links, left_on="id", right_on="hubspot_id", how="anti")
    free_app = app.join(links, left_on="id", right_on="app_id", how="anti")

    def alone(records: pl.DataFrame) -> pl.DataFrame:
        counted = records.join(hubspot_counts, on="key", how="left").join(app_counts, on="key", how="left")
        return counted.with_columns(pl.col("hubspot_twins", "app_twins").fill_null(0))

    single_hubspot, single_app = alone(free_hubspot), alone(free_app)
    unique = (pl.col("hubspot_twins") == 1) & (pl.col("app_twins") == 1) & (pl.col("key") != "")
    matched = (
        single_hubspot.filter(unique)
        .join(single_app.filter(unique).select("key", app_id="id"), on="key")
        .select("id", "app_id")
    )
    from_hubspot = single_hubspot.join(matched, on="id", how="left").select(
        pl.lit(None, pl.Int64).alias("contact"),
        (pl.lit("h:") + pl.col("id")).alias("anchor"),
        pl.col("id").alias("hubspot_id"),
        "app_id",
        pl.col("hubspot_twins").cast(pl.Int64),
        pl.col("app_twins").cast(pl.Int64),
    )
    from_app = single_app.join(matched, left_on="id", right_on="app_id", how="anti").select(
        pl.lit(None, pl.Int64).alias("contact"),
        (pl.lit("a:") + pl.col("id")).alias("anchor"),
        pl.lit(None, pl.String).alias("hubspot_id"),
        pl.col("id").alias("app_id"),
        pl.col("hubspot_twins").cast(pl.Int64),
        pl.col("app_twins").cast(pl.Int64),
    )
    linked = links.select(
        "contact",
        pl.lit(None, pl.String).alias("anchor"),
        "hubspot_id",
        "app_id",
        pl.lit(1, pl.Int64).alias("hubspot_twins"),
        pl.lit(1, pl.Int64).alias("app_twins"),
    )
    return pl.concat([linked, from_hubspot, from_app])


def _sharing(records: pl.DataFrame, name: str) -> pl.DataFrame:
    return records.filter(pl.col("key") != "").group_by("key").agg(pl.len().cast(pl.Int64).alias(name))
