"""What a gate is: one ordered test that a contact must pass. The engine knows the protocol, not which gates exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal, Protocol

import polars as pl

from engine.connection import Connection
from engine.memory import Memory, nothing_known
from engine.schema import InclusionList, Side, SideSchema

State = Literal["in_sync", "pending", "excluded", "failing", "conflict", "unknown"]
STATES: tuple[State, ...] = ("in_sync", "pending", "excluded", "failing", "conflict", "unknown")

FINDING = pl.Schema(
    {
        "contact": pl.Int64,
        "state": pl.String,
        "blocking": pl.Boolean,
        "only_field": pl.Boolean,
        "field": pl.String,
        "value": pl.String,
        "rule": pl.String,
    }
)
"""What a gate gives: a row per contact that it stops (or only reports, `blocking` false), with the evidence:
the field (`SIDE.NAME`), the value found there, and the rule that it does not meet, in words. `only_field`: the finding
gives the verdict, but only the write of that one field is held back and the contact's other fields flow. State unknown: what
the gate goes by could not be read. It is blocking where nothing else would keep out whom the gate might have stopped; a row that
is not, without field and value, says of the contact what is said of everybody."""

WRITE = pl.Schema(
    {
        "contact": pl.Int64,
        "side": pl.String,
        "kind": pl.String,
        "mapping": pl.String,
        "field": pl.String,
        "before": pl.String,
        "value": pl.String,
        "source": pl.String,
    }
)
"""A value that would be written: to which side, as part of a `create` or an `update`, into which field. `mapping` is
the mapping's name, `source` the raw value of the other side."""


@dataclass(frozen=True)
class Situation:
    """All that a gate may know besides the contacts: configuration, schemas, list, time; `unavailable` maps an area
    ("list", "rules", ...) that could not be read to the reason."""

    connection: Connection
    schemas: Mapping[Side, SideSchema]
    inclusion: InclusionList | None
    now: datetime
    list_size: int = 0
    unavailable: Mapping[str, str] = field(default_factory=dict)
    also_read: tuple[str, ...] = ()
    """HubSpot properties that were read because the list's criteria look at them."""


@dataclass(frozen=True)
class Population:
    """A slice of contacts and what would be written for them.

    `contacts`: one row per contact: `contact`, `hubspot_id`, `app_id` (null where there is none), `linked`,
    `hubspot_twins`, `app_twins` (records on that side sharing the normalised e-mail, itself included; HubSpot's
    additional addresses count), `hubspot_candidates`, `app_candidates` (text: ids of several records that would be one
    contact, empty unless that is so), `erased` (a record belongs to an erased person),
    `in_doubt` (the side of a write that nobody knows the outcome of, else null), `hubspot_holder`, `app_holder`
    (id of another record there that holds the address which this contact's other record has, null if none does),
    `hubspot_swap`, `app_swap` (that record's contact would get the address that this contact has now),
    `hubspot_successor`, `app_successor` (where a linked record is gone: id of the one unlinked record there that has an
    address of the record which is left, null if there is none or several), `dependent` (whether any of these six columns may
    become another one by a change of other contacts' records),
    `hubspot` and `app` (whether the record is there), `member_since` (list membership time or null),
    `named_lists` (the ids of the other lists, of those that the inclusion list's criteria name, that hold the HubSpot record, each
    between commas),
    `email` (the deciding address as it is, null if no record has one), `email_key` (normalised),
    `hubspot_updated_at`, `app_updated_at` (ISO 8601, UTC), `hubspot._unreadable`, `app._unreadable` (JSON, "" if none),
    and every mirrored field as `hubspot.NAME` and `app.NAME`. Of a contact with both records, nothing unusual and no mapped value
    that differs, the ids, the times and the fields that `fields.compared` does not name may be null: no gate needs them there.
    `writes`: rows of WRITE. `memory`: what earlier runs left, for instance the quarantine. `earlier`: what the gates before
    this one found: rows of FINDING with `code`.
    """

    contacts: pl.DataFrame
    writes: pl.DataFrame
    memory: Memory = field(default_factory=nothing_known)
    earlier: Sequence[pl.DataFrame] = ()
    _shared: dict[str, pl.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def writes_into(self) -> Mapping[tuple[str, str], pl.DataFrame]:
        """The writes by side and field; fields that nothing is written into are not there."""
        parts = self.writes.partition_by("side", "field", as_dict=True) if self.writes.height else {}
        return {(str(side), str(name)): rows for (side, name), rows in parts.items()}

    def once(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What several gates look at; `make` works it out for the first of them. A population is planned in one situation only."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]


class Gate(Protocol):
    """One test. `code` names the cause; `findings` gives rows of FINDING for a slice."""

    @property
    def code(self) -> str:
        """The cause's code, stable and public: `email-missing`."""
        ...

    def findings(self, population: Population, situation: Situation) -> pl.DataFrame:
        """A row of FINDING for each contact that does not pass, or of whom that is unknown; several if several fields stop it."""
        ...


def found(
    contacts: pl.DataFrame,
    *,
    where: pl.Expr | None = None,
    state: State,
    blocking: bool = True,
    only_field: bool = False,
    field: pl.Expr | str = "",
    value: pl.Expr | str = "",
    rule: pl.Expr | str = "",
) -> pl.DataFrame:
    """Rows of FINDING for the given contacts, or those of them `where` it is true; texts are taken literally, expressions are
    evaluated."""
    rows = contacts.lazy()
    if where is not None:
        stopped = contacts.select(where.alias("stopped"))["stopped"]
        if not stopped.any():
            return nothing()
        rows = rows.filter(stopped)
    elif contacts.is_empty():
        return nothing()

    def text(what: pl.Expr | str) -> pl.Expr:
        return (pl.lit(what) if isinstance(what, str) else what).cast(pl.String).fill_null("")

    return rows.select(
        pl.col("contact").cast(pl.Int64),
        pl.lit(state).alias("state"),
        pl.lit(blocking).alias("blocking"),
        pl.lit(only_field).alias("only_field"),
        text(field).alias("field"),
        text(value).alias("value"),
        text(rule).alias("rule"),
    ).collect()


def released(writes: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """The writes without those of the single fields that findings hold back."""
    held = pl.col("blocking") & pl.col("only_field")
    if not findings.select(held.any()).item():
        return writes
    named = findings.filter(held).select("contact", written="field").unique()
    written = pl.concat_str("side", pl.lit("."), "field").alias("written")
    return writes.with_columns(written).join(named, on=["contact", "written"], how="anti").drop("written")


def nothing() -> pl.DataFrame:
    """No findings."""
    return _NOTHING


_NOTHING = pl.DataFrame(schema=FINDING)
