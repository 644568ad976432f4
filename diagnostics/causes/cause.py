"""What a cause is: a reason that keeps a contact from syncing, its texts for people, and the gate that finds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from engine.connection import Connection
from engine.gates import Gate, Population, Situation, State, nothing

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
    """The gate of one cause, as the planner takes it. `test` and `unread` as in Cause."""

    code: str
    test: Test
    unread: Test | None = None

    def findings(self, population: Population, situation: Situation) -> pl.DataFrame:
        """A row of FINDING for each contact that the cause stops or is reported for, or of whom it cannot be said; at most one per
        field. Whom the gate stops by what could be read is not told again for the rest."""
        rows = self.test(population, situation)
        unread = self.unread(population, situation) if self.unread else nothing()
        if not unread.is_empty():
            rows = pl.concat(
                [rows, unread.join(rows.filter("blocking"), on="contact", how="anti", maintain_order="left")]
            )
        return rows if rows.is_empty() else rows.unique(["contact", "field"], keep="first", maintain_order=True)


@dataclass(frozen=True)
class Cause:
    """A reason with its texts.

    `explanation` says why it stops a contact, `remedy` what to do, `fixed_by` who can do it, `says` quotes the
    sentence of the source document that it stands for, `question` names the document's check, `nature` says whether waiting
    is enough. Causes without a `test` are set by others: by the planner (conflict), or when a side cannot be read.

    `needs` names what the gate goes by and credentials may hide: areas of `Situation.unavailable`, and properties as
    `SIDE.NAME`. `unread` gives the contacts of whom it cannot say anything without: rows of state unknown. They are blocking
    where nothing else keeps out whom the gate might have stopped; else the contact's state stands, and only the gate's answer
    is unknown.
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
    needs: tuple[str, ...] = ()
    unread: Test | None = None
    observed: str = ""
    """The remedy where another engine writes, if it is another one: Syncdoctor's own commands for writing are refused there."""

    def to_do(self, connection: Connection) -> str:
        """The remedy for a connection."""
        return self.observed if connection.mode == "observed" and self.observed else self.remedy

    @property
    def gate(self) -> Gate | None:
        """The gate to hand to the planner; None if the cause has none."""
        return CauseGate(self.code, self.test, self.unread) if self.test else None


@dataclass(frozen=True)
class SideFinding:
    """Something that concerns the connection as a whole; `contacts` is how many it stops or leaves unexamined."""

    code: str
    state: State
    blocking: bool
    contacts: int
    value: str
    rule: str
