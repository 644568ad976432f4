"""The inside form of a list's criteria: a tree of groups whose leaves are clauses.

What is not understood is a leaf too, with its name and the reason, so that nothing is ever left out of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Zone: TypeAlias = str
"""An IANA name; empty is the account's."""


@dataclass(frozen=True)
class WallClock:
    """A date and time as a clock in the zone shows it."""

    year: int
    month: int
    day: int
    time: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Hour, minute, second, millisecond."""
    zone: Zone = ""


@dataclass(frozen=True)
class Instant:
    """Milliseconds since 1970 UTC; `edge` moves it to the start or the last millisecond of its day in the zone."""

    at: int
    edge: Literal["exact", "day_start", "day_end"] = "exact"
    zone: Zone = ""


@dataclass(frozen=True)
class Indexed:
    """A moment relative to now: `reference` is NOW, TODAY, WEEK, MONTH, QUARTER or YEAR, then moved by `offset`.

    `place` is what the reference says of itself: `dayOfWeek` (1 Monday), `month`, `day`; or `begins`, the month with which a fiscal
    year begins: then it is the first day of the fiscal quarter or year. `time` as in WallClock.
    """

    reference: str
    place: tuple[tuple[str, int], ...] = ()
    time: tuple[int, int, int, int] = (0, 0, 0, 0)
    offset: tuple[tuple[str, int], ...] = ()
    zone: Zone = ""


@dataclass(frozen=True)
class OfProperty:
    """The moment that another property of the same contact holds."""

    property: str
    zone: Zone = ""


TimePoint: TypeAlias = WallClock | Instant | Indexed | OfProperty


@dataclass(frozen=True)
class Bound:
    """An end of a range of time. `points` are all readings that HubSpot's documentation leaves open; `inclusive` is None if
    it is not said."""

    points: tuple[TimePoint, ...]
    inclusive: bool | None = True


Kind = Literal["presence", "text", "options", "number", "bool", "moment"]


@dataclass(frozen=True)
class Clause:
    """One condition on a property. `operator` is HubSpot's word; `accepts_empty`: a contact without a value meets it.

    `values` are the texts that the criteria give; of a calendar's period the unit, how many, and the month with which the fiscal
    year begins, if it goes by that. For moments `bounds` has one bound (IS_BEFORE, IS_AFTER) or two
    (IS_BETWEEN, IS_NOT_BETWEEN), `same_local` says that the stored UTC clock is read as one of the zone, and `said` is
    HubSpot's own operator. `other` is the property with which this one is compared.
    """

    property: str
    kind: Kind
    operator: str
    values: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    same_local: bool = False
    said: str = ""
    other: str = ""
    accepts_empty: bool = False


@dataclass(frozen=True)
class InList:
    """Membership of a list, asked for or ruled out."""

    list_id: str
    inside: bool = True


@dataclass(frozen=True)
class Constant:
    """A condition that everybody meets, or nobody."""

    accepted: bool


@dataclass(frozen=True)
class NotEvaluated:
    """A part of the criteria that cannot be evaluated here: what it is, in HubSpot's words, and why."""

    what: str
    why: str


Leaf: TypeAlias = Clause | InList | Constant | NotEvaluated


@dataclass(frozen=True)
class Group:
    """Parts of which all or any have to be met; `negated`: it is met by those who do not."""

    joined: Literal["all", "any"]
    parts: tuple[Part, ...] = field(default=())
    negated: bool = False


Part: TypeAlias = Group | Leaf


def leaves(part: Part) -> Iterator[Leaf]:
    """All leaves, in the order of the criteria."""
    if isinstance(part, Group):
        for inner in part.parts:
            yield from leaves(inner)
    else:
        yield part


def properties(part: Part) -> tuple[str, ...]:
    """The properties that the criteria look at, each once."""
    named: dict[str, None] = {}
    for leaf in leaves(part):
        if isinstance(leaf, Clause):
            named[leaf.property] = None
            named |= dict.fromkeys(
                point.property for bound in leaf.bounds for point in bound.points if isinstance(point, OfProperty)
            )
            named |= {leaf.other: None} if leaf.other else {}
    return tuple(named)


def alternatives(part: Part) -> tuple[Part, ...]:
    """The ways into the list: the parts of an OR, else the criteria as a whole."""
    if isinstance(part, Group) and part.joined == "any" and not part.negated:
        return part.parts
    return (part,)


def clauses_of(alternative: Part) -> tuple[Part, ...]:
    """What one way into the list asks for: the parts of an AND, else itself."""
    if isinstance(alternative, Group) and alternative.joined == "all" and not alternative.negated:
        return tuple(clause for part in alternative.parts for clause in clauses_of(part))
    return (alternative,)
