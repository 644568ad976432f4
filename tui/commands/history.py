"""`history`: who wrote a contact's fields, when and by what, and whether it will happen again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.errors import WorkspaceError
from engine.visible import masked, visible
from tui.commands.session import Session, conduct
from tui.commands.whom import meant
from tui.output import document, fail, say, table

if TYPE_CHECKING:
    from diagnostics.history.again import Outlook
    from diagnostics.history.consent import Consent
    from diagnostics.history.entry import Entry
    from diagnostics.history.reading import ContactTimeline, FieldTimeline
    from engine.observe import Sides
    from engine.runs import Run

SHOWN = 12
SIDES = {"hubspot": "HubSpot", "app": "app"}
WORDS = {"yes": "yes", "maybe": "maybe", "unlikely": "probably not", "no": "no", "unknown": "not known"}


def history(chosen: Session, who: str, *, field: str, as_json: bool, values: bool) -> int:
    """Shows the timeline of a contact's mapped fields. Exit code 3 if a side could not be read; the rest is shown all the same.

    Raises ConfigurationError for nobody, several, or a field that is not mapped; WorkspaceError if nothing was examined yet.
    """
    from diagnostics.history.consent import consent_of
    from diagnostics.history.reading import chosen_mappings, timeline_of

    if not chosen.path.exists():
        raise WorkspaceError(
            "nothing has been examined yet for this connection", where=str(chosen.path),
            remedy=f"Run: syncdoctor check {chosen.name}",
        )  # fmt: skip
    mappings = chosen_mappings(chosen.connection, field)
    with chosen.reading() as workspace:
        contact = meant(workspace, who)

    async def work(run: Run, sides: Sides) -> ContactTimeline:
        found = await timeline_of(run.workspace, chosen.connection, sides, contact, mappings)
        if field or found.hubspot_id is None:
            return found
        return replace(found, consent=await consent_of(sides.hubspot, found.hubspot_id))

    result = conduct(
        chosen, "history", work, exit_code=lambda one: one.refusal.exit_code if one.refusal else 0,
        counts=lambda one: {"entries": sum(len(field.entries) for field in one.fields)}, quiet=as_json,
    )  # fmt: skip
    if as_json:
        document({"connection": chosen.name, **history_document(result, values=values)})
    else:
        show_history(chosen, result, who, values=values)
    return fail(result.refusal, as_json=False) if result.refusal else 0


def history_document(result: ContactTimeline, *, values: bool) -> dict[str, Any]:
    """A timeline as documented in docs/json.md."""
    return {
        "hubspot_id": result.hubspot_id,
        "app_id": result.app_id,
        "former_ids": list(result.former_ids),
        "fields": [
            {
                "name": field.name, "hubspot": field.hubspot_field, "app": field.app_field, "suspended": field.suspended,
                "entries": [_entry(one, values=values) for one in field.entries],
                "again": [_outlook(one, values=values) for one in field.again],
            }
            for field in result.fields
        ],
        "traces": [{"at": one.at, "what": one.what} for one in result.traces],
        "consent": _consent(result.consent, values=values),
        "remarks": list(result.remarks),
        "unreadable": None
        if result.refusal is None
        else {"code": result.refusal.code, "what": result.refusal.what, "where": result.refusal.where},
    }  # fmt: skip


def _consent(found: Consent | None, *, values: bool) -> dict[str, Any] | None:
    if found is None:
        return None
    told = {"true": True, "false": False}
    return {
        "unsubscribed_from_all": told.get(found.opted_out),
        "marketing_contact": told.get(found.marketing),
        "subscriptions": None
        if found.subscriptions is None
        else [
            {
                "name": one.name, "status": one.status, "at": one.at or None, "source": one.source or None,
                "legal_basis": one.legal_basis or None, "explanation": _value(one.explanation, values=values) or None,
            }
            for one in found.subscriptions
        ],
        "remarks": list(found.remarks),
    }  # fmt: skip


def _entry(one: Entry, *, values: bool) -> dict[str, Any]:
    return {
        "at": one.at or None, "since": one.since or None, "side": one.side, "value": _value(one.value, values=values),
        "kind": one.kind, "by": one.by, "run": one.run, "note": one.note, "in_force": one.in_force,
    }  # fmt: skip


def _outlook(one: Outlook, *, values: bool) -> dict[str, Any]:
    spellings = {"ours": _value(one.ours, values=values), "theirs": _value(one.theirs, values=values)}
    return {
        "side": one.side, "word": one.word, "because": one.because, "by": one.by, "times": one.times, "of": one.of,
        "spellings": spellings if one.ours else None,
    }  # fmt: skip


def _value(value: str | None, *, values: bool) -> str | None:
    if not value:
        return value
    return visible(value) if values else masked(value)


def show_history(chosen: Session, result: ContactTimeline, who: str, *, values: bool) -> None:
    """A timeline as text."""
    ids = [visible(record or "(no record)") for record in (result.hubspot_id, result.app_id)]
    say(f"Who wrote this: HubSpot {ids[0]}, app {ids[1]}")
    if result.former_ids:
        say(f"  merged into it: {', '.join(map(visible, result.former_ids))}")
    silent = [field for field in result.fields if not field.entries]
    for field in result.fields:
        if field.entries:
            _show_field(field, values=values, whole=len(result.fields) == 1)
    if silent:
        say(f"Nothing is known of: {', '.join(visible(field.name, 60) for field in silent)}")
    if result.traces:
        say("The app tells of the record")
        table([[one.at, visible(one.what)] for one in result.traces])
    if result.consent:
        _show_consent(result.consent, values=values)
    for remark in result.remarks:
        say(f"Note: {visible(remark)}")
    if len(result.fields) > 1:
        say("One field: --field NAME. Values: --values.")


def _show_consent(found: Consent, *, values: bool) -> None:
    told = {"true": "yes", "false": "no", "": "no value"}
    say("Consent in HubSpot now")
    say(f"  unsubscribed from all e-mail: {told.get(found.opted_out, visible(found.opted_out, 40))}")
    say(
        f"  marketing contact: {told.get(found.marketing, visible(found.marketing, 40))} (billing; no consent, and no API sets it)"
    )
    for one in found.subscriptions or ():
        parts = [one.status.lower().replace("_", " ")]
        parts += [f"{one.at[:16]} by {one.source or 'nobody named'}"] if one.at else []
        parts += [f"legal basis {one.legal_basis}"] if one.legal_basis else []
        parts += [f"explained: {one.explanation if values else masked(one.explanation)}"] if one.explanation else []
        say(f"  {visible(one.name, 60)}: {visible(', '.join(parts), 300)}")
    for remark in found.remarks:
        say(f"  {visible(remark)}")


def _show_field(field: FieldTimeline, *, values: bool, whole: bool) -> None:
    say(f"{visible(field.hubspot_field, 60)} = {visible(field.app_field, 60)}")
    table([_line(one, values=values) for one in field.entries[:SHOWN]])
    if len(field.entries) > SHOWN:
        say(f"  and {len(field.entries) - SHOWN} more; --json lists all")
    for one in field.again:
        if one.word == "unknown" and not whole:
            continue
        say(f"  Again on the side of {SIDES[one.side]}? {WORDS[one.word].capitalize()}: {visible(one.because)}.")
        if one.ours:
            theirs, ours = (visible(value, 40) if values else masked(value) for value in (one.theirs, one.ours))
            say(
                f"    Only the spelling differs: {theirs} there, {ours} is what we write. See: syncdoctor causes field-loop"
            )


def _line(one: Entry, *, values: bool) -> list[str]:
    moment = one.at or "(no time told)"
    if one.since:
        moment = f"after {one.since}"
    if one.value is None:
        value = "(no text)"
    else:
        value = "(empty)" if not one.value else visible(one.value, 40) if values else masked(one.value)
    return [moment, SIDES[one.side], value, f"{visible(one.by, 80)}{f'; {visible(one.note)}' if one.note else ''}"]
