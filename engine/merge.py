"""Field-level three-way merge on the tidy form: one row per pair and mapped field whose two values differ.

The base holds, for each side, the canonical value at the last agreement. What changed since then flows; where both
changed, the connection's policy decides or the field is a conflict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from engine.canonical import canonical
from engine.connection import Connection, Direction, FieldMapping
from engine.memory import UNDECIDED, Memory
from engine.schema import SIDES, FieldType, Side, SideSchema

DIFFERENCE = pl.Schema(
    {
        "contact": pl.Int64,
        "mapping": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
        "hubspot_canonical": pl.String,
        "app_canonical": pl.String,
        "outcome": pl.String,
    }
)
"""`outcome`: to_app, to_hubspot, conflict, settled (differs as it did at the last agreement) or kept (the direction or
an empty source leaves it)."""

_PRECEDENCE: tuple[FieldType, ...] = ("email", "number", "date", "datetime", "phone", "bool", "options")


@dataclass(frozen=True)
class MappedPair:
    """One mapping with what both schemas say of it. `to_app` and `to_hubspot` translate option values."""

    name: str
    hubspot: str
    app: str
    kind: FieldType
    direction: Direction
    to_app: Mapping[str, str]
    to_hubspot: Mapping[str, str]
    fingerprint: str
    """Changes when the mapping means something else; a base of another fingerprint does not count."""

    def translated(self, column: pl.Expr, to: Side) -> pl.Expr:
        """A raw column of the other side as it would be written to this one."""
        table = self.to_app if to == "app" else self.to_hubspot
        trimmed = column.str.strip_chars()
        translated = trimmed.replace(dict(table)) if table else trimmed
        if self.kind == "date":
            return pl.coalesce(canonical(translated, "date"), translated)
        return translated

    def comparable(self, side: Side, column: pl.Expr) -> pl.Expr:
        """A raw column of a side in canonical form; option values in HubSpot's words."""
        translated = (
            column.str.strip_chars().replace(dict(self.to_hubspot)) if side == "app" and self.to_hubspot else column
        )
        return canonical(translated, self.kind)

    def flows_to(self, side: Side) -> bool:
        """Whether this mapping may write to a side at all."""
        return self.direction in ("two_way", f"to_{side}")


def mapped_pairs(connection: Connection, schemas: Mapping[Side, SideSchema]) -> tuple[MappedPair, ...]:
    """The connection's mappings with kinds and option tables; fields missing from a schema count as text."""
    return tuple(_mapped(connection, mapping, schemas) for mapping in connection.mappings)


def _mapped(connection: Connection, mapping: FieldMapping, schemas: Mapping[Side, SideSchema]) -> MappedPair:
    types = {
        schemas[side].fields[connection.field(mapping, side)].type
        for side in SIDES
        if connection.field(mapping, side) in schemas[side].fields
    }
    kind: FieldType = next((kind for kind in _PRECEDENCE if kind in types), "text")
    return MappedPair(
        name=mapping.name,
        hubspot=mapping.hubspot,
        app=mapping.app,
        kind=kind,
        direction=connection.direction_of(mapping),
        to_app=mapping.options,
        to_hubspot={label: value for value, label in mapping.options.items()},
        fingerprint=_fingerprint(connection, mapping, kind),
    )


def _fingerprint(connection: Connection, mapping: FieldMapping, kind: FieldType) -> str:
    meaning = (mapping.hubspot, mapping.app, kind, sorted(mapping.options.items()), connection.app.audience)
    return hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]


def differences(
    contacts: pl.DataFrame, memory: Memory, connection: Connection, pairs: tuple[MappedPair, ...]
) -> pl.DataFrame:
    """Rows of DIFFERENCE for every pair in `contacts` (as in `gates.Population`) and mapping whose values differ.

    Both values must have been fetched.
    """
    both = contacts.lazy().filter(pl.col("hubspot") & pl.col("app"))
    tidy = [_differing(both, pair) for pair in pairs if _fetched(contacts, pair)]
    if not tidy:
        return pl.DataFrame(schema=DIFFERENCE)
    base_columns = memory.base.lazy().select(
        "contact", pl.col("field").alias("mapping"), "fingerprint", base_hubspot="hubspot_value", base_app="app_value"
    )
    rows = pl.concat(tidy).join(base_columns, on=["contact", "mapping", "fingerprint"], how="left")
    outcome = pl.when("held").then(pl.lit("conflict")).otherwise(_outcome(connection))
    held = rows.join(_held(memory), on=["contact", "mapping", "hubspot_value", "app_value"], how="left")
    return held.with_columns(outcome.alias("outcome")).select(DIFFERENCE.names()).collect()


def _held(memory: Memory) -> pl.LazyFrame:
    """Fields that wait for a person, with the two values for which they do."""
    return (
        memory.decisions.lazy()
        .filter(pl.col("winner") == UNDECIDED)
        .select("contact", pl.col("field").alias("mapping"), "hubspot_value", "app_value", held=True)
    )


def _fetched(contacts: pl.DataFrame, pair: MappedPair) -> bool:
    return f"hubspot.{pair.hubspot}" in contacts.columns and f"app.{pair.app}" in contacts.columns


def _differing(both: pl.LazyFrame, pair: MappedPair) -> pl.LazyFrame:
    hubspot, app = pl.col(f"hubspot.{pair.hubspot}"), pl.col(f"app.{pair.app}")
    raw = both.filter(hubspot.is_not_null() & app.is_not_null() & (hubspot != app)).select(
        "contact",
        pl.lit(pair.name).alias("mapping"),
        pl.lit(pair.direction).alias("direction"),
        pl.lit(pair.fingerprint).alias("fingerprint"),
        hubspot.alias("hubspot_value"),
        app.alias("app_value"),
        _users_time("hubspot"),
        _users_time("app"),
        pair.comparable("hubspot", hubspot).alias("hubspot_canonical"),
        pair.comparable("app", app).alias("app_canonical"),
    )
    return raw.filter(pl.col("hubspot_canonical") != pl.col("app_canonical"))


def _users_time(side: Side) -> pl.Expr:
    """When somebody else than the engine changed the record last; null if the last change is the engine's own write."""
    changed, written = pl.col(f"{side}_updated_at"), pl.col(f"{side}_written_at")
    return pl.when(written.is_null() | (changed != written)).then(changed).alias(f"{side}_at")


def _outcome(connection: Connection) -> pl.Expr:
    direction = pl.col("direction")
    hubspot, app = pl.col("hubspot_canonical"), pl.col("app_canonical")
    first = pl.col("base_hubspot").is_null()
    hubspot_changed = hubspot != pl.col("base_hubspot")
    app_changed = app != pl.col("base_app")
    changed = hubspot_changed | app_changed

    def one_way(source: pl.Expr, source_changed: pl.Expr, outcome: str) -> pl.Expr:
        return (
            pl.when((source == "") & (first | ~source_changed))
            .then(pl.lit("kept"))
            .when(first | changed)
            .then(pl.lit(outcome))
            .otherwise(pl.lit("settled"))
        )

    return (
        pl.when(direction == "to_app")
        .then(one_way(hubspot, hubspot_changed, "to_app"))
        .when(direction == "to_hubspot")
        .then(one_way(app, app_changed, "to_hubspot"))
        .when(first & (app == ""))
        .then(pl.lit("to_app"))
        .when(first & (hubspot == ""))
        .then(pl.lit("to_hubspot"))
        .when(first | (hubspot_changed & app_changed))
        .then(_policy(connection))
        .when(hubspot_changed)
        .then(pl.lit("to_app"))
        .when(app_changed)
        .then(pl.lit("to_hubspot"))
        .otherwise(pl.lit("settled"))
    )


def _policy(connection: Connection) -> pl.Expr:
    """Who wins where both sides hold a change. A side that always wins but has no value changes nothing (HubSpot: "resolve
    data conflicts"); "latest" needs a time of a user's change on both sides, and then a clearing counts as a change."""
    hubspot_empty, app_empty = pl.col("hubspot_canonical") == "", pl.col("app_canonical") == ""
    match connection.sync.conflicts:
        case "hubspot":
            return pl.when(hubspot_empty).then(pl.lit("conflict")).otherwise(pl.lit("to_app"))
        case "app":
            return pl.when(app_empty).then(pl.lit("conflict")).otherwise(pl.lit("to_hubspot"))
        case "latest":
            hubspot_at, app_at = (
                pl.col(name).str.to_datetime(time_zone="UTC", strict=False) for name in ("hubspot_at", "app_at")
            )
            ahead = (hubspot_at - app_at).dt.total_seconds()
            skew = connection.sync.clock_skew_seconds
            return (
                pl.when(ahead > skew)
                .then(pl.lit("to_app"))
                .when(ahead < -skew)
                .then(pl.lit("to_hubspot"))
                .otherwise(pl.lit("conflict"))
            )
        case "ask":
            return pl.lit("conflict")


def agreed_values(contacts: pl.DataFrame, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """The canonical values of both sides for every pair and mapping: `contact`, `field`, `fingerprint`, `hubspot_value`, `app_value`."""
    both = contacts.lazy().filter(pl.col("hubspot") & pl.col("app"))
    tidy = [
        both.filter(pl.col(f"hubspot.{pair.hubspot}").is_not_null() & pl.col(f"app.{pair.app}").is_not_null()).select(
            "contact",
            pl.lit(pair.name).alias("field"),
            pl.lit(pair.fingerprint).alias("fingerprint"),
            pair.comparable("hubspot", pl.col(f"hubspot.{pair.hubspot}")).alias("hubspot_value"),
            pair.comparable("app", pl.col(f"app.{pair.app}")).alias("app_value"),
        )
        for pair in pairs
        if _fetched(contacts, pair)
    ]
    names = ("field", "fingerprint", "hubspot_value", "app_value")
    schema = pl.Schema({"contact": pl.Int64(), **dict.fromkeys(names, pl.String())})
    return pl.concat(tidy).collect() if tidy else pl.DataFrame(schema=schema)
