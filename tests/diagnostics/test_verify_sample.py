"""A verification of a sample: what is drawn, read, found and said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnostics.verification.sampling import Sampling, sampling
from diagnostics.verify import VerificationResult, verify
from engine.connection import Connection
from engine.errors import ConfigurationError
from engine.runs import Run
from tests.diagnostics.small_world import LONG_AGO, NOW, SmallWorld, connection, schemas


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Forty equal pairs."""
    small = SmallWorld(tmp_path)
    small.workspace.remember("activated_at", LONG_AGO)
    for number in range(40):
        small.pair(f"{number:02}")
    yield small
    small.workspace.close()


async def sampled(
    world: SmallWorld, wanted: Sampling, configured: Connection | None = None, named: tuple[str, ...] = ()
) -> VerificationResult:
    """A verification of its own."""
    run = Run(world.workspace, "verify", now=lambda: NOW)
    return await verify(run, configured or connection(), world.hubspot, world.app, schemas(), named, wanted)


def seed_that(world: SmallWorld, *, covers: str, size: int = 10) -> int:
    """The first seed whose sample holds, or does not hold, the pair 07."""
    from diagnostics.verification.known import read_known
    from diagnostics.verification.sampling import draw

    known = read_known(world.workspace)
    for seed in range(1_000):
        drawn = draw(known, None, Sampling(seed, size)).contacts
        if ("h07" in drawn.filter(~drawn["besides"])["hubspot_id"]) == (covers == "it"):
            return seed
    raise AssertionError("no seed")


async def test_only_the_sample_is_read_and_the_same_seed_draws_it_again(world: SmallWorld) -> None:
    """Ten of forty by id on both sides, the same ten with the same seed, others with another one."""
    first = await sampled(world, Sampling(7, 10))
    asked, world.hubspot.asked = list(world.hubspot.asked), []
    again = await sampled(world, Sampling(7, 10))
    assert len(asked) == 10
    assert world.hubspot.asked == asked
    assert (first.sample, first.passed) == (again.sample, True)
    assert first.sample is not None
    assert (first.sample.population, first.sample.size, first.sample.unexplained) == (40, 10, 0)
    assert first.sample.at_most == 9
    assert first.sample.sentence() == (
        "0 unexplained of 10 sampled: with 95 % confidence at most 9 of 40 (22.5 %) differ without a reason. Seed 7."
    )
    world.hubspot.asked = []
    await sampled(world, Sampling(8, 10))
    assert world.hubspot.asked != asked
    assert {row.name: (row.expected, row.found) for row in first.verifications}["outbound"] == (10, 10)


@pytest.mark.parametrize("damage", ["changed", "deleted in the app", "deleted in HubSpot"])
async def test_planted_damage_is_found_by_the_whole_and_by_a_sample_that_covers_it(
    world: SmallWorld, damage: str
) -> None:
    """Behind the engine's back: found whole, found with a covering seed and named, not found with another one."""
    if damage == "changed":
        world.app.change("a07", LNAME="Anders")
    else:
        side = world.app if damage == "deleted in the app" else world.hubspot
        del side.held[f"{side.side[0]}07"]
    whole = await verify(world.run, connection(), world.hubspot, world.app, schemas(), ())
    assert (whole.unexplained, whole.sample) == (1, None)
    covering = await sampled(world, Sampling(seed_that(world, covers="it"), 10))
    assert covering.sample is not None
    assert (covering.sample.unexplained, covering.passed) == (1, False)
    assert covering.unexplained_differences[0].hubspot_id == "h07"
    elsewhere = await sampled(world, Sampling(seed_that(world, covers="others"), 10))
    assert elsewhere.sample is not None
    assert (elsewhere.sample.unexplained, elsewhere.passed) == (0, True)


async def test_a_duplicate_behind_the_engines_back_is_found_whole_and_by_a_sample(world: SmallWorld) -> None:
    """A second HubSpot record with the address of a linked one, in another spelling, is no contact of the app's record."""
    world.hubspot.put("h99", email="Person07@FIRMA.example")
    world.hubspot.members.append(("h99", LONG_AGO))
    whole = (await verify(world.run, connection(), world.hubspot, world.app, schemas(), ())).verifications[0]
    assert [(row.hubspot_id, row.reason_state, row.existing) for row in whole.missing] == [
        ("h99", "unexplained", ("a07",))
    ]
    for size in range(5, 41, 5):
        result = await sampled(world, Sampling(2, size))
        drawn = "h99" in {row.hubspot_id for row in result.verifications[0].missing}
        assert result.sample is not None
        assert (result.sample.unexplained, result.passed) == (int(drawn), not drawn)
    assert (await sampled(world, Sampling(2, 41))).sample.unexplained == 1  # type: ignore[union-attr]


async def test_a_member_that_no_check_has_seen_is_sampled_too(world: SmallWorld) -> None:
    """A new list member is a unit of its own, looked for by address, and missing without a reason."""
    world.hubspot.put("h99", email="neu@firma.example")
    world.hubspot.members.append(("h99", LONG_AGO))
    result = await sampled(world, Sampling(1, percent=100))
    assert result.sample is not None
    assert (result.sample.population, result.sample.size, result.sample.unexplained) == (41, 41, 1)
    world.app.put("a99", EMAIL="Neu@firma.example")
    result = await sampled(world, Sampling(1, percent=100))
    assert (result.sample.unexplained if result.sample else None) == 0


async def test_what_the_last_sync_wrote_is_looked_at_besides(world: SmallWorld) -> None:
    """A written contact that was not drawn is read and fails the verification, but does not enter the estimate."""
    contact = world.workspace.value("SELECT id FROM contact WHERE hubspot_id = 'h07'")
    synced = Run(world.workspace, "sync", now=lambda: NOW)
    world.sql(
        "INSERT INTO journal(run_id, contact_id, side, kind, record_id, state, sent, before, planned_at) "
        "VALUES (?, ?, 'app', 'update', 'a07', 'verified', '{}', '{}', ?)",
        synced.id, contact, LONG_AGO,
    )  # fmt: skip
    world.app.change("a07", LNAME="Anders")
    result = await sampled(world, Sampling(seed_that(world, covers="others"), 10))
    assert result.sample is not None
    assert (result.sample.besides, result.sample.unexplained, result.unexplained) == (1, 0, 1)
    assert not result.passed


async def test_a_named_contact_is_looked_at_whatever_was_drawn(world: SmallWorld) -> None:
    """By e-mail and by id; it does not enter the estimate. Who is nobody is said to be nobody."""
    world.app.change("a07", STAGE="Kunde")
    wanted = Sampling(seed_that(world, covers="others"), 10)
    for who in ("person07@firma.example", "h07", "a07"):
        result = await sampled(world, wanted, named=(who,))
        filled = next(row for row in result.verifications if row.name == "update-only")
        assert [row.fields for row in filled.missing] == [("app: STAGE",)]
        assert result.sample is not None
        assert (result.sample.size, result.sample.unexplained) == (10, 0)
    result = await sampled(world, wanted, named=("niemand@firma.example",))
    assert "Neither side" in result.verifications[2].missing[0].note


async def test_nobody_and_too_many(world: SmallWorld, tmp_path: Path) -> None:
    """A sample larger than the population is refused; of nobody nothing is proved."""
    with pytest.raises(ConfigurationError) as refused:
        await sampled(world, Sampling(1, 41))
    assert "40 contacts" in refused.value.what
    empty = SmallWorld(tmp_path / "empty")
    result = await sampled(empty, Sampling(1, percent=50))
    assert result.sample is not None
    assert (result.sample.population, result.sample.size, result.sample.at_most) == (0, 0, 0)
    assert not result.passed
    with pytest.raises(ConfigurationError):
        await sampled(empty, Sampling(1, 1))


async def test_the_sample_is_stored(world: SmallWorld) -> None:
    """Population, size, seed and what was found stand in the workspace."""
    result = await sampled(world, Sampling(3, 10))
    row = world.workspace.rows("SELECT population, size, seed, unexplained, besides, at_most FROM sample")[0]
    assert tuple(row) == (40, 10, 3, 0, 0, 9)
    assert result.sample is not None


@pytest.mark.parametrize("text", ["0", "-3", "0%", "101%", "%", "viele", "5 5", "", "1e3", "０", "1.5"])
def test_what_is_no_sample_is_refused(text: str) -> None:
    """Nothing, less than nothing, more than all, and words."""
    with pytest.raises(ConfigurationError):
        sampling(text, 1)


def test_sizes_are_numbers_or_shares() -> None:
    """A share is rounded up, so that it is at least one contact where there is any."""
    assert sampling("500", 1) == Sampling(1, 500)
    assert sampling(" 2.5 %", 1) == Sampling(1, percent=2.5)
    assert [sampling("1%", 1).of(number) for number in (0, 1, 100, 101)] == [0, 1, 1, 2]
