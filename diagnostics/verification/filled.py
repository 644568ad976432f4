"""Third verification: where fields are only updated in one of the platforms, the target field received its data."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from diagnostics.verification.fresh import FreshSide
from diagnostics.verification.known import Known
from diagnostics.verification.result import Missing, Status, Verification
from engine.canonical import email_key, text
from engine.merge import MappedPair

NAME = "update-only"


def verify_filled(
    known: Known, hubspot: FreshSide, app: FreshSide, pairs: Sequence[MappedPair], named: Sequence[str]
) -> Verification:
    """The target field is filled wherever the source is: one-way mappings over all contacts in sync, and every
    mapping of the contacts named by e-mail or id. `expected` and `found` count fields."""
    one_way = [pair for pair in pairs if pair.direction != "two_way"]
    if not one_way and not named:
        return Verification(NAME, "not_applicable", note="No mapping is one-way and no contact is named.")
    joined = joined_pairs(known, hubspot, app)
    in_sync = joined.filter((pl.col("state") == "in_sync") & pl.col("both"))
    notes = []
    if one_way:
        targets = ", ".join(pair.app if pair.direction == "to_app" else pair.hubspot for pair in one_way)
        notes.append(f"Looked for empty {targets} in {in_sync.height} contacts in sync.")
    chosen, strangers = _named(joined, hubspot, app, named)
    looked_at = [_fields(in_sync, one_way), _fields(chosen, pairs)]
    fields = pl.concat(looked_at).unique(["hubspot_id", "app_id", "field"], maintain_order=True)
    empty = fields.filter(~pl.col("filled"))
    missing = (*_missing(empty), *strangers)
    nothing_seen = bool(one_way) and not in_sync.height and not named
    status: Status = "failed" if missing else "unknown" if nothing_seen else "passed"
    return Verification(NAME, status, fields.height, fields.height - empty.height, missing, " ".join(notes))


def joined_pairs(known: Known, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """The last check's pairs with the fresh values: columns of `Known.contacts`, `hubspot.NAME`, `app.NAME`,
    `hubspot_updated_at`, `app_updated_at`, `there_hubspot`, `there_app` and `both` (both records are there)."""
    pairs = known.contacts.lazy().filter(pl.col("hubspot_id").is_not_null() & pl.col("app_id").is_not_null())
    for side, ids in ((hubspot, "hubspot_id"), (app, "app_id")):
        named = side.records.lazy().select(
            pl.col("id").alias(ids),
            pl.col("updated_at").alias(f"{side.side}_updated_at"),
            pl.lit(True).alias(f"there_{side.side}"),
            *(pl.col(f"value.{field}").alias(f"{side.side}.{field}") for field in side.fields),
        )
        pairs = pairs.join(named, on=ids, how="left")
    there = pl.col("there_hubspot", "there_app").fill_null(False)
    return pairs.with_columns(there).with_columns(both=pl.col("there_hubspot") & pl.col("there_app")).collect()


def _named(
    joined: pl.DataFrame, hubspot: FreshSide, app: FreshSide, named: Sequence[str]
) -> tuple[pl.DataFrame, list[Missing]]:
    """The rows of the named contacts, and those who are nobody's or have no counterpart."""
    rows, strangers = [joined.clear()], []
    for who in dict.fromkeys(named):
        key = pl.select(email_key(pl.lit(who)).alias("key")).item()
        ids = {side.side: _ids_of(side, who, key) for side in (hubspot, app)}
        found = joined.filter(
            (pl.col("hubspot_id").is_in(ids["hubspot"]) | pl.col("app_id").is_in(ids["app"])) & pl.col("both")
        )
        if found.height:
            rows.append(found)
            continue
        here = ids["hubspot"] or ids["app"]
        note = "It has no linked counterpart." if here else "Neither side has a contact with this e-mail or id."
        strangers.append(
            Missing(
                hubspot_id=next(iter(ids["hubspot"]), ""),
                app_id=next(iter(ids["app"]), ""),
                email=who if "@" in who else "",
                reason_state="unexplained" if here else "unknown",
                reason_cause="",
                note=note if "@" in who or here else f"{note} Asked for: {who}",
            )
        )
    return pl.concat(rows), strangers


def _ids_of(side: FreshSide, who: str, key: str) -> list[str]:
    return side.records.filter((pl.col("id") == who.strip()) | ((pl.col("key") == key) & (key != "")))["id"].to_list()


def _fields(contacts: pl.DataFrame, pairs: Sequence[MappedPair]) -> pl.DataFrame:
    """A row per contact and mapping whose source is filled: `hubspot_id`, `app_id`, `email`, `field`, `filled`."""
    schema = {"hubspot_id": pl.String, "app_id": pl.String, "email": pl.String, "state": pl.String,
              "cause": pl.String, "field": pl.String, "filled": pl.Boolean}  # fmt: skip
    rows = [pl.DataFrame(schema=schema)]
    for pair in pairs:
        columns = {"hubspot": f"hubspot.{pair.hubspot}", "app": f"app.{pair.app}"}
        filled = {side: text(pl.col(column)) != "" for side, column in columns.items()}
        fetched = pl.all_horizontal(pl.col(column).is_not_null() for column in columns.values())
        for target, source in (("app", "hubspot"), ("hubspot", "app")):
            if pair.direction in ("two_way", f"to_{target}"):
                name = pair.app if target == "app" else pair.hubspot
                rows.append(
                    contacts.filter(fetched & filled[source]).select(
                        "hubspot_id",
                        "app_id",
                        "email",
                        "state",
                        "cause",
                        pl.lit(f"{target}: {name}").alias("field"),
                        filled[target].alias("filled"),
                    )
                )
    return pl.concat(rows)


def _missing(empty: pl.DataFrame) -> tuple[Missing, ...]:
    grouped = empty.group_by("hubspot_id", "app_id", maintain_order=True).agg(
        pl.col("email", "state", "cause").first(), pl.col("field").unique(maintain_order=True)
    )
    return tuple(
        Missing(
            hubspot_id=row["hubspot_id"],
            app_id=row["app_id"],
            email=row["email"],
            reason_state="unexplained" if row["state"] in ("in_sync", "") else row["state"],
            reason_cause=row["cause"],
            fields=tuple(row["field"]),
            note="The source field is filled, the target field is empty.",
        )
        for row in grouped.iter_rows(named=True)
    )
