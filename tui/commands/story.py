"""`demo`: the whole story on the practice portal, as text or up to the console."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.connection import read_connection
from engine.errors import ReleaseHalted
from tui.commands.checking import run_check_or_raise, show_checkup
from tui.commands.configure import connect
from tui.commands.records import report
from tui.commands.session import Session
from tui.commands.verifying import run_verify, show_verification
from tui.commands.writing import Wish, plan_counts, run_sync, show_plan, show_sync
from tui.home import Home
from tui.output import fail, note, say
from tui.practice import PRACTICE, install

STEPS = ("connect", "check", "plan", "sync", "verify", "report")


def demo(home: Home, *, headless: bool, until: str, data: Path | None) -> int:
    """Tells the story of the practice connection step by step; on a terminal it ends in the console.

    Runs again on the same home go on from the state there.
    """
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not headless
    last = STEPS.index(until) if until else (1 if on_terminal else len(STEPS) - 1)
    home.prepare()
    folder = install(home, data)
    if not home.connection(PRACTICE).exists():
        _step("connect", f"syncdoctor connect connection.toml --name {PRACTICE}")
        connect(home, folder / "connection.toml", name=PRACTICE, as_json=False)
    chosen = Session(home, read_connection(home.connection(PRACTICE)))
    for step in STEPS[1 : last + 1]:
        _step(step, f"syncdoctor {step} {PRACTICE}")
        _tell(chosen, step)
    if on_terminal:
        from tui.app import run_console

        return run_console(home.path, start=PRACTICE)
    note(f"The state is kept in {home.path}; go on with: syncdoctor check {PRACTICE} --home {home.path}")
    return 0


def _step(name: str, command: str) -> None:
    say()
    say(f"== {name}: {command}")


def _tell(chosen: Session, step: str) -> None:
    match step:
        case "check":
            show_checkup(chosen, run_check_or_raise(chosen, quiet=False, chain=True))
        case "plan":
            with chosen.reading() as workspace:
                conflicts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM conflict"))
                show_plan(chosen, plan_counts(workspace), conflicts, ())
        case "sync":
            _tell_sync(chosen)
        case "verify":
            show_verification(chosen, run_verify(chosen, (), chain=True))
        case "report":
            report(chosen, as_json=False, folder=None, reveal=False)


def _tell_sync(chosen: Session) -> None:
    """The first sync goes in stages. Where the portal refuses so much that a stage halts it, the rest follows at once."""
    try:
        counts, result = run_sync(chosen, Wish(), chain=True)
    except ReleaseHalted as halted:
        fail(halted, as_json=False)
        say(
            "Here a person looks and decides. The story goes on: what was refused stays out, the rest is written at once."
        )
        _step("sync", f"syncdoctor sync {chosen.name} --at-once")
        counts, result = run_sync(chosen, Wish(staged=False), chain=True)
    show_sync(chosen, counts, result.run)
    show_checkup(chosen, result)
