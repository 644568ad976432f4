"""What a sample says of everybody: an exact upper bound from the hypergeometric distribution."""

from __future__ import annotations

from math import exp, lgamma

CONFIDENCE = 95
"""Percent."""
_TIE = 1e-9
"""A probability this close to the limit counts as reaching it: rounding can only make the bound larger."""


def at_most(population: int, sample: int, found: int) -> int:
    """The most members of a population that can be bad, with 95 % confidence, if `found` of a random `sample` without
    replacement are.

    It is the largest number K for which finding so few is not rarer than 5 %: P(X <= found) >= 0.05 for X hypergeometric
    with population, K and sample. One-sided and exact; where the population is large against the sample and none was
    found, it is the "rule of three", 3 / sample. Source: Buonaccorsi 1987, "A Note on Confidence Intervals for
    Proportions in Finite Populations", The American Statistician 41 (3), 215-218. Raises ValueError for numbers that do
    not fit each other.
    """
    if not 0 <= found <= sample <= population:
        raise ValueError(f"{found} of {sample} of {population}")
    if sample == 0:
        return population
    low, high = found, population - sample + found
    while low < high:
        middle = (low + high + 1) // 2
        if _so_few(population, middle, sample, found) >= (100 - CONFIDENCE) / 100 * (1 - _TIE):
            low = middle
        else:
            high = middle - 1
    return low


def _so_few(population: int, bad: int, sample: int, found: int) -> float:
    """P(X <= found); it falls as `bad` grows."""
    whole = _log_choose(population, sample)
    fewest = max(0, sample - (population - bad))
    return sum(
        exp(_log_choose(bad, hits) + _log_choose(population - bad, sample - hits) - whole)
        for hits in range(fewest, min(found, bad) + 1)
    )


def _log_choose(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)
