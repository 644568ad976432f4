"""Lost answers, refused writes, Ctrl-C and sudden death: the result is the same as without them, only later."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sqlite import sqlite3
from sample_data.portal import Fault
from tests.commands.test_bad_input import served
from tests.conftest import Command
from tui.__main__ import run

WRITES = {
    ("hubspot", "create"): ("POST", r"/contacts/batch/create"),
    ("hubspot", "update"): ("POST", r"/contacts/batch/update"),
    ("mailchimp", "create"): ("POST", r"/lists/a1b2c3d4e5$"),
    ("mailchimp", "update"): ("PATCH", r"/members/"),
}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal's credentials, as environment variables."""
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_HUBSPOT", "practice-hubspot-token")
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_APP", "practice-mailchimp-key-us00")


def records(home: Path) -> tuple[int, int, int, int]:
    """Records and distinct addresses per side, as the next check sees them."""
    with sqlite3.connect(home / "workspaces" / "practice.sqlite") as sql:
        counts = [
            sql.execute(f"SELECT count(*), count(DISTINCT _email_key) FROM {table}").fetchone()
            for table in ("hubspot_contact", "app_contact")
        ]
    return (*counts[0], *counts[1])


@pytest.fixture(scope="session")
def undisturbed(
    few_master: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[int, int, int, int], dict[str, int]]:
    """Records and states after a sync that nothing disturbed."""
    synced_master = Path(shutil.copytree(few_master, tmp_path_factory.mktemp("undisturbed") / "home"))
    assert run(["sync", "practice", "--home", str(synced_master), "--json"]) in (0, 1)
    with sqlite3.connect(synced_master / "workspaces" / "practice.sqlite") as sql:
        states = dict(sql.execute("SELECT state, count(*) FROM verdict GROUP BY state").fetchall())
    return records(synced_master), states


def settle(command: Command, home: Path) -> dict[str, Any]:
    """Syncs until nothing is written any more; the last document. Three runs have to do."""
    for _ in range(3):
        answer = command("sync", "practice", "--home", home, "--json")
        if answer.code in (0, 1) and answer.document["writes"] == 0:
            return answer.document
    raise AssertionError("three syncs did not come to rest")


DISTURBED = (
    (("hubspot", "create"), "timeout_after"),
    (("hubspot", "create"), "missing_items"),
    (("hubspot", "update"), "500_before"),
    (("hubspot", "update"), "500_after"),
    (("mailchimp", "create"), "429"),
    (("mailchimp", "create"), "500_after"),
    (("mailchimp", "create"), "refuse"),
    (("mailchimp", "update"), "timeout_after"),
    (("mailchimp", "update"), "500_before"),
)
"""Over a real connection, each write and each fault; `tests.faults` has every fault at every request, in one process."""


@pytest.mark.parametrize(("target", "kind"), DISTURBED)
def test_a_disturbed_write_is_neither_lost_nor_doubled(
    command: Command,
    few: Path,
    keys: None,
    undisturbed: tuple[tuple[int, int, int, int], dict[str, int]],
    target: tuple[str, str],
    kind: str,
) -> None:
    """Whatever happens to one write request, after the dust has settled both sides hold what they should, once."""
    method, path = WRITES[target]
    fault = Fault(server=target[0], method=method, path=path, nth=1, kind=kind)  # type: ignore[arg-type]
    with served(few, fault):
        command("sync", "practice", "--home", few, "--json")
        document = settle(command, few)
        command("check", "practice", "--home", few)

    assert records(few) == undisturbed[0]
    assert {state: count for state, count in document["after"]["states"].items() if count} == undisturbed[1]
    with sqlite3.connect(few / "workspaces" / "practice.sqlite") as sql:
        assert sql.execute("SELECT count(*) FROM in_doubt").fetchone()[0] == 0


def started(home: Path, *words: str) -> subprocess.Popen[str]:
    """The program as a process of its own."""
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "tui", *words, "--home", str(home)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def phases(process: subprocess.Popen[str]) -> Iterator[str]:
    """The phases that the process names on standard error, as they come."""
    assert process.stderr is not None
    for line in process.stderr:
        yield line.strip()


ENDED = (
    ("reading contacts", signal.SIGINT), ("reading contacts", signal.SIGHUP), ("reading contacts", signal.SIGKILL),
    ("examining", signal.SIGTERM), ("examining", signal.SIGKILL),
    ("writing", signal.SIGINT), ("writing", signal.SIGTERM), ("writing", signal.SIGKILL),
)  # fmt: skip


@pytest.mark.parametrize(("phase", "number"), ENDED)
def test_a_run_that_is_ended_can_be_run_again(
    command: Command,
    few: Path,
    undisturbed: tuple[tuple[int, int, int, int], dict[str, int]],
    phase: str,
    number: signal.Signals,
) -> None:
    """Stopped politely it ends with 4 (or was already done), killed it is gone; the next runs finish the job either way."""
    with started(few, "sync", "practice") as process:
        for line in phases(process):
            if line.startswith(phase):
                process.send_signal(number)
                break
        rest = "".join(phases(process))
        code = process.wait(60)

    assert "Traceback" not in rest
    assert code in ((-signal.SIGKILL,) if number is signal.SIGKILL else (4, 0, 1))
    document = settle(command, few)
    command("check", "practice", "--home", few)
    assert records(few) == undisturbed[0]
    assert {state: count for state, count in document["after"]["states"].items() if count} == undisturbed[1]


def test_a_stopped_run_says_so_and_keeps_what_it_read(fresh: Path, command: Command) -> None:
    """Ctrl-C while reading: exit code 4, the run's row says stopped, nothing on either side was written."""
    with started(fresh, "check", "practice") as process:
        for line in phases(process):
            if line.startswith("reading contacts"):
                process.send_signal(signal.SIGINT)
                break
        code = process.wait(60)

    run = command("log", "practice", "--home", fresh, "--json").document["runs"][0]
    assert (code, run["state"], run["exit_code"]) == (4, "stopped", 4)


def test_the_log_follows_a_run_to_its_end(fresh: Path) -> None:
    """A second process attaches to a run by reading and ends with it."""
    with started(fresh, "sync", "practice") as process:
        for line in phases(process):
            if line.startswith("reading contacts"):
                break
        words = [sys.executable, "-m", "tui", "log", "practice", "--follow", "--home", str(fresh)]
        watched = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        process.communicate(timeout=60)

    assert watched.returncode == 0
    assert "sync" in watched.stdout
    assert "done" in watched.stdout
