"""Each code of the pure lint: a planted case that raises it, and its neighbour that does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diagnostics.preflight.access import lint_access
from diagnostics.preflight.codes import CODES, markdown
from diagnostics.preflight.fields import lint_fields
from diagnostics.preflight.finding import Finding
from diagnostics.preflight.forecast import ListEffect, Requests, forecast
from diagnostics.preflight.inclusion import lint_list
from diagnostics.preflight.types import carries, lint_types
from diagnostics.preflight.volume import lint_brakes
from engine.brakes import Volume
from engine.connection import Connection
from engine.connectors import Room
from engine.gates import Situation
from engine.schema import Field, InclusionList, Option, Rule, Side, SideSchema
from tests.diagnostics.causes.world import CONNECTION, HUBSPOT, INCLUSION, MAILCHIMP, NOW, with_field

SCOPES = ("crm.objects.contacts.read", "crm.objects.contacts.write", "crm.lists.read")
STAGES = (Option("lead", "Lead"), Option("other", "Other"))
EMAIL = {"hubspot": "email", "app": "EMAIL"}


ROOMY = Room(0, 1000)


@dataclass(frozen=True)
class Case:
    """What differs from a connection in which everything fits."""

    mapping: Mapping[str, object] = field(default_factory=dict)
    """A second mapping, besides the address."""
    hubspot: tuple[Field, ...] = ()
    app: tuple[Field, ...] = ()
    unavailable: dict[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = SCOPES
    zones: tuple[str, str] = ("UTC", "UTC")
    inclusion: InclusionList | None = INCLUSION
    list_size: int = 3
    volume: Volume = field(default_factory=Volume)
    effect: ListEffect = field(default_factory=ListEffect)
    creates: int = 0
    creates_app: int = 0
    room: Room | None = ROOMY
    needed: int = 10
    sections: Mapping[str, object] = field(default_factory=dict)


def _schema(schema: SideSchema, fields: tuple[Field, ...], zone: str) -> SideSchema:
    for one in fields:
        schema = with_field(schema, one)
    return replace(schema, account=replace(schema.account, time_zone=zone))


def findings(case: Case) -> list[Finding]:
    """All that the pure parts of the preflight say of a case."""
    names = [{"hubspot": "firstname", "app": "FNAME"}, {"hubspot": "lastname", "app": "LNAME"}]
    mappings = [EMAIL, *names, *([case.mapping] if case.mapping else [])]
    sections = {"hubspot": {"tier": "professional", "api_version": "2026-03"}, "mappings": mappings, "opt_in": None,
                "app": {"name": "mailchimp", "audience": "a1"}} | dict(case.sections)  # fmt: skip
    document = {**CONNECTION, **sections}
    if case.mapping.get("hubspot") == "firstname":  # what the file's own model refuses, as another source might give it
        connection = Connection.model_validate({**document, "mappings": mappings[:3]})
        twice = connection.mappings[1].model_copy(update=dict(case.mapping))
        connection = connection.model_copy(update={"mappings": (*connection.mappings, twice)})
    else:
        connection = Connection.model_validate(document)
    hubspot = replace(_schema(HUBSPOT, case.hubspot, case.zones[0]), scopes=case.scopes, unavailable=case.unavailable)
    schemas: dict[Side, SideSchema] = {"hubspot": hubspot, "app": _schema(MAILCHIMP, case.app, case.zones[1])}
    situation = Situation(connection, schemas, case.inclusion, NOW, case.list_size, case.unavailable)
    requests = Requests({"hubspot": case.needed, "app": 1}, 1000, 1000)
    counts = {"creates_hubspot": case.creates, "creates_app": case.creates_app}
    return [
        *lint_fields(connection, schemas),
        *lint_types(connection, schemas),
        *lint_access(situation),
        *lint_list(situation),
        *lint_brakes(connection, case.volume, 1000),
        *forecast(situation, counts, case.effect, requests, case.room),
    ]


def mapped(hubspot: str, app: str, **more: object) -> dict[str, object]:
    """One more mapping."""
    return {"hubspot": hubspot, "app": app, **more}


def text(name: str, **more: object) -> Field:
    """A text field."""
    return Field(name, name, "text", **more)  # type: ignore[arg-type]


def kind(name: str, type: str, options: tuple[Option, ...] = ()) -> Field:
    """A field of a kind."""
    return Field(name, name, type, options)  # type: ignore[arg-type]


SET = kind("topics", "options", (Option("a,b", "A, B"), Option("c", "C")))
MOMENT = kind("met", "datetime")
DELETED = replace(INCLUSION, deleted_at=datetime(2026, 1, 1, tzinfo=UTC))
ONCE = {"hubspot": {"tier": "professional", "on_create": {"city": "Bern"}}}

CASES: dict[str, tuple[Case, Case]] = {
    "field-missing": (Case(mapped("fax", "CITY")), Case(mapped("city", "CITY"))),
    "field-read-only": (
        Case(mapped("score", "CITY"), (text("score", read_only=True),)),
        Case(mapped("score", "CITY", direction="to_app"), (text("score", read_only=True),)),
    ),
    "field-unmappable": (
        Case(mapped("city", "ADDRESS"), app=(kind("ADDRESS", "other"),)),
        Case(mapped("city", "ADDRESS"), app=(kind("ADDRESS", "text"),)),
    ),
    "field-twice": (Case(mapped("firstname", "CITY")), Case(mapped("city", "CITY"))),
    "identity-unmapped": (
        Case(sections={"mappings": [{**EMAIL, "direction": "to_app"}]}),
        Case(sections={"mappings": [EMAIL]}),
    ),
    "direction-overruled": (
        Case(mapped("city", "CITY", direction="to_hubspot"), sections={"sync": {"direction": "to_app"}}),
        Case(mapped("city", "CITY", direction="to_app"), sections={"sync": {"direction": "to_app"}}),
    ),
    "types-unlike": (Case(mapped("loyalty_points", "CONTRACT")), Case(mapped("contract_start", "CONTRACT"))),
    "types-loose": (Case(mapped("city", "POINTS")), Case(mapped("city", "POINTS", direction="to_hubspot"))),
    "set-separator": (
        Case(mapped("topics", "CITY", separator=","), (SET,)),
        Case(mapped("topics", "CITY", separator="|"), (SET,)),
    ),
    "set-into-one": (
        Case(mapped("topics", "STAGE"), (SET,)),
        Case(mapped("topics", "STAGE", direction="to_hubspot"), (SET,)),
    ),
    "date-moment": (Case(mapped("met", "CONTRACT"), (MOMENT,)), Case(mapped("contract_start", "CONTRACT"))),
    "zones-differ": (
        Case(mapped("met", "CONTRACT"), (MOMENT,), zones=("Europe/Berlin", "America/New_York")),
        Case(mapped("met", "CONTRACT"), (MOMENT,), zones=("Europe/Berlin", "Europe/Berlin")),
    ),
    "zone-unknown": (
        Case(mapped("contract_start", "CONTRACT"), zones=("Mars/Olympus", "UTC")),
        Case(mapped("city", "CITY"), zones=("Mars/Olympus", "UTC")),
    ),
    "consent-accepted": (
        Case(sections={"opt_in": {"property": "newsletter_opt_in", "accepted": ["ja"]}}),
        Case(sections={"opt_in": {"property": "newsletter_opt_in", "accepted": ["true"]}}),
    ),
    "consent-unguarded": (
        Case(mapped("hs_email_optout", "CITY", merge="text"), (kind("hs_email_optout", "bool"),)),
        Case(mapped("hs_email_optout", "CITY"), (kind("hs_email_optout", "bool"),)),
    ),
    "required-unfilled": (
        Case(app=(text("PLAN", required=True),)),
        Case(mapped("city", "PLAN"), app=(text("PLAN", required=True),)),
    ),
    "required-not-enforced": (Case(), Case(sections={"hubspot": {"tier": "starter", "api_version": "2026-09"}})),
    "conditional-unread": (Case(sections={"hubspot": {"tier": "starter", "api_version": "2026-09"}}), Case()),
    "rules-unread": (
        Case(mapped("city", "PLAN"), app=(text("PLAN", rules=(Rule("not_checked", ("US phone number",)),)),)),
        Case(mapped("city", "PLAN"), app=(text("PLAN", rules=(Rule("max_bytes", ("255",)),)),)),
    ),
    "on-create-unfit": (
        Case(sections={"hubspot": {"tier": "starter", "on_create": {"lifecyclestage": "partner"}}}),
        Case(sections={"hubspot": {"tier": "starter", "on_create": {"lifecyclestage": "lead"}}}),
    ),
    "on-create-hidden": (
        Case(mapped("city", "CITY"), sections=ONCE),
        Case(mapped("city", "CITY", direction="to_app"), sections=ONCE),
    ),
    "account-other": (
        Case(sections={"hubspot": {"tier": "starter", "account": 12}}),
        Case(sections={"hubspot": {"tier": "starter", "account": 4711001}}),
    ),
    "tier-mappings": (
        Case(mapped("customer_number", "CITY"), sections={"hubspot": {"tier": "free"}}),
        Case(mapped("customer_number", "CITY"), sections={"hubspot": {"tier": "starter"}}),
    ),
    "tier-unknown": (
        Case(mapped("customer_number", "CITY"), sections={"hubspot": {}}),
        Case(mapped("city", "CITY"), sections={"hubspot": {}}),
    ),
    "scope-missing": (
        Case(scopes=("crm.objects.contacts.read", "crm.lists.read")),
        Case(scopes=("crm.objects.contacts.read", "crm.lists.read"), sections={"sync": {"direction": "to_app"}}),
    ),
    "scopes-unread": (Case(scopes=()), Case()),
    "observed-mode": (Case(sections={"mode": "observed"}), Case()),
    "list-deleted": (Case(inclusion=DELETED), Case()),
    "list-empty": (Case(list_size=0), Case(list_size=1)),
    "list-processing": (Case(inclusion=replace(INCLUSION, processing_status="PROCESSING")), Case()),
    "list-none": (Case(inclusion=None, sections={"scope": {}}), Case()),
    "list-unread": (Case(inclusion=None, unavailable={"list": "a scope is missing"}), Case()),
    "list-enters": (Case(effect=ListEffect(enters=3)), Case()),
    "list-leaves": (Case(effect=ListEffect(leaves=3)), Case()),
    "list-effect-unknown": (Case(effect=ListEffect(unknown=3, why="because")), Case()),
    "marketing-contacts": (Case(creates=5), Case()),
    "contacts-too-many": (Case(creates=6, room=Room(995, 1000)), Case(creates=5, room=Room(995, 1000))),
    "contacts-nearly-full": (Case(creates=51, room=Room(900, 1000)), Case(creates=50, room=Room(900, 1000))),
    "contact-limits": (Case(creates=5, creates_app=5, room=None), Case(creates=5)),
    "requests-of-the-day": (Case(needed=951), Case(needed=950)),
    "requests-many": (Case(needed=476), Case(needed=475)),
    "brake-trips": (Case(volume=Volume(creates=501)), Case(volume=Volume(creates=500))),
    "brake-shut": (Case(sections={"brakes": {"updates": 0}}), Case(sections={"brakes": {"updates": 1}})),
    "brake-off": (Case(sections={"brakes": {"shrink": 100}}), Case(sections={"brakes": {"shrink": 99}})),
}
ELSEWHERE = {
    "option-untranslated", "value-too-long", "values-unfit", "unique-repeated", "phone-country", "required-empty",
    "list-missing", "side-shrunk", "not-examined",
}  # fmt: skip
"""Codes that need the contacts or both sides; test_values.py and test_examined.py plant them."""


@pytest.mark.parametrize("code", CASES)
def test_a_planted_case_raises_its_code_and_its_neighbour_does_not(code: str) -> None:
    """The finding is there, says what and what to do; the neighbour, one change away, has none of that code."""
    planted, neighbour = CASES[code]
    raised = [one for one in findings(planted) if one.code == code]

    assert raised
    assert all(one.what and one.remedy and one.fixed_by for one in raised)
    assert [one.code for one in findings(neighbour) if one.code == code] == []


def test_every_code_is_planted_somewhere() -> None:
    """A code that nothing can raise is no code; each stands once in the catalogue."""
    known = [one.code for one in CODES]
    assert len(set(known)) == len(known)
    assert set(known) == set(CASES) | ELSEWHERE


def test_what_fits_raises_nothing_that_stops_or_warns() -> None:
    """The plain connection that the cases start from is ready."""
    assert {one.code for one in findings(Case())} == {"required-not-enforced"}


def test_the_catalogue_is_the_document() -> None:
    """Run `make preflight` after a change of a code."""
    document = Path(__file__).parents[3] / "docs" / "preflight.md"
    assert document.read_text(encoding="utf-8") == markdown()


@pytest.mark.parametrize(
    ("source", "target", "much"),
    [
        ("number", "date", "none"), ("date", "number", "none"), ("bool", "number", "none"), ("date", "bool", "none"),
        ("options", "date", "none"), ("url", "email", "none"), ("number", "text", "all"), ("options", "text", "all"),
        ("date", "datetime", "all"), ("option", "options", "all"), ("text", "number", "some"), ("text", "date", "some"),
        ("text", "option", "some"), ("number", "phone", "some"), ("datetime", "option", "none"), ("other", "text", "none"),
    ],
)  # fmt: skip
def test_what_one_kind_can_carry_of_another(source: str, target: str, much: str) -> None:
    """The table of pairs."""
    assert carries(source, target) == much  # type: ignore[arg-type]


def test_yes_or_no_needs_choices_that_stand_for_it() -> None:
    """A bool goes into a choice only where true and false are choices or translated."""
    yes_no = kind("WANTS", "option", (Option("Ja", "Ja"), Option("Nein", "Nein")))
    plain = Case(mapped("newsletter_opt_in", "WANTS", direction="to_app"), app=(yes_no,))
    translated = replace(plain, mapping={**plain.mapping, "options": {"true": "Ja", "false": "Nein"}})
    half = replace(plain, mapping={**plain.mapping, "options": {"true": "Ja"}})

    unlike = [[one.code for one in findings(case)].count("types-unlike") for case in (plain, half, translated)]
    assert unlike == [1, 1, 0]


def test_a_missing_scope_is_named() -> None:
    """Exactly the scopes of which one would do."""
    raised = [one for one in findings(CASES["scope-missing"][0]) if one.code == "scope-missing"]
    assert [one.items for one in raised] == [("crm.objects.contacts.write",)]


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (("communication_preferences.read",), [("communication_preferences.statuses.batch.read", "communication_preferences.read_write")]),
        (("communication_preferences.read_write",), []),
        (("subscriptions-status-read", "communication_preferences.statuses.batch.read"), []),
    ],
)  # fmt: skip
def test_a_subscription_rule_needs_its_own_permissions(scopes: tuple[str, ...], missing: list[tuple[str, ...]]) -> None:
    """Reading types and reading statuses in batches; any one of a group is enough."""
    case = Case(scopes=(*SCOPES, *scopes), sections={"opt_in": {"subscription": "Newsletter"}})
    assert [one.items for one in findings(case) if one.code == "scope-missing"] == missing


def test_some_accepted_values_that_are_no_choice_only_warn() -> None:
    """As long as one of them can be held, somebody can pass."""
    case = Case(sections={"opt_in": {"property": "newsletter_opt_in", "accepted": ["true", "ja"]}})
    assert [one.severity for one in findings(case) if one.code == "consent-accepted"] == ["warns"]
