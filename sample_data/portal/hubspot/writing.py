"""Writing contacts over the API: every check that the service makes, the write, and its record in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sample_data.portal.audit import Audit, WriteKind
from sample_data.portal.hubspot.contacts import Contact, Contacts, Source
from sample_data.portal.hubspot.errors import (
    ApiError,
    PropertyError,
    already_exists,
    bad_request,
    invalid_properties,
)
from sample_data.portal.hubspot.validation import Checked

API_SOURCE = Source("INTEGRATION", "4711", "INTEGRATION")
ANY_ONE_NEEDED = ("email", "firstname", "lastname")


@dataclass(frozen=True)
class Written:
    """A stored contact, the names of the properties that its answer shows, and warnings."""

    contact: Contact
    names: tuple[str, ...]
    warnings: tuple[Mapping[str, Any], ...] = field(default=())

    def record(self) -> dict[str, Any]:
        """The record as a write answers it: what was written and what follows from it, nothing else."""
        record = self.contact.record(self.names)
        record["properties"] = {name: value for name, value in record["properties"].items() if value is not None}
        return record | ({"warnings": list(self.warnings)} if self.warnings else {})


class Writer:
    """Writes contacts over the API; raises ApiError for what the service refuses, and then stores nothing."""

    def __init__(self, contacts: Contacts, portal_id: int, audit: Audit) -> None:
        self._contacts = contacts
        self._audit = audit
        self._schema = contacts.schema
        self._portal_id = portal_id

    def create(self, given: Mapping[str, Any], now: int, *, strict: bool) -> Written:
        """Creates a contact. `strict`: the write rules of 2026-09."""
        checked = self._schema.check(given, strict=strict)
        if not checked.errors and not any(checked.values.get(name) for name in ANY_ONE_NEEDED):
            raise bad_request("At least one of email, firstname or lastname is required to create a contact")
        if strict:
            checked.errors += self._schema.missing_on_create(checked.values)
            checked.errors += self._schema.missing_by_condition(checked.values, set(checked.values))
        self._refuse(checked.errors)
        self._refuse_taken(checked.values, None)
        origin = {"hs_object_source": API_SOURCE.kind, "hs_object_source_label": "INTEGRATION"}
        contact = self._contacts.insert({**checked.values, **origin}, now, API_SOURCE)
        self._note("create", contact, checked.values, now)
        names = (*checked.values, *origin, "createdate", "hs_object_id", "lastmodifieddate")
        return Written(contact, names, tuple(checked.warnings))

    def update(self, contact: Contact, given: Mapping[str, Any], now: int, *, strict: bool) -> Written:
        """Updates a contact; empty text clears a value, a backward lifecycle stage is ignored."""
        checked = self._schema.check(given, strict=strict)
        after = {**contact.values, **checked.values}
        if strict:
            checked.errors += self._schema.missing_by_condition(after, set(checked.values))
        self._refuse(checked.errors)
        self._refuse_taken(checked.values, contact.id)
        self._keep_stage(contact, checked)
        changed = self._contacts.change(contact, checked.values, now, API_SOURCE)
        self._note("update", changed, checked.values, now)
        return Written(changed, (*checked.values, "lastmodifieddate"), tuple(checked.warnings))

    def archive(self, contact: Contact, now: int) -> None:
        """Archives a contact."""
        self._note("delete", contact, {}, now)
        self._contacts.archive(contact, now)

    def purge(self, contact: Contact, now: int) -> None:
        """Deletes a contact for good."""
        self._note("delete", contact, {}, now)
        self._contacts.purge(contact)

    def merge(self, primary: Contact, secondary: Contact, now: int) -> Contact:
        """Merges two contacts; the survivor."""
        survivor = self._contacts.merge(primary, secondary, now)
        self._note("merge", survivor, survivor.values, now)
        return survivor

    def _note(self, kind: WriteKind, contact: Contact, fields: Mapping[str, str], now: int) -> None:
        self._audit.note("hubspot", kind, str(contact.id), contact.values.get("email", ""), fields, now)

    def _refuse(self, errors: list[PropertyError]) -> None:
        if errors:
            raise invalid_properties(errors, self._portal_id)

    def _refuse_taken(self, values: Mapping[str, str], own_id: int | None) -> None:
        for name, value in values.items():
            if not value or not (self._schema.unique(name) or name == "hs_additional_emails"):
                continue
            if name in ("email", "hs_additional_emails"):
                for address in value.split(";"):
                    owner = self._contacts.email_owner(address)
                    if owner not in (None, own_id):
                        raise already_exists(owner or 0)
                continue
            other = self._contacts.by_unique(name, value)
            if other is not None and other.id != own_id:
                raise self._value_taken(name, value, other)

    def _value_taken(self, name: str, value: str, other: Contact) -> ApiError:
        message = f"Cannot set PropertyValueCoordinates: {other.id} already has that value ({value})"
        return invalid_properties([PropertyError("CONFLICTING_UNIQUE_VALUE", message, name)], self._portal_id)

    def _keep_stage(self, contact: Contact, checked: Checked) -> None:
        before, after = contact.values.get("lifecyclestage", ""), checked.values.get("lifecyclestage", "")
        if before and after and self._schema.lifecycle_rank(after) < self._schema.lifecycle_rank(before):
            checked.values["lifecyclestage"] = before
