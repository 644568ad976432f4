"""`retry`: what a server refused is tried again with the next sync, before its own time has come. Writes to neither side."""

from __future__ import annotations

from collections import Counter

from engine.errors import ConfigurationError
from engine.lock import locked
from engine.visible import visible
from engine.workspace import Workspace, explained
from tui.commands.session import Session, recorded
from tui.commands.whom import meant
from tui.notation import plural
from tui.output import document, say


def retry(chosen: Session, who: str, *, cause: str, since: str, everything: bool, as_json: bool) -> int:
    """Wakes refused writes of a contact, of a class of refusals, since a time, or all; several choices have to hold together.

    Raises ConfigurationError without any choice, for a cause that is no class of refusals, for nobody or several, for what is
    no time, and on an observed connection.
    """
    from diagnostics.causes.refusals import CLASSES
    from diagnostics.held_back import ERASED, held_back
    from diagnostics.past.moment import account_zone, beginning_of
    from engine.brakes import refuse_observed
    from engine.quarantine import wake

    refuse_observed(chosen.connection)
    if everything == bool(who or cause or since):
        raise ConfigurationError(
            "give a contact, --cause, --since, or --all",
            where="retry",
            remedy=f"What waits and why: syncdoctor check {chosen.name}",
        )
    codes = [one.code for one in CLASSES if one.code != ERASED]
    if cause and cause not in codes:
        raise ConfigurationError(
            "this is no class of refusals that can be tried again",
            where=visible(cause, 60),
            remedy=f"There are: {', '.join(codes)}.",
        )
    with chosen.reading() as workspace:
        contact = meant(workspace, who) if who else None
        moment = beginning_of(since, account_zone(workspace, chosen.connection)) if since else None
    counts: dict[str, object] = {}
    with explained(chosen.path), locked(chosen.path, "retry"), Workspace(chosen.path) as workspace:
        found = held_back(workspace, contact=contact, code=cause, since=moment)
        with recorded(workspace, "retry", counts), workspace.transaction() as sql:
            wake(sql, ((one.contact, one.side, one.field) for one in found))
            counts["woken"] = len(found)
    contacts = len({one.contact for one in found})
    if as_json:
        sides = Counter(one.side for one in found)
        document({"connection": chosen.name, "woken": len(found), "contacts": contacts, "sides": dict(sides)})
    elif found:
        say(f"{plural(len(found), 'refused write')} of {plural(contacts, 'contact')} will be tried again.")
        say(
            f"Nothing was written yet; see what would be: syncdoctor plan {chosen.name}, then syncdoctor sync {chosen.name}"
        )
    else:
        say("Nothing that a server refused waits here.")
    return 0
