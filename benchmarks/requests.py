"""`python -m benchmarks.requests [PEOPLE]`: how many requests a first sync takes, and a sync without changes.

The practice portal plays both services on a virtual clock. The least possible is full pages, full batches, every record
read once more before it is written, and one read-back where the answer to a write does not tell what was kept.
Mailchimp updates one member in a request.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

from diagnostics.checkup import GATES
from engine.auth.secret import Secret
from engine.connection import Brakes, Connection, read_connection
from engine.connectors.open import open_connectors
from engine.cycle import sync
from engine.observe import Sides
from engine.runs import Run
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import Portal, open_portal
from tui.practice import secrets, transports

MOST = 1.05
QUIET = 4
SCHEMA_REQUESTS = 8
"""HubSpot: account, properties, rules, required fields, scopes. Mailchimp: account, audience, merge fields."""


class _Bench:
    """A portal, a workspace and a clock that moves a little with every look."""

    def __init__(self, people: Path, folder: Path) -> None:
        self.moment = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
        self.portal: Portal = open_portal(people, folder / "portal.sqlite", now=self.tick)
        self.workspace = Workspace(folder / "w.sqlite")
        connection = read_connection(people / "connection.toml")
        unlimited = Brakes(creates=10**9, updates=10**9, clears=10**9)
        self.connection: Connection = connection.model_copy(update={"brakes": unlimited})

    def tick(self) -> datetime:
        """The portal's time."""
        self.moment += timedelta(seconds=0.25)
        return self.moment

    async def _sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def _sides(self) -> Sides:
        hubspot, app = open_connectors(
            self.connection,
            {side: Secret(text) for side, text in secrets(self.portal).items()},
            transports(self.portal, self.connection),
            on_exchange=lambda _: None,
            clock=lambda: self.moment.timestamp(),  # noqa: PLW0108  the moment moves
            sleep=self._sleep,
            now=lambda: self.moment,
            random=random.Random(1),
        )
        return Sides(hubspot, app)

    def sync(self) -> Counter[str]:
        """Syncs; what was asked, by kind of request."""
        self.portal.requests.clear()
        run = Run(self.workspace, "sync", now=lambda: self.moment)
        asyncio.run(sync(run, self.connection, self._sides(), GATES))
        return Counter(_kind(method, path) for _, method, path, _ in self.portal.requests)

    def count(self, query: str) -> int:
        """A number from the workspace."""
        return int(self.workspace.value(query))


def _kind(method: str, path: str) -> str:
    return f"{method} {re.sub(r'/members/[0-9a-f]{32}', '/members/{id}', path)}"


def least(bench: _Bench, hubspot: int, members: int, archived: int, listed: int) -> dict[str, int]:
    """The fewest requests for the first sync that has just run; the numbers are those before it."""

    def written(side: str, kind: str, counted: str) -> int:
        return bench.count(f"SELECT count({counted}) FROM journal WHERE side = '{side}' AND kind = '{kind}'")

    def both_ids(side: str, kind: str, other: str) -> int:
        return bench.count(
            f"SELECT count(*) FROM journal j JOIN contact c ON c.id = j.contact_id WHERE j.side = '{side}' "
            f"AND j.kind = '{kind}' AND c.{other}_id IS NOT NULL"
        )

    listing = max(1, ceil(members / 1000)) + max(1, ceil(archived / 1000))
    now_listed = bench.count("SELECT count(*) FROM list_member")
    hubspot_creates, hubspot_updates = written("hubspot", "create", "*"), written("hubspot", "update", "*")
    app_creates, app_updates = written("app", "create", "*"), written("app", "update", "*")
    again_hubspot = (
        ceil(app_creates / 100) + ceil(both_ids("app", "update", "hubspot") / 100) + ceil(hubspot_updates / 100)
    )
    batches = ceil(app_updates / 500) + ceil(hubspot_creates / 100) + ceil(hubspot_updates / 100)
    return {
        "schemas, at the start and before the first write": 2 * SCHEMA_REQUESTS,
        "reading both sides": max(1, ceil(hubspot / 100)) + listing,
        "the list and its members": 2 + max(1, ceil(listed / 250)),
        "records once more before they are written": again_hubspot + batches * listing,
        "writes": ceil(hubspot_creates / 100) + ceil(hubspot_updates / 100) + ceil(app_creates / 500) + app_updates,
        "read-back": ceil(hubspot_creates / 100) + ceil(hubspot_updates / 100),
        "the list again": 2 + max(1, ceil(now_listed / 250)),
    }


def main(people: int) -> int:
    """Prints both counts; 1 if one of them is too large."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(["--people", str(people), "--out", str(folder / "people")])
        bench = _Bench(folder / "people", folder)
        state = bench.portal._state
        before = [
            int((state.row(query) or (0,))[0])
            for query in (
                "SELECT count(*) FROM contact WHERE archived = 0",
                "SELECT count(*) FROM member WHERE status <> 'archived'",
                "SELECT count(*) FROM member WHERE status = 'archived'",
                "SELECT count(*) FROM membership WHERE list = 101",
            )
        ]
        first = bench.sync()
        possible = least(bench, *before)
        bench.moment += timedelta(minutes=15)
        echo = bench.sync()
        bench.moment += timedelta(minutes=15)
        quiet = bench.sync()
        for kind, number in sorted(first.items()):
            print(f"{number:8,} {kind}")
        ratio = first.total() / sum(possible.values())
        print(f"first sync of {people:,} people: {first.total():,} requests")
        for what, number in possible.items():
            print(f"{number:8,} {what}")
        print(f"least possible: {sum(possible.values()):,}; ratio {ratio:.3f} (at most {MOST})")
        print(f"the sync after it, which meets its own writes: {echo.total()} requests")
        print(f"a sync without changes: {quiet.total()} requests (at most {QUIET})")
        return int(ratio > MOST or quiet.total() > QUIET)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
