"""The inclusion list's criteria, widened: edits of HubSpot's filter branch, on which the planner tries what they let in.

Only what the ways into the list ask for is edited, as `criteria.form.alternatives` and `clauses_of` name it: the parts of an OR, and
of the ANDs in it. Source of the shapes: HubSpot's lists API (`filterBranch`, `PublicPropertyFilter`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.form import Group, Part
from diagnostics.criteria.wording import in_words
from diagnostics.repairs.repair import Hypothetical

Node = Mapping[str, Any]
"""A filter or a branch of filters, as HubSpot gives it."""
_BRANCH, _FILTER = "filterBranchType", "filterType"


@dataclass(frozen=True)
class Widening:
    """An effect: where the list asks for one of the parts, in words, it also takes this value of the property (empty for none); with
    None it does not ask for them."""

    parts: frozenset[str]
    property: str = ""
    value: str | None = None

    def __call__(self, given: Hypothetical) -> Hypothetical:
        """The situation with other criteria."""
        return widened((self,), given)


def widened(widenings: Sequence[Widening], given: Hypothetical) -> Hypothetical:
    """All of them at once: they name parts of the criteria as these are now."""
    inclusion = given.situation.inclusion
    if not widenings or inclusion is None or not isinstance(criteria_of(inclusion.filters), Group):
        return given

    def edited(node: Node) -> Node:
        words = in_words(_part(node))
        mine = [one for one in widenings if words in one.parts]
        if any(one.value is None for one in mine):
            return {_FILTER: "CONSTANT", "shouldAccept": True}
        taken = [_with(one.property, one.value or "") for one in mine]
        return {_BRANCH: "OR", "filterBranches": [], "filters": [node, *taken]} if taken else node

    filters = json.dumps(_branch(json.loads(inclusion.filters), edited, ways=True))
    return replace(given, situation=replace(given.situation, inclusion=replace(inclusion, filters=filters)))


def _with(name: str, value: str) -> Node:
    """Contacts with this value of the property; empty for none."""
    is_it = {"operationType": "ENUMERATION", "operator": "IS_EXACTLY", "values": sorted(options_of(value))}
    has_none = {"operationType": "ALL_PROPERTY", "operator": "IS_UNKNOWN"}
    return {_FILTER: "PROPERTY", "property": name, "operation": is_it if value else has_none}


def options_of(value: str) -> frozenset[str]:
    """The options of a value, as a list compares them."""
    return frozenset(filter(None, (part.strip() for part in value.split(";"))))


def _branch(node: Node, edited: Callable[[Node], Node], *, ways: bool) -> Node:
    """The branch with what it asks for edited. `ways`: it is the outermost one, whose parts are ways in if it is an OR."""
    kind = node.get(_BRANCH) or node.get("filterBranchOperator")
    if kind != "AND" and not (ways and kind == "OR"):
        return edited(node)
    parts = [_branch(one, edited, ways=False) for one in node.get("filterBranches", ())]
    parts += [edited(one) for one in node.get("filters", ())]
    filters = [one for one in parts if _FILTER in one]
    return {**node, "filterBranches": [one for one in parts if _FILTER not in one], "filters": filters}


def _part(node: Node) -> Part:
    """The node alone in the inside form."""
    wrapped = _FILTER in node
    alone = criteria_of(json.dumps({_BRANCH: "AND", "filterBranches": [], "filters": [node]} if wrapped else node))
    assert alone is not None
    return alone.parts[0] if wrapped and isinstance(alone, Group) else alone
