"""Whether a contact's values meet a list's criteria (`filterBranch`): property filters, lists, constants, nested branches.

Operators and shapes: HubSpot's guide to list filters and the lists API's models. Texts are compared without case, options by
their exact internal value. Filters on events, associations and other facts that are not played are met by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sample_data.portal.hubspot.filter_times import Clock, time_test

UTC_ZONE = ZoneInfo("UTC")


def no_list(list_id: str) -> bool:
    """Nobody is in any list."""
    return False


def no_history(name: str) -> Sequence[tuple[str, int]]:
    """No property has a history."""
    return ()


@dataclass(frozen=True)
class Surroundings:
    """What filters may ask besides the values: now in milliseconds, the account's zone, whether the contact is in a list, and
    a property's earlier values with their times, newest last."""

    now: int = 0
    zone: ZoneInfo = UTC_ZONE
    in_list: Callable[[str], bool] = no_list
    history: Callable[[str], Sequence[tuple[str, int]]] = no_history


NOWHERE = Surroundings()


def meets(branch: Mapping[str, Any] | None, values: Mapping[str, str], around: Surroundings = NOWHERE) -> bool:
    """Evaluates a filter branch against the values of one contact."""
    if branch is None:
        return False
    kind = branch.get("filterBranchType") or branch.get("filterBranchOperator")
    if kind not in ("OR", "AND", "NOT_ANY", "NOT_ALL"):
        return False
    results = [meets(child, values, around) for child in branch.get("filterBranches") or []]
    results += [_filter(entry, values, around) for entry in branch.get("filters") or []]
    if not results:
        return False
    match kind:
        case "OR":
            return any(results)
        case "AND":
            return all(results)
        case "NOT_ANY":
            return not any(results)
    return not all(results)


def _filter(entry: Mapping[str, Any], values: Mapping[str, str], around: Surroundings) -> bool:
    match entry.get("filterType"):
        case "CONSTANT":
            return bool(entry.get("shouldAccept"))
        case "IN_LIST":
            inside = around.in_list(str(entry.get("listId")))
            return inside if entry.get("operator") == "IN_LIST" else not inside
        case "PROPERTY":
            return _property(entry["property"], entry.get("operation") or {}, values, around)
    return False


def _property(name: str, operation: Mapping[str, Any], values: Mapping[str, str], around: Surroundings) -> bool:
    operator = str(operation.get("operator", ""))
    value = values.get(name, "")
    if operator in ("IS_KNOWN", "IS_UNKNOWN"):
        return bool(value) == (operator == "IS_KNOWN")
    if operator in ("IS_BLANK", "IS_NOT_BLANK"):
        return (not value.strip()) == (operator == "IS_BLANK")
    kind = _kind(operation)
    if operator.startswith(("HAS_EVER", "HAS_NEVER")):
        plain = PAST[operator.split("_", 2)[2]]
        ever = any(_value(one, kind, plain, operation, values) for one, _ in [*around.history(name), (value, 0)] if one)
        return ever == operator.startswith("HAS_EVER")
    updated = operation.get("propertyParser") == "UPDATED_AT"
    if updated:
        times = [at for _, at in around.history(name)]
        value = str(times[-1]) if times else ""
    if not value:
        return bool(operation.get("includeObjectsWithNoValueSet", False))
    if kind in TIMES:
        return time_test(value, kind, operation, values, Clock(around.now, around.zone))
    return _value(value, kind, operator, operation, values)


PAST = {
    "BEEN_EQUAL_TO": "IS_EQUAL_TO",
    "CONTAINED": "CONTAINS",
    "BEEN_ANY_OF": "IS_ANY_OF",
    "BEEN_EXACTLY": "IS_EXACTLY",
    "CONTAINED_ALL": "CONTAINS_ALL",
}
"""What HAS_EVER_... and HAS_NEVER_... ask of each value that a property has had."""
TIMES = (
    "DATETIME", "DATE", "RANGED_DATE", "DATETIME_RANGED", "ROLLING_DATE_RANGE", "DATETIME_ROLLING", "TIME_POINT", "TIME_RANGED",
    "COMPARATIVE_DATE", "DATETIME_COMPARATIVE", "CALENDAR_DATE",
)  # fmt: skip


def _kind(operation: Mapping[str, Any]) -> str:
    kind = str(operation.get("operationType", "")).upper().replace("-", "_")
    return kind or ("ENUMERATION" if operation.get("operator") in SETS else "MULTISTRING")


def _value(value: str, kind: str, operator: str, operation: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    other = operation.get("comparisonPropertyName")
    if other:
        wanted = [values.get(str(other), "")]
        if not wanted[0]:
            return False
    elif operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
        wanted = [str(operation.get("lowerBound")), str(operation.get("upperBound"))]
    else:
        given = operation["values"] if "values" in operation else [operation.get("value", "")]
        wanted = [_text(item) for item in given]
    for test in (SETS, NUMBERS) if kind.startswith(("ENUMERATION", "NUMBER")) else (TEXTS,):
        if operator in test:
            return test[operator](value, wanted)
    return False


def _text(item: object) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)


Test = Callable[[str, list[str]], bool]


def _parts(value: str) -> set[str]:
    return {part.strip() for part in value.split(";")} - {""}


def _texts(test: Callable[[str, str], bool]) -> Test:
    return lambda value, wanted: any(test(value.strip().lower(), one.lower()) for one in wanted)


def _not(test: Test) -> Test:
    return lambda value, wanted: not test(value, wanted)


def _numbers(compare: Callable[[float, list[float]], bool]) -> Test:
    def test(value: str, wanted: list[str]) -> bool:
        try:
            return compare(float(value), [float(one) for one in wanted])
        except ValueError:
            return False

    return test


_EQUAL = _texts(lambda value, one: value == one.strip())
_CONTAINS = _texts(lambda value, one: one in value)
_EXACTLY = _texts(lambda value, one: f" {one} " in f" {value} ")
_ANY: Test = lambda value, wanted: bool(_parts(value) & set(wanted))  # noqa: E731
_SAME: Test = lambda value, wanted: _parts(value) == set(wanted)  # noqa: E731
_ALL: Test = lambda value, wanted: _parts(value) >= set(wanted)  # noqa: E731

TEXTS: Mapping[str, Test] = {
    "IS_EQUAL_TO": _EQUAL,
    "IS_NOT_EQUAL_TO": _not(_EQUAL),
    "CONTAINS": _CONTAINS,
    "DOES_NOT_CONTAIN": _not(_CONTAINS),
    "CONTAINS_EXACTLY": _EXACTLY,
    "DOES_NOT_CONTAIN_EXACTLY": _not(_EXACTLY),
    "STARTS_WITH": _texts(lambda value, one: value.startswith(one)),
    "ENDS_WITH": _texts(lambda value, one: value.endswith(one)),
}
SETS: Mapping[str, Test] = {
    "IS_ANY_OF": _ANY,
    "IS_NONE_OF": _not(_ANY),
    "IS_EXACTLY": _SAME,
    "IS_NOT_EXACTLY": _not(_SAME),
    "CONTAINS_ALL": _ALL,
    "DOES_NOT_CONTAIN_ALL": _not(_ALL),
}
NUMBERS: Mapping[str, Test] = {
    "IS_EQUAL_TO": _numbers(lambda value, wanted: value in wanted),
    "IS_NOT_EQUAL_TO": _numbers(lambda value, wanted: value not in wanted),
    "IS_GREATER_THAN": _numbers(lambda value, wanted: value > wanted[0]),
    "IS_GREATER_THAN_OR_EQUAL_TO": _numbers(lambda value, wanted: value >= wanted[0]),
    "IS_LESS_THAN": _numbers(lambda value, wanted: value < wanted[0]),
    "IS_LESS_THAN_OR_EQUAL_TO": _numbers(lambda value, wanted: value <= wanted[0]),
    "IS_BETWEEN": _numbers(lambda value, wanted: wanted[0] <= value <= wanted[1]),
    "IS_NOT_BETWEEN": _numbers(lambda value, wanted: not wanted[0] <= value <= wanted[1]),
}
