"""The program's entry point: parses, runs, turns errors into lines and exit codes. A traceback never reaches a user."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and ends the process: 0 nothing to act on, 1 something to act on, 2 usage or configuration,
    3 a side cannot be reached or refuses, 4 stopped by a brake, a lock or, in mid-run, a signal; 130 Ctrl-C elsewhere."""
    os.umask(0o077)
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = run(words)
    except KeyboardInterrupt:
        code = _interrupted()
    sys.exit(code)


def _interrupted() -> int:
    sys.stderr.write("\nsyncdoctor: stopped by Ctrl-C; what was stored is kept\n")
    return INTERRUPTED


def run(words: list[str]) -> int:
    """Runs a command given as words and gives its exit code."""
    import typer
    from typer.exceptions import TyperException

    from engine.errors import SyncdoctorError
    from tui.cli import cli
    from tui.home import home_folder
    from tui.output import fail, fail_in_usage, fail_unexpectedly

    as_json = "--json" in words
    try:
        result = cli(args=words, prog_name="syncdoctor", standalone_mode=False)
        sys.stdout.flush()
        return int(result or 0)
    except typer.Exit as ended:
        # Typer turns Ctrl-C into this exit code without a word.
        return _interrupted() if ended.exit_code == INTERRUPTED else ended.exit_code
    except TyperException as error:
        return fail_in_usage(error, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except SyncdoctorError as error:
        return fail(error, as_json=as_json)
    except BrokenPipeError:
        # The reader of a pipe went away (| head); what follows would only fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return fail_unexpectedly(error, home_folder(_home_in(words)))


def _home_in(words: list[str]) -> Path | None:
    """The folder after `--home`: a defect's log belongs there even if parsing never came so far."""
    from pathlib import Path

    for position, word in enumerate(words):
        if word == "--home" and position + 1 < len(words):
            return Path(words[position + 1])
        if word.startswith("--home="):
            return Path(word.partition("=")[2])
    return None


if __name__ == "__main__":
    main()
