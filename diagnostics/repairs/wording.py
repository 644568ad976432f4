"""How repairs name fields and sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar
from weakref import ref

from engine.connection import FieldMapping
from engine.gates import Situation
from engine.mapped_pair import MappedPair, mapped_pairs
from engine.schema import Side

T = TypeVar("T")


def side_and_name(column: str) -> tuple[Side | None, str]:
    """The parts of a finding's field: `hubspot.city` is HubSpot's city."""
    side, _, name = column.partition(".")
    return ("hubspot", name) if side == "hubspot" else ("app", name) if side == "app" else (None, "")


def opposite(side: Side) -> Side:
    """The other side."""
    return "app" if side == "hubspot" else "hubspot"


def called(situation: Situation, side: Side, name: str) -> str:
    """The field with label and name, and its side: `HubSpot's City (city)`."""
    field = situation.schemas[side].fields.get(name)
    label = field.label if field is not None and field.label not in ("", name) else ""
    return f"{owner(situation, side)} {label} ({name})" if label else f"{owner(situation, side)} {name}"


def owner(situation: Situation, side: Side) -> str:
    """`HubSpot's`, and the app's by its name."""
    return f"{where(situation, side)}'s"


def where(situation: Situation, side: Side) -> str:
    """The side's name as it is spoken."""
    known = {"hubspot": "HubSpot", "mailchimp": "Mailchimp"}
    name = situation.schemas[side].app
    return known.get(name, name)


def mapping_of(situation: Situation, side: Side, name: str) -> FieldMapping | None:
    """The mapping of the side's field."""
    connection = situation.connection
    return next((one for one in connection.mappings if connection.field(one, side) == name), None)


def filling(situation: Situation, side: Side, name: str) -> FieldMapping | None:
    """The mapping that writes into the side's field; None if none does."""
    mapping = mapping_of(situation, side, name)
    return mapping if mapping is not None and pair_of(situation, mapping).flows_to(side) else None


class OfLastSituation(Generic[T]):
    """What was worked out for the situation asked for last, by name: its reasons are asked for by the thousand."""

    def __init__(self) -> None:
        self._last: tuple[ref[Situation], dict[str, T]] | None = None

    def get(self, situation: Situation, name: str, make: Callable[[], T]) -> T:
        """What is known under the name; `make` works it out the first time."""
        if self._last is None or self._last[0]() is not situation:
            self._last = ref(situation), {}
        known = self._last[1]
        if name not in known:
            known[name] = make()
        return known[name]


_PAIRS: OfLastSituation[Mapping[str, MappedPair]] = OfLastSituation()


def pair_of(situation: Situation, mapping: FieldMapping) -> MappedPair:
    """The mapping with what both schemas say of it."""

    def pairs() -> Mapping[str, MappedPair]:
        return {one.name: one for one in mapped_pairs(situation.connection, situation.schemas)}

    return _PAIRS.get(situation, "", pairs)[mapping.name]
