"""What is known of a conflict's two values, and why the times do not decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.gates import Situation
from engine.schema import SIDES, Side

_BY_POLICY = ("first_meeting", "both_changed")


@dataclass(frozen=True)
class Contested:
    """When and by whom the two values of a conflict were set, as far as known; empty texts where nobody says.

    HubSpot's is the property's own history if `hubspot_source` is known, else the record's last change; the app's is always
    the record's.
    """

    hubspot_changed_at: str
    hubspot_source: str
    app_changed_at: str
    undecided: str
    """Why the policy `latest` does not decide by these times; empty where another policy asks."""

    def sentence(self) -> str:
        """The same in words."""
        if self.hubspot_source:
            ours = f"HubSpot's value was set {self.hubspot_changed_at or '(unknown when)'} by {self.hubspot_source}"
        elif self.hubspot_changed_at:
            ours = f"HubSpot's record was changed {self.hubspot_changed_at}, by whom is not known"
        else:
            ours = "who set HubSpot's value is not known"
        theirs = f"the app's record was changed {self.app_changed_at}" if self.app_changed_at else ""
        return "; ".join(part for part in (ours, theirs, self.undecided) if part)


def contested(contact: Mapping[str, Any], conflict: Mapping[str, Any], situation: Situation) -> Contested:
    """What is known of one of a contact's conflicts. `contact`: a row of `gates.Population`; `conflict`: one of `plan.CONFLICT`."""
    latest = situation.connection.sync.conflicts == "latest" and conflict["reason"] in _BY_POLICY
    return Contested(
        hubspot_changed_at=conflict["hubspot_changed_at"] or "",
        hubspot_source=conflict["hubspot_source"] or "",
        app_changed_at=conflict["app_changed_at"] or "",
        undecided=_undecided(contact, conflict, situation) if latest else "",
    )


def _undecided(contact: Mapping[str, Any], conflict: Mapping[str, Any], situation: Situation) -> str:
    synced: list[Side] = [
        side
        for side in SIDES
        if contact[f"{side}_written_at"] and contact[f"{side}_updated_at"] == contact[f"{side}_written_at"]
    ]
    silent = [side for side in synced if side == "app" or not conflict["hubspot_source"]]
    if silent:
        names = " and ".join(situation.schemas[side].app for side in silent)
        return (
            f"the last change of the record in {names} was a sync of this connection, which tells nothing of the value"
        )
    skew = situation.connection.sync.clock_skew_seconds
    later = _seconds(conflict["hubspot_changed_at"], conflict["app_changed_at"])
    if later is None:
        return "not both times are known"
    if conflict["hubspot_source"] and later > skew:
        return (
            "of the app only the record's time is known, so its value is the latest only beside a HubSpot record that is older as "
            f"a whole: that one was changed {contact['hubspot_updated_at']}"
        )
    return f"the times are not more than {skew} s apart"


def _seconds(earlier: str | None, later: str | None) -> float | None:
    """From one time (ISO 8601) to another; None if either is not known."""
    try:
        return (datetime.fromisoformat(later or "") - datetime.fromisoformat(earlier or "")).total_seconds()
    except (TypeError, ValueError):
        return None
