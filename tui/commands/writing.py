"""`plan` and `sync`: what would be written, and writing it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigurationError, Stopped
from engine.losses import USUAL, Demand
from engine.runs import iso, utc_now
from engine.visible import masked, visible
from engine.workspace import Workspace
from tui.commands.checking import checkup_document, run_check_or_raise, show_checkup
from tui.commands.session import Session, conduct
from tui.home import write_private
from tui.output import count, document, note, say, table

if TYPE_CHECKING:
    from diagnostics.checkup import Checkup


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


def sync(chosen: Session, *, as_json: bool, plan_file: Path | None, yes: bool, demand: Demand = USUAL) -> int:
    """Writes what the plan holds and shows what became of it. Exit code 1 if a write was refused or is in doubt."""
    digest = saved_digest(plan_file, chosen.name) if plan_file else confirmed_digest(chosen, asked=yes or as_json)
    counts, result = run_sync(chosen, digest=digest, quiet=as_json, demand=demand)
    if as_json:
        document({"connection": chosen.name, **counts, "after": checkup_document(result)})
    else:
        show_sync(chosen, counts)
        show_checkup(chosen, result)
    return int(_left_over(counts) > 0 or result.states["conflict"] > 0)


def _left_over(counts: Mapping[str, int]) -> int:
    return counts["refused"] + counts["in_doubt"] + counts["not_applied"] + counts["changed_meanwhile"]


def confirmed_digest(chosen: Session, *, asked: bool) -> str:
    """On a terminal: shows the plan and asks before anything is written. Elsewhere the call itself is the consent.

    Returns the digest of the plan that was confirmed, empty if nothing was asked. Raises Stopped if the answer is not
    the number of writes.
    """
    from engine.cycle import plan_digest

    if asked or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return ""
    run_check_or_raise(chosen, quiet=False)
    with chosen.reading() as workspace:
        counts = plan_counts(workspace)
        conflicts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM conflict"))
        show_plan(chosen, counts, conflicts, _operations(workspace, values=False)[:10])
        digest = plan_digest(workspace)
    if counts["writes"]:
        note(f"Type {counts['writes']} to write these contacts, anything else to leave them:")
        if sys.stdin.readline().strip().replace(",", "") != str(counts["writes"]):
            raise Stopped("not confirmed; nothing was written", where=f"sync {chosen.name}")
    return digest


def run_sync(
    chosen: Session, *, digest: str = "", quiet: bool = False, chain: bool = False, demand: Demand = USUAL
) -> tuple[Mapping[str, int], Checkup]:
    """The sync itself, as a run."""
    from diagnostics.checkup import synchronise

    def code(result: tuple[Mapping[str, int], Checkup]) -> int:
        counts = result[0]
        return int(_left_over(counts) > 0)

    return conduct(
        chosen,
        "sync",
        lambda run, sides: synchronise(run, chosen.connection, sides, expected_digest=digest, demand=demand),
        exit_code=code,
        counts=lambda result: {**result[0], **dict(result[1].states.items())},
        quiet=quiet,
        chain=chain,
    )


def show_sync(chosen: Session, counts: Mapping[str, int]) -> None:
    """What a sync did, as text."""
    say(f"{chosen.name}: {count(counts['writes'])} writes")
    table(
        [[name.replace("_", " "), count(number)] for name, number in counts.items() if name != "writes"],
        right=frozenset({1}),
    )
