"""What was found: contacts per state and cause, the four self-checks of the source document, the smallest examples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from diagnostics.causes import CAUSES, list_disagreement, rules_unreadable
from diagnostics.causes.refusals import PREFIX
from diagnostics.past.since import CauseTimes, cause_times
from diagnostics.report.known_causes import cause_of
from diagnostics.report.model import CauseLine, CodeCount, Evidence, Example, Question, WholeFinding
from diagnostics.report.moments import moment
from diagnostics.report.personal import is_choice, personal_values
from diagnostics.report.subject import Source
from engine.gates import STATES
from engine.sqlite import sqlite3
from engine.waivers import waived

EXAMPLES = 3
Letter = Literal["a", "b", "c", "d"]

SELF_CHECKS: tuple[tuple[Letter, str, str], ...] = (
    (
        "a",
        "E-mail address",
        "Verfügen die Kontakte, die Sie synchronisieren möchten, jeweils über eine E-Mail-Adresse?",
    ),
    (
        "b",
        "Unwanted data and opt-in",
        "Enthalten diese Kontaktdata unerwünschte Daten? Verfügen sie über den richtigen Opt-in-Status?",
    ),
    (
        "c",
        "Inclusion list",
        "Eignen sich die angegebenen Listenkriterien für Ihr konkretes Ziel? "
        "Wann haben Sie die Liste zum letzten Mal aktualisiert?",
    ),
    (
        "d",
        "Field validation",
        "Gelten für eine der Plattformen Feldvalidierungskriterien, etwa in Form von Pflichtfeldern oder "
        "Formatierungsbeschränkungen? Erfüllen Ihre Daten diese Validierungskriterien?",
    ),
)

_NOT_TOLD = (rules_unreadable.CODE, list_disagreement.CODE)
"""What concerns the connection as a whole and says that something could not be looked at."""
_AREAS: dict[str, tuple[str, ...]] = {"b": ("subscription",), "c": ("list",)}


def states(source: Source) -> dict[str, int]:
    """Contacts per state, all six; a contact without a verdict is unknown. They add up to the population."""
    counts = dict.fromkeys(STATES, 0)
    for row in source.workspace.rows(
        "SELECT coalesce(v.state, 'unknown') AS state, count(*) AS contacts FROM contact c "
        "LEFT JOIN verdict v ON v.contact_id = c.id GROUP BY 1"
    ):
        counts[row["state"]] += row["contacts"]
    return {str(state): count for state, count in counts.items()}


def causes(source: Source, now: datetime) -> tuple[CauseLine, ...]:
    """Deciding causes, most contacts first, then what is only reported."""
    accepted = waived(source.workspace, now)
    times = cause_times(source.workspace)
    deciding = source.workspace.rows(
        "SELECT cause AS code, state, count(*) AS contacts, 1 AS blocking FROM verdict WHERE cause <> '' GROUP BY 1, 2 "
        "ORDER BY 3 DESC, 1"
    )
    reported = source.workspace.rows(
        "SELECT code, state, count(DISTINCT contact_id) AS contacts, 0 AS blocking FROM open_findings "
        "WHERE blocking = 0 GROUP BY 1, 2 ORDER BY 3 DESC, 1"
    )
    return (
        *(_cause_line(source, row, times, accepted.get((row["state"], row["code"]), 0)) for row in deciding),
        *(_cause_line(source, row, times) for row in reported),
    )


def _cause_line(source: Source, row: sqlite3.Row, times: Mapping[str, CauseTimes], accepted: int = 0) -> CauseLine:
    known = cause_of(row["code"])
    seen = times.get(row["code"])
    return CauseLine(
        code=source.mask.text(row["code"]),
        state=row["state"],
        contacts=row["contacts"],
        blocking=bool(row["blocking"]),
        title=known.title,
        remedy=known.to_do(source.connection),
        fixed_by=known.fixed_by,
        nature=known.nature,
        waived=accepted,
        first_seen=moment(seen.first_seen.at, source.zone) if seen else None,
        newest=moment(seen.newest.at, source.zone) if seen else None,
    )


def _whole_rows(source: Source) -> list[sqlite3.Row]:
    return source.workspace.rows(
        "SELECT * FROM side_finding WHERE run_id = (SELECT max(run_id) FROM run_state) ORDER BY blocking DESC, code"
    )


def whole_findings(source: Source) -> tuple[WholeFinding, ...]:
    """What the last check found about the connection as a whole."""
    return tuple(
        WholeFinding(
            code=source.mask.text(row["code"]),
            state=row["state"],
            blocking=bool(row["blocking"]),
            contacts=row["contacts"],
            title=cause_of(row["code"]).title,
            evidence=source.mask.text("; ".join(filter(None, (row["value"], row["rule"])))),
            remedy=cause_of(row["code"]).to_do(source.connection),
        )
        for row in _whole_rows(source)
    )


def questions(source: Source) -> tuple[Question, ...]:
    """The four documented causes: found, ruled out, or not checked and why."""
    found = source.workspace.rows(
        "SELECT f.code, f.state, count(DISTINCT f.contact_id) AS contacts, "
        "count(DISTINCT CASE WHEN v.cause = f.code THEN f.contact_id END) AS deciding "
        "FROM open_findings f JOIN verdict v ON v.contact_id = f.contact_id WHERE f.blocking = 1 GROUP BY 1, 2"
    )
    whole = _whole_rows(source)
    reported = {
        row["code"] for row in source.workspace.rows("SELECT DISTINCT code FROM open_findings WHERE blocking = 0")
    }
    reported |= {row["code"] for row in whole if not row["blocking"]}
    return tuple(_question(source, letter, found, whole, reported) for letter, _, _ in SELF_CHECKS)


def _question(
    source: Source,
    letter: Letter,
    found: Sequence[sqlite3.Row],
    whole: Sequence[sqlite3.Row],
    reported: Collection[str],
) -> Question:
    _, subject, sentence = next(check for check in SELF_CHECKS if check[0] == letter)
    mine = [row for row in found if cause_of(row["code"]).question == letter and row["state"] != "unknown"]
    codes = tuple(sorted({row["code"] for row in mine}))
    contacts = 0
    if codes:
        contacts = source.workspace.value(
            "SELECT count(DISTINCT contact_id) FROM open_findings WHERE blocking = 1 AND state <> 'unknown' "
            f"AND code IN ({', '.join('?' * len(codes))})",
            codes,
        )
    concerns = [
        row
        for row in whole
        if cause_of(row["code"]).question == letter and row["blocking"] and row["state"] not in ("unknown", "in_sync")
    ]
    unchecked = tuple(dict.fromkeys(_unchecked(source, letter, found, whole)))
    answer: Literal["found", "ruled out", "could not be checked"] = (
        "found" if contacts or concerns else "could not be checked" if unchecked else "ruled out"
    )
    counted: dict[str, tuple[int, int]] = {}
    for row in mine:
        contacts_so_far, deciding = counted.get(row["code"], (0, 0))
        counted[row["code"]] = (contacts_so_far + row["contacts"], deciding + row["deciding"])
    for row in concerns:
        counted.setdefault(row["code"], (row["contacts"], 0))
    return Question(
        letter=letter,
        subject=subject,
        sentence=sentence,
        answer=answer,
        contacts=contacts or max((row["contacts"] for row in concerns), default=0),
        codes=tuple(
            CodeCount(code=code, contacts=count, deciding=deciding)
            for code, (count, deciding) in sorted(counted.items(), key=lambda item: (-item[1][0], item[0]))
        ),
        looked_for=tuple(entry.code for entry in CAUSES if entry.question == letter and entry.code not in reported),
        remarks=_remarks(source) if letter == "c" else (),
        unchecked=unchecked,
    )


def _remarks(source: Source) -> tuple[str, ...]:
    """When the list was last updated: the second half of the third self-check."""
    if not source.connection.scope.list:
        return ("The connection names no inclusion list: every contact is meant.",)
    inclusion = source.situation.inclusion if source.situation else None
    if inclusion is None:
        return ()
    criteria, members = (
        moment(at, source.zone) for at in (inclusion.criteria_updated_at, inclusion.members_changed_at)
    )
    return (
        f"Criteria last edited: {criteria.utc if criteria else 'not known'}; "
        f"newest membership: {members.utc if members else 'not known'}.",
    )


def _unchecked(source: Source, letter: Letter, found: Sequence[sqlite3.Row], whole: Sequence[sqlite3.Row]) -> list[str]:
    """Why a question, or a part of it, was not looked at."""
    if source.situation is None or not source.workspace.value("SELECT count(*) FROM verdict"):
        return ["nothing was examined yet"]
    reasons = [
        source.mask.text(f"a side could not be read: {row['rule']}")
        for row in whole
        if cause_of(row["code"]).question == "access" and row["state"] == "unknown"
    ]
    reasons += [
        source.mask.text(source.situation.unavailable[area])
        for area in _AREAS.get(letter, ())
        if area in source.situation.unavailable
    ]
    reasons += [
        source.mask.text(row["rule"])
        for row in whole
        if row["code"] in _NOT_TOLD and row["state"] == "unknown" and cause_of(row["code"]).question == letter
    ]
    reasons += [
        f"{row['contacts']} contacts could not be examined ({row['code']})"
        for row in found
        if row["state"] == "unknown" and cause_of(row["code"]).question == letter
    ]
    if letter == "b" and source.connection.opt_in is None:
        reasons.append("the connection names no opt-in rule")
    return reasons


def examples(source: Source) -> tuple[Example, ...]:
    """For each deciding cause at most three contacts, those with the fewest findings first."""
    chosen = source.workspace.rows(
        "SELECT * FROM (SELECT c.id, c.hubspot_id, c.app_id, c.email, v.state, v.cause, row_number() OVER ("
        "PARTITION BY v.state, v.cause ORDER BY coalesce(n.findings, 0), c.id) AS place "
        "FROM verdict v JOIN contact c ON c.id = v.contact_id "
        "LEFT JOIN (SELECT contact_id, count(*) AS findings FROM open_findings GROUP BY contact_id) n "
        "ON n.contact_id = v.contact_id WHERE v.cause <> '') WHERE place <= ? ORDER BY state, cause, place",
        (EXAMPLES,),
    )
    return tuple(_example(source, row) for row in chosen)


def _example(source: Source, row: sqlite3.Row) -> Example:
    return Example(
        state=row["state"],
        cause=source.mask.text(row["cause"]),
        hubspot_id=source.mask.text(row["hubspot_id"] or ""),
        app_id=source.mask.text(row["app_id"] or ""),
        email=source.mask.email(row["email"]),
        evidence=(*_findings(source, row["id"]), *_conflicts(source, row["id"])),
    )


def _findings(source: Source, contact: int) -> list[Evidence]:
    rows = source.workspace.rows(
        "SELECT f.*, r.started_at FROM open_findings f LEFT JOIN run r ON r.id = f.first_run "
        "WHERE f.contact_id = ? AND f.blocking = 1 ORDER BY f.code, f.field",
        (contact,),
    )
    return [
        Evidence(
            code=source.mask.text(row["code"]),
            field=source.mask.text(row["field"]),
            value=_evidence(source, contact, row),
            rule=source.mask.text(row["rule"]),
            first_seen=moment(row["started_at"], source.zone),
        )
        for row in rows
    ]


def _evidence(source: Source, contact: int, row: sqlite3.Row) -> str:
    """The offending value masked, unless it is a choice that the sides offer or the list's name; a server's words are
    kept but for the contact's own values in them."""
    field, value = row["field"], row["value"]
    if row["code"].startswith(PREFIX):
        return source.mask.text(value, personal_values(source, contact))
    if is_choice(source, field, value) or (value and not field and cause_of(row["code"]).question == "c"):
        return source.mask.text(value)
    return source.mask.value(value) if field or value else ""


def _conflicts(source: Source, contact: int) -> list[Evidence]:
    rows = source.workspace.rows("SELECT * FROM conflict WHERE contact_id = ? ORDER BY field", (contact,))
    return [
        Evidence(
            code="conflict",
            field=source.mask.text(row["field"]),
            value=f"HubSpot {source.mask.value(row['hubspot_value'])}, app {source.mask.value(row['app_value'])}",
            rule=f"changed in HubSpot {row['hubspot_changed_at']}, in the app {row['app_changed_at']}",
            first_seen=None,
        )
        for row in rows
    ]
