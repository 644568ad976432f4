"""Connectors: one file per app, over the account's HTTP client. This module says what a connector is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from engine.schema import InclusionList, Side, SideSchema


@dataclass(frozen=True)
class Record:
    """One contact as a side gave it.

    `values` are texts: `""` is explicitly empty, a missing key was not fetched. `unreadable` names fields whose
    value cannot be kept (a lone surrogate) with the reason. Times are ISO 8601 in UTC. `version` is the side's mark of
    this state (an ETag), empty where it has none.
    """

    id: str
    values: Mapping[str, str]
    created_at: str
    updated_at: str
    unreadable: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class Write:
    """One intended write. `operation` is the journal's id and goes along as trace id; only changed fields are in `values`.

    `if_version`: the version that the record had when it was looked at just before; a side that can (`If-Match`)
    refuses the write of any other. HubSpot and Mailchimp have no such guard.
    """

    operation: int
    kind: Literal["create", "update"]
    record_id: str | None
    values: Mapping[str, str]
    if_version: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one write.

    `applied` carries the record; `read_back` says that it is all the side holds now, not only the echo of what was sent.
    `edited` names fields whose read-back differs from the write's own answer: somebody was there in between.
    `refused` carries the server's words: `code` (its category), `message`, the `field` if it names one. `exists` is a
    create that was refused because the side has the person already, `existing_id` under which id if it says so.
    `in_doubt` means that no answer says whether it was applied, `not_applied` that it was looked for and is not there
    (no connector says that).
    """

    operation: int
    state: Literal["applied", "refused", "exists", "in_doubt", "not_applied"]
    record: Record | None = None
    status: int | None = None
    code: str = ""
    field: str = ""
    message: str = ""
    correlation_id: str = ""
    read_back: bool = False
    edited: tuple[str, ...] = ()
    existing_id: str = ""


@dataclass(frozen=True)
class LastChange:
    """The newest version of a field: its value, when it was set (ISO 8601, UTC) and by what, in the side's words."""

    value: str
    at: str
    source: str


@dataclass(frozen=True)
class FieldVersion:
    """A value that a field had or has: when it was set (ISO 8601, UTC) and the side's own words for by what.

    `value` is None if it cannot be kept as text. Ids and label are empty where the side gives none.
    """

    value: str | None
    at: str
    source_type: str
    source_id: str = ""
    source_label: str = ""
    user_id: str = ""


@dataclass(frozen=True)
class RecordVersions:
    """The versions of a record's fields, newest first; `id` is the record's own, another than asked for after a merge."""

    id: str
    fields: Mapping[str, Sequence[FieldVersion]]


@dataclass(frozen=True)
class SubscriptionState:
    """An address's status for one subscription type: SUBSCRIBED, UNSUBSCRIBED or NOT_SPECIFIED; when (ISO 8601, UTC) and by what
    it was set, and on which legal basis. Empty where the side does not tell."""

    name: str
    status: str
    at: str = ""
    source: str = ""
    legal_basis: str = ""
    explanation: str = ""


@dataclass(frozen=True)
class Room:
    """How many records a side holds and may hold."""

    usage: int
    limit: int

    @property
    def left(self) -> int:
        """So many more fit."""
        return max(self.limit - self.usage, 0)


@dataclass(frozen=True)
class RecordTrace:
    """Something that a side tells of a record as a whole: when (ISO 8601, UTC), and what in words."""

    at: str
    what: str


class Connector(Protocol):
    """A side. Every call may raise an `AccessError`; none raises on what a single record holds."""

    side: Side
    app: str
    batch_size: int
    """Writes that fit one request."""
    access: str
    """A digest of address and credentials: another one may open another account. Holds no secret."""

    @property
    def first_answer_at(self) -> datetime | None:
        """The side's own time when it first answered this connector; None if its answers do not tell."""
        ...

    async def describe(self) -> SideSchema:
        """Account, fields, rules, scopes and limits; what could not be read is named in `unavailable`."""
        ...

    def records(self, fields: Sequence[str]) -> AsyncIterator[list[Record]]:
        """All live records, a page at a time, each with the named fields."""
        ...

    def changes(self, fields: Sequence[str], since: datetime, until: datetime) -> AsyncIterator[list[Record]]:
        """The records that changed in [since, until), a page at a time; one may come twice, or as it was moments ago.

        Says nothing about records that are gone.
        """
        ...

    async def count(self) -> int | None:
        """About how many records `records` will give, if the side tells."""
        ...

    async def read(self, ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """The named records as they are now; missing ones are left out."""
        ...

    async def resolve(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """The live record that each id leads to, by the id asked for: a merged one gives the survivor with its own id.

        Ids that lead nowhere (deleted, archived) are left out.
        """
        ...

    async def gone_for_good(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids, all of which `resolve` left out, whose record cannot be restored either."""
        ...

    async def find(self, emails: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """Records with these e-mail addresses as they are now; used to settle writes in doubt and to verify."""
        ...

    async def write(self, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Sends at most `batch_size` writes of one kind and gives one outcome for each, in their order."""
        ...


class ListSource(Protocol):
    """The side that has inclusion lists (HubSpot)."""

    async def inclusion_list(self, reference: str) -> InclusionList:
        """The list with this id or exact name. Raises ConfigurationError if there is none or more than one."""
        ...

    async def lists(self, ids: Sequence[str]) -> Mapping[str, InclusionList]:
        """The lists with these ids, whatever they hold; those that are not there are left out."""
        ...

    def list_members(self, list_id: str) -> AsyncIterator[list[tuple[str, str]]]:
        """Pages of (record id, membership time as ISO 8601)."""
        ...

    async def subscriptions(self, emails: Sequence[str], subscription: str) -> Mapping[str, str]:
        """Status per e-mail address of one subscription type: SUBSCRIBED, UNSUBSCRIBED or NOT_SPECIFIED.

        Raises ConfigurationError if there is no such subscription type.
        """
        ...


class HistorySource(Protocol):
    """The side that keeps a history of each field (HubSpot)."""

    async def history(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, LastChange]]:
        """The last change of each named field by id and field; what has no history is left out."""
        ...


@runtime_checkable
class VersionSource(Protocol):
    """A side that tells every version of a record's fields (HubSpot)."""

    async def versions(self, record_id: str, fields: Sequence[str]) -> RecordVersions | None:
        """All versions that the side still has of the named fields; None if the id leads nowhere."""
        ...


@runtime_checkable
class RoomSource(Protocol):
    """A side that tells how many records its plan allows (HubSpot)."""

    async def room(self) -> Room | None:
        """How many there are and may be; None if the side does not tell."""
        ...


@runtime_checkable
class ConsentSource(Protocol):
    """A side that tells the status of an address for each of its subscription types (HubSpot)."""

    async def consent(self, email: str) -> Sequence[SubscriptionState]:
        """The statuses on the channel e-mail."""
        ...


@runtime_checkable
class UserSource(Protocol):
    """A side that tells the names of its users (HubSpot)."""

    async def user_names(self) -> Mapping[str, str]:
        """Names by user id, also of users who are gone."""
        ...


@runtime_checkable
class TraceSource(Protocol):
    """A side that keeps no history of fields, but tells something of a record as a whole (Mailchimp)."""

    async def traces(self, record_id: str) -> Sequence[RecordTrace] | None:
        """What the side tells, in the order of time; None if the id leads nowhere."""
        ...


class HubSpotSource(Connector, ListSource, HistorySource, Protocol):
    """A connector that also has lists and histories; only HubSpot is one."""
