"""What is known of one contact where another engine writes, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.observed.certainty import REASONS
from diagnostics.observed.flows import STUCK_CHECKS, Flow, Wait, flows, stuck_since
from engine.gates import Situation
from engine.workspace import Workspace

SIDES = {"hubspot": "HubSpot", "app": "the app"}
_PROBLEMS = {
    "nowhere": "{side}'s {field} names {names}, which no record of {other} has as its id.",
    "several": "{side}'s {field} names {names}, and so does another record of {side}.",
    "contradicts": "{side}'s {field} names {names}, and {other}'s own id field names another record.",
}
_LINKED = {
    "email": "Linked by the e-mail address, which is unique on both sides.",
    "additional e-mail": "Linked by an additional e-mail address of the HubSpot contact.",
    "created": "Linked when Syncdoctor created one of the records, before another engine wrote here.",
}
WAYS = {
    "to_app": "from HubSpot to the app",
    "to_hubspot": "from the app to HubSpot",
    "both": "between both sides",
    "conflict": "in one of two directions",
}
"""The planner's outcomes in words."""


@dataclass(frozen=True)
class Certain:
    """How certain a contact's verdict is, and why; `stuck`: something waits longer than the connection allows. Texts are as
    they came: make them visible before showing them."""

    certainty: str
    reasons: tuple[str, ...]
    stuck: bool


def certain(workspace: Workspace, situation: Situation, contact: int) -> Certain | None:
    """What the last check found; None where the engine itself syncs, or if that check did not judge this contact."""
    if situation.connection.mode != "observed":
        return None
    rows = workspace.rows(
        "SELECT s.certainty, s.reason, c.hubspot_id, c.app_id, c.linked_by FROM certainty s JOIN contact c ON c.id = s.contact_id "
        "JOIN verdict v ON v.contact_id = s.contact_id AND v.run_id = s.run_id WHERE s.contact_id = ?",
        (contact,),
    )
    if not rows or rows[0]["reason"] not in REASONS:
        return None
    row = rows[0]
    reasons = [REASONS[row["reason"]][1]]
    reasons += [linked_by(row["linked_by"])] if row["linked_by"] else []
    reasons += _doubts(workspace, row["hubspot_id"] or "", row["app_id"] or "")
    found = _waits(workspace, row["hubspot_id"] or "", row["app_id"] or "")
    limit = stuck_since(situation.now, situation.connection.observe.stuck_after_hours)
    known = flows(workspace)
    stuck = [wait for wait in found if is_stuck(wait, limit)]
    reasons += [wait_sentence(wait, known, stuck=wait in stuck) for wait in found]
    return Certain(row["certainty"], tuple(reasons), bool(stuck))


def is_stuck(wait: Wait, limit: str) -> bool:
    """Whether something was seen waiting often enough, since before the limit (ISO 8601 in UTC)."""
    return wait.checks >= STUCK_CHECKS and wait.since_at <= limit


def linked_by(how: str) -> str:
    """How a link was inferred."""
    side, _, field = how.removeprefix("id ").partition(".")
    if how.startswith("id ") and side in SIDES:
        return f"Linked by the id that {SIDES[side]} holds in {field}."
    return _LINKED.get(how, "Linked in a way that this version does not know.")


def wait_sentence(wait: Wait, known: tuple[Flow, ...], *, stuck: bool) -> str:
    """Since when something waits, and what flowed meanwhile."""
    what = wait.field or "The record that is still alone"
    verb = "is stuck" if stuck else "waits"
    seen = "1 check" if wait.checks == 1 else f"{wait.checks} checks"
    text = f"{what} {verb}, to go {WAYS[wait.towards]}: unchanged since {wait.since_at}, seen at {seen}"
    meanwhile = sum(one.moved for one in known if one.last_at > wait.since_at)
    return f"{text}; other values flowed meanwhile." if meanwhile else f"{text}; nothing was seen to flow meanwhile."


def _doubts(workspace: Workspace, hubspot_id: str, app_id: str) -> list[str]:
    rows = workspace.rows(
        "SELECT side, field, names, problem FROM link_doubt WHERE side = 'hubspot' AND record_id = ? "
        "OR side = 'app' AND record_id = ? ORDER BY side DESC, field",
        (hubspot_id, app_id),
    )
    return [
        _PROBLEMS[row["problem"]].format(
            side=SIDES[row["side"]],
            other=SIDES["app" if row["side"] == "hubspot" else "hubspot"],
            field=row["field"],
            names=row["names"],
        )
        for row in rows
    ]


def _waits(workspace: Workspace, hubspot_id: str, app_id: str) -> list[Wait]:
    rows = workspace.rows(
        "SELECT field, towards, since_at, checks FROM observed_wait WHERE hubspot_id = ? AND app_id = ? ORDER BY field",
        (hubspot_id, app_id),
    )
    return [Wait(*row) for row in rows]
