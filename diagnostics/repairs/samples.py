"""A value that a field takes, made up for the planner's re-run and never shown as advice."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from diagnostics.causes import cause, field_format, field_length, field_option, field_range, field_type
from engine.connection import FieldMapping
from engine.gates import WRITE, Population, Situation
from engine.schema import Field, Side

_JUDGES = tuple(module.CODE for module in (field_type, field_option, field_format, field_length, field_range))
_USUAL = (
    "Sample", "sample", "1", "true", "2026-01-31", "2026-01-31T10:00:00Z", "https://placeholder.example",
    "sample@placeholder.example", "+493012345678", "placeholder.example", "S1", "Sample 1",
)  # fmt: skip
_LONGEST = 24


def sample(situation: Situation, side: Side, name: str) -> str | None:
    """A value that passes the gates for values of the side's field; None if none of the usual ones does (a pattern, say)."""
    field = situation.schemas[side].fields.get(name)
    if field is None:
        return _USUAL[0]
    candidates = list(dict.fromkeys(_candidates(field)))
    writes = pl.DataFrame(
        [
            {"contact": number, "side": side, "kind": "update", "mapping": name, "field": name, "value": value}
            for number, value in enumerate(candidates)
        ],
        schema=WRITE,
    )
    contacts = pl.DataFrame({"contact": list(range(len(candidates)))}, schema={"contact": pl.Int64})
    only = _only(situation, side, name)
    broken: set[int] = set()
    for code in _JUDGES:
        gate = cause(code).gate
        assert gate is not None
        broken |= set(gate.findings(Population(contacts, writes), only)["contact"].to_list())
    return next((value for number, value in enumerate(candidates) if number not in broken), None)


def _candidates(field: Field) -> Iterator[str]:
    yield from (option.value for option in field.options)
    for rule in field.rules:
        if rule.kind in ("min_number", "max_number"):
            yield from rule.arguments[:1]
    yield from _USUAL
    for sign in "a1A":
        yield from (sign * length for length in range(1, _LONGEST + 1))
    for rule in field.rules:
        if rule.kind == "min_length" and rule.arguments and rule.arguments[0].isascii() and rule.arguments[0].isdigit():
            yield from (sign * min(int(rule.arguments[0]), 1000) for sign in "a1")


def _only(situation: Situation, side: Side, name: str) -> Situation:
    """The situation with this one field written to."""
    pair = {"hubspot": name, "app": name}
    connection = situation.connection.model_copy(
        update={
            "mappings": (FieldMapping.model_validate(pair),),
            "hubspot": situation.connection.hubspot.model_copy(update={"on_create": {}}),
            "sync": situation.connection.sync.model_copy(update={"direction": f"to_{side}"}),
        }
    )
    return Situation(connection, situation.schemas, None, situation.now)
