"""Members whom a repair would take out of the inclusion list: for them it is none."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import polars as pl

from diagnostics.repairs.repair import Repair


def told_apart(
    incidence: pl.DataFrame, by_repair: Mapping[Repair, list[int]], taken_out: Mapping[Repair, pl.Series]
) -> pl.DataFrame:
    """The incidence with a reason of its own, which these repairs do not answer, for members whom they would take out.

    `incidence`: rows of `leaderboard.INCIDENCE`; `by_repair`: the reasons that each repair answers, to which those are added;
    `taken_out`: the members whom a repair takes out.
    """
    held = (
        pl.concat(
            incidence.filter(
                pl.col("contact").is_in(members.implode()), pl.col("reason").is_in(by_repair[one])
            ).with_columns(repair=pl.lit(number, pl.Int64))
            for number, (one, members) in enumerate(taken_out.items())
        )
        if taken_out
        else pl.DataFrame()
    )
    if held.is_empty():
        return incidence
    sets = held.group_by("contact", "reason").agg(pl.col("repair").sort())
    kinds = sets.group_by("reason", "repair").agg("contact").sort("reason", "repair")
    answered = (max(reasons, default=0) for reasons in by_repair.values())
    beyond = count(max(*answered, *incidence["reason"].unique()) + 1)
    own = kinds.with_columns(own=pl.Series([next(beyond) for _ in range(kinds.height)], dtype=pl.Int64))
    repairs, instead = list(taken_out), dict[int, list[tuple[int, set[Repair]]]]()
    for reason, lost, number in own.select("reason", "repair", "own").iter_rows():
        instead.setdefault(reason, []).append((number, {repairs[one] for one in lost}))
    for repair, reasons in by_repair.items():
        reasons += [
            number for one in set(reasons) & instead.keys() for number, lost in instead[one] if repair not in lost
        ]
    replaced = incidence.join(own.explode("contact"), on=["contact", "reason"], how="left")
    return replaced.select("contact", reason=pl.coalesce("own", "reason"))
