"""What stops each blocked contact, numbered so that contacts with the same reasons are alike, and what answers each reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

import polars as pl

from diagnostics.repairs import Obstacle, Repair, Stop, answer_to
from diagnostics.repairs.admission import changed_in_records, looked_at_by_the_list
from diagnostics.repairs.concerned import Concerned, concerned_by
from diagnostics.repairs.leaderboard import INCIDENCE
from diagnostics.repairs.of_list import parts_asked
from diagnostics.repairs.repair import Answer
from diagnostics.repairs.staying import told_apart
from diagnostics.repairs.stops import STOP, blocking_stops, opened
from diagnostics.repairs.ways_in import lacking, one_of_every_way
from diagnostics.repairs.widening import Widening, options_of
from diagnostics.repairs.wording import side_and_name
from engine.gates import Situation
from engine.workspace import Workspace

_WAY = ("contact", "two_way", "way", "reason")
_BY_ANOTHER_RECORD = -1
"""The way into the list that repairs of single records open, counted with all that they change."""


@dataclass(frozen=True)
class Reasons:
    """All reasons of all blocked contacts, numbered, and what answers each.

    `incidence`: rows of `leaderboard.INCIDENCE`; `parts`: repairs by number, those that do the same as one; `answers`: the numbers of
    the repairs that answer a reason; `concerned`: whom the repairs concern that change what the inclusion list looks at, None where it
    follows no criteria; `anew`: rows as of `incidence`, what stops contacts besides once a one-way connection is open.
    """

    incidence: pl.DataFrame
    parts: tuple[tuple[Repair, ...], ...]
    answers: Mapping[int, Sequence[int]]
    obstacles: Mapping[int, Obstacle]
    concerned: Concerned | None
    anew: pl.DataFrame


def reasons_of(workspace: Workspace, situation: Situation) -> Reasons:
    """Numbers the reasons of all blocked contacts and the repairs that answer them."""
    stops, besides_once_open = blocking_stops(workspace, situation)
    ways = lacking(workspace, situation, stops)
    others = stops.join(ways, on=["contact", "code", "two_way"], how="anti", maintain_order="left")
    told = [others, ways, besides_once_open]
    distinct = pl.concat(of.select(STOP) for of in told).unique(maintain_order=True)
    distinct = distinct.with_row_index("reason").cast({"reason": pl.Int64})
    rows, lacked, anew = (
        of.join(distinct, on=STOP, how="left", nulls_equal=True, maintain_order="left") for of in told
    )
    besides = rows.select("contact", "reason").cast(dict(INCIDENCE))  # type: ignore[arg-type]
    asked, of_list = _asked(distinct, situation), frozenset(lacked["reason"].unique().to_list())
    changing = _changing(asked, of_list, situation)
    concerned = concerned_by(workspace, situation, changing, besides, lacked["contact"].unique())
    let_in = _let_in(concerned, distinct.height)
    by_record = lacked.select("contact", "two_way").unique(maintain_order=True).join(let_in, on="contact")
    ways_in = [lacked.select(_WAY), by_record.with_columns(way=pl.lit(_BY_ANOTHER_RECORD, pl.Int64)).select(_WAY)]
    by_ways, met_by = _of_ways(pl.concat(ways_in), distinct.height + let_in.height)
    by_repair, obstacles = _answered(asked, of_list, changing, met_by, situation)
    in_order = list(changing)
    for places, number in let_in.select("repairs", "reason").unique("reason", maintain_order=True).iter_rows():
        for place in places:
            by_repair[in_order[place]].extend(met_by.get(number, (number,)))
    taken_out = {repair: concerned.taken_out(repair) for repair in changing} if concerned else {}
    incidence = told_apart(pl.concat([besides, by_ways]), by_repair, taken_out)
    parts, answers = _numbered(by_repair, changing)
    unanswered = {one: why for one, why in obstacles.items() if one not in answers}
    return Reasons(incidence, parts, answers, unanswered, concerned, anew.select("contact", "reason"))


def _asked(distinct: pl.DataFrame, situation: Situation) -> dict[int, tuple[Stop, Answer]]:
    """Each stop, by number, and what answers it."""
    both_ways = opened(situation) if distinct["two_way"].any() else situation
    asked: dict[int, tuple[Stop, Answer]] = {}
    for code, state, field, value, rule, two_way, number in distinct.select(*STOP, "reason").iter_rows():
        stop = Stop(code, field, value, rule, state)
        asked[number] = stop, answer_to(stop, both_ways if two_way else situation)
    return asked


def _changing(
    asked: Mapping[int, tuple[Stop, Answer]], of_list: Set[int], situation: Situation
) -> dict[Repair, frozenset[int]]:
    """The repairs that change in single records what the list looks at, each with the stops besides the list's that it answers."""
    found: dict[Repair, list[int]] = {}
    looked_at = looked_at_by_the_list(situation)
    for number, (_, answer) in asked.items() if looked_at else ():
        for repair in answer if isinstance(answer, tuple) else ():
            if not looked_at.isdisjoint(changed_in_records(repair, situation)):
                found.setdefault(repair, []).extend([] if number in of_list else [number])
    return {repair: frozenset(numbers) for repair, numbers in found.items()}


def _let_in(concerned: Concerned | None, beyond: int) -> pl.DataFrame:
    """`contact`, `repairs` and `reason`: which of the changing repairs, by place, each let the contact into the list, and the number
    from `beyond` of the reason that these answer."""
    rows = [pl.DataFrame(schema={"contact": pl.Int64, "repairs": pl.Int64})]
    if concerned is not None:
        rows += [
            concerned.let_in(repair).to_frame().with_columns(repairs=pl.lit(place, pl.Int64))
            for place, repair in enumerate(concerned.changing)
        ]
    sets = pl.concat(rows).group_by("contact", maintain_order=True).agg("repairs")
    alike = sets.group_by("repairs", maintain_order=True).agg("contact").with_row_index("reason", beyond)
    return alike.explode("contact").select("contact", "repairs", pl.col("reason").cast(pl.Int64))


def _of_ways(ways_in: pl.DataFrame, beyond: int) -> tuple[pl.DataFrame, dict[int, tuple[int, ...]]]:
    """`contact` and `reason`, and for each part of a way the reasons that are gone with it. What a contact lacks of its only way are
    reasons as all others; of several ways each choice of one part from every way is a reason, numbered from `beyond`."""
    ways = ways_in.group_by("contact", "two_way", "way").agg(pl.col("reason").unique().sort())
    several = ways.sort("way").group_by("contact", "two_way").agg("reason").select("contact", "reason")
    kinds = several.group_by("reason").agg("contact")
    numbers: dict[frozenset[int], int] = {}
    chosen: list[list[int]] = []
    for found in kinds["reason"].to_list():
        chosen.append([])
        for choice in one_of_every_way(found):
            (one, *more) = choice
            chosen[-1].append(numbers.setdefault(choice, beyond + len(numbers)) if more else one)
    met_by: dict[int, list[int]] = {}
    for choice, number in numbers.items():
        for stop in choice:
            met_by.setdefault(stop, []).append(number)
    rows = kinds.select("contact", reason=pl.Series(chosen, dtype=pl.List(pl.Int64)))
    return rows.explode("reason").explode("contact"), {stop: (stop, *of) for stop, of in met_by.items()}


def _answered(
    asked: Mapping[int, tuple[Stop, Answer]],
    of_list: Set[int],
    changing: Collection[Repair],
    met_by: Mapping[int, Sequence[int]],
    situation: Situation,
) -> tuple[dict[Repair, list[int]], dict[int, Obstacle]]:
    """The reasons that each repair answers, and what nobody can repair. Whom repairs of single records let into the list is another
    matter."""
    obstacles: dict[int, Obstacle] = {}
    by_repair: dict[Repair, list[int]] = {}
    outside: list[tuple[Stop, Sequence[int]]] = []
    for number, (stop, answer) in asked.items():
        gone = met_by.get(number, (number,))
        if isinstance(answer, Obstacle):
            obstacles |= dict.fromkeys(gone, answer)
            continue
        if number in of_list:
            outside.append((stop, gone))
        for repair in answer:
            by_repair.setdefault(repair, []).extend(() if number in of_list and repair in changing else gone)
    _let_in_with_others(outside, by_repair, situation)
    return by_repair, obstacles


def _numbered(
    by_repair: Mapping[Repair, Sequence[int]], changing: Collection[Repair]
) -> tuple[tuple[tuple[Repair, ...], ...], dict[int, list[int]]]:
    """Repairs that answer the same reasons, as one, and by number which of them answer each reason. Those by which the list goes stay
    apart: together with others they do not do the same."""
    same: dict[tuple[tuple[int, ...], Repair | None], list[Repair]] = {}
    for repair, reasons in sorted(by_repair.items(), key=lambda one: not one[0].once):
        each = tuple(dict.fromkeys(reasons)) if len(reasons) > 1 else tuple(reasons)
        own = repair if changing and (repair.kind == "list" or repair in changing) else None
        same.setdefault((each, own), []).append(repair)
    answers: dict[int, list[int]] = {}
    for number, (answered, _) in enumerate(same):
        for reason in answered:
            answers.setdefault(reason, []).append(number)
    return tuple(map(tuple, same.values())), answers


def _let_in_with_others(
    outside: Sequence[tuple[Stop, Sequence[int]]], by_repair: Mapping[Repair, list[int]], situation: Situation
) -> None:
    """Adds to each widening of the list the reasons of whom it lets in besides those for whom it is proposed."""
    not_asking: list[tuple[Widening, list[int]]] = []
    taking: dict[tuple[str, frozenset[str]], list[tuple[Widening, list[int]]]] = {}
    for repair, reasons in by_repair.items():
        effect = repair.effect
        if isinstance(effect, Widening) and effect.value is None:
            not_asking.append((effect, reasons))
        elif isinstance(effect, Widening):
            taking.setdefault((effect.property, options_of(effect.value or "")), []).append((effect, reasons))
    for stop, gone in outside if not_asking or taking else ():
        parts = parts_asked(stop, situation)
        _, name = side_and_name(stop.field)
        for effect, answered in [*not_asking, *taking.get((name, options_of(stop.value)), ())] if parts else ():
            if parts <= effect.parts:
                answered.extend(gone)
