"""`plan` and `sync`: what would be written, and writing it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from engine.errors import ConfigurationError, Stopped
from engine.losses import USUAL, Demand
from engine.runs import utc_now
from engine.visible import masked, visible
from engine.workspace import Workspace
from tui.commands.checking import checkup_document, show_checkup
from tui.commands.session import Session, conduct
from tui.home import refuse_place, write_private
from tui.notation import plural
from tui.output import count, document, note, say, table
from tui.reading.plan import beyond, open_plan, stages_of

if TYPE_CHECKING:
    from diagnostics.checkup import Checkup
    from engine.observe import Sides
    from engine.runs import Run
    from engine.saved_plan import SavedPlan


def plan(chosen: Session, *, as_json: bool, values: bool, save: Path | None) -> int:
    """Shows what a sync would write. Exit code 1 if there is anything."""
    if save is not None:
        refuse_place(save)
    made = examined_plan(chosen, quiet=as_json)
    with chosen.reading() as workspace:
        brakes = beyond(open_plan(workspace), chosen.connection.brakes)
        operations = _operations(workspace, values=values)
        conflicts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM conflict"))
        counts = plan_counts(workspace)
    if save is not None:
        write_private(save, f"{made.model_dump_json(indent=1)}\n".encode())
        note(f"The plan is saved in {save}; syncdoctor sync {chosen.name} --plan {save} writes exactly it or refuses.")
        note(made.note)
    if as_json:
        content = {"connection": chosen.name, "writes": counts["writes"], "counts": counts, "conflicts": conflicts}
        stopped_by = [{"brake": one.key, "what": one.what} for one in brakes]
        document({**content, "brakes": stopped_by, "operations": operations})
    else:
        show_plan(chosen, counts, conflicts, operations[:10])
        for one in brakes if chosen.connection.mode == "managed" else ():
            say(f"Brake {one.key}: {one.what}; a sync refuses to write")
    return int(counts["writes"] > 0 or conflicts > 0)


def examined_plan(chosen: Session, *, quiet: bool) -> SavedPlan:
    """Examines both sides and gives the plan as it could be saved. Raises the AccessError of a side that cannot be read."""
    from diagnostics.checkup import check as examine
    from engine.saved_plan import make_plan

    async def work(run: Run, sides: Sides) -> tuple[Checkup, SavedPlan]:
        result = await examine(run, chosen.connection, sides)
        return result, make_plan(run, chosen.connection, uuid4().hex)

    result, made = conduct(
        chosen,
        "check",
        work,
        exit_code=lambda done: done[0].refusal.exit_code if done[0].refusal else int(done[0].to_act_on),
        counts=lambda done: dict(done[0].states.items()),
        quiet=quiet,
    )
    if result.refusal is not None:
        raise result.refusal
    return made


def plan_counts(workspace: Workspace) -> dict[str, int]:
    """What the stored plan would write."""
    from engine.verdicts import planned_counts

    return planned_counts(workspace)


def show_plan(
    chosen: Session, counts: Mapping[str, int], conflicts: int, examples: Sequence[Mapping[str, Any]]
) -> None:
    """A plan as text, with a few examples."""
    app, observed = chosen.connection.app.name, chosen.connection.mode == "observed"
    what = "would have to flow; another engine writes here" if observed else "would be written"
    say(f"{chosen.name}: {plural(counts['writes'], 'record')} {what}")
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
            record = visible(operation["hubspot_id"] or operation["app_id"] or "")
            fields = ", ".join(
                f"{f['field']}: {f['before'] or 'empty'} -> {f['value']}" for f in operation["fields"][:3]
            )
            more = f" and {len(operation['fields']) - 3} more" if len(operation["fields"]) > 3 else ""
            where = "HubSpot" if operation["side"] == "hubspot" else app
            say(f"  {operation['kind']} in {where}, contact {record}: {fields}{more}")


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


@dataclass(frozen=True)
class Wish:
    """How a sync is to write: a saved plan, in stages or at once (None: in stages the first time), brakes accepted once,
    and how to observe."""

    plan_file: Path | None = None
    max_age_hours: float | None = None
    staged: bool | None = None
    accepted: tuple[str, ...] = ()
    demand: Demand = USUAL


def sync(chosen: Session, wish: Wish, *, as_json: bool, yes: bool) -> int:
    """Writes what the plan holds and shows what became of it. Exit code 1 if a write was refused or is in doubt."""
    from engine.brakes import Volume, brake, refuse_observed
    from engine.saved_plan import MAX_AGE_HOURS, read_plan

    refuse_observed(chosen.connection)
    brake(chosen.connection, Volume(), wish.accepted)  # refuses names that are no brakes before anything is read
    if wish.plan_file is not None:
        age = MAX_AGE_HOURS if wish.max_age_hours is None else wish.max_age_hours
        saved: SavedPlan | None = read_plan(wish.plan_file, chosen.connection, utc_now(), age)
    elif wish.max_age_hours is not None:
        raise ConfigurationError(
            "--max-age says how old a saved plan may be", where="--max-age", remedy="Give --plan FILE."
        )
    else:
        saved = confirmed_plan(chosen, asked=yes or as_json)
    counts, result = run_sync(chosen, wish, saved=saved, quiet=as_json)
    if as_json:
        with chosen.reading() as workspace:
            stages = [asdict(stage) for stage in stages_of(workspace, result.run)]
        document({"connection": chosen.name, **counts, "stages": stages, "after": checkup_document(result)})
    else:
        show_sync(chosen, counts, result.run)
        show_checkup(chosen, result)
    return int(_left_over(counts) > 0 or result.states["conflict"] > 0)


def _left_over(counts: Mapping[str, int]) -> int:
    return counts["refused"] + counts["in_doubt"] + counts["not_applied"] + counts["changed_meanwhile"]


def confirmed_plan(chosen: Session, *, asked: bool) -> SavedPlan | None:
    """On a terminal: shows the plan and asks before anything is written. Elsewhere the call itself is the consent.

    Returns the plan that was confirmed, None if nothing was asked. Raises Stopped if the answer is not the number of writes.
    """
    if asked or not on_terminal():
        return None
    made = examined_plan(chosen, quiet=False)
    with chosen.reading() as workspace:
        counts = plan_counts(workspace)
        conflicts = int(workspace.value("SELECT count(DISTINCT contact_id) FROM conflict"))
        show_plan(chosen, counts, conflicts, _operations(workspace, values=False)[:10])
    if counts["writes"]:
        ask_for(counts["writes"], where=f"sync {chosen.name}")
    return made


def on_terminal() -> bool:
    """Whether somebody is there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_for(writes: int, *, where: str) -> None:
    """Asks for the number of writes to be typed. Raises Stopped for any other answer."""
    note(f"Type {writes} to write these records, anything else to leave them:")
    if sys.stdin.readline().strip().replace(",", "") != str(writes):
        raise Stopped("not confirmed", where=where, remedy="Nothing was written.")


def run_sync(
    chosen: Session, wish: Wish, *, saved: SavedPlan | None = None, quiet: bool = False, chain: bool = False
) -> tuple[Mapping[str, int], Checkup]:
    """The sync itself, as a run."""
    from diagnostics.checkup import synchronise

    def code(result: tuple[Mapping[str, int], Checkup]) -> int:
        counts = result[0]
        return int(_left_over(counts) > 0)

    return conduct(
        chosen,
        "sync",
        lambda run, sides: synchronise(
            run,
            chosen.connection,
            sides,
            saved=saved,
            staged=wish.staged,
            accepted=wish.accepted,
            demand=wish.demand,
        ),
        exit_code=code,
        counts=lambda result: {**result[0], **dict(result[1].states.items())},
        quiet=quiet,
        chain=chain,
    )


def show_sync(chosen: Session, counts: Mapping[str, int], run: int) -> None:
    """What a sync or undo did, as text."""
    with chosen.reading() as workspace:
        stages = stages_of(workspace, run)
    say(f"{chosen.name}: {plural(counts['writes'], 'write')}")
    if stages:
        parts = ", ".join(f"{count(stage.as_planned)} of {count(stage.planned)}" for stage in stages)
        say(f"  in stages, as planned: {parts}")
    table(
        [[name.replace("_", " "), count(number)] for name, number in counts.items() if name != "writes"],
        right=frozenset({1}),
    )
