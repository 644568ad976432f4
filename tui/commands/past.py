"""`explain --at` and `diff`: one contact as it was, and what changed between two examinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.gates import STATES
from engine.runs import utc_now
from engine.visible import masked, masked_email, visible
from tui.commands.explaining import finding_document, show_findings
from tui.commands.session import Session
from tui.notation import moment, plural
from tui.output import count, document, note, say, table

if TYPE_CHECKING:
    from diagnostics.past.difference import Difference, FindingCount, Move, Verdict
    from diagnostics.past.moment import Examined
    from diagnostics.past.situation import Change
    from diagnostics.past.then import KnownValue, Then

SHOWN = 30
MANY = 100_000
"""With more contacts a comparison may take longer than a second."""
_SIDES = {"hubspot": "HubSpot", "app": "the app"}
_HOW = {
    "unchanged": "the record was not changed since {at}",
    "written": "as run {run} wrote it, {at}",
    "found": "as run {run} found it before it wrote, {at}",
}
_WHAT = {"resolved": "resolved", "new": "new", "came_back": "came back", "changed": "by another rule"}


def explain_at(chosen: Session, who: str, at: str, *, as_json: bool, values: bool) -> int:
    """Explains one contact as it was at a time or in a run. Exit code 1 if something kept it from syncing then.

    Raises ConfigurationError for nobody, several, or a time before the first examination or in the future.
    """
    from diagnostics.past.moment import account_zone, examination
    from diagnostics.past.then import explain_then

    with chosen.reading() as workspace:
        zone = account_zone(workspace, chosen.connection)
        examined = examination(workspace, at, zone=zone, now=utc_now())
        then = explain_then(workspace, chosen.connection, who, examined)
    if as_json:
        document({"connection": chosen.name, **then_document(then, values=values)})
    else:
        show_then(then, values=values)
    return int(then.state != "in_sync")


def then_document(then: Then, *, values: bool) -> dict[str, Any]:
    """A contact of the past as documented in docs/json.md."""
    return {
        "examined": _examined(then.examined),
        "hubspot_id": then.hubspot_id,
        "app_id": then.app_id,
        "state": then.state,
        "cause": then.cause,
        "sentence": then.sentence,
        "since": {"run": then.since.run, "at": then.since.at},
        "findings": [finding_document(one) for one in then.findings],
        "values": [
            {
                "side": one.side,
                "field": one.field,
                "value": _shown(one, values=values),
                "how": one.how,
                "run": one.run,
                "at": one.at,
            }
            for one in then.values
        ],
        "not_known": list(then.not_known),
    }


def show_then(then: Then, *, values: bool) -> None:
    """A contact of the past as text."""
    from diagnostics.past.then import past_sentence

    examined = then.examined
    say(f"As of run {examined.run} ({examined.command}), {moment(examined.at)}")
    say(visible(then.sentence))
    ids = [visible(record or "(no record)") for record in (then.hubspot_id, then.app_id)]
    say(f"  HubSpot {ids[0]}, app {ids[1]}; so since run {then.since.run}, {moment(then.since.at)}")
    found = [one for one in then.findings if one.resolved is None]
    for one in found:
        mark = "!!" if one.blocking else "--"
        say(f"  {mark} {one.code:<20}{'<- decides' if one.blocking and one.code == then.cause else ''}".rstrip())
        say(f"       {visible(past_sentence(one))}")
    if examined.unread:
        say("  A side could not be read then: what the examination before had found was not looked at.")
    show_findings(then.findings)
    if then.values:
        say("Values known of then")
    for value in then.values:
        how = _HOW[value.how].format(run=value.run, at=moment(value.at))
        say(f"  {_SIDES[value.side]}'s {visible(value.field, 60)}: {_shown(value, values=values)} ({how})")
    if then.not_known:
        say("Not known any more: what these fields held then")
        say(f"  {', '.join(visible(name, 60) for name in then.not_known)}")


def _shown(value: KnownValue, *, values: bool) -> str:
    if not value.value:
        return "(empty)"
    return visible(value.value, 200) if values else masked(value.value)


def diff(
    chosen: Session, before: str, after: str, *, contacts: bool, limit: int, as_json: bool, values: bool = False
) -> int:
    """Shows what changed between two examinations, the last two without a choice. Exit code 1 if a contact got worse: moved to,
    or new in, failing, conflict or unknown.

    Raises ConfigurationError for what is no examination, or if the first is the later one.
    """
    from diagnostics.past.difference import difference
    from diagnostics.past.moment import account_zone, two_examinations

    with chosen.reading() as workspace:
        zone = account_zone(workspace, chosen.connection)
        earlier, later = two_examinations(workspace, before, after, zone=zone, now=utc_now())
        if max(earlier.contacts, later.contacts) > MANY and not as_json:
            note("comparing …")
        found = difference(workspace, earlier, later, examples=limit if contacts else 0)
    if as_json:
        document({"connection": chosen.name, **diff_document(found, values=values)})
    else:
        show_diff(chosen, found, contacts=contacts, values=values)
    return int(found.worse > 0)


def diff_document(found: Difference, *, values: bool = False) -> dict[str, Any]:
    """A comparison as documented in docs/json.md. Addresses are masked without `values`."""

    def verdict(one: Verdict) -> dict[str, str]:
        return {"state": one[0], "cause": one[1]}

    def findings(counts: tuple[FindingCount, ...]) -> list[dict[str, Any]]:
        return [{"what": one.what, "code": one.code, "field": one.field, "contacts": one.contacts} for one in counts]

    return {
        "from": _examined(found.before),
        "to": _examined(found.after),
        "states": {state: {"then": found.states_then[state], "now": found.states_now[state]} for state in STATES},
        "moves": [
            {
                "then": verdict(move.then),
                "now": verdict(move.now),
                "contacts": move.contacts,
                "why": findings(move.why),
                "written": move.written,
                "changed_in": dict(move.changed_in),
                "joined": move.joined,
                "named": [
                    {"hubspot_id": one.hubspot_id, "app_id": one.app_id, "email": _address(one.email, values=values)}
                    for one in move.examples
                ],
            }
            for move in found.moves
        ],
        "unmoved": found.unmoved,
        "findings_only": found.findings_only,
        "findings": findings(found.findings),
        "situation": [
            {
                "part": one.part,
                "key": one.key,
                "then": one.then,
                "now": one.now,
                "added": list(one.added),
                "removed": list(one.removed),
            }
            for one in found.situation
        ],
        "runs": [
            {"run": one.run, "command": one.command, "state": one.state, "writes": one.writes} for one in found.runs
        ],
        "worse": found.worse,
    }


def show_diff(chosen: Session, found: Difference, *, contacts: bool, values: bool = False) -> None:
    """A comparison as text. Addresses are masked without `values`."""
    before, after = found.before, found.after
    say(f"{chosen.name}: from run {before.run} ({before.command}), {moment(before.at)}")
    say(f"  to run {after.run} ({after.command}), {moment(after.at)}")
    rows = [["", "then", "now", ""]]
    for state in STATES:
        then, now = found.states_then[state], found.states_now[state]
        rows.append([state, count(then), count(now), f"{now - then:+,}" if now != then else ""])
    rows.append(["together", count(sum(found.states_then.values())), count(sum(found.states_now.values())), ""])
    table(rows, right=frozenset({1, 2, 3}))
    if not found.moves:
        say(f"No contact moved: {plural(found.unmoved, 'contact')} as before")
    else:
        say(f"Moved ({count(found.unmoved)} as before)")
    for move in found.moves[:SHOWN]:
        _show_move(move, contacts=contacts, values=values)
    if len(found.moves) > SHOWN:
        say(f"  and {count(len(found.moves) - SHOWN)} more kinds of moves; --json lists all")
    if found.findings_only:
        say(f"Other findings, the same verdict: {plural(found.findings_only, 'contact')}")
    if found.findings:
        say("Findings over all contacts")
        table(
            [[count(one.contacts), _named(one), _WHAT[one.what]] for one in found.findings[:SHOWN]],
            right=frozenset({0}),
        )
        if len(found.findings) > SHOWN:
            say(f"  and {count(len(found.findings) - SHOWN)} more; --json lists all")
    if found.situation:
        say("Changed around the contacts")
    for change in found.situation[:SHOWN]:
        say(f"  {_changed(change)}")
    if len(found.situation) > SHOWN:
        say(f"  and {count(len(found.situation) - SHOWN)} more; --json lists all")
    for run in found.runs:
        say(f"Run {run.run} ({run.command}, {run.state}) wrote {plural(run.writes, 'record')}")


def _show_move(move: Move, *, contacts: bool, values: bool) -> None:
    say(f"  {count(move.contacts)}: {_verdict(move.then)} -> {_verdict(move.now)}")
    for one in move.why:
        say(f"      {count(one.contacts)}: {_named(one)} {_WHAT[one.what]}")
    if move.written:
        say(f"      {count(move.written)} were written by a run in between")
    for side, number in move.changed_in.items():
        say(f"      {count(number)} or more were changed in {_SIDES[side]}")
    if move.joined:
        say(f"      {count(move.joined)} are part of another contact now")
    for contact in move.examples:
        ids = f"HubSpot {visible(contact.hubspot_id or '-')}, app {visible(contact.app_id or '-')}"
        say(f"      {ids}{f', {_address(contact.email, values=values)}' if contact.email else ''}")
    left = move.contacts - len(move.examples)
    if contacts and left > 0:
        say(f"      and {count(left)} more (--limit)")


def _address(email: str, *, values: bool) -> str:
    return visible(email, 254) if values or not email else masked_email(email)


def _verdict(verdict: Verdict) -> str:
    state, cause = verdict
    return f"{state} ({visible(cause, 60)})" if cause else {"new": "(not there)", "gone": "(gone)"}.get(state, state)


def _named(one: FindingCount) -> str:
    return f"{visible(one.code, 60)}{f' ({visible(one.field, 60)})' if one.field else ''}"


def _changed(change: Change) -> str:
    name = f"{change.where}: {visible(change.key, 80)}"
    if change.added or change.removed:
        parts = [
            f"{word} {', '.join(visible(one, 60) for one in texts[:10])}{' …' if len(texts) > 10 else ''}"
            for word, texts in (("added", change.added), ("removed", change.removed))
            if texts
        ]
        return f"{name}: {'; '.join(parts)}"
    return f"{name}: {visible(change.then, 100) or '(nothing)'} -> {visible(change.now, 100) or '(nothing)'}"


def _examined(one: Examined) -> dict[str, Any]:
    return {"run": one.run, "command": one.command, "at": one.at, "contacts": one.contacts, "unread": one.unread}
