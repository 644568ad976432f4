"""What may be read in a report: outside text made visible, personal values masked unless the user asked for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.visible import masked, masked_email, visible

_EMAIL = re.compile(r"[^\s@<>()\[\]{}\"'`,;:=|/\\]+@(?:[\w.-]*\w)?")
_ADDRESS = re.compile(r"\bhttps?://[^\s\"'<>)]+", re.IGNORECASE)
_FILE = re.compile(
    r"(?<![\w.>])(?:[A-Za-z]:[\\/]|~/|/(?:home|root|tmp|usr|var|etc|opt|srv|mnt|run|Users)\b)[^\s\"':,;]*"
)
_SHORTEST = 2
"""A single character says nothing about a person and stands in every text."""

NEVER = (
    "tokens and keys",
    "bodies, query strings and headers of requests",
    "names of hosts and users, folders and files",
    "records as a whole",
)


@dataclass
class Mask:
    """Masks and counts. With `reveal` values are shown, still visible and never active."""

    reveal: bool
    emails: int = 0
    values: int = 0
    words: int = 0
    _patterns: dict[frozenset[str], re.Pattern[str]] = field(default_factory=dict, repr=False)

    def email(self, address: str) -> str:
        """An e-mail address, empty if there is none."""
        if not address:
            return ""
        if self.reveal:
            return visible(address)
        self.emails += 1
        return masked_email(address)

    def value(self, value: str) -> str:
        """Any value of a contact."""
        if self.reveal or not value:
            return visible(value) if value else "<empty>"
        self.values += 1
        return masked(value)

    def text(self, words: str, personal: Iterable[str] = ()) -> str:
        """Words of a server, a rule, a list or a setting. Web addresses and file names are taken out always, e-mail
        addresses and the given personal values (whole words, any case) unless they are to be revealed."""
        shorter = _FILE.sub("<file>", _ADDRESS.sub("<address>", words))
        if not self.reveal:
            shorter = self._without(shorter, personal)
        return visible(shorter)

    def _without(self, words: str, personal: Iterable[str]) -> str:
        values = frozenset(value for value in personal if len(value.strip()) >= _SHORTEST)
        cleaned = words
        if values:
            if values not in self._patterns:
                longest = sorted((value.strip() for value in values), key=len, reverse=True)
                alternatives = "|".join(re.escape(value) for value in longest)
                self._patterns[values] = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)
            cleaned = self._patterns[values].sub("<removed>", cleaned)
        cleaned = _EMAIL.sub(lambda match: masked_email(match.group()), cleaned)
        self.words += cleaned != words
        return cleaned
