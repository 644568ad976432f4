"""What one write is, and the states that its journal row goes through. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from engine.schema import Side

State = Literal[
    "planned", "intent", "in_doubt", "applied", "verified", "superseded", "retryable", "permanent", "quarantined"
]

MOVES: Mapping[State, frozenset[State]] = {
    "planned": frozenset({"intent", "superseded"}),
    "intent": frozenset({"in_doubt", "applied", "superseded", "retryable", "permanent", "quarantined"}),
    "in_doubt": frozenset({"applied", "superseded", "permanent"}),
    "applied": frozenset({"verified"}),
    "verified": frozenset(),
    "superseded": frozenset(),
    "retryable": frozenset(),
    "permanent": frozenset(),
    "quarantined": frozenset(),
}
"""Where a row may go from each state. `planned`: part of this run's plan. `intent`: the request may be under way.
`in_doubt`: no answer tells what became of it. `applied`: the side has it. `verified`: what the side kept was read.
`superseded`: not sent, or not applied; the planner plans anew. `retryable`: refused for a cause that passes by itself.
`permanent`: refused for a cause that was named. `quarantined`: refused in words that name no
value; tried again from time to time."""

UNSETTLED: tuple[State, ...] = ("intent", "in_doubt")

NOT_APPLIED = "NOT_APPLIED"
"""Looked for and not there, or certainly not sent."""
NEVER_SENT = "NEVER_SENT"
"""The run ended before its turn came."""
CHANGED = "CHANGED_MEANWHILE"
"""One of the contact's records was no longer as the plan saw it."""
AMBIGUOUS = "AMBIGUOUS"
"""The side holds something else than what was there and what was sent, or several records that could be meant."""
GONE = "GONE"
"""The record is no longer there under its id."""
EXISTS = "EXISTS"
"""The side has a record with that address already; the next plan matches it."""
IN_PARTS = "IN_PARTS"
"""Refused as a whole in vague words, then sent in parts."""
ALREADY_LINKED = "ALREADY_LINKED"
KEPT_DIFFERENTLY = "KEPT_DIFFERENTLY"


class ForbiddenMove(RuntimeError):
    """A journal row was to go where its state does not lead: a defect of this program."""


def along(now: State, *states: State) -> State:
    """The last of `states`, if each is allowed after the one before. Raises ForbiddenMove."""
    for state in states:
        if state not in MOVES[now]:
            raise ForbiddenMove(f"a write cannot go from {now} to {state}")
        now = state
    return now


@dataclass(frozen=True)
class Operation:
    """All that one request item will do for one contact: `values` to send, `before` as they were; `ids` of its records.

    `entry` is its journal row, 0 before it has one. `whole` are the values of the create that this one is a part of.
    """

    contact: int
    side: Side
    kind: Literal["create", "update"]
    ids: Mapping[Side, str | None]
    email_key: str
    values: Mapping[str, str]
    before: Mapping[str, str]
    undoes: int | None = None
    entry: int = 0
    whole: Mapping[str, str] | None = None

    @property
    def record_id(self) -> str | None:
        """The record that is written to; None for a create."""
        return self.ids[self.side]

    def only(self, fields: Collection[str]) -> Operation:
        """A new operation with the named fields of this one."""
        values = {name: value for name, value in self.values.items() if name in fields}
        before = {name: value for name, value in self.before.items() if name in fields}
        whole = (self.whole or self.values) if self.kind == "create" else None
        return replace(self, values=values, before=before, whole=whole, entry=0)

    def without(self, field: str) -> Operation:
        """A new operation with all fields but one, which is held back by itself from now on."""
        return replace(self.only([name for name in self.values if name != field]), whole=None)
