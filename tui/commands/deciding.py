"""`conflicts` and `decide`: what both sides changed, with its evidence, and deciding it."""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from engine.decisions import Conflict, decidable, decide
from engine.decisions import conflicts as stored
from engine.errors import ConfigurationError, Stopped
from engine.runs import utc_now
from engine.schema import Side
from engine.visible import masked, visible
from engine.workspace import Workspace, explained
from tui.commands.session import Session, recorded
from tui.commands.whom import meant
from tui.commands.writing import on_terminal
from tui.notation import plural
from tui.output import count, document, note, say, table

EXAMPLES = 5
REASONS = {
    "first_meeting": "differ since they met",
    "both_changed": "changed on both sides",
    "consent": "one side allows, the other says nothing",
    "loop": "kept flipping; waits",
}


def conflicts(chosen: Session, *, as_json: bool, values: bool) -> int:
    """Lists the stored conflicts by field. Exit code 1 if there are any."""
    with chosen.reading() as workspace:
        found = stored(workspace)
    grouped = [(field, list(group)) for field, group in groupby(found, key=lambda one: one.field)]
    if as_json:
        fields = [
            {"field": field, "conflicts": len(group), "contacts": [_entry(one, values=values) for one in group]}
            for field, group in grouped
        ]
        document({"connection": chosen.name, "conflicts": len(found), "fields": fields})
        return int(bool(found))
    say(f"{chosen.name}: {plural(len(found), 'field')} in conflict, left as they are on both sides")
    for field, group in grouped:
        reasons = ", ".join(f"{number} {REASONS.get(reason, reason)}" for reason, number in _reasons(group))
        say(f"{visible(field)}: {count(len(group))} ({reasons})")
        _show(group, values=values)
    if found:
        say(
            f"Decide: syncdoctor decide {chosen.name} WHO --winner hubspot (or app; --field F --all for all of a field)"
        )
    return int(bool(found))


def decide_conflicts(
    chosen: Session, who: str, *, field: str, everything: bool, winner: Side, as_json: bool, yes: bool
) -> int:
    """Stores which side wins; the next sync writes it. Raises ConfigurationError for what is no conflict, if neither
    WHO nor --all is given, or on an observed connection; Stopped if the answer on a terminal is not the number of conflicts."""
    from engine.brakes import refuse_observed
    from engine.lock import locked

    refuse_observed(chosen.connection)

    if bool(who) == everything:
        raise ConfigurationError(
            "give either a contact or --all", where="decide", remedy="WHO is an e-mail address or an id; see --help."
        )
    with chosen.reading() as workspace:
        contact = meant(workspace, who) if who else None
        planned, left = decidable(workspace, winner, contact=contact, field=field)
    if not as_json:
        _show_plan(planned, left, winner)
        _ask(chosen, len(planned), asked=yes)
    with explained(chosen.path), locked(chosen.path, "decide"), Workspace(chosen.path) as workspace:
        # Anew under the lock: a run may have changed what is in conflict.
        found, _ = decidable(workspace, winner, contact=contact, field=field)
        same = set(planned)
        counts: dict[str, object] = {}
        with recorded(workspace, "decide", counts):
            decided = decide(workspace, [one for one in found if one in same], winner, at=utc_now(), by=_user())
            counts["decided"] = decided
    if as_json:
        fields = [
            {"field": name, "conflicts": number} for name, number in sorted(Counter(c.field for c in planned).items())
        ]
        document(
            {"connection": chosen.name, "winner": winner, "decided": decided, "left_alone": left, "fields": fields}
        )
    else:
        say(f"{count(decided)} decided. Nothing was written yet; the next sync does: syncdoctor sync {chosen.name}")
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _ask(chosen: Session, number: int, *, asked: bool) -> None:
    if asked or not on_terminal():
        return
    note(f"Type {number} to decide them, anything else to leave them:")
    if sys.stdin.readline().strip().replace(",", "") != str(number):
        raise Stopped("not confirmed; nothing was decided", where=f"decide {chosen.name}")


def _show_plan(planned: Sequence[Conflict], left: int, winner: Side) -> None:
    name = "HubSpot's value" if winner == "hubspot" else "the app's value"
    say(f"{plural(len(planned), 'conflict')} would be decided: {name} wins")
    for field, group in groupby(planned, key=lambda one: one.field):
        some = list(group)
        say(f"{visible(field)}: {count(len(some))}")
        _show(some[:EXAMPLES], values=False)
    if left:
        say(f"{count(left)} are left alone: consent is never loosened")


def _show(group: Sequence[Conflict], *, values: bool) -> None:
    rows = [["contact", "HubSpot", "changed", "by", "app", "changed", ""]]
    rows += [
        [
            visible(one.hubspot_id or one.app_id),
            _shown(one.hubspot_value, values=values),
            visible(one.hubspot_changed_at[:16]),
            visible(one.hubspot_source, 30),
            _shown(one.app_value, values=values),
            visible(one.app_changed_at[:16]),
            f"decided: {one.decided}" if one.decided else "",
        ]
        for one in group
    ]
    table(rows)


def _shown(value: str, *, values: bool) -> str:
    if not value:
        return "(empty)"
    return visible(value, 30) if values else masked(value)


def _reasons(group: Sequence[Conflict]) -> list[tuple[str, int]]:
    return Counter(one.reason for one in group).most_common()


def _entry(one: Conflict, *, values: bool) -> dict[str, Any]:
    def side(value: str, changed_at: str, source: str) -> dict[str, Any]:
        shown = visible(value) if values else masked(value)
        return {"value": shown if value else "", "changed_at": changed_at or None, "source": source}

    return {
        "hubspot_id": one.hubspot_id,
        "app_id": one.app_id,
        "hubspot": side(one.hubspot_value, one.hubspot_changed_at, one.hubspot_source),
        "app": side(one.app_value, one.app_changed_at, one.app_source),
        "reason": one.reason,
        "decided": one.decided or None,
    }
