"""The values of a contact that foreign words may repeat."""

from __future__ import annotations

from diagnostics.report.subject import Source


def personal_values(source: Source, contact: int) -> list[str]:
    """Every value that the workspace holds of a contact: what a server's words may repeat."""
    values: set[str] = set()
    for table, ids in (("hubspot_contact", "hubspot_id"), ("app_contact", "app_id")):
        rows = source.workspace.rows(
            f"SELECT r.* FROM {table} r JOIN contact c ON c.{ids} = r._id WHERE c.id = ?", (contact,)
        )
        for row in rows:
            values |= {str(row[name]) for name in row.keys() if not name.startswith("_") and row[name]}  # noqa: SIM118
    return sorted(values)
