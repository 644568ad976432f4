"""Three-valued answers as Polars expressions: true, false, and null for what is not known.

Polars joins nulls as Kleene's logic does: false and unknown is false, true or unknown is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import polars as pl

UNKNOWN = pl.lit(None, pl.Boolean)


def agreed(answers: Sequence[pl.Expr]) -> pl.Expr:
    """What all readings say; unknown where they differ, or where one of them does not know."""
    first = answers[0]
    if len(answers) == 1:
        return first
    alike = reduce(lambda left, right: left & right, (first.eq_missing(other) for other in answers[1:]))
    return pl.when(alike).then(first).otherwise(UNKNOWN)


def every(answers: Sequence[pl.Expr]) -> pl.Expr:
    """All of them."""
    return reduce(lambda left, right: left & right, answers)


def some(answers: Sequence[pl.Expr]) -> pl.Expr:
    """Any of them."""
    return reduce(lambda left, right: left | right, answers)
