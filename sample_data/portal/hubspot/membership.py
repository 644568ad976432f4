"""Who is in which list: given for MANUAL and SNAPSHOT lists, derived from the values for DYNAMIC ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sample_data.portal.hubspot.filters import Surroundings, meets
from sample_data.portal.moments import milliseconds, read_moment
from sample_data.portal.state import State


class Membership:
    """Keeps the members of DYNAMIC lists in step with the contacts' values, at once and without a delay.

    Filters that go by the time are looked at when the contact or the list changes, not as time passes.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._zone: ZoneInfo | None = None

    def dynamic_filters(self) -> list[tuple[int, dict[str, Any]]]:
        """Id and filter branch of every DYNAMIC list that is not deleted."""
        rows = self._state.rows(
            "SELECT id, filters FROM list WHERE filters IS NOT NULL AND deleted_at IS NULL"
            " AND json_extract(body, '$.processingType') = 'DYNAMIC'"
        )
        return [(int(list_id), json.loads(filters)) for list_id, filters in rows]

    def fill(self, now: int) -> None:
        """Derives all members of the DYNAMIC lists of a new state; they joined when contact and list existed."""
        created = {
            int(list_id): milliseconds(read_moment(text)) if text else 0
            for list_id, text in self._state.rows("SELECT id, json_extract(body, '$.createdAt') FROM list")
        }
        filters = self.dynamic_filters()
        for contact, at, text in self._state.rows("SELECT id, created, properties FROM contact WHERE archived = 0"):
            values = json.loads(text)
            for list_id, branch in filters:
                if meets(branch, values, self._around(int(contact), now)):
                    joined = max(at, created[list_id])
                    self._state.run("INSERT INTO membership VALUES (?, ?, ?, ?)", list_id, contact, joined, joined)

    def refresh(self, contact: int, values: Mapping[str, str], now: int) -> None:
        """Lets a changed contact join and leave the DYNAMIC lists; a membership that stays keeps its time."""
        for list_id, branch in self.dynamic_filters():
            self._set(list_id, contact, meets(branch, values, self._around(contact, now)), now)

    def refresh_list(self, list_id: int, branch: Mapping[str, Any], now: int) -> None:
        """Derives the members of one DYNAMIC list again after its criteria changed."""
        for contact, text in self._state.rows("SELECT id, properties FROM contact WHERE archived = 0"):
            self._set(list_id, int(contact), meets(branch, json.loads(text), self._around(int(contact), now)), now)

    def leave_all(self, contact: int) -> None:
        """Removes an archived, merged or purged contact from every list."""
        self._state.run("DELETE FROM membership WHERE contact = ?", contact)

    def _around(self, contact: int, now: int) -> Surroundings:
        def in_list(list_id: str) -> bool:
            return bool(self._state.row("SELECT 1 FROM membership WHERE list = ? AND contact = ?", list_id, contact))

        def history(name: str) -> Sequence[tuple[str, int]]:
            rows = self._state.rows(
                "SELECT value, at FROM history WHERE contact = ? AND property = ? ORDER BY position", contact, name
            )
            return [(str(value), int(at)) for value, at in rows]

        if self._zone is None:
            self._zone = ZoneInfo(self._state.document("account")["account"]["timeZone"])
        return Surroundings(now, self._zone, in_list, history)

    def _set(self, list_id: int, contact: int, inside: bool, now: int) -> None:
        if inside:
            self._state.run("INSERT OR IGNORE INTO membership VALUES (?, ?, ?, ?)", list_id, contact, now, now)
        else:
            self._state.run("DELETE FROM membership WHERE list = ? AND contact = ?", list_id, contact)
