"""Who is who and who typed what: the judge's own book, kept from people's actions and the services' states alone.

It knows links only as the promise states them: unlinked records whose address is unique on both sides are one person from
the next finished sync on, and stay one whatever happens to the address.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass

from tests.invariants.truth import FIELDS, SIDES, Change, Record, Side, Truth, comparable, other

Pair = tuple[str, str]
Place = tuple[Side, str]
NEVER = -1


@dataclass(frozen=True)
class View:
    """How one field compares with what both sides last held alike. `known`: whether they ever did."""

    known: bool
    fresh_here: bool
    fresh_there: bool


@dataclass(frozen=True)
class Judged:
    """A change that the engine made, with what the judge knew at that moment.

    `here` is the changed record as it is now, `partner` the linked one across. `views`: since the last finished sync, and
    since the values were last equal at all; either may be the engine's base. Where several records may be the linked one, of each
    that holds the value; after an undo, also since it. `here_later`: somebody touched this record
    and this field later than the other side's. For a new record: `sources` across with its address, `rivals` here, and
    whether the source `was_linked` already or the address belongs to somebody `erased`.
    """

    run: int
    change: Change
    here: Record | None
    partner: Record | None
    views: tuple[View, ...] = ()
    here_later: bool = False
    sources: tuple[Record, ...] = ()
    rivals: tuple[Record, ...] = ()
    was_linked: bool = False
    erased: bool = False
    in_gap: bool = False
    """Somebody touched the record after the engine had last looked at it: no service can prevent that."""
    earlier: tuple[str, ...] = ()
    """What the linked record's field held at the begin of the run, if somebody has changed it since."""


class Ledger:
    """Keeps the book.

    `links` are firm, `possible` pairs may be linked; `ever` linked records are never matched again. `agreed` and `equal` hold
    what both sides last had alike while the field was mapped, in comparable form: after a finished sync, and at all.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._moment = 0
        self.links: dict[str, str] = {}
        self.possible: set[Pair] = set()
        self._sure: dict[str, str] = {}
        self._maybe: set[Pair] = set()
        self.cut: set[Pair] = set()
        self.ever: set[tuple[Side, str]] = set()
        self.agreed: dict[tuple[Pair, str], str] = {}
        self.equal: dict[tuple[Pair, str], str] = {}
        self.edited: dict[tuple[Side, str, str], int] = defaultdict(lambda: NEVER)
        self.touched: dict[tuple[Side, str], int] = defaultdict(lambda: NEVER)
        self.erased: set[tuple[Side, str]] = set()
        self.judged: list[Judged] = []
        self.unseen: set[tuple[Side, str]] = set()
        self.earlier: dict[tuple[Side, str, str], list[str]] = {}
        self.decided: dict[tuple[Pair, str], tuple[Side, int]] = {}
        self.taken_back: dict[tuple[Side, str, str], tuple[str, str]] = {}
        self.unmapped: set[str] = set()

    def copied(self, truth: Truth) -> Ledger:
        """The same book for a copy of the world."""
        twin = Ledger(truth)
        kept = {name: value for name, value in vars(self).items() if name not in ("_truth", "judged")}
        vars(twin).update(deepcopy(kept))
        return twin

    def partners(self, side: Side, id: str) -> list[Record]:
        """The records across that belong to this one: one if it is firmly linked, else all that may."""
        for links in (set(self.links.items()), self.possible):
            ids = {app if side == "hubspot" else hubspot for hubspot, app in links if id in (hubspot, app)}
            found = [self._truth.get(other(side), one) for one in sorted(ids)]
            if ids:
                return [record for record in found if record]
        return []

    def bereft(self, side: Side, id: str) -> bool:
        """Whether the record belongs or may belong to one across, and none of these is there any more."""
        return any(id in pair for pair in {*self.links.items(), *self.possible}) and not self.partners(side, id)

    def pairs(self) -> list[tuple[Record, Record]]:
        """Firmly linked records of which both are there."""
        both = [(self._truth.get("hubspot", one), self._truth.get("app", two)) for one, two in self.links.items()]
        return [(hubspot, app) for hubspot, app in both if hubspot and app]

    def people_did(self, changes: Iterable[Change]) -> None:
        """Enters what people changed."""
        self._moment += 1
        for change in changes:
            place = (change.side, change.id)
            self.touched[place] = self._moment
            record = self._truth.get(*place)
            if record is None:
                continue
            self.erased.discard((change.side, record.key))
            for field in FIELDS if change.field == "" else [change.field]:
                self.edited[*place, field] = self._moment
        self._note_equal()

    def people_interrupt(self, changes: Iterable[Change]) -> None:
        """Enters what people changed in the middle of a run."""
        changes = list(changes)
        for change in changes:
            self.unseen.add((change.side, change.id))
            self.earlier.setdefault((change.side, change.id, change.field), []).append(change.before)
        self.people_did(changes)

    def saw(self, side: Side, text: str) -> None:
        """The engine was told of the records that are named in an answer."""
        self.unseen = {place for place in self.unseen if place[0] != side or place[1] not in text}

    def decide(self, pair: Pair, field: str, winner: Side) -> None:
        """Somebody decides a conflict."""
        self._moment += 1
        self.decided[pair, field] = (winner, self._moment)

    def decided_for(self, judged: Judged) -> bool:
        """Whether a person has decided that the linked record wins, and nobody has typed in either since."""
        here, partner, field = judged.here, judged.partner, judged.change.field
        if here is None or partner is None:
            return False
        pair = (here.id, partner.id) if here.side == "hubspot" else (partner.id, here.id)
        winner, moment = self.decided.get((pair, field), (here.side, NEVER))
        touched = self.edited[here.side, here.id, field]
        if not judged.earlier:
            touched = max(touched, self.edited[partner.side, partner.id, field])
        return winner == partner.side and touched < moment

    def take_back(self, run: int) -> None:
        """A run was an undo: what both sides hold after it is what later edits are held against."""
        for judged in self.judged:
            here, partner, field = judged.here, judged.partner, judged.change.field
            if judged.run == run and here and partner and field in FIELDS:
                mine, theirs = (comparable(field, one.values[field]) for one in (here, partner))
                self.taken_back[here.side, here.id, field] = (mine, theirs)
                self.taken_back[partner.side, partner.id, field] = (theirs, mine)

    def erase(self, side: Side, key: str, *, known: bool) -> None:
        """Somebody was erased on a side; `known`: the engine had linked them, so it can know."""
        if known:
            self.erased.add((side, key))

    def merged(self, first: str, second: str, survivor: str) -> None:
        """Two HubSpot contacts became one: with a new id it may stand for the first's link, else for the second's. Under
        the first one's id it keeps that one's link."""
        if survivor == first and first in self.links:
            self.links.pop(second, None)
            return
        partners = [self.links.pop(old, None) for old in (first, second)]
        firm = [(old, app) for old, app in zip((first, second), partners, strict=True) if app][:1]
        for old, kept in firm or sorted(pair for pair in self.possible if pair[0] in (first, second)):
            self.possible.add((survivor, kept))
            for book in (self.agreed, self.equal):
                book |= {
                    ((survivor, kept), field): book[(old, kept), field]
                    for field in FIELDS
                    if ((old, kept), field) in book
                }

    def run_begins(self) -> None:
        """Matches the unlinked, as the engine may from now on. What an earlier run may have linked before it was cut
        off stays possible."""
        matches = self._matches()
        self._maybe = self._possible()
        self.possible |= {*matches.items(), *self._maybe}
        self._sure = {one: two for one, two in matches.items() if self._cut_with(one, two) <= {(one, two)}}

    def _cut_with(self, one: str, two: str) -> set[Pair]:
        """The pairs with either record that a run may have linked before."""
        return {pair for pair in self.cut if one == pair[0] or two == pair[1]}

    def run_ends(self, *, sync: bool, finished: bool, trusted: bool, unseen: Set[Place] | None) -> None:
        """After a finished sync the matches are links and, if it is `trusted` to have seen everything, equal values are agreed.
        `unseen`: what the services did not show yet; None if a page hid nobody knows whom. What was hidden, and what a run
        that was cut off may have linked, stays possible."""
        self._moment += 1
        trusted = trusted and not self.earlier
        self.unseen.clear()
        self.earlier = {}
        if not sync:
            return
        self.cut |= self._maybe
        if not finished:
            self.cut |= set(self._sure.items())
            return
        hidden = {
            (one, two) for one, two in self._sure.items() if unseen is None or {("hubspot", one), ("app", two)} & unseen
        }
        self.cut |= hidden
        self.links |= {one: two for one, two in self._sure.items() if (one, two) not in hidden}
        self.ever |= {("hubspot", one) for one in self.links} | {("app", two) for two in self.links.values()}
        gone = [
            (one, two)
            for one, two in self.links.items()
            if not self._truth.get("hubspot", one) and not self._truth.get("app", two)
        ]
        for one, _ in gone:
            del self.links[one]
        self._note_equal()
        if trusted:
            for hubspot, app in self.pairs():
                for field in set(FIELDS) - self.unmapped:
                    value = comparable(field, hubspot.values[field])
                    if value == comparable(field, app.values[field]):
                        self.agreed[(hubspot.id, app.id), field] = value
                        for record in (hubspot, app):
                            self.taken_back.pop((record.side, record.id, field), None)

    def engine_did(self, run: int, changes: Sequence[Change]) -> None:
        """Enters and describes what the engine changed."""
        self._moment += bool(changes)
        for change in changes:
            here = self._truth.get(change.side, change.id)
            if change.field == "" and here is not None:
                self.judged.append(self._new_record(run, change, here))
            else:
                self.judged.append(self._changed(run, change, here))
            self._note_carried(self.judged[-1])
        self._note_equal()

    def _note_carried(self, judged: Judged) -> None:
        """A value that its source held until somebody typed over it in this very run: both sides had it alike, in a way."""
        here, field = judged.here, judged.change.field
        source = judged.partner if field else judged.sources[0] if len(judged.sources) == 1 else None
        if here is None or source is None:
            return
        pair = (here.id, source.id) if here.side == "hubspot" else (source.id, here.id)
        for name in [field] if field else FIELDS:
            texts = self.earlier.get((source.side, source.id, name), ()) if name in FIELDS else ()
            value = comparable(name, here.values[name]) if texts else ""
            if value in {comparable(name, text) for text in texts}:
                self.equal[pair, name] = value

    def _changed(self, run: int, change: Change, here: Record | None) -> Judged:
        partners = self.partners(change.side, change.id)
        wanted = comparable(change.field, change.after)
        fitting = [one for one in partners if comparable(change.field, one.values.get(change.field, "")) == wanted]
        partner = next(iter([*fitting, *partners]), None)
        if partner is None or here is None or change.field not in FIELDS:
            return Judged(run, change, here, partner)
        views = tuple(view for one in fitting or [partner] for view in self._views(change, here, one))
        later = self._later(change, here, partner)
        in_gap = (here.side, here.id) in self.unseen
        earlier = tuple(self.earlier.get((partner.side, partner.id, change.field), ()))
        return Judged(run, change, here, partner, views, later, in_gap=in_gap, earlier=earlier)

    def _views(self, change: Change, here: Record, partner: Record) -> tuple[View, ...]:
        pair = (here.id, partner.id) if change.side == "hubspot" else (partner.id, here.id)
        was, is_there = (comparable(change.field, text) for text in (change.before, partner.values[change.field]))
        bases = (self.agreed.get((pair, change.field)), self.equal.get((pair, change.field)))
        before = self.earlier.get((partner.side, partner.id, change.field), ())
        held = {is_there, *(comparable(change.field, text) for text in before)}
        views = [View(base is not None, was != base, held != {base}) for base in bases]
        mine, theirs = self.taken_back.get((here.side, here.id, change.field), (None, None))
        if mine is not None:
            views.append(View(known=True, fresh_here=was != mine, fresh_there=held != {theirs}))
        return tuple(views)

    def _later(self, change: Change, here: Record, partner: Record) -> bool:
        """Whether somebody touched this record and this field later than the other side's."""
        mine, theirs = (self.edited[one.side, one.id, change.field] for one in (here, partner))
        return self.touched[here.side, here.id] > self.touched[partner.side, partner.id] and mine > theirs

    def _new_record(self, run: int, change: Change, here: Record) -> Judged:
        across = other(change.side)
        sources = tuple(record for record in self._truth.of(across) if record.key == here.key)
        rivals = tuple(
            record for record in self._truth.of(change.side) if record.key == here.key and record.id != here.id
        )
        was_linked = any((across, source.id) in self.ever for source in sources)
        erased = (change.side, here.key) in self.erased
        if len(sources) == 1 and not was_linked:
            one, two = (here.id, sources[0].id) if change.side == "hubspot" else (sources[0].id, here.id)
            self._sure[one] = two
            self.possible.add((one, two))
        earlier = tuple(
            text
            for source in sources
            for field in FIELDS
            for text in self.earlier.get((source.side, source.id, field), ())
        )
        return Judged(run, change, here, None, (), False, sources, rivals, was_linked, erased, earlier=earlier)

    def _matches(self) -> dict[str, str]:
        counts = {side: Counter(record.key for record in self._truth.of(side)) for side in SIDES}
        free = {
            side: {record.key: record for record in self._truth.of(side) if record.key and not self._held(record)}
            for side in SIDES
        }
        return {
            record.id: free["app"][key].id
            for key, record in free["hubspot"].items()
            if key in free["app"] and not record.more and counts["hubspot"][key] == counts["app"][key] == 1
        }

    def _possible(self) -> set[Pair]:
        """Matches by an additional address, and with a record whose linked one is gone."""
        found = set()
        for record in self._truth.of("hubspot"):
            if record.id in self.links:
                continue
            for app in self._truth.of("app"):
                held = next((one for one, two in self.links.items() if two == app.id), None)
                free = held is None or self._truth.get("hubspot", held) is None
                if free and app.key and app.key in (record.key, *record.more):
                    found.add((record.id, app.id))
        return found

    def _held(self, record: Record) -> bool:
        return (record.side, record.id) in self.ever

    def _note_equal(self) -> None:
        for one, two in {*self.links.items(), *self.possible}:
            hubspot, app = self._truth.get("hubspot", one), self._truth.get("app", two)
            if hubspot and app:
                for field in set(FIELDS) - self.unmapped:
                    value = comparable(field, hubspot.values[field])
                    if value == comparable(field, app.values[field]):
                        self.equal[(one, two), field] = value
