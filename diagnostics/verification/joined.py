"""The pairs of the last check, joined with both fresh readings."""

from __future__ import annotations

import polars as pl

from diagnostics.verification.fresh import FreshSide
from diagnostics.verification.known import Known


def joined_pairs(known: Known, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """The last check's pairs with the fresh values: columns of `Known.contacts`, `hubspot.NAME`, `app.NAME`,
    `hubspot_updated_at`, `app_updated_at`, `there_hubspot`, `there_app` and `both` (both records are there)."""
    pairs = known.contacts.lazy().filter(pl.col("hubspot_id").is_not_null() & pl.col("app_id").is_not_null())
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
