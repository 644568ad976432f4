"""A token or key that shows itself to nobody but who asks for it by name."""

from __future__ import annotations

import re
from typing import NoReturn

from engine.errors import ConfigurationError


class Secret:
    """Holds one secret. Printing, formatting and logging give `***`; pickling and copying raise TypeError."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself, for the request that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, specification: str) -> str:
        return "***"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


def cleaned(text: str, where: str) -> Secret:
    """A pasted token without outer white space and without `Bearer `.

    Raises ConfigurationError if nothing is left, or naming the position of a character that no token has.
    """
    token = re.sub(r"^bearer(\s+|$)", "", text.strip(), flags=re.IGNORECASE)
    if not token:
        raise ConfigurationError("no token was given", where=where, remedy="Paste the whole token.")
    for position, character in enumerate(token, 1):
        if not "!" <= character <= "~" or character in "\"'`":
            raise ConfigurationError(
                f"the token has a character that cannot be in a token (position {position} of {len(token)})",
                where=where,
                remedy="Copy it again; quotes, blanks and line breaks do not belong to it.",
            )
    return Secret(token)
