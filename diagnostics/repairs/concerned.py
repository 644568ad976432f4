"""The contacts whom repairs concern by which the inclusion list goes: those whom its criteria keep out, and those in whose records a
repair would change what the criteria look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.repairs.admission import KIND, Admission, admission
from diagnostics.repairs.leaderboard import ReasonSets, sets_of
from diagnostics.repairs.of_list import Fulfilment
from diagnostics.repairs.repair import Repair
from engine.gates import Situation
from engine.workspace import Workspace


@dataclass(frozen=True)
class Concerned:
    """The contacts by what the criteria look at and by what else stops them; what is told of them is in the order of `contacts`.

    `changing`: the repairs that change single records, each with the reasons besides the list that it answers; `contacts`: `contact`,
    `kind` of the admission, `outside` (whether the criteria keep the contact out), and HubSpot's properties as they are; `besides`:
    what stops each of them besides the list.
    """

    changing: Mapping[Repair, frozenset[int]]
    admission: Admission
    contacts: pl.DataFrame
    besides: ReasonSets

    def inside(self, repairs: Sequence[Repair]) -> pl.Series:
        """Whether the list holds the contact with the repairs done."""
        return self.of_kind(self.admission.inside(repairs))

    def of_kind(self, told: pl.Series) -> pl.Series:
        """What is told of the contact's kind."""
        return told.gather(self.contacts[KIND])

    def need(self, repair: Repair) -> pl.Series:
        """Whether there is something to change: a value is corrected where the list or something else asks for it; a consent may be
        given by everybody, and everybody may get an address."""
        corrects = repair.kind == "value" and repair.field != self.admission.situation.schemas["hubspot"].identity_field
        if not corrects:
            return pl.repeat(True, self.contacts.height, dtype=pl.Boolean, eager=True)
        stopped = self.besides.any_of(self.changing[repair])
        asked = isinstance(repair.effect, Fulfilment)
        return (
            stopped | (self.of_kind(self.admission.asked_for(repair)) & self.contacts["outside"]) if asked else stopped
        )

    def let_in(self, repair: Repair) -> pl.Series:
        """Whom of those outside the repair lets in."""
        return self.contacts["contact"].filter(self.contacts["outside"] & self.need(repair) & self.inside([repair]))

    def taken_out(self, repair: Repair) -> pl.Series:
        """The members whom the repair takes out."""
        return self.contacts["contact"].filter(self.inside([]) & ~self.inside([repair]))


def concerned_by(
    workspace: Workspace,
    situation: Situation,
    changing: Mapping[Repair, frozenset[int]],
    besides: pl.DataFrame,
    outside: Collection[int],
) -> Concerned | None:
    """Whom these repairs concern; None without any.

    `changing`: with the reasons besides the list that each answers; `besides`: rows of `leaderboard.INCIDENCE`, what stops contacts
    besides the list; `outside`: the contacts whom the criteria keep out.
    """
    if not changing:
        return None
    answered = sorted(set().union(*changing.values()))
    stopped = besides.filter(pl.col("reason").is_in(answered))["contact"]
    seen = admission(workspace, situation, {*outside, *stopped}, changing)
    contacts = seen.contacts.with_columns(outside=pl.col("contact").is_in(list(outside)))
    return Concerned(changing, seen, contacts, sets_of(besides, contacts["contact"]))
