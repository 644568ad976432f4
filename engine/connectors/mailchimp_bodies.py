"""Mailchimp's answers as far as they are used: the border where their shape is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import RecordId
from engine.connectors import Record, RecordTrace
from engine.visible import is_storable, visible

EMAIL = "EMAIL"
STATUS = "member_status"
"""The status under a name that no merge tag can have: tags have ten characters at most."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Member(_Body):
    """A member. `contact_id` stays when the address changes (`id` is a hash of it). Values come as text or numbers."""

    contact_id: RecordId
    email_address: Any
    status: str
    merge_fields: dict[str, Any] = Field(default_factory=dict)
    timestamp_signup: str = ""
    timestamp_opt: str = ""
    last_changed: str = ""

    def record(self, fields: Sequence[str]) -> Record:
        """The named fields as texts: merge fields by tag, `EMAIL` and `status`."""
        held: Mapping[str, Any] = {**self.merge_fields, EMAIL: self.email_address, STATUS: self.status}
        values: dict[str, str] = {}
        unreadable: dict[str, str] = {}
        for name in fields:
            if name not in held:
                continue
            text = as_text(held[name])
            if text is None:
                unreadable[name] = "is a block of several values (an address)"
            elif is_storable(text):
                values[name] = text
            else:
                unreadable[name] = "holds half of a surrogate pair, which no text can hold"
        created = self.timestamp_opt or self.timestamp_signup
        return Record(self.contact_id, values, _utc(created), _utc(self.last_changed), unreadable)


class MemberTraces(_Body):
    """What Mailchimp tells of when and how a member came, left and changed."""

    timestamp_signup: str = ""
    timestamp_opt: str = ""
    last_changed: str = ""
    source: str = ""
    status: str = ""

    def traces(self) -> tuple[RecordTrace, ...]:
        """The same as moments in words, in the order of time; moments that it leaves empty are left out."""
        told = (
            (self.timestamp_signup, "signed up for the audience"),
            (self.timestamp_opt, f"joined the audience{_by(self.source)}"),
            (
                self.last_changed,
                f"record changed last, status {visible(self.status, 40)}",
            ),
        )
        return tuple(
            sorted((RecordTrace(at, what) for text, what in told if (at := _utc(text))), key=lambda one: one.at)
        )


def _by(source: str) -> str:
    return f", source {visible(source, 60)}" if source and "@" not in source else ""


def as_text(value: object) -> str | None:
    """A JSON value as the engine keeps it: 5 and 5.0 as "5", null as "", None for anything that is not one value."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return None


def _utc(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


class MemberPage(_Body):
    """A page of members and how many there are in all."""

    members: list[Member]
    total_items: int


class MergeOptions(_Body):
    """What a merge field allows."""

    choices: list[str] = Field(default_factory=list)
    phone_format: str = ""


class MergeField(_Body):
    """The definition of a merge field."""

    tag: str = Field(min_length=1)
    name: str = ""
    type: str
    required: bool = False
    options: MergeOptions | None = None


class MergeFields(_Body):
    """All merge fields of an audience (without EMAIL, which is no merge field in the API)."""

    merge_fields: list[MergeField]


class AccountRoot(_Body):
    """The API's root: whose key it is."""

    account_id: str
    account_name: str = ""
    account_timezone: str = ""


class Stats(_Body):
    """Counts of an audience."""

    member_count: int | None = None
    unsubscribe_count: int = 0
    cleaned_count: int = 0


class Audience(_Body):
    """An audience (list)."""

    id: RecordId
    name: str
    double_optin: bool = False
    stats: Stats | None = None


class Audiences(_Body):
    """Some audiences."""

    lists: list[Audience]


class FieldProblem(_Body):
    """What is wrong with one field."""

    field: str = ""
    message: str = ""


class Problem(_Body):
    """A problem detail: every error answer."""

    title: str = ""
    detail: str = ""
    errors: list[FieldProblem] = Field(default_factory=list)


class MemberProblem(_Body):
    """Why one member of a batch was not added."""

    email_address: str = ""
    error: str = ""
    error_code: str = ""
    field: str = ""
    field_message: str = ""


class BatchAnswer(_Body):
    """The answer to adding members in a batch."""

    new_members: list[Member]
    updated_members: list[Member] = Field(default_factory=list)
    errors: list[MemberProblem] = Field(default_factory=list)
