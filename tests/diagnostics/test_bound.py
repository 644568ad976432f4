"""The bound that a sample gives, against exact arithmetic and by drawing."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.verification.bound import at_most


def brute(population: int, sample: int, found: int) -> int:
    """The largest number of bad ones under which finding so few is not rarer than 5 %, by going through all in fractions."""

    def so_few(bad: int) -> Fraction:
        good = population - bad
        ways = sum(comb(bad, hits) * comb(good, sample - hits) for hits in range(found + 1) if sample >= hits)
        return Fraction(ways, comb(population, sample))

    return max(bad for bad in range(found, population - sample + found + 1) if so_few(bad) >= Fraction(1, 20))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_it_is_the_exact_bound(data: st.DataObject) -> None:
    """The same as brute force in exact fractions, ties (19 of 20 drawn) included."""
    population = data.draw(st.integers(1, 60))
    sample = data.draw(st.integers(1, population))
    found = data.draw(st.integers(0, sample))
    assert at_most(population, sample, found) == brute(population, sample, found)


@pytest.mark.parametrize("population", range(1, 13))
def test_it_is_too_small_in_at_most_one_of_twenty_samples(population: int) -> None:
    """For every true number of bad ones and every sample size: the share of all samples whose bound misses is at most 5 %."""
    for sample in range(1, population + 1):
        bounds = [at_most(population, sample, found) for found in range(sample + 1)]
        for bad in range(population + 1):
            missed = sum(
                comb(bad, found) * comb(population - bad, sample - found)
                for found in range(sample + 1)
                if bounds[found] < bad
            )
            assert Fraction(missed, comb(population, sample)) <= Fraction(1, 20)


def test_known_numbers() -> None:
    """Nothing sampled says nothing; everything read is exact; a large population follows the rule of three."""
    assert at_most(48_211, 0, 0) == 48_211
    assert at_most(48_211, 48_211, 0) == 0
    assert at_most(20, 19, 0) == 1
    assert 0.0028 < at_most(48_211, 1_000, 0) / 48_211 < 0.0030
    assert 0.00299 < at_most(5_000_000, 1_000, 0) / 5_000_000 < 0.0030
    with pytest.raises(ValueError, match="3 of 2 of 10"):
        at_most(10, 2, 3)
