"""A value that a field takes, made up for the planner's re-run and never shown as advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

import polars as pl

from diagnostics.causes import cause, field_format, field_length, field_option, field_range, field_type
from engine.connection import Connection
from engine.gates import WRITE, Population, Situation
from engine.schema import SIDES, Account, Field, Side, SideSchema

_JUDGES = tuple(module.CODE for module in (field_type, field_option, field_format, field_length, field_range))
_USUAL = (
    "Sample", "sample", "1", "true", "2026-01-31", "2026-01-31T10:00:00Z", "https://placeholder.example",
    "sample@placeholder.example", "+493012345678", "placeholder.example", "S1", "Sample 1",
)  # fmt: skip
_LONGEST = 24


@lru_cache(maxsize=512)
def sample(side: Side, field: Field) -> str | None:
    """A value that passes the gates for values of the field; None if none of the usual ones does (a pattern, say)."""
    return next(iter(taken(side, field, candidates(field))), None)


def taken(side: Side, field: Field, values: Iterable[str]) -> tuple[str, ...]:
    """Those of the values that pass the gates for values of the field, in their order."""
    tried = list(dict.fromkeys(values))
    writes = pl.DataFrame(
        [
            {"contact": number, "side": side, "kind": "update", "field": field.name, "value": value}
            for number, value in enumerate(tried)
        ],
        schema=WRITE,
    )
    contacts = pl.DataFrame({"contact": list(range(len(tried)))}, schema={"contact": pl.Int64})
    situation = _with_only(field)
    broken: set[int] = set()
    for code in _JUDGES:
        gate = cause(code).gate
        assert gate is not None
        broken |= set(gate.findings(Population(contacts, writes), situation)["contact"].to_list())
    return tuple(value for number, value in enumerate(tried) if number not in broken)


def candidates(field: Field) -> Iterator[str]:
    """Values that the field may take: its choices, the ends of its ranges, and such as fields usually take."""
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


def _with_only(field: Field) -> Situation:
    """Two sides that have only this field, mapped to itself."""
    connection = Connection.model_validate(
        {
            "name": "sample",
            "format": 1,
            "app": {"name": "mailchimp", "audience": "sample"},
            "mappings": [{"hubspot": field.name, "app": field.name}],
        }
    )
    account = Account("", "")
    schemas: dict[Side, SideSchema] = {side: SideSchema(side, "", account, {field.name: field}, "") for side in SIDES}
    return Situation(connection, schemas, None, datetime(2026, 1, 1, tzinfo=UTC))
