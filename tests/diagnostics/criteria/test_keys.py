"""What a filter says under keys that nobody here knows."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.evaluate import Circumstances, unknown_because
from tests.diagnostics.criteria.test_calendar import calendar
from tests.diagnostics.criteria.test_operators import BERLIN, NOW, answers, asks, point, time_point, whole


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (calendar("THIS", "YEAR", useFiscalYear=True), "it goes by the fiscal year and does not say when that begins"),
        (calendar("THIS", "YEAR", fiscalYearStart="APRIL"), "it names a fiscal year and does not say whether it goes by that"),
        (calendar("THIS", "DECADE"), "DECADE is no unit of time"),
        (calendar("THIS", "MONTH", timeUnitCount=3), "this unit of time is one, and it counts several"),
        (calendar("BEFORE", "MONTH"), "this operator is not known"),
        (calendar("THIS", "MONTH", weekStart="SUNDAY"), "it has weekStart"),
        (calendar("THIS", "MONTH", defaultValue="2026-10-01"), "it has defaultValue"),
        (calendar("THIS", "MONTH", timestamp=1790841600000), "it has timestamp"),
        (asks("DATE", "IS_AFTER", year=2026, month="OCTOBER", day=1, numberOfDays=3), "it has numberOfDays"),
        (asks("DATETIME", "IS_AFTER_DATE", timestamp=1790841600000, leapSeconds=True), "it has leapSeconds"),
        (asks("STRING", "IS_EQUAL_TO", value="a", defaultValue="b"), "it has defaultValue"),
        (asks("MULTISTRING", "IS_EQUAL_TO", "a", value="b"), "it gives both value and values"),
        (time_point("IS_AFTER", point() | {"calendar": "ISO"}), "it has calendar"),
        (time_point("IS_AFTER", point() | {"year": 2020}), "it has year"),
        (time_point("IS_AFTER", point() | {"indexReference": {"referenceType": "TODAY", "dayOfWeek": "MONDAY"}}), "it has dayOfWeek"),
        (time_point("IS_AFTER", point() | {"indexReference": {"referenceType": "FISCAL_YEAR", "day": 1, "month": 1}}),
         "it goes by the account's fiscal year, which is not read"),
    ],
)  # fmt: skip
def test_what_a_filter_says_besides_is_never_ignored(operation: dict[str, Any], why: str) -> None:
    """A key that nobody here knows, or that belongs to another kind of filter, makes it unknown by its name."""
    tree = criteria_of(whole({"filterType": "PROPERTY", "property": "p", "operation": operation}))
    assert tree is not None
    assert unknown_because(tree, Circumstances(NOW, BERLIN, frozenset({"hubspot.p"}))).endswith(why)


def test_keys_that_repeat_others_or_say_nothing_change_nothing() -> None:
    """As older answers have them."""
    idle = {"propertyType": "datetime", "operatorName": "x", "frameworkFilterId": 3, "defaultValue": None, "other": ""}
    assert answers(calendar("THIS", "YEAR") | idle, "2026-05-05") == [True]
    assert answers(asks("STRING", "IS_EQUAL_TO", value="a") | idle | {"defaultValue": ""}, "a") == [True]
