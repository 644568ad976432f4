"""Each operator on values made by hand: met, not met, or not known."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.evaluate import Circumstances, answer, unknown_because
from diagnostics.criteria.form import NotEvaluated, leaves, properties
from diagnostics.criteria.wording import in_words

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def answers(
    operation: dict[str, Any], *values: str | None, now: datetime = NOW, zone: str = BERLIN, **others: str | None
) -> list[bool | None]:
    """The answers for contacts with these values of the property `p`; `others` are everybody's other properties."""
    branch = {
        "filterBranchType": "AND",
        "filters": [{"filterType": "PROPERTY", "property": "p", "operation": operation}],
    }
    tree = criteria_of(json.dumps(branch))
    assert tree is not None
    frame = pl.DataFrame({"hubspot.p": values}, schema={"hubspot.p": pl.String})
    frame = frame.with_columns(pl.lit(value, pl.String).alias(f"hubspot.{name}") for name, value in others.items())
    around = Circumstances(now, zone, frozenset(frame.columns))
    return frame.select(pl.lit(None, pl.Boolean).alias("x"), answer(tree, around).alias("answer"))["answer"].to_list()


def asks(kind: str, operator: str, *values: Any, **rest: Any) -> dict[str, Any]:
    """An operation with values."""
    return {"operationType": kind, "operator": operator, **({"values": list(values)} if values else {}), **rest}


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        (asks("ALL_PROPERTY", "IS_KNOWN"), "x", True),
        (asks("ALL_PROPERTY", "IS_KNOWN"), "", False),
        (asks("ALL_PROPERTY", "IS_UNKNOWN"), "", True),
        (asks("alltypes", "IS_UNKNOWN"), "x", False),
        (asks("ALL_PROPERTY", "IS_BLANK"), " ", None),
        (asks("ALL_PROPERTY", "IS_NOT_BLANK"), "x", True),
        (asks("MULTISTRING", "IS_EQUAL_TO", "köln", "bonn"), "KÖLN", True),
        (asks("MULTISTRING", "IS_EQUAL_TO", "köln"), "köln ", None),
        (asks("STRING", "IS_EQUAL_TO", value="köln"), "köln;bonn", False),
        (asks("STRING", "IS_NOT_EQUAL_TO", value="köln"), "bonn", True),
        (asks("STRING", "IS_NOT_EQUAL_TO", value="köln"), "", False),
        (asks("STRING", "IS_NOT_EQUAL_TO", value="köln", includeObjectsWithNoValueSet=True), "", True),
        (asks("MULTISTRING", "CONTAINS", "a.b"), "xA.By", True),
        (asks("MULTISTRING", "CONTAINS", "a.b"), "axb", False),
        (asks("MULTISTRING", "DOES_NOT_CONTAIN", "a", "b"), "xbx", False),
        (asks("MULTISTRING", "STARTS_WITH", "Dr"), "dr. No", True),
        (asks("MULTISTRING", "ENDS_WITH", "@firma.example"), "a@FIRMA.example", True),
        (asks("MULTISTRING", "CONTAINS_EXACTLY", "a"), "xay", None),
        (asks("MULTISTRING", "CONTAINS_EXACTLY", "a"), "xyz", False),
        (asks("STRING", "HAS_EVER_BEEN_EQUAL_TO", value="a"), "a", True),
        (asks("STRING", "HAS_EVER_BEEN_EQUAL_TO", value="a"), "b", None),
        (asks("STRING", "HAS_NEVER_BEEN_EQUAL_TO", value="a"), "a", False),
        (asks("STRING", "HAS_NEVER_CONTAINED", value="a"), "", None),
        (asks("string-comparative", "IS_EQUAL_TO", comparisonPropertyName="q"), "Q-VALUE", True),
        (asks("ENUMERATION", "IS_ANY_OF", "lead", "customer"), "customer;partner", True),
        (asks("ENUMERATION", "IS_ANY_OF", "lead"), "leads", False),
        (asks("ENUMERATION", "IS_ANY_OF", "lead"), "Lead", None),
        (asks("ENUMERATION", "IS_NONE_OF", "lead"), "partner", True),
        (asks("ENUMERATION", "IS_NONE_OF", "lead"), "", False),
        (asks("ENUMERATION", "IS_NONE_OF", "lead", includeObjectsWithNoValueSet=True), "", True),
        (asks("ENUMERATION", "IS_EXACTLY", "a", "b"), "b;a", True),
        (asks("ENUMERATION", "IS_EXACTLY", "a", "b"), "a;b;c", False),
        (asks("ENUMERATION", "IS_NOT_EXACTLY", "a"), "a;b", True),
        (asks("ENUMERATION", "CONTAINS_ALL", "a", "b"), "c;b;a", True),
        (asks("ENUMERATION", "DOES_NOT_CONTAIN_ALL", "a", "b"), "a;c", True),
        (asks("ENUMERATION", "HAS_EVER_BEEN_ANY_OF", "a"), "a", True),
        (asks("ENUMERATION", "HAS_NEVER_BEEN_ANY_OF", "a"), "b", None),
        (asks("NUMBER", "IS_EQUAL_TO", value=7), "7.0", True),
        (asks("NUMBER", "IS_NOT_EQUAL_TO", value=7), "8", True),
        (asks("NUMBER", "IS_GREATER_THAN", value=7), "7", False),
        (asks("NUMBER", "IS_GREATER_THAN_OR_EQUAL_TO", value=7), "7", True),
        (asks("NUMBER", "IS_LESS_THAN", value=7.5), "7", True),
        (asks("NUMBER", "IS_LESS_THAN_OR_EQUAL_TO", value=7), "7.1", False),
        (asks("NUMBER", "IS_LESS_THAN", value=7), "viele", None),
        (asks("NUMBER_RANGED", "IS_BETWEEN", lowerBound=1, upperBound=3), "3", True),
        (asks("number-ranged", "IS_NOT_BETWEEN", lowerBound=1, upperBound=3), "4", True),
        (asks("NUMBER", "HAS_EVER_BEEN_EQUAL_TO", value=7), "8", None),
        (asks("BOOL", "IS_EQUAL_TO", value=True), "true", True),
        (asks("BOOL", "IS_NOT_EQUAL_TO", value=True), "false", True),
        (asks("BOOL", "IS_EQUAL_TO", value=False), "maybe", None),
        (asks("BOOL", "IS_EQUAL_TO", value=False, includeObjectsWithNoValueSet=True), "", True),
    ],
)
def test_operators(operation: dict[str, Any], value: str, expected: bool | None) -> None:
    """Met, not met, or left open by HubSpot's documentation; a value that was not fetched is never an answer."""
    assert answers(operation, value, None, q="q-value") == [expected, None]


def point(kind: str = "TODAY", zone: str = BERLIN, **offset: int) -> dict[str, Any]:
    """A time point relative to now."""
    source = {"timezoneSource": "CUSTOM", "zoneId": zone} if zone else {"timezoneSource": "PORTAL"}
    return {"timeType": "INDEXED", "indexReference": {"referenceType": kind}, "offset": offset, **source}


def time_point(operator: str, at: dict[str, Any], ends: str = "EXCLUSIVE") -> dict[str, Any]:
    """A TIME_POINT operation."""
    return asks("TIME_POINT", operator, timePoint=at, endpointBehavior=ends, propertyParser="VALUE")


@pytest.mark.parametrize(
    ("now", "operation", "value", "expected"),
    [
        # Today in Berlin begins at 22:00 UTC of the day before, in winter at 23:00.
        (NOW, time_point("IS_BEFORE", point()), "2026-09-30T21:59:59.999Z", True),
        (NOW, time_point("IS_BEFORE", point()), "2026-09-30T22:00:00.000Z", False),
        (NOW, time_point("IS_BEFORE", point(), "INCLUSIVE"), "2026-09-30T22:00:00.000Z", True),
        (NOW, time_point("IS_BEFORE", point(zone="")), "2026-09-30T22:00:00.000Z", False),
        (NOW, time_point("IS_BEFORE", point(zone="UTC")), "2026-09-30T22:00:00.000Z", True),
        (NOW, time_point("IS_AFTER", point("NOW", hours=-1)), "2026-10-01T07:00:00.001Z", True),
        # 30 days before 15 November lies on the other side of the change of clocks: midnight is 22:00 UTC there.
        (datetime(2026, 11, 15, 12, tzinfo=UTC), time_point("IS_AFTER", point(days=-30)), "2026-10-15T22:00:00.001Z", True),
        (datetime(2026, 11, 15, 12, tzinfo=UTC), time_point("IS_AFTER", point(days=-30)), "2026-10-15T22:00:00.000Z", False),
        # 02:30 comes twice on 25 October: a value between the two is not decided.
        (
            datetime(2026, 10, 26, 1, 30, tzinfo=UTC), time_point("IS_AFTER", point("NOW", days=-1)),
            "2026-10-25T01:30:00.001Z", True,
        ),
        (
            datetime(2026, 10, 26, 1, 30, tzinfo=UTC), time_point("IS_BEFORE", point("NOW", days=-1)),
            "2026-10-25T01:29:00.000Z", None,
        ),
        (
            datetime(2026, 10, 24, 0, 30, tzinfo=UTC), time_point("IS_AFTER", point("NOW", days=1)),
            "2026-10-25T01:00:00.000Z", None,
        ),
        # In Santiago 6 September 2026 begins at 01:00; its midnight does not exist.
        (
            datetime(2026, 9, 6, 12, tzinfo=UTC), time_point("IS_AFTER", point(zone="America/Santiago")),
            "2026-09-06T04:00:00.001Z", True,
        ),
        # A day without a time is midnight UTC or midnight in the zone.
        (NOW, time_point("IS_AFTER", point()), "2026-10-01", None),
        (NOW, time_point("IS_BEFORE", point()), "2026-09-30", True),
        (NOW, time_point("IS_BEFORE", point()), "irgendwann", None),
        (NOW, asks("ROLLING_DATE_RANGE", "IS_LESS_THAN_X_DAYS_AGO", numberOfDays=3), "2026-09-29T12:00:00Z", True),
        (NOW, asks("ROLLING_DATE_RANGE", "IS_LESS_THAN_X_DAYS_AGO", numberOfDays=3), "2026-09-28T01:00:00Z", None),
        (NOW, asks("ROLLING_DATE_RANGE", "IS_MORE_THAN_X_DAYS_AGO", numberOfDays=3), "2026-09-20T12:00:00Z", True),
        (NOW, asks("ROLLING_DATE_RANGE", "IS_LESS_THAN_X_DAYS_FROM_NOW", numberOfDays=3), "2026-10-02T12:00:00Z", True),
        (NOW, asks("ROLLING_DATE_RANGE", "IS_MORE_THAN_X_DAYS_FROM_NOW", numberOfDays=3), "2026-10-02T12:00:00Z", False),
        (NOW, asks("DATETIME", "IS_AFTER_DATE", timestamp=1790841600000), "2026-10-02T12:00:00Z", True),
        (NOW, asks("DATETIME", "IS_BEFORE_DATE", timestamp=1790841600000), "2026-10-01T12:00:00Z", False),
        (NOW, asks("DATETIME", "IS_EQUAL_TO", timestamp=1790841600000), "2026-10-01T08:00:00Z", True),
        (NOW, asks("DATETIME", "IS_EQUAL_TO", timestamp=1790841600000), "2026-10-01T09:00:00Z", None),
        (NOW, asks("RANGED_DATE", "IS_BETWEEN", lowerBound=1790841600000, upperBound=1791014400000), "2026-10-02", True),
        (NOW, asks("DATE", "IS_AFTER", year=2026, month="OCTOBER", day=1), "2026-10-03", True),
        (NOW, asks("COMPARATIVE_DATE", "IS_BEFORE", comparisonPropertyName="q"), "2026-09-01T00:00:00Z", True),
    ],
)  # fmt: skip
def test_times(now: datetime, operation: dict[str, Any], value: str, expected: bool | None) -> None:
    """Relative to now in the zone, over changes of clocks; not known where a reading of HubSpot's words would differ."""
    assert answers(operation, value, now=now, q="2026-10-01T00:00:00Z") == [expected]


def test_a_week_begins_on_monday_or_on_sunday_whichever_hubspot_means() -> None:
    """For Sunday the two differ by a week; between them nothing is answered."""
    week = point("WEEK") | {"indexReference": {"referenceType": "WEEK", "dayOfWeek": "SUNDAY"}}
    asked = time_point("IS_AFTER", week)

    assert answers(asked, "2026-09-20T00:00:00Z", "2026-09-30T00:00:00Z", "2026-10-10T00:00:00Z") == [False, None, True]


def whole(*filters: dict[str, Any], kind: str = "AND") -> str:
    """A branch as JSON."""
    return json.dumps({"filterBranchType": kind, "filters": list(filters)})


TRUE, FALSE = ({"filterType": "CONSTANT", "shouldAccept": accept} for accept in (True, False))
UNSEEN = {"filterType": "PAGE_VIEW", "operator": "HAS_PAGEVIEW_EQ"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (whole(TRUE, UNSEEN), None), (whole(FALSE, UNSEEN), False),
        (whole(TRUE, UNSEEN, kind="OR"), True), (whole(FALSE, UNSEEN, kind="OR"), None),
        (whole(FALSE, kind="NOT_ANY"), True), (whole(UNSEEN, kind="NOT_ANY"), None), (whole(FALSE, UNSEEN, kind="NOT_ALL"), True),
        (whole(TRUE, kind="UNIFIED_EVENTS"), None), (whole(), None), ("{", None), ("[]", None),
        (whole({"filterType": "IN_LIST", "listId": 7, "operator": "IN_LIST"}), True),
        (whole({"filterType": "IN_LIST", "listId": "8", "operator": "IN_LIST"}), None),
        (whole({"filterType": "IN_LIST", "listId": "7", "operator": "IN_LIST", "metadata": {"inListType": "IMPORT"}}), None),
        (whole(TRUE | {"pruningRefineBy": {"type": "ALL_HISTORY"}}), None),
    ],
)  # fmt: skip
def test_unknown_parts_count_as_unknown_in_and_or_and_not(document: str, expected: bool | None) -> None:
    """Kleene's logic; a part that is not understood is neither met nor unmet."""
    tree = criteria_of(document)
    assert tree is not None
    around = Circumstances(NOW, BERLIN, frozenset(), {"7": pl.lit(True)})

    assert pl.select(answer(tree, around)).item() is expected
    assert (expected is not None) or unknown_because(tree, around)


def test_what_is_not_evaluated_is_named_with_the_reason() -> None:
    """A missing property, an unknown operator, an unknown key, an unknown zone."""
    odd = {"filterType": "PROPERTY", "property": "p", "operation": asks("STRING", "SOUNDS_LIKE", value="x")}
    zone = {"filterType": "PROPERTY", "property": "p", "operation": time_point("IS_BEFORE", point(zone="Mond/Krater"))}
    deep: dict[str, Any] = {"filterBranchType": "AND", "filters": [TRUE]}
    for _ in range(30):
        deep = {"filterBranchType": "AND", "filterBranches": [deep]}

    def why(document: str, *columns: str) -> str:
        tree = criteria_of(document)
        assert tree is not None
        return unknown_because(tree, Circumstances(NOW, BERLIN, frozenset(columns)))

    assert "SOUNDS_LIKE" in why(whole(odd), "hubspot.p")
    assert "property p is not in the mirror" in why(whole(zone))
    assert "Mond/Krater" in why(whole(zone), "hubspot.p")
    assert "PAGE_VIEW" in why(whole(UNSEEN))
    assert "pruningRefineBy" in why(whole(TRUE | {"pruningRefineBy": {"type": "ALL_HISTORY"}}))
    assert "levels deep" in why(json.dumps(deep))
    assert "more than 500" in why(whole(*[TRUE] * 501))


@pytest.mark.parametrize(
    "odd",
    [
        {"filterType": "PROPERTY", "property": "p", "operation": asks("MULTISTRING", "IS_EQUAL_TO", "a", "x\ud800y")},
        {"filterType": "PROPERTY", "property": "p", "operation": asks("STRING", "CONTAINS", value="\udfff")},
        {"filterType": "PROPERTY", "property": "p\ud800", "operation": asks("ALL_PROPERTY", "IS_KNOWN")},
        {"filterType": "PROPERTY", "property": "p", "operation": time_point("IS_BEFORE", point(zone="\ud800"))},
        {"filterType": "IN_LIST", "listId": "7\ud800", "operator": "IN_LIST"},
        {"filterType": "\ud800"},
    ],
)
def test_half_of_a_surrogate_pair_makes_its_filter_unknown_and_no_other(odd: dict[str, Any]) -> None:
    """No text can hold it, so nothing can be compared with it."""
    tree = criteria_of(whole(odd, TRUE, kind="OR"))
    assert tree is not None
    around = Circumstances(NOW, BERLIN, frozenset({"hubspot.p"}))
    told = pl.DataFrame({"hubspot.p": ["x"]}).select(
        answer(leaf, around).alias(str(i)) for i, leaf in enumerate(leaves(tree))
    )

    assert told.row(0) == (None, True)
    assert "surrogate" in unknown_because(tree, around)
    assert in_words(tree).encode()


def test_the_properties_that_criteria_look_at_include_compared_ones() -> None:
    """They have to be read for the criteria to be evaluated."""
    at = {"timeType": "PROPERTY_REFERENCED", "property": "r", "referenceType": "VALUE"}
    filters = (
        {"filterType": "PROPERTY", "property": "p", "operation": time_point("IS_BEFORE", at)},
        {"filterType": "PROPERTY", "property": "s", "operation": asks("ENUMERATION", "IS_ANY_OF", "x")},
    )
    tree = criteria_of(whole(*filters))

    assert tree is not None
    assert properties(tree) == ("p", "r", "s")
    assert not any(isinstance(leaf, NotEvaluated) for leaf in leaves(tree))
