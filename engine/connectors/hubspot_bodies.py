"""HubSpot's answers as far as they are used: the border where their shape is checked. Every error field is optional."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import NumericId, RecordId
from engine.connectors import Record
from engine.visible import is_storable, visible


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class NextPage(_Body):
    """Where the next page begins."""

    after: str = Field(min_length=1)


class Paging(_Body):
    """Absent on the last page."""

    next: NextPage | None = None


class Contact(_Body):
    """A contact. Values may hold lone surrogates, which no string type takes, so they stay untyped here."""

    id: RecordId
    properties: dict[str, Any]
    created_at: str = Field(alias="createdAt", default="")
    updated_at: str = Field(alias="updatedAt", default="")
    trace_id: str | None = Field(alias="objectWriteTraceId", default=None)

    def record(self, fields: Sequence[str]) -> Record:
        """The named fields as texts; HubSpot's null is explicitly empty."""
        values: dict[str, str] = {}
        unreadable: dict[str, str] = {}
        for name in fields:
            if name not in self.properties:
                continue
            value = self.properties[name]
            text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
            if is_storable(text):
                values[name] = text
            else:
                unreadable[name] = "holds half of a surrogate pair, which no text can hold"
        return Record(self.id, values, self.created_at, self.updated_at, unreadable)


class ContactPage(_Body):
    """A page of contacts."""

    results: list[Contact]
    paging: Paging | None = None


class FoundContacts(_Body):
    """The first contacts of a search, and how many it found in all."""

    total: int
    results: list[Contact]


class BatchError(_Body):
    """An entry of `errors` in a 207 answer, or the envelope of a refused request."""

    status: str = ""
    category: str = ""
    sub_category: Any = Field(alias="subCategory", default=None)
    message: str = ""
    context: dict[str, Any] = Field(default_factory=dict)
    errors: list[dict[str, Any]] = Field(default_factory=list)

    def named(self, key: str) -> list[str]:
        """The values of a context entry such as `objectWriteTraceId` or `ids`."""
        found = self.context.get(key)
        return [str(value) for value in found] if isinstance(found, list) else []


class BatchAnswer(_Body):
    """The answer to a batch. `errors` are the inputs that were refused."""

    results: list[Contact]
    errors: list[BatchError] = Field(default_factory=list)


class Refused(_Body):
    """Why one input was refused: the code, the property if one is named, and the words as they came, values and all."""

    code: str
    property: str
    message: str


def refused(error: BatchError) -> Refused:
    """The reason in an error entry: from `errors`, else from the JSON text inside the message, else the message."""
    detail = next((entry for entry in error.errors if isinstance(entry, dict)), None) or _embedded(error.message)
    code = str(detail.get("code") or detail.get("error") or error.sub_category or error.category or "")
    context = detail.get("context")
    names = context.get("propertyName") if isinstance(context, Mapping) else None
    name = str(names[0]) if isinstance(names, list) and names else str(detail.get("name") or "")
    if not name:
        name = next(iter(error.named("propertyName") or error.named("properties")), "")
    message = str(detail.get("message") or error.message)
    return Refused(code=visible(code, 100), property=visible(name, 100), message=message)


def _embedded(message: str) -> dict[str, Any]:
    """The first entry of the JSON text that follows `Property values were not valid: ` (error-handling page)."""
    start = message.find("[{")
    if start < 0:
        return {}
    try:
        entries, _ = json.JSONDecoder().raw_decode(message[start:])
    except ValueError:
        return {}
    return entries[0] if isinstance(entries[0], dict) else {}


class AccountDetails(_Body):
    """`account-info/details`."""

    portal_id: int = Field(alias="portalId")
    account_type: str = Field(alias="accountType", default="")
    time_zone: str | None = Field(alias="timeZone", default=None)
    ui_domain: str = Field(alias="uiDomain", default="")
    hosting: str = Field(alias="dataHostingLocation", default="")


class Introspection(_Body):
    """What a token may do, for whom, and how many seconds longer. Only `active` is guaranteed (OAuth reference, 2026-09)."""

    active: bool
    scopes: list[str] = Field(default_factory=list)
    token_use: str = ""
    app: str = Field(alias="app_id", default="", coerce_numbers_to_str=True)
    user_id: str = Field(default="", coerce_numbers_to_str=True)
    user: str = ""
    expires_in: int | None = None
    private: bool | None = Field(alias="is_private_distribution", default=None)


class PropertyOption(_Body):
    """A choice of an enumeration."""

    value: str
    label: str = ""


class Modification(_Body):
    """What may be changed of a property."""

    read_only_value: bool = Field(alias="readOnlyValue", default=False)


class Property(_Body):
    """A property's definition."""

    name: str
    label: str = ""
    type: str
    field_type: str = Field(alias="fieldType", default="")
    options: list[PropertyOption] | None = None
    calculated: bool | None = None
    archived: bool | None = None
    hubspot_defined: bool | None = Field(alias="hubspotDefined", default=None)
    unique: bool | None = Field(alias="hasUniqueValue", default=None)
    modification: Modification | None = Field(alias="modificationMetadata", default=None)


class Properties(_Body):
    """All properties of contacts."""

    results: list[Property]


class ValidationRule(_Body):
    """One rule of a property."""

    rule_type: str = Field(alias="ruleType")
    arguments: list[Any] | None = Field(alias="ruleArguments", default=None)


class PropertyRules(_Body):
    """The rules of one property."""

    name: str = Field(alias="propertyName")
    rules: list[ValidationRule] = Field(alias="propertyValidationRules", default_factory=list)


class Validations(_Body):
    """The rules of every property that has some."""

    results: list[PropertyRules]


class ObjectSchema(_Body):
    """The contact object's schema."""

    required: list[str] = Field(alias="requiredProperties", default_factory=list)


class ListBody(_Body):
    """A list (segment)."""

    id: RecordId = Field(alias="listId")
    name: str
    object_type: str = Field(alias="objectTypeId", default="0-1")
    processing_type: str = Field(alias="processingType")
    processing_status: str = Field(alias="processingStatus", default="")
    size: int | None = None
    created_at: str | None = Field(alias="createdAt", default=None)
    updated_at: str | None = Field(alias="updatedAt", default=None)
    filters_updated_at: str | None = Field(alias="filtersUpdatedAt", default=None)
    updated_by: str | None = Field(alias="updatedById", default=None, coerce_numbers_to_str=True)
    deleted_at: str | None = Field(alias="deletedAt", default=None)
    filters: dict[str, Any] | None = Field(alias="filterBranch", default=None)
    additional: dict[str, Any] = Field(alias="additionalProperties", default_factory=dict)


class OneList(_Body):
    """The answer to reading one list."""

    found: ListBody = Field(alias="list")


class SeveralLists(_Body):
    """The answer to reading lists by their ids."""

    lists: list[ListBody]


class FoundLists(_Body):
    """The answer to searching lists."""

    lists: list[ListBody]
    has_more: bool = Field(alias="hasMore", default=False)
    offset: int = 0


class Member(_Body):
    """A member of a list."""

    id: NumericId = Field(alias="recordId", coerce_numbers_to_str=True)
    since: str | None = Field(alias="membershipTimestamp", default=None)


class MemberPage(_Body):
    """A page of members."""

    results: list[Member]
    paging: Paging | None = None


class Subscription(_Body):
    """A subscription type."""

    id: RecordId = Field(coerce_numbers_to_str=True)
    name: str


class Subscriptions(_Body):
    """All subscription types."""

    results: list[Subscription]


class SubscriptionStatus(_Body):
    """The status of one address for one type."""

    subscription: str = Field(alias="subscriptionId", coerce_numbers_to_str=True)
    status: str
    name: str | None = Field(alias="subscriptionName", default=None)
    source: str | None = None
    timestamp: str | None = None
    legal_basis: str | None = Field(alias="legalBasis", default=None)
    explanation: str | None = Field(alias="legalBasisExplanation", default=None)


class OneAddress(_Body):
    """All statuses of the address that was asked for."""

    results: list[SubscriptionStatus]


class AddressStatuses(_Body):
    """All statuses of one address."""

    address: str = Field(alias="subscriberIdString")
    statuses: list[SubscriptionStatus] = Field(default_factory=list)


class StatusBatch(_Body):
    """Statuses of several addresses."""

    results: list[AddressStatuses]
