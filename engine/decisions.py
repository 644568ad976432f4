"""A person's decisions of conflicts: stored here, written by the next sync, and over as soon as either value is another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.errors import ConfigurationError
from engine.gates import Situation
from engine.mirror import columns_of, quoted
from engine.runs import Run, iso
from engine.schema import Side
from engine.workspace import Workspace


@dataclass(frozen=True)
class Conflict:
    """A stored conflict with its evidence. `decided` is the side that a person has chosen for it, empty if none.

    `reason` as in `engine.plan.CONFLICT`. Times are ISO 8601 in UTC or empty; values are raw.
    """

    contact: int
    hubspot_id: str
    app_id: str
    field: str
    hubspot_value: str
    app_value: str
    hubspot_changed_at: str
    app_changed_at: str
    hubspot_source: str
    app_source: str
    reason: str
    decided: str

    def may_win(self, side: Side) -> bool:
        """Whether a person may choose this side: consent is never loosened, so only the one that allows nothing may win."""
        return self.reason != "consent" or (self.hubspot_value if side == "hubspot" else self.app_value).strip() == ""


def conflicts(workspace: Workspace, *, contact: int | None = None, field: str = "") -> list[Conflict]:
    """The stored conflicts of the last run, all or those of a contact and of a field (the mapping's name)."""
    rows = workspace.rows(
        "SELECT k.contact_id, coalesce(c.hubspot_id, ''), coalesce(c.app_id, ''), k.field, k.hubspot_value, k.app_value, "
        "coalesce(k.hubspot_changed_at, ''), coalesce(k.app_changed_at, ''), k.hubspot_source, k.app_source, k.reason, "
        "coalesce(d.winner, '') FROM conflict k JOIN contact c ON c.id = k.contact_id LEFT JOIN decision d "
        "ON d.contact_id = k.contact_id AND d.field = k.field AND d.hubspot_value = k.hubspot_value "
        "AND d.app_value = k.app_value AND d.ended_at IS NULL AND d.winner <> 'ask' "
        "WHERE (?1 IS NULL OR k.contact_id = ?1) AND (?2 = '' OR k.field = ?2) ORDER BY k.field, k.contact_id",
        (contact, field),
    )
    return [Conflict(*row) for row in rows]


def decidable(
    workspace: Workspace, winner: Side, *, contact: int | None = None, field: str = ""
) -> tuple[list[Conflict], int]:
    """The conflicts that would be decided, and how many are left alone because that side may not win.

    Raises ConfigurationError if there is nothing to decide.
    """
    found = conflicts(workspace, contact=contact, field=field)
    allowed = [one for one in found if one.may_win(winner)]
    name = workspace.path.stem
    if not found:
        what = "is no conflict" if contact is not None else "are no conflicts"
        of = f" of the field {field!r}" if field else ""
        raise ConfigurationError(
            f"there {what}{of} to decide", where=name, remedy=f"Look at what there is: syncdoctor conflicts {name}"
        )
    if not allowed:
        raise ConfigurationError(
            "consent is never loosened: only the side without it may win",
            where=name,
            remedy="Choose the other side, or record the consent of the contact itself on both sides.",
        )
    return allowed, len(found) - len(allowed)


def decide(workspace: Workspace, chosen: Iterable[Conflict], winner: Side, *, at: datetime, by: str = "") -> int:
    """Stores that a side wins these conflicts, for the two values as they are now. Writes to neither side; a suspension of
    the field ends. Returns how many were stored."""
    rows: Sequence[tuple[int, str, str, str, str, str, str]] = [
        (one.contact, one.field, winner, one.hubspot_value, one.app_value, iso(at), by) for one in chosen
    ]
    with workspace.transaction() as sql:
        sql.executemany(
            "INSERT OR REPLACE INTO decision(contact_id, field, winner, hubspot_value, app_value, at, by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        sql.executemany(
            "DELETE FROM suspended_field WHERE contact_id = ? AND field = ?", [(row[0], row[1]) for row in rows]
        )
    return len(rows)


def end_decisions(run: Run, situation: Situation) -> int:
    """Ends the decisions whose field holds another value on either side than when it was decided: a value that comes back
    later is a new edit. Returns how many ended."""
    if run.workspace.value("SELECT 1 FROM decision WHERE ended_at IS NULL LIMIT 1") is None:
        return 0
    hubspot, app = columns_of(run.workspace, "hubspot"), columns_of(run.workspace, "app")
    known = [one for one in situation.connection.mappings if one.hubspot in hubspot and one.app in app]
    ended = 0
    with run.workspace.transaction() as sql:
        for mapping in known:
            ended += sql.execute(
                "UPDATE decision SET ended_at = ? WHERE field = ? AND ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM contact c "
                "JOIN hubspot_contact h ON h._id = c.hubspot_id JOIN app_contact a ON a._id = c.app_id "
                f"WHERE c.id = decision.contact_id AND h.{quoted(mapping.hubspot)} = decision.hubspot_value "
                f"AND a.{quoted(mapping.app)} = decision.app_value)",
                (iso(run.now()), mapping.name),
            ).rowcount
    return ended
