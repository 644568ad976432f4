"""The form in which values are compared."""

from __future__ import annotations

import unicodedata
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canonical import Reading, canonical, comparable, email_key, midnight, words
from engine.phones import region
from engine.schema import FieldType

KINDS: tuple[FieldType, ...] = (
    "text", "email", "phone", "number", "date", "datetime", "bool", "options", "option", "url",
)  # fmt: skip


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
        ("text", "one\r\ntwo", "one\ntwo"),
        ("phone", "+49 (30) 123-456", "0049 30 123456"),
        ("phone", "+49 (0)30 123456", "+49 30 123456"),
        ("phone", "+49 030/123456", "+4930123456"),
        ("phone", "030 123456", "030-123456"),
        ("datetime", "2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00Z"),
        ("datetime", "2026-01-31T08:00:00.000Z", "1769846400000"),
        ("datetime", "2026-01-31 08:00", "2026-01-31T08:00:00Z"),
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
        ("text", "Jane  Doe", "Jane Doe"),
        ("phone", "030 123456", "+49 30 123456"),
        ("phone", "+39 06 698123", "+39 6 698123"),
        ("phone", "+49 30 1234 ext 5", "+49 30 12345"),
        ("datetime", "2026-01-31T10:00:00Z", "2026-01-31T10:00:01Z"),
        ("datetime", "2026-01-31T10:00:00Z", "2026-01-31"),
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


def read_as(value: str, read: Reading, **columns: str) -> str | None:
    """One value as a mapping reads it, beside other columns of its record."""
    frame = pl.DataFrame({"value": [value], **{name: [text] for name, text in columns.items()}})
    result: str | None = frame.select(comparable(pl.col("value"), read).alias("value"))["value"][0]
    return result


@pytest.mark.parametrize(
    ("country", "number", "expected"),
    [
        ("Deutschland", "030 123456", "+4930123456"),
        ("germany", "030 123456", "+4930123456"),
        ("DE", "0171 3920086", "+491713920086"),
        ("Österreich", "01 58858", "+43158858"),
        ("Schweiz", "044 668 18 00", "+41446681800"),
        ("USA", "212 555 0169", "+12125550169"),
        ("Italien", "06 698123", "+3906698123"),
        ("Schweiz", "+49 30 123456", "+4930123456"),
        ("Vereinigtes Königreich", "020 7946 0984", "+442079460984"),
        ("Atlantis", "030 123456", "030123456"),
        ("", "030 123456", "030123456"),
        ("Deutschland", "1", "1"),
    ],
)
def test_a_national_number_is_read_with_the_contacts_country(country: str, number: str, expected: str) -> None:
    """A country of which nothing is known guesses nothing, and a number with a country of its own needs none."""
    assert read_as(number, Reading("phone", region=region(pl.col("country"))), country=country) == expected


@pytest.mark.parametrize(
    ("zone", "value", "day"),
    [
        ("Europe/Berlin", "2026-01-30T23:30:00Z", "2026-01-31"),
        ("UTC", "2026-01-30T23:30:00Z", "2026-01-30"),
        ("America/New_York", "1769817600000", "2026-01-30"),
        ("Europe/Berlin", "2026-01-31", "2026-01-31"),
    ],
)
def test_a_moment_beside_a_date_is_the_day_in_the_accounts_zone(zone: str, value: str, day: str) -> None:
    """What HubSpot shows as a date and time is compared with the day that its account's clock had."""
    assert read_as(value, Reading("date", moments=True, zone=zone)) == day


@given(st.dates(), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]))
def test_a_day_written_as_a_moment_is_read_as_that_day(day: date, zone: str) -> None:
    """There and back, in every zone."""
    frame = pl.DataFrame({"day": [day.isoformat()]}).select(at=midnight(pl.col("day"), zone))

    assert (
        frame["at"][0] is None or read_as(frame["at"][0], Reading("date", moments=True, zone=zone)) == day.isoformat()
    )


def test_an_option_is_known_by_its_value_or_its_label() -> None:
    """Also in another case, but only where that means one value."""
    read = Reading("option", words=words([("lead", "lead"), ("Kunde", "customer"), ("A", "1"), ("a", "2")]))

    assert [read_as(text, read) for text in ("lead", "LEAD", "kunde", " Kunde ", "A", "a", "ä")] == [
        "lead", "lead", "customer", "customer", "1", "2", "ä",
    ]  # fmt: skip


def test_a_set_has_no_order_and_knows_the_apps_separator() -> None:
    """Labels in the app's own list are the internal values."""
    read = Reading("options", words=words([("Rot", "red"), ("Blau", "blue")]), separator=", ")

    assert read_as("Rot, blau,Rot", read) == read_as("blue;red", Reading("options")) == "blue;red"
