"""Members whom another value would take out of the inclusion list: for them it is no repair."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import polars as pl

from diagnostics.causes.inclusion import standing
from diagnostics.causes.list_clauses import live_criteria
from diagnostics.criteria.form import properties
from diagnostics.repairs.leaderboard import INCIDENCE
from diagnostics.repairs.repair import Hypothetical, Repair
from diagnostics.repairs.smallest import applied
from engine.gates import Situation
from engine.memory import nothing_known
from engine.population import contacts_of
from engine.workspace import Workspace

_HELD = pl.Schema({"contact": pl.Int64, "reason": pl.Int64, "repair": pl.Int64})


def told_apart(
    workspace: Workspace, situation: Situation, incidence: pl.DataFrame, by_repair: Mapping[Repair, list[int]]
) -> pl.DataFrame:
    """The incidence with a reason of its own, which these repairs do not answer, for members whom repairs of a value would take out.

    `incidence`: rows of `leaderboard.INCIDENCE`; `by_repair`: the reasons that each repair answers, to which those are added.
    """
    tree = live_criteria(situation)
    looked_at = properties(tree) if tree is not None and standing(situation) == "usable" else ()
    values = [one for one in by_repair if one.kind == "value" and one.side == "hubspot" and one.field in looked_at]
    concerned = [incidence.filter(pl.col("reason").is_in(by_repair[one])) for one in values]
    everybody = pl.concat([pl.DataFrame(schema=INCIDENCE), *concerned])["contact"].unique().sort().to_list()
    contacts = contacts_of(workspace, everybody).filter(pl.col("member_since").is_not_null())
    taken_out = [
        rows.join(_taken_out(contacts, repair, situation), on="contact", how="semi").with_columns(repair=pl.lit(number))
        for number, (repair, rows) in enumerate(zip(values, concerned, strict=True))
    ]
    held = pl.concat([pl.DataFrame(schema=_HELD), *(rows.cast({"repair": pl.Int64}) for rows in taken_out)])
    if held.is_empty():
        return incidence
    sets = held.group_by("contact", "reason").agg(pl.col("repair").sort())
    kinds = sets.group_by("reason", "repair").agg("contact").sort("reason", "repair")
    beyond = count(max(max(reasons, default=0) for reasons in by_repair.values()) + 1)
    own = kinds.with_columns(own=pl.Series([next(beyond) for _ in range(kinds.height)], dtype=pl.Int64))
    instead: dict[int, list[tuple[int, set[Repair]]]] = {}
    for reason, repairs, number in own.select("reason", "repair", "own").iter_rows():
        instead.setdefault(reason, []).append((number, {values[one] for one in repairs}))
    for repair, reasons in by_repair.items():
        reasons += [
            number for one in set(reasons) & instead.keys() for number, lost in instead[one] if repair not in lost
        ]
    replaced = incidence.join(own.explode("contact"), on=["contact", "reason"], how="left")
    return replaced.select("contact", reason=pl.coalesce("own", "reason"))


def _taken_out(members: pl.DataFrame, repair: Repair, situation: Situation) -> pl.DataFrame:
    """Who of the members would not be one any more with the value."""
    return applied([repair], Hypothetical(members, nothing_known(), situation)).contacts.filter(
        pl.col("member_since").is_null()
    )
