"""A person's decisions of conflicts: stored here, written by the next sync, and over as soon as either value is another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from engine.errors import ConfigurationError
from engine.gates import Situation
from engine.mapped_pair import MappedPair, mapped_pairs
from engine.memory import memory_of
from engine.population import contacts_of
from engine.runs import Run, iso
from engine.schema import Side
from engine.workspace import Workspace

CONTACTS_AT_ONCE = 10_000


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
    """Ends the decisions whose field means another value on either side than when it was decided: a value that comes back
    later is a new edit. One that is only spelt otherwise keeps its decision. Returns how many ended."""
    rows = run.workspace.rows("SELECT DISTINCT contact_id FROM decision WHERE ended_at IS NULL")
    ended, respelt = [], []
    ids = [int(row["contact_id"]) for row in rows]
    pairs = mapped_pairs(situation.connection, situation.schemas)
    for start in range(0, len(ids), CONTACTS_AT_ONCE):
        some = ids[start : start + CONTACTS_AT_ONCE]
        now = _as_decided(contacts_of(run.workspace, some), memory_of(run.workspace, some).decisions, pairs)
        for contact, field, hubspot, app, same in now.iter_rows():
            if same:
                respelt.append((hubspot, app, contact, field))
            else:
                ended.append((iso(run.now()), contact, field))
    with run.workspace.transaction() as sql:
        sql.executemany("UPDATE decision SET ended_at = ? WHERE contact_id = ? AND field = ?", ended)
        sql.executemany(
            "UPDATE decision SET hubspot_value = ?, app_value = ? WHERE contact_id = ? AND field = ?", respelt
        )
    return len(ended)


def _as_decided(contacts: pl.DataFrame, decisions: pl.DataFrame, pairs: Sequence[MappedPair]) -> pl.DataFrame:
    """The open decisions of which either raw value is another one now: `contact`, `field`, both values as they are, and
    `same`, whether they mean what they meant."""
    fetched = [pair for pair in pairs if {pair.column("hubspot"), pair.column("app")} <= set(contacts.columns)]
    schema = pl.Schema(
        {"contact": pl.Int64(), "field": pl.String(), "now_hubspot": pl.String(), "now_app": pl.String()}
    )
    found = [pl.DataFrame(schema={**schema, "same": pl.Boolean()})]
    for pair in fetched:
        hubspot, app = pl.col(pair.column("hubspot")), pl.col(pair.column("app"))
        was_hubspot, was_app = pl.col("hubspot_value"), pl.col("app_value")
        same = (pair.comparable("hubspot", hubspot) == pair.comparable("hubspot", was_hubspot)) & (
            pair.comparable("app", app) == pair.comparable("app", was_app)
        )
        found.append(
            contacts.lazy()
            .join(decisions.lazy().filter(pl.col("field") == pair.name, pl.col("ended_at").is_null()), on="contact")
            .filter(~(hubspot.eq_missing(was_hubspot) & app.eq_missing(was_app)))
            .select("contact", "field", now_hubspot=hubspot, now_app=app, same=same.fill_null(value=False))
            .collect()
        )
    return pl.concat(found)
