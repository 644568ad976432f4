"""What earlier runs and people's decisions left for the planner, as frames of a slice of contacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import polars as pl

from engine.workspace import Workspace

BASE = pl.Schema(
    {
        "contact": pl.Int64,
        "field": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "fingerprint": pl.String,
    }
)
"""Canonical values of both sides when they last agreed; `field` is the mapping's name."""

DECISION = pl.Schema(
    {
        "contact": pl.Int64,
        "field": pl.String,
        "winner": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "ended_at": pl.String,
    }
)
"""A person's decision of a conflict: `winner` is a side; it counts only while both values are still the ones decided on, and
not any more once it has ended. With UNDECIDED as winner it is the demand for a decision: the field is a conflict, whatever
direction and policy say."""

UNDECIDED = "ask"

SUSPENDED = pl.Schema(
    {
        "contact": pl.Int64,
        "field": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "flips": pl.Int64,
        "hubspot_writer": pl.String,
        "app_writer": pl.String,
    }
)
"""Fields that two writers kept flipping; held back while they hold nothing but the two spellings."""

EVIDENCE = pl.Schema(
    {
        "contact": pl.Int64,
        "field": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "hubspot_changed_at": pl.String,
        "hubspot_source": pl.String,
    }
)
"""What HubSpot's property history says of a contested field: when and by whom its value was set. It counts only while both
values are still the ones it was asked for."""

REFUSED = pl.Schema(
    {
        "contact": pl.Int64,
        "side": pl.String,
        "field": pl.String,
        "sent": pl.String,
        "circumstances": pl.String,
        "lasting": pl.Int64,
        "code": pl.String,
        "message": pl.String,
        "correlation_id": pl.String,
        "wake_at": pl.String,
        "at": pl.String,
    }
)
"""The quarantine: what a server refused; `field` is empty if the whole record was refused."""


@dataclass(frozen=True)
class Memory:
    """The frames BASE, DECISION, SUSPENDED, REFUSED and EVIDENCE of a slice."""

    base: pl.DataFrame
    decisions: pl.DataFrame
    suspended: pl.DataFrame
    refused: pl.DataFrame
    evidence: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EVIDENCE))


def nothing_known(base: pl.DataFrame | None = None) -> Memory:
    """The memory of a first meeting, or one that only holds a base."""
    return Memory(
        pl.DataFrame(schema=BASE) if base is None else base,
        pl.DataFrame(schema=DECISION),
        pl.DataFrame(schema=SUSPENDED),
        pl.DataFrame(schema=REFUSED),
    )


def together(memories: Sequence[Memory]) -> Memory:
    """What is remembered of several groups of contacts as one."""
    return Memory(**{one.name: pl.concat([getattr(memory, one.name) for memory in memories]) for one in fields(Memory)})


def memory_of_slice(workspace: Workspace, after: int, up_to: int) -> Memory:
    """What is remembered of the contacts with ids in (after, up_to]."""
    return _memory(workspace, "contact_id > ? AND contact_id <= ?", (after, up_to))


def memory_of(workspace: Workspace, ids: Sequence[int]) -> Memory:
    """What is remembered of the named contacts."""
    return _memory(workspace, "contact_id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))


def _memory(workspace: Workspace, where: str, parameters: Sequence[int | str]) -> Memory:
    def read(table: str, schema: pl.Schema) -> pl.DataFrame:
        columns = {name: "contact_id" if name == "contact" else name for name in schema}
        integers = [name for name, kind in schema.items() if kind == pl.Int64]
        return workspace.population(columns, f"{table} WHERE {where}", parameters, integers=integers)

    return Memory(
        read("base_field", BASE),
        read("decision", DECISION),
        read("suspended_field", SUSPENDED),
        read("quarantine", REFUSED),
        read("evidence", EVIDENCE),
    )
