"""Third verification: where fields are only updated in one of the platforms, the target field received its data."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from diagnostics.verification.fresh import FreshSide
from diagnostics.verification.joined import joined_pairs
from diagnostics.verification.known import Known
from diagnostics.verification.result import Missing, Status, Verification
from engine.canonical import email_key, text
from engine.merge import MappedPair

NAME = "update-only"
_EMPTY = "The source field is filled, the target field is empty."
_DIFFERS = "Both fields are filled, their values differ, and nothing explains it."


def verify_filled(
    known: Known,
    hubspot: FreshSide,
    app: FreshSide,
    pairs: Sequence[MappedPair],
    named: Sequence[str],
    differences: pl.DataFrame,
) -> Verification:
    """The target field is filled wherever the source is: one-way mappings over all contacts in sync, and every
    mapping of the contacts named by e-mail or id. A named contact's field must also hold the same canonical value on
    both sides, unless `differences` (rows of DIFFERENT) explain why not. `expected` and `found` count fields."""
    one_way = [pair for pair in pairs if pair.direction != "two_way"]
    if not one_way and not named:
        return Verification(NAME, "not_applicable", note="No mapping is one-way and no contact is named.")
    joined = joined_pairs(known.contacts, hubspot, app)
    in_sync = joined.filter((pl.col("state") == "in_sync") & pl.col("both"))
    notes = []
    if one_way:
        targets = ", ".join(pair.app if pair.direction == "to_app" else pair.hubspot for pair in one_way)
        notes.append(f"Looked for empty {targets} in {in_sync.height} contacts in sync.")
    chosen, strangers = _named(joined, hubspot, app, named)
    looked_at = [_agreeing(_fields(chosen, pairs), differences), _fields(in_sync, one_way)]
    fields = pl.concat(looked_at).unique(["hubspot_id", "app_id", "field"], keep="first", maintain_order=True)
    unmet = fields.filter(pl.col("note") != "")
    missing = (*_missing(unmet), *strangers)
    nothing_seen = bool(one_way) and not in_sync.height and not named
    status: Status = "failed" if missing else "unknown" if nothing_seen else "passed"
    return Verification(NAME, status, fields.height, fields.height - unmet.height, missing, " ".join(notes))


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
    """A row per contact and mapping whose source is filled: `contact`, `hubspot_id`, `app_id`, `email`, `state`,
    `cause`, `mapping`, `field` and `note`, which says what is wrong with the target field."""
    names = ("contact", "hubspot_id", "app_id", "email", "state", "cause")
    added = (pl.lit("").alias(name) for name in ("mapping", "field", "note"))
    rows = [contacts.clear().select(*names, *added)]
    for pair in pairs:
        columns = {"hubspot": f"hubspot.{pair.hubspot}", "app": f"app.{pair.app}"}
        filled = {side: text(pl.col(column)) != "" for side, column in columns.items()}
        fetched = pl.all_horizontal(pl.col(column).is_not_null() for column in columns.values())
        for target, source in (("app", "hubspot"), ("hubspot", "app")):
            if pair.direction in ("two_way", f"to_{target}"):
                name = pair.app if target == "app" else pair.hubspot
                rows.append(
                    contacts.filter(fetched & filled[source]).select(
                        *names,
                        pl.lit(pair.name).alias("mapping"),
                        pl.lit(f"{target}: {name}").alias("field"),
                        pl.when(filled[target]).then(pl.lit("")).otherwise(pl.lit(_EMPTY)).alias("note"),
                    )
                )
    return pl.concat(rows)


def _agreeing(fields: pl.DataFrame, differences: pl.DataFrame) -> pl.DataFrame:
    """The same rows; a filled field whose difference is unexplained has a note, and no verdict counts as its reason."""
    unexplained = differences.filter(pl.col("class") == "unexplained").select(
        "contact", mapping="field", differs=pl.lit(True)
    )
    differs = pl.col("differs").fill_null(False)
    return (
        fields.join(unexplained, on=["contact", "mapping"], how="left", maintain_order="left")
        .with_columns(
            note=pl.when(differs & (pl.col("note") == "")).then(pl.lit(_DIFFERS)).otherwise("note"),
            state=pl.when(differs).then(pl.lit("")).otherwise("state"),
            cause=pl.when(differs).then(pl.lit("")).otherwise("cause"),
        )
        .drop("differs")
    )


def _missing(unmet: pl.DataFrame) -> tuple[Missing, ...]:
    grouped = unmet.group_by("contact", "state", "cause", "note", maintain_order=True).agg(
        pl.col("hubspot_id", "app_id", "email").first(), pl.col("field")
    )
    return tuple(
        Missing(
            hubspot_id=row["hubspot_id"],
            app_id=row["app_id"],
            email=row["email"],
            reason_state="unexplained" if row["state"] in ("in_sync", "") else row["state"],
            reason_cause=row["cause"],
            fields=tuple(row["field"]),
            note=row["note"],
        )
        for row in grouped.iter_rows(named=True)
    )
