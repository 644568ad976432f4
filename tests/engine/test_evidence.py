"""What HubSpot's history said of a field is kept as long as the plan may go by it."""

from __future__ import annotations

import pytest

from engine.conflicts import gather_evidence
from engine.runs import Run
from engine.situation import recall
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]


def kept(world: World, *contacts: int) -> list[int]:
    """Those of the contacts of which there is evidence."""
    known = {row["contact_id"] for row in world.workspace.rows("SELECT contact_id FROM evidence")}
    return [contact for contact in contacts if contact in known]


@pytest.mark.parametrize("changed", ["hubspot", "app", "record", "mapping"])
async def test_evidence_goes_with_the_values_that_it_is_about(world: World, changed: str) -> None:
    """Not with the conflict, nor with the write: one that is held back is in neither table, and its plan still goes by it."""
    await world.check()
    one, other = world.workspace.rows(
        "SELECT c.id, h.city, a.CITY AS town FROM contact c JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "JOIN app_contact a ON a._id = c.app_id JOIN verdict v ON v.contact_id = c.id AND v.state = 'in_sync' "
        "WHERE h.city <> '' LIMIT 2"
    )
    with world.workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO evidence VALUES (?, 'city', ?, ?, '2026-03-01T10:00:00.000Z', 'CRM_UI', 1)",
            [(row["id"], row["city"], row["town"]) for row in (one, other)],
        )
    situation = recall(world.workspace, world.connection)

    async def look() -> None:
        await gather_evidence(Run(world.workspace, "check"), situation, world.sides())

    await look()
    assert kept(world, one["id"], other["id"]) == [one["id"], other["id"]]
    with world.workspace.transaction() as sql:
        match changed:
            case "hubspot":
                sql.execute(
                    "UPDATE hubspot_contact SET city = 'X' WHERE _id = (SELECT hubspot_id FROM contact WHERE id = ?)",
                    (one["id"],),
                )
            case "app":
                sql.execute(
                    "UPDATE app_contact SET CITY = NULL WHERE _id = (SELECT app_id FROM contact WHERE id = ?)",
                    (one["id"],),
                )
            case "record":
                sql.execute(
                    "DELETE FROM app_contact WHERE _id = (SELECT app_id FROM contact WHERE id = ?)", (one["id"],)
                )
            case _:
                sql.execute("UPDATE evidence SET field = 'no_mapping' WHERE contact_id = ?", (one["id"],))
    await look()
    assert kept(world, one["id"], other["id"]) == [other["id"]]
