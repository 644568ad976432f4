"""The practice portal on a small population, a workspace and a connection, for what reads both sides."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from diagnostics.checkup import check, synchronise
from engine.auth.secret import Secret
from engine.connection import Connection, Observe, read_connection
from engine.connectors.open import open_connectors
from engine.losses import USUAL, Demand
from engine.observe import Sides
from engine.runs import Run
from engine.workspace import Workspace
from sample_data.portal import Portal, open_portal
from tui.practice import secrets, transports


@dataclass
class World:
    """A portal, a workspace and a connection."""

    portal: Portal
    workspace: Workspace
    connection: Connection

    def sides(self, token: str = "") -> Sides:
        """Fresh connectors; `token` in place of HubSpot's usual one."""

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(0)

        ticks = iter(range(10**9))
        held = {side: Secret(text) for side, text in secrets(self.portal).items()}
        hubspot, app = open_connectors(
            self.connection,
            held | ({"hubspot": Secret(token)} if token else {}),
            transports(self.portal, self.connection),
            on_exchange=lambda _: None,
            clock=lambda: float(next(ticks)),
            sleep=sleep,
            now=Run(self.workspace, "clock").now,
            random=random.Random(1),
        )
        return Sides(hubspot, app)

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

    async def sync(self, demand: Demand = USUAL) -> Mapping[str, int]:
        """Syncs at once; what became of the writes."""
        run = Run(self.workspace, "sync")
        counts, _ = await synchronise(run, self.connection, self.sides(), staged=False, demand=demand)
        return counts

    def one(self, where: str) -> Mapping[str, Any]:
        """The first contact of the view `contacts`, with both mirrors, that fits."""
        rows = self.workspace.rows(
            "SELECT c.*, h.*, a.* FROM contacts c LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id "
            f"LEFT JOIN app_contact a ON a._id = c.app_id WHERE {where} ORDER BY c.id LIMIT 1"
        )
        assert rows, where
        return dict(zip(rows[0].keys(), tuple(rows[0]), strict=True))

    async def call(self, side: str, method: str, path: str, json: object = None) -> httpx.Response:
        """A person's request to one of the two services."""
        app, token = (
            (self.portal.hubspot, self.portal.hubspot_token)
            if side == "hubspot"
            else (self.portal.mailchimp, self.portal.mailchimp_key)
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://practice.invalid",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            return await client.request(method, path, json=json)


def world_of(people: Path, folder: Path) -> World:
    """The practice connection on these people, nothing done yet; every run reads everything."""
    connection = read_connection(people / "connection.toml")
    connection = connection.model_copy(update={"name": "practice", "observe": Observe(full_every_hours=0)})
    return World(open_portal(people, folder / "portal.sqlite"), Workspace(folder / "w.sqlite"), connection)
