"""What the workspace knows from the last check: only for explaining what a fresh reading finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from diagnostics.causes import list_criteria, list_membership, member_status, opt_in
from diagnostics.held_back import holding
from diagnostics.verification.moments import moment
from engine.workspace import Workspace

_CONTACTS = """
SELECT c.id AS contact, c.hubspot_id, c.app_id, c.linked_at IS NOT NULL AS linked, c.email,
       coalesce(v.state, '') AS state, coalesce(v.cause, '') AS cause
FROM contact c LEFT JOIN verdict v ON v.contact_id = c.id
"""
_CONTACT_TYPES = {
    "contact": pl.Int64, "hubspot_id": pl.String, "app_id": pl.String, "linked": pl.Int64, "email": pl.String,
    "state": pl.String, "cause": pl.String,
}  # fmt: skip
_FIELD_TYPES = {"contact": pl.Int64, "field": pl.String}
_BASE_TYPES = {**_FIELD_TYPES, "fingerprint": pl.String, "base_hubspot": pl.String, "base_app": pl.String}
_HELD_TYPES = {**_FIELD_TYPES, "side": pl.String}
_CREATE_TYPES = {"record_id": pl.String, "email": pl.String, "state": pl.String, "cause": pl.String}
_LAST_CHECK = "SELECT max(started_at) FROM run WHERE id IN (SELECT run_id FROM examination)"
_RECENT = """
WITH last AS (SELECT id, started_at FROM run WHERE command = 'sync' ORDER BY id DESC LIMIT 1)
SELECT contact_id AS contact FROM journal WHERE run_id = (SELECT id FROM last) AND state IN ('applied', 'verified')
UNION SELECT id FROM contact WHERE linked_at >= (SELECT started_at FROM last) ORDER BY 1
"""
_CONSENT = (member_status.CODE, opt_in.CODE)


@dataclass(frozen=True)
class Known:
    """The last check's answers.

    `contacts`: `contact`, both ids, `linked`, `email`, verdict `state` and `cause` (empty: none). `last_check`: when the newest
    run began that gave a verdict. `conflicts`: `contact`, `field` (mapping).
    `planned`: `contact`, `side`, `field` (the target's own). `base`: `contact`, `field` (mapping), `fingerprint`
    (the mapping's meaning then), `base_hubspot`, `base_app`, canonical. `forbidden`: `contact`, `field` (`app.NAME`,
    `hubspot.NAME`) of consent that excludes. `creates`: HubSpot records that the engine created, without merged ones (the
    survivor has its own source and creation date): `record_id`, `email`, `state`, `cause`. Moments are ISO 8601 in UTC, empty if there was none.
    """

    contacts: pl.DataFrame
    conflicts: pl.DataFrame
    planned: pl.DataFrame
    base: pl.DataFrame
    forbidden: pl.DataFrame
    creates: pl.DataFrame
    quarantined: pl.DataFrame
    recent: pl.DataFrame
    linked: pl.DataFrame
    activated_at: str
    first_check: str
    last_check: str

    @property
    def checked(self) -> bool:
        """Whether any check ever gave verdicts."""
        return self.last_check != ""


def read_known(workspace: Workspace) -> Known:
    """Reads it from the workspace's committed rows. Raises WorkspaceError."""

    def frame(query: str, types: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
        return workspace.frame(query).cast(types)  # type: ignore[arg-type]

    return Known(
        contacts=frame(_CONTACTS, _CONTACT_TYPES),
        conflicts=frame("SELECT contact_id AS contact, field FROM conflict", _FIELD_TYPES),
        planned=frame(
            "SELECT contact_id AS contact, side, field FROM planned_write WHERE kind = 'update'",
            _HELD_TYPES,
        ),
        base=frame(
            "SELECT contact_id AS contact, field, fingerprint, hubspot_value AS base_hubspot, app_value AS base_app "
            "FROM base_field",
            _BASE_TYPES,
        ),
        forbidden=frame(
            "SELECT contact_id AS contact, field FROM open_findings "
            f"WHERE blocking = 1 AND state = 'excluded' AND code IN {_CONSENT}",
            _FIELD_TYPES,
        ),
        creates=frame(
            "SELECT j.record_id, coalesce(c.email, j.email_key) AS email, "
            "coalesce(v.state, '') AS state, coalesce(v.cause, '') AS cause FROM journal j "
            "LEFT JOIN contact c ON c.id = j.contact_id LEFT JOIN verdict v ON v.contact_id = j.contact_id "
            "WHERE j.kind = 'create' AND j.side = 'hubspot' AND j.state IN ('applied', 'verified') "
            "AND NOT EXISTS (SELECT 1 FROM alias m WHERE m.side = 'hubspot' AND m.old_id = j.record_id AND m.fate = 'merged') "
            "ORDER BY j.id",
            _CREATE_TYPES,
        ),
        quarantined=frame(
            f"SELECT q.contact_id AS contact, q.side, q.field FROM quarantine q WHERE {holding()}", _HELD_TYPES
        ),
        recent=frame(_RECENT, {"contact": pl.Int64}),
        linked=frame("SELECT hubspot_id, app_id FROM links", {"hubspot_id": pl.String, "app_id": pl.String}),
        activated_at=workspace.fact("activated_at"),
        first_check=str(workspace.value("SELECT min(started_at) FROM run WHERE command = 'check'") or ""),
        last_check=str(workspace.value(_LAST_CHECK) or ""),
    )


def without_refuted(known: Known, members: pl.DataFrame | None) -> Known:
    """The same without the verdicts "not in the list" of those who are in the list (`id`, `since`) that was read anew, and did
    not join it after the last check: such a verdict is no reason for anything."""
    if members is None:
        return known
    joined_after = (moment(pl.col("since")) > moment(pl.lit(known.last_check))).fill_null(False)
    inside = members.filter(~joined_after).select(hubspot_id="id", inside=pl.lit(True)).unique("hubspot_id")
    by_list = pl.col("cause").is_in([list_criteria.CODE, list_membership.CODE]) & (pl.col("state") != "unknown")
    refuted = by_list & pl.col("inside").fill_null(False)
    contacts = known.contacts.join(inside, on="hubspot_id", how="left", maintain_order="left").with_columns(
        pl.when(refuted).then(pl.lit("")).otherwise(name).alias(name) for name in ("state", "cause")
    )
    return replace(known, contacts=contacts.drop("inside"))
