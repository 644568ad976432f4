"""What a side declares of itself: account, fields, rules, the inclusion list. Read from its API, kept with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Side = Literal["hubspot", "app"]
SIDES: tuple[Side, Side] = ("hubspot", "app")

FieldType = Literal["text", "email", "phone", "url", "number", "date", "datetime", "bool", "option", "options", "other"]

RuleKind = Literal[
    "max_length",  # characters
    "min_length",  # characters
    "max_bytes",  # UTF-8 bytes
    "regex",
    "letters_only",
    "digits_only",
    "alphanumeric",
    "min_number",
    "max_number",
    "decimals",
    "url",
    "email",
    "phone_with_country_code",
    "not_checked",  # declared by the side, not evaluated here; arguments name it
]


@dataclass(frozen=True)
class Option:
    """One allowed value: the internal `value` that is stored and the `label` people read."""

    value: str
    label: str


@dataclass(frozen=True)
class Rule:
    """One validation rule of a field, in the engine's words; `arguments` as the side gave them."""

    kind: RuleKind
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """A property (HubSpot) or merge field (app) that can be mapped."""

    name: str
    label: str
    type: FieldType
    options: tuple[Option, ...] = ()
    rules: tuple[Rule, ...] = ()
    required: bool = False
    read_only: bool = False
    custom: bool = False
    """Not one of the default fields that a free account may map."""
    unique: bool = False
    """The side takes each value once (HubSpot's `hasUniqueValue`, which contacts may or may not enforce)."""


@dataclass(frozen=True)
class Account:
    """Who answers on a side. `details` are facts worth a line in a report, never a secret."""

    id: str
    name: str
    time_zone: str = "UTC"
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsentField:
    """The field that holds a record's own subscription status, and what its values mean.

    `accepted` are the values with which a person may be written to; `meanings` says for each other
    value why not.
    """

    name: str
    accepted: tuple[str, ...]
    meanings: Mapping[str, str]


@dataclass(frozen=True)
class SideSchema:
    """Everything that a side declares. `unavailable` maps an area ("rules", "scopes") to why it could not be read."""

    side: Side
    app: str
    account: Account
    fields: Mapping[str, Field]
    identity_field: str
    name_fields: tuple[str, ...] = ()
    """The fields that together are a person's name, for showing."""
    consent: ConsentField | None = None
    scopes: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    """What the side tells of the credentials in use, in words: kind, who authorised them, until when. Never a secret."""
    additional_emails_field: str = ""
    """The field with a record's further addresses, joined by semicolons; empty if the side has none."""
    former_ids_fields: tuple[str, ...] = ()
    """The fields with the ids of records that were merged into this one, joined by semicolons."""
    address_hash_is_id: bool = False
    """Whether the side also knows a record under the MD5 of its address in lower case (Mailchimp's `subscriber_hash`)."""


@dataclass(frozen=True)
class NamedList:
    """Another list that the inclusion list's criteria name.

    `unknown_because` says why its members are not known; if it is empty, they are in the table `named_list_member`.
    """

    id: str
    name: str = ""
    size: int | None = None
    updated_at: datetime | None = None
    unknown_because: str = ""
    follows_criteria: bool = False
    criteria_properties: tuple[str, ...] = ()
    """The contact properties that the list's own criteria look at; empty if they look at anything else, or if there are none."""


@dataclass(frozen=True)
class InclusionList:
    """HubSpot's list (segment) that limits what is synced.

    `size` is what HubSpot reports. Times are UTC.
    `members_changed_at` is the newest membership time seen. Source: HubSpot lists API, `processingType`,
    `processingStatus`, `filtersUpdatedAt`, `deletedAt`.
    """

    id: str
    name: str
    processing_type: str
    processing_status: str
    size: int | None
    created_at: datetime | None
    updated_at: datetime | None
    criteria_updated_at: datetime | None
    deleted_at: datetime | None
    members_changed_at: datetime | None = None
    filters: str = ""
    """The list's filter branch as JSON text, as it came; empty for lists without criteria. The engine does not read it."""
    criteria_properties: tuple[str, ...] = ()
    """The properties that the criteria look at."""
    criteria_lists: tuple[str, ...] = ()
    """The ids of the lists of contacts that the criteria name."""
    named: tuple[NamedList, ...] = ()
    """Those of them that are another list, as they were read last; only for a list that follows its criteria."""
    only_properties: bool = False
    """Whether the criteria look at nothing but properties of the contact itself."""
    object_type: str = "0-1"
    """HubSpot's id of what the list holds; 0-1 are contacts."""
    updated_by: str = ""
    """HubSpot's id of the user who edited the list last, empty if not known."""
