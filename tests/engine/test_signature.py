"""Signatures: messages that differ in values are equal, and nothing of a person is left in them."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.signature import _OPENING, LONGEST, VALUE, signature

WORDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉabcdefghijklmnopqrstuvwxyzäöüßéñøł"
names = st.lists(st.text(WORDS, min_size=2, max_size=12), min_size=1, max_size=3).map(" ".join)
odd_names = st.text(
    st.characters(exclude_characters="\"'`‘’‚“”„«»", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30
).filter(lambda name: bool(name.strip()))
quoted = st.sampled_from(
    ['"{}"', "'{}'", "“{}”", "„{}“", "‚{}‘", "‘{}’", "«{}»", "»{}«", "`{}`", "[{}]", "({})", "{{{}}}"]
)
digits = st.text(string.digits, min_size=2, max_size=5)
phones = st.tuples(
    st.sampled_from(["+49 ", "0049 ", "0", "(0", "+1-", "+"]), st.lists(digits, min_size=2, max_size=4), st.sampled_from([" ", "-", "/", ".", " / ", ""])
).map(lambda parts: parts[0] + parts[2].join(parts[1]) + (")" if "(" in parts[0] else ""))  # fmt: skip
ids = st.one_of(
    st.uuids().map(str),
    st.integers(0, 10**15).map(str),
    st.text("0123456789abcdef", min_size=8, max_size=32).filter(lambda text: any(one.isdigit() for one in text)),
    st.integers(1, 10**9).map("vid-{}".format),
)


@given(st.one_of(st.emails(), names.map(lambda name: f"{name.replace(' ', '.')}@firma.example")))
def test_addresses_never_survive(address: str) -> None:
    """Any valid address, bare or in brackets, gives the same signature as any other.

    One that begins with a mark or bracket of its own may take the rest of the message with it, never less.
    """
    for template in ("The thing {} has odd corners", "The thing <{}> has odd corners"):
        said, whole = signature("ODD_CODE", template.format(address)), f"ODD_CODE: the thing {VALUE} has odd corners"
        assert said == whole or (address[0] in "'`{" and said == f"ODD_CODE: the thing {VALUE}")


@given(st.one_of(names, odd_names), quoted)
def test_names_in_quotes_never_survive(name: str, marks: str) -> None:
    """Whatever stands between quotes or brackets, in any letters."""
    assume(not (marks == "{{{}}}" and "@" in name))
    said = signature("ODD_CODE", f"The thing {marks.format(name)} has odd corners")
    assert said == f"ODD_CODE: the thing {VALUE} has odd corners"


@given(names)
def test_names_with_capitals_never_survive(name: str) -> None:
    """Without quotes a name still shows by its capital letter."""
    words = [f"{word[0].upper()}{word[1:]}" for word in name.split()]
    assume(all(word[0].isupper() and word.lower() not in _OPENING for word in words))
    said = signature("", f"The thing belongs to {' '.join(words)} since yesterday")
    assert said == f"the thing belongs to {VALUE} since yesterday"


@given(phones)
def test_phone_numbers_never_survive(phone: str) -> None:
    """In any spelling."""
    assert signature("", f"The number {phone} has odd corners") == f"the number {VALUE} has odd corners"


@given(ids)
def test_ids_never_survive(identifier: str) -> None:
    """Numbers, UUIDs, hashes and prefixed numbers."""
    assert signature("", f"The record {identifier}: odd corners") == f"the record {VALUE} odd corners"


@given(st.text(string.ascii_lowercase, min_size=2, max_size=12))
def test_what_the_contact_holds_never_survives(value: str) -> None:
    """Not even in small letters and without quotes."""
    said = signature("", f"1 {value} 2", [value, "", "x"])
    assert value not in said.split()


@given(st.text(), st.text(), st.lists(st.text(max_size=5), max_size=3))
def test_a_signature_is_short_plain_and_stable(code: str, message: str, personal: list[str]) -> None:
    """Whatever a server says: no controls, no digits out of a message, and a signature of the same always equal."""
    said = signature(code, message, personal)
    assert said == signature(code, message, personal)
    assert said
    assert len(said) <= 2 * LONGEST + 6
    assert said.isprintable()
    assert "@" not in said


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('Property values were not valid: [{"isValid":false,"message":"Max"}]', 'Property values were not valid: [{"a'),
        ("User 'O'Brien' hasn't the rights", "User 'Jo' hasn't the rights"),
        ('Value "Max', 'Value "Moritz and more'),
        ("Max was odd", "12 was odd"),
        ('{"a" "b', '{"c'),
        ("Contact <e-mail> odd", "Contact jo@firma.example odd"),
    ],
)
def test_messages_that_differ_in_values_are_equal(first: str, second: str) -> None:
    """Also where a quote or bracket is never closed, because the message was cut off."""
    assert signature("X", first) == signature("X", second)


def test_different_words_are_different_signatures() -> None:
    """And the code counts too."""
    said = {
        signature("A_B", "The flux is low"),
        signature("A_B", "The warp is low"),
        signature("A_C", "The flux is low"),
    }
    assert len(said) == 3
    assert signature("", "") == "without words"
    assert signature("HTTP 418", "") == "HTTP 418"
    assert signature("Max Mustermann", "no") == f"{VALUE}: no"
