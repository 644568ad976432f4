"""What the contacts hold against what the targets take: choices, lengths, countries of phone numbers, repeated values.

Reads the mirror of the last check: one expression over a field's distinct values with how many contacts hold each.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from diagnostics.causes.written import limit, rules
from diagnostics.preflight.codes import found
from diagnostics.preflight.fields import flows_to, place
from diagnostics.preflight.finding import Finding
from engine.gates import Situation
from engine.mapped_pair import MappedPair, mapped_pairs
from engine.mirror import TABLE, columns_of
from engine.schema import SIDES, Field, Side
from engine.visible import visible
from engine.workspace import Workspace, quoted

HUBSPOT_CHARACTERS = 65_536
"""The most that a HubSpot text property holds, whatever its rules."""
_OTHER: dict[Side, Side] = {"hubspot": "app", "app": "hubspot"}
_VALUE = pl.col("value")


def lint_values(workspace: Workspace, situation: Situation) -> Iterator[Finding]:
    """Findings on the values that flow, counted in contacts of their source."""
    connection = situation.connection
    for mapping, pair in zip(connection.mappings, mapped_pairs(connection, situation.schemas), strict=True):
        where = place(mapping)
        for side in SIDES:
            target = situation.schemas[side].fields.get(pair.field(side))
            source = situation.schemas[_OTHER[side]].fields.get(pair.field(_OTHER[side]))
            if target is None or source is None or not flows_to(connection, mapping, side):
                continue
            yield from _choices(workspace, pair, source, target, side, where)
            yield from _lengths(workspace, pair, target, side, where)
            if target.unique and side == "hubspot" and target.name != situation.schemas["hubspot"].identity_field:
                yield from _repeated(workspace, pair, where)
        if pair.kind == "phone" and not connection.country_of(mapping):
            yield from _without_country(workspace, pair, where)
    yield from _refused_beforehand(workspace)


def _held(workspace: Workspace, side: Side, name: str, *, longer_than: int = 0) -> pl.DataFrame:
    """The distinct values of a field without outer white space, not empty, with how many `contacts` hold each."""
    if name not in columns_of(workspace, side):
        return pl.DataFrame(schema={"value": pl.String, "contacts": pl.Int64})
    column = quoted(name)
    return workspace.frame(
        f"SELECT trim({column}) AS value, count(*) AS contacts FROM {TABLE[side]} "
        f"WHERE trim({column}) <> '' AND length(CAST({column} AS BLOB)) > ? GROUP BY 1",
        (longer_than,),
        integers=("contacts",),
    )


def _choices(
    workspace: Workspace, pair: MappedPair, source: Field, target: Field, side: Side, where: str
) -> Iterator[Finding]:
    """Choices and texts of the source that are none of the target's choices once they are translated."""
    allowed = [option.value for option in target.options]
    if target.type not in ("option", "options") or not allowed or source.type == "bool":
        return
    declared = [option.value for option in source.options]
    held = _held(workspace, _OTHER[side], source.name)
    if source.type == "options":
        held = _single(held, pair, _OTHER[side])
    every = pl.concat([held, pl.DataFrame({"value": declared, "contacts": [0] * len(declared)}, schema=held.schema)])
    spelt = every.group_by("value").agg(pl.col("contacts").sum()).with_columns(spelt=pair.translated(_VALUE, side))
    parts = (
        pl.col("spelt").str.split(pair.readings[side].separator)
        if target.type == "options"
        else pl.concat_list("spelt")
    )
    unfit = spelt.filter(~parts.list.eval(pl.element().str.strip_chars().is_in(allowed)).list.all())
    if unfit.is_empty():
        return
    named = unfit.filter(_VALUE.is_in(declared)).sort(["contacts", "value"], descending=[True, False])
    rest, contacts = unfit.filter(~_VALUE.is_in(declared)), int(unfit["contacts"].sum())
    labels = {option.value: option.label for option in source.options}
    items = [
        f"{visible(value, 60)} ({visible(labels[value], 60)}): {number:,}" if labels[value] != value
        else f"{visible(value, 60)}: {number:,}"
        for value, number in named.select("value", "contacts").iter_rows()
    ]  # fmt: skip
    others = f", and {rest.height:,} values that are no declared choice" if rest.height else ""
    kinds = f"{named.height:,} of {source.name}'s choices" if named.height else f"values of {source.name}"
    yield found(
        "option-untranslated", f"{where}, options", f"{kinds} are none of {target.name}'s{others if named.height else ''}",
        severity="warns" if contacts else "tells", mapping=pair.name, field=f"{side}.{target.name}", contacts=contacts,
        items=items,
    )  # fmt: skip


def _single(held: pl.DataFrame, pair: MappedPair, side: Side) -> pl.DataFrame:
    """Sets as their members, each counted once a contact."""
    own = pair.readings[side].separator.strip() or ";"
    parts = _VALUE.str.replace_all(own, ";", literal=True).str.split(";")
    return (
        held.with_columns(parts.list.eval(pl.element().str.strip_chars()).list.unique())
        .explode("value")
        .filter(_VALUE != "")
        .group_by("value")
        .agg(pl.col("contacts").sum())
    )


def _lengths(workspace: Workspace, pair: MappedPair, target: Field, side: Side, where: str) -> Iterator[Finding]:
    limits = [(rule.kind, round(most)) for rule in rules(target, "max_length", "max_bytes") if (most := limit(rule))]
    if (
        side == "hubspot"
        and target.type in ("text", "url", "phone")
        and not any(kind == "max_length" for kind, _ in limits)
    ):
        limits.append(("max_length", HUBSPOT_CHARACTERS))
    for kind, most in limits:
        long = _held(workspace, _OTHER[side], pair.field(_OTHER[side]), longer_than=most)
        size = pl.col("spelt").str.len_bytes() if kind == "max_bytes" else pl.col("spelt").str.len_chars()
        beyond = long.with_columns(spelt=pair.translated(_VALUE, side)).filter(size > most)
        if beyond.height:
            unit = "bytes in UTF-8" if kind == "max_bytes" else "characters"
            yield found(
                "value-too-long", where, f"{target.name} takes at most {most:,} {unit}", mapping=pair.name,
                field=f"{side}.{target.name}", contacts=int(beyond["contacts"].sum()),
            )  # fmt: skip


def _repeated(workspace: Workspace, pair: MappedPair, where: str) -> Iterator[Finding]:
    held = _held(workspace, "app", pair.app)
    canonical = held.with_columns(value=pair.comparable("app", _VALUE)) if pair.kind != "phone" else held
    repeated = canonical.group_by("value").agg(pl.col("contacts").sum()).filter(pl.col("contacts") > 1)
    if repeated.height:
        what = f"HubSpot takes each value of {pair.hubspot} once; {repeated.height:,} values of {pair.app} are held by several"
        yield found(
            "unique-repeated", where, what, mapping=pair.name, field=f"hubspot.{pair.hubspot}",
            contacts=int(repeated["contacts"].sum()),
        )  # fmt: skip


def _without_country(workspace: Workspace, pair: MappedPair, where: str) -> Iterator[Finding]:
    national = 0
    for side in SIDES:
        if pair.field(side) in columns_of(workspace, side):
            held = f"trim({quoted(pair.field(side))})"
            query = f"SELECT count(*) FROM {TABLE[side]} WHERE {held} <> '' AND {held} NOT LIKE '+%' AND {held} NOT LIKE '00%'"
            national += int(workspace.value(query))
    if national:
        what = "numbers without a country code, and no property with the country is named"
        yield found("phone-country", f"{where}, country", what, mapping=pair.name, contacts=national)


_VALUES = ("field-type", "field-format", "field-range", "required-field")


def _refused_beforehand(workspace: Workspace) -> Iterator[Finding]:
    """What the gates of the last examination hold back, by field: the same answer that a sync goes by."""
    rows = workspace.rows(
        "SELECT f.code, f.field, count(DISTINCT f.contact_id) AS contacts FROM finding f "
        "JOIN verdict v ON v.contact_id = f.contact_id AND v.run_id = f.last_run WHERE f.blocking = 1 "
        f"AND f.code IN ({', '.join('?' * len(_VALUES))}) GROUP BY f.code, f.field ORDER BY contacts DESC, f.code, f.field",
        _VALUES,
    )
    for row in rows:
        if row["code"] == "required-field":
            what = f"{row['field']} is required, and these contacts give no value"
            yield found("required-empty", row["field"], what, field=row["field"], contacts=row["contacts"])
        else:
            what = f"values to be written to {row['field']} are held back ({row['code']})"
            remedy = f"See: syncdoctor causes {row['code']}"
            yield found(
                "values-unfit", row["field"], what, remedy=remedy, field=row["field"], contacts=row["contacts"],
                items=(row["code"],),
            )  # fmt: skip
