"""E-mail addresses: the verdict for whole columns is email-validator's."""

from __future__ import annotations

import random

import polars as pl
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.causes.addresses import certainly_valid, invalid_addresses, why_invalid

_PIECES = (
    "a", "Z", "0", ".", "..", "-", "--", "@", "_", "+", "'", "ä", "a\u0308", "ß", " ", "\n", "\x00", "test", "xn--",
    "xn--bcher-kva", "example", ".com", ".test", ".invalid", ".local", ".localhost", ".ARPA", ".onion", ".c0m",
    ".123", '"', "<", ">", "[", "]", "(", "\\", "\u200b", "\u202e", "。", "＠", "👍", "x" * 63, "y" * 64, "z" * 200,
)  # fmt: skip
_SHAPED = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=9).map("".join)
_ADDRESS = st.builds("{}@{}".format, _SHAPED, _SHAPED)
_LONG = st.builds(
    lambda local, labels, top: f"{'l' * local}@{'.'.join('d' * size for size in labels)}.{top}",
    st.integers(60, 70) | st.integers(1, 5),
    st.lists(st.integers(58, 65), min_size=1, max_size=4),
    st.sampled_from(["de", "c-m", "d" * 63, "d" * 64, "d" * 65, "1", "d1", "1d"]),
)


def library_accepts(address: str) -> bool:
    """The library's own answer."""
    try:
        validate_email(address, check_deliverability=False, test_environment=False)
    except EmailNotValidError:
        return False
    return True


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(_ADDRESS | _SHAPED | _LONG | st.emails() | st.text(max_size=30))
def test_the_verdict_for_a_column_is_the_library_s(address: str) -> None:
    """Whatever the text, it is listed as invalid exactly if the library refuses it."""
    listed = invalid_addresses(pl.Series([address], dtype=pl.String))
    assert (listed.height == 0) == library_accepts(address)


@pytest.mark.parametrize("top", ["test", "invalid", "localhost", "local", "onion", "arpa", "TEST"])
def test_special_use_domains_are_invalid(top: str) -> None:
    """Reserved top-level names cannot receive mail, in any case of letters."""
    assert why_invalid(f"someone@firma.{top}")


def test_ordinary_addresses_need_no_library() -> None:
    """The pattern alone accepts what people usually have, example domains included."""
    seeded = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["".join(seeded.choices(letters, k=6)) for _ in range(300)]
    addresses = pl.DataFrame({"address": [f"{name}.o'neil+x@mail-{name}.example" for name in names]})
    assert addresses.filter(certainly_valid(pl.col("address"))).height == 300


def test_reasons_never_repeat_the_address() -> None:
    """The reason is kept as a rule without personal data: no label of a bad domain is in it."""
    listed = invalid_addresses(pl.Series(["max@mustermann\u0378.example", "max@-mustermann.example", "max.mustermann"]))
    assert listed.height == 3
    assert not [reason for reason in listed["reason"] if "mustermann" in reason]


def test_each_distinct_address_is_listed_once_and_null_is_passed_over() -> None:
    """Equal bad addresses give one row; an address that is not there gives none."""
    listed = invalid_addresses(pl.Series(["x@localhost", None, "x@localhost"], dtype=pl.String))
    assert listed["address"].to_list() == ["x@localhost"]


def test_an_address_of_more_than_254_bytes_is_too_long_by_bytes_not_characters() -> None:
    """Umlauts count twice, as on the wire."""
    local = "ü" * 125
    assert why_invalid(f"{local}@a.example") == "an address has at most 254 bytes"
    assert why_invalid(f"{'u' * 125}@a.example") == ""
