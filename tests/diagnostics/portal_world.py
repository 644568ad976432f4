"""The practice portal on a small population, a workspace and a connection, for what reads both sides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diagnostics.checkup import check, synchronise
from engine.connection import Observe, read_connection
from engine.losses import USUAL, Demand
from engine.runs import Run
from engine.workspace import Workspace
from sample_data.portal import open_portal
from tests.engine import test_cycle


class World(test_cycle.World):
    """As the engine's, with whole checkups as runs and a connection that can be changed."""

    def change(self, **update: object) -> None:
        """Replaces parts of the connection."""
        self.connection = self.connection.model_copy(update=update)

    def mapped(self, hubspot: str, **update: object) -> None:
        """Changes one mapping."""
        mappings = [
            one.model_copy(update=update) if one.hubspot == hubspot else one for one in self.connection.mappings
        ]
        self.change(mappings=tuple(mappings))

    def count(self, query: str) -> int:
        """A number from the workspace."""
        return int(self.workspace.value(query))

    async def check(self) -> None:
        """Examines."""
        await check(Run(self.workspace, "check"), self.connection, self.sides())

    async def synced(self, demand: Demand = USUAL) -> Mapping[str, int]:
        """Syncs at once; what became of the writes."""
        run = Run(self.workspace, "sync")
        counts, _ = await synchronise(run, self.connection, self.sides(), staged=False, demand=demand)
        return counts


def world_of(people: Path, folder: Path) -> World:
    """The practice connection on these people, nothing done yet; every run reads everything."""
    connection = read_connection(people / "connection.toml")
    connection = connection.model_copy(update={"name": "practice", "observe": Observe(full_every_hours=0)})
    return World(open_portal(people, folder / "portal.sqlite"), Workspace(folder / "w.sqlite"), connection)
