"""Conflicts with their evidence: those of a contact, and how many there are of a field."""

from __future__ import annotations

from dataclasses import dataclass

from engine.workspace import Workspace

EXAMPLES = 5
_ROWS = (
    "SELECT c.email, coalesce(c.hubspot_id, c.app_id, ''), k.field, k.hubspot_value, k.app_value, coalesce(k.hubspot_changed_at, ''), "
    "coalesce(k.app_changed_at, ''), k.hubspot_source, coalesce(d.winner, '') FROM conflict k JOIN contact c ON c.id = k.contact_id "
    "LEFT JOIN decision d "
    "ON d.contact_id = k.contact_id AND d.field = k.field AND d.hubspot_value = k.hubspot_value "
    "AND d.app_value = k.app_value AND d.ended_at IS NULL AND d.winner <> 'ask' "
)


@dataclass(frozen=True)
class ConflictRow:
    """A field that both sides changed; `decided` is the side a person has chosen. The texts are raw."""

    email: str
    record: str
    field: str
    hubspot_value: str
    app_value: str
    hubspot_changed_at: str
    app_changed_at: str
    hubspot_source: str
    decided: str

    @property
    def who(self) -> str:
        """The contact as people know it: the address, else the record's id."""
        return self.email or self.record


def contact_conflicts(workspace: Workspace, contact: int) -> tuple[ConflictRow, ...]:
    """The conflicts of a contact."""
    rows = workspace.rows(f"{_ROWS} WHERE k.contact_id = ? ORDER BY k.field", (contact,))
    return tuple(ConflictRow(*row) for row in rows)


def field_conflicts(workspace: Workspace, field: str) -> tuple[int, tuple[ConflictRow, ...]]:
    """How many conflicts a field has, and the first few of them."""
    number = int(workspace.value("SELECT count(*) FROM conflict WHERE field = ?", (field,)))
    rows = workspace.rows(f"{_ROWS} WHERE k.field = ? ORDER BY k.contact_id LIMIT {EXAMPLES}", (field,))
    return number, tuple(ConflictRow(*row) for row in rows)
