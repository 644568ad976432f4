"""The one pure function: what is known of a slice of contacts in, one verdict per contact and the writes out.

No I/O, no clock; gates are handed in. Checking, explaining, syncing, verifying and reporting all read this answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import polars as pl

from engine.gates import FINDING, WRITE, Gate, Population, Situation, released
from engine.memory import Memory
from engine.merge import DIFFERENCE, MappedPair, differences, mapped_pairs
from engine.schema import SIDES, Side

VERDICT = pl.Schema({"contact": pl.Int64, "state": pl.String, "cause": pl.String})
CONFLICT = pl.Schema(
    {
        "contact": pl.Int64,
        "field": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "hubspot_changed_at": pl.String,
        "app_changed_at": pl.String,
        "hubspot_source": pl.String,
        "reason": pl.String,
    }
)
"""Both values, when and by whom each was changed as far as known (the record's time where the field's is not), and why nothing
decides: `first_meeting`, `both_changed`, `consent` (one side allows, the other is empty) or `loop`."""


@dataclass(frozen=True)
class Plan:
    """The answer for a slice.

    `verdicts`: one row of VERDICT per contact; `cause` is empty for in_sync and pending. `findings`: rows of FINDING
    plus `code` and `rank` (the gate's place; the smallest blocking rank decides). `writes`: rows of WRITE that no gate
    holds back; `wanted`: all that would be written without gates. `conflicts`: rows of CONFLICT. `merged`: rows of
    `merge.DIFFERENCE`, what became of every field whose values differ.
    """

    verdicts: pl.DataFrame
    findings: pl.DataFrame
    writes: pl.DataFrame
    conflicts: pl.DataFrame
    wanted: pl.DataFrame
    merged: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DIFFERENCE))


def plan(contacts: pl.DataFrame, memory: Memory, situation: Situation, gates: Sequence[Gate]) -> Plan:
    """Plans a slice. `contacts` as in `gates.Population`."""
    pairs = mapped_pairs(situation.connection, situation.schemas)
    merged = differences(contacts, memory, situation.connection, pairs)
    wanted = _together([*_creates(contacts, situation, pairs), *_updates(merged, pairs)])
    found: list[pl.DataFrame] = [_NOTHING]
    population = Population(contacts, wanted, memory, found)
    for rank, gate in enumerate(gates):
        found += _ranked(gate, rank, population, situation)
    findings = pl.concat(found)
    conflicts = _conflicts(contacts, merged)
    blocking = findings.filter("blocking")
    stopped = blocking.filter(~pl.col("only_field")).select("contact").unique()
    return Plan(
        verdicts=_verdicts(contacts, blocking, conflicts, wanted),
        findings=findings,
        writes=released(wanted.join(stopped, on="contact", how="anti"), findings),
        conflicts=conflicts.join(stopped, on="contact", how="anti"),
        wanted=wanted,
        merged=merged,
    )


def joined(plans: Sequence[Plan]) -> Plan:
    """The answers for parts of a slice as one, the verdicts in the order of the contacts."""
    if len(plans) == 1:
        return plans[0]
    frames = {one.name: pl.concat([getattr(part, one.name) for part in plans]) for one in fields(Plan)}
    return Plan(**{**frames, "verdicts": frames["verdicts"].sort("contact")})


_NOTHING = pl.DataFrame(schema={**FINDING, "code": pl.String(), "rank": pl.Int32()})


def _ranked(gate: Gate, rank: int, population: Population, situation: Situation) -> list[pl.DataFrame]:
    rows = gate.findings(population, situation)
    if rows.is_empty():
        return []
    rows = rows.select(FINDING.names()).cast(dict(FINDING))  # type: ignore[arg-type]
    return [rows.with_columns(code=pl.lit(gate.code), rank=pl.lit(rank, pl.Int32))]


def _verdicts(
    contacts: pl.DataFrame, blocking: pl.DataFrame, conflicts: pl.DataFrame, wanted: pl.DataFrame
) -> pl.DataFrame:
    """The first blocking finding decides; of one gate's the one it named first."""
    decided = blocking.sort("rank", maintain_order=True).unique("contact", keep="first", maintain_order=True)
    contact, by, stopped = pl.col("contact"), pl.col("by"), pl.col("stopped").is_not_null()
    disputed, writes = contact.is_in(conflicts["contact"].implode()), contact.is_in(wanted["contact"].implode())
    return (
        contacts.select("contact")
        .join(decided.select("contact", stopped="state", by="code"), on="contact", how="left", maintain_order="left")
        .select(
            "contact",
            state=pl.when(stopped)
            .then("stopped")
            .when(disputed)
            .then(pl.lit("conflict"))
            .when(writes)
            .then(pl.lit("pending"))
            .otherwise(pl.lit("in_sync")),
            cause=pl.when(stopped).then(by).when(disputed).then(pl.lit("conflict")).otherwise(pl.lit("")),
        )
    )


def _together(rows: list[pl.LazyFrame]) -> pl.DataFrame:
    return pl.concat(rows).collect() if rows else pl.DataFrame(schema=WRITE)


def _write(
    rows: pl.LazyFrame,
    side: Side,
    kind: str,
    mapping: str,
    field: str,
    before: pl.Expr,
    value: pl.Expr,
    source: pl.Expr,
) -> pl.LazyFrame:
    return rows.select(
        pl.col("contact").cast(pl.Int64),
        pl.lit(side).alias("side"),
        pl.lit(kind).alias("kind"),
        pl.lit(mapping).alias("mapping"),
        pl.lit(field).alias("field"),
        before.alias("before"),
        value.cast(pl.String).alias("value"),
        source.cast(pl.String).alias("source"),
    )


def _creates(contacts: pl.DataFrame, situation: Situation, pairs: tuple[MappedPair, ...]) -> list[pl.LazyFrame]:
    """Creates for records that are alone on a side which the connection sends from."""
    rows: list[pl.LazyFrame] = []
    directions: tuple[tuple[Side, Side], ...] = (("hubspot", "app"), ("app", "hubspot"))
    for source, target in directions:
        if situation.connection.sync.direction in ("two_way", f"to_{target}"):
            alone = contacts.select(pl.col(source) & ~pl.col(target) & ~pl.col("linked")).to_series()
            rows += _created(contacts.filter(alone), situation, pairs, source, target) if alone.any() else []
    return rows


def _created(
    alone: pl.DataFrame, situation: Situation, pairs: tuple[MappedPair, ...], source: Side, target: Side
) -> list[pl.LazyFrame]:
    rows: list[pl.LazyFrame] = []
    sent: set[str] = set()
    for pair in pairs:
        column, field = pair.column(source), pair.field(target)
        if not pair.flows_to(target) or column not in alone.columns:
            continue
        sent.add(field)
        filled = alone.lazy().filter(pl.col(column).str.strip_chars() != "")
        value = pair.translated(pl.col(column), target)
        rows.append(_write(filled, target, "create", pair.name, field, pl.lit(""), value, pl.col(column)))
    for field, fixed in _on_create(situation, target).items():
        if field not in sent:
            rows.append(_write(alone.lazy(), target, "create", "", field, pl.lit(""), pl.lit(fixed), pl.lit("")))
            rows += _carried_back(alone, pairs, source, target, field, fixed)
    return rows


def _carried_back(
    alone: pl.DataFrame,
    pairs: tuple[MappedPair, ...],
    source: Side,
    target: Side,
    field: str,
    fixed: str,
) -> list[pl.LazyFrame]:
    """What a new record gets by configuration also fills the field that is mapped from it, where that is empty."""
    rows = []
    for pair in pairs:
        column = pair.column(source)
        if pair.field(target) == field and pair.flows_to(source) and column in alone.columns:
            empty = alone.lazy().filter(pl.col(column).str.strip_chars() == "")
            value = pair.translated(pl.lit(fixed), source)
            rows.append(
                _write(empty, source, "update", pair.name, pair.field(source), pl.col(column), value, pl.lit(fixed))
            )
    return rows


def _on_create(situation: Situation, target: Side) -> dict[str, str]:
    if target == "hubspot":
        return dict(situation.connection.hubspot.on_create)
    consent = situation.schemas["app"].consent
    return {consent.name: situation.connection.app.on_create.status} if consent else {}


def _updates(merged: pl.DataFrame, pairs: tuple[MappedPair, ...]) -> list[pl.LazyFrame]:
    rows: list[pl.LazyFrame] = []
    sides: tuple[tuple[Side, Side], ...] = (("app", "hubspot"), ("hubspot", "app"))
    flows = merged.filter(pl.col("outcome").is_in([*(f"to_{side}" for side in SIDES), "both"]))
    chosen = {str(name): part for (name,), part in flows.partition_by("mapping", as_dict=True).items()}
    for pair in pairs:
        for side, other in sides if pair.name in chosen else ():
            part = chosen[pair.name].lazy().filter(pl.col("outcome").is_in([f"to_{side}", "both"]))
            source = pl.col(f"{other}_value")
            value = pair.translated(source, side)
            if pair.merge == "set":
                value = pl.coalesce(pair.joined(pl.col(f"{side}_merged").str.split(";"), side), value)
            before = pl.col(f"{side}_value")
            rows.append(_write(part, side, "update", pair.name, pair.field(side), before, value, source))
    return rows


def _conflicts(contacts: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    disputed = merged.filter(pl.col("outcome") == "conflict")
    if disputed.is_empty():
        return pl.DataFrame(schema=CONFLICT)
    times = contacts.select("contact", "hubspot_updated_at", "app_updated_at")
    disputed = disputed.join(times, on="contact", how="left", maintain_order="left")
    known = pl.col("hubspot_source").is_not_null()
    return disputed.select(
        "contact",
        pl.col("mapping").alias("field"),
        "hubspot_value",
        "app_value",
        pl.when(known).then("hubspot_at").otherwise("hubspot_updated_at").alias("hubspot_changed_at"),
        pl.col("app_updated_at").alias("app_changed_at"),
        pl.col("hubspot_source").fill_null(""),
        pl.col("reason"),
    ).cast(dict(CONFLICT))  # type: ignore[arg-type]
