"""Criteria and contacts at random: every operator, near hits, empty and unread values, several zones, days when clocks change."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

TEXTS = ("Köln", "koeln", "Köln ", "Berlin", "Ber", "KÖLN;Berlin", "a;b", " ", "İzmir", "Straße", "x.y", "")
OPTIONS = ("lead", "customer", "Lead", "lead;customer", "customer;lead;partner", ";lead", "partner", " lead", "")
NUMBERS = ("0", "1", "1.0", "-3", "2.5", "1e3", "1000", "12,5", "viele", " 7 ", "")
BOOLS = ("true", "false", "TRUE", "yes", "")
ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata", "America/Santiago")
EDGES = (
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 9, 6, 4, 0, tzinfo=UTC), datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 1, 8, 0, tzinfo=UTC), datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
)  # fmt: skip
PROPERTIES = {
    "city": "text", "company": "text", "stage": "options", "topics": "options", "points": "number", "limit": "number",
    "optin": "bool", "seen": "moment", "signed": "moment",
}  # fmt: skip
_TEXT = (
    "IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH", "CONTAINS_EXACTLY",
    "DOES_NOT_CONTAIN_EXACTLY", "HAS_EVER_BEEN_EQUAL_TO", "HAS_NEVER_BEEN_EQUAL_TO", "HAS_EVER_CONTAINED", "HAS_NEVER_CONTAINED",
)  # fmt: skip
_OPTIONS = (
    "IS_ANY_OF", "IS_NONE_OF", "IS_EXACTLY", "IS_NOT_EXACTLY", "CONTAINS_ALL", "DOES_NOT_CONTAIN_ALL", "HAS_EVER_BEEN_ANY_OF",
    "HAS_NEVER_BEEN_ANY_OF", "HAS_EVER_BEEN_EXACTLY", "HAS_NEVER_BEEN_EXACTLY", "HAS_EVER_CONTAINED_ALL",
    "HAS_NEVER_CONTAINED_ALL",
)  # fmt: skip
_NUMBER = (
    "IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "IS_GREATER_THAN", "IS_GREATER_THAN_OR_EQUAL_TO", "IS_LESS_THAN",
    "IS_LESS_THAN_OR_EQUAL_TO", "HAS_EVER_BEEN_EQUAL_TO", "HAS_NEVER_BEEN_EQUAL_TO",
)  # fmt: skip
_MONTHS = ("JANUARY", "FEBRUARY", "MARCH", "SEPTEMBER", "OCTOBER", "DECEMBER")
_MONTH_NUMBERS = {"JANUARY": 1, "FEBRUARY": 2, "MARCH": 3, "SEPTEMBER": 9, "OCTOBER": 10, "DECEMBER": 12}


class Invention:
    """One seed's world: now, contacts with their past, and criteria."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = self.chance.choice(EDGES) + timedelta(minutes=self.chance.randint(-2000, 2000))
        self.zone = self.chance.choice(ZONES)

    def value(self, name: str) -> str:
        """A value of a property, often empty, sometimes odd."""
        kind = PROPERTIES[name]
        if kind == "moment":
            return self._moment()
        return self.chance.choice({"text": TEXTS, "options": OPTIONS, "number": NUMBERS, "bool": BOOLS}[kind])

    def _moment(self) -> str:
        days = self.chance.choice((0, 0, 0, 1, -1, 3, -3, 30, -30, 365))
        at = self.now + timedelta(days=days, minutes=self.chance.choice((0, 0, 1, -1, 30, -60, 90, 600)))
        match self.chance.randrange(6):
            case 0:
                return ""
            case 1:
                return f"{at:%Y-%m-%d}"
            case 2:
                return str(int(at.timestamp() * 1000))
            case 3:
                return self.chance.choice(("bald", "2026-02-30", "2026-10-25T02:30:00+02:00"))
        return f"{at:%Y-%m-%dT%H:%M:%S}.{self.chance.choice(('000', '999'))}Z"

    def branch(self, depth: int = 0) -> dict[str, Any]:
        """A branch of some filters and, less often, of branches."""
        kind = "OR" if depth == 0 else self.chance.choices(("AND", "OR", "NOT_ANY", "NOT_ALL"), (7, 2, 1, 1))[0]
        children = [
            self.branch(depth + 1) for _ in range(self.chance.choice((1, 1, 2) if depth == 0 else (0, 0, 0, 1)))
        ]
        filters = [self.entry() for _ in range(self.chance.choice((1, 2, 3)) if depth else self.chance.choice((0, 1)))]
        if depth > 1:
            children = []
        return {"filterBranchType": kind, "filterBranches": children, "filters": filters}

    def entry(self) -> dict[str, Any]:
        """One filter; a few are on lists, constants, or things that nobody evaluates."""
        draw = self.chance.random()
        if draw < 0.05:
            operator = self.chance.choice(("IN_LIST", "NOT_IN_LIST"))
            return {"filterType": "IN_LIST", "listId": self.chance.choice(("7", "8")), "operator": operator}
        if draw < 0.07:
            return {"filterType": "CONSTANT", "shouldAccept": self.chance.random() < 0.5, "source": "test"}
        if draw < 0.09:
            return {"filterType": "PAGE_VIEW", "operator": "HAS_PAGEVIEW_EQ", "pageUrl": "https://x.example"}
        name = self.chance.choice(sorted(PROPERTIES))
        operation = self._presence() if self.chance.random() < 0.12 else self._operation(name)
        if self.chance.random() < 0.5:
            operation["includeObjectsWithNoValueSet"] = self.chance.random() < 0.5
        return {"filterType": "PROPERTY", "property": name, "operation": operation}

    def _presence(self) -> dict[str, Any]:
        operators = ("IS_KNOWN", "IS_UNKNOWN", "IS_BLANK", "IS_NOT_BLANK")
        return {"operationType": "ALL_PROPERTY", "operator": self.chance.choice(operators)}

    def _operation(self, name: str) -> dict[str, Any]:
        pick, some = self.chance.choice, self.chance.sample
        match PROPERTIES[name]:
            case "text" if self.chance.random() < 0.1:
                return {
                    "operationType": "string-comparative",
                    "operator": "IS_EQUAL_TO",
                    "comparisonPropertyName": "company",
                }
            case "text" if self.chance.random() < 0.3:
                return {"operationType": "STRING", "operator": pick(_TEXT), "value": pick(TEXTS[:-1])}
            case "text":
                values = some(TEXTS[:-1], pick((1, 2, 3)))
                return {"operationType": "MULTISTRING", "operator": pick(_TEXT), "values": values}
            case "options":
                values = some(("lead", "customer", "partner", "LEAD"), pick((1, 2, 3)))
                return {"operationType": "ENUMERATION", "operator": pick(_OPTIONS), "values": values}
            case "number" if self.chance.random() < 0.2:
                low = self.chance.randint(-3, 3)
                return {
                    "operationType": "NUMBER_RANGED", "operator": pick(("IS_BETWEEN", "IS_NOT_BETWEEN")),
                    "lowerBound": low, "upperBound": low + pick((0, 2, 1000)),
                }  # fmt: skip
            case "number" if self.chance.random() < 0.1:
                return {
                    "operationType": "number-comparative", "comparisonPropertyName": "limit",
                    "operator": pick(("IS_EQUAL_TO", "IS_GREATER_THAN", "IS_LESS_THAN")),
                }  # fmt: skip
            case "number":
                return {"operationType": "NUMBER", "operator": pick(_NUMBER), "value": pick((0, 1, 2.5, 1000, -3, 7))}
            case "bool":
                operator = pick(("IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "HAS_EVER_BEEN_EQUAL_TO", "HAS_NEVER_BEEN_EQUAL_TO"))
                return {"operationType": "BOOL", "operator": operator, "value": pick((True, False))}
        return self._of_time()

    def _of_time(self) -> dict[str, Any]:
        pick = self.chance.choice
        between = pick(("IS_BETWEEN", "IS_NOT_BETWEEN"))
        stamp = int((self.now + timedelta(days=pick((-3, 0, 1)), minutes=pick((-600, 0, 30)))).timestamp() * 1000)
        match self.chance.randrange(10):
            case 8 | 9:
                return self._calendar()
            case 0:
                operator = pick(("IS_EQUAL_TO", "IS_BEFORE_DATE", "IS_AFTER_DATE"))
                return {
                    "operationType": "DATETIME",
                    "operator": operator,
                    "timestamp": stamp,
                    "requiresTimeZoneConversion": True,
                }
            case 1:
                return {
                    "operationType": "RANGED_DATE",
                    "operator": between,
                    "lowerBound": stamp,
                    "upperBound": stamp + 90_000_000,
                }
            case 2:
                operator = pick(
                    ("IS_LESS_THAN_X_DAYS_AGO", "IS_MORE_THAN_X_DAYS_AGO", "IS_LESS_THAN_X_DAYS_FROM_NOW",
                     "IS_MORE_THAN_X_DAYS_FROM_NOW")
                )  # fmt: skip
                return {
                    "operationType": "ROLLING_DATE_RANGE",
                    "operator": operator,
                    "numberOfDays": pick((0, 1, 3, 30)),
                }
            case 3:
                operator = pick(("IS_EQUAL_TO", "IS_BEFORE", "IS_AFTER"))
                return {
                    "operationType": "DATE",
                    "operator": operator,
                    "year": 2026,
                    "month": pick(_MONTHS),
                    "day": pick((1, 28, 25)),
                }
            case 4:
                operator = pick(("IS_BEFORE", "IS_AFTER"))
                return {"operationType": "COMPARATIVE_DATE", "operator": operator, "comparisonPropertyName": "signed"}
            case 5 | 6:
                operation: dict[str, Any] = {
                    "operationType": "TIME_POINT", "operator": pick(("IS_BEFORE", "IS_AFTER")), "timePoint": self._point(),
                    "propertyParser": self._parser(), "type": "TIME_POINT",
                }  # fmt: skip
                return operation | ({"endpointBehavior": pick(("INCLUSIVE", "EXCLUSIVE"))} if pick((0, 1)) else {})
        return {
            "operationType": "TIME_RANGED", "operator": between, "type": "TIME_RANGED", "propertyParser": self._parser(),
            "lowerBoundTimePoint": self._point(-30), "upperBoundTimePoint": self._point(3),
            "lowerBoundEndpointBehavior": pick(("INCLUSIVE", "EXCLUSIVE")), "upperBoundEndpointBehavior": "INCLUSIVE",
        }  # fmt: skip

    def _calendar(self) -> dict[str, Any]:
        pick = self.chance.choice
        operation: dict[str, Any] = {
            "operationType": pick(("CALENDAR_DATE", "calendar-date")),
            "operator": pick(
                ("IN_THIS_TIME_UNIT", "IN_THIS_TIME_UNIT_SO_FAR", "IN_LAST_TIME_UNIT", "IN_NEXT_TIME_UNIT")
            ),
            "timeUnit": pick(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")),
            "useFiscalYear": pick((True, False)),
        }
        operation |= {"timeUnitCount": pick((1, 1, 2, 5))} if pick((True, False)) else {}
        starts = ("JANUARY", "FEBRUARY", "APRIL", "OCTOBER", "DECEMBER")
        return operation | ({"fiscalYearStart": pick(starts)} if pick((True, True, False)) else {})

    def _parser(self) -> str:
        return self.chance.choices(("VALUE", "VALUE_WITH_ZONE_SAME_LOCAL_CONVERSION", "UPDATED_AT"), (8, 2, 1))[0]

    def _point(self, days: int | None = None) -> dict[str, Any]:
        pick = self.chance.choice
        where = {"timezoneSource": "PORTAL"} if pick((0, 1)) else {"timezoneSource": "CUSTOM", "zoneId": pick(ZONES)}
        match self.chance.randrange(8):
            case 0:
                return where | {"timeType": "PROPERTY_REFERENCED", "property": "signed", "referenceType": "VALUE"}
            case 1 | 2:
                day = self.now + timedelta(days=pick((-1, 0, 1)))
                clock = pick(
                    ({}, {"hour": 2, "minute": 30}, {"hour": 23, "minute": 59, "second": 59, "millisecond": 999})
                )
                return where | {"timeType": "DATE", "year": day.year, "month": day.month, "day": day.day, **clock}
        kind = pick(("NOW", "TODAY", "TODAY", "WEEK", "MONTH", "QUARTER", "YEAR"))
        reference: dict[str, Any] = {"referenceType": kind}
        places: dict[str, dict[str, Any]] = {
            "WEEK": {"dayOfWeek": pick(("MONDAY", "SUNDAY", "FRIDAY"))}, "MONTH": {"day": pick((1, 31))},
            "QUARTER": {"day": 1, "month": 2}, "YEAR": {"day": 29, "month": 2},
        }  # fmt: skip
        reference |= places.get(kind, {})
        unit = pick(("days", "days", "weeks", "months", "hours", "minutes", "years", "quarters"))
        amount = days if days is not None and unit == "days" else pick((0, -1, 1, -3))
        return where | {"timeType": "INDEXED", "indexReference": reference, "offset": {unit: amount}}
