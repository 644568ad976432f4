"""Refusals that no class knows, grouped by what the server said without values: one unknown reason is one group."""

from __future__ import annotations

from dataclasses import dataclass, field

from diagnostics.held_back import holding
from engine.signature import signature
from engine.workspace import Workspace

CODE = "refused-unknown"
CORRELATION_IDS = 3
"""So many are enough for a provider's support to find what its server logged."""


@dataclass(frozen=True)
class UnknownRefusal:
    """Contacts that one side (`hubspot` or `app`) refused in the same words. The ids are the newest, at most three;
    `since` and `last_at` are ISO 8601, UTC. Nothing in it is a contact's value."""

    side: str
    signature: str
    contacts: int
    correlation_ids: tuple[str, ...]
    since: str
    last_at: str


@dataclass
class _Group:
    contacts: set[int] = field(default_factory=set)
    correlation_ids: dict[str, None] = field(default_factory=dict)
    times: list[str] = field(default_factory=list)


def unknown_refusals(workspace: Workspace) -> tuple[UnknownRefusal, ...]:
    """The groups of what holds something back now, most contacts first."""
    rows = workspace.rows(
        "SELECT contact_id, side, code, message, correlation_id, at FROM quarantine q "
        f"WHERE {holding(CODE)} ORDER BY at DESC, contact_id, field"
    )
    signatures: dict[tuple[str, str], str] = {}
    groups: dict[tuple[str, str], _Group] = {}
    for row in rows:
        said = (row["code"], row["message"])
        if said not in signatures:
            # Who shares the words shares the values in them, so the values of one contact do for all.
            signatures[said] = signature(*said, _values(workspace, row["contact_id"]))
        group = groups.setdefault((row["side"], signatures[said]), _Group())
        group.contacts.add(row["contact_id"])
        group.times.append(row["at"])
        if row["correlation_id"] and len(group.correlation_ids) < CORRELATION_IDS:
            group.correlation_ids[row["correlation_id"]] = None
    found = [
        UnknownRefusal(
            side, words, len(group.contacts), tuple(group.correlation_ids), min(group.times), max(group.times)
        )
        for (side, words), group in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.contacts, one.side, one.signature)))


def _values(workspace: Workspace, contact: int) -> set[str]:
    """Every value that the workspace holds of a contact."""
    values: set[str] = set()
    for table, ids in (("hubspot_contact", "hubspot_id"), ("app_contact", "app_id")):
        for row in workspace.rows(
            f"SELECT r.* FROM {table} r JOIN contact c ON c.{ids} = r._id WHERE c.id = ?", (contact,)
        ):
            names = [str(name) for name in row.keys() if not str(name).startswith("_")]  # noqa: SIM118
            values |= {str(row[name]) for name in names if row[name]}
    return values
