"""Where a list's `filterBranch` comes in: checked, and turned into the inside form.

Source: HubSpot's guide to list filters and the lists API's models (`PublicPropertyFilter` and its operations). Unknown
types, operators and keys become `NotEvaluated` by their name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diagnostics.criteria.form import Clause, Constant, Group, InList, Kind, NotEvaluated, Part
from diagnostics.criteria.keys import named, strange
from diagnostics.criteria.moments import KINDS_OF_MOMENT, UnclearTime, moment_clause
from engine.visible import is_storable, visible

DEEPEST_BRANCH = 20
MOST_LEAVES = 500
_GROUPS: Mapping[str, Group] = {
    "OR": Group("any"),
    "AND": Group("all"),
    "NOT_ANY": Group("any", negated=True),
    "NOT_ALL": Group("all", negated=True),
}
_EQUAL = ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "HAS_EVER_BEEN_EQUAL_TO", "HAS_NEVER_BEEN_EQUAL_TO")
_TEXTS = (
    *_EQUAL, "CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH", "CONTAINS_EXACTLY", "DOES_NOT_CONTAIN_EXACTLY",
    "HAS_EVER_CONTAINED", "HAS_NEVER_CONTAINED",
)  # fmt: skip
_OPERATORS: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "ALL_PROPERTY": ("presence", ("IS_KNOWN", "IS_UNKNOWN", "IS_BLANK", "IS_NOT_BLANK")),
    "STRING": ("text", _TEXTS),
    "MULTISTRING": ("text", _TEXTS),
    "NUMBER": (
        "number",
        (*_EQUAL, "IS_GREATER_THAN", "IS_GREATER_THAN_OR_EQUAL_TO", "IS_LESS_THAN", "IS_LESS_THAN_OR_EQUAL_TO"),
    ),
    "NUMBER_RANGED": ("number", ("IS_BETWEEN", "IS_NOT_BETWEEN")),
    "BOOL": ("bool", _EQUAL),
    "ENUMERATION": (
        "options",
        (
            "IS_ANY_OF", "IS_NONE_OF", "IS_EXACTLY", "IS_NOT_EXACTLY", "CONTAINS_ALL", "DOES_NOT_CONTAIN_ALL",
            "HAS_EVER_BEEN_ANY_OF", "HAS_NEVER_BEEN_ANY_OF", "HAS_EVER_BEEN_EXACTLY", "HAS_NEVER_BEEN_EXACTLY",
            "HAS_EVER_CONTAINED_ALL", "HAS_NEVER_CONTAINED_ALL",
        ),
    ),
    "STRING_COMPARATIVE": ("text", ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO")),
    "NUMBER_COMPARATIVE": ("number", ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "IS_GREATER_THAN", "IS_LESS_THAN")),
    "BOOL_COMPARATIVE": ("bool", ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO")),
}  # fmt: skip
"""What each operation type holds and which operators it has."""
_ALIASES: Mapping[str, str] = {
    "ALLTYPES": "ALL_PROPERTY",
    "ALL_PROPERTY_TYPES": "ALL_PROPERTY",
    "DATETIME_RANGED": "RANGED_DATE",
    "DATETIME_ROLLING": "ROLLING_DATE_RANGE",
    "DATETIME_COMPARATIVE": "COMPARATIVE_DATE",
}
_REASONS: Mapping[str, str] = {
    "ROLLING_PROPERTY_UPDATED": "when a property was last changed is not in the mirror",
    "COMPARATIVE_PROPERTY_UPDATED": "when a property was last changed is not in the mirror",
    "PROPERTY_UPDATED_COMPARATIVE": "when a property was last changed is not in the mirror",
}
_NOT_READ = "Syncdoctor reads no such facts of a contact"
_HALF = "it holds half of a surrogate pair, which no text can hold"


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    def strange(self) -> list[str]:
        """The keys that nobody here knows and that say something."""
        return strange(self.model_extra or {}, ())


class _Branch(_Part):
    kind: str = Field(alias="filterBranchType", default="")
    operator: str = Field(alias="filterBranchOperator", default="")
    branches: list[dict[str, Any]] = Field(alias="filterBranches", default_factory=list)
    filters: list[dict[str, Any]] = Field(default_factory=list)


class _Filter(_Part):
    kind: str = Field(alias="filterType")
    property: str = ""
    operation: dict[str, Any] = Field(default_factory=dict)
    list_id: str = Field(alias="listId", default="", coerce_numbers_to_str=True)
    operator: str = ""
    metadata: dict[str, Any] | None = None
    accepted: bool | None = Field(alias="shouldAccept", default=None)
    source: str = ""


class _Operation(_Part):
    kind: str = Field(alias="operationType")
    operator: str
    accepts_empty: bool = Field(alias="includeObjectsWithNoValueSet", default=False)
    value: bool | int | float | str | None = None
    values: list[bool | int | float | str] | None = None
    low: int | float | None = Field(alias="lowerBound", default=None)
    high: int | float | None = Field(alias="upperBound", default=None)
    other: str = Field(alias="comparisonPropertyName", default="")


def criteria_of(document: str) -> Part | None:
    """The criteria in the JSON text of a `filterBranch`; None if there are none."""
    if not document:
        return None
    try:
        branch = json.loads(document)
    except (ValueError, RecursionError):
        return NotEvaluated("the criteria", "they are not readable JSON")
    if not isinstance(branch, dict):
        return NotEvaluated("the criteria", "they are no filter branch")
    if document.count('"filterType"') > MOST_LEAVES:
        return NotEvaluated("the criteria", f"they have more than {MOST_LEAVES} filters")
    return _branch(branch, 0)


def _branch(given: Mapping[str, Any], depth: int) -> Part:
    try:
        branch = _Branch.model_validate(given)
    except ValidationError as error:
        return NotEvaluated("a group of filters", _shape(error))
    kind = branch.kind or branch.operator
    what = f"a {visible(kind, 40) or 'nameless'} branch"
    if kind not in _GROUPS:
        return NotEvaluated(what, _NOT_READ)
    if depth >= DEEPEST_BRANCH:
        return NotEvaluated(what, f"it is nested more than {DEEPEST_BRANCH} levels deep")
    if branch.strange():
        return NotEvaluated(what, f"it has {named(branch.strange())}")
    if {kind, branch.operator} == {"AND", "OR"}:
        return NotEvaluated(what, f"its operator is {branch.operator}")
    parts = [_branch(child, depth + 1) for child in branch.branches] + [_filter(entry) for entry in branch.filters]
    group = _GROUPS[kind]
    if not parts:
        return NotEvaluated(what, "it holds no filters")
    return Group(group.joined, tuple(parts), group.negated)


def _filter(given: Mapping[str, Any]) -> Part:
    try:
        entry = _Filter.model_validate(given)
    except ValidationError as error:
        return NotEvaluated("a filter", _shape(error))
    what = f"a {visible(entry.kind, 40)} filter"
    if not is_storable(json.dumps(given, ensure_ascii=False)):
        return NotEvaluated(what, _HALF)
    if entry.strange():
        return NotEvaluated(what, f"it has {named(entry.strange())}")
    if entry.kind == "IN_LIST" and entry.operator in ("IN_LIST", "NOT_IN_LIST") and entry.list_id:
        asked = entry.metadata or {}
        if odd := strange(asked, ()):
            return NotEvaluated(f"{what} on {visible(str(asked.get('inListType') or named(odd)), 40)}", _NOT_READ)
        return InList(entry.list_id, entry.operator == "IN_LIST")
    if entry.kind == "CONSTANT" and entry.accepted is not None:
        return Constant(entry.accepted)
    if entry.kind != "PROPERTY":
        return NotEvaluated(what, _NOT_READ)
    return _clause(entry.property, entry.operation)


def _clause(name: str, given: Mapping[str, Any]) -> Part:
    what = f"a filter on {visible(name, 100) or 'no property'}"
    try:
        operation = _Operation.model_validate(given)
    except ValidationError as error:
        return NotEvaluated(what, _shape(error))
    kind = operation.kind.upper().replace("-", "_")
    kind = _ALIASES.get(kind, kind)
    said = f"{what} ({visible(kind, 40)} {visible(operation.operator, 40)})"
    if not name:
        return NotEvaluated(said, "it names no property")
    if kind in KINDS_OF_MOMENT:
        try:
            return moment_clause(name, kind, given)
        except ValidationError as error:
            return NotEvaluated(said, _shape(error))
        except UnclearTime as error:
            return NotEvaluated(said, str(error))
    if kind not in _OPERATORS or operation.operator not in _OPERATORS[kind][1]:
        return NotEvaluated(said, _REASONS.get(kind, "this operator is not known"))
    if operation.strange():
        return NotEvaluated(said, f"it has {named(operation.strange())}")
    if len(several := _given(operation)) > 1:
        return NotEvaluated(said, f"it gives both {' and '.join(several)}")
    values = _values(operation)
    if _OPERATORS[kind][0] != "presence" and not values and not operation.other:
        return NotEvaluated(said, "it gives no value")
    if kind == "NUMBER_RANGED" and len(values) != 2:
        return NotEvaluated(said, "it gives no range")
    return Clause(
        name, _OPERATORS[kind][0], operation.operator, values, other=operation.other, accepts_empty=operation.accepts_empty
    )  # fmt: skip


def _given(operation: _Operation) -> list[str]:
    """The keys that give a value; one is enough."""
    bounds = operation.low is not None or operation.high is not None
    ways = {
        "value": operation.value not in (None, ""), "values": bool(operation.values), "bounds": bounds,
        "comparisonPropertyName": bool(operation.other),
    }  # fmt: skip
    return [name for name, there in ways.items() if there]


def _values(operation: _Operation) -> tuple[str, ...]:
    if operation.low is not None and operation.high is not None:
        return (str(operation.low), str(operation.high))
    given = operation.values if operation.values is not None else [operation.value]
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in given if one is not None)


def _shape(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{visible(place, 60) or 'it'} is not of the documented shape"
