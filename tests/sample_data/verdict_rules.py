"""The verdict rules of `docs/practice.md`, read record by record from a data folder.

Written from the rules alone and as plainly as possible, so that it can contradict both the generator's key and
the engine.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from email_validator import EmailNotValidError, validate_email

Row = dict[str, str]
TEST_LOCAL = re.compile(r"test([^a-z].*)?|asdf|qwerty|foo|foobar|xxx|dummy")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def rows(file: Path) -> list[Row]:
    """All lines of a CSV file by column."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def judged(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """State and cause by (HubSpot id, member id), both empty where there is none."""
    rules = _Rules(folder)
    return {
        (contact.get("id", ""), member.get("contact_id", "")): rules.verdict(contact, member)
        for contact, member in rules.contacts()
    }


NOBODY: Row = {}


class _Rules:
    def __init__(self, folder: Path) -> None:
        self.connection = tomllib.loads((folder / "connection.toml").read_text(encoding="utf-8"))
        audience = json.loads((folder / "mailchimp_audience.json").read_text(encoding="utf-8"))
        self.merge_fields: dict[str, Any] = {field["tag"]: field for field in audience["merge_fields"]}
        validations = json.loads((folder / "hubspot_rules.json").read_text(encoding="utf-8"))["validations"]
        self.validations = {entry["propertyName"]: entry["propertyValidationRules"] for entry in validations}
        self.hubspot = rows(folder / "hubspot_contacts.csv")
        self.members = [{**row, "EMAIL": row["email_address"]} for row in rows(folder / "mailchimp_members.csv")]
        listed = json.loads((folder / "hubspot_lists.json").read_text(encoding="utf-8"))
        newsletter = next(entry for entry in listed if entry["name"] == self.connection["scope"]["list"])
        criterion = newsletter["filterBranch"]["filterBranches"][0]["filters"][0]
        self.listed_stages = criterion["operation"]["values"]
        self.counts: dict[str, int] = defaultdict(int)
        for side, field in ((self.hubspot, "email"), (self.members, "EMAIL")):
            seen: set[str] = set()
            for row in side:
                email = normal_email(row[field])
                self.counts[email] = max(self.counts[email], 2 if email in seen else 1)
                seen.add(email)

    def contacts(self) -> Iterator[tuple[Row, Row]]:
        by_email = {normal_email(row["EMAIL"]): row for row in self.members}
        paired = set()
        for contact in self.hubspot:
            email = normal_email(contact["email"])
            if email and email in by_email and self.counts[email] == 1:
                paired.add(email)
                yield contact, by_email[email]
            else:
                yield contact, NOBODY
        yield from ((NOBODY, row) for row in self.members if normal_email(row["EMAIL"]) not in paired)

    def verdict(self, contact: Row, member: Row) -> tuple[str, str]:
        stopped = self._whole_contact(contact, member)
        if stopped:
            return stopped
        to_app, to_hubspot, conflict = self._writes(contact, member)
        if self._lacks_required(contact, member, to_app, to_hubspot):
            return "failing", "required-field"
        faults = {fault for tag, value in to_app.items() for fault in self._app_faults(tag, value)}
        faults |= {fault for name, value in to_hubspot.items() for fault in self._hubspot_faults(name, value)}
        for cause in ("field-type", "field-option", "field-format", "field-length", "field-range"):
            if cause in faults:
                return "failing", cause
        if conflict:
            return "conflict", "conflict"
        return ("pending", "") if to_app or to_hubspot or not (contact and member) else ("in_sync", "")

    def _whole_contact(self, contact: Row, member: Row) -> tuple[str, str] | None:
        email = (contact or member)["email" if contact else "EMAIL"].strip()
        local, _, domain = normal_email(email).rpartition("@")
        goal = self.connection["goals"]["contacts"]["values"]
        stage = contact["lifecyclestage"] if contact else ""
        tests: list[tuple[str, str, Callable[[], bool]]] = [
            ("excluded", "email-missing", lambda: not email),
            ("excluded", "email-invalid", lambda: not _valid(email)),
            ("failing", "email-duplicate", lambda: self.counts[normal_email(email)] > 1),
            ("excluded", "opt-in", lambda: bool(contact) and not _consents(contact)),
            ("excluded", "member-status", lambda: bool(member) and member["status"] != "subscribed"),
            ("excluded", "bounced", lambda: bool(contact) and bool(contact["hs_email_hard_bounce_reason_enum"])),
            ("excluded", "test-address", lambda: TEST_LOCAL.fullmatch(local) is not None),
            ("excluded", "disposable-domain", lambda: domain in self.connection["unwanted"]["disposable_domains"]),
            ("failing", "list-criteria", lambda: bool(contact) and stage not in self.listed_stages and stage in goal),
            ("excluded", "list-membership", lambda: bool(contact) and stage not in self.listed_stages),
        ]
        return next(((state, cause) for state, cause, applies in tests if applies()), None)

    def _writes(self, contact: Row, member: Row) -> tuple[Row, Row, bool]:
        to_app: Row = {}
        to_hubspot: Row = {}
        conflict = False
        for mapping in self.connection["mappings"]:
            name, tag = mapping["hubspot"], mapping["app"]
            left = contact[name].strip() if contact else ""
            right = member[tag].strip() if member else ""
            if "options" in mapping and left:
                left = mapping["options"].get(left, f"unmapped {left}")
            if canonical(name, left) == canonical(name, right):
                continue
            if mapping.get("direction") == "to_app":
                if left:
                    to_app[tag] = left
            elif not right:
                to_app[tag] = left
            elif not left:
                to_hubspot[name] = right
            else:
                gap = (_moment(contact["updatedAt"]) - _moment(member["last_changed"])).total_seconds()
                if abs(gap) <= self.connection["sync"]["clock_skew_seconds"]:
                    conflict = True
                elif gap > 0:
                    to_app[tag] = left
                else:
                    to_hubspot[name] = right
        return to_app, to_hubspot, conflict

    def _lacks_required(self, contact: Row, member: Row, to_app: Row, to_hubspot: Row) -> bool:
        for tag, field in self.merge_fields.items():
            if field["required"] and to_app and not to_app.get(tag) and not (member and member[tag].strip()):
                return True
        last_name = to_hubspot.get("lastname") or (contact["lastname"].strip() if contact else "")
        return bool(to_hubspot) and not last_name

    def _app_faults(self, tag: str, value: str) -> Iterator[str]:
        if tag == "EMAIL":
            return
        field = self.merge_fields[tag]
        if field["type"] == "number" and not NUMBER.fullmatch(value):
            yield "field-type"
        if field["type"] == "date" and not _is_date(value):
            yield "field-type"
        if field["type"] == "dropdown" and value not in field["options"]["choices"]:
            yield "field-option"
        if field["type"] == "url" and not re.fullmatch(r"https?://[^\s/]+\.[^\s]+", value):
            yield "field-format"
        if len(value.encode()) > 255:
            yield "field-length"

    def _hubspot_faults(self, name: str, value: str) -> Iterator[str]:
        if name == "loyalty_points" and not NUMBER.fullmatch(value):
            yield "field-type"
            return
        if name == "contract_start" and not _is_date(value):
            yield "field-type"
        for rule in self.validations.get(name, []):
            argument = rule["ruleArguments"][0]
            kind = rule["ruleType"]
            if kind == "REGEX" and not re.search(argument, value):
                yield "field-format"
            if kind == "MAX_LENGTH" and len(value) > int(argument):
                yield "field-length"
            if kind == "MIN_NUMBER" and float(value) < float(argument):
                yield "field-range"
            if kind == "MAX_NUMBER" and float(value) > float(argument):
                yield "field-range"


def normal_email(email: str) -> str:
    """No outer white space, NFC, lower case, the domain in ASCII where it has such a form."""
    local, at, domain = unicodedata.normalize("NFC", email.strip()).lower().rpartition("@")
    try:
        return local + at + domain.encode("idna").decode()
    except UnicodeError:
        return local + at + domain


def canonical(name: str, value: str) -> object:
    """The form in which two values of a mapped field are compared."""
    text = unicodedata.normalize("NFC", value.strip())
    if name == "email":
        return text.lower()
    if name == "phone":
        return re.sub(r"[^0-9]", "", re.sub(r"^00", "+", text))
    if name in ("loyalty_points", "customer_number") and NUMBER.fullmatch(text):
        return float(text)
    return text


def _valid(email: str) -> bool:
    try:
        validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _consents(contact: Row) -> bool:
    return contact["newsletter_opt_in"] == "true" and contact["hs_email_optout"] != "true"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
