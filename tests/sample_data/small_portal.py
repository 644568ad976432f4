"""A small, explicit data folder and the clients with which the portal's tests talk to it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from sample_data.portal import Fault, Portal, open_portal

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
TOKEN, READER, EXPIRED = "practice-hubspot-token", "practice-hubspot-readonly", "practice-hubspot-expired"
KEY = "practice-mailchimp-key-us00"
AUDIENCE = "a1b2c3d4e5"
READ_SCOPES = [
    "crm.objects.contacts.read",
    "crm.schemas.contacts.read",
    "crm.lists.read",
    "communication_preferences.read",
    "communication_preferences.statuses.batch.read",
]
WRITE_SCOPES = ["crm.objects.contacts.write", "crm.lists.write", "communication_preferences.write"]
STAGES = ("subscriber", "lead", "opportunity", "customer", "evangelist", "partner", "other")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        """Moves the clock by a timedelta's parts."""
        self.moment += timedelta(**span)


def write_folder(folder: Path, *, limits: Mapping[str, int] | None = None, contacts: int = 4) -> Path:
    """A data folder with four named contacts (and numbered ones beyond), four members and five lists."""
    folder.mkdir(parents=True)
    _write(folder / "hubspot_account.json", _account({"burst": 190, "daily": 625000, "search": 5, **(limits or {})}))
    _write(folder / "hubspot_properties.json", _properties())
    _write(folder / "hubspot_rules.json", _rules())
    _write(folder / "hubspot_lists.json", _lists())
    _write(folder / "mailchimp_audience.json", _audience())
    columns = ["id", "createdAt", "updatedAt", "archived", *(item["name"] for item in _properties())]
    _table(folder / "hubspot_contacts.csv", columns, [*_contacts(), *_numbered(contacts - 4)])
    consent = ["email", "subscriptionId", "subscription", "status", "source", "legalBasis", "timestamp"]
    line = "anna@firma.example 5 Newsletter SUBSCRIBED FORM CONSENT_WITH_NOTICE 2026-01-02T00:00:00Z"
    _table(folder / "hubspot_consent.csv", consent, [dict(zip(consent, line.split(), strict=True))])
    tags = [field["tag"] for field in _audience()["merge_fields"]]
    member_columns = ["contact_id", "email_address", "status", "timestamp_opt", "last_changed", "source", *tags]
    _table(folder / "mailchimp_members.csv", member_columns, _members())
    return folder


def open_small(
    tmp_path: Path,
    *,
    limits: Mapping[str, int] | None = None,
    contacts: int = 4,
    faults: Sequence[Fault] = (),
    search_lag_seconds: float = 0.0,
) -> tuple[Portal, Clock]:
    """A portal over the small data folder, and its clock."""
    clock = Clock()
    data = write_folder(tmp_path / "data", limits=limits, contacts=contacts)
    state = tmp_path / "state.db"
    return open_portal(data, state, now=clock, faults=faults, search_lag_seconds=search_lag_seconds), clock


def hubspot(portal: Portal, token: str = TOKEN) -> httpx.AsyncClient:
    """A client of the HubSpot server, in-process."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=portal.hubspot),
        base_url="http://hubspot.example",
        headers={"Authorization": f"Bearer {token}"},
    )


def mailchimp(portal: Portal, key: str = KEY) -> httpx.AsyncClient:
    """A client of the Mailchimp server, in-process."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=portal.mailchimp),
        base_url="http://mailchimp.example/3.0",
        auth=("any", key),
    )


def stage_filter(stages: Sequence[str]) -> dict[str, Any]:
    """List criteria: the lifecycle stage is one of these."""
    operation = {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": list(stages)}
    entry = {"filterType": "PROPERTY", "property": "lifecyclestage", "operation": operation}
    branch = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [entry]}
    return {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [branch], "filters": []}


def _account(limits: Mapping[str, int]) -> dict[str, Any]:
    return {
        "account": {
            "portalId": 4711001,
            "accountType": "STANDARD",
            "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+02:00",
            "utcOffsetMilliseconds": 7200000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "eu1",
        },
        "tier": "professional",
        "limits": dict(limits),
        "tokens": [
            {"token": TOKEN, "scopes": READ_SCOPES + WRITE_SCOPES, "expiresAt": None},
            {"token": READER, "scopes": READ_SCOPES, "expiresAt": None},
            {"token": EXPIRED, "scopes": READ_SCOPES, "expiresAt": "2026-09-30T08:00:00Z"},
        ],
    }


def _property(name: str, kind: str = "string", field: str = "text", **more: Any) -> dict[str, Any]:
    metadata = {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": more.pop("read_only", False)}
    return {
        "name": name,
        "label": name,
        "type": kind,
        "fieldType": field,
        "groupName": "contactinformation",
        "description": "",
        "options": [],
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": False,
        "hidden": False,
        "hubspotDefined": True,
        "modificationMetadata": metadata,
        "formField": True,
        **more,
    }


def _options(values: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"label": value.title(), "value": value, "displayOrder": place, "hidden": False}
        for place, value in enumerate(values)
    ]


def _properties() -> list[dict[str, Any]]:
    return [
        *(_property(name) for name in ("email", "firstname", "lastname", "phone", "city", "country", "website")),
        _property("customer_number"),
        _property("loyalty_points", "number", "number"),
        _property("contract_start", "date", "date"),
        _property("lifecyclestage", "enumeration", "radio", options=_options(STAGES)),
        _property("newsletter_opt_in", "bool", "booleancheckbox"),
        _property("hs_email_optout", "bool", "booleancheckbox", read_only=True),
        _property("hs_additional_emails", "enumeration", "checkbox"),
        _property("hs_object_source", read_only=True),
        _property("hs_object_source_label", read_only=True),
        _property("hs_merged_object_ids", read_only=True),
    ]


def _rules() -> dict[str, Any]:
    def rules(name: str, *rules: tuple[str, list[str]]) -> dict[str, Any]:
        given = [{"ruleType": kind, "ruleArguments": arguments} for kind, arguments in rules]
        return {"propertyName": name, "propertyValidationRules": given}

    return {
        "validations": [
            rules("city", ("MAX_LENGTH", ["60"])),
            rules("customer_number", ("REGEX", ["^[0-9]{4,8}$"])),
            rules("loyalty_points", ("MIN_NUMBER", ["0"]), ("MAX_NUMBER", ["100000"])),
        ],
        "requiredOnCreate": ["lastname"],
        "conditionallyRequired": [
            {"property": "customer_number", "when": {"property": "lifecyclestage", "values": ["customer"]}}
        ],
    }


def _lists() -> list[dict[str, Any]]:
    def entry(number: int, name: str, kind: str, **more: Any) -> dict[str, Any]:
        return {
            "listId": str(number),
            "name": name,
            "objectTypeId": "0-1",
            "processingType": kind,
            "processingStatus": "COMPLETE",
            "listVersion": 1,
            "createdAt": "2026-02-01T00:00:00.000Z",
            "updatedAt": "2026-02-01T00:00:00.000Z",
            "filtersUpdatedAt": "2026-02-01T00:00:00.000Z",
            **more,
        }

    member = {"recordId": "101", "membershipTimestamp": "2026-03-01T00:00:00Z"}
    return [
        entry(101, "Newsletter DACH", "DYNAMIC", filterBranch=stage_filter(["subscriber", "lead", "customer"])),
        entry(102, "Messe 2025", "MANUAL", members=[member]),
        entry(103, "VIP", "SNAPSHOT"),
        entry(104, "VIP", "SNAPSHOT"),
    ]


def _contacts() -> list[dict[str, str]]:
    anna = {"id": "101", "email": "anna@firma.example", "firstname": "Anna", "lastname": "Amsel"}
    bernd = {"id": "102", "email": "Bernd@firma.example", "firstname": "Bernd", "lifecyclestage": "evangelist"}
    clara = {"id": "103", "email": "clara@firma.example", "hs_additional_emails": "c.alt@firma.example"}
    dora = {"id": "104", "email": "dora@firma.example", "archived": "true"}
    return [
        _dated(anna | {"lifecyclestage": "lead", "loyalty_points": "12", "newsletter_opt_in": "true"}),
        _dated(bernd),
        _dated(clara | {"lifecyclestage": "customer", "contract_start": "2026-05-01"}),
        _dated(dora),
    ]


def _dated(contact: dict[str, str]) -> dict[str, str]:
    return {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-04-01T00:00:00Z", "archived": "false"} | contact


def _numbered(count: int) -> list[dict[str, str]]:
    return [
        _dated({"id": str(1000 + number), "email": f"person{number}@firma.example", "lastname": f"P{number}"})
        for number in range(max(0, count))
    ]


def _audience() -> dict[str, Any]:
    def field(number: int, tag: str, kind: str, **options: Any) -> dict[str, Any]:
        required = options.pop("required", False)
        shape = {"merge_id": number, "tag": tag, "name": tag.title(), "type": kind, "required": required}
        rest = {"default_value": "", "public": True, "display_order": number, "options": options, "help_text": ""}
        return shape | rest

    return {
        "data_center": "us00",
        "keys": [{"key": KEY}],
        "list": {"id": AUDIENCE, "name": "Newsletter"},
        "merge_fields": [
            field(1, "FNAME", "text", required=True),
            field(2, "LNAME", "text", size=25),
            field(3, "PHONE", "phone", phone_format="none"),
            field(4, "COUNTRY", "dropdown", choices=["Deutschland", "Österreich"]),
            field(5, "WEBSITE", "url"),
            field(6, "POINTS", "number"),
            field(7, "CONTRACT", "date", date_format="DD/MM/YYYY"),
        ],
        "fake_emails": ["foo@firma.example"],
        "forgotten_emails": ["vergessen@firma.example"],
        "compliance_emails": ["beschwerde@firma.example"],
    }


def _members() -> list[dict[str, str]]:
    def member(number: int, email: str, status: str, **fields: str) -> dict[str, str]:
        times = {"timestamp_opt": "2026-01-05T00:00:00Z", "last_changed": f"2026-04-0{number}T00:00:00Z"}
        return {"contact_id": f"{number:032x}", "email_address": email, "status": status, "source": "Import"} | (
            times | fields
        )

    return [
        member(1, "Anna@firma.example", "subscribed", FNAME="Anna", LNAME="Amsel", POINTS="12"),
        member(2, "ulla@firma.example", "unsubscribed", FNAME="Ulla"),
        member(3, "clemens@firma.example", "cleaned", FNAME="Clemens"),
        member(4, "arno@firma.example", "archived", FNAME="Arno"),
    ]


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _table(file: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
