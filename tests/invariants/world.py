"""One small world: a portal on virtual time, an engine on it, the wire between them and the judge's book."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import httpx

from engine.gates import Gate
from engine.saved_plan import SavedPlan
from engine.sqlite import sqlite3
from sample_data.portal import Portal, open_portal
from sample_data.portal.hubspot.contacts import MergeRegime
from tests.invariants.adapter import ALL_GATES, FEW_GATES, Engine, Ran, small_connection
from tests.invariants.ledger import Ledger, Place
from tests.invariants.population import settle_in
from tests.invariants.seams import Limits
from tests.invariants.truth import Change, Side, Truth
from tests.invariants.wire import Desk, VirtualTime

AUDIENCE = "a1b2c3d4e5"
DIRECTIONS = ("two_way", "two_way", "two_way", "to_app", "to_hubspot")
POLICIES = ("hubspot", "app", "latest", "ask")
HIDING = ("missing_items", "repeated_page", "changing_page", "null_results")
"""Faults of a page that hide somebody until the next full reading."""
Before = Mapping[tuple[Side, str, str], tuple[str, str]]
"""What a run changed: side, record, field; the value before it and the one it wrote."""
LIMITS = (Limits(), Limits(), Limits(1, 1, 1), Limits(1, 2, 1), Limits(2, 1))


@dataclass(frozen=True)
class Setting:
    """What a seed decides about a world before anything happens in it."""

    seed: int
    direction: str
    policy: str
    limits: Limits
    in_list: bool
    tight: bool
    every_gate: bool
    search_lag: float
    staged: bool
    merge_regime: MergeRegime


def setting_of(seed: int) -> Setting:
    """The setting of a seed: directions, policies and limits are all met within twenty seeds in a row."""
    chance = random.Random(f"setting {seed}")
    return Setting(
        seed,
        DIRECTIONS[seed % 5],
        POLICIES[seed % 4],
        LIMITS[(seed // 4) % 5],
        in_list=chance.random() < 0.6,
        tight=chance.random() < 0.15,
        every_gate=chance.random() < 0.1,
        search_lag=chance.choice((0.0, 0.0, 5.0)),
        staged=chance.random() < 0.3,
        merge_regime=chance.choice(get_args(MergeRegime)),
    )


@dataclass
class World:
    """Everything of one history. `log` tells it in words, one line a step; `counts` are the suite's counters."""

    setting: Setting
    folder: Path
    gates: Sequence[Gate] | None = None
    log: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    longest_run: int = 0
    resting: bool = False

    def __post_init__(self) -> None:
        self.data, state = settle_in(self.setting.seed, self.folder)
        self._open(state, VirtualTime())
        self.ledger = Ledger(self.truth)
        self.connection = small_connection(
            self.setting.seed, self.setting.direction, self.setting.policy,
            in_list=self.setting.in_list, tight=self.setting.tight,
        )  # fmt: skip
        self.unmapped: dict[str, Any] = {}
        self.once_unmapped: set[str] = set()
        self.undoes: dict[int, Before] = {}
        self.edited_at: dict[Place, float] = {}
        gates = self.gates or (ALL_GATES if self.setting.every_gate else FEW_GATES)
        self.engine = Engine(self.folder / "workspace.sqlite", self.desk, gates, self.setting.limits, self.setting.seed)
        self.runner = asyncio.Runner()
        self.runner.get_loop().set_exception_handler(lambda loop, context: None)

    def _open(self, state: Path, time: VirtualTime) -> None:
        self.state_file = state
        self.portal = self._portal(state, time)
        self.truth = Truth(state)
        self.desk = Desk(time, self.truth, self.portal, self._engine_did, self._engine_saw)

    def _portal(self, state: Path, time: VirtualTime) -> Portal:
        lag = self.setting.search_lag
        limits = self.setting.limits.of_portal()
        portal = open_portal(self.data, state, now=time.now, sleep=time.sleep, search_lag_seconds=lag, limits=limits)
        portal.merge_regime = self.setting.merge_regime
        return portal

    def close(self) -> None:
        """Closes every file."""
        self.engine.workspace.close()
        self.truth.close()
        self.portal.close()
        self.runner.close()

    def _engine_did(self, changes: Sequence[Change]) -> None:
        self.ledger.engine_did(self.desk.run, changes)

    def _engine_saw(self, side: Side, text: str) -> None:
        self.ledger.saw(side, text)

    def say(self, line: str) -> None:
        """One line of the history."""
        self.log.append(f"{self.desk.time.seconds:8.1f} s  {line}")

    def people_did(self, what: str, *, in_run: bool = False) -> bool:
        """Enters what somebody just did, in the middle of a run or not; False if nothing changed."""
        changes = self.truth.look()
        if in_run:
            self.ledger.people_interrupt(changes)
        else:
            self.ledger.people_did(changes)
        for change in changes:
            self.edited_at[change.side, change.id] = self.desk.time.seconds
            self.say(
                f"{what}: {change.side} {change.id[-6:]} {change.field or 'record'}: {change.before!r} -> {change.after!r}"
            )
        return bool(changes)

    def call(self, side: Side, method: str, path: str, json: object = None) -> httpx.Response:
        """A person's request to one of the services."""
        return self.runner.run(self._call(side, method, path, json))

    async def _call(self, side: Side, method: str, path: str, json: object) -> httpx.Response:
        self.desk.time.seconds += 1
        hubspot = side == "hubspot"
        app, token = (
            (self.portal.hubspot, self.portal.hubspot_token) if hubspot else (self.portal.mailchimp, self.portal.mailchimp_key)
        )  # fmt: skip
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://people.invalid"
        ) as client:
            return await client.request(method, path, json=json, headers={"Authorization": f"Bearer {token}"})

    def tamper(self, side: Side, id: str, values: dict[str, str]) -> None:
        """A person's edit, unchecked: HubSpot's property names, or Mailchimp's tags with `email_address` and `status`."""
        self.portal.tamper("hubspot" if side == "hubspot" else "mailchimp", id, values)

    def declare(self, document: str, body: str) -> None:
        """Somebody changes what a service declares: its stored document is replaced and the portal opened anew."""
        with sqlite3.connect(self.state_file) as sql:
            sql.execute("UPDATE document SET body = ? WHERE name = ?", (body, document))
        sql.close()
        self.portal.close()
        self.portal = self.desk.portal = self._portal(self.state_file, self.desk.time)

    def check(self) -> Ran:
        """The engine examines."""
        return self._run(lambda: self.engine.check(self.connection), "check")

    def sync(self) -> Ran:
        """The engine syncs."""
        staged = self.setting.staged and not self.resting
        return self._run(lambda: self.engine.sync(self.connection, staged=staged), "sync")

    def save(self) -> SavedPlan | None:
        """Somebody saves the plan."""
        saved: list[SavedPlan | None] = []

        async def save() -> Ran:
            saved.append(await self.engine.save(self.connection))
            return self.engine.runs[-1]

        self._run(save, "check")
        return saved[0]

    def sync_saved(self, plan: SavedPlan) -> Ran:
        """The engine writes a saved plan."""
        return self._run(lambda: self.engine.sync(self.connection, saved=plan), "sync")

    def undo(self, undone: Ran) -> Ran:
        """The engine takes a run back."""
        self.undoes[len(self.engine.runs) + 1] = {
            (judged.change.side, judged.change.id, judged.change.field): (judged.change.before, judged.change.after)
            for judged in reversed(self.ledger.judged)
            if judged.run == undone.number
        }
        ran = self._run(lambda: self.engine.undo(self.connection, undone.id), "undo")
        self.ledger.take_back(ran.number)
        return ran

    def _run(self, what: Callable[[], Coroutine[Any, Any, Ran]], command: str) -> Ran:
        self.ledger.run_begins()
        shown_until = self.desk.time.seconds - self.setting.search_lag
        started, boundaries = len(self.desk.requests), self.desk.boundaries
        ran = self.runner.run(what())
        if ran.end == "killed":
            with suppress(asyncio.CancelledError):
                self.runner.run(_cancel_the_rest())
            self.engine.reopen()
        self.desk.spare()
        self.longest_run = max(self.longest_run, self.desk.boundaries - boundaries)
        hidden = any(request.fault in HIDING for request in self.desk.requests[started:])
        unseen = None if hidden else frozenset(place for place, at in self.edited_at.items() if at > shown_until)
        self.ledger.run_ends(
            sync=command == "sync",
            finished=ran.end == "done",
            trusted=unseen is not None and not self.setting.search_lag,
            unseen=unseen,
        )
        self.counts[f"run {ran.end}"] += 1
        self.counts["syncs"] += command == "sync"
        self.say(f"{command}: {ran.end} {ran.said}, {ran.wrote} written, {len(self.desk.requests) - started} requests")
        return ran

    def fork(self) -> World:
        """The same world in files of its own: what is done in it stays in it."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        twin = World.__new__(World)
        twin.setting, twin.folder, twin.gates, twin.data = self.setting, folder, self.gates, self.data
        twin.log, twin.counts = list(self.log), self.counts
        for source in (self.state_file, self.engine.file):
            copied(source, folder / source.name)
        if self.engine.key_file.exists():
            shutil.copyfile(self.engine.key_file, folder / self.engine.key_file.name)
        time = VirtualTime()
        time.seconds = self.desk.time.seconds
        twin._open(folder / self.state_file.name, time)
        twin.ledger = self.ledger.copied(twin.truth)
        twin.longest_run, twin.resting = self.longest_run, False
        twin.connection, twin.unmapped = self.connection, dict(self.unmapped)
        twin.undoes, twin.once_unmapped = dict(self.undoes), set(self.once_unmapped)
        twin.edited_at = dict(self.edited_at)
        twin.engine = Engine(
            folder / self.engine.file.name, twin.desk, self.engine.gates, self.engine.limits, self.engine.seed
        )
        twin.engine.runs = list(self.engine.runs)
        twin.runner = self.runner
        return twin

    def leave(self) -> None:
        """Ends a fork."""
        self.engine.workspace.close()
        self.truth.close()
        self.portal.close()
        shutil.rmtree(self.folder)


def copied(source: Path, target: Path) -> None:
    """A consistent copy of an open SQLite file."""
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


async def _cancel_the_rest() -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)
