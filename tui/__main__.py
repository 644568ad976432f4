"""The program's entry point: parses, runs, turns errors into lines and exit codes. A traceback never reaches a user."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and ends the process: 0 nothing to act on, 1 something to act on, 2 usage or configuration,
    3 a side cannot be reached or refuses, 4 stopped by a brake or a lock, 130 Ctrl-C."""
    os.umask(0o077)
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """Runs a command given as words and gives its exit code."""
    import typer
    from typer.exceptions import TyperException

    from engine.errors import SyncdoctorError
    from tui.cli import cli
    from tui.home import home_folder
    from tui.output import fail, fail_unexpectedly, note

    as_json = "--json" in words
    try:
        result = cli(args=words, prog_name="syncdoctor", standalone_mode=False)
        sys.stdout.flush()
        return int(result or 0)
    except typer.Exit as ended:
        return ended.exit_code
    except TyperException as error:
        show = getattr(error, "show", None)
        if show is not None:
            show()
        else:
            note(f"syncdoctor: {error}")
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        note("\nsyncdoctor: stopped by Ctrl-C; what was stored is kept")
        return 130
    except SyncdoctorError as error:
        return fail(error, as_json=as_json)
    except BrokenPipeError:
        # The reader of a pipe went away (| head); what follows would only fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return fail_unexpectedly(error, home_folder(None))


if __name__ == "__main__":
    main()
