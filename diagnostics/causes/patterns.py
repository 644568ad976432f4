"""Regular expressions of a side's rules, in the engine that checks whole columns."""

from __future__ import annotations

from functools import cache

import polars as pl


def whole(pattern: str) -> str:
    """The pattern so that it has to fit the whole value."""
    return rf"\A(?:{pattern})\z"


@cache
def can_be_checked(pattern: str) -> bool:
    """Whether the engine knows everything in the pattern; it has no look-around and no back references."""
    try:
        pl.Series([""]).str.contains(whole(pattern))
    except pl.exceptions.ComputeError:
        return False
    return True
