"""What the validation causes share: values that would be written, against what the target declares of the field.

The work is one expression per target field and rule, over all its values at once; fields without the rule in
question cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from diagnostics.causes.columns import column_name, evidence
from diagnostics.causes.patterns import can_be_checked
from engine.gates import Population, Situation, found, nothing
from engine.schema import SIDES, Field, Rule, RuleKind, Side

VALUE = pl.col("value")
LENGTHS: tuple[RuleKind, ...] = ("max_length", "min_length", "max_bytes")
NUMBERS: tuple[RuleKind, ...] = ("min_number", "max_number")
_OF_MOMENTS = frozenset(
    {
        "START_DATE", "END_DATE", "START_DATETIME", "END_DATETIME", "BEFORE_DURATION", "AFTER_DURATION",
        "BEFORE_DATETIME_DURATION", "AFTER_DATETIME_DURATION", "DAYS_OF_WEEK",
    }
)  # fmt: skip
"""Types of HubSpot's validation rules. Source: property validations API, `ruleType`."""
_WITH_NUMBER = (*LENGTHS, *NUMBERS, "decimals")


@dataclass(frozen=True)
class Requirement:
    """What a target asks of a value. `broken` is true for values that do not meet it, None if that cannot be evaluated; `words`
    say what is asked."""

    broken: pl.Expr | None
    words: str


Requirements = Callable[[Side, Field], Iterable[Requirement]]


def broken_requirements(population: Population, situation: Situation, requirements: Requirements) -> pl.DataFrame:
    """Findings for values to write that do not meet a requirement of their field, or of whom that is not known: the target will
    say it, so these are not held back.

    An empty value clears the field and is exempt.
    """
    broken, unknown = [nothing()], [nothing()]
    for side, field in written_fields(situation):
        into = population.writes_into.get((side, field.name))
        if into is None:
            continue
        name = situation.schemas[side].app
        column = column_name(side, field.name)
        for asked in requirements(side, field):
            rule = f"{name} {asked.words}"
            if asked.broken is None:
                unknown.append(found(into, where=VALUE != "", state="unknown", blocking=False, field=column, rule=rule))
            else:
                wrong = (VALUE != "") & asked.broken
                broken.append(found(into, where=wrong, state="failing", field=column, value=evidence(VALUE), rule=rule))
    return pl.concat([*broken, *unknown])


def not_declared(
    writes: pl.DataFrame, situation: Situation, area: Literal["rules", "required fields"], called: str
) -> pl.DataFrame:
    """Findings for the contacts of these writes to a side of which this area could not be read. They stop nobody: the side
    itself checks each value, and what it refuses is held back."""
    parts = [nothing()]
    for side in SIDES:
        schema = situation.schemas[side]
        reason = schema.unavailable.get(area)
        if reason is not None:
            written = writes.filter(pl.col("side") == side).select("contact")
            rule = f"{called} of {schema.app} could not be read: {reason}"
            parts.append(found(written.unique(maintain_order=True), state="unknown", blocking=False, rule=rule))
    return pl.concat(parts)


def rules_unread(population: Population, situation: Situation) -> pl.DataFrame:
    """Contacts whose values may break rules that could not be read."""
    return not_declared(population.writes.filter(VALUE != ""), situation, "rules", "the validation rules")


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


def evaluated(rule: Rule) -> bool:
    """Whether the rule can be evaluated before writing."""
    if rule.kind == "regex":
        return bool(rule.arguments) and can_be_checked(rule.arguments[0])
    return rule.kind != "not_checked" and (rule.kind not in _WITH_NUMBER or limit(rule) is not None)


def called(rule: Rule) -> str:
    """The rule as the side names it, with its arguments."""
    words = " ".join(rule.arguments)
    return words if rule.kind == "not_checked" else f"{rule.kind} {words}".strip()


def of_moments(rule: Rule) -> bool:
    """Whether a rule that is not evaluated limits dates and times, and so is about a range."""
    return rule.kind == "not_checked" and bool(rule.arguments) and rule.arguments[0] in _OF_MOMENTS


def not_evaluated(field: Field, mine: Callable[[Rule], bool]) -> Iterable[Requirement]:
    """For each rule that is `mine` and that nobody can evaluate here."""
    for rule in field.rules:
        if mine(rule) and not evaluated(rule):
            yield Requirement(None, f"has a rule for this field that cannot be evaluated here: {called(rule)}")


def rules(field: Field, *kinds: str) -> Iterable[Rule]:
    """The field's rules of the given kinds that carry the arguments they need."""
    return (rule for rule in field.rules if rule.kind in kinds)


def limit(rule: Rule) -> float | None:
    """The rule's numeric argument; None if it is none, and the rule cannot be evaluated."""
    try:
        return float(rule.arguments[0])
    except (IndexError, ValueError):
        return None
