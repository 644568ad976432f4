"""Starts the console: checks the terminal, prepares the environment, and only then imports Textual."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tui.terminal import here_refused, prepare, wants_mouse

USAGE = 2


def run_console(home: Path, *, start: str | None = None, mouse: bool | None = None) -> int:
    """Shows the console until the user leaves it; gives the exit code.

    0 left by the user, 1 a defect (its traceback is in the home's log folder), 2 this terminal cannot show it,
    128 + N ended by signal N. `start` is a connection to open at once.
    """
    reason = here_refused()
    if reason:
        sys.stderr.write(f"{reason}\n")
        return USAGE
    prepare(os.environ)
    from tui.console import Console

    with_mouse = wants_mouse(os.environ, mouse)
    console = Console(home, start, mouse=with_mouse)
    console.run(mouse=with_mouse)
    return console.return_code or 0
