"""Findings that count what contacts hold: planted in a mirror, with neighbours one value away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diagnostics.preflight.finding import Finding
from diagnostics.preflight.values import lint_values
from engine.connectors import Record
from engine.gates import Situation
from engine.mirror import add_columns, store
from engine.runs import Run
from engine.schema import SIDES, Field, Option, Rule, Side, SideSchema
from engine.workspace import Workspace
from tests.diagnostics.causes.world import HUBSPOT, MAILCHIMP, connection, situation, with_field

MAPPINGS: list[dict[str, Any]] = [
    {"hubspot": "email", "app": "EMAIL"},
    {"hubspot": "city", "app": "CITY"},
    {"hubspot": "customer_number", "app": "CODE"},
    {"hubspot": "lifecyclestage", "app": "STAGE", "options": {"lead": "Lead"}},
    {"hubspot": "phone", "app": "PHONE"},
    {"hubspot": "country", "app": "LAND"},
    {"hubspot": "topics", "app": "TOPIC", "separator": ","},
]
TOPICS = (Option("news", "News"), Option("shop", "Shop"))


class Held:
    """A mirror filled by hand, and the lint of its values."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder / "w.sqlite")
        self.run = Run(self.workspace, "check")
        hubspot = with_field(with_field(HUBSPOT, Field("phone", "Phone", "phone")), Field("country", "Country", "text"))
        hubspot = with_field(hubspot, Field("topics", "Topics", "options", TOPICS))
        app = with_field(with_field(MAILCHIMP, Field("PHONE", "Phone", "phone")), Field("LAND", "Land", "text"))
        app = with_field(with_field(app, Field("CODE", "Code", "text")), Field("TOPIC", "Topic", "text"))
        self.schemas: dict[Side, SideSchema] = {"hubspot": hubspot, "app": app}
        for side in SIDES:
            names = [m[side] for m in MAPPINGS]
            add_columns(self.workspace, side, map(str, names))

    def put(self, side: Side, number: int, **values: str) -> None:
        """A record; fields not given are empty."""
        names = [str(m[side]) for m in MAPPINGS]
        record = Record(f"{side}{number}", {**dict.fromkeys(names, ""), **values}, "", "")
        store(self.workspace, self.schemas[side], [record], names, self.run.id)

    def findings(self, code: str, **sync: object) -> list[Finding]:
        """The findings of a code."""
        configured: Situation = replace(
            situation(schemas=self.schemas), connection=connection(mappings=MAPPINGS, sync={"conflicts": "ask", **sync})
        )
        return [one for one in lint_values(self.workspace, configured) if one.code == code]


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """An empty mirror."""
    return Held(tmp_path)


def test_choices_without_a_counterpart_are_named_with_their_contacts(held: Held) -> None:
    """The untranslated choice and how many hold it; a text that is no declared choice is counted and never shown."""
    for number, stage in enumerate(("lead", "other", "other", "Geheimes")):
        held.put("hubspot", number, lifecyclestage=stage)
    raised = held.findings("option-untranslated", direction="to_app")

    assert [(one.mapping, one.contacts, one.items, one.severity) for one in raised] == [
        ("lifecyclestage", 3, ("other (Other): 2",), "warns")
    ]
    assert "Geheimes" not in repr(raised)


def test_a_choice_that_nobody_holds_is_only_told(held: Held) -> None:
    """It may be chosen tomorrow."""
    held.put("hubspot", 1, lifecyclestage="lead")
    assert [(one.contacts, one.severity) for one in held.findings("option-untranslated", direction="to_app")] == [
        (0, "tells")
    ]


def test_translated_choices_are_no_finding(held: Held) -> None:
    """The neighbour: with every choice of the source among the target's."""
    stage = Field("STAGE", "Stage", "option", (Option("Lead", "Lead"), Option("Other", "Other")))
    held.schemas["app"] = with_field(held.schemas["app"], stage)
    held.put("hubspot", 1, lifecyclestage="other")
    assert held.findings("option-untranslated", direction="to_app") == []


def test_members_of_a_set_are_looked_at_one_by_one(held: Held) -> None:
    """A joined text of the app is split by the mapping's separator."""
    held.put("app", 1, TOPIC="news, shop")
    assert held.findings("option-untranslated", direction="to_hubspot") == []
    held.put("app", 2, TOPIC="news, golf")
    assert [one.contacts for one in held.findings("option-untranslated", direction="to_hubspot")] == [1]


@pytest.mark.parametrize(("letters", "beyond"), [("ü" * 127, 0), ("ü" * 128, 1), ("u" * 255, 0), ("u" * 256, 1)])
def test_lengths_count_as_the_target_counts(held: Held, letters: str, beyond: int) -> None:
    """Mailchimp's 255 are bytes."""
    held.put("hubspot", 1, city=letters)
    raised = [one for one in held.findings("value-too-long") if one.field == "app.CITY"]
    assert [one.contacts for one in raised] == [1] * beyond


@pytest.mark.parametrize(("length", "beyond"), [(65_536, 0), (65_537, 1)])
def test_hubspots_own_limit_holds_without_a_rule(held: Held, length: int, beyond: int) -> None:
    """65,536 characters; a rule of the property takes its place."""
    held.put("app", 1, CODE="x" * length)
    assert [one.field for one in held.findings("value-too-long")] == ["hubspot.customer_number"] * beyond
    shorter = Field("customer_number", "Number", "text", rules=(Rule("max_length", ("70000",)),))
    held.schemas["hubspot"] = with_field(held.schemas["hubspot"], shorter)
    assert held.findings("value-too-long") == []


def test_repeated_values_into_a_unique_property(held: Held) -> None:
    """Two members with one number; different numbers, and a property that is not unique, are none."""
    held.put("app", 1, CODE="1000")
    held.put("app", 2, CODE="1000 ")
    assert held.findings("unique-repeated") == []
    unique = Field("customer_number", "Number", "text", unique=True)
    held.schemas["hubspot"] = with_field(held.schemas["hubspot"], unique)
    assert [one.contacts for one in held.findings("unique-repeated")] == [2]
    held.put("app", 2, CODE="1001")
    assert held.findings("unique-repeated") == []


def test_national_phone_numbers_need_a_country(held: Held) -> None:
    """Numbers with a country's code do not, nor does a connection that names the property."""
    held.put("hubspot", 1, phone="+49 30 1234567")
    held.put("app", 1, PHONE="0041 44 1234567")
    assert held.findings("phone-country") == []
    held.put("app", 2, PHONE="030 1234567")
    assert [one.contacts for one in held.findings("phone-country")] == [1]
    assert held.findings("phone-country", country="country") == []


def test_what_the_gates_hold_back_is_counted_by_field(held: Held) -> None:
    """The same findings that a sync goes by; a code that is counted elsewhere is not counted twice."""
    with held.workspace.transaction() as sql:
        for number, code in enumerate(("field-range", "field-range", "field-option", "required-field"), 1):
            sql.execute(
                "INSERT INTO contact(id, anchor, hubspot_id) VALUES (?, ?, ?)",
                (number, str(number), str(number)),
            )
            sql.execute(
                "INSERT INTO verdict(contact_id, state, cause, since_run, run_id) VALUES (?, 'failing', ?, 1, 1)",
                (number, code),
            )
            sql.execute(
                "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) VALUES (?, ?, 'app.CODE', 'failing', 1, 'x', 'y', 1, 1)",
                (number, code),
            )
    assert [(one.contacts, one.items) for one in held.findings("values-unfit")] == [(2, ("field-range",))]
    assert [one.contacts for one in held.findings("required-empty")] == [1]
    with held.workspace.transaction() as sql:
        sql.execute("UPDATE verdict SET run_id = 2")
    assert held.findings("values-unfit") == []
