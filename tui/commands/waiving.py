"""`waive`, `waivers` and `unwaive`: findings that somebody accepts until a date. They change no verdict and no write."""

from __future__ import annotations

import difflib
from typing import Any

from engine.errors import ConfigurationError
from engine.lock import locked
from engine.runs import utc_now
from engine.schema import SIDES
from engine.situation import recall
from engine.visible import visible
from engine.waivers import Waiver, concerned
from engine.waivers import unwaive as take_back
from engine.waivers import waive as accept
from engine.waivers import waivers as stored
from engine.workspace import Workspace, explained
from tui.commands.explaining import waiver_document
from tui.commands.session import Session, recorded
from tui.commands.whom import meant
from tui.notation import moment, plural
from tui.output import document, say

LONGEST = {"--owner": 200, "--reason": 1_000}


def waive(
    chosen: Session, code: str, who: str, *, field: str, owner: str, reason: str, until: str, as_json: bool
) -> int:
    """Accepts the findings of a cause, of one of its fields, or of one contact. Raises ConfigurationError for an unknown cause,
    field or contact, an end that is not in the future, and a waiver without owner or reason."""
    from diagnostics.past.moment import account_zone, moment_of

    _refuse_cause(code)
    for name, text in (("--owner", owner), ("--reason", reason)):
        if len(text) > LONGEST[name]:
            raise ConfigurationError(f"longer than {LONGEST[name]} characters", where=name, remedy="Say it shorter.")
    now = utc_now()
    with chosen.reading() as workspace:
        _refuse_field(workspace, chosen, code, field)
        end = moment_of(until, account_zone(workspace, chosen.connection))
        records = _records(workspace, meant(workspace, who)) if who else {}
    with explained(chosen.path), locked(chosen.path, "waive"), Workspace(chosen.path) as workspace:
        with recorded(workspace, "waive"):
            made = accept(workspace, code, field=field, records=records, owner=owner, reason=reason, until=end, now=now)
        contacts = concerned(workspace, made)
    if as_json:
        document({"connection": chosen.name, "waiver": waiver_document(made, now), "contacts": contacts})
        return 0
    say(f"Waiver {made.number}: {_scope(made)} accepted until {moment(made.until)}, {plural(contacts, 'contact')} now")
    say("No verdict changes; they are counted as waived, never as passing.")
    return 0


def waivers(chosen: Session, *, as_json: bool) -> int:
    """Lists the waivers; ended ones only in JSON. Exit code 1 if one has expired and was not taken back."""
    now = utc_now()
    with chosen.reading() as workspace:
        found = [(one, concerned(workspace, one)) for one in stored(workspace)]
    expired = any(one.standing(now) == "expired" for one, _ in found)
    if as_json:
        document(
            {
                "connection": chosen.name,
                "waivers": [{**waiver_document(one, now), "contacts": contacts} for one, contacts in found],
            }
        )
        return int(expired)
    shown = [(one, contacts) for one, contacts in found if one.standing(now) != "ended"]
    if not shown:
        say(f"{chosen.name}: nothing is waived")
    for one, contacts in shown:
        ends = "until" if one.standing(now) == "active" else "EXPIRED"
        say(f"{one.number}: {_scope(one)}, {plural(contacts, 'contact')}, {ends} {moment(one.until)}")
        say(f"  {visible(one.owner, 60)}, {moment(one.created_at)}: {visible(one.reason, 300)}")
    return int(expired)


def unwaive(chosen: Session, number: int, *, as_json: bool) -> int:
    """Takes a waiver back. Raises ConfigurationError if there is none with this number."""
    with chosen.reading():  # Says what to do if nothing was examined yet.
        pass
    now = utc_now()
    with (
        explained(chosen.path),
        locked(chosen.path, "unwaive"),
        Workspace(chosen.path) as workspace,
        recorded(workspace, "unwaive"),
    ):
        ended = take_back(workspace, number, now)
    if as_json:
        document({"connection": chosen.name, "unwaived": number})
    else:
        say(f"Waiver {number} is taken back: {_scope(ended)}")
    return 0


def _scope(waiver: Waiver) -> str:
    ids = [
        f"{name} {visible(record)}"
        for name, record in (("HubSpot", waiver.hubspot_id), ("app", waiver.app_id))
        if record
    ]
    return ", ".join((waiver.code, *([visible(waiver.field, 60)] if waiver.field else []), *ids))


def _records(workspace: Workspace, contact: int) -> dict[str, Any]:
    return dict(workspace.rows("SELECT hubspot_id, app_id FROM contact WHERE id = ?", (contact,))[0])


def _refuse_cause(code: str) -> None:
    from diagnostics.causes import CAUSES

    codes = [entry.code for entry in CAUSES if entry.question != "access"]
    if code in codes:
        return
    near = difflib.get_close_matches(code, codes, n=1)
    known = any(entry.code == code for entry in CAUSES)
    raise ConfigurationError(
        "a side that cannot be read cannot be waived" if known else "there is no such cause",
        where=visible(code, 60),
        remedy=f"Did you mean {near[0]!r}?" if near and not known else "List them: syncdoctor causes",
    )


def _refuse_field(workspace: Workspace, chosen: Session, code: str, field: str) -> None:
    """A waiver for a field that is not there would never count, and nobody would notice."""
    if not field:
        return
    schemas = recall(workspace, chosen.connection).schemas
    known = [mapping.name for mapping in chosen.connection.mappings]
    if code != "conflict":
        known = [f"{side}.{name}" for side in SIDES for name in (*schemas[side].fields, "id")]
        known += [row["field"] for row in workspace.rows("SELECT DISTINCT field FROM finding WHERE code = ?", (code,))]
    if field not in known:
        near = difflib.get_close_matches(field, known, n=1)
        raise ConfigurationError(
            "there is no such field",
            where=f"--field {visible(field, 60)}",
            remedy=f"Did you mean {near[0]!r}?"
            if near
            else "Findings name it as hubspot.NAME or app.NAME; see explain.",
        )
