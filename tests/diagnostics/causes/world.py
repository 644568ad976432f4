"""A small connection, its two schemas and contacts, for the tests of causes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from diagnostics.causes import cause
from engine.connection import Connection
from engine.gates import FINDING, WRITE, Population, Situation
from engine.memory import Memory, nothing_known
from engine.schema import (
    Account,
    ConsentField,
    Field,
    InclusionList,
    Option,
    Rule,
    Side,
    SideSchema,
)

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)

CONTACTS = {
    "contact": pl.Int64,
    "hubspot_id": pl.String,
    "app_id": pl.String,
    "linked": pl.Boolean,
    "hubspot_twins": pl.Int64,
    "app_twins": pl.Int64,
    "hubspot_candidates": pl.String,
    "app_candidates": pl.String,
    "erased": pl.Boolean,
    "in_doubt": pl.String,
    "named_lists": pl.String,
    "hubspot_holder": pl.String,
    "app_holder": pl.String,
    "hubspot_swap": pl.Boolean,
    "app_swap": pl.Boolean,
    "hubspot_successor": pl.String,
    "app_successor": pl.String,
    "hubspot": pl.Boolean,
    "app": pl.Boolean,
    "member_since": pl.String,
    "email": pl.String,
    "email_key": pl.String,
    "hubspot_updated_at": pl.String,
    "hubspot_written_at": pl.String,
    "app_written_at": pl.String,
    "app_updated_at": pl.String,
}

CONNECTION: Mapping[str, Any] = {
    "name": "practice",
    "format": 1,
    "goals": {"contacts": {"property": "lifecyclestage", "values": ["lead", "evangelist"]}},
    "hubspot": {"tier": "professional", "on_create": {"lifecyclestage": "lead"}},
    "app": {"name": "mailchimp", "audience": "a1", "on_create": {"status": "subscribed"}},
    "scope": {"list": "Newsletter", "stale_after_days": 90},
    "opt_in": {"property": "newsletter_opt_in", "accepted": ["true"]},
    "unwanted": {
        "exclude": ["bounced", "test-address", "disposable-domain"],
        "disposable_domains": ["wegwerf.example", "Müll.example"],
    },
    "mappings": [
        {"hubspot": "email", "app": "EMAIL"},
        {"hubspot": "firstname", "app": "FNAME"},
        {"hubspot": "lastname", "app": "LNAME"},
        {"hubspot": "city", "app": "CITY"},
        {"hubspot": "country", "app": "COUNTRY"},
        {"hubspot": "website", "app": "WEBSITE"},
        {"hubspot": "customer_number", "app": "CUSTNO"},
        {"hubspot": "loyalty_points", "app": "POINTS"},
        {"hubspot": "contract_start", "app": "CONTRACT"},
        {"hubspot": "lifecyclestage", "app": "STAGE", "direction": "to_app", "options": {"lead": "Lead"}},
    ],
}


def connection(**changes: object) -> Connection:
    """The connection with some top-level sections replaced."""
    return Connection.model_validate({**CONNECTION, **changes})


def _fields(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


HUBSPOT = SideSchema(
    side="hubspot",
    app="HubSpot",
    account=Account("4711001", "Practice"),
    identity_field="email",
    fields=_fields(
        Field("email", "E-mail", "email"),
        Field("firstname", "First name", "text"),
        Field("lastname", "Last name", "text", required=True),
        Field("city", "City", "text", rules=(Rule("max_length", ("10",)), Rule("min_length", ("2",)))),
        Field("country", "Country", "text"),
        Field("website", "Website", "text", rules=(Rule("url"),)),
        Field("customer_number", "Customer number", "text", rules=(Rule("regex", ("^[0-9]{4,8}$",)),), custom=True),
        Field("loyalty_points", "Points", "number", rules=(Rule("min_number", ("0",)), Rule("max_number", ("100",)))),
        Field("contract_start", "Contract start", "date"),
        Field("newsletter_opt_in", "Newsletter", "bool", custom=True),
        Field("consent", "Consent", "text", custom=True),
        Field("hs_email_optout", "Opted out of all e-mail", "bool", read_only=True),
        Field("hs_email_hard_bounce_reason_enum", "Bounce", "text", read_only=True),
        Field("lifecyclestage", "Stage", "option", options=(Option("lead", "Lead"), Option("other", "Other"))),
    ),
)
MAILCHIMP = SideSchema(
    side="app",
    app="Mailchimp",
    account=Account("m1", "Practice"),
    identity_field="EMAIL",
    consent=ConsentField("status", ("subscribed",), {"cleaned": "mail to this address bounced"}),
    fields=_fields(
        Field("EMAIL", "E-mail", "email", required=True),
        Field("FNAME", "First name", "text", rules=(Rule("max_bytes", ("255",)),), required=True),
        Field("LNAME", "Last name", "text", rules=(Rule("max_bytes", ("255",)),)),
        Field("CITY", "City", "text", rules=(Rule("max_bytes", ("255",)),)),
        Field("COUNTRY", "Country", "option", options=(Option("Polen", "Polen"), Option("Schweiz", "Schweiz"))),
        Field("WEBSITE", "Website", "url"),
        Field("CUSTNO", "Customer number", "number"),
        Field("POINTS", "Points", "number"),
        Field("CONTRACT", "Contract", "date"),
        Field("STAGE", "Stage", "option", options=(Option("Lead", "Lead"),)),
    ),
)
INCLUSION = InclusionList(
    id="101",
    name="Newsletter",
    processing_type="DYNAMIC",
    processing_status="COMPLETE",
    size=3,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 9, 1, tzinfo=UTC),
    criteria_updated_at=datetime(2026, 9, 1, tzinfo=UTC),
    deleted_at=None,
    filters=json.dumps(
        {
            "filterBranchType": "OR",
            "filterBranches": [],
            "filters": [
                {
                    "filterType": "PROPERTY",
                    "property": "lifecyclestage",
                    "operation": {
                        "operationType": "ENUMERATION",
                        "operator": "IS_ANY_OF",
                        "values": ["lead", "partner"],
                    },
                }
            ],
        }
    ),
    members_changed_at=datetime(2026, 9, 20, tzinfo=UTC),
)


def situation(
    *,
    inclusion: InclusionList | None = INCLUSION,
    list_size: int = 3,
    unavailable: Mapping[str, str] | None = None,
    schemas: Mapping[Side, SideSchema] | None = None,
    **changes: object,
) -> Situation:
    """The situation; `changes` replace sections of the connection."""
    return Situation(
        connection=connection(**changes),
        schemas=schemas or {"hubspot": HUBSPOT, "app": MAILCHIMP},
        inclusion=inclusion,
        now=NOW,
        list_size=list_size,
        unavailable=unavailable or {},
    )


def with_field(schema: SideSchema, field: Field) -> SideSchema:
    """The schema with one field replaced or added."""
    return replace(schema, fields={**schema.fields, field.name: field})


def person(
    number: int, hubspot: Mapping[str, str | None] | None, app: Mapping[str, str | None] | None, **facts: object
) -> dict[str, object]:
    """One contact. `hubspot`, `app`: the record's fields, None for no record; a clean value for those not given."""
    address = f"person{number}@firma.example"
    usual = {
        "email": address,
        "newsletter_opt_in": "true",
        "hs_email_optout": "",
        "hs_email_hard_bounce_reason_enum": "",
    }
    ours = None if hubspot is None else {**usual, **hubspot}
    theirs = None if app is None else {"EMAIL": address, "status": "subscribed", **app}
    shown = (ours or {}).get("email") or (theirs or {}).get("EMAIL")
    row: dict[str, object] = {
        "contact": number,
        "hubspot_id": None if ours is None else f"{number}",
        "app_id": None if theirs is None else f"{number:032x}",
        "linked": False,
        "hubspot_twins": int(ours is not None),
        "app_twins": int(theirs is not None),
        "hubspot_candidates": "",
        "app_candidates": "",
        "erased": False,
        "hubspot_holder": None,
        "app_holder": None,
        "hubspot_swap": False,
        "app_swap": False,
        "hubspot_successor": None,
        "app_successor": None,
        "hubspot": ours is not None,
        "app": theirs is not None,
        "member_since": None if ours is None else "2026-09-20T00:00:00Z",
        "named_lists": None if ours is None else "",
        "email": shown,
        "email_key": shown.strip().lower() if shown else "",
        "hubspot_updated_at": "2026-09-01T00:00:00Z",
        "hubspot_written_at": None,
        "app_written_at": None,
        "app_updated_at": "2026-09-02T00:00:00Z",
    }
    row |= {f"hubspot.{name}": value for name, value in (ours or {}).items()}
    row |= {f"app.{name}": value for name, value in (theirs or {}).items()}
    return row | facts


def contacts(*people: Mapping[str, object]) -> pl.DataFrame:
    """A frame as the planner hands it to gates; a field that nobody has is no column."""
    fields = sorted({name for row in people for name in row if "." in name})
    schema = {**CONTACTS, **dict.fromkeys(fields, pl.String)}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in people], schema=schema)


def write(contact: int, side: Side, field: str, value: str, kind: str = "update") -> dict[str, object]:
    """A row of WRITE."""
    return {
        "contact": contact, "side": side, "kind": kind, "mapping": field, "field": field, "before": "",
        "value": value, "source": value,
    }  # fmt: skip


def writes(*rows: Mapping[str, object]) -> pl.DataFrame:
    """A frame of WRITE."""
    return pl.DataFrame(list(rows), schema=WRITE)


def findings(
    code: str,
    people: pl.DataFrame,
    of: Situation | None = None,
    written: pl.DataFrame | None = None,
    memory: Memory | None = None,
) -> list[dict[str, Any]]:
    """What the cause's gate gives, in the order of contacts; the frame has exactly the columns of FINDING."""
    gate = cause(code).gate
    assert gate is not None
    rows = gate.findings(
        Population(people, writes() if written is None else written, memory or nothing_known()), of or situation()
    )
    assert rows.schema == FINDING
    return rows.sort("contact", "field").to_dicts()


def stopped(
    code: str,
    people: pl.DataFrame,
    of: Situation | None = None,
    written: pl.DataFrame | None = None,
    memory: Memory | None = None,
) -> list[int]:
    """The contacts that the cause blocks, in order."""
    return sorted({row["contact"] for row in findings(code, people, of, written, memory) if row["blocking"]})
