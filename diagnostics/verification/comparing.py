"""The comparison itself: two fresh readings, field by field.

It knows neither the mirror nor the base nor any verdict: only which ids belong together, and how a mapping compares values.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from diagnostics.verification.fresh import FreshSide
from diagnostics.verification.joined import joined_pairs
from diagnostics.verification.moments import moment
from engine.merge import MappedPair

_TEXTS = ("hubspot_id", "app_id", "field", "hubspot_value", "app_value", "hubspot_canonical", "app_canonical")
FOUND = pl.Schema({"contact": pl.Int64(), **dict.fromkeys(_TEXTS, pl.String()), "changed_at": pl.Datetime("us", "UTC")})
"""One differing value: `field` is the mapping's name, or empty where a whole record is gone; then the values say `there` and
`gone`. `changed_at`: when either record was changed last."""

_SLICE = 250_000


def compare(links: pl.DataFrame, hubspot: FreshSide, app: FreshSide, pairs: Sequence[MappedPair]) -> pl.DataFrame:
    """Rows of FOUND for links (`contact`, `hubspot_id`, `app_id`), in slices of them."""
    joined = joined_pairs(links.select("contact", "hubspot_id", "app_id"), hubspot, app)
    rows = [_gone(joined)]
    for part in joined.iter_slices(_SLICE):
        rows.extend(_values(part, pair) for pair in pairs)
    return pl.concat(rows)


def _gone(joined: pl.DataFrame) -> pl.DataFrame:
    def presence(side: str) -> pl.Expr:
        there = pl.when(pl.col(f"there_{side}")).then(pl.lit("there")).otherwise(pl.lit("gone"))
        return there.alias(f"{side}_value")

    return (
        joined.filter(~pl.col("both"))
        .with_columns(
            presence("hubspot"),
            presence("app"),
            field=pl.lit(""),
            hubspot_canonical=pl.lit(""),
            app_canonical=pl.lit(""),
        )
        .with_columns(_changed_at())
        .select(FOUND.names())
        .cast(dict(FOUND))  # type: ignore[arg-type]
    )


def _values(part: pl.DataFrame, pair: MappedPair) -> pl.DataFrame:
    hubspot, app = pl.col(pair.column("hubspot")), pl.col(pair.column("app"))
    return (
        part.lazy()
        .filter("both", hubspot.is_not_null() & app.is_not_null() & (hubspot != app))
        .with_columns(hubspot_canonical=pair.comparable("hubspot", hubspot), app_canonical=pair.comparable("app", app))
        .filter(pl.col("hubspot_canonical") != pl.col("app_canonical"))
        .with_columns(_changed_at(), field=pl.lit(pair.name), hubspot_value=hubspot, app_value=app)
        .select(FOUND.names())
        .cast(dict(FOUND))  # type: ignore[arg-type]
        .collect()
    )


def _changed_at() -> pl.Expr:
    newest = pl.max_horizontal(moment(pl.col("hubspot_updated_at")), moment(pl.col("app_updated_at")))
    return newest.alias("changed_at")
