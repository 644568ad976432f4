"""`check`: every contact's verdict, counted by state and cause; one line per contact on request."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.gates import STATES
from engine.losses import USUAL, Demand
from engine.visible import visible
from tui.commands.observing import observed_counts, observed_document, show_observed
from tui.commands.session import Session, conduct
from tui.home import refuse_place, write_private
from tui.notation import moment
from tui.output import count, document, fail, note, say, table

if TYPE_CHECKING:
    from diagnostics.checkup import Checkup
    from diagnostics.past.since import CauseTimes
    from diagnostics.unknown_refusals import UnknownRefusal

SHOWN = 10
SIDES = {"hubspot": "HubSpot", "app": "the app"}
ANSWER_COLUMNS: tuple[str, ...] = ("hubspot_id", "app_id", "email", "state", "cause")
_WITH_CERTAINTY = (
    f"SELECT {', '.join(f'v.{name}' for name in ANSWER_COLUMNS)}, c.certainty FROM contacts v LEFT JOIN certainty c "
    "ON c.contact_id = v.id AND c.run_id = v.run_id ORDER BY v.id"
)


def check(chosen: Session, *, as_json: bool, contacts: Path | None, demand: Demand = USUAL) -> int:
    """Examines both sides and shows counts per state and cause. Exit code 1 if something is to be acted on."""
    if contacts is not None:
        refuse_place(contacts)
    result = run_check(chosen, quiet=as_json, demand=demand)
    if as_json:
        document({"connection": chosen.name, **checkup_document(result)})
    else:
        show_checkup(chosen, result)
    if contacts is not None:
        write_contacts(chosen, contacts)
    if result.refusal is not None:
        return fail(result.refusal, as_json=False)
    return int(result.to_act_on)


def run_check(chosen: Session, *, quiet: bool = False, chain: bool = False, demand: Demand = USUAL) -> Checkup:
    """The check itself, as a run."""
    from diagnostics.checkup import check as examine

    def code(result: Checkup) -> int:
        return result.refusal.exit_code if result.refusal else int(result.to_act_on)

    return conduct(
        chosen,
        "check",
        lambda run, sides: examine(run, chosen.connection, sides, demand),
        exit_code=code,
        counts=lambda result: {**dict(result.states.items()), **observed_counts(result.observed)},
        quiet=quiet,
        chain=chain,
    )


def checkup_document(result: Checkup) -> dict[str, Any]:
    """A check as documented in docs/json.md."""

    def rows(counts: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            {
                "code": row.code,
                "state": row.state,
                "contacts": row.contacts,
                "title": row.title,
                "remedy": row.remedy,
                "fixed_by": row.fixed_by,
                "nature": row.nature,
                "waived": row.waived,
                **times_document(result.times.get(row.code)),
            }
            for row in counts
        ]

    return {
        "run": result.run,
        "population": result.population,
        "states": {state: result.states[state] for state in STATES},
        "waived": {state: result.waived.get(state, 0) for state in STATES},
        "expired_waivers": [one.number for one in result.expired_waivers],
        "causes": rows(result.causes),
        "reported": rows(result.reported),
        "gone": [{"code": code, **times_document(one)} for code, one in result.times.items() if not one.open],
        "unknown_refusals": [asdict(one) for one in result.unknown_refusals],
        "connection_findings": [
            {
                "code": f.code,
                "state": f.state,
                "blocking": f.blocking,
                "contacts": f.contacts,
                "evidence": f.rule,
                "waived": f.code in result.waived_causes,
            }
            for f in result.connection_findings
        ],
        "writes": dict(result.writes),
        "observed": observed_document(result.observed),
        "unreadable": None
        if result.refusal is None
        else {"code": result.refusal.code, "what": result.refusal.what, "where": result.refusal.where},
    }


def times_document(times: CauseTimes | None) -> dict[str, Any]:
    """Since when there are contacts with a cause, as documented in docs/json.md; null where only the verdict tells of it."""
    names = ("first_seen", "newest", "last_seen")
    if times is None:
        return dict.fromkeys(names)
    return {name: {"run": seen.run, "at": seen.at} for name in names if (seen := getattr(times, name))}


def _since(result: Checkup, code: str) -> str:
    """When the cause came up first; nothing in the first examination, where everything is new."""
    times = result.times.get(code)
    if times is None or all(one.first_seen.run == result.run for one in result.times.values()):
        return ""
    return "(new)" if times.first_seen.run == result.run else f"(since {times.first_seen.at[:10]})"


def show_checkup(chosen: Session, result: Checkup) -> None:
    """A check as text."""
    say(f"{chosen.name}: {count(result.population)} contacts examined")
    table(
        [[state, count(result.states[state]), _of_these(result.waived.get(state, 0))] for state in STATES],
        right=frozenset({1}),
    )
    if result.causes:
        say("Causes")
        table(
            [
                [
                    row.state,
                    row.code,
                    count(row.contacts),
                    " ".join(filter(None, (row.title, _of_these(row.waived), _since(result, row.code)))),
                ]
                for row in result.causes
            ],
            right=frozenset({2}),
        )
    show_unknown_refusals(result.unknown_refusals)
    if result.reported:
        say("Reported, stopping nobody")
        table(
            [
                [
                    "unknown" if row.state == "unknown" else "",
                    row.code,
                    count(row.contacts),
                    " ".join((row.title, _of_these(row.waived))).strip(),
                ]
                for row in result.reported
            ],
            right=frozenset({2}),
        )
    for finding in result.connection_findings:
        waived = " (waived)" if finding.code in result.waived_causes else ""
        say(f"The connection: {finding.code}{waived}: {visible(finding.rule)}")
    for waiver in result.expired_waivers:
        say(
            f"Expired: waiver {waiver.number} ({waiver.code}, of {visible(waiver.owner, 40)}) ended {moment(waiver.until)}"
        )
    if result.observed is not None:
        show_observed(result.observed)


def _of_these(waived: int) -> str:
    return f"(of these {count(waived)} waived)" if waived else ""


def show_unknown_refusals(groups: Sequence[UnknownRefusal]) -> None:
    """What servers refused in words that fit no class: a line for each signature, and ids to ask their support about."""
    if not groups:
        return
    say("Refused for reasons that are not known (syncdoctor causes refused-unknown)")
    for group in groups[:SHOWN]:
        say(f"  {count(group.contacts)} by {SIDES[group.side]}: {visible(group.signature)}")
        if group.correlation_ids:
            say(f"    correlation ids {', '.join(visible(one) for one in group.correlation_ids)}")
    if len(groups) > SHOWN:
        say(f"  and {count(len(groups) - SHOWN)} more; --json lists all")


def write_contacts(chosen: Session, path: Path) -> None:
    """One line per contact with both ids, e-mail, state and cause; and the certainty where another engine writes.

    Control characters are made visible, and a cell that a spreadsheet would take for a formula gets a leading `'`.
    """
    columns, query = ANSWER_COLUMNS, f"SELECT {', '.join(ANSWER_COLUMNS)} FROM contacts ORDER BY id"
    if chosen.connection.mode == "observed":
        columns, query = (*ANSWER_COLUMNS, "certainty"), _WITH_CERTAINTY
    with chosen.reading() as workspace:
        rows = workspace.rows(query)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    write_private(path, buffer.getvalue().encode("utf-8", "backslashreplace"))
    note(f"{len(rows):,} contacts written to {path}")


def _cell(value: str | None) -> str:
    shown = visible(value or "", limit=1_000)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") else shown


def run_check_or_raise(chosen: Session, *, quiet: bool, chain: bool = False) -> Checkup:
    """A check whose sides could be read. Raises the AccessError otherwise."""
    result = run_check(chosen, quiet=quiet, chain=chain)
    if result.refusal is not None:
        raise result.refusal
    return result
