"""What stops each blocked contact, numbered so that contacts with the same reasons are alike, and what answers each reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.causes import (
    direction,
    field_format,
    field_length,
    field_option,
    field_range,
    field_type,
)
from diagnostics.causes.refusals import PREFIX, UNKNOWN
from diagnostics.checkup import GATES
from diagnostics.repairs import Hypothetical, Obstacle, Repair, Stop, answer_to, settings
from diagnostics.repairs.leaderboard import INCIDENCE
from diagnostics.repairs.of_list import parts_asked
from diagnostics.repairs.smallest import GOOD
from diagnostics.repairs.staying import told_apart
from diagnostics.repairs.ways_in import OF_THE_LIST, lacking, one_of_every_way
from diagnostics.repairs.widening import Widening, options_of
from diagnostics.repairs.wording import side_and_name
from engine.gates import Situation
from engine.mapped_pair import MappedPair
from engine.memory import memory_of, nothing_known
from engine.merge import differences, mapped_pairs
from engine.mirror import TABLE, columns_of
from engine.plan import plan
from engine.population import contacts_of
from engine.schema import SIDES
from engine.workspace import Workspace, quoted

_BY_VALUE = (field_option.CODE, *OF_THE_LIST, UNKNOWN)
"""Causes whose value says what would be changed: one option, one value that the list would take, one message."""
_BY_RULE = (field_format.CODE, field_length.CODE, field_range.CODE, field_type.CODE, *OF_THE_LIST)
"""Causes whose rule says it."""
MOST_OPTIONS = 200
"""SQLite takes 32,766 values in a statement."""
SLICE = 20_000
"""Contacts that are planned at once."""


@dataclass(frozen=True)
class Reasons:
    """All reasons of all blocked contacts, numbered, and what answers each."""

    incidence: pl.DataFrame
    parts: tuple[tuple[Repair, ...], ...]
    answers: Mapping[int, Sequence[int]]
    obstacles: Mapping[int, Obstacle]


_STOPS = f"""
SELECT f.contact_id AS contact, f.code, f.state, f.field,
  CASE WHEN f.code IN ({", ".join(f"'{code}'" for code in _BY_VALUE)}) THEN f.value ELSE '' END AS value,
  CASE WHEN f.code IN ({", ".join(f"'{code}'" for code in _BY_RULE)}) OR f.state = 'unknown' AND f.code NOT GLOB '{PREFIX}*'
    THEN f.rule ELSE '' END AS rule
FROM verdict v JOIN finding f ON f.contact_id = v.contact_id AND f.last_run = v.run_id
WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} AND f.blocking
UNION ALL
SELECT v.contact_id, 'conflict', 'conflict', c.field, '', c.reason
FROM verdict v JOIN conflict c ON c.contact_id = v.contact_id AND c.run_id = v.run_id
WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} AND c.reason <> 'loop'
UNION ALL
SELECT v.contact_id, v.cause, v.state, '', '', '' FROM verdict v
WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} AND v.cause <> 'conflict' AND NOT EXISTS (
  SELECT 1 FROM finding f WHERE f.contact_id = v.contact_id AND f.code = v.cause AND f.last_run = v.run_id)
"""
"""What stops whom, without what is the contact's own: contacts with the same reason then have the same row. The last part are
contacts of a side that could not be read, of whom no gate says anything. That nobody in sync is meant is said in the words of the
index of states, which SQLite else does not use."""
_PARTS = ("code", "state", "field", "value", "rule")
_STOP = (*_PARTS, "two_way", "values")


def reasons_of(workspace: Workspace, situation: Situation) -> Reasons:
    """Numbers the reasons of all blocked contacts and the repairs that answer them."""
    columns = {name: name for name in ("contact", *_PARTS)}
    told = workspace.population(columns, f"({_STOPS})", integers=("contact",))
    one_way = told.filter(pl.col("code") == direction.CODE)["contact"].unique().sort().to_list()
    now = [told, _conflicts_behind(workspace, situation)]
    stops = pl.concat(
        [
            *(rows.with_columns(two_way=False) for rows in now),
            *(rows.with_columns(two_way=True) for rows in _behind_the_direction(workspace, situation, one_way)),
        ]
    )
    outside = lacking(workspace, situation, stops)
    ways = outside.rows
    not_by_ways = stops.join(ways, on=["contact", "code", "two_way"], how="anti", maintain_order="left")
    not_by_ways = not_by_ways.with_columns(values=pl.lit(None, pl.String))
    distinct = pl.concat([not_by_ways.select(_STOP), ways.select(_STOP)]).unique(maintain_order=True)
    distinct = distinct.with_row_index("reason").cast({"reason": pl.Int64})
    rows, lacked = (of.join(distinct, on=_STOP, how="left", nulls_equal=True) for of in (not_by_ways, ways))
    by_ways, met_by = _of_ways(lacked, distinct.height)
    by_repair, obstacles = _answered(distinct, met_by, outside.repairs, situation)
    incidence = pl.concat([rows.select("contact", "reason"), by_ways]).cast(dict(INCIDENCE))  # type: ignore[arg-type]
    incidence = told_apart(workspace, situation, incidence, by_repair)
    parts, answers = _numbered(by_repair)
    return Reasons(incidence, parts, answers, {one: why for one, why in obstacles.items() if one not in answers})


def _of_ways(lacking: pl.DataFrame, beyond: int) -> tuple[pl.DataFrame, dict[int, tuple[int, ...]]]:
    """`contact` and `reason`, and for each stop the reasons that are gone with it. What a contact lacks of its only way are reasons as
    all others; of several ways each choice of one part from every way is a reason, numbered from `beyond`."""
    ways = lacking.group_by("contact", "two_way", "way").agg(pl.col("reason").unique().sort())
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


def _opened(situation: Situation) -> Situation:
    """The situation of a connection that runs both ways."""
    return settings.two_way(Hypothetical(pl.DataFrame(), nothing_known(), situation)).situation


def _behind_the_direction(
    workspace: Workspace, situation: Situation, contacts: Sequence[int]
) -> Iterator[pl.DataFrame]:
    """What would stop contacts whose direction is closed once it is open: only then is anything to be written of them."""
    for first in range(0, len(contacts), SLICE):
        ids = contacts[first : first + SLICE]
        answer = plan(contacts_of(workspace, ids), memory_of(workspace, ids), _opened(situation), GATES)
        found = answer.findings.filter("blocking")
        code, unknown = pl.col("code"), (pl.col("state") == "unknown") & ~pl.col("code").str.starts_with(PREFIX)
        yield found.select(
            "contact",
            "code",
            "state",
            "field",
            value=pl.when(code.is_in(_BY_VALUE)).then("value").otherwise(pl.lit("")),
            rule=pl.when(code.is_in(_BY_RULE) | unknown).then("rule").otherwise(pl.lit("")),
        )


def _conflicts_behind(workspace: Workspace, situation: Situation) -> pl.DataFrame:
    """The conflicts of contacts that something else stops: the planner names them only once nothing else does."""
    fields = {side: set(columns_of(workspace, side)) for side in SIDES}
    pairs = tuple(
        pair
        for pair in mapped_pairs(situation.connection, situation.schemas)
        if all(pair.field(side) in fields[side] for side in SIDES)
    )
    columns = {"contact": "c.id", "hubspot": "1", "app": "1"}
    for side in SIDES:
        columns |= {f"{side}_updated_at": f"{side[0]}._updated_at", f"{side}_written_at": f"c.{side}_written_at"}
        columns |= {f"{side}._unreadable": f"coalesce({side[0]}._unreadable, '')"}
        columns |= {pair.column(side): f"{side[0]}.{quoted(pair.field(side))}" for pair in pairs}
    differs = " OR ".join(_written_otherwise(pair) for pair in pairs) or "0"
    words = [word for pair in pairs for option in _translated(pair) for word in option]
    source = (
        f"verdict v JOIN contact c ON c.id = v.contact_id JOIN {TABLE['hubspot']} h ON h._id = c.hubspot_id "
        f"JOIN {TABLE['app']} a ON a._id = c.app_id WHERE v.state <> 'in_sync' AND v.state NOT IN {GOOD} "
        f"AND v.cause <> 'conflict' AND ({differs})"
    )
    both = workspace.population(columns, source, words, integers=("contact", "hubspot", "app"))
    contacts = both.with_columns(pl.col("hubspot", "app").cast(pl.Boolean))
    memory = memory_of(workspace, contacts["contact"].to_list())
    found = differences(contacts, memory, situation.connection, pairs)
    return found.filter(pl.col("outcome") == "conflict", pl.col("reason") != "loop").select(
        "contact",
        code=pl.lit("conflict"),
        state=pl.lit("conflict"),
        field="mapping",
        value=pl.lit(""),
        rule="reason",
    )


def _written_otherwise(pair: MappedPair) -> str:
    """Whether the two texts differ, an option's translation aside; where they do not, neither do the values."""
    ours, theirs = f"h.{quoted(pair.hubspot)}", f"a.{quoted(pair.app)}"
    options = _translated(pair)
    translated = f"CASE {ours} {'WHEN ? THEN ? ' * len(options)}ELSE {ours} END" if options else ours
    return f"{translated} IS NOT {theirs}"


def _translated(pair: MappedPair) -> list[tuple[str, str]]:
    """The options that SQL translates; without, more contacts than necessary are read."""
    return sorted(pair.to_app.items()) if len(pair.to_app) <= MOST_OPTIONS else []


def _answered(
    distinct: pl.DataFrame, met_by: Mapping[int, Sequence[int]], values: Sequence[Repair], situation: Situation
) -> tuple[dict[Repair, list[int]], dict[int, Obstacle]]:
    """The reasons that each repair answers, and what nobody can repair."""
    obstacles: dict[int, Obstacle] = {}
    by_repair: dict[Repair, list[int]] = {}
    outside: list[tuple[Stop, Sequence[int]]] = []
    opened = _opened(situation) if distinct["two_way"].any() else situation
    for code, state, field, value, rule, two_way, met_with, number in distinct.select(*_STOP, "reason").iter_rows():
        stop, gone = Stop(code, field, value, rule, state), met_by.get(number, (number,))
        answer = answer_to(stop, opened if two_way else situation)
        if isinstance(answer, Obstacle):
            obstacles |= dict.fromkeys(gone, answer)
            continue
        if code in OF_THE_LIST:
            outside.append((stop, gone))
        if met_with is not None:
            answer = tuple(repair for repair in answer if repair not in values)
            answer += tuple(values[int(one)] for one in met_with.split(",") if one)
        for repair in answer:
            by_repair.setdefault(repair, []).extend(gone)
    _let_in_with_others(outside, by_repair, situation)
    return by_repair, obstacles


def _numbered(by_repair: Mapping[Repair, Sequence[int]]) -> tuple[tuple[tuple[Repair, ...], ...], dict[int, list[int]]]:
    """Repairs that answer the same reasons, as one, and by number which of them answer each reason."""
    same: dict[tuple[int, ...], list[Repair]] = {}
    for repair, reasons in sorted(by_repair.items(), key=lambda one: not one[0].once):
        same.setdefault(tuple(dict.fromkeys(reasons)) if len(reasons) > 1 else (reasons[0],), []).append(repair)
    answers: dict[int, list[int]] = {}
    for number, answered in enumerate(same):
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
