"""Whether a contact's values meet a list's criteria (`filterBranch`): OR of AND branches of property filters.

Operators and shapes: the lists API's filter definitions. Dates and other filter types are not played; a filter
of another type is met by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[str, list[str]], bool]


def meets(branch: Mapping[str, Any] | None, values: Mapping[str, str]) -> bool:
    """Evaluates a filter branch against the values of one contact."""
    if branch is None:
        return False
    results = [meets(child, values) for child in branch.get("filterBranches") or []]
    results += [_filter(entry, values) for entry in branch.get("filters") or []]
    if not results:
        return False
    joined_by_or = (branch.get("filterBranchType") or branch.get("filterBranchOperator")) == "OR"
    return any(results) if joined_by_or else all(results)


def _filter(entry: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    operation = entry.get("operation") or {}
    operator = operation.get("operator", "")
    if entry.get("filterType") != "PROPERTY":
        return False
    value = values.get(entry["property"], "")
    if operator in ("IS_KNOWN", "IS_UNKNOWN"):
        known: bool = operator == "IS_KNOWN"
        return bool(value) == known
    if not value:
        return bool(operation.get("includeObjectsWithNoValueSet", False))
    wanted = operation["values"] if "values" in operation else [operation.get("value", "")]
    if operator == "IS_BETWEEN":
        wanted = [operation.get("lowerBound"), operation.get("upperBound")]
    test = TESTS.get(operator)
    return test is not None and test(value, [_text(item) for item in wanted])


def _text(item: object) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)


def _parts(value: str) -> set[str]:
    return {value.lower(), *(part.lower() for part in value.split(";"))}


def _any_of(value: str, wanted: list[str]) -> bool:
    return bool(_parts(value) & {item.lower() for item in wanted})


def _contains(value: str, wanted: list[str]) -> bool:
    return any(item.lower() in value.lower() for item in wanted)


def _number(compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, wanted: list[str]) -> bool:
        try:
            return compare(float(value), float(wanted[0]))
        except ValueError:
            return False

    return test


def _between(value: str, wanted: list[str]) -> bool:
    try:
        return float(wanted[0]) <= float(value) <= float(wanted[1])
    except ValueError:
        return False


TESTS: dict[str, Test] = {
    "IS_ANY_OF": _any_of,
    "IS_NONE_OF": lambda value, wanted: not _any_of(value, wanted),
    "IS_EQUAL_TO": _any_of,
    "IS_NOT_EQUAL_TO": lambda value, wanted: not _any_of(value, wanted),
    "IS_EXACTLY": lambda value, wanted: {part for part in value.split(";") if part} == set(wanted),
    "CONTAINS": _contains,
    "DOES_NOT_CONTAIN": lambda value, wanted: not _contains(value, wanted),
    "STARTS_WITH": lambda value, wanted: value.lower().startswith(tuple(item.lower() for item in wanted)),
    "ENDS_WITH": lambda value, wanted: value.lower().endswith(tuple(item.lower() for item in wanted)),
    "IS_GREATER_THAN": _number(lambda left, right: left > right),
    "IS_GREATER_THAN_OR_EQUAL_TO": _number(lambda left, right: left >= right),
    "IS_LESS_THAN": _number(lambda left, right: left < right),
    "IS_LESS_THAN_OR_EQUAL_TO": _number(lambda left, right: left <= right),
    "IS_BETWEEN": _between,
}
