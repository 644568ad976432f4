"""A contact's findings through time and its waivers as lines, for the terminal and for the console."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from engine.visible import visible
from engine.waivers import Waiver
from tui.notation import moment

if TYPE_CHECKING:
    from diagnostics.past.findings import PastFinding, Seen

ALL_WAIVED = "All that stops it is waived; that is not the same as passing."


def finding_line(finding: PastFinding) -> str:
    """Since when a finding is there, and whether it is resolved."""
    name = f"{finding.code}{f' ({visible(finding.field, 60)})' if finding.field else ''}"
    back = "".join(f"; came back {_seen(again)}" for again in finding.came_back)
    ended = (
        f"; last seen {_seen(finding.last_seen)}; resolved {_seen(finding.resolved)}" if finding.resolved else "; open"
    )
    return f"{name}: first seen {_seen(finding.first_seen)}{back}{ended}"


def waiver_line(waiver: Waiver, now: datetime) -> str:
    """What somebody accepts, or did until it expired."""
    ends = "accepted until" if waiver.standing(now) == "active" else "EXPIRED: was accepted until"
    by = f"by {visible(waiver.owner, 60)}: {visible(waiver.reason, 200)}"
    return f"Waiver {waiver.number}: {waiver.code} {ends} {moment(waiver.until)} {by}"


def _seen(examination: Seen) -> str:
    return f"run {examination.run}, {moment(examination.at)}"
