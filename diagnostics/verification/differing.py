"""Every difference between two linked records, and why it may be there.

What differs comes from `comparing`, which reads both sides anew. What the engine remembers is used for one thing only: to
name a reason. Where its base is the only one, the difference is `agreed` and counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.causes import counterpart_gone, erased, many_to_one
from diagnostics.verification.comparing import compare
from diagnostics.verification.consent import ConsentRule, consent_differences
from diagnostics.verification.fresh import REREAD_LIMIT, FreshSide
from diagnostics.verification.joined import joined_pairs
from diagnostics.verification.known import Known
from diagnostics.verification.moments import moment
from diagnostics.verification.result import DIFFERENT, Claims
from engine.connectors import Connector
from engine.merge import MappedPair
from engine.runs import Run

LOOKS = 3
"""At most so often a doubtful record is read again while it still moves between two looks."""


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
    """Rows of `result.DIFFERENT` for every pair of the last check, and both sides as they were at the last look.

    Records whose difference is unexplained or in flight are read again by id, and again while they still move, so that a
    change between two readings does not count.
    """
    rows = differing(expected, hubspot, app)
    doubtful = _doubtful(rows)
    for _ in range(LOOKS):
        if not doubtful.height:
            break
        run.progress("reading doubtful records once more", 0, doubtful.height)
        again = []
        for side, connector, ids in zip((hubspot, app), connectors, ("hubspot_id", "app_id"), strict=True):
            asked = doubtful[ids].unique(maintain_order=True).to_list()
            again.append(side.with_reread(await connector.read(asked, side.fields), asked))
        run.progress("reading doubtful records once more", doubtful.height, doubtful.height)
        hubspot, app = again
        before, rows = rows, differing(expected, hubspot, app)
        doubtful = _doubtful(rows.join(before, on=rows.columns, how="anti", nulls_equal=True))
    return rows, hubspot, app


def _doubtful(rows: pl.DataFrame) -> pl.DataFrame:
    """A row per contact whose difference is to be looked at again, the unexplained ones first."""
    return (
        rows.filter(pl.col("class").is_in(["unexplained", "in_flight"]))
        .sort("class", descending=True, maintain_order=True)
        .unique("contact", keep="first", maintain_order=True)
        .head(REREAD_LIMIT)
    )


def differing(expected: Expectation, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """Rows of `result.DIFFERENT` for two fresh readings."""
    # Nothing of an erased person is looked at, so nothing of them can be stored.
    contacts = expected.known.contacts.filter(pl.col("cause") != erased.CODE)
    found = compare(contacts, hubspot, app, expected.pairs)
    joined = joined_pairs(contacts, hubspot, app)
    consent = consent_differences(joined, expected.rules, expected.known, expected.began)
    return pl.concat([_reasons(found, expected), consent]).sort("contact", "field")


def claims(known: Known, differences: pl.DataFrame) -> Claims:
    """What became of the last check's word `in_sync` for the pairs of `known`."""
    pair = pl.col("hubspot_id").is_not_null() & pl.col("app_id").is_not_null()
    claimed = known.contacts.filter(pair & (pl.col("state") == "in_sync"))
    worst = (
        differences.filter(pl.col("contact").is_in(claimed["contact"].implode()))
        .group_by("contact")
        .agg(broken=(pl.col("class") == "unexplained").any(), in_flight=(pl.col("class") == "in_flight").any())
    )
    broken = worst.filter("broken").height
    in_flight = worst.filter(~pl.col("broken") & pl.col("in_flight")).height
    return Claims(claimed.height, claimed.height - worst.height, worst.height - broken - in_flight, in_flight, broken)


def _reasons(found: pl.DataFrame, expected: Expectation) -> pl.DataFrame:
    """The found differences with their class."""
    known, meaning = expected.known, _meaning(expected.pairs)
    held = known.quarantined.lazy()
    held_fields = _of_mappings(held, expected.pairs).with_columns(held=True)
    held_records = held.filter(pl.col("field") == "").select("contact", record_held=True).unique()
    base = known.base.lazy().select("contact", "field", "fingerprint", "base_hubspot", "base_app")
    return (
        found.lazy()
        .join(known.contacts.lazy().select("contact", "state", "cause"), on="contact", how="left")
        .join(meaning.lazy(), on="field", how="left")
        .join(known.conflicts.lazy().unique().with_columns(disputed=True), on=["contact", "field"], how="left")
        .join(_of_mappings(known.planned.lazy(), expected.pairs).with_columns(planned=True), on=["contact", "field"], how="left")
        .join(held_fields, on=["contact", "field"], how="left")
        .join(held_records, on="contact", how="left")
        .join(base, on=["contact", "field", "fingerprint"], how="left")
        .with_columns(_class(expected.began).alias("class"))
        .select(DIFFERENT.names())
        .collect()
    )  # fmt: skip


def _meaning(pairs: Sequence[MappedPair]) -> pl.DataFrame:
    rows = [(pair.name, pair.fingerprint, pair.direction) for pair in pairs]
    return pl.DataFrame(rows, schema=dict.fromkeys(("field", "fingerprint", "direction"), pl.String), orient="row")


def _of_mappings(rows: pl.LazyFrame, pairs: Sequence[MappedPair]) -> pl.LazyFrame:
    """`contact`, `field` (the mapping's name) of rows that name a side and its own field."""
    names = [("hubspot", pair.hubspot, pair.name) for pair in pairs] + [("app", pair.app, pair.name) for pair in pairs]
    own = pl.LazyFrame(names, schema=dict.fromkeys(("side", "field", "mapping"), pl.String), orient="row")
    return rows.join(own, on=["side", "field"]).select("contact", field="mapping").unique()


def _class(began: str) -> pl.Expr:
    """The first reason that holds."""
    state, gone = pl.col("state"), pl.col("field") == ""
    h, a = pl.col("hubspot_canonical"), pl.col("app_canonical")
    known_loss = pl.col("cause").is_in([counterpart_gone.CODE, many_to_one.CODE])
    agreed = (h == pl.col("base_hubspot")) & (a == pl.col("base_app"))
    # An empty source flows only where it was emptied since the last agreement.
    empty_source = (
        pl.when(pl.col("direction") == "to_app")
        .then((h == "") & (pl.col("base_hubspot").fill_null("") == ""))
        .when(pl.col("direction") == "to_hubspot")
        .then((a == "") & (pl.col("base_app").fill_null("") == ""))
        .otherwise(pl.lit(False))
    )
    reasons: tuple[tuple[pl.Expr, str], ...] = (
        (gone & known_loss, "failing"),
        (gone, "unexplained"),
        ((pl.col("changed_at") > moment(pl.lit(began))).fill_null(False), "in_flight"),
        (state == "excluded", "filtered"),
        (pl.coalesce("held", "record_held", pl.lit(False)), "quarantined"),
        (pl.col("disputed"), "conflict"),
        (pl.col("planned") & state.is_in(["pending", "conflict", "failing"]), "pending"),
        (state == "failing", "failing"),
        (empty_source, "policy"),
        (agreed.fill_null(False), "agreed"),
        ((state == "unknown") & pl.col("base_hubspot").is_null(), "unknown"),
    )
    return pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for holds, name in reasons), pl.lit("unexplained"))
