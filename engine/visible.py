"""Makes text from outside visible: what reaches a terminal, log, table or report has passed through here once.

Terminals obey control characters, escape sequences, bidi overrides and zero-width characters; Textual and Rich let
most of them through. Stored values stay as they came; only what is shown is changed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NewType

Shown = NewType("Shown", str)
"""Text that is safe to show: no controls, one line unless asked otherwise, limited length. Never parsed as markup."""

_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_NAMED = re.compile(
    "[\u0080-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKS = {"Mn", "Me"}
_MOST_MARKS = 8


def visible(text: str, limit: int = 512, *, multiline: bool = False) -> Shown:
    """The text with every character that acts instead of shows replaced by a picture or `<U+XXXX>`.

    `limit` counts characters of the result; what is cut is said as `… +N`. With `multiline` line feeds stay.
    More than eight combining marks on one base are cut to eight.
    """
    lines = text.split("\n") if multiline else [text]
    shown = "\n".join(_one_line(line) for line in lines)
    if len(shown) > limit:
        shown = f"{shown[:limit]}… +{len(shown) - limit}"
    return Shown(shown)


def _one_line(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    pictured = text.translate(_CONTROL_PICTURES)
    named = _NAMED.sub(lambda match: f"<U+{ord(match.group()):04X}>", pictured)
    return named if named.isascii() else _with_few_marks(named)


def _with_few_marks(text: str) -> str:
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


_PLAIN_ADDRESS = re.compile(r"([^@\s,;<>]+)@([^@\s,;<>]+)\.([A-Za-z]{2,24})")


def masked_email(email: str) -> Shown:
    """An address that can be recognised by who knows it, and not read by who does not: `j•••@e•••.example`.

    What is not one plain address is masked like any other value.
    """
    plain = _PLAIN_ADDRESS.fullmatch(email.strip())
    if not plain:
        return _measured(email)
    local, name, top = plain.groups()
    return visible(f"{local[:1]}•••@{name[:1]}•••.{top}", 64)


def masked(value: str) -> Shown:
    """Any personal value, shown by its length and kind of characters only: `<12 characters, letters>`."""
    return masked_email(value) if "@" in value else _measured(value)


def _measured(value: str) -> Shown:
    if not value:
        return Shown("<empty>")
    kinds = [
        name
        for name, found in (
            ("letters", any(c.isalpha() for c in value)),
            ("digits", any(c.isdigit() for c in value)),
            ("spaces", any(c.isspace() for c in value)),
            ("other", any(not c.isalnum() and not c.isspace() for c in value)),
        )
        if found
    ]
    return Shown(f"<{len(value)} character{'s' if len(value) != 1 else ''}: {', '.join(kinds)}>")


def is_storable(text: str) -> bool:
    """Whether a text can be kept as UTF-8: a lone surrogate cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
