"""The second verification where another engine writes: the app's contacts are in HubSpot."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from diagnostics.verification.fresh import OBJECT_SOURCE, FreshSide
from diagnostics.verification.known import Known
from diagnostics.verification.moments import moment
from diagnostics.verification.outbound import EXPLAINED
from diagnostics.verification.result import INBOUND as NAME
from diagnostics.verification.result import Status, Verification, named_missing


def by_source(hubspot: FreshSide, since: datetime) -> pl.DataFrame:
    """What HubSpot's own filter on source and creation date would show: `id`."""
    column = f"value.{OBJECT_SOURCE}"
    source = pl.col(column) == "INTEGRATION" if column in hubspot.records.columns else pl.lit(True)
    return hubspot.records.filter(source & (moment(pl.col("created_at")) >= since)).select("id")


def verify_observed_inbound(known: Known, hubspot: FreshSide, app: FreshSide, *, sampled: bool) -> Verification:
    """Looks for each of the app's contacts in HubSpot: its linked record, or exactly one with the same normalised e-mail that
    no second record of the app shares. How many the other engine created is not known; HubSpot's source only says that some
    integration did."""
    if sampled:
        return Verification(
            NAME, "unknown",
            note="Another engine writes here, and a sample does not go through the app's contacts: verify without --sample.",
        )  # fmt: skip
    missing = _missing(known, hubspot, app)
    rows = named_missing(missing.rename({"id": "app_id"}))
    expected = app.records.height
    if not expected:
        return Verification(NAME, "unknown", 0, 0, note="There is nobody to look for: the app has no contact.")
    unwritten = missing.filter(~pl.col("reason").is_in(EXPLAINED)).height
    notes = ["Another engine writes here, so each of the app's contacts was looked for in HubSpot."]
    notes += [f"{unwritten} are not there, and no verdict keeps them out."] if unwritten else []
    notes.append(_by_source_note(known, hubspot))
    status: Status = "failed" if unwritten and known.checked else "unknown" if unwritten else "passed"
    return Verification(NAME, status, expected, expected - len(rows), rows, " ".join(filter(None, notes)))


def _by_source_note(known: Known, hubspot: FreshSide) -> str:
    try:
        since = datetime.fromisoformat(known.first_check).astimezone(UTC)
    except ValueError:
        return ""
    if f"value.{OBJECT_SOURCE}" not in hubspot.records.columns:
        return "HubSpot does not tell the records' source here."
    number = by_source(hubspot, since).height
    return (
        f"{number} HubSpot contacts of source INTEGRATION were created since the first check; by which one is not told."
    )


def _missing(known: Known, hubspot: FreshSide, app: FreshSide) -> pl.DataFrame:
    """`id`, `hubspot_id`, `email`, `reason`, `cause`, `existing` of the app's records that are not in HubSpot."""
    keyed = hubspot.records.lazy().filter(pl.col("key") != "").group_by("key").agg(existing=pl.col("id").sort())
    sharing = app.records.lazy().filter(pl.col("key") != "").group_by("key").agg(sharing=pl.len())
    verdicts = known.contacts.lazy().filter(pl.col("app_id").is_not_null())
    alone = (pl.col("hubspot_id") == "") & (pl.col("existing").list.len() == 1) & (pl.col("sharing") == 1)
    after_check = moment(pl.col("created_at")) > moment(pl.lit(known.last_check))
    return (
        app.records.lazy()
        .select("id", "email", "key", "created_at")
        .join(verdicts.select("app_id", "hubspot_id", "state", "cause"), left_on="id", right_on="app_id", how="left")
        .join(hubspot.records.lazy().select(hubspot_id="id", there=pl.lit(True)), on="hubspot_id", how="left")
        .join(keyed, on="key", how="left")
        .join(sharing, on="key", how="left")
        .with_columns(pl.col("existing").fill_null([]), pl.col("state", "cause", "hubspot_id").fill_null(""))
        .filter(~pl.col("there").fill_null(False) & ~alone.fill_null(False))
        .with_columns(
            reason=pl.when(pl.col("state").is_in([*EXPLAINED, "pending"]))
            .then("state")
            .when((pl.col("state") == "") & after_check.fill_null(False))
            .then(pl.lit("in_flight"))
            .otherwise(pl.lit("unexplained"))
        )
        .sort("id")
        .collect()
    )
