"""Permissions that the connection needs and the credentials lack, though both sides can be read: list, subscriptions, writing."""

from __future__ import annotations

from diagnostics.causes.cause import SideFinding
from engine.gates import Situation

CODE = "scope-missing"
WRITE_SCOPE = "crm.objects.contacts.write"
_AREAS = {"list": "the inclusion list", "subscription": "the subscription statuses"}


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """Told if an area that the connection needs was refused (its gates answer unknown meanwhile), or if a sync could not write."""
    reasons = [] if _may_write(situation) else [f"a sync needs the scope {WRITE_SCOPE} to write to HubSpot"]
    refused = [area for area in _AREAS if area in situation.unavailable]
    reasons += [f"{_AREAS[area]}: {situation.unavailable[area]}" for area in refused]
    if not reasons:
        return None
    blocking = bool(refused)
    return SideFinding(CODE, "unknown" if blocking else "failing", blocking, contacts, "", "; ".join(reasons))


def _may_write(situation: Situation) -> bool:
    """Scopes are not always told; what is not known is not called missing."""
    scopes, connection = situation.schemas["hubspot"].scopes, situation.connection
    writes = connection.mode == "managed" and connection.sync.direction != "to_app"
    return not writes or not scopes or WRITE_SCOPE in scopes
