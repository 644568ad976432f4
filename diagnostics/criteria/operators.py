"""What each operator asks of a value that is there, as expressions over the raw texts HubSpot keeps.

Texts are compared without case. HubSpot's documentation leaves open whether outer white space counts, and whether case
counts in an option's internal value: there an answer is given only if it is the same either way. A number or truth value that is not
one gives no answer. Of operators on what a property has ever held, only what the present value proves is answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from diagnostics.criteria.answers import UNKNOWN, agreed, some
from diagnostics.criteria.form import Clause
from engine.visible import visible

_NUMBER = r"^([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)$"
_SPACE = " \t\n\r\x0b\x0c"
Expressions = Sequence[pl.Expr]


def answer_for_value(clause: Clause, value: pl.Expr, other: pl.Expr | None) -> pl.Expr:
    """Whether a value meets a clause on texts, options, numbers or truth values; `other` is the compared property's.

    For a value that is empty or not known the caller decides.
    """
    match clause.kind:
        case "text":
            return _text(clause, value, other)
        case "options":
            return _options(clause, value)
        case "number":
            return _number(clause, value, other)
        case _:
            return _bool(clause, value, other)


def without_meaning(clause: Clause) -> str | None:
    """What a clause on numbers or truth values asks for instead of one, in words; None if all its values are such."""
    for text in clause.values:
        if clause.kind == "number" and not re.fullmatch(_NUMBER, text.strip(_SPACE)):
            return f"{visible(text, 40)!r}, which is no number"
        if clause.kind == "bool" and text.strip(_SPACE).lower() not in ("true", "false"):
            return f"{visible(text, 40)!r}, which is neither true nor false"
    return None


def present(operator: str, value: pl.Expr) -> pl.Expr:
    """IS_KNOWN, IS_UNKNOWN, IS_BLANK, IS_NOT_BLANK. Whether white space alone is blank is not documented."""
    empty = value == ""
    if operator in ("IS_BLANK", "IS_NOT_BLANK"):
        empty = agreed([empty, value.str.strip_chars() == ""])
    return empty if operator in ("IS_UNKNOWN", "IS_BLANK") else ~empty


def in_history(operator: str, now: pl.Expr) -> pl.Expr:
    """HAS_EVER...: true if the present value says so; HAS_NEVER...: false if it does; else unknown."""
    says = operator.startswith("HAS_EVER")
    return pl.when(now).then(pl.lit(says)).otherwise(UNKNOWN)


_PRESENT_TEXT: Mapping[str, str] = {
    "HAS_EVER_BEEN_EQUAL_TO": "IS_EQUAL_TO",
    "HAS_NEVER_BEEN_EQUAL_TO": "IS_EQUAL_TO",
    "HAS_EVER_CONTAINED": "CONTAINS",
    "HAS_NEVER_CONTAINED": "CONTAINS",
    "HAS_EVER_BEEN_ANY_OF": "IS_ANY_OF",
    "HAS_NEVER_BEEN_ANY_OF": "IS_ANY_OF",
    "HAS_EVER_BEEN_EXACTLY": "IS_EXACTLY",
    "HAS_NEVER_BEEN_EXACTLY": "IS_EXACTLY",
    "HAS_EVER_CONTAINED_ALL": "CONTAINS_ALL",
    "HAS_NEVER_CONTAINED_ALL": "CONTAINS_ALL",
}
"""What an operator on the past asks of each value."""
_OPPOSITES: Mapping[str, str] = {
    "IS_NOT_EQUAL_TO": "IS_EQUAL_TO",
    "DOES_NOT_CONTAIN": "CONTAINS",
    "DOES_NOT_CONTAIN_EXACTLY": "CONTAINS_EXACTLY",
    "IS_NONE_OF": "IS_ANY_OF",
    "IS_NOT_EXACTLY": "IS_EXACTLY",
    "DOES_NOT_CONTAIN_ALL": "CONTAINS_ALL",
    "IS_NOT_BETWEEN": "IS_BETWEEN",
}


def _by_operator(operator: str, plain: Callable[[str], pl.Expr]) -> pl.Expr:
    if operator in _PRESENT_TEXT:
        return in_history(operator, plain(_PRESENT_TEXT[operator]))
    if operator in _OPPOSITES:
        return ~plain(_OPPOSITES[operator])
    return plain(operator)


def _text(clause: Clause, value: pl.Expr, other: pl.Expr | None) -> pl.Expr:
    folded = value.str.to_lowercase()
    trimmed = folded.str.strip_chars(_SPACE)
    wanted = tuple(text.lower() for text in clause.values)
    bare = tuple(text.strip(_SPACE) for text in wanted)
    seen = [(folded, wanted), (trimmed, wanted), *([(trimmed, bare)] if bare != wanted else [])]

    def plain(operator: str) -> pl.Expr:
        if other is not None:
            compared = other.str.to_lowercase()
            return agreed([folded == compared, trimmed == compared.str.strip_chars(_SPACE)])
        if operator == "CONTAINS_EXACTLY":
            # Which words count as exact is not documented; who does not contain the text at all cannot contain it exactly.
            return pl.when(_any_text("CONTAINS", folded, wanted)).then(UNKNOWN).otherwise(pl.lit(False))
        return agreed([_any_text(operator, one, texts) for one, texts in seen])

    return _by_operator(clause.operator, plain)


def _any_text(operator: str, value: pl.Expr, wanted: Sequence[str]) -> pl.Expr:
    match operator:
        case "IS_EQUAL_TO":
            return value.is_in(wanted)
        case "CONTAINS":
            return some([value.str.contains(text, literal=True) for text in wanted])
        case "STARTS_WITH":
            return some([value.str.starts_with(text) for text in wanted])
        case _:
            return some([value.str.ends_with(text) for text in wanted])


def _options(clause: Clause, value: pl.Expr) -> pl.Expr:
    exact = _set(value)
    folded = _set(value.str.to_lowercase())
    wanted = sorted({text for text in clause.values})
    lower = sorted({text.lower() for text in clause.values})

    def plain(operator: str) -> pl.Expr:
        return agreed([_of_set(operator, exact, wanted), _of_set(operator, folded, lower)])

    return _by_operator(clause.operator, plain)


def _set(value: pl.Expr) -> pl.Expr:
    part = pl.element().str.strip_chars(_SPACE)
    return value.str.split(";").list.eval(part.filter(part != "").unique())


def _of_set(operator: str, values: pl.Expr, wanted: Sequence[str]) -> pl.Expr:
    held = values.list.set_intersection(list(wanted)).list.len()
    if operator == "IS_ANY_OF":
        return held > 0
    holds_all = held == len(wanted)
    return holds_all & (values.list.len() == len(wanted)) if operator == "IS_EXACTLY" else holds_all


def number(value: pl.Expr) -> pl.Expr:
    """The value as a number; null if it is none."""
    return value.str.strip_chars(_SPACE).str.extract(_NUMBER).cast(pl.Float64, strict=False)


def _number(clause: Clause, value: pl.Expr, other: pl.Expr | None) -> pl.Expr:
    here = number(value)
    wanted = [number(other)] if other is not None else [pl.lit(float(text)) for text in clause.values]

    def plain(operator: str) -> pl.Expr:
        match operator:
            case "IS_GREATER_THAN":
                return here > wanted[0]
            case "IS_GREATER_THAN_OR_EQUAL_TO":
                return here >= wanted[0]
            case "IS_LESS_THAN":
                return here < wanted[0]
            case "IS_LESS_THAN_OR_EQUAL_TO":
                return here <= wanted[0]
            case "IS_BETWEEN":
                return (here >= wanted[0]) & (here <= wanted[1])
        return some([here == one for one in wanted])

    return _by_operator(clause.operator, plain)


def _bool(clause: Clause, value: pl.Expr, other: pl.Expr | None) -> pl.Expr:
    def truth(text: pl.Expr) -> pl.Expr:
        lower = text.str.strip_chars(_SPACE).str.to_lowercase()
        return pl.when(lower == "true").then(pl.lit(True)).when(lower == "false").then(pl.lit(False)).otherwise(UNKNOWN)

    wanted = truth(other) if other is not None else truth(pl.lit(clause.values[0]))
    return _by_operator(clause.operator, lambda operator: truth(value) == wanted)
