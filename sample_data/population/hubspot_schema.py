"""The HubSpot side of the practice account: account, tokens, contact properties, rules and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SCHEMA_TIME = "2024-01-15T09:00:00.000Z"
LIST_TIME = "2025-11-03T10:15:00.000Z"

READ_SCOPES = [
    "oauth",
    "crm.objects.contacts.read",
    "crm.schemas.contacts.read",
    "crm.lists.read",
    "crm.objects.owners.read",
    "communication_preferences.read",
    "communication_preferences.statuses.batch.read",
]
WRITE_SCOPES = [
    "crm.objects.contacts.write",
    "crm.schemas.contacts.write",
    "crm.lists.write",
    "communication_preferences.read_write",
    "communication_preferences.write",
    "communication_preferences.statuses.batch.write",
]

STAGES = {
    "subscriber": "Abonnent",
    "lead": "Lead",
    "opportunity": "Chance",
    "customer": "Kunde",
    "evangelist": "Fürsprecher",
    "partner": "Partner",
    "other": "Sonstiges",
}
BOUNCE_REASONS = {
    "UNKNOWN_USER": "Unknown user",
    "MAILBOX_FULL": "Mailbox full",
    "POLICY": "Policy",
    "SPAM": "Spam",
    "CONTENT": "Content",
    "OTHER": "Other",
}
YES_NO = {"true": "Ja", "false": "Nein"}


USERS = (("Ina", "Beispiel", 1, False), ("Urs", "Muster", 2, False), ("Ole", "Vorlage", 3, True))
"""First and last name, user id, and whether the user was deactivated."""


def _owner(first: str, last: str, number: int, archived: bool) -> dict[str, Any]:
    return {
        "id": str(70_000 + number),
        "email": f"{first}.{last}@practice.example".lower(),
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "userId": None if archived else number,
        "userIdIncludingInactive": number,
        "createdAt": SCHEMA_TIME,
        "updatedAt": SCHEMA_TIME,
        "archived": archived,
    }


def account() -> dict[str, Any]:
    """The content of `hubspot_account.json`."""
    return {
        "account": {
            "portalId": 4711001,
            "accountType": "STANDARD",
            "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR",
            "additionalCurrencies": ["CHF"],
            "utcOffset": "+02:00",
            "utcOffsetMilliseconds": 7_200_000,
            "uiDomain": "app-eu1.hubspot.example",
            "dataHostingLocation": "eu1",
        },
        "tier": "professional",
        "limits": {"burst": 190, "daily": 625_000, "search": 5},
        "tokens": [
            {"token": "practice-hubspot-token", "scopes": READ_SCOPES + WRITE_SCOPES, "expiresAt": None},
            {"token": "practice-hubspot-readonly", "scopes": READ_SCOPES, "expiresAt": None},
            {
                "token": "practice-hubspot-expired",
                "scopes": READ_SCOPES + WRITE_SCOPES,
                "expiresAt": "2026-09-30T08:00:00.000Z",
            },
        ],
        "owners": [_owner(*user) for user in USERS],
    }


def properties() -> list[dict[str, Any]]:
    """The content of `hubspot_properties.json`."""
    return [
        _property("email", "E-Mail", "string", "text"),
        _property("firstname", "Vorname", "string", "text"),
        _property("lastname", "Nachname", "string", "text"),
        _property("phone", "Telefonnummer", "string", "phonenumber"),
        _property("city", "Ort", "string", "text"),
        _property("country", "Land", "string", "text"),
        _property("website", "Website", "string", "text"),
        _property("lifecyclestage", "Lifecycle-Phase", "enumeration", "radio", options=STAGES),
        _property("customer_number", "Kundennummer", "string", "text", own=True),
        _property("loyalty_points", "Treuepunkte", "number", "number", own=True),
        _property("contract_start", "Vertragsbeginn", "date", "date", own=True),
        _property("newsletter_opt_in", "Newsletter-Einwilligung", "bool", "booleancheckbox", options=YES_NO, own=True),
        _property(
            "hs_email_optout", "Alle E-Mails abbestellt", "bool", "booleancheckbox", options=YES_NO, read_only=True
        ),
        _property(
            "hs_email_hard_bounce_reason_enum",
            "Grund des Hard Bounce",
            "enumeration",
            "select",
            options=BOUNCE_REASONS,
            read_only=True,
        ),
        _property("hs_additional_emails", "Weitere E-Mail-Adressen", "enumeration", "checkbox", read_only=True),
        _property("hs_merged_object_ids", "Zusammengeführte Datensatz-IDs", "enumeration", "checkbox", read_only=True),
        _property("hs_all_contact_vids", "Alle Datensatz-IDs", "enumeration", "checkbox", read_only=True),
        _property("hs_object_source", "Quelle des Datensatzes", "string", "text", read_only=True),
        _property("hs_object_source_label", "Quelle des Datensatzes (Name)", "string", "text", read_only=True),
        _property("hs_marketable_status", "Marketing-Kontakt", "enumeration", "select", options=YES_NO, read_only=True),
        _property("createdate", "Erstellt am", "datetime", "date", read_only=True),
        _property("lastmodifieddate", "Zuletzt geändert am", "datetime", "date", read_only=True),
        _property("hs_object_id", "Datensatz-ID", "number", "number", read_only=True),
    ]


def _property(
    name: str,
    label: str,
    kind: str,
    field: str,
    *,
    options: dict[str, str] | None = None,
    own: bool = False,
    read_only: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": kind,
        "fieldType": field,
        "groupName": "practice" if own else "contactinformation",
        "description": "",
        "options": [
            {"label": text, "value": value, "displayOrder": place, "hidden": False, "description": ""}
            for place, (value, text) in enumerate((options or {}).items())
        ],
        "displayOrder": -1,
        "hasUniqueValue": False,
        "hidden": False,
        "formField": not read_only,
        "calculated": False,
        "externalOptions": False,
        "dataSensitivity": "non_sensitive",
        "hubspotDefined": not own,
        "archived": False,
        "createdAt": SCHEMA_TIME,
        "updatedAt": SCHEMA_TIME,
        "modificationMetadata": {
            "archivable": own,
            "readOnlyDefinition": not own,
            "readOnlyValue": read_only,
            "readOnlyOptions": not own and name != "lifecyclestage",
        },
    }


def rules() -> dict[str, Any]:
    """The content of `hubspot_rules.json`."""
    validations = {
        "city": {"MAX_LENGTH": "60"},
        "customer_number": {"REGEX": "^[0-9]{4,8}$"},
        "loyalty_points": {"MIN_NUMBER": "0", "MAX_NUMBER": "100000"},
    }
    return {
        "validations": [
            {
                "propertyName": name,
                "propertyValidationRules": [
                    {"ruleType": rule, "ruleArguments": [argument]} for rule, argument in of_property.items()
                ],
            }
            for name, of_property in validations.items()
        ],
        "requiredOnCreate": ["lastname"],
        "conditionallyRequired": [
            {"property": "contract_start", "when": {"property": "lifecyclestage", "values": ["partner"]}}
        ],
    }


def lists(fair: Sequence[str], vip: Sequence[str], former_vip: Sequence[str]) -> list[dict[str, Any]]:
    """The content of `hubspot_lists.json`, with the contact ids of the three lists that hold given members."""
    stages = ["subscriber", "lead", "opportunity", "customer", "partner"]
    newsletter = _list(101, "Newsletter DACH", "DYNAMIC") | {
        "filtersUpdatedAt": LIST_TIME,
        "filterBranch": {
            "filterBranchType": "OR",
            "filterBranchOperator": "OR",
            "filters": [],
            "filterBranches": [
                {
                    "filterBranchType": "AND",
                    "filterBranchOperator": "AND",
                    "filterBranches": [],
                    "filters": [
                        {
                            "filterType": "PROPERTY",
                            "property": "lifecyclestage",
                            "operation": {
                                "operationType": "ENUMERATION",
                                "operator": "IS_ANY_OF",
                                "values": stages,
                                "includeObjectsWithNoValueSet": False,
                            },
                        }
                    ],
                }
            ],
        },
    }
    return [
        newsletter,
        _list(102, "Messe 2025", "MANUAL", fair),
        _list(103, "VIP", "MANUAL", vip),
        _list(104, "VIP", "SNAPSHOT", former_vip),
    ]


def _list(number: int, name: str, processing: str, members: Sequence[str] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "listId": str(number),
        "name": name,
        "objectTypeId": "0-1",
        "processingType": processing,
        "processingStatus": "COMPLETE",
        "listVersion": 3,
        "createdAt": SCHEMA_TIME,
        "updatedAt": LIST_TIME,
        "createdById": "100001",
        "updatedById": "100001",
    }
    if members is not None:
        body["size"] = len(members)
        body["members"] = [{"recordId": member, "membershipTimestamp": LIST_TIME} for member in members]
    return body
