"""What is said of a contact whose answer is not known."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.evaluate import Circumstances
from diagnostics.criteria.reasons import left_open_because
from tests.diagnostics.criteria.test_operators import BERLIN, FALSE, NOW, TRUE, UNSEEN, asks, point, time_point, whole


def reason(*filters: dict[str, Any], kind: str = "AND", **values: str | None) -> str | None:
    """What is said of a contact with these values."""
    tree = criteria_of(whole(*filters, kind=kind))
    assert tree is not None
    frame = pl.DataFrame({f"hubspot.{name}": [value] for name, value in values.items()}).cast(pl.String)
    around = Circumstances(NOW, BERLIN, frozenset(frame.columns), {"7": pl.lit(None, pl.Boolean)})
    return frame.select(left_open_because(tree, around).alias("why"))["why"].item()  # type: ignore[no-any-return]


def on(operation: dict[str, Any], name: str = "p") -> dict[str, Any]:
    """A filter on a property."""
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


EVER = asks("STRING", "HAS_EVER_BEEN_EQUAL_TO", value="a")
SIZE = asks("NUMBER", "IS_LESS_THAN", value=7)


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        (EVER, "b", "p has ever been equal to a: the value of now does not decide it, and earlier ones are not read"),
        (asks("ENUMERATION", "HAS_NEVER_BEEN_ANY_OF", "a"), "b", "p has never been any of a: the value of now does not decide"),
        (EVER, "", "p has ever been equal to a: the value of now does not decide it"),
        (EVER, "a", None),
        (EVER, None, "p has ever been equal to a: its value was not read"),
        (asks("MULTISTRING", "IS_EQUAL_TO", "köln"), "köln ", "p is equal to köln: whether outer white space counts"),
        (asks("MULTISTRING", "CONTAINS_EXACTLY", "a"), "xay", "p contains exactly a: which words count as exact"),
        (asks("ENUMERATION", "IS_ANY_OF", "lead"), "Lead", "p is any of lead: whether case counts in an option's internal value"),
        (asks("ALL_PROPERTY", "IS_BLANK"), " ", "p is blank: whether white space alone is blank"),
        (SIZE, "viele", "p is less than 7: its value is no number"),
        (SIZE, "3", None),
        (asks("BOOL", "IS_EQUAL_TO", value=True), "maybe", "p is equal to true: its value is neither true nor false"),
        (time_point("IS_BEFORE", point()), "irgendwann", "p is before today (Europe/Berlin): its value is no date or time"),
        (
            time_point("IS_AFTER", point()), "2026-10-01",
            "p is after today (Europe/Berlin): its value lies where HubSpot's documentation leaves open which moment is meant",
        ),
    ],
)  # fmt: skip
def test_every_answer_that_is_not_known_has_a_reason(
    operation: dict[str, Any], value: str | None, expected: str | None
) -> None:
    """The clause, and what in the contact's value leaves it open; of a known answer nothing is said."""
    said = reason(on(operation), p=value)
    assert said == expected or (said is not None and expected is not None and said.startswith(expected))


def test_the_value_that_another_is_compared_with_is_named() -> None:
    """Empty, not read, or of another kind."""
    text = on(asks("string-comparative", "IS_EQUAL_TO", comparisonPropertyName="q"))
    size = on(asks("number-comparative", "IS_LESS_THAN", comparisonPropertyName="q"))
    time = on(asks("COMPARATIVE_DATE", "IS_BEFORE", comparisonPropertyName="q"))

    assert "q is empty, and what a comparison with nothing gives is not documented" in str(reason(text, p="a", q=""))
    assert "q was not read" in str(reason(text, p="a", q=None))
    assert "q holds no number" in str(reason(size, p="1", q="viele"))
    assert "q holds no date or time" in str(reason(time, p="2026-10-01T08:00:00Z", q="bald"))
    assert reason(time, p="2026-10-01T08:00:00Z", q="2026-11-01T08:00:00Z") is None


def test_only_a_part_that_decides_is_named() -> None:
    """Of a false branch nothing is said; what nobody can evaluate is named as everywhere."""
    known = on(SIZE)
    ways = {
        "filterBranchType": "OR",
        "filterBranches": [json.loads(whole(FALSE, UNSEEN)), json.loads(whole(TRUE, known))],
    }
    tree = criteria_of(json.dumps(ways))
    assert tree is not None
    frame = pl.DataFrame({"hubspot.p": ["viele", "3", "8"]})
    told = frame.select(why=left_open_because(tree, Circumstances(NOW, BERLIN, frozenset(frame.columns))))[
        "why"
    ].to_list()

    assert told == ["p is less than 7: its value is no number", None, None]
    assert (
        reason(UNSEEN, known, p="viele")
        == "a PAGE_VIEW filter is not evaluated: Syncdoctor reads no such facts of a contact"
    )
    assert reason({"filterType": "IN_LIST", "listId": "7", "operator": "IN_LIST"}, p="1") == "is in list 7"
    odd = on(asks("NUMBER", "IS_EQUAL_TO", value="viele"))
    assert reason(odd, p="1") == "the filter on p is not evaluated: it asks for 'viele', which is no number"
