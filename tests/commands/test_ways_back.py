"""Undo, saved plans, staged release, brakes and stops as commands: what they say, write, and leave."""

from __future__ import annotations

import json
import re
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.connection import read_connection
from engine.errors import Stopped
from engine.observe import Sides
from engine.runs import Run
from engine.sqlite import sqlite3
from tests.commands.test_interrupted import phases, started
from tests.conftest import Command, change_connection
from tui.__main__ import run as run_command
from tui.commands.session import Session, conduct
from tui.home import Home
from tui.practice import transports


@contextmanager
def opened(home: Path) -> Iterator[sqlite3.Connection]:
    """The connection's workspace."""
    sql = sqlite3.connect(home / "workspaces" / "practice.sqlite")
    try:
        with sql:
            yield sql
    finally:
        sql.close()


def journalled(home: Path) -> int:
    """How many writes were ever tried."""
    with opened(home) as sql:
        return int(sql.execute("SELECT count(*) FROM journal").fetchone()[0])


@pytest.fixture(scope="session")
def few_synced_master(few_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The connection with few people after a sync."""
    home = Path(shutil.copytree(few_master, tmp_path_factory.mktemp("few-synced") / "home"))
    assert run_command(["sync", "practice", "--home", str(home), "--json", "--at-once"]) in (0, 1)
    return home


@pytest.fixture
def few_synced(few_synced_master: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(few_synced_master, tmp_path / "home"))


def test_an_undo_is_a_plan_until_it_is_confirmed(few_synced: Path, command: Command) -> None:
    """Without a terminal and without --yes nothing is written; with it the updates go back; then nothing is left."""
    run = command("log", "practice", "--home", few_synced, "--json").document["runs"][0]["id"]
    before = journalled(few_synced)

    shown = command("undo", "practice", run, "--home", few_synced, "--json")
    assert (shown.code, shown.document["written"], journalled(few_synced)) == (1, False, before)
    assert "--yes writes it" in shown.err
    created = [one for one in shown.document["left"] if one["why"] == "created"]
    assert created and all(one["record_id"] for one in created)

    done = command("undo", "practice", run, "--home", few_synced, "--json", "--yes")
    written, refused = done.document["writes"], done.document["refused"]
    assert written + refused == len(shown.document["operations"]) and written > refused
    assert done.document["after"]["states"]["conflict"] > 0
    refusals = done.document["refusals"]
    assert len({(one["side"], one["record_id"]) for one in refusals}) == refused > 0
    assert all(one["fields"] and one["message"] for one in refusals)

    again = command("undo", "practice", run, "--home", few_synced, "--json")
    assert len(again.document["operations"]) == refused
    assert sum(one["why"] == "undone-already" for one in again.document["left"]) == written
    assert command("sync", "practice", "--home", few_synced, "--json").document["writes"] == 0
    for nothing in (999, run + 1):  # the second is the check behind the first look
        assert command("undo", "practice", nothing, "--home", few_synced).code == 2


def test_an_undo_that_a_brake_stops_names_its_own_command(few_synced: Path, command: Command) -> None:
    """The way on is the undo with --accept, not a sync; a plan names the brakes that would stop it."""
    run = command("log", "practice", "--home", few_synced, "--json").document["runs"][0]["id"]
    change_connection(few_synced, "updates = 2000", "updates = 0")
    stopped = command("undo", "practice", run, "--home", few_synced, "--json", "--yes")
    assert stopped.code == 4
    assert f"syncdoctor undo practice {run} --accept updates" in stopped.document["error"]["remedy"]
    assert "sync practice" not in stopped.document["error"]["remedy"]


def test_a_plan_names_the_brakes_that_would_stop_it(few: Path, command: Command) -> None:
    """Before anybody tries to write it."""
    change_connection(few, "updates = 2000", "updates = 0")
    planned = command("plan", "practice", "--home", few, "--json").document
    assert [one["brake"] for one in planned["brakes"]] == ["updates"]


def test_a_saved_plan_is_private_and_written_once(few: Path, command: Command, tmp_path: Path) -> None:
    """Readable by its owner, says that it holds personal data, writes what it counts, and is used up."""
    file = tmp_path / "plan.json"
    counted = command("plan", "practice", "--home", few, "--json", "--save", file).document["counts"]["writes"]

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "personal data" in json.loads(file.read_text())["note"]
    command("sync", "practice", "--home", few, "--json", "--plan", file, "--at-once")
    assert journalled(few) == counted
    again = command("sync", "practice", "--home", few, "--plan", file)
    assert (again.code, journalled(few)) == (2, counted)
    assert "already written" in again.err
    old = command("sync", "practice", "--home", few, "--plan", file, "--max-age", "0")
    assert old.code == 2 and "hours ago" in old.err
    alone = command("sync", "practice", "--home", few, "--max-age", "1")
    assert alone.code == 2 and "--plan" in alone.err


def test_the_first_sync_is_staged_unless_told_otherwise(few: Path, few_synced: Path, command: Command) -> None:
    """By itself on a connection that never wrote; `--at-once` and every later sync write in one go."""
    command("sync", "practice", "--home", few, "--json")
    with opened(few) as sql:
        stages = sql.execute("SELECT stage, planned FROM release_stage ORDER BY stage").fetchall()
    assert [stage for stage, _ in stages] == [1, 2, 3, 4][: len(stages)] and len(stages) >= 3
    with opened(few_synced) as sql:
        assert sql.execute("SELECT count(*) FROM release_stage").fetchone()[0] == 0


def test_brakes_name_each_other_and_can_be_accepted_once(few: Path, command: Command) -> None:
    """Exit code 4 with every key; a misspelt one is wrong usage; the accepted ones let the run pass."""
    change_connection(few, "creates = 2000", "creates = 1")
    change_connection(few, "updates = 2000", "updates = 1")

    held = command("sync", "practice", "--home", few, "--json")
    assert held.code == 4 and held.document["error"]["code"] == "brake"
    assert "brakes.creates, brakes.updates" in held.document["error"]["where"]
    assert command("sync", "practice", "--home", few, "--accept", "create").code == 2
    assert journalled(few) == 0
    passed = command("sync", "practice", "--home", few, "--json", "--accept", "creates", "--accept", "updates")
    assert passed.code in (0, 1) and passed.document["writes"] > 2


READERS: tuple[tuple[str, ...], ...] = (
    ("check", "practice"),
    ("plan", "practice"),
    ("explain", "practice", "20000"),
    ("log", "practice"),
    ("verify", "practice"),
    ("report", "practice"),
)


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_the_next_command_says_what_is_open(few_synced: Path, command: Command, words: tuple[str, ...]) -> None:
    """Writes in doubt and a release that did not go through are announced by every command, once."""
    with opened(few_synced) as sql:
        run = sql.execute("SELECT max(run_id) FROM journal").fetchone()[0]
        sql.execute("UPDATE journal SET state = 'in_doubt' WHERE id = (SELECT max(id) FROM journal)")
        sql.execute("INSERT OR REPLACE INTO fact VALUES ('release_open', ?)", (str(run),))

    answer = command(*words, "--home", few_synced)

    assert answer.err.count("1 write is in doubt") == 1
    assert answer.err.count(f"The staged release of run {run} did not go through") == 1


@pytest.mark.parametrize(
    ("states", "intended", "expected"),
    [
        ((), 0, "Nothing was written."),
        (("superseded",), 40, "Nothing was written."),
        (("verified",) * 11 + ("applied",), 40, "12 of 40 were written; run syncdoctor sync practice to go on."),
        (
            ("verified", "intent", "in_doubt"),
            3,
            "1 of 3 were written, 2 are in doubt and are looked up first; run syncdoctor sync practice to go on.",
        ),
    ],
)
def test_a_stop_says_what_was_written(
    few: Path, command: Command, states: tuple[str, ...], intended: int, expected: str
) -> None:
    """The error's last line counts this run's writes; the run's row says stopped, with exit code 4."""
    home = Home(few)

    async def work(run: Run, _: Sides) -> None:
        with run.workspace.transaction() as sql:
            sql.executemany(
                "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, planned_at) "
                "VALUES (?, 1, 'app', 'update', ?, '{}', '{}', '')",
                [(run.id, state) for state in states],
            )
        run.intended = intended
        run.stop.reason = "stopped by a request to end"
        run.safe_point()

    chosen = Session(home, read_connection(home.connection("practice")))
    with pytest.raises(Stopped) as caught:
        conduct(chosen, "sync", work, exit_code=lambda _: 0, counts=lambda _: {}, quiet=True)

    assert caught.value.remedy == expected
    row = command("log", "practice", "--home", few, "--json").document["runs"][0]
    assert (row["state"], row["exit_code"]) == ("stopped", 4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_writing_ends_with_a_count(few: Path, number: signal.Signals) -> None:
    """The real process: exit code 4 and a last line that says whether anything was written; nothing is left half known."""
    with started(few, "sync", "practice", "--at-once") as process:
        lines = []
        for line in phases(process):
            lines.append(line)
            if line.startswith("writing"):
                process.send_signal(number)
        code = process.wait(60)

    with opened(few) as sql:
        states = {row[0] for row in sql.execute("SELECT DISTINCT state FROM journal")}
    assert states <= {
        "verified",
        "applied",
        "superseded",
        "retryable",
        "refused",
        "permanent",
        "in_doubt",
        "intent",
        "planned",
    }
    if code == 4:
        assert re.search(
            r"(\d+ of \d+ were written.*run syncdoctor sync practice to go on\.|Nothing was written\.)$", lines[-1]
        )
    else:
        assert code in (0, 1)


class OnlyReads(httpx.AsyncBaseTransport):
    """Lets reading requests through and notes all others."""

    READING = ("/search", "/batch/read", "/token/introspect")
    writes: list[str]

    def __init__(self, inner: httpx.AsyncBaseTransport, writes: list[str]) -> None:
        self._inner, self.writes = inner, writes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """A request of the engine."""
        path = request.url.path
        if request.method != "GET" and not path.endswith(self.READING):
            self.writes.append(f"{request.method} {path}")
        return await self._inner.handle_async_request(request)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every writing request that leaves a command."""
    seen: list[str] = []

    def watched(*words: Any) -> dict[Any, httpx.AsyncBaseTransport]:
        return {side: OnlyReads(transport, seen) for side, transport in transports(*words).items()}

    monkeypatch.setattr("tui.commands.session.transports", watched)
    return seen


COMMANDS: tuple[tuple[str, ...], ...] = (
    *READERS,
    ("sync", "practice"),
    ("sync", "practice", "--yes", "--staged"),
    ("sync", "practice", "--plan", "PLAN"),
    ("undo", "practice", "RUN"),
    ("undo", "practice", "RUN", "--yes"),
    ("decide", "practice", "--all", "--winner", "app"),
    ("retry", "practice", "--all"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_write_leaves_for_an_observed_connection(
    few_synced: Path, command: Command, writes: list[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Whatever command is called, although there is something to write and to undo."""
    with opened(few_synced) as sql:
        run = str(sql.execute("SELECT max(run_id) FROM journal").fetchone()[0])
        sql.execute("DELETE FROM base_field")
    change_connection(few_synced, 'mode = "managed"', 'mode = "observed"')
    plan = tmp_path / "plan.json"
    command("plan", "practice", "--home", few_synced, "--save", plan)

    answer = command(*({"RUN": run, "PLAN": plan}.get(word, word) for word in words), "--home", few_synced)

    assert writes == []
    if words[0] in ("sync", "undo", "decide", "retry"):
        assert answer.code == 2 and "observed" in answer.err


def test_the_watch_sees_the_writes_of_a_managed_connection(few: Path, command: Command, writes: list[str]) -> None:
    """The same transport notes writes where there are some."""
    command("sync", "practice", "--home", few, "--json")

    assert any("batch/update" in one for one in writes) and any("/members/" in one for one in writes)
