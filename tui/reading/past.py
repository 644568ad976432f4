"""What time adds to a contact: its findings since they were first seen, and the waivers of those that are open."""

from __future__ import annotations

from dataclasses import dataclass

from engine.runs import utc_now
from engine.waivers import waived, waivers_of
from engine.workspace import Workspace
from tui.through_time import finding_line, waiver_line


@dataclass(frozen=True)
class Past:
    """Both as lines. `accepted`: all that stops the contact is waived."""

    findings: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    accepted: bool = False


NO_PAST = Past()


def past_of(workspace: Workspace, contact: int) -> Past:
    """Up to the last examination."""
    from diagnostics.past.findings import findings_until

    now = utc_now()
    last = int(workspace.value("SELECT coalesce(max(run_id), 0) FROM examination"))
    return Past(
        tuple(finding_line(one) for one in findings_until(workspace, contact, last)),
        tuple(waiver_line(one, now) for one in waivers_of(workspace, contact)),
        bool(waived(workspace, now, contact)),
    )
