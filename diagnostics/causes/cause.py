"""What a cause is: a reason that keeps a contact from syncing, its texts for people, and the gate that finds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from engine.gates import Gate, Population, Situation, State

FixedBy = Literal["HubSpot admin", "app admin", "contact", "us"]
Nature = Literal["actionable", "transient"]
"""Whether somebody has to do something, or it passes by itself and waiting is enough."""
Question = Literal["a", "b", "c", "d", "access", "sync"]
"""The four checks of the source document: a e-mail, b unwanted data and opt-in, c list, d validation; besides these,
access to a side and the syncing itself."""

Test = Callable[[Population, Situation], pl.DataFrame]
"""Gives rows of `engine.gates.FINDING`."""


@dataclass(frozen=True)
class CauseGate:
    """The gate of one cause, as the planner takes it."""

    code: str
    test: Test

    def findings(self, population: Population, situation: Situation) -> pl.DataFrame:
        """A row of FINDING for each contact that the cause stops or is reported for, at most one per field."""
        rows = self.test(population, situation)
        return rows if rows.is_empty() else rows.unique(["contact", "field"], keep="first", maintain_order=True)


@dataclass(frozen=True)
class Cause:
    """A reason with its texts.

    `explanation` says why it stops a contact, `remedy` what to do, `fixed_by` who can do it, `says` quotes the
    sentence of the source document that it stands for, `question` names the document's check, `nature` says whether waiting
    is enough. Causes without a `test` are set by others: by the planner (conflict), or when a side cannot be read.
    """

    code: str
    title: str
    explanation: str
    remedy: str
    fixed_by: FixedBy
    says: str
    question: Question
    test: Test | None = None
    nature: Nature = "actionable"

    @property
    def gate(self) -> Gate | None:
        """The gate to hand to the planner; None if the cause has none."""
        return CauseGate(self.code, self.test) if self.test else None


@dataclass(frozen=True)
class SideFinding:
    """Something that concerns the connection as a whole; `contacts` is how many it stops or leaves unexamined."""

    code: str
    state: State
    blocking: bool
    contacts: int
    value: str
    rule: str
