"""Ends the link of a contact whose counterpart is gone, when a person asks for it: no run does so by itself.

Absence is not deletion, so the other side must have said that the record is not there under its id. What is left is paired
anew like any record that nobody linked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from engine.connection import CONSENTS, Connection
from engine.errors import ConfigurationError
from engine.pairing import pair_contacts, pairs_without
from engine.runs import Run
from engine.schema import SIDES, Side, SideSchema
from engine.sqlite import sqlite3
from engine.suppression import normalised
from engine.who import find_contact
from engine.workspace import Workspace

Then = Literal["matched", "several", "created", "alone"]
APPS: Mapping[Side, str] = {"hubspot": "HubSpot", "app": "app"}


@dataclass(frozen=True)
class DeadLink:
    """A link of which the record `gone_id` is gone from the side `gone`, and what would follow from its end.

    `then`: `matched` with the record `successor`, left with `several` that would be one, `created` on the side anew with the
    next sync if nothing else stops it, or left `alone`, because the connection creates nothing there.
    """

    contact: int
    gone: Side
    gone_id: str
    left_id: str
    then: Then
    successor: str

    @property
    def left(self) -> Side:
        """The side whose record is still there."""
        return "app" if self.gone == "hubspot" else "hubspot"


def dead_link(workspace: Workspace, connection: Connection, who: str) -> DeadLink:
    """The dead link of the contact that is meant (`who.find_contact`), also by the id that is gone.

    Raises ConfigurationError if nobody or more than one fits, and if the link must not be ended, with the reason.
    """
    row = _chosen(workspace, _named(workspace, who.strip()) or _of(workspace, find_contact(workspace, who).contact))
    _refuse(workspace, row)
    gone: Side = "app" if row["hubspot_there"] else "hubspot"
    left_id = row["hubspot_id"] if gone == "app" else row["app_id"]
    then, successor = _what_follows(workspace, connection, row["id"], gone, left_id)
    if then == "created" and gone == "hubspot" and _gives_consent(connection):
        raise ConfigurationError(
            "a new HubSpot contact would be created as one that may be written to, and nobody knows any more whether the "
            "deleted one had opted out",
            where=f"unlink {workspace.path.stem}",
            remedy="Restore the contact in HubSpot, or create it there with the consent that is true, and run check; "
            "unlink then matches it.",
        )
    return DeadLink(row["id"], gone, row[f"{gone}_id"], left_id, then, successor)


def _gives_consent(connection: Connection) -> bool:
    """Whether a create in HubSpot sets a property that tells consent."""
    told = {*CONSENTS, connection.opt_in.property if connection.opt_in else ""}
    told |= {mapping.hubspot for mapping in connection.mappings if mapping.merge == "consent"}
    return bool(told & {*connection.hubspot.on_create, *(mapping.hubspot for mapping in connection.mappings)})


def unlink(run: Run, schemas: Mapping[Side, SideSchema], link: DeadLink) -> None:
    """Ends the link and pairs the mirror anew. What both records had agreed on is forgotten, the journal stays."""
    workspace = run.workspace
    anchor = f"{link.left[0]}:{link.left_id}"
    with workspace.transaction() as sql:
        for table in (
            "base_field", "conflict", "decision", "evidence", "planned_write", "quarantine", "suspended_field",
        ):  # fmt: skip
            sql.execute(f"DELETE FROM {table} WHERE contact_id = ?", (link.contact,))
        sql.execute(
            f"UPDATE contact SET linked_at = NULL, linked_by = '', {link.gone}_id = NULL, {link.gone}_written_at = NULL, "
            "anchor = CASE WHEN EXISTS (SELECT 1 FROM contact o WHERE o.anchor = ?1) THEN anchor ELSE ?1 END WHERE id = ?2",
            (anchor, link.contact),
        )
        run.event("info", "unlinked", f"the link of {_both(link)} was ended; the former is gone")
        pair_contacts(workspace, schemas)


def _both(link: DeadLink) -> str:
    return f"{APPS[link.gone]} {link.gone_id} and {APPS[link.left]} {link.left_id}"


def _named(workspace: Workspace, who: str) -> list[sqlite3.Row]:
    """The contacts with this id or address: of several, the dead link is meant."""
    key = normalised(who) if "@" in who else ""
    return workspace.rows(
        f"{_LINK} WHERE ?1 <> '' AND (c.hubspot_id = ?1 OR c.app_id = ?1) OR ?2 <> '' AND (c.hubspot_id IN (SELECT _id "
        "FROM hubspot_contact WHERE _email_key = ?2 UNION SELECT record_id FROM additional_email WHERE email_key = ?2) "
        "OR c.app_id IN (SELECT _id FROM app_contact WHERE _email_key = ?2)) ORDER BY c.id",
        (who, key),
    )


def _of(workspace: Workspace, contact: int) -> list[sqlite3.Row]:
    return workspace.rows(f"{_LINK} WHERE c.id = ?", (contact,))


_LINK = """
SELECT c.id, c.hubspot_id, c.app_id, c.erased, c.linked_at IS NOT NULL AS linked, h._id IS NOT NULL AS hubspot_there,
  a._id IS NOT NULL AS app_there, coalesce(h._email_key, '') AS hubspot_key, coalesce(a._email_key, '') AS app_key
FROM contact c LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id
"""


def _chosen(workspace: Workspace, rows: list[sqlite3.Row]) -> sqlite3.Row:
    dead = [row for row in rows if row["linked"] and not (row["hubspot_there"] and row["app_there"])]
    candidates = dead or rows
    if len(candidates) > 1:
        ids = ", ".join(str(row["hubspot_id"] or row["app_id"]) for row in candidates[:10])
        raise ConfigurationError(
            f"{len(candidates)} contacts share this e-mail address",
            where=f"unlink {workspace.path.stem}",
            remedy=f"Give one of the ids: {ids}",
        )
    return candidates[0]


def _refuse(workspace: Workspace, row: sqlite3.Row) -> None:
    """Raises ConfigurationError if the contact's link must not be ended."""
    name = workspace.path.stem
    what, remedy = "", ""
    if not row["linked"]:
        what = "this contact has no link that could be ended"
        remedy = f"syncdoctor explain {name} {row['hubspot_id'] or row['app_id']} says what stops it."
    elif row["hubspot_there"] and row["app_there"]:
        what = "both records of this contact are there, so its link is alive"
        remedy = "Only the link to a record that is gone can be ended."
    elif not row["hubspot_there"] and not row["app_there"]:
        what = "both records of this contact are gone"
        remedy = f"Nothing to do: the next check ends the link (syncdoctor check {name})."
    elif row["erased"]:
        what = "this contact is an erased person's, and nobody comes back by ending a link"
        remedy = f"If they came back by their own wish, lift it first: syncdoctor forget {name} ADDRESS --undo"
    elif _in_doubt(workspace, row):
        what = "a write of this contact is in doubt: it may have made or changed the record that is missing"
        remedy = f"Run: syncdoctor sync {name}. It looks up what is in doubt; nothing is sent twice."
    else:
        what, remedy = _not_surely_gone(workspace, row)
    if what:
        raise ConfigurationError(what, where=f"unlink {name}", remedy=remedy)


def _in_doubt(workspace: Workspace, row: sqlite3.Row) -> bool:
    keys = json.dumps([key for key in (row["hubspot_key"], row["app_key"]) if key])
    return bool(
        workspace.value(
            "SELECT 1 FROM journal WHERE state IN ('intent', 'in_doubt') AND (contact_id = ?1 OR (side = 'hubspot' "
            "AND record_id = ?2) OR (side = 'app' AND record_id = ?3) OR (kind = 'create' AND email_key IN "
            "(SELECT value FROM json_each(?4)))) LIMIT 1",
            (row["id"], row["hubspot_id"], row["app_id"], keys),
        )
    )


def _not_surely_gone(workspace: Workspace, row: sqlite3.Row) -> tuple[str, str]:
    """Why the missing record may not be gone, and what to do; two empty texts if its side said that it is."""
    name = workspace.path.stem
    gone: Side = "app" if row["hubspot_there"] else "hubspot"
    known = workspace.rows(
        "SELECT l.fate, l.record_id, EXISTS (SELECT 1 FROM hubspot_contact WHERE _id = l.record_id AND l.side = 'hubspot' "
        "UNION ALL SELECT 1 FROM app_contact WHERE _id = l.record_id AND l.side = 'app') AS survives "
        "FROM alias l WHERE l.side = ? AND l.old_id = ?",
        (gone, row[f"{gone}_id"]),
    )
    if not known:
        return (
            f"{APPS[gone]} was not asked yet what became of the missing record, and absence is not deletion",
            f"Run: syncdoctor check {name} --full",
        )
    if known[0]["survives"]:
        return (
            f"the missing record is not gone: it was merged into {APPS[gone]} {known[0]['record_id']}",
            "Merge or delete the superfluous record of the other side as well; the link then follows or ends by itself.",
        )
    return "", ""


def _what_follows(
    workspace: Workspace, connection: Connection, contact: int, gone: Side, left_id: str
) -> tuple[Then, str]:
    """What pairing would make of the record that is left, if the link were ended."""
    left: Side = "app" if gone == "hubspot" else "hubspot"
    found = pairs_without(workspace, contact).filter(pl.col(f"{left}_id") == left_id).row(0, named=True)
    if found[f"{gone}_id"]:
        return "matched", str(found[f"{gone}_id"])
    named = any(found[f"{side}_candidates"] for side in SIDES)
    if named or found[f"{gone}_twins"] or found[f"{left}_twins"] > 1:
        return "several", ""
    return ("created" if connection.sync.direction in ("two_way", f"to_{gone}") else "alone"), ""
