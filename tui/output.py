"""How commands speak: answers on standard output (text, or one JSON document), everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.errors import SyncdoctorError
from engine.visible import visible
from tui.home import Home, write_private

if TYPE_CHECKING:
    from typer.exceptions import TyperException

FORMAT = 1


def say(text: str = "") -> None:
    """A line of the answer; the text is already visible or our own."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """A line of narration on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def document(content: Mapping[str, Any]) -> None:
    """The one JSON document of a command; controls and non-ASCII are escaped, so it is safe on any terminal."""
    sys.stdout.write(f"{json.dumps({'format': FORMAT, **content}, indent=2, default=str)}\n")


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ", right: frozenset[int] = frozenset()) -> None:
    """Rows with columns aligned; `right` names the columns of numbers."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say(f"{indent}{'  '.join(cells).rstrip()}")


def count(number: int) -> str:
    """1234 -> 1,234."""
    return f"{number:,}"


class ProgressLine:
    """Progress on standard error: one line that is rewritten on a terminal, a line a phase elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._phase = ""
        self._open = False

    def __call__(self, phase: str, done: int, total: int | None, rate: float | None) -> None:
        if self._quiet:
            return
        if not self._terminal:
            if phase != self._phase:
                note(f"{phase} …")
            self._phase = phase
            return
        size = f"{done:,} of {total:,}" if total else f"{done:,}"
        speed = f", {rate:,.0f}/s" if rate else ""
        left = f", {(total - done) / rate:,.0f} s left" if rate and total and total > done else ""
        sys.stderr.write(f"\r\x1b[K{phase}: {size}{speed}{left} (Ctrl-C stops)")
        sys.stderr.flush()
        self._open = True

    def close(self) -> None:
        """Clears the line."""
        if self._open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._open = False


def fail(error: SyncdoctorError, *, as_json: bool) -> int:
    """Shows an error and gives its exit code."""
    if as_json:
        problem = {"code": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}
        document({"error": problem})
    where = f"\n  where: {visible(error.where)}" if error.where else ""
    remedy = f"\n  to do: {visible(error.remedy, multiline=True)}" if error.remedy else ""
    note(f"syncdoctor: {visible(error.what)}{where}{remedy}")
    return error.exit_code


def fail_in_usage(error: TyperException, *, as_json: bool) -> int:
    """Shows wrong usage as the command line's library words it, and gives its exit code."""
    if as_json:
        document({"error": {"code": "usage", "what": error.format_message(), "where": "", "remedy": "See --help."}})
    show = getattr(error, "show", None)
    if show is not None:
        show()
    else:
        note(f"syncdoctor: {error.format_message()}")
    return error.exit_code


def fail_unexpectedly(error: BaseException, home: Home) -> int:
    """A defect of ours: one line for the user, the places (no values) in a private log. Exit code 1."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = home.log / f"defect-{moment}.txt"
    frames = "".join(traceback.format_tb(error.__traceback__))
    try:
        write_private(path, f"{type(error).__name__}\n{frames}".encode())
        place = f"The places in the program are in {path}; it holds no contact data."
    except SyncdoctorError:
        place = "No log could be written."
    note(f"syncdoctor: this is a defect of Syncdoctor ({type(error).__name__}). {place}")
    return 1
