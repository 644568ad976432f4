"""`unlink`: ends the link of a contact whose counterpart is gone; writes to neither side."""

from __future__ import annotations

import sys

from engine.errors import Stopped
from engine.lock import locked
from engine.runs import close_abandoned_runs
from engine.situation import recall
from engine.unlinking import DeadLink, dead_link
from engine.unlinking import unlink as end
from engine.visible import visible
from engine.workspace import Workspace, explained
from tui.commands.session import Session, recorded
from tui.commands.writing import on_terminal
from tui.output import document, note, say

SIDES = {"hubspot": "HubSpot", "app": "the app"}


def unlink(chosen: Session, who: str, *, as_json: bool, yes: bool) -> int:
    """Ends a dead link, after showing what follows and asking; where nobody can be asked, `yes` is needed.

    With `as_json` nobody is asked: without `yes` what would follow is all there is, with exit code 1.

    Raises ConfigurationError if nobody or several fit, or if the link must not be ended; Stopped if not confirmed.
    """
    with chosen.reading():  # Says what to do if nothing was examined yet.
        pass
    with explained(chosen.path), locked(chosen.path, "unlink"), Workspace(chosen.path) as workspace:
        close_abandoned_runs(workspace)
        link = dead_link(workspace, chosen.connection, who)
        schemas = recall(workspace, chosen.connection).schemas
        if as_json and not yes:
            document({"connection": chosen.name, "unlinked": _entry(link), "done": False})
            note(f"Nothing was changed; syncdoctor unlink {chosen.name} WHO --json --yes does it.")
            return 1
        if not as_json:
            _show(chosen, link)
        _confirm(chosen, asked=yes)
        with recorded(workspace, "unlink") as run:
            end(run, schemas, link)
    if as_json:
        document({"connection": chosen.name, "unlinked": _entry(link), "done": True})
    else:
        say(f"Done. Nothing was written to either side; look at it: syncdoctor check {chosen.name}")
    return 0


def _show(chosen: Session, link: DeadLink) -> None:
    gone, left = SIDES[link.gone], SIDES[link.left]
    say(f"{chosen.name}: this is what ending the link does")
    say(f"  gone         record {visible(link.gone_id)}, which is no longer in {gone}")
    say(f"  left         record {visible(link.left_id)} in {left}")
    say("  forgotten    the link, what both records agreed on, decisions and refused values; the journal stays")
    for line in _follows(link, gone, left):
        say(line)
    say("  not done     nothing is written to either side")
    say(f"  instead      restore the record in {gone}; the link goes on by itself (HubSpot keeps contacts for 90 days)")


def _follows(link: DeadLink, gone: str, left: str) -> list[str]:
    match link.then:
        case "matched":
            return [
                f"  then         matched by its address with record {visible(link.successor)} in {gone}, as at a first meeting:",
                "               a field that differs is a conflict unless direction, policy or a person decides",
            ]
        case "several":
            return [
                "  then         not matched: several records have its address; they are named, and nobody is created",
            ]
        case "created":
            return [
                f"  then         nobody in {gone} has its address: the next sync CREATES this person in {gone} AGAIN,",
                f"               unless another cause stops it; delete the record in {left} if the person is to stay deleted",
            ]
        case "alone":
            return [
                f"  then         nobody in {gone} has its address, and it stays alone: the connection creates nothing in {gone}",
            ]


def _entry(link: DeadLink) -> dict[str, object]:
    ids = {f"{link.gone}_id": link.gone_id, f"{link.left}_id": link.left_id}
    return {
        "hubspot_id": ids["hubspot_id"],
        "app_id": ids["app_id"],
        "gone": link.gone,
        "then": link.then,
        "successor": link.successor or None,
    }


def _confirm(chosen: Session, *, asked: bool) -> None:
    if asked:
        return
    if not on_terminal():
        raise Stopped(
            "not confirmed; nothing was changed",
            where=f"unlink {chosen.name}",
            remedy="Nobody can be asked here: add --yes to go on.",
        )
    note("Type unlink to go on, anything else to leave everything as it is:")
    if sys.stdin.readline().strip() != "unlink":
        raise Stopped("not confirmed; nothing was changed", where=f"unlink {chosen.name}")
