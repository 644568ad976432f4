"""A random sample of the contacts that a verification looks at, and how it can be drawn again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from random import Random

import polars as pl

from diagnostics.verification.bound import CONFIDENCE, at_most
from diagnostics.verification.known import Known
from engine.errors import ConfigurationError

MOST_BESIDES = 100
"""So many contacts of the last sync are looked at besides the sample; a sample seldom meets them."""
LARGEST_SEED = 2**63 - 1
_SIZE = re.compile(r"(\d{1,12})|(\d{1,3}(?:\.\d{1,6})?) ?%", re.ASCII)


@dataclass(frozen=True)
class Sampling:
    """How large a sample is wanted, `size` contacts or `percent` of all, and the seed that draws it."""

    seed: int
    size: int = 0
    percent: float = 0.0

    def of(self, population: int) -> int:
        """How many contacts that are. Raises ConfigurationError if there are not so many."""
        size = self.size or min(population, ceil(population * self.percent / 100))
        if size > population:
            raise ConfigurationError(
                f"a sample of {size:,} is more than the {population:,} contacts there are",
                where="--sample",
                remedy="Leave --sample away to read everything, or give a smaller number.",
            )
        return size


def sampling(text: str, seed: int) -> Sampling:
    """The sample that a text asks for: `500`, or `2.5%`. Raises ConfigurationError for anything else."""
    matched = _SIZE.fullmatch(text.strip())
    wanted = Sampling(seed, int(matched[1] or 0), float(matched[2] or 0)) if matched else Sampling(seed)
    if not (wanted.size or 0 < wanted.percent <= 100):
        raise ConfigurationError(
            "a sample is a number of contacts or a share of them",
            where="--sample",
            remedy="Give a number from 1 on (--sample 500), or more than 0 and at most 100 percent (--sample 5%).",
        )
    return wanted


@dataclass(frozen=True)
class Drawn:
    """A drawn sample. `contacts`: the units, `contact`, `hubspot_id`, `app_id` (null where there is none), `besides`: whether
    it was not drawn but belongs to the last sync. `population`: how many the drawn ones stand for."""

    contacts: pl.DataFrame
    population: int
    seed: int

    @property
    def size(self) -> int:
        """How many were drawn."""
        return int(self.contacts.filter(~pl.col("besides")).height)


@dataclass(frozen=True)
class SampleResult:
    """What a sample says: of `size` contacts drawn from `population` with `seed`, `unexplained` have a difference that nothing
    explains, so with 95 % confidence `at_most` of all have. `besides` more were looked at, because the last sync linked or wrote
    them; they do not count here."""

    population: int
    size: int
    seed: int
    unexplained: int
    besides: int

    @property
    def at_most(self) -> int:
        """The bound, in contacts."""
        return at_most(self.population, self.size, self.unexplained)

    @property
    def confidence(self) -> int:
        """In percent."""
        return CONFIDENCE

    def sentence(self) -> str:
        """The same in words."""
        share = ceil(self.at_most * 1000 / self.population) / 10 if self.population else 0
        return (
            f"{self.unexplained:,} unexplained of {self.size:,} sampled: with {self.confidence} % confidence at most "
            f"{self.at_most:,} of {self.population:,} ({share:g} %) differ without a reason. Seed {self.seed}."
        )


def draw(known: Known, expected: pl.DataFrame | None, wanted: Sampling) -> Drawn:
    """Draws from all contacts that verification would look at: pairs, and HubSpot records that are expected in the app.

    `expected`: the list's members (`id`); None means all HubSpot contacts of the last check. The same population and seed give
    the same sample. Raises ConfigurationError for a sample larger than the population.
    """
    units = _units(known, expected)
    size = wanted.of(units.height)
    chosen = sorted(Random(wanted.seed).sample(range(units.height), size))
    drawn = units[chosen].with_columns(besides=pl.lit(False))
    rest = units.join(drawn, on=["hubspot_id", "app_id"], how="anti", nulls_equal=True, maintain_order="left")
    recent = rest.join(known.recent, on="contact", how="semi", maintain_order="left").head(MOST_BESIDES)
    return Drawn(pl.concat([drawn, recent.with_columns(besides=pl.lit(True))]), units.height, wanted.seed)


def _units(known: Known, expected: pl.DataFrame | None) -> pl.DataFrame:
    """`contact` (null for a list member that no check has seen), `hubspot_id`, `app_id`, in a fixed order."""
    pair = pl.col("hubspot_id").is_not_null() & pl.col("app_id").is_not_null()
    contacts = known.contacts.select("contact", "hubspot_id", "app_id")
    if expected is None:
        units = contacts.filter(pl.col("hubspot_id").is_not_null())
    else:
        members = expected.select(hubspot_id="id").unique()
        meant = contacts.join(members, on="hubspot_id", how="semi")
        new = members.join(contacts, on="hubspot_id", how="anti").select(
            contact=pl.lit(None, pl.Int64), hubspot_id="hubspot_id", app_id=pl.lit(None, pl.String)
        )
        units = pl.concat([contacts.filter(pair), meant, new]).unique(["hubspot_id", "app_id"])
    return units.sort("contact", "hubspot_id", nulls_last=True)
