"""Findings that concern the connection as a whole, from all causes that have some."""

from __future__ import annotations

from diagnostics.causes import (
    list_deleted,
    list_disagreement,
    list_empty,
    list_stale,
    permissions,
    plan_tier,
    rules_unreadable,
)
from diagnostics.causes.cause import SideFinding
from engine.gates import Situation

_SOURCES = (
    plan_tier.side_finding,
    list_deleted.side_finding,
    list_empty.side_finding,
    list_disagreement.side_finding,
    list_stale.side_finding,
    rules_unreadable.side_finding,
    permissions.side_finding,
)


def side_findings(situation: Situation, contacts: int) -> list[SideFinding]:
    """All of them, each code at most once; `contacts` is the size of the population."""
    answers = (source(situation, contacts) for source in _SOURCES)
    return [finding for finding in answers if finding is not None]
