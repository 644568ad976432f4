"""What the validation causes share: values that would be written, against what the target declares of the field.

The work is one expression per target field and rule, over all its values at once; fields without the rule in
question cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from diagnostics.causes.columns import column_name, evidence
from engine.gates import Population, Situation, found, nothing
from engine.schema import SIDES, Field, Rule, Side

VALUE = pl.col("value")


@dataclass(frozen=True)
class Requirement:
    """What a target asks of a value. `broken` is true for values that do not meet it, `words` say what is asked."""

    broken: pl.Expr
    words: str


Requirements = Callable[[Side, Field], Iterable[Requirement]]


def broken_requirements(population: Population, situation: Situation, requirements: Requirements) -> pl.DataFrame:
    """Findings for values to write that do not meet a requirement of their field.

    An empty value clears the field and is exempt.
    """
    parts = [nothing()]
    for side, field in written_fields(situation):
        into = population.writes_into.get((side, field.name))
        if into is None:
            continue
        name = situation.schemas[side].app
        parts += [
            found(
                into,
                where=(VALUE != "") & requirement.broken,
                state="failing",
                field=column_name(side, field.name),
                value=evidence(VALUE),
                rule=f"{name} {requirement.words}",
            )
            for requirement in requirements(side, field)
        ]
    return pl.concat(parts)


def written_fields(situation: Situation) -> list[tuple[Side, Field]]:
    """The fields that the connection may write into, and that their side's schema knows."""
    connection = situation.connection
    names: list[tuple[Side, str]] = [
        (side, connection.field(mapping, side))
        for side in SIDES
        for mapping in connection.mappings
        if connection.direction_of(mapping) in ("two_way", f"to_{side}")
    ]
    names += [("hubspot", name) for name in connection.hubspot.on_create]
    return [
        (side, situation.schemas[side].fields[name])
        for side, name in dict.fromkeys(names)
        if name in situation.schemas[side].fields
    ]


def rules(field: Field, *kinds: str) -> Iterable[Rule]:
    """The field's rules of the given kinds that carry the arguments they need."""
    return (rule for rule in field.rules if rule.kind in kinds)


def limit(rule: Rule) -> float | None:
    """The rule's numeric argument; None if it is none, and the rule cannot be evaluated."""
    try:
        return float(rule.arguments[0])
    except (IndexError, ValueError):
        return None
