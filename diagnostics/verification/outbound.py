"""First verification: every contact of the inclusion list exists in the external app."""

from __future__ import annotations

import polars as pl

from diagnostics.verification.fresh import REREAD_LIMIT, FreshSide, Members
from diagnostics.verification.known import Known
from diagnostics.verification.moments import moment
from diagnostics.verification.result import Status, Verification, named_missing
from engine.connection import Connection
from engine.connectors import Connector

NAME = "outbound"
EXPLAINED = ("excluded", "failing", "conflict", "unknown")


async def verify_outbound(
    connection: Connection,
    known: Known,
    hubspot: FreshSide,
    app: FreshSide,
    members: Members,
    connector: Connector,
) -> Verification:
    """Looks for each member (each HubSpot contact if there is no list) on the other side.

    It is there if its linked record is, or exactly one record with the same normalised e-mail that no second HubSpot
    contact shares or is linked to. What is missing for no reason is looked up once more by its address before it counts.
    """
    if connection.sync.direction == "to_hubspot":
        return Verification(NAME, "not_applicable", note="The connection sends nothing to the app.")
    if members.unreadable:
        return Verification(NAME, "unknown", note=f"The list could not be read: {members.unreadable}")
    wanted, dead = _wanted(hubspot, members.rows)
    if not wanted.height:
        return Verification(NAME, "unknown", 0, 0, note="There is nobody to look for: no contact is meant.")
    missing = _missing(wanted, known, hubspot, app)
    doubtful = missing.filter(~pl.col("reason").is_in(EXPLAINED) & (pl.col("key") != "")).head(REREAD_LIMIT)
    if doubtful.height:
        again = await connector.find(doubtful["email"].to_list(), app.fields)
        fresh = app.with_reread(again, [record.id for record in again])
        missing = _missing(wanted, known, hubspot, fresh)
    unwritten = int(missing.filter(~pl.col("reason").is_in(EXPLAINED)).height)
    expected = wanted.height
    if unwritten and not known.checked:
        return _answer("unknown", expected, missing, ["Nothing was examined yet, so nothing can be explained."])
    notes = [f"{dead} list members are no live contacts."] if dead else []
    later = missing.filter(pl.col("reason").is_in(["pending", "in_flight"])).height
    if later:
        notes.append(f"{later} are not yet written.")
    unexamined = missing.filter(pl.col("reason") == "unknown").height
    if unexamined:
        notes.append(f"{unexamined} could not be examined.")
    if missing.height and not unwritten:
        notes.append(_explained(missing, unexamined))
    return _answer("failed" if unwritten else "passed", expected, missing, notes)


def _explained(missing: pl.DataFrame, unexamined: int) -> str:
    """In words: nobody is missing without a reason; how many are excluded, how many failing."""
    counts = dict(missing.group_by("reason").len().iter_rows())
    numbers = [f"{counts.get(state, 0)} {state}" for state in ("excluded", "failing")]
    if counts.get("conflict"):
        numbers.append(f"{counts['conflict']} in conflict")
    return f"Every {'other ' if unexamined else ''}missing contact is explained: {', '.join(numbers)}."


def _answer(status: Status, expected: int, missing: pl.DataFrame, notes: list[str]) -> Verification:
    rows = named_missing(missing.rename({"id": "hubspot_id"}))
    return Verification(NAME, status, expected, expected - len(rows), rows, " ".join(notes))


def _wanted(hubspot: FreshSide, members: pl.DataFrame | None) -> tuple[pl.DataFrame, int]:
    """Live contacts that should be on the other side (`id`, `since`), and how many list members are not live."""
    if members is None:
        return hubspot.records.select("id", since="created_at"), 0
    live = members.join(hubspot.records.select("id"), on="id", how="semi")
    return live.select("id", "since"), members.height - live.height


def _missing(wanted: pl.DataFrame, known: Known, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """`id`, `app_id`, `email`, `key`, `reason`, `cause`, `existing` of the wanted that are not there."""
    app_keys = app.records.lazy().filter(pl.col("key") != "").group_by("key").agg(existing=pl.col("id").sort())
    sharing = hubspot.records.lazy().filter(pl.col("key") != "").group_by("key").agg(sharing=pl.len())
    verdicts = known.contacts.lazy().filter(pl.col("hubspot_id").is_not_null())
    taken = known.linked.lazy().select(only="app_id", taken_by="hubspot_id")
    candidates = pl.col("existing").list.len()
    free = pl.col("taken_by").is_null() | (pl.col("taken_by") == pl.col("id"))
    after_check = moment(pl.col("created_at")) > moment(pl.lit(known.last_check))
    joined_after = moment(pl.col("since")) > moment(pl.lit(known.last_check))
    return (
        wanted.lazy()
        .join(hubspot.records.lazy().select("id", "email", "key", "created_at"), on="id")
        .join(
            verdicts.select("hubspot_id", "app_id", "state", "cause"), left_on="id", right_on="hubspot_id", how="left"
        )
        .join(app.records.lazy().select(app_id="id", there=pl.lit(True)), on="app_id", how="left")
        .join(app_keys, on="key", how="left")
        .join(sharing, on="key", how="left")
        .with_columns(pl.col("existing").fill_null([]), pl.col("state", "cause", "app_id").fill_null(""))
        .with_columns(only=pl.col("existing").list.first())
        .join(taken, on="only", how="left")
        .filter(
            ~pl.col("there").fill_null(False)
            & ~((pl.col("app_id") == "") & (candidates == 1) & (pl.col("sharing") == 1) & free)
        )
        .select(
            "id",
            "app_id",
            "email",
            "key",
            "cause",
            "existing",
            reason=pl.when(pl.col("state").is_in([*EXPLAINED, "pending"]))
            .then("state")
            .when((pl.col("state") == "") & (after_check | joined_after).fill_null(False))
            .then(pl.lit("in_flight"))
            .otherwise(pl.lit("unexplained")),
        )
        .sort("id")
        .collect()
    )
