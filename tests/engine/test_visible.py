"""What reaches a terminal shows and never acts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.visible import masked, masked_email, visible

ACTING = {"Cc", "Cs"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jörg Müller", "Jörg Müller"),
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\nb\tc\x00\x7f", "a␊b␉c␀␡"),
        ("a\u202eb\u2066", "a<U+202E>b<U+2066>"),
        ("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"),
        ("\x9b31m", "<U+009B>31m"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("x" + "\u0301\u0489" * 100, "x" + "\u0301\u0489" * 4),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_acting_characters_are_shown(text: str, shown: str) -> None:
    """Controls become pictures, invisible ones are named, letters and emoji stay."""
    assert visible(text) == shown


@given(st.text(max_size=300))
def test_nothing_visible_acts(text: str) -> None:
    """No control, surrogate, bidi override or line break is left, whatever comes; and doing it twice changes nothing."""
    shown = visible(text, 100_000)

    assert not {unicodedata.category(character) for character in shown} & ACTING
    assert not set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(shown)
    assert visible(shown, 100_000) == shown


def test_length_is_limited_and_said() -> None:
    """What is cut is counted."""
    assert visible("x" * 20, 10) == "x" * 10 + "… +10"


@given(st.text(alphabet="äöüÄÖÜß0123456789-' ", min_size=4, max_size=30))
def test_a_masked_value_shows_none_of_its_words(value: str) -> None:
    """Masking tells length and kinds, never the text."""
    assert value not in masked(value)


@pytest.mark.parametrize(
    "value", ["max@mustermann", "a@b.example, Max Muster", "Max <max@muster.example>", "@", "a b@c.de"]
)
def test_what_is_no_plain_address_is_masked_whole(value: str) -> None:
    """Half an address may be half a name."""
    shown = masked_email(value)

    assert "ust" not in shown
    assert shown.startswith("<")


def test_a_plain_address_can_be_recognised_by_who_knows_it() -> None:
    """First letters and the ending, no more."""
    assert masked_email("jane.doe@firma.example") == "j•••@f•••.example"
