"""Findings on the inclusion list, from what HubSpot says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from diagnostics.causes.inclusion import standing
from diagnostics.preflight.codes import found
from diagnostics.preflight.finding import Finding
from engine.gates import Situation
from engine.visible import visible

_WHERE = "scope.list"


def lint_list(situation: Situation) -> Iterator[Finding]:
    """At most one finding: how the list stands."""
    inclusion = situation.inclusion
    name = visible(inclusion.name if inclusion else situation.connection.scope.list, 100)
    match standing(situation):
        case "no list":
            yield found("list-none", _WHERE, "no list is named: every contact is in scope")
        case "unread":
            reason = situation.unavailable.get("list", "it was not read")
            yield found("list-unread", _WHERE, f"the list {name!r} could not be read: {reason}")
        case "deleted":
            yield found("list-deleted", _WHERE, f"the list {name!r} was deleted")
        case "processing":
            status = visible(inclusion.processing_status, 40) if inclusion else ""
            yield found("list-processing", _WHERE, f"the list {name!r} is {status or 'being processed'}")
        case "empty":
            yield found("list-empty", _WHERE, f"the list {name!r} has no members")
