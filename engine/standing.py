"""While a plan is written: schemas and list members are read again from time to time, because a run can take hours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from engine.confirm import confirm_schemas
from engine.errors import PlanOutdated
from engine.gates import Situation
from engine.losses import last_reading
from engine.observe import Sides
from engine.operations import Operation
from engine.runs import Run
from engine.scope import LIST, known_members, look_at_members

LOOK_AGAIN = timedelta(minutes=15)
"""How old the last look at schemas and members may be before a batch is sent, on the run's clock."""


class Standing:
    """What a plan stands on. A run that is over before LOOK_AGAIN asks nothing."""

    def __init__(self, run: Run, situation: Situation, sides: Sides) -> None:
        self._run = run
        self._sides = sides
        self._planned_on = situation
        self._looked = self._list_read(run.now())
        self._left: frozenset[str] = frozenset()
        self.situation = situation
        """As it was seen last."""

    def _list_read(self, now: datetime) -> datetime:
        last = last_reading(self._run.workspace, LIST)
        if last is None or last.run != self._run.id or not last.at or self._planned_on.inclusion is None:
            return now
        return datetime.fromisoformat(last.at)

    @property
    def outdated(self) -> bool:
        """Whether a schema is no longer the one that the plan was made on."""
        return self.situation.schemas != self._planned_on.schemas

    async def look(self) -> None:
        """Looks again if the last look is too old.

        Raises PlanOutdated if a field in use is declared otherwise, ConfigurationError if the connection does not fit any
        more, AccessError if a side cannot be read.
        """
        now = self._run.now()
        if timedelta(0) <= now - self._looked < LOOK_AGAIN:
            return
        self.situation = await confirm_schemas(self._run, self.situation, self._sides)
        if self.outdated:
            raise self._refusal("what was left of the plan was not written")
        if self.situation.inclusion is not None:
            before = known_members(self._run.workspace)
            inclusion, members = await look_at_members(self._run, self.situation, self._sides.hubspot)
            if before - members:
                text = f"{len(before - members)} contacts have left the inclusion list meanwhile; nothing more is written to them"
                self._run.event("info", "left-list", text)
            self._left = (self._left | before) - members
            self.situation = replace(self.situation, inclusion=inclusion, list_size=len(members))
        self._looked = now

    def left(self, operations: Iterable[Operation]) -> set[int]:
        """The journal rows of the operations whose contact has left the list since the plan was made."""
        return {op.entry for op in operations if op.ids["hubspot"] in self._left}

    def refuse_if_outdated(self, written: int, planned: int, again: str) -> None:
        """Raises PlanOutdated if the rest of the plan was left alone. `again`: the command that goes on."""
        if self.outdated:
            raise self._refusal(f"{written} of {planned} were written, the rest was left alone", again)

    def _refusal(self, became: str, again: str = "sync") -> PlanOutdated:
        name = self._planned_on.connection.name
        return PlanOutdated(
            f"a field that the connection uses was changed while the run was writing; {became}",
            where=f"connection {name}",
            remedy=f"Which field: syncdoctor log {name} --run {self._run.id}. What was written stays; syncdoctor {again} plans "
            "anew and goes on.",
        )
