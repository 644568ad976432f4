"""An inclusion list that nobody has touched for long."""

from __future__ import annotations

from datetime import timedelta

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.inclusion import day, list_name, standing
from engine.gates import Situation

CODE = "list-stale"
DYNAMIC = "DYNAMIC"
"""`processingType` of a list that follows its criteria; members of the other kinds are added and removed one by one."""


def side_finding(situation: Situation, contacts: int) -> SideFinding | None:
    """Told if criteria and membership have both not changed for longer than the connection allows.

    Only membership counts for lists without live criteria. A time that is not known proves nothing.
    """
    inclusion, limit = situation.inclusion, situation.connection.scope.stale_after_days
    if inclusion is None or standing(situation) != "usable" or inclusion.members_changed_at is None:
        return None
    changes = {"membership": inclusion.members_changed_at}
    if inclusion.processing_type == DYNAMIC:
        edited = inclusion.criteria_updated_at or inclusion.created_at
        if edited is None:
            return None
        changes = {"criteria": edited, **changes}
    if situation.now - max(changes.values()) <= timedelta(days=limit):
        return None
    since = " and ".join(f"{what} unchanged since {day(moment)}" for what, moment in changes.items())
    rule = f"{since}; the connection calls a list stale after {limit} days"
    return SideFinding(CODE, "excluded", False, contacts, list_name(situation), rule)


CAUSE = Cause(
    code=CODE,
    title="The inclusion list is old",
    explanation="Neither the list's criteria nor its members have changed for long; it may no longer fit the goal.",
    remedy="Look through the list's criteria and members, and bring them up to date.",
    fixed_by="HubSpot admin",
    says=document.LIST_UPDATED,
    question="c",
)
