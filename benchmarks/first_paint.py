"""From exec to the first readable frame at 80x24, ours beside a bare Textual app; a fresh process per run."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pexpect

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare application")
    def on_mount(self):
        self.set_timer(30, self.exit)
Bare().run()
"""
RUNS = 5


def seconds_to(text: str, command: Sequence[str]) -> float:
    """Seconds until the terminal receives the text."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": ""}
    began = time.perf_counter()
    child = pexpect.spawn(command[0], list(command[1:]), dimensions=(24, 80), env=environment, timeout=60)
    try:
        child.expect_exact(text)
        return time.perf_counter() - began
    finally:
        child.close(force=True)


def measure(home: Path) -> dict[str, list[float]]:
    """Runs both in turn, one discarded run first; seconds per run."""
    ours = (sys.executable, "-m", "tui", "--home", str(home))
    bare = (sys.executable, "-c", BARE)
    found: dict[str, list[float]] = {"syncdoctor": [], "bare Textual app": []}
    for number in range(RUNS + 1):
        for name, text, command in (("syncdoctor", "yncdoctor", ours), ("bare Textual app", "bare application", bare)):
            seconds = seconds_to(text, command)
            if number:
                found[name].append(seconds)
    return found


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)
