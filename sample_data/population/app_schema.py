"""The Mailchimp side of the practice account, and the connection between the two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sample_data.population.names import COUNTRIES
from sample_data.population.person import STAGE_CHOICES, TAGS

AUDIENCE = "a1b2c3d4e5"


def audience(statuses: Counter[str], refused: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The content of `mailchimp_audience.json`.

    `statuses` counts the members by status; `refused` holds, by the file's key, the addresses that are not taken.
    """
    fields = _merge_fields()
    return {
        "data_center": "us00",
        "keys": [{"key": "practice-mailchimp-key-us00"}],
        "list": {
            "id": AUDIENCE,
            "web_id": 471100,
            "name": "Newsletter DACH",
            "contact": {
                "company": "Übungsportal",
                "address1": "Musterweg 1",
                "address2": "",
                "city": "Musterstadt",
                "state": "",
                "zip": "00000",
                "country": "DE",
                "phone": "",
            },
            "permission_reminder": "Sie haben unseren Newsletter bestellt.",
            "use_archive_bar": False,
            "campaign_defaults": {
                "from_name": "Übungsportal",
                "from_email": "newsletter@example.com",
                "subject": "",
                "language": "de",
            },
            "notify_on_subscribe": "",
            "notify_on_unsubscribe": "",
            "date_created": "2018-01-08T08:00:00+00:00",
            "list_rating": 4,
            "email_type_option": False,
            "subscribe_url_short": "https://example.com/s",
            "subscribe_url_long": "https://example.com/subscribe",
            "beamer_address": "beamer@example.com",
            "visibility": "prv",
            "double_optin": False,
            "has_welcome": False,
            "marketing_permissions": False,
            "modules": [],
            "stats": {
                "member_count": statuses["subscribed"],
                "unsubscribe_count": statuses["unsubscribed"],
                "cleaned_count": statuses["cleaned"],
                "merge_field_count": len(fields),
            },
        },
        "merge_fields": fields,
        **{name: list(emails) for name, emails in refused.items()},
    }


def _merge_fields() -> list[dict[str, Any]]:
    phone = {"phone_format": "none"}
    day = {"date_format": "DD/MM/YYYY"}
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        ("FNAME", "Vorname", "text", {"size": 25}),
        ("LNAME", "Nachname", "text", {"size": 25}),
        ("PHONE", "Telefon", "phone", phone),
        ("CITY", "Ort", "text", {"size": 25}),
        ("COUNTRY", "Land", "dropdown", {"choices": list(COUNTRIES)}),
        ("WEBSITE", "Website", "url", {"size": 25}),
        ("CUSTNO", "Kundennummer", "number", {}),
        ("POINTS", "Treuepunkte", "number", {}),
        ("CONTRACT", "Vertragsbeginn", "date", day),
        ("STAGE", "Phase", "dropdown", {"choices": list(STAGE_CHOICES.values())}),
    ]
    return [
        {
            "merge_id": number,
            "tag": tag,
            "name": name,
            "type": kind,
            "required": tag == "FNAME",
            "default_value": "",
            "public": tag in ("FNAME", "LNAME"),
            "display_order": number + 1,
            "options": options,
            "help_text": "",
        }
        for number, (tag, name, kind, options) in enumerate(rows, 1)
    ]


def connection() -> str:
    """The content of `connection.toml`."""
    options = ", ".join(f'{stage} = "{choice}"' for stage, choice in STAGE_CHOICES.items())
    tables = []
    for name, tag in TAGS.items():
        table = f'[[mappings]]\nhubspot = "{name}"\napp = "{tag}"\n'
        if tag == "STAGE":
            table += f'direction = "to_app"\noptions = {{ {options} }}\n'
        tables.append(table)
    return SETTINGS + "\n".join(tables)


SETTINGS = f"""\
format = 1
mode = "managed"

[goals]
intent = "Send the newsletter to leads and customers, and keep their master data equal on both sides"
system_of_record = "hubspot"
requirements = ["First name and e-mail are always there", "Nobody who opted out is written to"]

[goals.contacts]
property = "lifecyclestage"
values = ["subscriber", "lead", "opportunity", "customer", "evangelist", "partner"]

[hubspot]
account = 4711001
server = "practice"
api_version = "2026-09"
tier = "professional"

[hubspot.on_create]
lifecyclestage = "subscriber"
newsletter_opt_in = "true"

[app]
name = "mailchimp"
server = "practice"
audience = "{AUDIENCE}"

[app.on_create]
status = "subscribed"

[scope]
list = "Newsletter DACH"
stale_after_days = 90

[opt_in]
property = "newsletter_opt_in"
accepted = ["true"]

[unwanted]
exclude = ["bounced", "test-address", "disposable-domain"]
disposable_domains = ["wegwerf.example"]

[sync]
direction = "two_way"
conflicts = "latest"
clock_skew_seconds = 300

[brakes]
creates = 2000
updates = 2000
clears = 100

"""
