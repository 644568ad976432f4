"""One moment at which a field was set: when, where, to what, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.schema import Side

Kind = Literal["person", "import", "workflow", "form", "integration", "api", "merge", "hubspot", "us", "app", "unknown"]
"""By what a value was set. `hubspot`: HubSpot itself (calculated, enriched, restored). `us`: this connection's own write.
`app`: somebody or something in the app, which does not say who. `unknown`: the side names no source, or one not known here."""
AUTOMATIC: tuple[Kind, ...] = ("workflow", "integration", "api", "hubspot")
"""Writers that act by themselves, whenever their own conditions are met."""


@dataclass(frozen=True)
class Entry:
    """One line of a timeline. Texts are as they came: make them visible, and mask values, before showing them.

    `at` is ISO 8601 in UTC, empty if the side names no time; with `since` it is only known that it was between the two. `value`
    is None if it cannot be kept as text, or none was set. `by` says it in words, `writer` tells one writer from another.
    `run` is ours. `note` is what became of our write. `in_force`: the side took the value (a refused write is shown and never was).
    """

    at: str
    side: Side
    kind: Kind
    by: str
    value: str | None
    writer: str = ""
    since: str = ""
    run: int | None = None
    note: str = ""
    in_force: bool = True


@dataclass(frozen=True)
class Written:
    """A write of ours to one field, from the journal: what was `sent`, what was there `before`, what the side `kept` (None if
    its answer did not tell), when it was planned and settled, and what became of it."""

    run: int
    side: Side
    kind: str
    record_id: str
    sent: str
    before: str
    kept: str | None
    planned_at: str
    settled_at: str
    state: str
    code: str = ""
    undoes: bool = False

    @property
    def applied(self) -> bool:
        """Whether the side took it."""
        return self.state in ("applied", "verified")

    @property
    def result(self) -> str:
        """What the side held right after."""
        return self.sent if self.kept is None else self.kept
