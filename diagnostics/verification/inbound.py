"""Second verification: the contacts that were created in HubSpot are there, found by source and creation date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from diagnostics.causes import counterpart_gone, erased
from diagnostics.verification.fresh import OBJECT_SOURCE, FreshSide
from diagnostics.verification.known import Known
from diagnostics.verification.observed_inbound import by_source, verify_observed_inbound
from diagnostics.verification.result import INBOUND as NAME
from diagnostics.verification.result import Missing, Status, Verification
from engine.connection import Connection

_GONE = (counterpart_gone.CODE, erased.CODE)


def verify_inbound(
    connection: Connection, known: Known, hubspot: FreshSide, app: FreshSide, *, sampled: bool = False
) -> Verification:
    """Compares HubSpot contacts of source INTEGRATION created since activation with the journal's applied creates.

    Creation times may lie `clock_skew_seconds` before the activation: the two clocks are not the same one. Of a sample only
    the creates in it are looked for. Where another engine writes, whose creates nobody counts, each of the app's contacts is
    looked for in HubSpot.
    """
    if connection.sync.direction == "to_app":
        return Verification(NAME, "not_applicable", note="The connection sends nothing to HubSpot.")
    if connection.mode == "observed":
        return verify_observed_inbound(known, hubspot, app, sampled=sampled)
    try:
        activated = datetime.fromisoformat(known.activated_at).astimezone(UTC)
    except ValueError:
        return Verification(NAME, "unknown", note="The connection was not activated yet: nothing was created.")
    since = activated - timedelta(seconds=connection.sync.clock_skew_seconds)
    seen = by_source(hubspot, since)
    creates = known.creates.unique("record_id", keep="last", maintain_order=True)
    missing = creates.join(seen, left_on="record_id", right_on="id", how="anti")
    there = set(hubspot.records.join(missing, left_on="id", right_on="record_id", how="semi")["id"])
    rows = tuple(_missing(row, there) for row in missing.iter_rows(named=True))
    others = seen.join(creates, left_on="id", right_on="record_id", how="anti").height
    notes = []
    if others and not sampled:
        notes.append(f"{others} more contacts of source INTEGRATION since then were not created by this connection.")
    if f"value.{OBJECT_SOURCE}" not in hubspot.records.columns:
        notes.append("HubSpot does not tell the records' source here; only ids and creation dates were compared.")
    failed = any(row.reason_cause not in _GONE for row in rows)
    status: Status = "failed" if failed else "passed"
    return Verification(NAME, status, creates.height, creates.height - len(rows), rows, " ".join(notes))


def _missing(row: dict[str, str], there: set[str]) -> Missing:
    exists = row["record_id"] in there
    gone = row["cause"] in _GONE
    return Missing(
        hubspot_id=row["record_id"],
        app_id="",
        email=row["email"] or "",
        reason_state=row["state"] if gone else "unexplained",
        reason_cause=row["cause"] if gone else "",
        existing=(row["record_id"],) if exists else (),
        note="It exists, but not with this source and creation date." if exists else "",
    )
