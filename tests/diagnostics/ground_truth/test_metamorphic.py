"""What must change a verdict does, and what must not does not."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest

from diagnostics.checkup import GATES
from engine.plan import plan
from tests.diagnostics.ground_truth.planters import USUAL
from tests.diagnostics.ground_truth.planting import Answers, Planted, Truth, plant, population

PEOPLE = 600
SEEDS = (11, 12)


def without_refusals(seed: int) -> dict[int, Planted]:
    """People whose faults stay as they are when another is repaired: a refusal wakes when what would be sent changes."""
    people = population(seed, PEOPLE).people
    for one in people.values():
        one.planters = [planter for planter in one.planters if not planter.code.startswith("refused-")]
    return dict(people)


def repaired(people: dict[int, Planted]) -> dict[int, Planted]:
    """The same people without their deciding cause."""
    return {
        number: replace(one, planters=[planter for planter in one.planters if planter.code != one.verdict[1]])
        for number, one in people.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_repairing_the_named_cause_flips_the_verdict_and_breaking_it_flips_it_back(seed: int) -> None:
    """Again and again, until nobody is left with a fault: each repair brings the next cause, or sets the contact free."""
    people = without_refusals(seed)
    before = plant(people, USUAL).answered()
    rounds = 0
    while any(one.blockers for one in people.values()):
        mended = repaired(people)
        after = plant(mended, USUAL).answered()
        for number, one in people.items():
            if one.blockers:
                assert after.verdicts[number][1] != before.verdicts[number][1]
            assert after.verdicts[number] == mended[number].verdict
            assert after.reported[number] == mended[number].reported
            assert after.blockers[number] == [code for code in before.blockers[number] if code != one.verdict[1]]
        assert plant(people, USUAL).answered() == before
        people, before, rounds = mended, after, rounds + 1
    assert rounds >= 4
    assert {state for state, _ in before.verdicts.values()} == {"in_sync", "pending"}


def changed(truth: Truth, contacts: pl.DataFrame) -> Answers:
    """The answers for the same people in another frame."""
    return replace(truth, contacts=contacts).answered()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_has_nothing_to_do_with_it_changes_nothing(seed: int) -> None:
    """Times and fields that are not mapped: no gate may go by them."""
    truth = population(seed, PEOPLE)
    usual = truth.answered()
    assert (
        changed(truth, truth.contacts.with_columns(pl.lit("2026-09-30T00:00:00Z").alias("hubspot_updated_at"))) == usual
    )
    noise = pl.col("contact").hash(seed).cast(pl.String)
    assert (
        changed(truth, truth.contacts.with_columns(noise.alias("hubspot.favourite"), noise.alias("app.NOTE"))) == usual
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_and_the_slices_change_nothing(seed: int) -> None:
    """Shuffled, or planned in pieces of any size: every contact gets the same answer and the same writes."""
    truth = population(seed, PEOPLE)
    usual = truth.answered()
    whole = plan(truth.contacts, truth.memory, truth.situation, GATES)
    shuffled = truth.contacts.sample(fraction=1.0, shuffle=True, seed=seed)
    assert changed(truth, shuffled) == usual
    again = plan(shuffled, truth.memory, truth.situation, GATES)
    keys = ["contact", "side", "field"]
    assert again.writes.sort(keys).equals(whole.writes.sort(keys))

    chance = random.Random(seed)
    start, pieces = 0, []
    while start < PEOPLE:
        size = chance.randint(1, 200)
        pieces.append(plan(truth.contacts.slice(start, size), truth.memory, truth.situation, GATES))
        start += size
    assert pl.concat([piece.verdicts for piece in pieces]).sort("contact").equals(whole.verdicts.sort("contact"))
    assert pl.concat([piece.writes for piece in pieces]).sort(keys).equals(whole.writes.sort(keys))
