"""`explain`: one contact through every gate, from what the last check saw; its findings through time and its waivers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.runs import utc_now
from engine.visible import visible
from engine.waivers import Waiver, waived, waivers_of
from tui.commands.repairing import change_document, show_change
from tui.commands.session import Session, announce_open_questions
from tui.commands.whom import meant
from tui.output import document, say, table
from tui.through_time import ALL_WAIVED, finding_line, waiver_line

if TYPE_CHECKING:
    from diagnostics.contested import Contested
    from diagnostics.explain import Explanation
    from diagnostics.past.findings import PastFinding, Seen


def explain(chosen: Session, who: str, *, as_json: bool) -> int:
    """Explains one contact. Exit code 1 if something keeps it from syncing that is not waived. Raises ConfigurationError for
    nobody or several."""
    from diagnostics.explain import explain as examine
    from diagnostics.past.findings import findings_until

    now = utc_now()
    with chosen.reading() as workspace:
        announce_open_questions(workspace, chosen.name)
        contact = meant(workspace, who)
        answer = examine(workspace, chosen.connection, contact, prove=True)
        last = int(workspace.value("SELECT coalesce(max(run_id), 0) FROM examination"))
        findings = findings_until(workspace, contact, last)
        concerning = waivers_of(workspace, contact)
        accepted = bool(waived(workspace, now, contact))
    if as_json:
        content = {
            "findings": [finding_document(one) for one in findings],
            "waived": accepted,
            "waivers": [waiver_document(one, now) for one in concerning],
        }
        document({"connection": chosen.name, **explanation_document(answer), **content})
    else:
        show_explanation(answer)
        show_findings(findings)
        show_waivers(concerning, now, accepted=accepted)
    return int(answer.state != "in_sync" and not accepted)


def finding_document(finding: PastFinding) -> dict[str, Any]:
    """A finding through time as documented in docs/json.md."""

    def seen(one: Seen | None) -> dict[str, Any] | None:
        return None if one is None else {"run": one.run, "at": one.at}

    return {
        "fingerprint": finding.fingerprint,
        "code": finding.code,
        "field": finding.field,
        "state": finding.state,
        "blocking": finding.blocking,
        "first_seen": seen(finding.first_seen),
        "last_seen": seen(finding.last_seen),
        "resolved": seen(finding.resolved),
        "came_back": [seen(one) for one in finding.came_back],
    }


def waiver_document(waiver: Waiver, now: datetime) -> dict[str, Any]:
    """A waiver as documented in docs/json.md; owner and reason are people's own words."""
    return {
        "number": waiver.number,
        "code": waiver.code,
        "field": waiver.field,
        "hubspot_id": waiver.hubspot_id,
        "app_id": waiver.app_id,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "created_at": waiver.created_at,
        "until": waiver.until,
        "standing": waiver.standing(now),
        "ended_at": waiver.ended_at,
    }


def show_findings(findings: Sequence[PastFinding]) -> None:
    """Since when each finding is there, and the ones that are resolved."""
    if not findings:
        return

    say("Findings through time")
    for one in findings:
        say(f"  {finding_line(one)}")


def show_waivers(concerning: Sequence[Waiver], now: datetime, *, accepted: bool) -> None:
    """What somebody accepts of this contact, or did until it expired."""
    for one in concerning:
        say(waiver_line(one, now))
    if accepted:
        say(ALL_WAIVED)


def explanation_document(answer: Explanation) -> dict[str, Any]:
    """An explanation as documented in docs/json.md; it holds the contact's values, since they were asked for by name."""
    return {
        "hubspot_id": answer.hubspot_id,
        "app_id": answer.app_id,
        "state": answer.state,
        "cause": answer.cause,
        "sentence": answer.sentence,
        "remedy": answer.remedy,
        "then": list(answer.then),
        "smallest_change": change_document(answer.change, answer.hubspot_id or answer.app_id or "WHO"),
        "gates": [
            {
                "code": gate.code,
                "title": gate.title,
                "passed": gate.passed,
                "decides": gate.decides,
                "evidence": list(gate.evidence),
            }
            for gate in answer.gates
        ],
        "fields": [
            {
                "name": field.name,
                "hubspot": field.hubspot_value,
                "app": field.app_value,
                "base": {"hubspot": field.base_hubspot, "app": field.base_app},
                "to_write": field.to_write,
                "note": field.note,
                "contested": _contested(field.contested),
            }
            for field in answer.fields
        ],
        "pairing": {"matched_by": answer.pairing.by or None, "linked_at": answer.pairing.linked_at},
        "in_list": None
        if answer.membership is None
        else {"member": answer.membership.member, "since": answer.membership.since or None},
        "history": list(answer.history),
        "certain": None
        if answer.certain is None
        else {
            "certainty": answer.certain.certainty,
            "reasons": list(answer.certain.reasons),
            "stuck": answer.certain.stuck,
        },
    }


def _contested(contested: Contested | None) -> dict[str, Any] | None:
    if contested is None:
        return None
    return {
        "hubspot": {"changed_at": contested.hubspot_changed_at or None, "source": contested.hubspot_source},
        "app": {"changed_at": contested.app_changed_at or None},
        "undecided": contested.undecided or None,
    }


def show_explanation(answer: Explanation) -> None:
    """An explanation as text."""
    say(visible(answer.sentence))
    ids = [visible(record or "(no record)") for record in (answer.hubspot_id, answer.app_id)]
    say(f"  HubSpot {ids[0]}, app {ids[1]}, {visible(answer.email or 'no e-mail')}")
    say(f"  {visible(answer.pairing.sentence, 300)}")
    if answer.membership:
        say(f"  {visible(answer.membership.sentence, 300)}")
    say(f"  To do: {visible(answer.remedy)}")
    if answer.certain:
        say(f"  {answer.certain.certainty.capitalize()}: {visible(answer.certain.reasons[0], 400)}")
        for reason in answer.certain.reasons[1:]:
            say(f"    {visible(reason, 400)}")
    if answer.then:
        say(f"  Then still in the way: {', '.join(answer.then)}")
    if answer.change:
        show_change(answer.change, answer.hubspot_id or answer.app_id or "WHO")
    say("Gates, in order")
    marks = {True: "ok", False: "!!", None: "??"}
    for gate in answer.gates:
        say(f"  {marks[gate.passed]} {gate.code:<20}{'<- decides' if gate.decides else ''}".rstrip())
        for line in gate.evidence:
            say(f"       {visible(line)}")
    say("Mapped fields")
    empty = "(empty)"

    def shown(value: str | None) -> str:
        return visible(value, 30) if value else ("-" if value is None else empty)

    rows = [["field", "HubSpot", "app", "would be written", ""]]
    rows += [
        [field.name, shown(field.hubspot_value), shown(field.app_value), visible(field.to_write, 40), field.note]
        for field in answer.fields
    ]
    table(rows)
    for field in answer.fields:
        if field.contested:
            say(f"  {field.name}: {visible(field.contested.sentence())}")
    if answer.history:
        say("History")
        for line in answer.history:
            say(f"  {visible(line)}")
