"""The form in which values are compared."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canonical import canonical, email_key
from engine.schema import FieldType

KINDS: tuple[FieldType, ...] = ("text", "email", "phone", "number", "date", "bool", "options", "option", "url")


def form(value: str | None, kind: FieldType) -> str | None:
    """One value in canonical form."""
    frame = pl.DataFrame({"value": [value]}, schema={"value": pl.String})
    result: str | None = frame.select(canonical(pl.col("value"), kind).alias("value"))["value"][0]
    return result


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("text", " Jane ", "Jane"),
        ("text", "Mu\u0308ller", "Müller"),
        ("email", "Jane@Example.COM ", "jane@example.com"),
        ("email", "jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("phone", "+49 (30) 123-456", "0049 30 123456"),
        ("number", "5.0", "5"),
        ("number", "0005", "5"),
        ("number", "1e3", "1000"),
        ("date", "01/31/2026", "2026-01-31"),
        ("date", "1769817600000", "2026-01-31"),
        ("date", "2026-01-31T00:00:00Z", "2026-01-31"),
        ("bool", "TRUE", "true"),
        ("options", "b;a; b", "a;b"),
    ],
)
def test_spellings_that_mean_the_same_compare_equal(kind: FieldType, one: str, other: str) -> None:
    """Spelling alone makes no difference."""
    assert form(one, kind) == form(other, kind)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("text", "Jane", "jane"),
        ("email", "jane@example.com", "janet@example.com"),
        ("phone", "+49 30 123456", "+49 30 123457"),
        ("phone", "unknown", ""),
        ("number", "5", "50"),
        ("number", "A-1001", "1001"),
        ("date", "2026-01-31", "2026-02-01"),
        ("date", "soon", ""),
        ("bool", "true", "false"),
        ("bool", "maybe", "false"),
        ("options", "a;b", "a;b;c"),
    ],
)
def test_values_that_differ_stay_different(kind: FieldType, one: str, other: str) -> None:
    """A value that is not of its kind is compared as text and never taken for empty."""
    assert form(one, kind) != form(other, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_not_fetched_and_empty_stay_what_they_are(kind: FieldType) -> None:
    """Null means not fetched; an empty text is an empty value. Neither becomes the other."""
    assert form(None, kind) is None
    assert form("", kind) == ""
    assert form("   ", kind) == ""


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40), st.sampled_from(KINDS))
def test_the_canonical_form_is_a_fixed_point(value: str, kind: FieldType) -> None:
    """Taking the form twice changes nothing, whatever the text."""
    once = form(value, kind)

    assert form(once, kind) == once


@given(st.text(alphabet="aäÖßüé.ñ", min_size=1, max_size=12), st.sampled_from(["NFC", "NFD"]))
def test_unicode_form_of_an_address_makes_no_difference(local: str, spelling: str) -> None:
    """Composed and decomposed letters are the same address."""
    address = f"{local}@example.com"
    frame = pl.DataFrame({"email": [address, unicodedata.normalize(spelling, address)]})  # type: ignore[arg-type]
    keys = frame.select(email_key(pl.col("email")))["email"]

    assert keys[0] == keys[1]
