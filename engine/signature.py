"""The shape of a server's message: its words without values, so that messages which say the same are equal."""

from __future__ import annotations

import re
from collections.abc import Iterable

VALUE = "<value>"
LONGEST = 160
"""Characters of a signature's words; what follows is left out at a word's end."""

_STARTS = r"(?<![^\s(\[:,<>])"
"""Where a quotation may begin: not within a word or an address, which may hold marks of its own."""
_QUOTED = re.compile(
    rf"{_STARTS}(?:\"[^\"]*\"?|`[^`]*`?|„[^“”\"]*[“”\"]?|“[^”]*”?|«[^»]*»?|»[^«]*«?|['‘‚].*?['’‘](?!\w)|['‘‚].*$)",
    re.DOTALL,
)
_ADDRESS = re.compile(r"[^\s(\[<]*@[^\s)\]>}]*")
_BRACKETED = re.compile(r"[\[{(].*[\]})]|[\[{(].*$", re.DOTALL)
_PLAIN = re.compile(r"[a-z]{1,20}(?:[-'’][a-z]{1,20}){0,2}")
_EDGES = ".,;:!?-–—/\\…|*+=~_'’"
_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:[_.][A-Z0-9]+)+|HTTP \d{3}")
_FIRST_WORDS = """
a an the this these those your our it you we in on at for there one some all no not property properties value values field
fields contact contacts record records object objects member members list email address error errors request input inputs
operation schema validation data resource audience account portal user users app api please enter invalid missing unable
cannot could failed unknown unexpected unsupported internal required only too
"""
_OPENING = frozenset(_FIRST_WORDS.split())
"""Words that keep their place with a capital letter: in a message any other capitalised word may be a name."""


def without_values(message: str) -> str:
    """The message without what stands in quotes or brackets and without addresses; the words keep their case."""
    bare = _QUOTED.sub(f" {VALUE} ", message)
    return _BRACKETED.sub(f" {VALUE} ", _ADDRESS.sub(f" {VALUE} ", bare))


def signature(code: str, message: str, personal: Iterable[str] = ()) -> str:
    """`CODE: words`, equal for messages that differ in values only, without personal data.

    What is quoted, bracketed, an address, holds a digit, is written with a capital letter (but for the usual first words)
    or in other letters than a to z becomes `<value>`, and so does every one of `personal`: the values that the contact
    itself holds. Several in a row become one. Of a code only the usual form (`VALIDATION_ERROR`) is kept as it is.
    """
    shown = code if _CODE.fullmatch(code) else _shortened(value_free_words(code))
    return (
        ": ".join(part for part in (shown, _shortened(value_free_words(_without(message, personal)))) if part)
        or "without words"
    )


def value_free_words(text: str) -> list[str]:
    """The words of a text in their order, with `<value>` in place of each run of values."""
    words: list[str] = []
    for token in without_values(text).split():
        word = _word(token)
        if word and not (word == VALUE and words[-1:] == [VALUE]):
            words.append(word)
    return words


def _word(token: str) -> str:
    """A token as it stands in a signature; empty for mere punctuation."""
    if token == VALUE:
        return VALUE
    word = token.strip(_EDGES)
    if _PLAIN.fullmatch(word) or word.lower() in _OPENING:
        return word.lower()
    return VALUE if any(character.isalnum() for character in token) else ""


def _shortened(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _without(message: str, personal: Iterable[str]) -> str:
    known = {value.strip() for value in personal}
    longest = sorted((value for value in known if len(value) > 1), key=len, reverse=True)
    if not longest:
        return message
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", f" {VALUE} ", message, flags=re.IGNORECASE)
