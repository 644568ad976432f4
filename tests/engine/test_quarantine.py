"""The quarantine holds back what was refused, field by field, until its cause is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.connection import Connection
from engine.connectors import Outcome
from engine.gates import Population, Situation
from engine.memory import memory_of
from engine.operations import Operation
from engine.quarantine import LADDER, essential, held, keep, release, sort_of
from engine.runs import Run
from engine.schema import Rule
from engine.workspace import Workspace
from tests.diagnostics.causes.world import HUBSPOT, MAILCHIMP, NOW, contacts, person, situation, with_field, writes
from tests.diagnostics.causes.world import write as written

NAMED = Outcome(1, "refused", status=400, code="INVALID_OPTION", field="city", message="no such town")
VAGUE = Outcome(1, "refused", status=400, code="VALIDATION_ERROR", message="something is wrong")
TRANSIENT = Outcome(1, "refused", status=207, code="INTERNAL_ERROR", message="try later")
TAKEN = Outcome(1, "refused", status=409, code="CONFLICT", message="Contact already exists. Existing ID: 5")
SINCE = "2026-09-20T00:00:00Z"


class Ward:
    """A workspace with one contact, number 1, that is in the inclusion list."""

    def __init__(self, folder: Path) -> None:
        self.run = Run(Workspace(folder / "w.sqlite"), "sync", now=lambda: NOW)
        with self.run.workspace.transaction() as sql:
            sql.execute("INSERT INTO contact(id, anchor, hubspot_id) VALUES (1, 'h:1', '1')")
            sql.execute("INSERT INTO list_member(record_id, added_at) VALUES ('1', ?)", (SINCE,))

    def refuse(self, outcome: Outcome, kind: str = "update", of: Situation | None = None, **values: str) -> str:
        """HubSpot refuses these values; the kind of the refusal."""
        op = Operation(1, "hubspot", kind, {"hubspot": "1", "app": "m1"}, "", values, {})  # type: ignore[arg-type]
        with self.run.workspace.transaction() as sql:
            return keep(sql, of or situation(), op, outcome, self.run.id, NOW)

    def held(
        self, of: Situation | None = None, since: str = SINCE, kind: str = "update", **values: str
    ) -> Sequence[tuple[str, bool]]:
        """What is held back of these wanted values: (field, whether the whole contact)."""
        rows = writes(*(written(1, "hubspot", field, value, kind) for field, value in values.items()))
        people = contacts(person(1, {}, {}, member_since=since))
        memory = memory_of(self.run.workspace, [1])
        return held(Population(people, rows, memory), of or situation()).select("field", "whole").rows()


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """An empty quarantine."""
    return Ward(tmp_path)


def test_a_refused_field_is_held_alone_until_its_value_differs(ward: Ward) -> None:
    """The other fields flow; another value of the same field does, too."""
    assert ward.refuse(NAMED, city="Ulm", lastname="Amsel") == "permanent"
    assert ward.held(city="Ulm", lastname="Specht") == [("city", False)]
    assert ward.held(city="Bonn", lastname="Amsel") == []
    assert ward.held(lastname="Amsel") == []


def test_a_vague_refusal_holds_the_record_until_anything_differs(ward: Ward) -> None:
    """Nothing says which value it was."""
    assert ward.refuse(VAGUE, city="Ulm", lastname="Amsel") == "quarantined"
    assert ward.held(city="Ulm", lastname="Amsel") == [("", True)]
    assert ward.held(city="Ulm", lastname="Specht") == []
    assert ward.held(city="Ulm") == []


def test_a_create_cannot_do_without_its_consent() -> None:
    """What is refused of it holds back the whole contact: sent later, by itself, a consent could loosen what was decided since."""
    document = situation().connection.model_dump()
    document["hubspot"]["on_create"] = {"newsletter_opt_in": "true"}
    given = replace(situation(), connection=Connection.model_validate(document))

    assert {"email", "newsletter_opt_in"} <= essential(given, "hubspot")
    assert "city" not in essential(given, "hubspot")
    assert "newsletter_opt_in" not in essential(given, "app")


def test_a_vague_refusal_of_the_only_field_is_about_that_field(ward: Ward) -> None:
    """There is nothing else it could be about."""
    assert ward.refuse(VAGUE, city="Ulm") == "quarantined"
    assert ward.held(city="Ulm", lastname="Amsel") == [("city", False)]


def test_a_record_is_held_beside_a_field_of_it(ward: Ward) -> None:
    """What was refused as a whole was sent without the field that was held already."""
    ward.refuse(NAMED, city="Ulm", lastname="Amsel", firstname="Anna")
    ward.refuse(VAGUE, lastname="Amsel", firstname="Anna")
    assert ward.held(city="Ulm", lastname="Amsel", firstname="Anna") == [("city", False), ("", True)]


def test_on_a_create_a_field_that_every_create_needs_holds_the_contact(ward: Ward) -> None:
    """A required name or the address cannot be left out; a town can."""
    ward.refuse(replace(NAMED, field="lastname"), "create", email="a@firma.example", lastname="A", city="Ulm")
    ward.refuse(NAMED, "create", email="a@firma.example", lastname="A", city="Ulm")
    found = ward.held(kind="create", email="a@firma.example", lastname="A", city="Ulm")
    assert sorted(found) == [("city", False), ("lastname", True)]


def test_an_address_that_another_contact_has_holds_only_the_address(ward: Ward) -> None:
    """HubSpot names no property in a conflict, but nothing else can be meant."""
    assert ward.refuse(TAKEN, email="b@firma.example", city="Ulm") == "permanent"
    assert ward.held(email="b@firma.example", city="Ulm") == [("email", False)]


def test_changed_circumstances_wake_it(ward: Ward) -> None:
    """Another rule of the field, another meaning of its mapping, another scope of the token, another time in the list."""
    ward.refuse(NAMED, city="Ulm")
    city = replace(HUBSPOT.fields["city"], rules=(Rule("max_length", ("60",)),))
    relaxed = situation(schemas={"hubspot": with_field(HUBSPOT, city), "app": MAILCHIMP})
    scoped = situation(schemas={"hubspot": replace(HUBSPOT, scopes=("more",)), "app": MAILCHIMP})
    mapped = situation(mappings=[{"hubspot": "city", "app": "CITY", "options": {"a": "b"}}])
    other_field = replace(HUBSPOT.fields["website"], rules=())
    elsewhere = situation(schemas={"hubspot": with_field(HUBSPOT, other_field), "app": MAILCHIMP})
    assert ward.held(city="Ulm") == ward.held(elsewhere, city="Ulm") == [("city", False)]
    assert [ward.held(of, city="Ulm") for of in (relaxed, scoped, mapped)] == [[], [], []]
    assert ward.held(since="2026-09-30T00:00:00Z", city="Ulm") == []


@pytest.mark.parametrize("outcome", [VAGUE, TRANSIENT])
def test_what_may_pass_by_itself_is_tried_again_ever_more_rarely(ward: Ward, outcome: Outcome) -> None:
    """15 minutes, an hour, four hours, a day, and then once a day."""
    for wait in (*LADDER, LADDER[-1]):
        ward.refuse(outcome, city="Ulm", lastname="Amsel")
        just_before = replace(situation(), now=NOW + wait - timedelta(seconds=1))
        assert ward.held(just_before, city="Ulm", lastname="Amsel") == [("", True)]
        assert ward.held(replace(situation(), now=NOW + wait), city="Ulm", lastname="Amsel") == []


def test_a_lasting_cause_is_not_woken_by_time(ward: Ward) -> None:
    """A year later it is still the same value."""
    ward.refuse(NAMED, city="Ulm")
    assert ward.held(replace(situation(), now=NOW + timedelta(days=365)), city="Ulm") == [("city", False)]


@pytest.mark.parametrize("code", ["CONFLICT", "ALREADY_LINKED", "EXISTS", "Member Exists"])
def test_an_address_that_another_record_has_is_asked_for_again_once_a_day(ward: Ward, code: str) -> None:
    """Nothing of the contact changes when the other record gives the address up."""
    day, email = timedelta(days=1), "b@firma.example"
    for _ in range(2):
        assert ward.refuse(replace(TAKEN, code=code), email=email) == "permanent"
        assert ward.held(replace(situation(), now=NOW + day - timedelta(seconds=1)), email=email) == [("email", False)]
        assert ward.held(replace(situation(), now=NOW + day), email=email) == []


def test_success_lifts_what_concerned_it(ward: Ward) -> None:
    """The fields that the side took and the record as a whole; another refused field stays."""
    ward.refuse(NAMED, city="Ulm", lastname="A")
    ward.refuse(replace(NAMED, field="firstname"), firstname="X", lastname="A")
    ward.refuse(VAGUE, lastname="A", website="w")
    with ward.run.workspace.transaction() as sql:
        release(sql, 1, "hubspot", ["city", "lastname"])
    assert [row["field"] for row in ward.run.workspace.rows("SELECT field FROM quarantine")] == ["firstname"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(NAMED, "permanent"), (TAKEN, "permanent"), (VAGUE, "quarantined"), (TRANSIENT, "retryable")],
)
def test_each_refusal_has_one_kind(outcome: Outcome, expected: str) -> None:
    """Named or about the person, vague, or the server's own trouble."""
    assert sort_of(outcome, HUBSPOT) == expected
