"""The members of the audience: finding, adding, updating, archiving, with every check the service makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sample_data.portal.audit import Audit, WriteKind
from sample_data.portal.mailchimp import errors
from sample_data.portal.mailchimp.errors import FieldError, Problem
from sample_data.portal.mailchimp.validation import MergeFields, check_address
from sample_data.portal.state import State, member_hash, normal_email

COLUMNS = ("number", "contact_id", "hash", "email", "status", "left_by", "merge_fields", "opted", "changed", "source")
SELECT = f"SELECT {', '.join(COLUMNS)} FROM member"
WRITABLE_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
API_SOURCE = "API - Generic"

Row = dict[str, Any]


@dataclass(frozen=True)
class AddressLists:
    """Addresses (in lower case) that the service refuses: made up, or blocked for compliance."""

    fake: set[str]
    compliance: set[str]


class Members:
    """Reads and writes members; times in seconds since 1970."""

    def __init__(self, state: State, merge_fields: MergeFields, addresses: AddressLists, audit: Audit) -> None:
        self.state = state
        self._merge_fields = merge_fields
        self._addresses = addresses
        self._audit = audit

    def find(self, key: str) -> Row | None:
        """A member by subscriber hash, e-mail address or contact id."""
        by_hash = member_hash(key) if "@" in key else key.lower()
        row = self.state.row(f"{SELECT} WHERE hash = ?", by_hash)
        return _row(row or self.state.row(f"{SELECT} WHERE contact_id = ?", key.lower()))

    def page(self, where: str, values: tuple[object, ...], order: str, count: int, offset: int) -> list[Row]:
        """Members under a condition, a slice of them."""
        rows = self.state.rows(f"{SELECT} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", *values, count, offset)
        return [found for found in map(_row, rows) if found]

    def count(self, where: str, values: tuple[object, ...]) -> int:
        """How many members meet a condition."""
        row = self.state.row(f"SELECT count(*) FROM member WHERE {where}", *values)
        return int(row[0]) if row else 0

    def add(self, given: Mapping[str, Any], now: int, *, skip_required: bool) -> Row:
        """Adds a member; an archived one comes back. Raises Problem."""
        address = check_address(given.get("email_address"), self._addresses.fake)
        existing = self.find(address)
        if existing is not None and existing["status"] != "archived":
            raise errors.member_exists(address)
        if existing is not None:
            return self._update(existing, given, now, skip_required=skip_required)
        return self._insert(address, given, given.get("status"), now, skip_required=skip_required)

    def put(self, key: str, given: Mapping[str, Any], now: int, *, skip_required: bool) -> Row:
        """Adds or updates the member of a path. Raises Problem."""
        existing = self.find(key)
        if existing is not None:
            return self._update(existing, given, now, skip_required=skip_required)
        address = check_address(given.get("email_address"), self._addresses.fake)
        if self.find(address) is not None:
            raise errors.member_exists(address)
        status = given.get("status") or given.get("status_if_new")
        return self._insert(address, given, status, now, skip_required=skip_required)

    def update(self, key: str, given: Mapping[str, Any], now: int, *, skip_required: bool) -> Row:
        """Updates the member of a path. Raises Problem."""
        existing = self.find(key)
        if existing is None:
            raise errors.not_found()
        return self._update(existing, given, now, skip_required=skip_required)

    def archive(self, key: str, now: int) -> None:
        """Archives the member of a path. Raises Problem for one that cannot be archived."""
        existing = self.find(key)
        if existing is None:
            raise errors.not_found()
        if existing["status"] in ("cleaned", "pending", "archived"):
            raise errors.cannot_archive()
        self.state.run("UPDATE member SET status = 'archived', changed = ? WHERE number = ?", now, existing["number"])
        self._note("delete", existing, {}, now)

    def forget(self, key: str, now: int) -> None:
        """Deletes the member of a path for good; its address cannot be imported again."""
        existing = self.find(key)
        if existing is None:
            raise errors.not_found()
        self.state.run("DELETE FROM member WHERE number = ?", existing["number"])
        self._note("delete", existing, {}, now)
        self.state.run("INSERT OR IGNORE INTO forgotten_email VALUES (?)", normal_email(existing["email"]))

    def tamper(self, key: str, values: Mapping[str, str], now: int) -> None:
        """Changes a member as a person in the web application would: merge tags, email_address or status."""
        existing = self.find(key)
        if existing is None:
            raise KeyError(key)
        changed = dict(existing)
        changed["email"] = values.get("email_address", existing["email"])
        changed["status"] = values.get("status", existing["status"])
        changed["left_by"] = "contact" if changed["status"] == "unsubscribed" else ""
        tags = {name: value for name, value in values.items() if name not in ("email_address", "status")}
        unknown = set(tags) - set(self._merge_fields.definitions)
        if unknown:
            raise KeyError(sorted(unknown)[0])
        changed["merge_fields"] = {**existing["merge_fields"], **tags}
        self._store(changed, now)

    def _insert(self, address: str, given: Mapping[str, Any], status: object, now: int, *, skip_required: bool) -> Row:
        self._check_status(status)
        if self.state.row("SELECT 1 FROM forgotten_email WHERE email = ?", normal_email(address)):
            raise errors.forgotten(address)
        if normal_email(address) in self._addresses.compliance and status == "subscribed":
            raise errors.compliance_state(address)
        values = self._values(given, {}, required=not skip_required)
        contact_id = hashlib.md5(
            f"member {self.state.next_number('member')} {address}".encode(), usedforsecurity=False
        ).hexdigest()
        self.state.run(
            "INSERT INTO member (contact_id, hash, email, status, left_by, merge_fields, opted, changed, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            contact_id,
            member_hash(address),
            address,
            status,
            "admin" if status == "unsubscribed" else "",
            json.dumps(values, ensure_ascii=False),
            now,
            now,
            API_SOURCE,
        )
        row = self._again(contact_id)
        self._note("create", row, {**values, "email_address": address, "status": str(status)}, now)
        return row

    def _update(self, existing: Row, given: Mapping[str, Any], now: int, *, skip_required: bool) -> Row:
        changed = dict(existing)
        if "status" in given:
            self._check_status(given["status"])
            self._refuse_return(existing, given["status"])
            changed["status"] = given["status"]
            if given["status"] == "unsubscribed" and existing["status"] != "unsubscribed":
                changed["left_by"] = "admin"
        if "email_address" in given:
            address = check_address(given["email_address"], self._addresses.fake)
            other = self.find(address)
            if other is not None and other["number"] != existing["number"]:
                raise errors.member_exists(address)
            changed["email"] = address
        if "merge_fields" in given:
            changed["merge_fields"] = self._values(given, existing["merge_fields"], required=not skip_required)
        if any(changed[name] != existing[name] for name in ("status", "email", "merge_fields")):
            self._store(changed, now)
        tags = {str(tag).upper() for tag in given.get("merge_fields") or ()} & set(self._merge_fields.definitions)
        fields = {tag: changed["merge_fields"].get(tag, "") for tag in sorted(tags)}
        fields |= {name: str(given[name]) for name in ("email_address", "status") if name in given}
        self._note("restore" if existing["status"] == "archived" else "update", changed, fields, now)
        return self._again(existing["contact_id"])

    def _note(self, kind: WriteKind, row: Row, fields: Mapping[str, str], now: int) -> None:
        self._audit.note("mailchimp", kind, row["contact_id"], row["email"], fields, now * 1000)

    def _refuse_return(self, existing: Row, status: str) -> None:
        """A member that left by itself, bounced or is blocked is not subscribed by an API call."""
        if status not in ("subscribed", "transactional"):
            return
        gone = existing["status"] == "cleaned" or existing["left_by"] == "contact"
        if gone or (status == "subscribed" and normal_email(existing["email"]) in self._addresses.compliance):
            raise errors.compliance_state(existing["email"])

    def _check_status(self, status: object) -> None:
        if status is None or status == "":
            raise errors.invalid_fields(FieldError("status", "Data presented is not one of the accepted values."))
        if status not in WRITABLE_STATUSES:
            accepted = ", ".join(WRITABLE_STATUSES)
            message = f"Data presented is not one of the accepted values: {accepted}."
            raise errors.invalid_fields(FieldError("status", message))

    def _values(self, given: Mapping[str, Any], before: dict[str, str], *, required: bool) -> dict[str, str]:
        fields = given.get("merge_fields") or {}
        if not isinstance(fields, dict):
            raise errors.invalid_fields(FieldError("merge_fields", "Schema describes object, array found instead"))
        accepted, wrong = self._merge_fields.accepted(fields)
        values = {tag: value for tag, value in {**before, **accepted}.items() if value}
        if required:
            refused = {error.field for error in wrong}
            wrong += [error for error in self._merge_fields.missing(values) if error.field not in refused]
        if wrong:
            raise errors.invalid_merge_fields(wrong)
        return values

    def _store(self, row: Row, now: int) -> None:
        self.state.run(
            "UPDATE member SET hash = ?, email = ?, status = ?, left_by = ?, merge_fields = ?, changed = ?"
            " WHERE number = ?",
            member_hash(row["email"]),
            row["email"],
            row["status"],
            row["left_by"],
            json.dumps(row["merge_fields"], ensure_ascii=False),
            now,
            row["number"],
        )

    def _again(self, contact_id: str) -> Row:
        row = _row(self.state.row(f"{SELECT} WHERE contact_id = ?", contact_id))
        if row is None:
            raise KeyError(contact_id)
        return row


def batch_error(given: Mapping[str, Any], problem: Problem) -> dict[str, str]:
    """The entry in `errors` of a batch answer."""
    first = problem.errors[0] if problem.errors else FieldError("", "")
    exists = problem.title == "Member Exists"
    message = problem.detail
    if exists:
        message = f"{given.get('email_address')} is already a list member, do you want to update?"
        message += " please provide update_existing:true in the request body"
    return {
        "email_address": str(given.get("email_address", "")),
        "error": message,
        "error_code": "ERROR_CONTACT_EXISTS" if exists else "ERROR_GENERIC",
        "field": first.field,
        "field_message": first.message,
    }


def _row(values: tuple[Any, ...] | None) -> Row | None:
    if values is None:
        return None
    row = dict(zip(COLUMNS, values, strict=True))
    row["merge_fields"] = json.loads(row["merge_fields"])
    return row
