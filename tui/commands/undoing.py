"""`undo`: the way back, shown as a plan and written when confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigurationError
from engine.visible import masked, visible
from tui.commands.checking import checkup_document, show_checkup
from tui.commands.session import Session, conduct
from tui.commands.writing import ask_for, on_terminal, show_sync
from tui.notation import plural
from tui.output import count, document, note, say, table
from tui.reading.undo import Refusal, refusals, wrote_nothing

if TYPE_CHECKING:
    from diagnostics.checkup import Checkup
    from engine.observe import Sides
    from engine.runs import Run
    from engine.undo import Left, UndoPlan

SHOWN = 10
TITLES = {"hubspot": "HubSpot", "app": "app"}


def undo(chosen: Session, number: int, *, as_json: bool, yes: bool, accepted: tuple[str, ...]) -> int:
    """Shows how run `number` would be taken back, and does it: with `yes`, or after the number of writes was typed on a
    terminal. Elsewhere nothing is written. Exit code 1 if anything is left to undo or to decide."""
    from engine.brakes import refuse_observed

    refuse_observed(chosen.connection)
    with chosen.reading() as workspace:
        reason = wrote_nothing(workspace, number)
    if reason:
        raise ConfigurationError(
            f"{reason}; there is nothing to undo", where=chosen.name, remedy=f"Look: syncdoctor log {chosen.name}"
        )
    expected = ""
    if not yes:
        shown = _reviewed(chosen, number, quiet=as_json)
        if as_json:
            document({"connection": chosen.name, **undo_document(shown), "written": False})
        else:
            show_undo(chosen, shown)
        if not shown.operations:
            return 0
        if as_json or not on_terminal():
            accepting = "".join(f" --accept {key}" for key in accepted)
            note(f"Nothing was written; syncdoctor undo {chosen.name} {number}{accepting} --yes writes it.")
            return 1
        ask_for(len(shown.operations), where=f"undo {chosen.name} {number}")
        expected = shown.digest
    counts, done, result = _run_undo(chosen, number, expected=expected, accepted=accepted, quiet=as_json)
    with chosen.reading() as workspace:
        refused = refusals(workspace, result.run)
    if as_json:
        plan = undo_document(done) | {"refusals": [_refusal(one) for one in refused]}
        document({"connection": chosen.name, **plan, "written": True, **counts, "after": checkup_document(result)})
    else:
        if yes:
            show_undo(chosen, done)
        show_sync(chosen, counts, result.run)
        show_refusals(refused)
        show_checkup(chosen, result)
    return int(counts["writes"] < len(done.operations) or result.states["conflict"] > 0)


def _reviewed(chosen: Session, number: int, *, quiet: bool) -> UndoPlan:
    """Reads both sides and gives the undo as it would be written."""
    from diagnostics.checkup import check as examine
    from engine.situation import recall
    from engine.undo import undo_plan

    async def work(run: Run, sides: Sides) -> tuple[Checkup, UndoPlan]:
        result = await examine(run, chosen.connection, sides)
        if result.refusal is not None:
            raise result.refusal
        return result, undo_plan(run.workspace, recall(run.workspace, chosen.connection), number)

    _, shown = conduct(
        chosen,
        "check",
        work,
        exit_code=lambda done: int(done[0].to_act_on),
        counts=lambda done: dict(done[0].states.items()),
        quiet=quiet,
    )
    return shown


def _run_undo(
    chosen: Session, number: int, *, expected: str, accepted: tuple[str, ...], quiet: bool
) -> tuple[Mapping[str, int], UndoPlan, Checkup]:
    from diagnostics.checkup import take_back

    return conduct(
        chosen,
        "undo",
        lambda run, sides: take_back(run, chosen.connection, sides, number, expected=expected, accepted=accepted),
        exit_code=lambda done: int(done[0]["writes"] < len(done[1].operations)),
        counts=lambda done: {**done[0], **dict(done[2].states.items())},
        quiet=quiet,
        again=f"undo {chosen.name} {number}",
    )


def undo_document(plan: UndoPlan) -> dict[str, Any]:
    """An undo as documented in docs/json.md; values are masked."""
    return {
        "undoes": plan.run,
        "operations": [
            {
                "side": op.side,
                "hubspot_id": op.ids["hubspot"],
                "app_id": op.ids["app"],
                "fields": [
                    {"field": field, "before": masked(op.before[field]), "value": masked(value)}
                    for field, value in op.values.items()
                ],
            }
            for op in plan.operations
        ],
        "left": [
            {"side": one.side, "record_id": one.record_id, "field": one.field, "why": one.why} for one in plan.left
        ],
    }


def show_undo(chosen: Session, plan: UndoPlan) -> None:
    """An undo as text: what goes back, what cannot, and what the next sync makes of it."""
    if plan.operations:
        records, fields = plural(len(plan.operations), "record"), plural(plan.fields, "field")
        say(f"{chosen.name}: undoing run {plan.run} takes back {fields} of {records}")
        for op in plan.operations[:SHOWN]:
            changes = ", ".join(
                f"{field}: {masked(op.before[field])} -> {masked(value)}" for field, value in op.values.items()
            )
            say(f"  {TITLES[op.side]}, record {visible(op.record_id or '')}: {changes}")
        if len(plan.operations) > SHOWN:
            say(f"  and {count(len(plan.operations) - SHOWN)} more")
    else:
        say(f"{chosen.name}: nothing of run {plan.run} is left to undo")
    show_left(plan.left)
    if plan.operations:
        say(
            "The other side keeps the newer values. These fields become conflicts: no sync writes them again or carries the "
            "old values over until somebody decides or changes one of them."
        )


def _refusal(one: Refusal) -> dict[str, Any]:
    named = {"side": one.side, "record_id": visible(one.record_id), "fields": [visible(field) for field in one.fields]}
    return {**named, "code": visible(one.code), "message": visible(one.message)}


def show_refusals(refused: Sequence[Refusal]) -> None:
    """What the sides refused to take back, with their words."""
    if not refused:
        return
    say("Refused")
    for one in refused[:SHOWN]:
        fields = ", ".join(visible(field) for field in one.fields)
        say(f"  {TITLES[one.side]}, record {visible(one.record_id)}, {fields}: {visible(one.reason)}")
    if len(refused) > SHOWN:
        say(f"  and {count(len(refused) - SHOWN)} more; --json lists all")


def show_left(left: Sequence[Left]) -> None:
    """What cannot be undone, counted by reason, with the records."""
    from engine.undo import WHY

    if not left:
        return
    say("Not undone")
    reasons = Counter(one.why for one in left)
    table([[count(number), WHY[why]] for why, number in reasons.most_common()], right=frozenset({0}))
    for one in left[:SHOWN]:
        say(
            f"  {TITLES[one.side]}, record {visible(one.record_id)}{f', {visible(one.field)}' if one.field else ''}: {WHY[one.why]}"
        )
    if len(left) > SHOWN:
        say(f"  and {count(len(left) - SHOWN)} more; --json lists all")
