"""Three-valued answers as Polars expressions: true, false, and null for what is not known.

Polars joins nulls as Kleene's logic does: false and unknown is false, true or unknown is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce

import polars as pl

UNKNOWN = pl.lit(None, pl.Boolean)


@cache
def _none_or_all(readings: int) -> tuple[pl.Series, pl.Series]:
    return pl.Series([0, readings], dtype=pl.Int16), pl.Series([False, True])


def agreed(answers: Sequence[pl.Expr]) -> pl.Expr:
    """What all readings say; unknown where they differ, or where one of them does not know."""
    first = answers[0]
    if len(answers) == 1:
        return first
    met = reduce(lambda left, right: left + right, (one.cast(pl.Int16) for one in answers))
    return met.replace_strict(*_none_or_all(len(answers)), default=None)


def every(answers: Sequence[pl.Expr]) -> pl.Expr:
    """All of them."""
    return reduce(lambda left, right: left & right, answers)


def some(answers: Sequence[pl.Expr]) -> pl.Expr:
    """Any of them."""
    return reduce(lambda left, right: left | right, answers)
