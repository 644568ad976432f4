"""The smallest change of contacts with several faults: enough, nothing to spare, and no smaller one by brute force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.causes import CAUSES
from diagnostics.causes.cause import CauseGate
from diagnostics.checkup import GATES as EVERY_GATE
from diagnostics.repairs import Hypothetical, Repair, answer_to
from diagnostics.repairs.smallest import GOOD, applied, smallest_change, stops_of
from diagnostics.repairs.told import headline, hindrance, proof
from engine.gates import Population, Situation, found
from engine.memory import SUSPENDED, nothing_known
from engine.plan import plan
from tests.diagnostics.causes.world import situation
from tests.diagnostics.repairs import planted

CODES = (
    "email-missing", "email-invalid", "email-duplicate", "opt-in", "member-status", "bounced", "disposable-domain", "list-membership",
    "required-field", "field-type", "field-option", "field-format", "field-length", "field-range",
)  # fmt: skip
GATES = [entry.gate for entry in CAUSES if entry.gate is not None and entry.code in CODES]
"""The gates of the planted faults: the planner is run by the hundred here."""

IN_HUBSPOT: Mapping[str, Mapping[str, str]] = {
    "no address": {"email": ""},
    "thrown away": {"email": "jo@wegwerf.example"},
    "bounced": {"hs_email_hard_bounce_reason_enum": "OTHER"},
    "not opted in": {"newsletter_opt_in": "false"},
    "no first name": {"firstname": ""},
    "no such country": {"country": "Liechtenstein"},
    "no web address": {"website": "keine"},
    "no number": {"customer_number": "A-1001"},
    "no number either": {"loyalty_points": "viele"},
    "no date": {"contract_start": "bald"},
}
FACTS: Mapping[str, Mapping[str, object]] = {"twice": {"hubspot_twins": 2}, "outside": {"member_since": None}}
FAULTS = st.sets(st.sampled_from(sorted({*IN_HUBSPOT, *FACTS})), min_size=1, max_size=3)


def contact(faults: set[str]) -> Hypothetical:
    """A HubSpot contact with these faults that would be created in the app."""
    values = {name: value for fault in sorted(faults) for name, value in IN_HUBSPOT.get(fault, {}).items()}
    facts = {name: value for fault in sorted(faults) for name, value in FACTS.get(fault, {}).items()}
    # Without the stage the goal does not name the contact, so that being outside is no fault of the list's criteria.
    return planted.given(planted.only_hubspot({"lifecyclestage": "", **values}, **facts))


def state(of: Hypothetical) -> str:
    """What the planner says."""
    return str(plan(of.contacts, of.memory, of.situation, GATES).verdicts["state"][0])


def known(of: Hypothetical) -> list[Repair]:
    """Every repair that is known for one of the contact's stops."""
    stops = stops_of(plan(of.contacts, of.memory, of.situation, GATES))
    offered = [answer_to(stop, of.situation) for stop in stops]
    return list(dict.fromkeys(repair for one in offered if isinstance(one, tuple) for repair in one))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(FAULTS)
def test_a_change_is_enough_irreducible_and_no_smaller_one_exists(faults: set[str]) -> None:
    """Random sets of faults; every smaller set of every known repair is tried."""
    before = contact(faults)
    change = smallest_change(before, plan(before.contacts, before.memory, before.situation, GATES), GATES)

    assert change is not None
    assert change.repairs
    assert change.smallest
    assert state(applied(change.repairs, before)) == change.state
    assert change.state in GOOD
    for left in change.repairs:
        assert state(applied([one for one in change.repairs if one != left], before)) not in GOOD, left.words
    for size in range(1, len(change.repairs)):
        for fewer in combinations(known(before), size):
            assert state(applied(fewer, before)) not in GOOD, [one.words for one in fewer]


@pytest.mark.parametrize("fault", sorted({*IN_HUBSPOT, *FACTS}))
def test_each_fault_alone_needs_one_change(fault: str) -> None:
    """The faults of the property are faults."""
    before = contact({fault})
    change = smallest_change(before, plan(before.contacts, before.memory, before.situation, GATES), GATES)
    assert change is not None
    assert len(change.repairs) == 1


def test_one_change_may_answer_several_stops() -> None:
    """An address of one's own ends a throw-away address, a bounce and a shared one; no second change is asked for."""
    before = contact({"thrown away", "bounced", "twice"})
    change = smallest_change(before, plan(before.contacts, before.memory, before.situation, GATES), GATES)
    assert change is not None
    assert [(one.kind, one.field) for one in change.repairs] == [("value", "email")]
    assert change.smallest


def test_a_value_that_brings_the_contact_into_the_list_answers_both() -> None:
    """A list that follows its criteria holds whoever meets them."""
    criteria = (
        '{"filterBranchType": "OR", "filterBranches": [{"filterBranchType": "AND", "filterBranches": [], "filters": [{"filterType": '
        '"PROPERTY", "property": "country", "operation": {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": '
        '["Polen", "Schweiz"], "includeObjectsWithNoValueSet": false}}]}], "filters": []}'
    )
    of = situation(inclusion=planted.with_criteria(criteria))
    people = planted.only_hubspot({"country": "Liechtenstein", "lifecyclestage": ""}, member_since=None)
    before = planted.given(people, of)
    answer = plan(before.contacts, before.memory, before.situation, GATES)
    assert {stop.code for stop in stops_of(answer)} == {"list-membership", "field-option"}

    change = smallest_change(before, answer, GATES)

    assert change is not None
    assert [(one.kind, one.field) for one in change.repairs] == [("value", "country")]


def test_what_nobody_can_repair_is_said_beside_nothing_else() -> None:
    """An erased person is not brought back by a better address."""
    before = planted.given(planted.only_hubspot({"email": "a@b"}, erased=True))
    change = smallest_change(before, planted.answer(before), EVERY_GATE)
    assert change is not None
    assert change.repairs == ()
    assert headline(change).startswith("Nothing that somebody changes now")
    assert hindrance(change.obstacles[0]).startswith("Nobody can repair this")
    assert proof(change) == ""


def test_the_proof_says_what_was_made_up_and_what_the_server_has_to_say() -> None:
    """Values for the planner are samples; a refusal is lifted only by the server."""
    value, refusal = planted.PLANTED["field-type"](), planted.PLANTED["refused-option"]()
    for before, words in ((value, "made-up values"), (refusal, "only the server can say")):
        change = smallest_change(before, planted.answer(before), EVERY_GATE)
        assert change is not None
        assert words in proof(change)
        assert f"the contact becomes {change.state.replace('_', ' ')}" in proof(change)


def test_two_repairs_that_help_only_together_are_tried() -> None:
    """A third stop that neither of them lifts alone: the pair is smaller than the three preferred repairs."""

    def kept_out(population: Population, of: Situation) -> pl.DataFrame:
        fields = of.schemas["app"].fields
        easy = not fields["FNAME"].required and "Liechtenstein" in [one.value for one in fields["COUNTRY"].options]
        flipping = not population.memory.suspended.is_empty()
        where = pl.lit(flipping and not easy)
        return found(population.contacts, where=where, state="failing", field="hubspot.city")

    gates = [
        *(gate for gate in GATES if gate.code in ("field-option", "required-field")),
        CauseGate("field-loop", kept_out),
    ]
    row = (1, "city", "Ulm", "Bonn", 3, "a workflow", "")
    memory = replace(nothing_known(), suspended=pl.DataFrame([row], schema=SUSPENDED, orient="row"))
    before = planted.given(planted.only_hubspot({"country": "Liechtenstein", "firstname": ""}), memory=memory)

    change = smallest_change(before, plan(before.contacts, before.memory, before.situation, gates), gates)

    assert change is not None
    assert {(one.kind, one.field) for one in change.repairs} == {("option", "COUNTRY"), ("rule", "FNAME")}
    assert change.smallest
