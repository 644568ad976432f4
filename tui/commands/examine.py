"""`check`, `plan`, `sync`, `verify`: the long work, each as one run."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigurationError, Stopped
from engine.gates import STATES
from engine.runs import iso, utc_now
from engine.visible import masked, visible
from engine.workspace import Workspace
from tui.commands.session import Session, conduct
from tui.home import write_private
from tui.output import count, document, fail, note, say, table

if TYPE_CHECKING:
    from diagnostics.checkup import Checkup
    from diagnostics.verify import VerificationResult
    from engine.connectors import Connector
    from engine.observe import Sides
    from engine.runs import Run

ANSWER_COLUMNS = ("hubspot_id", "app_id", "email", "state", "cause")


def check(chosen: Session, *, as_json: bool, contacts: Path | None) -> int:
    """Examines both sides and shows counts per state and cause. Exit code 1 if something is to be acted on."""
    result = run_check(chosen, quiet=as_json)
    if contacts is not None:
        write_contacts(chosen, contacts)
    if as_json:
        document({"connection": chosen.name, **checkup_document(result)})
    else:
        show_checkup(chosen, result)
    if result.refusal is not None:
        return fail(result.refusal, as_json=False)
    return int(result.to_act_on)


def run_check(chosen: Session, *, quiet: bool = False) -> Checkup:
    """The check itself, as a run."""
    from diagnostics.checkup import check as examine

    def code(result: Checkup) -> int:
        return result.refusal.exit_code if result.refusal else int(result.to_act_on)

    return conduct(
        chosen,
        "check",
        lambda run, sides: examine(run, chosen.connection, sides),
        exit_code=code,
        counts=lambda result: dict(result.states.items()),
        quiet=quiet,
    )


def checkup_document(result: Checkup) -> dict[str, Any]:
    """A check as documented in docs/json.md."""

    def rows(counts: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            {"code": row.code, "state": row.state, "contacts": row.contacts, "title": row.title, "remedy": row.remedy}
            for row in counts
        ]

    return {
        "run": result.run,
        "population": result.population,
        "states": {state: result.states[state] for state in STATES},
        "causes": rows(result.causes),
        "reported": rows(result.reported),
        "connection_findings": [
            {"code": f.code, "state": f.state, "blocking": f.blocking, "contacts": f.contacts, "evidence": f.rule}
            for f in result.connection_findings
        ],
        "writes": dict(result.writes),
        "unreadable": None
        if result.refusal is None
        else {"code": result.refusal.code, "what": result.refusal.what, "where": result.refusal.where},
    }


def show_checkup(chosen: Session, result: Checkup) -> None:
    """A check as text."""
    say(f"{chosen.name}: {count(result.population)} contacts examined")
    table([[state, count(result.states[state])] for state in STATES], right=frozenset({1}))
    if result.causes:
        say("Causes")
        table([[row.state, row.code, count(row.contacts), row.title] for row in result.causes], right=frozenset({2}))
    if result.reported:
        say("Reported, stopping nobody")
        table([["", row.code, count(row.contacts), row.title] for row in result.reported], right=frozenset({2}))
    for finding in result.connection_findings:
        say(f"The connection: {finding.code}: {visible(finding.rule)}")


def write_contacts(chosen: Session, path: Path) -> None:
    """One line per contact with both ids, e-mail, state and cause.

    Control characters are made visible, and a cell that a spreadsheet would take for a formula gets a leading `'`.
    """
    with chosen.reading() as workspace:
        rows = workspace.rows(f"SELECT {', '.join(ANSWER_COLUMNS)} FROM contacts ORDER BY id")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(ANSWER_COLUMNS)
    writer.writerows([_cell(value) for value in row] for row in rows)
    write_private(path, buffer.getvalue().encode("utf-8", "backslashreplace"))
    note(f"{len(rows):,} contacts written to {path}")


def _cell(value: str | None) -> str:
    shown = visible(value or "", limit=1_000)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") else shown


def plan(chosen: Session, *, as_json: bool, values: bool, save: Path | None) -> int:
    """Shows what a sync would write. Exit code 1 if there is anything."""
    run_check_or_raise(chosen, quiet=as_json)
    with chosen.reading() as workspace:
        operations = _operations(workspace, values=values)
        conflicts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM conflict"))
        counts = plan_counts(workspace)
        if save is not None:
            _save_plan(chosen, workspace, save, counts)
    if as_json:
        content = {"connection": chosen.name, "writes": counts["writes"], "counts": counts, "conflicts": conflicts}
        document({**content, "operations": operations})
    else:
        show_plan(chosen, counts, conflicts, operations[:10])
    return int(counts["writes"] > 0 or conflicts > 0)


def run_check_or_raise(chosen: Session, *, quiet: bool) -> Checkup:
    """A check whose sides could be read. Raises the AccessError otherwise."""
    result = run_check(chosen, quiet=quiet)
    if result.refusal is not None:
        raise result.refusal
    return result


def plan_counts(workspace: Workspace) -> dict[str, int]:
    """What the stored plan would write."""
    from engine.cycle import planned_counts

    return planned_counts(workspace)


def show_plan(
    chosen: Session, counts: Mapping[str, int], conflicts: int, examples: Sequence[Mapping[str, Any]]
) -> None:
    """A plan as text, with a few examples."""
    app = chosen.connection.app.name
    say(f"{chosen.name}: {count(counts['writes'])} contacts would be written")
    table(
        [
            ["create in HubSpot", count(counts["creates_hubspot"])],
            [f"create in {app}", count(counts["creates_app"])],
            ["update in HubSpot", count(counts["updates_hubspot"])],
            [f"update in {app}", count(counts["updates_app"])],
            ["fields emptied", count(counts["clears"])],
            ["conflicts left alone", count(conflicts)],
        ],
        right=frozenset({1}),
    )
    if examples:
        say("Examples" if counts["writes"] > len(examples) else "Writes")
        for operation in examples:
            record = operation["hubspot_id"] or operation["app_id"]
            fields = ", ".join(
                f"{f['field']}: {f['before'] or 'empty'} -> {f['value']}" for f in operation["fields"][:3]
            )
            more = f" and {len(operation['fields']) - 3} more" if len(operation["fields"]) > 3 else ""
            say(f"  {operation['kind']} in {operation['side']}, contact {record}: {fields}{more}")


def _operations(workspace: Workspace, *, values: bool) -> list[dict[str, Any]]:
    def shown(value: str) -> str:
        return visible(value) if values else masked(value)

    operations: dict[tuple[int, str], dict[str, Any]] = {}
    for row in workspace.rows(
        "SELECT p.*, c.hubspot_id, c.app_id FROM planned_write p JOIN contact c ON c.id = p.contact_id "
        "ORDER BY p.kind, p.side, p.contact_id, p.field"
    ):
        operation = operations.setdefault(
            (row["contact_id"], row["side"]),
            {
                "side": row["side"],
                "kind": row["kind"],
                "hubspot_id": row["hubspot_id"],
                "app_id": row["app_id"],
                "fields": [],
            },
        )
        before = shown(row["before"]) if row["before"] else ""
        operation["fields"].append({"field": row["field"], "before": before, "value": shown(row["value"])})
    return list(operations.values())


def _save_plan(chosen: Session, workspace: Workspace, path: Path, counts: Mapping[str, int]) -> None:
    from engine.cycle import plan_digest

    saved = {
        "format": 1,
        "plan": plan_digest(workspace),
        "connection": chosen.name,
        "made_at": iso(utc_now()),
        "counts": counts,
    }
    write_private(path, json.dumps(saved, indent=2).encode())
    note(f"The plan is saved in {path}; syncdoctor sync {chosen.name} --plan {path} writes exactly it or refuses.")


def saved_digest(path: Path, name: str) -> str:
    """The digest in a saved plan. Raises ConfigurationError if the file is no plan of this connection."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        digest, connection = str(content["plan"]), str(content["connection"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            "this is not a saved plan", where=str(path), remedy=f"Make one: syncdoctor plan {name} --save FILE"
        ) from None
    if connection != name:
        raise ConfigurationError(
            f"this plan is for the connection {visible(connection)!r}", where=str(path), remedy="Choose the right file."
        )
    return digest


def sync(chosen: Session, *, as_json: bool, plan_file: Path | None) -> int:
    """Writes what the plan holds and shows what became of it. Exit code 1 if a write was refused or is in doubt."""
    digest = saved_digest(plan_file, chosen.name) if plan_file else ""
    counts, result = run_sync(chosen, digest=digest, quiet=as_json)
    if as_json:
        document({"connection": chosen.name, **counts, "after": checkup_document(result)})
    else:
        show_sync(chosen, counts)
        show_checkup(chosen, result)
    return int(counts["refused"] + counts["in_doubt"] + counts["not_applied"] > 0 or result.states["conflict"] > 0)


def confirm_sync(chosen: Session, *, asked: bool) -> None:
    """On a terminal: shows the plan and asks before anything is written. Elsewhere the call itself is the consent.

    Raises Stopped if the answer is not the number of writes.
    """
    if asked or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    run_check_or_raise(chosen, quiet=False)
    with chosen.reading() as workspace:
        counts = plan_counts(workspace)
        conflicts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM conflict"))
        show_plan(chosen, counts, conflicts, _operations(workspace, values=False)[:10])
    if counts["writes"]:
        note(f"Type {counts['writes']} to write these contacts, anything else to leave them:")
        if sys.stdin.readline().strip().replace(",", "") != str(counts["writes"]):
            raise Stopped("not confirmed; nothing was written", where=f"sync {chosen.name}")


def run_sync(chosen: Session, *, digest: str = "", quiet: bool = False) -> tuple[Mapping[str, int], Checkup]:
    """The sync itself, as a run."""
    from diagnostics.checkup import synchronise

    def code(result: tuple[Mapping[str, int], Checkup]) -> int:
        counts = result[0]
        return int(counts["refused"] + counts["in_doubt"] + counts["not_applied"] > 0)

    return conduct(
        chosen,
        "sync",
        lambda run, sides: synchronise(run, chosen.connection, sides, expected_digest=digest),
        exit_code=code,
        counts=lambda result: {**result[0], **dict(result[1].states.items())},
        quiet=quiet,
    )


def show_sync(chosen: Session, counts: Mapping[str, int]) -> None:
    """What a sync did, as text."""
    say(f"{chosen.name}: {count(counts['writes'])} writes")
    table(
        [[name.replace("_", " "), count(number)] for name, number in counts.items() if name != "writes"],
        right=frozenset({1}),
    )


def verify(chosen: Session, *, as_json: bool, named: Sequence[str]) -> int:
    """The three verifications and the unexplained differences. Exit code 1 if one fails or a difference is unexplained."""
    result = run_verify(chosen, named, quiet=as_json)
    if as_json:
        document({"connection": chosen.name, **verification_document(result)})
    else:
        show_verification(chosen, result)
    return _verify_code(result)


def _verify_code(result: VerificationResult) -> int:
    return int(result.unexplained > 0 or any(item.status == "failed" for item in result.verifications))


def run_verify(chosen: Session, named: Sequence[str], *, quiet: bool = False) -> VerificationResult:
    """The verification itself, as a run."""
    from diagnostics.verify import verify as examine
    from engine.errors import WorkspaceError

    if not chosen.path.exists():
        raise WorkspaceError(
            "nothing has been examined yet for this connection",
            where=str(chosen.path),
            remedy=f"Run: syncdoctor check {chosen.name}",
        )

    async def work(run: Run, sides: Sides) -> VerificationResult:
        app: Connector = sides.app
        schemas = {"hubspot": await sides.hubspot.describe(), "app": await app.describe()}
        return await examine(run, chosen.connection, sides.hubspot, app, schemas, named)  # type: ignore[arg-type]

    return conduct(
        chosen,
        "verify",
        work,
        exit_code=_verify_code,
        counts=lambda result: {"unexplained": result.unexplained, **result.differences},
        quiet=quiet,
    )


def verification_document(result: VerificationResult) -> dict[str, Any]:
    """A verification as documented in docs/json.md; `missing` names ids, states and causes, no addresses."""
    return {
        "verifications": [
            {
                "name": item.name,
                "status": item.status,
                "expected": item.expected,
                "found": item.found,
                "missing": [
                    {
                        "hubspot_id": missing.hubspot_id,
                        "app_id": missing.app_id,
                        "state": missing.reason_state,
                        "cause": missing.reason_cause,
                        "existing": list(missing.existing),
                    }
                    for missing in item.missing
                ],
                "note": item.note,
            }
            for item in result.verifications
        ],
        "differences": dict(result.differences),
        "unexplained": result.unexplained,
    }


def show_verification(chosen: Session, result: VerificationResult) -> None:
    """A verification as text."""
    say(f"{chosen.name}: verification")
    for item in result.verifications:
        found = f"{count(item.found or 0)} of {count(item.expected or 0)}" if item.expected is not None else ""
        say(f"  {item.name:<12} {item.status:<14} {found}  {visible(item.note)}".rstrip())
        reasons: dict[str, int] = {}
        for missing in item.missing:
            reason = f"{missing.reason_state} {missing.reason_cause}".strip() or "unexplained"
            reasons[reason] = reasons.get(reason, 0) + 1
        for reason, number in sorted(reasons.items(), key=lambda pair: -pair[1]):
            say(f"      missing {count(number)}: {visible(reason)}")
    for name, number in result.differences.items():
        say(f"  differences, {name}: {count(number)}")
    say(f"  unexplained differences: {count(result.unexplained)}")
