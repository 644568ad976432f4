"""Pairs of ids, joined with both fresh readings."""

from __future__ import annotations

import polars as pl

from diagnostics.verification.fresh import FreshSide


def joined_pairs(links: pl.DataFrame, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """The rows of `links` that have a `hubspot_id` and an `app_id`, with the fresh values: their own columns, `hubspot.NAME`,
    `app.NAME`, `hubspot_updated_at`, `app_updated_at`, `there_hubspot`, `there_app` and `both` (both records are there)."""
    pairs = links.lazy().filter(pl.col("hubspot_id").is_not_null() & pl.col("app_id").is_not_null())
    for side, ids in ((hubspot, "hubspot_id"), (app, "app_id")):
        named = side.records.lazy().select(
            pl.col("id").alias(ids),
            pl.col("updated_at").alias(f"{side.side}_updated_at"),
            pl.lit(True).alias(f"there_{side.side}"),
            *(pl.col(f"value.{field}").alias(f"{side.side}.{field}") for field in side.fields),
        )
        pairs = pairs.join(named, on=ids, how="left")
    there = pl.col("there_hubspot", "there_app").fill_null(False)
    return pairs.with_columns(there).with_columns(both=pl.col("there_hubspot") & pl.col("there_app")).collect()
