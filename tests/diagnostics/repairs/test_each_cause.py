"""Every cause that stops contacts has a repair on which the planner flips its verdict, or an honest reason why nobody has one."""

from __future__ import annotations

import pytest

from diagnostics.causes import CAUSES
from diagnostics.checkup import GATES
from diagnostics.repairs import REPAIRS, Obstacle, Stop, answer_to
from diagnostics.repairs.smallest import GOOD, applied, smallest_change, stops_of
from tests.diagnostics.causes.world import situation
from tests.diagnostics.repairs.planted import PLANTED, answer, given, pair, refused_address

REPORTED = {"list-disagreement", "list-beyond-goal"}
STOPPING = [entry.code for entry in CAUSES if entry.gate and entry.code not in REPORTED] + ["conflict"]
NOBODY = {
    "erased": "never", "in-doubt": "wait", "list-processing": "wait", "refused-erased": "never", "refused-many-signups": "wait",
    "refused-busy": "wait",
}  # fmt: skip
CONSENT = ("opt-in", "member-status", "refused-consent")


def test_every_cause_that_stops_is_planted_and_answered() -> None:
    """A cause that is added without a repair fails here; so does a repair for a cause that does not exist."""
    assert list(PLANTED) == sorted(STOPPING, key=list(PLANTED).index)
    assert set(REPAIRS) == set(STOPPING)


@pytest.mark.parametrize("code", PLANTED)
def test_a_contact_with_just_this_fault_is_freed_or_nobody_can(code: str) -> None:
    """The planner decides: stopped by this cause alone before, in sync or pending after."""
    planted = PLANTED[code]()
    before = answer(planted)
    assert before.verdicts["cause"].to_list() == [code]
    assert {stop.code for stop in stops_of(before)} == {code}

    change = smallest_change(planted, before, GATES)

    assert change is not None
    if code in NOBODY:
        assert (change.repairs, [one.hindrance for one in change.obstacles]) == ((), [NOBODY[code]])
        return
    assert change.obstacles == ()
    assert change.smallest
    assert len(change.repairs) == 1
    (repair,) = change.repairs
    assert repair.code == code
    assert repair.words
    assert (repair.kind == "consent") == (code in CONSENT)
    assert answer(applied(change.repairs, planted)).verdicts["state"][0] == change.state
    assert change.state in GOOD
    assert answer(planted).verdicts.equals(before.verdicts), "the repairs left the contact as it is"


@pytest.mark.parametrize("code", [code for code in PLANTED if code not in NOBODY])
def test_every_alternative_of_a_single_fault_frees_it_too(code: str) -> None:
    """What is offered beside the preferred repair is no empty offer."""
    planted = PLANTED[code]()
    (stop,) = {stop.code: stop for stop in stops_of(answer(planted))}.values()
    offered = answer_to(stop, planted.situation)
    assert isinstance(offered, tuple)

    for repair in offered:
        assert answer(applied([repair], planted)).verdicts["state"][0] in GOOD, repair.words


@pytest.mark.parametrize("code", PLANTED)
def test_no_made_up_value_is_ever_advice(code: str) -> None:
    """Samples are for the planner; words for people name fields and what is asked, and consent is the person's."""
    planted = PLANTED[code]()
    for stop in stops_of(answer(planted)):
        offered = answer_to(stop, planted.situation)
        for words in [offered.words] if isinstance(offered, Obstacle) else [one.said(mask=False) for one in offered]:
            assert "placeholder" not in words
            assert "sample" not in words.lower()
            if code in CONSENT:
                assert "person" in words


@pytest.mark.parametrize("field", ["", "EMAIL"])
def test_another_address_answers_a_refused_one_whether_its_field_is_named_or_not(field: str) -> None:
    """Mailchimp often refuses the record as a whole."""
    planted = refused_address(field)
    change = smallest_change(planted, answer(planted), GATES)

    assert change is not None
    assert [(one.kind, one.side, one.field) for one in change.repairs] == [("value", "hubspot", "email")]


@pytest.mark.parametrize(
    ("stop", "hindrance"),
    [
        (Stop("opt-in", "hubspot.newsletter_opt_in", "", "the opt-in property was not read", "unknown"), "grant"),
        (Stop("member-status", "app.status", "", "the status was not read", "unknown"), "grant"),
        (Stop("bounced", "hubspot.hs_email_hard_bounce_reason_enum", "", "HubSpot does not show it", "unknown"), "grant"),
        (Stop("list-membership", "", "Newsletter", "who is in it could not be read", "unknown"), "grant"),
        (Stop("field-type", "hubspot.city", "", "the value in HubSpot could not be kept: not permitted", "failing"), "grant"),
        (Stop("scope-missing", state="unknown"), "grant"),
        (Stop("unreachable", state="unknown"), "wait"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_never_called_repairable(stop: Stop, hindrance: str) -> None:
    """A permission comes first; until then nobody can foresee what a change would do."""
    offered = answer_to(stop, situation())
    assert isinstance(offered, Obstacle)
    assert offered.hindrance == hindrance


def test_an_address_of_ones_own_does_not_undo_a_merge() -> None:
    """Linked records of which some were merged stay one person; unlinked ones that only share an address do not."""
    merged = given(pair(linked=True, hubspot_candidates="1", app_candidates="r1, r2"))
    (stop,) = [stop for stop in stops_of(answer(merged)) if stop.code == "many-to-one"]
    shared = stops_of(answer(PLANTED["many-to-one"]()))[0]

    kinds = [[repair.kind for repair in answer_to(one, merged.situation)] for one in (stop, shared)]  # type: ignore[union-attr]
    assert kinds == [["other"], ["other", "value"]]


def test_a_contact_that_nothing_stops_has_no_change() -> None:
    """Pending is no fault."""
    planted = PLANTED["conflict"]()
    freed = applied(answer_to(stops_of(answer(planted))[0], planted.situation), planted)  # type: ignore[arg-type]
    assert smallest_change(freed, answer(freed), GATES) is None
