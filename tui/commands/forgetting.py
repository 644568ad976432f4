"""`forget`: keeps an erased person away and removes their values from the workspace; writes to neither side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, Stopped
from engine.lock import locked
from engine.runs import close_abandoned_runs
from engine.visible import visible
from engine.workspace import Workspace, explained
from tui.commands.session import Session, recorded
from tui.commands.writing import on_terminal
from tui.notation import plural
from tui.output import document, note, say

if TYPE_CHECKING:
    from engine.forgetting import Person

REASON = "forgotten by command"
NAMED = 10


def forget(chosen: Session, who: str, *, as_json: bool, yes: bool) -> int:
    """Forgets a person, after showing what that means and asking; where nobody can be asked, `yes` is needed.

    With `as_json` nobody is asked: without `yes` the plan is all there is, with exit code 1.

    Raises ConfigurationError if nobody is known by that id and it is no e-mail address, Stopped if not confirmed.
    """
    from engine.forgetting import forget_person, known_as

    with _at_work(chosen) as workspace:
        person = known_as(workspace, who)
        if not person.keys:
            raise ConfigurationError(
                "nobody with an address is known by this, and it is no e-mail address itself",
                where=f"forget {chosen.name}",
                remedy="Give the e-mail address, or an id of a contact that the last check saw.",
            )
        if as_json and not yes:
            document({"connection": chosen.name, "forgotten": _entry(person), "done": False})
            note(f"Nothing was changed; syncdoctor forget {chosen.name} WHO --json --yes does it.")
            return 1
        if not as_json:
            _show(chosen, person)
        _confirm(chosen, asked=yes)
        with recorded(workspace, "forget") as run:
            forget_person(run, person, REASON)
    if as_json:
        document({"connection": chosen.name, "forgotten": _entry(person), "done": True})
    else:
        say("Done. Files that were written before (reports, saved plans, copies) are not touched.")
    return 0


def remember(chosen: Session, who: str, *, as_json: bool) -> int:
    """Takes a person off the list of erased people, by one of the addresses. Raises ConfigurationError if it is not on it."""
    from engine.forgetting import lift

    with _at_work(chosen) as workspace, recorded(workspace, "forget") as run:
        if not lift(run, who.strip()):
            raise ConfigurationError(
                "this address is not on the list of erased people",
                where=f"forget {chosen.name} --undo",
                remedy="Give the e-mail address exactly as the record has it; ids are not on the list.",
            )
    if as_json:
        document({"connection": chosen.name, "lifted": 1})
    else:
        say(
            f"The address is off the list, and those that came there with it. The next check reads its records anew: syncdoctor check {chosen.name}"
        )
    return 0


@contextmanager
def _at_work(chosen: Session) -> Iterator[Workspace]:
    chosen.home.prepare()
    with explained(chosen.path), locked(chosen.path, "forget"), Workspace(chosen.path) as workspace:
        close_abandoned_runs(workspace)
        yield workspace


def _show(chosen: Session, person: Person) -> None:
    say(f"{chosen.name}: this is what forgetting does")
    records = ", ".join(visible(record) for record in person.records[:NAMED]) or "none in the workspace"
    more = f" and {len(person.records) - NAMED} more" if len(person.records) > NAMED else ""
    say(f"  records      {records}{more}")
    say(f"  on the list  {plural(len(person.keys), 'address', 'addresses')} in hashed form that nobody can read")
    say("  removed      their values from this workspace: mirror, base, journal, findings, conflicts, plan")
    say("  from now on  no record with such an address is created or written, on either side")
    say("  not done     nothing is deleted in HubSpot or the app; delete the records there yourself")
    say("  undo         --undo with one of the addresses lifts all; values of earlier runs do not come back")


def _entry(person: Person) -> dict[str, int]:
    return {"contacts": len(person.contacts), "addresses": len(person.keys)}


def _confirm(chosen: Session, *, asked: bool) -> None:
    if asked:
        return
    if not on_terminal():
        raise Stopped(
            "not confirmed; nothing was changed",
            where=f"forget {chosen.name}",
            remedy="Nobody can be asked here: add --yes to go on. Values that were removed do not come back.",
        )
    note("Type forget to go on, anything else to leave everything as it is:")
    if sys.stdin.readline().strip() != "forget":
        raise Stopped("not confirmed; nothing was changed", where=f"forget {chosen.name}")
