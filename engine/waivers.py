"""Waivers: findings that somebody accepts until a date, with owner and reason. They change no verdict and no write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError
from engine.runs import iso
from engine.schema import SIDES
from engine.sqlite import sqlite3
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.gates import State


@dataclass(frozen=True)
class Waiver:
    """Accepts the findings of a cause: all of them, those of one `field` (`SIDE.NAME`; of a conflict the mapping's name), those of
    one contact (its ids), or both.

    Times are ISO 8601, UTC. `ended_at` is set when a person took it back; `until` is the moment when it expires by itself.
    """

    number: int
    code: str
    field: str
    hubspot_id: str | None
    app_id: str | None
    owner: str
    reason: str
    created_at: str
    until: str
    ended_at: str | None = None

    def standing(self, now: datetime) -> str:
        """`active`, `expired` or `ended`."""
        return "ended" if self.ended_at else "active" if self.until > iso(now) else "expired"


_COLUMNS = "id, code, field, hubspot_id, app_id, owner, reason, created_at, until, ended_at"
_OF = """(w.code = {code} AND (w.field = '' OR w.field = {field})
  AND (w.hubspot_id IS NULL AND w.app_id IS NULL OR w.hubspot_id = c.hubspot_id OR w.app_id = c.app_id
    OR EXISTS (SELECT 1 FROM alias m WHERE m.fate = 'merged' AND (m.side = 'hubspot' AND m.old_id = w.hubspot_id
      AND m.record_id = c.hubspot_id OR m.side = 'app' AND m.old_id = w.app_id AND m.record_id = c.app_id))))"""
"""A waiver follows a record that was merged into another one."""
_BLOCKERS = """
SELECT f.contact_id, f.code, f.field FROM finding f JOIN verdict r ON r.contact_id = f.contact_id AND r.run_id = f.last_run
WHERE f.blocking = 1 UNION ALL SELECT contact_id, 'conflict', field FROM conflict
"""
_WAIVED = f"""
SELECT v.state, v.cause, count(*) AS contacts FROM verdict v JOIN contact c ON c.id = v.contact_id
WHERE {{only}} v.state <> 'in_sync' AND v.cause IN (SELECT code FROM waiver WHERE ended_at IS NULL AND until > :now)
  AND EXISTS (SELECT 1 FROM ({_BLOCKERS}) b WHERE b.contact_id = v.contact_id AND b.code = v.cause)
  AND NOT EXISTS (SELECT 1 FROM ({_BLOCKERS}) b WHERE b.contact_id = v.contact_id AND NOT EXISTS (
    SELECT 1 FROM waiver w WHERE w.ended_at IS NULL AND w.until > :now AND {_OF.format(code="b.code", field="b.field")}))
GROUP BY v.state, v.cause
"""
"""Contacts of which every blocking finding is accepted; one that is not, and the contact counts as before."""


def waivers(workspace: Workspace) -> list[Waiver]:
    """All waivers, also expired and ended ones, newest first."""
    return [Waiver(*row) for row in workspace.rows(f"SELECT {_COLUMNS} FROM waiver ORDER BY id DESC")]


def waived(workspace: Workspace, now: datetime, contact: int | None = None) -> dict[tuple[State, str], int]:
    """Contacts per state and deciding cause of which every blocking finding is accepted now; of one contact only that. They stay
    in the state."""
    if not workspace.value("SELECT 1 FROM waiver WHERE ended_at IS NULL AND until > ?", (iso(now),)):
        return {}
    only = "" if contact is None else "v.contact_id = :contact AND"
    rows = workspace.sql.execute(_WAIVED.format(only=only), {"now": iso(now), "contact": contact})
    return {(row["state"], row["cause"]): int(row["contacts"]) for row in rows}


def waivers_of(workspace: Workspace, contact: int) -> list[Waiver]:
    """The waivers that concern an open finding of this contact: active ones and expired ones, newest first."""
    rows = workspace.sql.execute(
        f"SELECT DISTINCT {', '.join(f'w.{name}' for name in _COLUMNS.split(', '))} FROM waiver w JOIN contact c ON c.id = :contact "
        "WHERE w.ended_at IS NULL AND EXISTS (SELECT 1 FROM (SELECT f.contact_id, f.code, f.field FROM finding f JOIN verdict r "
        "ON r.contact_id = f.contact_id AND r.run_id = f.last_run UNION ALL SELECT contact_id, 'conflict', field FROM conflict) b "
        f"WHERE b.contact_id = c.id AND {_OF.format(code='b.code', field='b.field')}) ORDER BY w.id DESC",
        {"contact": contact},
    )
    return [Waiver(*row) for row in rows]


def concerned(workspace: Workspace, waiver: Waiver) -> int:
    """How many contacts have a finding now that the waiver is about, be it one that stops them or not."""
    rows = workspace.sql.execute(
        "SELECT count(DISTINCT b.contact_id) FROM (SELECT f.contact_id, f.code, f.field FROM finding f JOIN verdict r "
        "ON r.contact_id = f.contact_id AND r.run_id = f.last_run WHERE f.code = :code UNION ALL "
        "SELECT contact_id, 'conflict', field FROM conflict WHERE :code = 'conflict') b "
        f"JOIN contact c ON c.id = b.contact_id JOIN waiver w ON w.id = :number WHERE {_OF.format(code='b.code', field='b.field')}",
        {"number": waiver.number, "code": waiver.code},
    )
    return int(rows.fetchone()[0])


def whole_causes(workspace: Workspace, now: datetime) -> frozenset[str]:
    """The causes that are accepted without a field or a contact: what they find of the connection as a whole is accepted too."""
    rows = workspace.rows(
        "SELECT DISTINCT code FROM waiver WHERE ended_at IS NULL AND until > ? AND field = '' AND hubspot_id IS NULL "
        "AND app_id IS NULL",
        (iso(now),),
    )
    return frozenset(row["code"] for row in rows)


def waive(
    workspace: Workspace,
    code: str,
    *,
    field: str,
    records: Mapping[str, str | None],
    owner: str,
    reason: str,
    until: datetime,
    now: datetime,
) -> Waiver:
    """Stores a waiver. `records`: `hubspot_id` and `app_id` of the one contact it is about, empty for all.

    Raises ConfigurationError if owner or reason is empty, if it would have expired already, or if the same is accepted.
    """
    for name, text in (("--owner", owner), ("--reason", reason)):
        if not text.strip():
            raise ConfigurationError("a waiver needs an owner and a reason", where=name, remedy="Say who, and why.")
    if until <= now:
        raise ConfigurationError(
            "a waiver ends in the future", where=f"--until {iso(until)[:16]} UTC", remedy="Give a later date."
        )
    scope = (code, field, records.get("hubspot_id"), records.get("app_id"))
    with workspace.transaction() as sql:
        same = sql.execute(
            "SELECT id, until FROM waiver WHERE code = ? AND field = ? AND hubspot_id IS ? AND app_id IS ? "
            "AND ended_at IS NULL AND until > ?",
            (*scope, iso(now)),
        ).fetchone()
        if same:
            raise ConfigurationError(
                f"this is waived already, until {same['until'][:16]} UTC",
                where=f"waiver {same['id']}",
                remedy=f"Take it back first: syncdoctor unwaive {workspace.path.stem} {same['id']}",
            )
        cursor = sql.execute(
            "INSERT INTO waiver(code, field, hubspot_id, app_id, owner, reason, created_at, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*scope, owner.strip(), reason.strip(), iso(now), iso(until)),
        )
        return Waiver(int(cursor.lastrowid or 0), *scope, owner.strip(), reason.strip(), iso(now), iso(until))


def unwaive(workspace: Workspace, number: int, now: datetime) -> Waiver:
    """Takes a waiver back; its row stays. Raises ConfigurationError if there is none or it was taken back before."""
    found = next((one for one in waivers(workspace) if one.number == number), None)
    if found is None or found.ended_at:
        raise ConfigurationError(
            f"there is no waiver {number}" if found is None else f"waiver {number} was taken back at {found.ended_at}",
            where=workspace.path.stem,
            remedy=f"Look: syncdoctor waivers {workspace.path.stem}",
        )
    with workspace.transaction() as sql:
        sql.execute("UPDATE waiver SET ended_at = ? WHERE id = ?", (iso(now), number))
    return found


def forget_waivers(sql: sqlite3.Connection, contacts: str) -> None:
    """Removes the waivers about single contacts: their reasons are free text. `contacts`: a JSON list of numbers."""
    for side in SIDES:
        records = f"SELECT {side}_id FROM contact WHERE id IN (SELECT value FROM json_each(?1))"
        sql.execute(
            f"DELETE FROM waiver WHERE {side}_id IN ({records}) "
            f"OR {side}_id IN (SELECT old_id FROM alias WHERE side = '{side}' AND record_id IN ({records}))",
            (contacts,),
        )
