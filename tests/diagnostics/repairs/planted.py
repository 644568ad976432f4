"""Contacts planted with exactly one fault each, one for every cause that stops contacts, as the planner takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import polars as pl

from diagnostics.causes.refusals import CLASSES, Refusal
from diagnostics.checkup import GATES
from diagnostics.repairs import Hypothetical
from engine.gates import Situation
from engine.memory import BASE, REFUSED, SUSPENDED, Memory, nothing_known
from engine.merge import mapped_pairs
from engine.plan import Plan, plan
from engine.quarantine import sent
from engine.schema import InclusionList
from tests.diagnostics.causes.world import CONNECTION, INCLUSION, NOW, contacts, person, situation

HUBSPOT = {
    "firstname": "Jo", "lastname": "Ohm", "city": "Ulm", "country": "Polen", "website": "https://a.example", "customer_number": "1001",
    "loyalty_points": "5", "contract_start": "2026-01-31", "lifecyclestage": "lead", "hs_email_optout": "",
    "hs_email_hard_bounce_reason_enum": "", "_unreadable": "",
}  # fmt: skip
APP = {
    "FNAME": "Jo", "LNAME": "Ohm", "CITY": "Ulm", "COUNTRY": "Polen", "WEBSITE": "https://a.example", "CUSTNO": "1001", "POINTS": "5",
    "CONTRACT": "2026-01-31", "STAGE": "Lead", "_unreadable": "",
}  # fmt: skip


def pair(
    hubspot: Mapping[str, str | None] | None = None, app: Mapping[str, str | None] | None = None, **facts: object
) -> pl.DataFrame:
    """A contact with both records, equal but for what is given."""
    return contacts(person(1, {**HUBSPOT, **(hubspot or {})}, {**APP, **(app or {})}, **facts))


def only_hubspot(hubspot: Mapping[str, str | None] | None = None, **facts: object) -> pl.DataFrame:
    """A contact that would be created in the app."""
    return with_both(contacts(person(1, {**HUBSPOT, **(hubspot or {})}, None, **facts)))


def only_app(app: Mapping[str, str | None] | None = None, **facts: object) -> pl.DataFrame:
    """A contact that would be created in HubSpot."""
    return with_both(contacts(person(1, None, {**APP, **(app or {})}, **facts)))


def with_both(people: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns of both sides, as the mirror gives it."""
    names = [*(f"hubspot.{name}" for name in ("email", "newsletter_opt_in", *HUBSPOT))]
    names += [f"app.{name}" for name in ("EMAIL", "status", *APP)]
    missing = [pl.lit(None, pl.String).alias(name) for name in names if name not in people.columns]
    return people.with_columns(missing)


def given(people: pl.DataFrame, of: Situation | None = None, memory: Memory | None = None) -> Hypothetical:
    """What the planner gets."""
    return Hypothetical(people, memory or nothing_known(), of or situation())


def answer(of: Hypothetical) -> Plan:
    """What the planner says, with all gates."""
    return plan(of.contacts, of.memory, of.situation, GATES)


def _with_base(people: pl.DataFrame, **agreed: str) -> Memory:
    """Both sides agreed on the named HubSpot properties' values once."""
    of = situation()
    rows = [
        (1, one.name, agreed[one.name], agreed[one.name], one.fingerprint)
        for one in mapped_pairs(of.connection, of.schemas)
        if one.name in agreed
    ]
    del people
    return nothing_known(pl.DataFrame(rows, schema=BASE, orient="row"))


def _address_held(*, swap: bool) -> Hypothetical:
    people = pair({"email": "neu@firma.example"}, linked=True, app_holder="r9", app_swap=swap)
    return given(people, memory=_with_base(people, email="person1@firma.example"))


def _loop() -> Hypothetical:
    row = (1, "city", "Ulm", "Bonn", 3, "a workflow", "")
    memory = replace(
        _with_base(pl.DataFrame(), city="Ulm"), suspended=pl.DataFrame([row], schema=SUSPENDED, orient="row")
    )
    return given(pair({"city": "Ulm"}, {"CITY": "Bonn"}), memory=memory)


def refused(one: Refusal) -> Hypothetical:
    """A value that the app refused so; the first of the class's codes, else words of its own."""
    codes = sorted(one.codes or one.field_codes)
    words = {"refused-many-signups": "has signed up to a lot of lists"}
    row = {
        "contact": 1, "side": "app", "field": "CITY", "sent": sent({"CITY": "Ulm"}), "lasting": 1,
        "code": codes[0] if codes else "", "message": words.get(one.code, ""), "correlation_id": "c-1",
    }  # fmt: skip
    memory = replace(nothing_known(), refused=pl.DataFrame([row], schema=REFUSED))
    return given(pair(app={"CITY": ""}), memory=memory)


def refused_address(field: str) -> Hypothetical:
    """A create that the app refused for its address; it names the field, or none."""
    people = only_hubspot()
    values = {row["field"]: row["value"] for row in answer(given(people)).writes.iter_rows(named=True)}
    row = {
        "contact": 1, "side": "app", "field": field, "sent": sent({field: values[field]} if field else values), "lasting": 1,
        "code": "INVALID_EMAIL", "message": "looks fake", "correlation_id": "",
    }  # fmt: skip
    return given(people, memory=replace(nothing_known(), refused=pl.DataFrame([row], schema=REFUSED)))


def with_criteria(filters: str) -> InclusionList:
    """The inclusion list with HubSpot's filter branch as JSON."""
    return replace(INCLUSION, filters=filters)


def _changed(**changes: object) -> Situation:
    return situation(inclusion=replace(INCLUSION, **changes))  # type: ignore[arg-type]


PLANTED: Mapping[str, Callable[[], Hypothetical]] = {
    "erased": lambda: given(pair(erased=True)),
    "in-doubt": lambda: given(pair(in_doubt="app")),
    "direction": lambda: given(only_app(), situation(sync={"direction": "to_app"})),
    "many-to-one": lambda: given(only_hubspot(hubspot_candidates="1, 2", app_candidates="r1")),
    "counterpart-gone": lambda: given(only_hubspot(linked=True, app_id="r1")),
    "plan-tier": lambda: given(pair(), situation(hubspot={"tier": "free"})),
    "email-missing": lambda: given(only_hubspot({"email": ""})),
    "email-invalid": lambda: given(only_hubspot({"email": "a@b"})),
    "email-duplicate": lambda: given(only_hubspot(hubspot_twins=2)),
    "opt-in": lambda: given(only_hubspot({"newsletter_opt_in": "false", "hs_email_optout": "true"})),
    "member-status": lambda: given(pair(app={"status": "cleaned"})),
    "bounced": lambda: given(only_hubspot({"hs_email_hard_bounce_reason_enum": "OTHER"})),
    "test-address": lambda: given(only_hubspot({"email": "test@firma.example"})),
    "role-address": lambda: given(
        only_hubspot({"email": "info@firma.example"}), situation(unwanted={"exclude": ["role-address"]})
    ),
    "disposable-domain": lambda: given(only_hubspot({"email": "jo@wegwerf.example"})),
    "list-deleted": lambda: given(only_hubspot(), _changed(deleted_at=NOW - timedelta(days=2))),
    "list-processing": lambda: given(only_hubspot(member_since=None), _changed(processing_status="PROCESSING")),
    "list-empty": lambda: given(only_hubspot(member_since=None), situation(list_size=0)),
    "list-criteria": lambda: given(
        pair({"lifecyclestage": "evangelist"}, {"STAGE": ""}, member_since=None), _without_stage()
    ),
    "list-membership": lambda: given(only_hubspot({"lifecyclestage": ""}, member_since=None)),
    "required-field": lambda: given(only_hubspot({"firstname": " "})),
    "field-type": lambda: given(only_hubspot({"customer_number": "A-1001"})),
    "field-option": lambda: given(only_hubspot({"country": "Liechtenstein"})),
    "field-format": lambda: given(only_hubspot({"website": "keine"})),
    "field-length": lambda: given(only_app({"CITY": "Oberammergau"})),
    "field-range": lambda: given(only_app({"POINTS": "500"})),
    "address-swap": lambda: _address_held(swap=True),
    "address-taken": lambda: _address_held(swap=False),
    "field-loop": _loop,
    "conflict": lambda: given(pair({"city": "Ulm"}, {"CITY": "Bonn"})),
    **{one.code: lambda one=one: refused(one) for one in CLASSES},  # type: ignore[misc]
    "refused-address": lambda: refused_address("EMAIL"),
}
"""By the code that decides."""


def _without_stage() -> Situation:
    return situation(mappings=[one for one in CONNECTION["mappings"] if one["hubspot"] != "lifecyclestage"])
