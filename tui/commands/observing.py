"""What a check adds where another engine writes: certainty, how links were inferred, what flows and what is stuck."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.visible import visible
from tui.output import count, say, table

if TYPE_CHECKING:
    from diagnostics.observed.look import Observed

LEVELS = ("certain", "likely", "possible")
SIDES = {"hubspot": "HubSpot", "app": "the app"}
_PROBLEMS = {
    "nowhere": "lead nowhere",
    "several": "are shared by several records",
    "contradicts": "contradict the other side's id field",
}
_USED = {
    "configured": "used, as configured",
    "found": "used: found to hold the other side's ids",
    "proposed": "not used: name it as observe.{side}_id_field if it is the other engine's",
}


def observed_document(seen: Observed | None) -> dict[str, Any] | None:
    """As documented in docs/json.md; null where Syncdoctor's own engine writes. It names ids and fields, no values."""
    if seen is None:
        return None
    return {
        "certainty": {state: dict(levels) for state, levels in seen.certainty.items()},
        "links": dict(seen.links),
        "id_fields": [asdict(one) for one in seen.id_fields],
        "link_doubts": [asdict(one) for one in seen.doubts],
        "flows": [asdict(one) for one in seen.flows],
        "waiting": seen.waiting,
        "stuck": seen.stuck,
    }


def observed_counts(seen: Observed | None) -> dict[str, int]:
    """What the run's row keeps: contacts per level of certainty, and those that are stuck. Empty where the engine itself syncs."""
    if seen is None:
        return {}
    sums = {level: sum(levels[level] for levels in seen.certainty.values()) for level in LEVELS}
    return {**sums, "stuck": seen.stuck}


def show_observed(seen: Observed) -> None:
    """The same as text."""
    from diagnostics.observed.words import WAYS, linked_by

    say("Another engine writes here, so each verdict has its certainty (explain says why)")
    rows = [["", *LEVELS]]
    rows += [[state, *(count(counts[level]) for level in LEVELS)] for state, counts in seen.certainty.items()]
    table(rows, right=frozenset({1, 2, 3}))
    for how, number in seen.links.items():
        say(f"  {count(number)} pairs. {visible(linked_by(how))}")
    for one in seen.id_fields:
        use = _USED[one.used].format(side=one.side)
        say(
            f"  {SIDES[one.side]}'s {visible(one.field)}: {count(one.leading)} of {count(one.filled)} ids lead to a record; {use}"
        )
    for doubt in seen.doubts:
        examples = ", ".join(visible(one) for one in doubt.examples)
        more = " …" if doubt.records > len(doubt.examples) else ""
        say(
            f"  !! {count(doubt.records)} ids in {SIDES[doubt.side]}'s {visible(doubt.field)} {_PROBLEMS[doubt.problem]}: "
            f"{examples}{more}"
        )
    for flow in seen.flows:
        what = visible(flow.field) or "whole contacts"
        say(f"  seen to flow {WAYS[flow.towards]}: {what}, {count(flow.moved)} times, last {flow.last_at}")
    if not seen.flows:
        say("  Nothing was seen to flow between checks so far.")
    if seen.waiting:
        say(f"  {count(seen.waiting)} contacts wait, of which {count(seen.stuck)} are stuck")
