"""What stops each blocked contact: what the last check found, and what is behind that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from diagnostics.causes import direction, field_format, field_length, field_option, field_range, field_type
from diagnostics.causes.refusals import PREFIX, UNKNOWN
from diagnostics.checkup import GATES
from diagnostics.repairs import settings
from diagnostics.repairs.repair import Hypothetical
from diagnostics.repairs.smallest import GOOD
from diagnostics.repairs.ways_in import OF_THE_LIST
from engine.gates import Situation
from engine.mapped_pair import MappedPair
from engine.memory import memory_of, nothing_known
from engine.merge import differences, mapped_pairs
from engine.mirror import TABLE, columns_of
from engine.plan import plan
from engine.population import contacts_of
from engine.schema import SIDES
from engine.workspace import Workspace, quoted

STOP = ("code", "state", "field", "value", "rule", "two_way")
"""What a stop is, without whose it is; `two_way`: it stops the contact once the connection runs both ways."""
_BY_VALUE = (field_option.CODE, *OF_THE_LIST, UNKNOWN)
"""Causes whose value says what would be changed: one option, one value that the list would take, one message."""
_BY_RULE = (field_format.CODE, field_length.CODE, field_range.CODE, field_type.CODE, *OF_THE_LIST)
"""Causes whose rule says it."""
MOST_OPTIONS = 200
"""SQLite takes 32,766 values in a statement."""
SLICE = 20_000
"""Contacts that are planned at once."""


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


def blocking_stops(workspace: Workspace, situation: Situation) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `contact` and STOP of all blocked contacts; and what would stop contacts besides once a one-way connection runs both
    ways, of those whom the direction does not stop now."""
    columns = {name: name for name in ("contact", *STOP[:-1])}
    told = workspace.population(columns, f"({_STOPS})", integers=("contact",))
    differing, closed = _differing(workspace, situation), _stopped_by_direction(told)
    now = [told, _conflicts_behind(workspace, situation, differing)]
    behind = _once_it_is_open(workspace, situation, closed)
    stops = pl.concat(
        rows.with_columns(two_way=is_open) for is_open, some in ((False, now), (True, behind)) for rows in some
    )
    return stops, _stopped_anew(workspace, situation, stops, differing) if closed else stops.clear()


def _stopped_anew(
    workspace: Workspace, situation: Situation, stops: pl.DataFrame, differing: pl.DataFrame
) -> pl.DataFrame:
    """A value that differs is then to be written, or contested. What the list asks for stays the same."""
    others = sorted({*differing["contact"]}.difference(_stopped_by_direction(stops)))
    rows = [*_once_it_is_open(workspace, situation, others), _conflicts_behind(workspace, opened(situation), differing)]
    found = pl.concat([stops.clear(), *(of.with_columns(two_way=True) for of in rows)])
    anew = found.join(stops, on=["contact", *STOP[:-1]], how="anti", maintain_order="left")
    return anew.filter(~pl.col("code").is_in(OF_THE_LIST), pl.col("contact").is_in(others))


def _stopped_by_direction(stops: pl.DataFrame) -> list[int]:
    return stops.filter(pl.col("code") == direction.CODE)["contact"].unique().sort().to_list()


def opened(situation: Situation) -> Situation:
    """The situation of a connection that runs both ways."""
    return settings.two_way(Hypothetical(pl.DataFrame(), nothing_known(), situation)).situation


def _once_it_is_open(workspace: Workspace, situation: Situation, contacts: Sequence[int]) -> Iterator[pl.DataFrame]:
    """What stops contacts once the connection runs both ways: only then is everything to be written of them."""
    for first in range(0, len(contacts), SLICE):
        ids = contacts[first : first + SLICE]
        answer = plan(contacts_of(workspace, ids), memory_of(workspace, ids), opened(situation), GATES)
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


def _conflicts_behind(workspace: Workspace, situation: Situation, differing: pl.DataFrame) -> pl.DataFrame:
    """The conflicts of contacts that something else stops: the planner names them only once nothing else does."""
    memory = memory_of(workspace, differing["contact"].to_list())
    pairs = _mapped(workspace, situation)
    found = differences(differing, memory, situation.connection, pairs)
    return found.filter(pl.col("outcome") == "conflict", pl.col("reason") != "loop").select(
        "contact",
        code=pl.lit("conflict"),
        state=pl.lit("conflict"),
        field="mapping",
        value=pl.lit(""),
        rule="reason",
    )


def _mapped(workspace: Workspace, situation: Situation) -> tuple[MappedPair, ...]:
    """What is mapped, of the fields that were read on both sides."""
    fields = {side: set(columns_of(workspace, side)) for side in SIDES}
    pairs = mapped_pairs(situation.connection, situation.schemas)
    return tuple(pair for pair in pairs if all(pair.field(side) in fields[side] for side in SIDES))


def _differing(workspace: Workspace, situation: Situation) -> pl.DataFrame:
    """The contacts that something else than a conflict stops and whose two records differ, with their mapped values."""
    pairs = _mapped(workspace, situation)
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
    return both.with_columns(pl.col("hubspot", "app").cast(pl.Boolean))


def _written_otherwise(pair: MappedPair) -> str:
    """Whether the two texts differ, an option's translation aside; where they do not, neither do the values."""
    ours, theirs = f"h.{quoted(pair.hubspot)}", f"a.{quoted(pair.app)}"
    options = _translated(pair)
    translated = f"CASE {ours} {'WHEN ? THEN ? ' * len(options)}ELSE {ours} END" if options else ours
    return f"{translated} IS NOT {theirs}"


def _translated(pair: MappedPair) -> list[tuple[str, str]]:
    """The options that SQL translates; without, more contacts than necessary are read."""
    return sorted(pair.to_app.items()) if len(pair.to_app) <= MOST_OPTIONS else []
