"""The one pure function: what is known of a slice of contacts in, one verdict per contact and the writes out.

No I/O, no clock; gates are handed in. Checking, explaining, syncing, verifying and reporting all read this answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from engine.gates import FINDING, WRITE, Gate, Population, Situation, released
from engine.memory import Memory
from engine.merge import MappedPair, differences, mapped_pairs
from engine.schema import Side

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
    holds back; `wanted`: all that would be written without gates. `conflicts`: rows of CONFLICT.
    """

    verdicts: pl.DataFrame
    findings: pl.DataFrame
    writes: pl.DataFrame
    conflicts: pl.DataFrame
    wanted: pl.DataFrame


def plan(contacts: pl.DataFrame, memory: Memory, situation: Situation, gates: Sequence[Gate]) -> Plan:
    """Plans a slice. `contacts` as in `gates.Population`."""
    pairs = mapped_pairs(situation.connection, situation.schemas)
    merged = differences(contacts, memory, situation.connection, pairs)
    wanted = pl.concat([*_creates(contacts, situation, pairs), *_updates(merged, pairs)]).collect()
    found: list[pl.DataFrame] = [pl.DataFrame(schema=_RANKED)]
    population = Population(contacts, wanted, memory, found)
    for rank, gate in enumerate(gates):
        found.append(_ranked(gate, rank, population, situation))
    findings = pl.concat(found)
    decided = (
        findings.lazy()
        .filter("blocking")
        .sort("contact", "rank")
        .unique("contact", keep="first", maintain_order=True)
        .select("contact", stopped="state", by="code")
    )
    conflicts = _conflicts(contacts, merged)
    verdicts = (
        contacts.lazy()
        .select("contact")
        .join(decided, on="contact", how="left")
        .join(conflicts.lazy().select("contact").unique().with_columns(disputed=True), on="contact", how="left")
        .join(wanted.lazy().select("contact").unique().with_columns(writes=True), on="contact", how="left")
        .select(
            "contact",
            state=pl.when(pl.col("stopped").is_not_null())
            .then("stopped")
            .when(pl.col("disputed"))
            .then(pl.lit("conflict"))
            .when(pl.col("writes"))
            .then(pl.lit("pending"))
            .otherwise(pl.lit("in_sync")),
            cause=pl.when(pl.col("stopped").is_not_null())
            .then("by")
            .when(pl.col("disputed"))
            .then(pl.lit("conflict"))
            .otherwise(pl.lit("")),
        )
        .collect()
    )
    blocking = findings.filter("blocking")
    stopped = blocking.filter(~pl.col("only_field")).select("contact").unique()
    return Plan(
        verdicts=verdicts,
        findings=findings,
        writes=released(wanted.join(stopped, on="contact", how="anti"), findings),
        conflicts=conflicts.join(stopped, on="contact", how="anti"),
        wanted=wanted,
    )


_RANKED = pl.Schema({**FINDING, "code": pl.String(), "rank": pl.Int32()})


def _ranked(gate: Gate, rank: int, population: Population, situation: Situation) -> pl.DataFrame:
    rows = gate.findings(population, situation)
    if rows.is_empty():
        return pl.DataFrame(schema=_RANKED)
    rows = rows.select(FINDING.names()).cast(dict(FINDING))  # type: ignore[arg-type]
    return rows.with_columns(code=pl.lit(gate.code), rank=pl.lit(rank, pl.Int32))


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
    connection = situation.connection
    rows = [pl.LazyFrame(schema=WRITE)]
    directions: tuple[tuple[Side, Side], ...] = (("hubspot", "app"), ("app", "hubspot"))
    for source, target in directions:
        if connection.sync.direction not in ("two_way", f"to_{target}"):
            continue
        alone = contacts.lazy().filter(pl.col(source) & ~pl.col(target) & ~pl.col("linked"))
        sent: set[str] = set()
        for pair in pairs:
            source_field, target_field = (pair.hubspot, pair.app) if target == "app" else (pair.app, pair.hubspot)
            column = f"{source}.{source_field}"
            if not pair.flows_to(target) or column not in contacts.columns:
                continue
            sent.add(target_field)
            filled = alone.filter(pl.col(column).str.strip_chars() != "")
            value = pair.translated(pl.col(column), target)
            rows.append(_write(filled, target, "create", pair.name, target_field, pl.lit(""), value, pl.col(column)))
        for field, fixed in _on_create(situation, target).items():
            if field not in sent:
                rows.append(_write(alone, target, "create", "", field, pl.lit(""), pl.lit(fixed), pl.lit("")))
                rows += _carried_back(contacts, alone, pairs, source, target, field, fixed)
    return rows


def _carried_back(
    contacts: pl.DataFrame,
    alone: pl.LazyFrame,
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
        if pair.field(target) == field and pair.flows_to(source) and column in contacts.columns:
            empty = alone.filter(pl.col(column).str.strip_chars() == "")
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
    if merged.is_empty():
        return rows
    sides: tuple[tuple[Side, Side], ...] = (("app", "hubspot"), ("hubspot", "app"))
    for pair in pairs:
        differing = merged.lazy().filter(pl.col("mapping") == pair.name)
        for side, other in sides:
            chosen = differing.filter(pl.col("outcome").is_in([f"to_{side}", "both"]))
            source = pl.col(f"{other}_value")
            value = pair.translated(source, side)
            if pair.merge == "set":
                value = pl.coalesce(pair.joined(pl.col(f"{side}_merged").str.split(";"), side), value)
            before = pl.col(f"{side}_value")
            rows.append(_write(chosen, side, "update", pair.name, pair.field(side), before, value, source))
    return rows


def _conflicts(contacts: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    times = contacts.select("contact", "hubspot_updated_at", "app_updated_at")
    disputed = merged.filter(pl.col("outcome") == "conflict").join(times, on="contact", how="left")
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
