"""Servers that silently keep another value than they were sent."""

from __future__ import annotations

from typing import Literal

from sample_data.portal.state import State

Keep = Literal["as_given", "truncated", "normalised"]
KEPT_CHARACTERS = 5


class Keeping:
    """How the text fields of one server keep values; stored in the state file, so it outlives the process."""

    def __init__(self, state: State, server: str) -> None:
        self._state = state
        self._server = server
        self._how: dict[str, Keep] = state.document("keeping").get(server, {})

    def change(self, field: str, how: Keep) -> None:
        """From now on a field keeps what it is sent in this way."""
        self._how[field] = how
        with self._state.transaction():
            self._state.keep_document("keeping", self._state.document("keeping") | {self._server: self._how})

    def kept(self, field: str, value: str) -> str:
        """What is stored in place of a text: its first characters, or upper case without outer white space."""
        how = self._how.get(field, "as_given")
        if how == "truncated":
            return value[:KEPT_CHARACTERS]
        return value.strip().upper() if how == "normalised" else value
