"""The truth about the two services, for whoever checks a client: every write that was applied, and who is there now.

A write is recorded in the transaction that applies it, so the record survives whatever happens to the client, to the
answer, or to the portal. Another process reads it by opening the same state file: `Audit(State(path))`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sample_data.portal.moments import iso_milliseconds
from sample_data.portal.state import State

Server = Literal["hubspot", "mailchimp"]
WriteKind = Literal["create", "update", "restore", "delete", "merge"]


@dataclass(frozen=True)
class AppliedWrite:
    """One write through the API. `number` counts up from 1; `at` is the portal's time, ISO 8601 in UTC.

    `restore`: an archived member that was added again. `delete`: archived or permanently deleted. `fields` are the values
    as they were stored; for Mailchimp merge tags and, where given, `email_address` and `status`.
    """

    number: int
    side: Server
    kind: WriteKind
    record_id: str
    address: str
    fields: Mapping[str, str]
    at: str


@dataclass(frozen=True)
class Person:
    """One record that is not archived, with its stored values; a member's hold `email_address` and `status`, too."""

    id: str
    address: str
    values: Mapping[str, str]


class Audit:
    """Records and reads applied writes. A change that a person makes (`tamper`) is none."""

    def __init__(self, state: State) -> None:
        self._state = state

    def note(
        self, side: Server, kind: WriteKind, record_id: str, address: str, fields: Mapping[str, str], at: int
    ) -> None:
        """Records a write inside the transaction that applies it; `at` in milliseconds since 1970."""
        self._state.run(
            "INSERT INTO applied_write (side, kind, record_id, address, fields, at) VALUES (?, ?, ?, ?, ?, ?)",
            side,
            kind,
            record_id,
            address,
            json.dumps(dict(fields), ensure_ascii=False),
            iso_milliseconds(at),
        )

    def applied(self, after: int = 0) -> list[AppliedWrite]:
        """Every applied write with a number above `after`, in order."""
        rows = self._state.rows(
            "SELECT number, side, kind, record_id, address, fields, at FROM applied_write WHERE number > ?"
            " ORDER BY number",
            after,
        )
        return [
            AppliedWrite(number, side, kind, record_id, address, json.loads(fields), at)
            for number, side, kind, record_id, address, fields, at in rows
        ]

    def creates(self) -> list[AppliedWrite]:
        """The applied creates, in order."""
        return [write for write in self.applied() if write.kind == "create"]

    def people(self, side: Server) -> list[Person]:
        """The records of a side that are not archived, in the order of their making."""
        if side == "hubspot":
            rows = self._state.rows("SELECT id, properties FROM contact WHERE archived = 0 ORDER BY id")
            contacts = [(str(number), json.loads(text)) for number, text in rows]
            return [Person(number, values.get("email", ""), values) for number, values in contacts]
        rows = self._state.rows(
            "SELECT contact_id, email, status, merge_fields FROM member WHERE status <> 'archived' ORDER BY number"
        )
        return [
            Person(contact_id, email, {"email_address": email, "status": status} | json.loads(text))
            for contact_id, email, status, text in rows
        ]
