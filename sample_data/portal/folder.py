"""Reads the data folder that a practice portal is filled from, and says where it is wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

T = TypeVar("T")

CONTACT_COLUMNS = ("id", "createdAt", "updatedAt", "archived")
MEMBER_COLUMNS = ("contact_id", "email_address", "status", "timestamp_opt", "last_changed", "source")
CONSENT_COLUMNS = ("email", "subscriptionId", "subscription", "status", "source", "legalBasis", "timestamp")
MEMBER_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
CONSENT_STATUSES = ("SUBSCRIBED", "NOT_SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")


class DataFolderError(ValueError):
    """The data folder cannot be used; the message names the file and the line and column, or the entry."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="allow")


class Token(_Entry):
    """One bearer token of the HubSpot account: its scopes, and when it ends (None: never)."""

    token: str = Field(min_length=1)
    scopes: tuple[str, ...]
    expiresAt: datetime | None = None


class Limits(_Entry):
    """Requests per ten seconds and token, per day and account, and searches per second and account; how many contacts fit."""

    burst: int = Field(gt=0)
    daily: int = Field(gt=0)
    search: int = Field(gt=0)
    contacts: int = Field(gt=0, default=15_000_000)


class AccountDetails(_Entry):
    """The parts of the account-info answer that the portal itself works with; the rest is passed on."""

    portalId: int
    timeZone: str


class Owner(_Entry):
    """A user of the account, in the shape of HubSpot's owners; `userId` is null for one who was deactivated."""

    id: str = Field(min_length=1)
    email: str
    userId: int | None
    archived: bool


class AccountFile(_Entry):
    """`hubspot_account.json`."""

    account: AccountDetails
    tier: str
    limits: Limits
    tokens: tuple[Token, ...] = Field(min_length=1)
    owners: tuple[Owner, ...] = ()


class PropertyDefinition(_Entry):
    """One entry of `hubspot_properties.json`, in HubSpot's shape."""

    name: str = Field(min_length=1)
    label: str
    type: str
    fieldType: str


class ValidationRule(_Entry):
    """One rule of a property: its type and its arguments."""

    ruleType: str
    ruleArguments: tuple[str, ...]


class PropertyRules(_Entry):
    """All rules of one property."""

    propertyName: str
    propertyValidationRules: tuple[ValidationRule, ...]


class RuleCondition(_Entry):
    """A property and the values of it that make another one required."""

    property: str
    values: tuple[str, ...]


class ConditionalRule(_Entry):
    """A property that is required while a condition holds."""

    property: str
    when: RuleCondition


class RulesFile(_Entry):
    """`hubspot_rules.json`."""

    validations: tuple[PropertyRules, ...]
    requiredOnCreate: tuple[str, ...]
    conditionallyRequired: tuple[ConditionalRule, ...]


class ListMember(_Entry):
    """One given member of a MANUAL or SNAPSHOT list."""

    recordId: Annotated[str, BeforeValidator(str)] = Field(pattern="^[0-9]+$")
    membershipTimestamp: datetime


class ListDefinition(_Entry):
    """One entry of `hubspot_lists.json`, in HubSpot's shape, with given members for MANUAL and SNAPSHOT."""

    listId: Annotated[str, BeforeValidator(str)] = Field(pattern="^[0-9]+$")
    name: str
    processingType: str
    filterBranch: dict[str, Any] | None = None
    members: tuple[ListMember, ...] = ()


class MailchimpKey(_Entry):
    """One API key."""

    key: str = Field(min_length=1)


class AudienceDetails(_Entry):
    """The audience: its id and name; the rest is passed on."""

    id: str = Field(min_length=1)
    name: str


class MergeField(_Entry):
    """One merge field in Mailchimp's shape."""

    merge_id: int
    tag: str = Field(min_length=1)
    name: str
    type: str
    required: bool = False
    options: dict[str, Any] = {}


class AudienceFile(_Entry):
    """`mailchimp_audience.json`."""

    data_center: str
    keys: tuple[MailchimpKey, ...] = Field(min_length=1)
    list: AudienceDetails
    merge_fields: tuple[MergeField, ...]
    fake_emails: tuple[str, ...] = ()
    forgotten_emails: tuple[str, ...] = ()
    compliance_emails: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContactRow:
    """One line of `hubspot_contacts.csv`; times in milliseconds since 1970 UTC, empty values left out."""

    id: int
    created: int
    updated: int
    archived: bool
    properties: dict[str, str]


@dataclass(frozen=True)
class MemberRow:
    """One line of `mailchimp_members.csv`; times in seconds since 1970 UTC (`opted`: None if empty)."""

    contact_id: str
    email: str
    status: str
    opted: int | None
    changed: int
    source: str
    merge_fields: dict[str, str]


@dataclass(frozen=True)
class ConsentRow:
    """One line of `hubspot_consent.csv`; `timestamp` as given."""

    email: str
    subscription_id: str
    subscription: str
    status: str
    source: str
    legal_basis: str
    timestamp: str


@dataclass(frozen=True)
class DataFolder:
    """A data folder whose JSON files have been read; the CSV files are read as they are iterated."""

    path: Path
    account: AccountFile
    properties: tuple[PropertyDefinition, ...]
    rules: RulesFile
    lists: tuple[ListDefinition, ...]
    audience: AudienceFile

    def contacts(self) -> Iterator[ContactRow]:
        """The HubSpot contacts in file order. Raises DataFolderError for a row that cannot be used."""
        file = self.path / "hubspot_contacts.csv"
        known = {definition.name for definition in self.properties}
        seen: set[int] = set()
        emails: dict[str, int] = {}
        for line, row in _rows(file, CONTACT_COLUMNS, known, "a property of hubspot_properties.json"):
            if not row["id"].isascii() or not row["id"].isdigit():
                raise _cell(file, line, "id", "must be digits")
            number = int(row["id"])
            if number in seen:
                raise _cell(file, line, "id", f"{number} is there twice")
            seen.add(number)
            archived = _boolean(file, line, row, "archived")
            properties = {name: value for name, value in row.items() if value and name not in CONTACT_COLUMNS}
            email = properties.get("email", "").strip().lower()
            if email and not archived and emails.setdefault(email, line) != line:
                raise _cell(file, line, "email", f"the address of line {emails[email]} is there again")
            yield ContactRow(
                id=number,
                created=_milliseconds(file, line, row, "createdAt"),
                updated=_milliseconds(file, line, row, "updatedAt"),
                archived=archived,
                properties=properties,
            )

    def members(self) -> Iterator[MemberRow]:
        """The Mailchimp members in file order. Raises DataFolderError for a row that cannot be used."""
        file = self.path / "mailchimp_members.csv"
        tags = {field.tag for field in self.audience.merge_fields}
        seen: dict[str, int] = {}
        for line, row in _rows(file, MEMBER_COLUMNS, tags, "a merge tag of mailchimp_audience.json"):
            for column in ("contact_id", "email_address"):
                if not row[column]:
                    raise _cell(file, line, column, "is empty")
                key = f"{column}:{row[column].lower()}"
                if seen.setdefault(key, line) != line:
                    raise _cell(file, line, column, f"the value of line {seen[key]} is there again")
            if row["status"] not in MEMBER_STATUSES:
                raise _cell(file, line, "status", f"must be one of {', '.join(MEMBER_STATUSES)}")
            opted = _milliseconds(file, line, row, "timestamp_opt") // 1000 if row["timestamp_opt"] else None
            yield MemberRow(
                contact_id=row["contact_id"],
                email=row["email_address"],
                status=row["status"],
                opted=opted,
                changed=_milliseconds(file, line, row, "last_changed") // 1000,
                source=row["source"],
                merge_fields={tag: row[tag] for tag in tags if row.get(tag)},
            )

    def consents(self) -> Iterator[ConsentRow]:
        """The subscription statuses in file order. Raises DataFolderError for a row that cannot be used."""
        file = self.path / "hubspot_consent.csv"
        for line, row in _rows(file, CONSENT_COLUMNS, set(), "a column of this file"):
            if not row["email"] or not row["subscriptionId"].isdigit():
                raise _cell(file, line, "email", "an address and a numeric subscriptionId are needed")
            if row["status"] not in CONSENT_STATUSES:
                raise _cell(file, line, "status", f"must be one of {', '.join(CONSENT_STATUSES)}")
            yield ConsentRow(*(row[column] for column in CONSENT_COLUMNS))


def read_folder(path: Path) -> DataFolder:
    """Reads the JSON files of a data folder and checks their shape. Raises DataFolderError."""
    if not path.is_dir():
        raise DataFolderError(f"{path} is not a folder")
    return DataFolder(
        path=path,
        account=_json(path / "hubspot_account.json", AccountFile),
        properties=_json(path / "hubspot_properties.json", tuple[PropertyDefinition, ...]),
        rules=_json(path / "hubspot_rules.json", RulesFile),
        lists=_json(path / "hubspot_lists.json", tuple[ListDefinition, ...]),
        audience=_json(path / "mailchimp_audience.json", AudienceFile),
    )


def _json(file: Path, shape: type[T]) -> T:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise DataFolderError(f"{file.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataFolderError(f"{file.name}: byte {error.start} is not UTF-8") from error
    try:
        return TypeAdapter(shape).validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        raise DataFolderError(f"{file.name}, line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole file"
        raise DataFolderError(f"{file.name}, {place}: {first['msg']}") from error


def _rows(file: Path, needed: tuple[str, ...], allowed: set[str], meaning: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            missing = [column for column in needed if column not in header]
            if missing:
                raise DataFolderError(f"{file.name}, line 1: the column {missing[0]} is missing")
            for column in header:
                if column not in needed and column not in allowed:
                    raise DataFolderError(f"{file.name}, line 1, column {column}: is not {meaning}")
                if header.count(column) > 1:
                    raise DataFolderError(f"{file.name}, line 1, column {column}: is there twice")
            first_line = reader.line_num + 1
            for cells in reader:
                if len(cells) != len(header):
                    raise DataFolderError(
                        f"{file.name}, line {first_line}: has {len(cells)} columns, not {len(header)}"
                    )
                yield first_line, dict(zip(header, cells, strict=True))
                first_line = reader.line_num + 1
    except OSError as error:
        raise DataFolderError(f"{file.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataFolderError(f"{file.name}: byte {error.start} is not UTF-8") from error
    except csv.Error as error:
        raise DataFolderError(f"{file.name}, line {reader.line_num}: {error}") from error


def _cell(file: Path, line: int, column: str, complaint: str) -> DataFolderError:
    return DataFolderError(f"{file.name}, line {line}, column {column}: {complaint}")


def _boolean(file: Path, line: int, row: dict[str, str], column: str) -> bool:
    if row[column] not in ("true", "false", ""):
        raise _cell(file, line, column, "must be true or false")
    return row[column] == "true"


def _milliseconds(file: Path, line: int, row: dict[str, str], column: str) -> int:
    try:
        moment = datetime.fromisoformat(row[column])
    except ValueError as error:
        raise _cell(file, line, column, f"{row[column]!r} is not an ISO time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
