"""Criteria of the practice portal's inclusion list at random: several ways in, several clauses on one property, groups, another list,
and a filter that nobody here can evaluate."""

from __future__ import annotations

import random
from typing import Any

STAGES = ("subscriber", "lead", "customer", "other", "opportunity", "partner", "evangelist")
COUNTRIES = ("Deutschland", "Schweiz", "Österreich", "Polen")


def criteria(seed: int) -> dict[str, Any]:
    """A filter branch as HubSpot's lists API takes it."""
    chance = random.Random(seed)
    return _branch("OR", [_way(chance) for _ in range(chance.choice((1, 1, 2, 2, 3)))])


def _way(chance: random.Random) -> dict[str, Any]:
    filters = [_filter(chance) for _ in range(chance.choice((1, 2, 3)))]
    either = [_branch("OR", [], [_filter(chance), _filter(chance)])] if chance.random() < 0.15 else []
    return _branch("AND", either, filters)


def _branch(kind: str, branches: list[dict[str, Any]], filters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"filterBranchType": kind, "filterBranches": branches, "filters": filters or []}


def _filter(chance: random.Random) -> dict[str, Any]:
    draw = chance.random()
    if draw < 0.12:
        return {"filterType": "PAGE_VIEW", "operator": "HAS_PAGEVIEW_EQ", "pageUrl": "https://x.example"}
    if draw < 0.2:
        return {"filterType": "IN_LIST", "operator": chance.choice(("IN_LIST", "NOT_IN_LIST")), "listId": "102"}
    name = chance.choice(
        ("lifecyclestage", "lifecyclestage", "country", "city", "loyalty_points", "newsletter_opt_in", "email")
    )
    operation = _operation(name, chance)
    if chance.random() < 0.3:
        operation["includeObjectsWithNoValueSet"] = chance.random() < 0.5
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


def _operation(name: str, chance: random.Random) -> dict[str, Any]:
    match name:
        case "loyalty_points":
            operator = chance.choice(("IS_GREATER_THAN", "IS_LESS_THAN", "IS_NOT_EQUAL_TO"))
            return {"operationType": "NUMBER", "operator": operator, "value": chance.choice((5, 50, 100, 200))}
        case "lifecyclestage":
            operator = chance.choice(("IS_ANY_OF", "IS_ANY_OF", "IS_NONE_OF"))
            values = chance.sample(STAGES, chance.choice((1, 2, 3)))
            return {"operationType": "ENUMERATION", "operator": operator, "values": values}
        case "country":
            operator = chance.choice(("IS_EQUAL_TO", "IS_NOT_EQUAL_TO"))
            return {"operationType": "MULTISTRING", "operator": operator, "values": chance.sample(COUNTRIES, 2)}
        case "newsletter_opt_in":
            return {
                "operationType": "ENUMERATION",
                "operator": "IS_ANY_OF",
                "values": [chance.choice(("true", "true", "false"))],
            }
        case "email":
            return {"operationType": "ALL_PROPERTY", "operator": chance.choice(("IS_KNOWN", "IS_KNOWN", "IS_UNKNOWN"))}
    return chance.choice(
        (
            {"operationType": "ALL_PROPERTY", "operator": "IS_KNOWN"},
            {"operationType": "STRING", "operator": "STARTS_WITH", "value": chance.choice("BKMW")},
            {"operationType": "MULTISTRING", "operator": "CONTAINS", "values": [chance.choice("aeiou")]},
        )
    )
