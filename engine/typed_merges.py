"""What becomes of a field by what it holds: consent, a stage that only moves forward, a set. Expressions on the tidy form.

Each gives an outcome (see `engine.merge.DIFFERENCE`), or null where it has nothing to say and the ordinary rules go on.
The columns are those that `engine.merge` makes: canonical values, base, ranks, direction.
"""

from __future__ import annotations

import polars as pl

HUBSPOT, APP = pl.col("hubspot_canonical"), pl.col("app_canonical")
BASE_HUBSPOT, BASE_APP = pl.col("base_hubspot"), pl.col("base_app")
FIRST = BASE_HUBSPOT.is_null()
SETTLED = (HUBSPOT == BASE_HUBSPOT) & (APP == BASE_APP)
"""Both sides hold what they held when they last agreed; null at a first meeting."""
_TWO_WAY = pl.col("direction") == "two_way"


def consent_outcome() -> pl.Expr:
    """The stricter value wins, whatever direction and policy: the engine never loosens.

    Where the direction forbids to write it, both sides stay as they are. An empty value is strict too, but at a first
    meeting it is nobody's word, so it is a conflict beside an allowing one, which a person may decide to be strict. Two strict values are an ordinary matter.
    """
    strict_hubspot = pl.col("hubspot_rank") < pl.col("app_rank")
    strict = pl.when(strict_hubspot).then(HUBSPOT).otherwise(APP)
    onto = pl.when(strict_hubspot).then(pl.lit("to_app")).otherwise(pl.lit("to_hubspot"))
    decided = pl.col("winner") == pl.when(strict_hubspot).then(pl.lit("hubspot")).otherwise(pl.lit("app"))
    return pl.when((pl.col("merge") == "consent") & (pl.col("hubspot_rank") != pl.col("app_rank"))).then(
        pl.when(SETTLED.fill_null(False))
        .then(pl.lit("settled"))
        .when((strict == "") & FIRST & _TWO_WAY & ~decided.fill_null(False))
        .then(pl.lit("conflict"))
        .when((strict == "") & FIRST & ~_TWO_WAY)
        .then(pl.lit("kept"))
        .when(_TWO_WAY | (pl.col("direction") == onto))
        .then(onto)
        .otherwise(pl.lit("kept"))
    )


def forward_outcome() -> pl.Expr:
    """The value that is further on wins on both sides; a value that is not in the order is an ordinary matter."""
    known = pl.col("hubspot_rank").is_not_null() & pl.col("app_rank").is_not_null()
    apart = pl.col("hubspot_rank") != pl.col("app_rank")
    return pl.when((pl.col("merge") == "forward") & _TWO_WAY & known & apart).then(
        pl.when(SETTLED.fill_null(False))
        .then(pl.lit("settled"))
        .when(pl.col("hubspot_rank") > pl.col("app_rank"))
        .then(pl.lit("to_app"))
        .otherwise(pl.lit("to_hubspot"))
    )


def merged_sets() -> tuple[pl.Expr, pl.Expr]:
    """What HubSpot and the app would hold: its own set with what was added and removed on the other side since the base.

    At a first meeting nothing was removed yet. Null where the mapping is no set or goes one way only. Canonical text.
    """
    hubspot, app, base_hubspot, base_app = (
        column.fill_null("").str.split(";").list.eval(pl.element().filter(pl.element() != ""))
        for column in (HUBSPOT, APP, BASE_HUBSPOT, BASE_APP)
    )
    applies = (pl.col("merge") == "set") & _TWO_WAY

    def merged(own: pl.Expr, other: pl.Expr, base: pl.Expr) -> pl.Expr:
        added, removed = other.list.set_difference(base), base.list.set_difference(other)
        changed = own.list.set_difference(removed).list.set_union(added)
        return pl.when(applies).then(changed.list.sort().list.join(";"))

    return merged(hubspot, app, base_app), merged(app, hubspot, base_hubspot)


def set_outcome() -> pl.Expr:
    """Which sides would change by the merged sets; `both` if each gets something."""
    to_hubspot, to_app = pl.col("hubspot_merged") != HUBSPOT, pl.col("app_merged") != APP
    return pl.when(pl.col("hubspot_merged").is_not_null()).then(
        pl.when(to_hubspot & to_app)
        .then(pl.lit("both"))
        .when(to_app)
        .then(pl.lit("to_app"))
        .when(to_hubspot)
        .then(pl.lit("to_hubspot"))
        .otherwise(pl.lit("settled"))
    )
