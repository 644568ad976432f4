"""Field-level three-way merge on the tidy form: one row per pair and mapped field whose two values differ.

The base holds, for each side, the canonical value at the last agreement. What changed since then flows. Where both
changed: the direction first, then the typed merge, then a person's decision, then the policy; else it is a conflict.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from engine.connection import Connection
from engine.mapped_pair import MappedPair, mapped_pairs
from engine.memory import UNDECIDED, Memory
from engine.schema import SIDES, Side
from engine.typed_merges import (
    APP,
    BASE_APP,
    BASE_HUBSPOT,
    FIRST,
    HUBSPOT,
    consent_outcome,
    forward_outcome,
    merged_sets,
    set_outcome,
)

__all__ = [
    "DIFFERENCE",
    "MappedPair",
    "agreed_values",
    "differences",
    "field_states",
    "mapped_pairs",
    "suspended_ended",
    "suspended_now",
]

DIFFERENCE = pl.Schema(
    {
        "contact": pl.Int64,
        "mapping": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "hubspot_state": pl.String,
        "app_state": pl.String,
        "hubspot_canonical": pl.String,
        "app_canonical": pl.String,
        "hubspot_merged": pl.String,
        "app_merged": pl.String,
        "outcome": pl.String,
        "ground": pl.String,
        "reason": pl.String,
        "hubspot_at": pl.String,
        "app_at": pl.String,
        "hubspot_source": pl.String,
    }
)
"""`outcome`: to_app, to_hubspot, both, conflict, settled (differs as it did at the last agreement) or kept (the direction
or an empty source leaves it). `ground`: change, direction, consent, forward, set, decision, policy or loop. `reason`: the ground
of a conflict; a policy's is `first_meeting` or `both_changed`. `hubspot_merged`, `app_merged`: what each side would hold by a merge of sets, in
HubSpot's words, null where no third value comes about. `hubspot_at`, `app_at`: when each value was last changed, as far as
known; `hubspot_source`: who did it, by HubSpot's property history."""

VALUE, EMPTY, NOT_FETCHED, NOT_PERMITTED, UNPARSEABLE = "value", "empty", "not_fetched", "not_permitted", "unparseable"
_TAKE_PART = (VALUE, EMPTY)
"""Only these take part in a merge, and only `empty` may clear the other side."""


def value_state(pair: MappedPair, side: Side, canonical: pl.Expr) -> pl.Expr:
    """Which of the five states a side's value of a mapping is in, given its canonical form.

    The mirror holds NULL for what was not fetched; its `_unreadable` names fields whose value is there and cannot be
    kept, or that the side does not let these credentials see (the reason then begins with "not permitted").
    """
    column, unreadable = pl.col(pair.column(side)), pl.col(f"{side}._unreadable")
    named = pl.lit(f'"{pair.field(side)}": "')
    return (
        pl.when(unreadable.str.contains(pl.concat_str(named, pl.lit("not permitted")), literal=True))
        .then(pl.lit(NOT_PERMITTED))
        .when(unreadable.str.contains(named, literal=True))
        .then(pl.lit(UNPARSEABLE))
        .when(column.is_null())
        .then(pl.lit(NOT_FETCHED))
        .when(canonical == "")
        .then(pl.lit(EMPTY))
        .otherwise(pl.lit(VALUE))
    )


def field_states(contacts: pl.DataFrame, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """The state of every mapped value of contacts that have both records: `contact`, `mapping`, `hubspot_state`, `app_state`."""
    compared = [pair for pair in pairs if _fetched(contacts, pair)]
    states = {
        f"{side} {pair.name}": value_state(pair, side, pair.comparable(side, pl.col(pair.column(side))))
        for pair in compared
        for side in SIDES
    }
    wide = _with_unreadable(contacts).filter(pl.col("hubspot") & pl.col("app")).select("contact", **states)
    names = ("mapping", "hubspot_state", "app_state")
    schema = pl.Schema({"contact": pl.Int64(), **dict.fromkeys(names, pl.String())})
    tidy = [
        wide.select(
            "contact",
            pl.lit(pair.name).alias("mapping"),
            *(pl.col(f"{side} {pair.name}").alias(f"{side}_state") for side in SIDES),
        )
        for pair in compared
    ]
    return pl.concat(tidy) if tidy else pl.DataFrame(schema=schema)


def differences(
    contacts: pl.DataFrame, memory: Memory, connection: Connection, pairs: tuple[MappedPair, ...]
) -> pl.DataFrame:
    """Rows of DIFFERENCE for every pair in `contacts` (as in `gates.Population`) and mapping whose values differ.

    A value that is neither there nor explicitly empty takes no part.
    """
    parts = _differing(contacts, [pair for pair in pairs if _fetched(contacts, pair)])
    tidy = pl.concat(parts) if parts else pl.DataFrame()
    if tidy.is_empty():
        return pl.DataFrame(schema=DIFFERENCE)
    flipping = suspended_now(contacts, memory, pairs).select("contact", "mapping").with_columns(flipping=True)
    rows = (
        tidy.lazy()
        .join(_base(memory), on=["contact", "mapping", "fingerprint"], how="left")
        .join(_same_values(memory.decisions.filter(pl.col("ended_at").is_null()), "winner"), on=_KEYS, how="left")
        .join(_same_values(memory.evidence, "hubspot_changed_at", "hubspot_source"), on=_KEYS, how="left")
        .join(flipping.lazy(), on=["contact", "mapping"], how="left")
        .with_columns(hubspot_record_at="hubspot_at", hubspot_at=pl.coalesce("hubspot_changed_at", "hubspot_at"))
        .collect()
    )
    nothing = pl.lit(None, pl.String)
    to_hubspot, to_app = merged_sets() if (rows["merge"] == "set").any() else (nothing, nothing)
    return _decided(rows.with_columns(hubspot_merged=to_hubspot, app_merged=to_app), connection)


_KEYS = ["contact", "mapping", "hubspot_value", "app_value"]


def _base(memory: Memory) -> pl.LazyFrame:
    return memory.base.lazy().select(
        "contact", pl.col("field").alias("mapping"), "fingerprint", base_hubspot="hubspot_value", base_app="app_value"
    )


def _same_values(rows: pl.DataFrame, *columns: str) -> pl.LazyFrame:
    """What is remembered of a field with these two values; it says nothing once either value is another one."""
    return rows.lazy().select("contact", pl.col("field").alias("mapping"), "hubspot_value", "app_value", *columns)


def suspended_now(contacts: pl.DataFrame, memory: Memory, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """The suspended fields whose two sides hold just the two spellings that kept flipping, and differ: `contact`, `mapping`,
    `hubspot_field`, `hubspot_value`, `app_value`, `flips`, `hubspot_writer`, `app_writer`."""
    flipping = pl.col("now_hubspot") != pl.col("now_app")
    return (
        _suspended(contacts, memory, pairs).filter(flipping, _either("now_hubspot"), _either("now_app")).drop(_JUDGED)
    )


def suspended_ended(contacts: pl.DataFrame, memory: Memory, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """The suspended fields of which either side holds a third value: `contact`, `mapping`."""
    known = _suspended(contacts, memory, pairs)
    return known.filter(~(_either("now_hubspot") & _either("now_app"))).select("contact", "mapping")


_JUDGED = ("now_hubspot", "now_app", "one", "other")


def _suspended(contacts: pl.DataFrame, memory: Memory, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    texts = ("mapping", "hubspot_field", "hubspot_value", "app_value", "hubspot_writer", "app_writer", *_JUDGED)
    schema = pl.Schema({"contact": pl.Int64(), "flips": pl.Int64(), **dict.fromkeys(texts, pl.String())})
    if memory.suspended.is_empty():
        return pl.DataFrame(schema=schema)
    rows = [
        contacts.lazy()
        .join(memory.suspended.lazy().filter(pl.col("field") == pair.name), on="contact")
        .with_columns(
            mapping=pl.lit(pair.name),
            hubspot_field=pl.lit(pair.column("hubspot")),
            now_hubspot=pair.comparable("hubspot", pl.col(pair.column("hubspot"))),
            now_app=pair.comparable("app", pl.col(pair.column("app"))),
            one=pair.comparable("hubspot", pl.col("hubspot_value")),
            other=pair.comparable("app", pl.col("app_value")),
        )
        .select(schema.names())
        for pair in pairs
        if _fetched(contacts, pair)
    ]
    return pl.concat(rows).collect() if rows else pl.DataFrame(schema=schema)


def _either(column: str) -> pl.Expr:
    return (pl.col(column) == pl.col("one")) | (pl.col(column) == pl.col("other"))


def _fetched(contacts: pl.DataFrame, pair: MappedPair) -> bool:
    return pair.column("hubspot") in contacts.columns and pair.column("app") in contacts.columns


def _with_unreadable(contacts: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in ("hubspot._unreadable", "app._unreadable") if name not in contacts.columns]
    return contacts.with_columns(pl.lit("").alias(name) for name in missing)


_OF_RECORDS = tuple(f"{side}{what}" for side in SIDES for what in ("_updated_at", "_written_at", "._unreadable"))


def _differing(contacts: pl.DataFrame, pairs: Sequence[MappedPair]) -> list[pl.DataFrame]:
    """For each mapping with values that differ, its rows. Only where raw values differ is the canonical form worked out, and
    once for all contacts with the same two values."""
    raw = contacts.select(
        (pl.col(pair.column("hubspot")) != pl.col(pair.column("app"))).alias(pair.name) for pair in pairs
    )
    both, records, parts = contacts["hubspot"] & contacts["app"], _with_unreadable(contacts), []
    for pair in pairs:
        here = both & raw[pair.name]
        if not here.any():
            continue
        canonical = {f"{side}_canonical": pair.comparable(side, pl.col(pair.column(side))) for side in SIDES}
        looked_at = sorted({name for form in canonical.values() for name in form.meta.root_names()})
        held = contacts.select(pl.int_range(pl.len()).alias("row"), *looked_at).filter(here)
        unlike = held.select(looked_at).unique().with_columns(**canonical).filter(HUBSPOT != APP)
        if unlike.height:
            values = held.join(unlike, on=looked_at, nulls_equal=True, maintain_order="left")
            rows = records.select("contact", *_OF_RECORDS, *looked_at)[values["row"]]
            parts.append(_tidy(rows.with_columns(values.select(*canonical)), pair))
    return parts


def _tidy(rows: pl.DataFrame, pair: MappedPair) -> pl.DataFrame:
    return (
        rows.with_columns(hubspot_state=value_state(pair, "hubspot", HUBSPOT), app_state=value_state(pair, "app", APP))
        .filter(pl.col("hubspot_state").is_in(_TAKE_PART), pl.col("app_state").is_in(_TAKE_PART))
        .select(
            "contact",
            pl.lit(pair.name).alias("mapping"),
            pl.lit(pair.direction).alias("direction"),
            pl.lit(pair.merge).alias("merge"),
            pl.lit(pair.fingerprint).alias("fingerprint"),
            pl.col(pair.column("hubspot")).alias("hubspot_value"),
            pl.col(pair.column("app")).alias("app_value"),
            _users_time("hubspot"),
            _users_time("app"),
            "hubspot_state",
            "app_state",
            "hubspot_canonical",
            "app_canonical",
            hubspot_rank=pair.rank(HUBSPOT),
            app_rank=pair.rank(APP),
        )
    )


def _users_time(side: Side) -> pl.Expr:
    """When somebody else than the engine changed the record last; null if the last change is the engine's own write."""
    changed, written = pl.col(f"{side}_updated_at"), pl.col(f"{side}_written_at")
    return pl.when(written.is_null() | (changed != written)).then(changed).alias(f"{side}_at")


def _decided(rows: pl.DataFrame, connection: Connection) -> pl.DataFrame:
    """The rows with the outcome and the ground of the first rule that says something."""
    ladder = {f"rule {number}": rule for number, rule in enumerate(_ladder(connection))}
    grounds = [pl.when(pl.col(name).is_not_null()).then(pl.lit(ground)) for name, (ground, _) in ladder.items()]
    return (
        rows.with_columns(outcome.alias(name) for name, (_, outcome) in ladder.items())
        .with_columns(outcome=pl.coalesce(list(ladder)), ground=pl.coalesce(grounds))
        .with_columns(reason=_reason())
        .select(DIFFERENCE.names())
    )


def _ladder(connection: Connection) -> tuple[tuple[str, pl.Expr], ...]:
    """The rules in order, each with its ground and its outcome; null where it says nothing."""
    hubspot_changed, app_changed = HUBSPOT != BASE_HUBSPOT, APP != BASE_APP
    direction = pl.col("direction")
    decided = pl.when(pl.col("winner") == "hubspot").then(pl.lit("to_app")).otherwise(pl.lit("to_hubspot"))
    contested = FIRST | (hubspot_changed & app_changed)
    one_way = pl.col("winner").is_not_null() & (direction != "two_way")
    possible = pl.when(decided == direction).then(decided).otherwise(pl.lit("kept"))
    return (
        ("loop", pl.when(pl.col("flipping")).then(pl.lit("conflict"))),
        ("undone", pl.when(pl.col("winner") == UNDECIDED).then(pl.lit("conflict"))),
        ("consent", consent_outcome()),
        ("decision", pl.when(one_way).then(possible)),
        ("direction", pl.when(direction == "to_app").then(_one_way(HUBSPOT, hubspot_changed, "to_app"))),
        ("direction", pl.when(direction == "to_hubspot").then(_one_way(APP, app_changed, "to_hubspot"))),
        ("forward", forward_outcome()),
        ("set", set_outcome()),
        ("decision", pl.when(pl.col("winner").is_not_null()).then(decided)),
        ("change", pl.when(FIRST & (APP == "")).then(pl.lit("to_app"))),
        ("change", pl.when(FIRST & (HUBSPOT == "")).then(pl.lit("to_hubspot"))),
        ("change", pl.when(~contested & hubspot_changed).then(pl.lit("to_app"))),
        ("change", pl.when(~contested & app_changed).then(pl.lit("to_hubspot"))),
        ("change", pl.when(~contested).then(pl.lit("settled"))),
        ("policy", _policy(connection)),
    )


def _reason() -> pl.Expr:
    met = pl.when(FIRST).then(pl.lit("first_meeting")).otherwise(pl.lit("both_changed"))
    return pl.when(pl.col("ground") == "policy").then(met).otherwise("ground")


def _one_way(source: pl.Expr, source_changed: pl.Expr, outcome: str) -> pl.Expr:
    changed = (HUBSPOT != BASE_HUBSPOT) | (APP != BASE_APP)
    return (
        pl.when((source == "") & (FIRST | ~source_changed))
        .then(pl.lit("kept"))
        .when(FIRST | changed)
        .then(pl.lit(outcome))
        .otherwise(pl.lit("settled"))
    )


def _policy(connection: Connection) -> pl.Expr:
    """Who wins where both sides hold a change. A side that always wins but has no value changes nothing (HubSpot: "resolve
    data conflicts"); "latest" needs a time of a user's change on both sides, and then a clearing counts as a change. HubSpot's
    time is that of the property where its history is known, else that of the record. The app's is always that of the record, so
    its value may be older than that: it wins only over a HubSpot record that changed before it altogether."""
    match connection.sync.conflicts:
        case "hubspot":
            return pl.when(HUBSPOT == "").then(pl.lit("conflict")).otherwise(pl.lit("to_app"))
        case "app":
            return pl.when(APP == "").then(pl.lit("conflict")).otherwise(pl.lit("to_hubspot"))
        case "latest":
            hubspot_at, hubspot_record_at, app_at = (
                pl.col(name).str.to_datetime(time_zone="UTC", strict=False)
                for name in ("hubspot_at", "hubspot_record_at", "app_at")
            )

            def later(one: pl.Expr, other: pl.Expr) -> pl.Expr:
                return (one - other).dt.total_seconds() > connection.sync.clock_skew_seconds

            return (
                pl.when(later(hubspot_at, app_at))
                .then(pl.lit("to_app"))
                .when(later(app_at, hubspot_record_at) & later(app_at, hubspot_at))
                .then(pl.lit("to_hubspot"))
                .otherwise(pl.lit("conflict"))
            )
        case "ask":
            return pl.lit("conflict")


def agreed_values(contacts: pl.DataFrame, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """The canonical values of both sides for every pair and mapping: `contact`, `field`, `fingerprint`, `hubspot_value`, `app_value`."""
    both = contacts.lazy().filter(pl.col("hubspot") & pl.col("app"))
    tidy = [
        both.filter(pl.col(pair.column("hubspot")).is_not_null() & pl.col(pair.column("app")).is_not_null()).select(
            "contact",
            pl.lit(pair.name).alias("field"),
            pl.lit(pair.fingerprint).alias("fingerprint"),
            pair.comparable("hubspot", pl.col(pair.column("hubspot"))).alias("hubspot_value"),
            pair.comparable("app", pl.col(pair.column("app"))).alias("app_value"),
        )
        for pair in pairs
        if _fetched(contacts, pair)
    ]
    names = ("field", "fingerprint", "hubspot_value", "app_value")
    schema = pl.Schema({"contact": pl.Int64(), **dict.fromkeys(names, pl.String())})
    return pl.concat(tidy).collect() if tidy else pl.DataFrame(schema=schema)
