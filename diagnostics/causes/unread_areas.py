"""What the credentials did not allow to be read, though one side as a whole could be: the list, the subscriptions."""

from __future__ import annotations

from diagnostics.causes.cause import SideFinding
from engine.gates import Situation

CODE = "scope-missing"
_AREAS = {"list": "the inclusion list", "subscription": "the subscription statuses"}


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """Told if an area that the connection needs was refused; its gates answer unknown meanwhile."""
    reasons = [
        f"{name}: {situation.unavailable[area]}" for area, name in _AREAS.items() if area in situation.unavailable
    ]
    if not reasons:
        return None
    return SideFinding(CODE, "unknown", True, contacts, "", "; ".join(reasons))
