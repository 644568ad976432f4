"""Every difference between two linked records, and why it may be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.causes import counterpart_gone, erased, many_to_one
from diagnostics.verification.consent import ConsentRule, consent_differences
from diagnostics.verification.fresh import REREAD_LIMIT, FreshSide
from diagnostics.verification.joined import joined_pairs
from diagnostics.verification.known import Known, moment
from engine.connectors import Connector
from engine.merge import MappedPair
from engine.runs import Run

_SLICE = 250_000


@dataclass(frozen=True)
class Expectation:
    """What two fresh readings are held against: the last check, the mapped values, the rules of consent. `began` is
    when this verification began (ISO 8601 in UTC): only what changed later is in flight."""

    known: Known
    pairs: Sequence[MappedPair]
    rules: Sequence[ConsentRule]
    began: str


async def find_differences(
    run: Run,
    expected: Expectation,
    hubspot: FreshSide,
    app: FreshSide,
    connectors: tuple[Connector, Connector],
) -> tuple[pl.DataFrame, FreshSide, FreshSide]:
    """Rows of `result.DIFFERENT` for every pair of the last check, and both sides as they were at the second look.

    Records whose difference is unexplained or in flight are read once more by id, so that a change between two
    readings does not count.
    """
    rows = differing(expected, hubspot, app)
    doubtful = (
        rows.filter(pl.col("class").is_in(["unexplained", "in_flight"]))
        .sort("class", descending=True)
        .unique("contact", keep="first", maintain_order=True)
        .head(REREAD_LIMIT)
    )
    if not doubtful.height:
        return rows, hubspot, app
    run.progress("reading doubtful records once more", 0, doubtful.height)
    again = []
    for side, connector, ids in zip((hubspot, app), connectors, ("hubspot_id", "app_id"), strict=True):
        asked = doubtful[ids].unique(maintain_order=True).to_list()
        again.append(side.with_reread(await connector.read(asked, side.fields), asked))
    run.progress("reading doubtful records once more", doubtful.height, doubtful.height)
    return differing(expected, again[0], again[1]), again[0], again[1]


def differing(expected: Expectation, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """Rows of `result.DIFFERENT` for two fresh readings, in slices of pairs."""
    known, began = expected.known, expected.began
    # Nothing of an erased person is looked at, so nothing of them can be stored.
    joined = joined_pairs(known, hubspot, app).filter(pl.col("cause") != erased.CODE)
    rows = [_gone(joined), consent_differences(joined, expected.rules, known, began)]
    for part in joined.iter_slices(_SLICE):
        rows.extend(_values(part, pair, known, began) for pair in expected.pairs)
    return pl.concat(rows).sort("contact", "field")


def _gone(joined: pl.DataFrame) -> pl.DataFrame:
    def presence(column: str) -> pl.Expr:
        return pl.when(pl.col(column)).then(pl.lit("there")).otherwise(pl.lit("gone"))

    return joined.filter(~pl.col("both")).select(
        "contact",
        "hubspot_id",
        "app_id",
        pl.lit("").alias("field"),
        pl.when(pl.col("cause").is_in([counterpart_gone.CODE, many_to_one.CODE]))
        .then(pl.lit("failing"))
        .otherwise(pl.lit("unexplained"))
        .alias("class"),
        presence("there_hubspot").alias("hubspot_value"),
        presence("there_app").alias("app_value"),
    )


def _values(part: pl.DataFrame, pair: MappedPair, known: Known, began: str) -> pl.DataFrame:
    hubspot, app = pl.col(f"hubspot.{pair.hubspot}"), pl.col(f"app.{pair.app}")
    differ = (
        part.lazy()
        .filter("both", hubspot.is_not_null() & app.is_not_null() & (hubspot != app))
        .with_columns(h=pair.comparable("hubspot", hubspot), a=pair.comparable("app", app))
        .filter(pl.col("h") != pl.col("a"))
    )
    conflicts = _of(known.conflicts, pair.name).select("contact", disputed=pl.lit(True))
    base = _of(known.base, pair.name).filter(pl.col("fingerprint") == pair.fingerprint)
    explained = (
        differ.join(conflicts, on="contact", how="left")
        .join(_planned(known, pair), on="contact", how="left")
        .join(base.select("contact", "base_hubspot", "base_app"), on="contact", how="left")
    )
    return explained.select(
        "contact",
        "hubspot_id",
        "app_id",
        pl.lit(pair.name).alias("field"),
        _class(pair, began).alias("class"),
        hubspot.alias("hubspot_value"),
        app.alias("app_value"),
    ).collect()


def _of(rows: pl.DataFrame, mapping: str) -> pl.LazyFrame:
    return rows.lazy().filter(pl.col("field") == mapping)


def _planned(known: Known, pair: MappedPair) -> pl.LazyFrame:
    to_app = (pl.col("side") == "app") & (pl.col("field") == pair.app)
    to_hubspot = (pl.col("side") == "hubspot") & (pl.col("field") == pair.hubspot)
    return known.planned.lazy().filter(to_app | to_hubspot).select("contact", planned=pl.lit(True)).unique()


def _class(pair: MappedPair, began: str) -> pl.Expr:
    """The first reason that holds; settled is a difference whose two values are those of the last agreement."""
    state = pl.col("state")
    settled = (pl.col("h") == pl.col("base_hubspot")) & (pl.col("a") == pl.col("base_app"))
    # An empty source flows only where it was emptied since the last agreement.
    empty_source = {
        "to_app": (pl.col("h") == "") & (pl.col("base_hubspot").fill_null("") == ""),
        "to_hubspot": (pl.col("a") == "") & (pl.col("base_app").fill_null("") == ""),
        "two_way": pl.lit(False),
    }[pair.direction]
    return (
        pl.when(_changed(began))
        .then(pl.lit("in_flight"))
        .when(state == "excluded")
        .then(pl.lit("filtered"))
        .when(state == "failing")
        .then("state")
        .when(pl.col("disputed"))
        .then(pl.lit("conflict"))
        .when(pl.col("planned") & state.is_in(["pending", "conflict"]))
        .then(pl.lit("pending"))
        .when(settled | empty_source)
        .then(pl.lit("policy"))
        .when((state == "unknown") & pl.col("base_hubspot").is_null())
        .then("state")
        .otherwise(pl.lit("unexplained"))
    )


def _changed(began: str) -> pl.Expr:
    """Whether either record was changed after a moment, ISO 8601 in UTC."""
    newest = pl.max_horizontal(moment(pl.col("hubspot_updated_at")), moment(pl.col("app_updated_at")))
    return (newest > moment(pl.lit(began))).fill_null(False)
