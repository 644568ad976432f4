"""A consent is the person's: whatever stops a contact, nobody else is ever asked to set one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl
import pytest

from diagnostics.checkup import GATES
from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.form import Clause, leaves
from diagnostics.repairs import REPAIRS, Hypothetical, Obstacle, Repair, Stop, answer_to
from diagnostics.repairs.consents import holds_consent
from diagnostics.repairs.smallest import GOOD, applied, smallest_change, stops_of
from engine.connection import CONSENTS
from engine.gates import Situation
from engine.memory import REFUSED, nothing_known
from engine.quarantine import sent
from engine.schema import Field, Option, Rule
from tests.diagnostics.causes.test_list_clauses import asks, listed
from tests.diagnostics.causes.world import CONNECTION, HUBSPOT, MAILCHIMP, situation, with_field
from tests.diagnostics.repairs.planted import PLANTED, answer, given, only_app, only_hubspot, pair

OPT_IN = "newsletter_opt_in"
NEWS = Field("NEWS", "News", "option", options=(Option("Yes", "Yes"), Option("No", "No")))


def _situation(ours: Field | None = None, theirs: Field | None = None, **changes: object) -> Situation:
    """With a property or a merge field declared otherwise."""
    hubspot = with_field(HUBSPOT, ours) if ours else HUBSPOT
    app = with_field(MAILCHIMP, theirs) if theirs else MAILCHIMP
    return situation(schemas={"hubspot": hubspot, "app": app}, **changes)  # type: ignore[arg-type]


def _mapped(**changes: object) -> list[Mapping[str, object]]:
    return [*CONNECTION["mappings"], {"hubspot": OPT_IN, "app": "NEWS", **changes}]


def _required(*, mapped: bool) -> Hypothetical:
    changes: dict[str, object] = {"mappings": _mapped(merge="consent")} if mapped else {}
    asked = replace(HUBSPOT.fields[OPT_IN], required=True)
    return given(only_app({"NEWS": ""}), _situation(asked, NEWS, **changes))


def _on_create(direction: str = "") -> Hypothetical:
    choice = Field(OPT_IN, "Newsletter", "option", options=(Option("true", "Yes"), Option("false", "No")))
    changes: dict[str, object] = {"hubspot": {"tier": "professional", "on_create": {OPT_IN: "ja"}}}
    if direction:
        changes["mappings"] = _mapped(direction=direction)
    return given(only_app(), _situation(choice, NEWS, **changes))


def _not_among_the_choices() -> Hypothetical:
    mappings = _mapped(merge="consent", accepted=["true", "false"])
    return given(only_hubspot({OPT_IN: "true"}), _situation(None, NEWS, mappings=mappings))


def _conflict() -> Hypothetical:
    mappings = _mapped(merge="text", options={"true": "Yes", "false": "No"})
    return given(pair({OPT_IN: "true"}, {"NEWS": "No"}), _situation(None, NEWS, mappings=mappings))


def _refused(code: str) -> Hypothetical:
    of = _situation(None, replace(NEWS, type="text", options=()), mappings=_mapped(merge="consent"))
    people = pair({OPT_IN: "true"}, {"NEWS": ""})
    row = {
        "contact": 1, "side": "app", "field": "NEWS", "sent": sent({"NEWS": "true"}), "lasting": 1,
        "code": code, "message": "", "correlation_id": "",
    }  # fmt: skip
    return given(people, of, replace(nothing_known(), refused=pl.DataFrame([row], schema=REFUSED)))


def _listed(name: str, *values: str, **held: str) -> Hypothetical:
    return given(only_hubspot(held, member_since=None), listed([asks(name, "IS_ANY_OF", *values)]))


CONSENTS_PLANTED: Mapping[str, Callable[[], Hypothetical]] = {
    "required": lambda: _required(mapped=False),
    "required and mapped": lambda: _required(mapped=True),
    "on_create": _on_create,
    "on_create, mapped the other way": lambda: _on_create("to_app"),
    "list on the opt-in": lambda: _listed(OPT_IN, "true", newsletter_opt_in="false"),
    "list on the opt-out": lambda: _listed("hs_email_optout", "false", hs_email_optout=""),
    "list on a subscription": lambda: _listed("hs_email_optout_12", "false", hs_email_optout_12="true"),
    "no choice": _not_among_the_choices,
    "conflict": _conflict,
    "not kept": lambda: given(
        only_hubspot({"_unreadable": '{"newsletter_opt_in": "unpaired surrogate"}', OPT_IN: None}),
        _situation(None, NEWS, mappings=_mapped(merge="consent")),
    ),
    "too long": lambda: given(
        only_hubspot({OPT_IN: "true"}),
        _situation(
            None, replace(NEWS, type="text", options=(), rules=(Rule("max_bytes", ("2",)),)), mappings=_mapped()
        ),
    ),
}


def offered(before: Hypothetical) -> list[Repair]:
    """Every repair, preferred or not, of every stop that comes up until nothing is left to try."""
    found: dict[Repair, None] = {}
    stops = stops_of(answer(before))
    for _ in range(4):
        answers = [answer_to(stop, before.situation) for stop in stops]
        new = [repair for one in answers if isinstance(one, tuple) for repair in one if repair not in found]
        found |= dict.fromkeys(new)
        stops = tuple(stop for repair in new for stop in stops_of(answer(applied([repair], before))))
    return list(found)


def consents_of(of: Hypothetical) -> dict[str, object]:
    """Everything that says, or lets something say, what a person has agreed to."""
    connection, around = of.situation.connection, of.situation
    columns = [column for column in of.contacts.columns if "." in column]
    held = {column: column.split(".", 1) for column in columns}
    told: dict[str, object] = {
        column: of.contacts[column].to_list()
        for column, (side, name) in held.items()
        if holds_consent(around, "hubspot" if side == "hubspot" else "app", name)
    }
    told |= {
        f"on_create {name}": value for name, value in connection.hubspot.on_create.items() if _consent(around, name)
    }
    told["in the app"] = connection.app.on_create.status
    told["opt-in"] = connection.opt_in
    told |= {f"mapped {one.name}": one for one in connection.mappings if _consent(around, one.name)}
    told["decided"] = [row for row in of.memory.decisions["field"].to_list() if _consent(around, row)]
    tree = criteria_of(around.inclusion.filters) if around.inclusion else None
    asked = [leaf for leaf in (leaves(tree) if tree else ()) if isinstance(leaf, Clause)]
    told["list"] = [leaf for leaf in asked if _consent(around, leaf.property)]
    return told


def _consent(of: Situation, name: str) -> bool:
    return holds_consent(of, "hubspot", name)


def sets_a_consent(repair: Repair, before: Hypothetical) -> bool:
    """Whether anything of that is there after the repair that was not there before."""
    known, then = consents_of(before), consents_of(repair.effect(before))
    return any(name not in known or known[name] != what for name, what in then.items())


@pytest.mark.parametrize("name", [*PLANTED, *CONSENTS_PLANTED])
def test_nobody_but_the_person_is_asked_for_a_consent(name: str) -> None:
    """Over all causes and planted consents, preferred or not; and what the person gives is a consent."""
    before = (CONSENTS_PLANTED.get(name) or PLANTED[name])()
    for repair in offered(before):
        assert (repair.kind == "consent") == (repair.by == "contact")
        assert repair.by == "contact" or not sets_a_consent(repair, before), repair.words


@pytest.mark.parametrize("name", CONSENTS_PLANTED)
def test_every_planted_consent_stops_its_contact(name: str) -> None:
    """Else the test above would say nothing."""
    before = CONSENTS_PLANTED[name]()
    assert stops_of(answer(before))


@pytest.mark.parametrize(
    ("name", "kind", "by"),
    [
        ("required", "consent", "contact"),
        ("required and mapped", "consent", "contact"),
        ("on_create", "rule", "us"),
        ("on_create, mapped the other way", "rule", "us"),
        ("list on the opt-in", "consent", "contact"),
        ("list on the opt-out", "consent", "contact"),
        ("list on a subscription", "consent", "contact"),
        ("no choice", "option", "app admin"),
        ("conflict", "consent", "contact"),
        ("too long", "rule", "app admin"),
    ],
)
def test_what_helps_is_named_and_proved(name: str, kind: str, by: str) -> None:
    """The person says it; a connection that says it for new people stops doing so; a field learns the person's own word."""
    before = CONSENTS_PLANTED[name]()
    change = smallest_change(before, answer(before), GATES)

    assert change is not None
    assert [(one.kind, one.by) for one in change.repairs] == [(kind, by)], change
    assert change.state in GOOD
    if kind == "consent":
        assert "the person" in change.repairs[0].words
    if name.startswith("on_create"):
        assert "no value" in change.repairs[0].words


@pytest.mark.parametrize("code", sorted(REPAIRS.keys() - {"list-deleted", "list-empty"}))
@pytest.mark.parametrize("field", [f"hubspot.{OPT_IN}", "hubspot.hs_email_optout", "app.NEWS", "app.status"])
def test_no_answer_about_a_field_of_consent_has_somebody_else_say_it(code: str, field: str) -> None:
    """Whatever cause names the field."""
    out, status = Field("hs_email_optout", "Opted out", "bool"), Field("status", "Status", "option")
    of = _situation(out, NEWS, mappings=_mapped(merge="consent"))
    of = replace(of, schemas={**of.schemas, "app": with_field(of.schemas["app"], status)})
    before = given(pair({OPT_IN: "false"}, {"NEWS": "No"}), of)
    named = field.partition(".")[2] if code == "conflict" else field
    offered_here = answer_to(Stop(code, named, "vielleicht", "not taken"), of)
    for repair in () if isinstance(offered_here, Obstacle) else offered_here:
        assert repair.by == "contact" or not sets_a_consent(repair, before), repair.words
        refused = code.startswith("refused-") and repair.kind == "value"
        assert not (refused and (repair.side, repair.field) == (field.partition(".")[0], field.partition(".")[2]))


def test_a_consent_of_which_no_fitting_word_is_known_frees_nobody() -> None:
    """What the list compares it with is not known: the person is named, and no value made up."""
    compared = {
        "filterType": "PROPERTY",
        "property": OPT_IN,
        "operation": {"operationType": "STRING", "operator": "IS_EQUAL_TO", "values": ["vielleicht"]},
    }
    yes_or_no = replace(HUBSPOT.fields[OPT_IN], type="option", options=(Option("true", "Yes"), Option("false", "No")))
    around = listed([compared])
    schemas = {**around.schemas, "hubspot": with_field(HUBSPOT, yes_or_no)}
    before = given(only_hubspot({OPT_IN: "true"}, member_since=None), replace(around, schemas=schemas))
    (repair,) = offered(before)

    assert (repair.kind, repair.by) == ("consent", "contact")
    assert repair.effect(before).contacts.equals(before.contacts)
    change = smallest_change(before, answer(before), GATES)
    assert change is not None
    assert (change.repairs, change.left) == ((), ("list-membership",))


def test_what_is_a_consent_is_defined_once() -> None:
    """By HubSpot's names, by the opt-in rule, by the app's status, and by what is mapped to these or merged so."""
    mappings = [*_mapped(merge="text"), {"hubspot": "hs_email_optout_9", "app": "OUT"}]
    mappings.append({"hubspot": "agb", "app": "AGB", "merge": "consent", "accepted": ["ja"]})
    of = situation(mappings=mappings)

    ours = (
        OPT_IN,
        *CONSENTS,
        "hs_email_optout_9",
        "hs_email_optout_77",
        "hs_marketable_status",
        "hs_legal_basis",
        "_subscription",
    )
    assert all(holds_consent(of, "hubspot", name) for name in (*ours, "agb"))
    assert all(holds_consent(of, "app", name) for name in ("status", "NEWS", "OUT", "AGB"))
    assert not any(holds_consent(of, "hubspot", name) for name in ("email", "city", "hs_email_optoutx", "status"))
    assert not holds_consent(of, "app", "CITY")
