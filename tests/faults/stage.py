"""A few people on both sides, one cycle's worth of edits, and syncs on a clock that only moves when somebody waits."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from diagnostics.checkup import GATES
from engine.auth.secret import Secret
from engine.connection import Connection, read_connection
from engine.connectors.open import open_connectors
from engine.cycle import sync
from engine.observe import Sides
from engine.runs import Run, close_abandoned_runs
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.population.compose import KINDS
from sample_data.portal import Portal, PortalLimits, open_portal
from sample_data.portal.audit import Server
from tests.engine.stage import StandingTime
from tui.practice import secrets, transports

EDITED, CYCLE = 6.0, 7.0
"""Hours after the first sync when people edit, and when the cycle begins: before a full reading is due again."""
AT_ONCE = 2
"""Writes in a batch."""
LIMITS = PortalLimits(contacts_page=6, search_page=6, list_members_page=6, members_page=6)
SHARES = {"create-in-app": 3, "create-in-hubspot": 3, "refused-by-app": 1}
PEOPLE = 17
SERVERS: tuple[Server, Server] = ("hubspot", "mailchimp")
COMPARED = ("newsletter_opt_in", "hs_email_optout")
"""HubSpot properties that are compared beside the mapped ones."""

Snapshot = Mapping[Server, list[tuple[str, dict[str, str]]]]


@dataclass
class World:
    """A portal, a workspace and a connection in a folder; the files stay when it is closed."""

    portal: Portal
    workspace: Workspace
    connection: Connection
    time: StandingTime

    @classmethod
    def opened(
        cls,
        folder: Path,
        *,
        hours: float = CYCLE,
        search_lag_seconds: float = 0.0,
        on_slow: Callable[[], None] = lambda: None,
    ) -> World:
        """Opens the files of a folder, so many hours after the first sync. `on_slow` is called by slow answers."""
        time = StandingTime()
        time.seconds = hours * 3600

        async def sleep(seconds: float) -> None:
            on_slow()
            await time.sleep(seconds)

        portal = open_portal(
            folder / "data",
            folder / "portal.sqlite",
            now=time.now,
            sleep=sleep,
            limits=LIMITS,
            search_lag_seconds=search_lag_seconds,
        )
        connection = read_connection(folder / "data" / "connection.toml").model_copy(update={"name": "practice"})
        workspace = Workspace(folder / "workspace.sqlite")
        # Nothing here survives a power cut, and waiting for the disk takes a third of the time.
        workspace.sql.execute("PRAGMA synchronous = OFF")
        return cls(portal, workspace, connection, time)

    def close(self) -> None:
        """Closes both files."""
        self.workspace.close()
        self.portal.close()

    async def sync(self) -> int:
        """A run as the command makes it; how many records were written. Raises what the run raises."""
        close_abandoned_runs(self.workspace, self.time.now)
        run = Run(self.workspace, "sync", now=self.time.now, monotonic=self.time.clock)
        hubspot, app = open_connectors(
            self.connection,
            {side: Secret(text) for side, text in secrets(self.portal).items()},
            transports(self.portal, self.connection),
            on_exchange=lambda _: None,
            clock=self.time.clock,
            sleep=self.time.sleep,
            now=self.time.now,
            random=random.Random(1),
        )
        hubspot.batch_size = app.batch_size = AT_ONCE
        try:
            applied, _ = await sync(run, self.connection, Sides(hubspot, app), GATES)
        finally:
            await hubspot.close()
            await app.close()
        return applied.writes

    def snapshot(self) -> Snapshot:
        """What both sides hold: address and values of every record that is not archived, in the order of addresses."""
        wanted = {mapping.hubspot for mapping in self.connection.mappings} | set(COMPARED)
        found: dict[Server, list[tuple[str, dict[str, str]]]] = {}
        for server in SERVERS:
            records = [
                (
                    person.address.strip().lower(),
                    {
                        name: value
                        for name, value in sorted(person.values.items())
                        if server == "mailchimp" or name in wanted
                    },
                )
                for person in self.portal.people(server)
            ]
            found[server] = sorted(records, key=lambda record: record[0])
        return found

    def in_doubt(self) -> int:
        """Writes of which nobody knows what became."""
        return int(self.workspace.value("SELECT count(*) FROM journal WHERE state IN ('intent', 'in_doubt')"))


async def prepared(folder: Path) -> Path:
    """Makes the folder that every case copies: pairs in sync and linked, then edits on both sides that nobody has seen.

    The edits: three people new in HubSpot and three in Mailchimp, one that Mailchimp will refuse; changes of towns both
    ways, one cleared, one together with the address; an opt-out with another change, and somebody who unsubscribed.
    """
    shares = [word for name, count in SHARES.items() for word in ("--share", f"{name}={count / PEOPLE}")]
    none = [word for kind in KINDS if kind.name not in SHARES for word in ("--share", f"{kind.name}=0")]
    arguments = ["--seed", "11", "--people", str(PEOPLE), "--out", str(folder / "data"), *shares, *none]
    assert generate(arguments) == 0
    world = World.opened(folder, hours=0)
    pairs, new_here, new_there = _who_is_where(world)
    assert (len(pairs), len(new_here), len(new_there)) == (PEOPLE - 7, 4, 3)
    for contact in new_here:
        world.portal.tamper("hubspot", contact, {"newsletter_opt_in": "false"})
    for member in new_there:
        world.portal.tamper("mailchimp", member, {"status": "unsubscribed"})
    await world.sync()
    assert await world.sync() == 0
    world.close()

    world = World.opened(folder, hours=EDITED)
    for contact in new_here:
        world.portal.tamper("hubspot", contact, {"newsletter_opt_in": "true"})
    for member in new_there:
        world.portal.tamper("mailchimp", member, {"status": "subscribed"})
    hubspot = [{"city": "Bern"}, {"city": "Basel", "lastname": "Amsel"}, {"city": ""}]
    app = [{"CITY": "Wien"}, {"CITY": "Graz", "email_address": "umgezogen@example.com"}, {"LNAME": "Drossel"}]
    for (contact, _), values in zip(pairs, hubspot, strict=False):
        world.portal.tamper("hubspot", contact, values)
    for (_, member), values in zip(pairs[3:], app, strict=False):
        world.portal.tamper("mailchimp", member, values)
    world.portal.tamper("hubspot", pairs[6][0], {"newsletter_opt_in": "false", "city": "Zug"})
    world.portal.tamper("mailchimp", pairs[7][1], {"status": "unsubscribed"})
    world.close()
    return folder


def copied(master: Path, target: Path) -> Path:
    """A copy of a prepared folder."""
    return Path(shutil.copytree(master, target))


def _who_is_where(world: World) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """(contact id, member id) of the pairs, those with a town first, and the ids of those who are on one side only."""
    contacts = {person.address.strip().lower(): person.id for person in world.portal.people("hubspot")}
    members = {person.address.strip().lower(): person.id for person in world.portal.people("mailchimp")}
    towns = {person.address.strip().lower(): person.values.get("city", "") for person in world.portal.people("hubspot")}
    both = sorted(
        (address for address in contacts if address in members), key=lambda address: (not towns[address], address)
    )
    pairs = [(contacts[address], members[address]) for address in both]
    here = [contacts[address] for address in contacts if address not in members]
    return pairs, here, [members[address] for address in members if address not in contacts]
