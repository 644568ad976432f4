"""Opening a one-way connection together with another repair: it may stop contacts anew that the other one frees."""

from __future__ import annotations

from diagnostics.repairs import settings
from diagnostics.repairs.leaderboard import Counts, Pair, answered_by_each, sets_of
from diagnostics.repairs.reasons import Reasons


class Opening:
    """Pairs of which one part opens the connection and the other one frees contacts alone. Repairs are named by their numbers."""

    def __init__(self, reasons: Reasons, counts: Counts) -> None:
        self._counts = counts
        self._contacts = reasons.anew["contact"].unique(maintain_order=True)
        self._now, self._anew = (sets_of(rows, self._contacts) for rows in (reasons.incidence, reasons.anew))
        self._answered = answered_by_each(reasons.answers)
        opens = [number for number, part in enumerate(reasons.parts) if part[0].effect is settings.two_way]
        self.pairs: frozenset[Pair] = frozenset(
            (min(one, other), max(one, other))
            for one in (opens if len(self._contacts) else ())
            for other in counts.alone
            if other != one
        )

    def at_most(self, pair: Pair) -> int:
        """What they would free if nothing were stopped anew."""
        return self._counts.freed(pair)

    def count(self, pair: Pair) -> int:
        """How many contacts they free."""
        return self._counts.freed(pair) - len(self.stopped(pair))

    def stopped(self, pair: Pair) -> list[int]:
        """The contacts that would be free if the connection were not opened, or nothing of it stopped them anew."""
        gone: set[int] = set().union(*(self._answered.get(number, set()) for number in pair))
        return self._contacts.filter(self._now.all_of(gone) & ~self._anew.all_of(gone)).to_list()
