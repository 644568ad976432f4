"""The inclusion list's criteria, widened: edits of HubSpot's filter branch, on which the planner tries what they let in.

Only what the ways into the list ask for is edited, as `criteria.form.alternatives` and `clauses_of` name it: the parts of an OR, and
of the ANDs in it. Source of the shapes: HubSpot's lists API (`filterBranch`, `PublicPropertyFilter`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.form import Group, Part
from diagnostics.criteria.wording import in_words
from diagnostics.repairs.repair import Effect, Hypothetical

Node = Mapping[str, Any]
"""A filter or a branch of filters, as HubSpot gives it."""
_BRANCH, _FILTER = "filterBranchType", "filterType"


def also_taking(name: str, value: str, parts: Collection[str]) -> Effect:
    """Where the list asks for one of the parts, in words, it also takes this value of the property; empty for none."""
    whole = [part.strip() for part in value.split(";") if part.strip()]
    is_it = {"operationType": "ENUMERATION", "operator": "IS_EXACTLY", "values": whole}
    has_none = {"operationType": "ALL_PROPERTY", "operator": "IS_UNKNOWN"}
    this = {_FILTER: "PROPERTY", "property": name, "operation": is_it if value else has_none}
    return _edited(parts, lambda node: {_BRANCH: "OR", "filterBranches": [], "filters": [node, this]})


def not_asking(parts: Collection[str]) -> Effect:
    """The list does not ask for these parts, in words."""
    return _edited(parts, lambda _: {_FILTER: "CONSTANT", "shouldAccept": True})


def _edited(parts: Collection[str], change: Callable[[Node], Node]) -> Effect:
    def edited(node: Node) -> Node:
        return change(node) if in_words(_part(node)) in parts else node

    def effect(given: Hypothetical) -> Hypothetical:
        inclusion = given.situation.inclusion
        if inclusion is None or not isinstance(criteria_of(inclusion.filters), Group):
            return given
        filters = json.dumps(_branch(json.loads(inclusion.filters), edited, ways=True))
        return replace(given, situation=replace(given.situation, inclusion=replace(inclusion, filters=filters)))

    return effect


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
