"""Starts the program as processes of their own without paying for its imports: `python -m tests.crash.nursery`.

It imports the program once, runs nothing of it, and forks one child an order. An order is a line of JSON on standard
input, the answer a line with the child's exit code (negative: the signal that ended it).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.crash.boundaries import Target, Watch, install

LONGEST_RUN = 120
"""Seconds after which a run counts as hanging; SIGALRM then ends it."""
# Importing these starts no thread that a fork could break: jemalloc takes its own precautions, and the pool of Polars starts with its first query.
IMPORTED_AHEAD = (
    "diagnostics.checkup", "engine.connectors.open", "engine.cycle", "engine.observe", "keyring", "polars",
    "sample_data.portal", "sqlite_utils", "tui.cli", "tui.commands.writing", "tui.practice",
)  # fmt: skip


class Nursery:
    """A nursery process; one run at a time. Use as a context manager."""

    def __enter__(self) -> Nursery:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SYNCDOCTOR_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(
        self, words: list[str], folder: Path, *, target: Target | None = None, batch_size: int | None = None
    ) -> int:
        """Runs the program with these words to its end, or to the target; the exit code.

        `folder` gets what it printed (`said.txt`), the writing requests of all runs (`sent.jsonl`) and, if the run came
        to its end, the boundaries it passed (`trace.json`).
        """
        order = {
            "words": words,
            "folder": str(folder),
            "target": asdict(target) if target else None,
            "batch_size": batch_size,
        }
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process that starts the victims has ended")
        return int(answer)


def _child(order: dict[str, Any]) -> int:
    folder = Path(order["folder"])
    said = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(LONGEST_RUN)
    watch = Watch(Target(**order["target"]) if order["target"] else None, folder / "sent.jsonl")
    install(watch)
    if order["batch_size"]:
        _set_batch_size(order["batch_size"])
    from tui.__main__ import run

    code = run(order["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    watch.write_trace(folder / "trace.json")
    return code


def _set_batch_size(size: int) -> None:
    from engine.connectors.hubspot import HubSpotConnector
    from engine.connectors.mailchimp import MailchimpConnector

    HubSpotConnector.batch_size = MailchimpConnector.batch_size = size


def main() -> None:
    """Takes orders until standard input ends."""
    for name in IMPORTED_AHEAD:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        assert threading.active_count() == 1
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = _child(json.loads(line))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
