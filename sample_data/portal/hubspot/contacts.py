"""The contacts of the HubSpot account: finding, reading, and the rows that writing changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sample_data.portal.hubspot.errors import bad_request
from sample_data.portal.hubspot.membership import Membership
from sample_data.portal.hubspot.validation import Schema
from sample_data.portal.moments import iso_milliseconds
from sample_data.portal.state import State, normal_email

DEFAULT_PROPERTIES = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
MergeRegime = Literal["new_id", "primary_kept", "both_kept"]
"""Which id a merged contact has. `new_id`: a new one, to which both old ids lead. `primary_kept`: the primary's, to which the
other leads; a batch read that names both answers once. `both_kept`: as `primary_kept`, and a batch read answers for each."""
USER = "userId:"
"""How a person is named as the source of a value."""
COLUMNS = "id, properties, created, updated, archived, archived_at"


@dataclass(frozen=True)
class Source:
    """Where a value came from, as property history shows it."""

    kind: str
    id: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Contact:
    """One stored contact; times in milliseconds since 1970, `values` without empty ones."""

    id: int
    values: dict[str, str]
    created: int
    updated: int
    archived: bool
    archived_at: int | None

    def value(self, name: str) -> str | None:
        """The value of a stored or derived property, None if it is empty."""
        derived = {
            "hs_object_id": str(self.id),
            "createdate": iso_milliseconds(self.created),
            "lastmodifieddate": iso_milliseconds(self.updated),
        }
        return derived.get(name) or self.values.get(name)

    def record(self, names: Iterable[str]) -> dict[str, Any]:
        """The record as the API answers it, with the named properties (None where empty)."""
        record: dict[str, Any] = {
            "id": str(self.id),
            "properties": {name: self.value(name) for name in sorted(set(names))},
            "createdAt": iso_milliseconds(self.created),
            "updatedAt": iso_milliseconds(self.updated),
            "archived": self.archived,
        }
        if self.archived_at is not None:
            record["archivedAt"] = iso_milliseconds(self.archived_at)
        return record


class Contacts:
    """Reads and stores contacts. Nothing here checks values; `lag` is the search delay in milliseconds."""

    def __init__(self, state: State, schema: Schema, membership: Membership, lag: int) -> None:
        self.state = state
        self.schema = schema
        self.membership = membership
        self.lag = lag
        self.merge_regime: MergeRegime = "new_id"

    def survivor(self, contact_id: int) -> int:
        """The id that a merged contact's id stands for now; any other id itself."""
        found = self.state.row("SELECT contact FROM merged WHERE old_id = ?", contact_id)
        return int(found[0]) if found else contact_id

    def by_id(self, text: str, *, archived: bool = False) -> Contact | None:
        """The contact of an id, through merges; None if there is none in the asked-for (archived) state."""
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(2**63)) - 1:
            return None
        return self._one(
            f"SELECT {COLUMNS} FROM contact WHERE id = ? AND archived = ?", self.survivor(int(text)), archived
        )

    def by_email(self, address: str) -> Contact | None:
        """The contact that has the address as its primary or an additional one."""
        owner = self.email_owner(address)
        return None if owner is None else self.by_id(str(owner))

    def find(self, value: str, id_property: str | None, *, archived: bool = False) -> Contact | None:
        """A contact by id, e-mail or a unique property. Raises ApiError 400 for a property that is not unique."""
        if id_property is None:
            return self.by_id(value, archived=archived)
        if id_property == "email":
            return self.by_email(value)
        if id_property == "hs_object_id" or not self.schema.unique(id_property):
            raise bad_request(f"Unable to perform update/upsert by non-unique 0-1 property {id_property}")
        return self.by_unique(id_property, value)

    def by_unique(self, name: str, value: str) -> Contact | None:
        """The contact with this value of a unique property."""
        path = f'$."{name}"'
        return self._one(
            f"SELECT {COLUMNS} FROM contact WHERE archived = 0 AND json_extract(properties, ?) = ?", path, value
        )

    def email_owner(self, address: str) -> int | None:
        """The id of the contact with this address, compared in lower case and otherwise exactly."""
        found = self.state.row("SELECT contact FROM contact_email WHERE email = ?", normal_email(address))
        return int(found[0]) if found else None

    def page(self, after: int, limit: int, *, archived: bool) -> list[Contact]:
        """Up to `limit` contacts with ids from `after` on, in id order."""
        rows = self.state.rows(
            f"SELECT {COLUMNS} FROM contact WHERE archived = ? AND id >= ? ORDER BY id LIMIT ?",
            archived,
            after,
            limit,
        )
        return [contact_of(row) for row in rows]

    def history(self, contact: Contact, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The versions of the named properties, newest first."""
        return {name: self._versions(contact, name) for name in names if self.schema.known(name)}

    def insert(self, values: Mapping[str, str], now: int, source: Source) -> Contact:
        """Stores a new contact and its first history."""
        number = self.state.next_number("contact", 7)
        kept = {name: value for name, value in values.items() if value}
        self.state.run(
            "INSERT INTO contact (id, properties, created, updated, written) VALUES (?, ?, ?, ?, ?)",
            number,
            json.dumps(kept, ensure_ascii=False),
            now,
            now,
            now,
        )
        contact = Contact(number, kept, now, now, False, None)
        for name, value in kept.items():
            self._add_version(contact, name, "", value, now, source)
        self._index(contact, now)
        return contact

    def change(self, contact: Contact, values: Mapping[str, str], now: int, source: Source) -> Contact:
        """Stores changed values (empty text clears) with their history."""
        kept = {**contact.values, **values}
        kept = {name: value for name, value in kept.items() if value}
        for name, value in values.items():
            before = contact.values.get(name, "")
            if value != before:
                self._add_version(contact, name, before, value, now, source)
        self._keep_prior(contact, now)
        self.state.run(
            "UPDATE contact SET properties = ?, updated = ?, written = ? WHERE id = ?",
            json.dumps(kept, ensure_ascii=False),
            now,
            now,
            contact.id,
        )
        changed = Contact(contact.id, kept, contact.created, now, contact.archived, contact.archived_at)
        self._index(changed, now)
        return changed

    def archive(self, contact: Contact, now: int) -> None:
        """Archives a contact: it leaves its lists and its addresses become free."""
        self.state.run("UPDATE contact SET archived = 1, archived_at = ? WHERE id = ?", now, contact.id)
        self._release(contact.id)

    def purge(self, contact: Contact) -> None:
        """Removes a contact for good and blocks its addresses."""
        for (address,) in self.state.rows("SELECT email FROM contact_email WHERE contact = ?", contact.id):
            self.block(address)
        self._release(contact.id)
        self.state.run("DELETE FROM contact WHERE id = ?", contact.id)
        self.state.run("DELETE FROM history WHERE contact = ?", contact.id)

    def block(self, address: str) -> None:
        """Puts an address on the list of erased people."""
        self.state.run("INSERT OR IGNORE INTO blocked_email VALUES (?)", normal_email(address))

    def merge(self, primary: Contact, secondary: Contact, now: int) -> Contact:
        """Merges two contacts; the primary's values win, and the regime says which id lives on."""
        values = {**secondary.values, **primary.values}
        emails = [contact.values.get("email", "") for contact in (primary, secondary)]
        extra = [emails[1] if emails[0] else ""]
        extra += [address for old in (primary, secondary) for address in _additional(old.values)]
        values["hs_additional_emails"] = ";".join(dict.fromkeys(address for address in extra if address))
        earlier = [old.values.get("hs_merged_object_ids", "") for old in (primary, secondary)]
        gone = (primary, secondary) if self.merge_regime == "new_id" else (secondary,)
        merged_ids = [text for text in (*earlier, *(str(old.id) for old in gone)) if text]
        values["hs_merged_object_ids"] = ";".join(merged_ids)
        for old in gone:
            self._release(old.id)
            self.state.run("DELETE FROM contact WHERE id = ?", old.id)
            self.state.run("DELETE FROM history WHERE contact = ?", old.id)
        source = Source("MERGE_CONTACTS", str(primary.id))
        new = self.merge_regime == "new_id"
        survivor = self.insert(values, now, source) if new else self.change(primary, values, now, source)
        everyone = {"hs_all_contact_vids": ";".join([str(survivor.id), *merged_ids])}
        survivor = self.change(survivor, everyone, now, source)
        created = min(primary.created, secondary.created)
        self.state.run("UPDATE contact SET created = ? WHERE id = ?", created, survivor.id)
        for old in gone:
            self.state.run("UPDATE merged SET contact = ? WHERE contact = ?", survivor.id, old.id)
            self.state.run("INSERT INTO merged VALUES (?, ?)", old.id, survivor.id)
        return Contact(survivor.id, survivor.values, created, now, False, None)

    def _one(self, statement: str, *values: object) -> Contact | None:
        row = self.state.row(statement, *values)
        return None if row is None else contact_of(row)

    def _release(self, contact: int) -> None:
        self.state.run("DELETE FROM contact_email WHERE contact = ?", contact)
        self.membership.leave_all(contact)

    def _index(self, contact: Contact, now: int) -> None:
        self.state.run("DELETE FROM contact_email WHERE contact = ?", contact.id)
        primary = normal_email(contact.values.get("email", ""))
        for address in [primary, *map(normal_email, _additional(contact.values))]:
            if address:
                self.state.run(
                    "INSERT OR IGNORE INTO contact_email VALUES (?, ?, ?)",
                    address,
                    contact.id,
                    address == primary,
                )
        self.membership.refresh(contact.id, contact.values, now)

    def _keep_prior(self, contact: Contact, now: int) -> None:
        if not self.lag:
            return
        prior = {"properties": contact.values, "updated": contact.updated}
        self.state.run(
            "UPDATE contact SET prior = ? WHERE id = ? AND written <= ?",
            json.dumps(prior, ensure_ascii=False),
            contact.id,
            now - self.lag,
        )

    def _add_version(self, contact: Contact, name: str, before: str, value: str, now: int, source: Source) -> None:
        found = self.state.row("SELECT max(position) FROM history WHERE contact = ? AND property = ?", contact.id, name)
        position = -1 if found is None or found[0] is None else int(found[0])
        if position < 0 and before:
            first = _first_source(contact)
            position = 0
            self._insert_version(contact.id, name, position, before, self._first_set(contact), first)
        self._insert_version(contact.id, name, position + 1, value, now, source)

    def _insert_version(self, contact: int, name: str, position: int, value: str, at: int, source: Source) -> None:
        self.state.run(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            contact,
            name,
            position,
            value,
            at,
            source.kind,
            source.id,
            source.label,
        )

    def _versions(self, contact: Contact, name: str) -> list[dict[str, Any]]:
        rows = self.state.rows(
            "SELECT value, at, source_type, source_id, source_label FROM history"
            " WHERE contact = ? AND property = ? ORDER BY position DESC",
            contact.id,
            name,
        )
        value = contact.value(name)
        if not rows and value:
            rows = [(value, self._first_set(contact), _first_source(contact).kind, None, None)]
        return [_version(*row) for row in rows]

    def _first_set(self, contact: Contact) -> int:
        """When a value without a history was set: for a record of the data folder, when that says it was last updated."""
        found = self.state.row("SELECT loaded FROM contact WHERE id = ?", contact.id)
        return contact.created if found is None or found[0] is None else int(found[0])


def contact_of(row: Sequence[Any]) -> Contact:
    """A contact from the columns of COLUMNS."""
    number, text, created, updated, archived, archived_at = row
    return Contact(number, json.loads(text), created, updated, bool(archived), archived_at)


def _first_source(contact: Contact) -> Source:
    return Source(contact.values.get("hs_object_source", "CRM_UI"))


def _version(value: str, at: int, kind: str, source_id: str | None, label: str | None) -> dict[str, Any]:
    version: dict[str, Any] = {"value": value, "timestamp": iso_milliseconds(at), "sourceType": kind}
    if source_id is not None:
        version["sourceId"] = source_id
        if source_id.startswith(USER) and source_id.removeprefix(USER).isdigit():
            version["updatedByUserId"] = int(source_id.removeprefix(USER))
    if label is not None:
        version["sourceLabel"] = label
    return version


def _additional(values: Mapping[str, str]) -> list[str]:
    return [part.strip() for part in values.get("hs_additional_emails", "").split(";") if part.strip()]
