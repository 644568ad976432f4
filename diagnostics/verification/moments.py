"""Moments in fresh readings."""

from __future__ import annotations

import polars as pl


def moment(column: pl.Expr) -> pl.Expr:
    """An ISO 8601 text column in UTC, with or without fractions, as moments; null where it is none."""
    seconds = column.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_zone="UTC", strict=False)
    fraction = column.str.extract(r"\.(\d{1,3})\d*Z?").str.pad_end(3, "0").cast(pl.Int64, strict=False)
    return seconds + pl.duration(milliseconds=fraction.fill_null(0))
