"""What every command that works on a connection shares: file, lock, workspace, run row, both sides, signals."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.connection import Connection, read_connection
from engine.errors import CredentialsRefused, Halted, Stopped, SyncdoctorError
from engine.lock import RENEW, Lease, locked
from engine.runs import Run, StopFlag, close_abandoned_runs, iso, open_release, utc_now, way_on
from engine.schema import SIDES, Side
from engine.workspace import Workspace, explained
from tui.home import Home
from tui.output import ProgressLine, note
from tui.practice import open_practice, secrets, transports, uses_practice
from tui.processes import is_alive
from tui.reading.health import run_row

if TYPE_CHECKING:
    import httpx

    from engine.auth.secret import Secret
    from engine.http import Exchange
    from engine.observe import Sides

T = TypeVar("T")
STOP_LOOKS_PER_SECOND = 5


@dataclass(frozen=True)
class Session:
    """A connection in a home, before anything is opened."""

    home: Home
    connection: Connection

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connection.name

    @property
    def path(self) -> Path:
        """The workspace's file."""
        return self.home.workspace(self.name)

    def reading(self) -> Workspace:
        """The workspace, read only. Raises WorkspaceError if nothing was examined yet."""
        return Workspace(self.path, read_only=True)


def session(home: Home, name: str) -> Session:
    """Opens a connection by name. Raises ConfigurationError naming file, line and key."""
    return Session(home, read_connection(home.existing(name)))


def conduct(
    chosen: Session,
    command: str,
    work: Callable[[Run, Sides], Awaitable[T]],
    *,
    exit_code: Callable[[T], int],
    counts: Callable[[T], Mapping[str, object]],
    quiet: bool = False,
    chain: bool = False,
    again: str = "",
) -> T:
    """Runs one piece of long work under the connection's lock, with its row in `run`, progress, and both sides open.

    Raises what the work raises; the run's row then says `failed` or `stopped`. The first Ctrl-C, SIGTERM or SIGHUP
    stops at the next safe point, a second one at once; a stop says what was written until then. With `chain` (more work
    follows) a request that came after the last safe point ends the chain. `again`: the command that goes on after a stop, if
    it is another one than `command`.
    """
    chosen.home.prepare()
    stop = StopFlag()
    line = ProgressLine(quiet=quiet)
    with explained(chosen.path), locked(chosen.path, command) as lease, Workspace(chosen.path) as workspace:
        close_abandoned_runs(workspace)
        announce_open_questions(workspace, chosen.name)

        def on_progress(phase: str, done: int, total: int | None, rate: float | None) -> None:
            lease.renew()
            line(phase, done, total, rate)

        run = Run(workspace, command, stop=stop, on_progress=on_progress)
        if lease.taken_over:
            run.event("warning", "lock-taken-over", f"the lease of {lease.taken_over} had expired")
        try:
            result = asyncio.run(_work(chosen, run, stop, work, lease))
        except Stopped as error:
            line.close()
            error.remedy = what_was_written(run, again or f"{command} {chosen.name}")
            _record_failure(run, error)
            raise
        except BaseException as error:
            line.close()
            _record_failure(run, error)
            raise
        line.close()
        run.finish("done", exit_code(result), counts=counts(result))
    if stop.reason and chain:
        raise Stopped(stop.reason, remedy="What was done is kept. Run the command again to go on.")
    return result


@contextmanager
def recorded(workspace: Workspace, command: str, counts: Mapping[str, object] | None = None) -> Iterator[Run]:
    """A short piece of work with its row in `run`: `done`, or what became of it if it raises. `counts` as they are at the end."""
    run = Run(workspace, command)
    try:
        yield run
    except BaseException as error:
        _record_failure(run, error)
        raise
    run.finish("done", 0, counts=counts)


def _record_failure(run: Run, error: BaseException) -> None:
    if isinstance(error, SyncdoctorError):
        state = "stopped" if isinstance(error, Halted) else "failed"
        code, message = error.exit_code, error.what
    else:
        state, code, message = "failed", 1, f"a defect of Syncdoctor: {type(error).__name__}"
    try:
        run.finish(state, code, message)
    except SyncdoctorError:
        note("syncdoctor: the end of this run could not be recorded in the workspace")


def what_was_written(run: Run, again: str) -> str:
    """What a run wrote until it was stopped, and how to go on (`again`), as the last line for the user."""
    rows = run.workspace.rows(
        "SELECT state, count(*) AS writes FROM journal WHERE run_id = ? GROUP BY state", (run.id,)
    )
    states: dict[str, int] = {row["state"]: row["writes"] for row in rows}
    written = states.get("applied", 0) + states.get("verified", 0)
    doubtful = states.get("intent", 0) + states.get("in_doubt", 0)
    if not written and not doubtful:
        return "Nothing was written."
    doubt = f", {doubtful} are in doubt and are looked up first" if doubtful else ""
    return f"{written} of {run.intended} were written{doubt}; run syncdoctor {again} to go on."


async def _work(
    chosen: Session, run: Run, stop: StopFlag, work: Callable[[Run, Sides], Awaitable[T]], lease: Lease
) -> T:
    async def renewing() -> None:
        while True:
            await asyncio.sleep(RENEW.total_seconds())
            lease.renew()

    with _signals(stop):
        renewals = asyncio.create_task(renewing())
        try:
            async with open_sides(chosen, run) as sides:
                return await work(run, sides)
        finally:
            renewals.cancel()


@contextmanager
def _signals(stop: StopFlag) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    names = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "a request to end", signal.SIGHUP: "the lost session"}

    def asked(number: signal.Signals) -> None:
        if stop.reason:
            os._exit(128 + number)
        stop.reason = f"stopped by {names[number]}"
        if number is signal.SIGINT and sys.stderr.isatty():
            note("\nstopping at the next safe point; Ctrl-C again stops at once")

    for number in names:
        loop.add_signal_handler(number, asked, number)
    try:
        yield
    finally:
        for number in names:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def open_sides(chosen: Session, run: Run) -> AsyncIterator[Sides]:
    """Both connectors of a connection while the block runs; every exchange is logged to the run."""
    from engine.connectors.open import open_connectors
    from engine.observe import Sides
    from engine.situation import known_zone

    connection = chosen.connection
    played: Mapping[Side, httpx.AsyncBaseTransport] = {}
    known: Mapping[Side, str] = {}
    if any(uses_practice(connection).values()):
        portal = open_practice(chosen.home)
        played, known = transports(portal, connection), secrets(portal)

    async def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            run.safe_point()
            await asyncio.sleep(min(left, 1 / STOP_LOOKS_PER_SECOND))

    hubspot, app = open_connectors(
        connection,
        credentials(chosen, known),
        played,
        on_exchange=lambda exchange: _log(run, exchange),
        clock=time.monotonic,
        sleep=sleep,
        now=utc_now,
        random=random.Random(),
        time_zone=known_zone(run.workspace),
    )
    try:
        yield Sides(hubspot, app)
        run.workspace.remember("limits.hubspot", hubspot.limits_left())
        run.workspace.remember("limits.app", app.limits_left())
    finally:
        await hubspot.close()
        await app.close()


def _log(run: Run, exchange: Exchange) -> None:
    row = (
        run.id,
        iso(exchange.at),
        exchange.side,
        exchange.method,
        exchange.template,
        exchange.status,
        round(exchange.milliseconds),
        exchange.attempt,
        exchange.correlation_id,
        exchange.note,
    )
    with run.workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO exchange(run_id, at, side, method, path, status, milliseconds, attempt, correlation_id, note) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def credentials(chosen: Session, known: Mapping[Side, str]) -> Mapping[Side, Secret]:
    """A secret per side: from environment, keyring or file; the practice portal's own where it plays the side.

    Raises CredentialsRefused if a side has none.
    """
    from engine.auth.secret import Secret
    from engine.auth.vault import Vault

    vault = Vault(chosen.home.path, os.environ)
    found: dict[Side, Secret] = {}
    for side in SIDES:
        secret = vault.get(chosen.name, side)
        if secret is None and side in known and uses_practice(chosen.connection)[side]:
            secret = Secret(known[side])
        if secret is None:
            raise CredentialsRefused(
                f"no credentials are stored for the {side} side",
                where=f"connection {chosen.name}",
                remedy=f"Run: syncdoctor login {chosen.name} {side}",
            )
        found[side] = secret
    return found


def announce_open_questions(workspace: Workspace, name: str) -> None:
    """Says on standard error what an earlier run left open: writes in doubt, a staged release that did not go through."""
    active = workspace.rows("SELECT * FROM run WHERE state = 'running' ORDER BY id DESC LIMIT 1")
    at_work = active[0]["id"] if active and is_alive(run_row(active[0])) else 0
    doubtful = int(workspace.value("SELECT count(*) FROM in_doubt WHERE run_id <> ?", (at_work,)))
    if doubtful:
        writes = "1 write is" if doubtful == 1 else f"{doubtful} writes are"
        note(f"An earlier run was cut off: {writes} in doubt. The next sync looks them up before it writes.")
    halted = open_release(workspace)
    if halted is not None:
        note(f"The staged release of run {halted} did not go through. {way_on(name, halted)}")
