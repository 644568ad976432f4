"""An address that somebody made up to try something."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.unwanted import by_address, local_part
from engine.gates import Population, Situation

CODE = "test-address"
_MADE_UP = local_part(r"test(?:[^\p{L}].*)?|asdf|qwerty|foo|foobar|xxx|dummy")


def _made_up(population: Population, situation: Situation) -> pl.DataFrame:
    made_up = pl.col("email_key").str.contains(_MADE_UP)
    rule = "the part before the @ is one that people use for tests"
    return by_address(CODE, population, situation, made_up, rule)


CAUSE = Cause(
    code=CODE,
    title="A test address",
    explanation="The address looks like one from a test or a careless form entry, not like a person's.",
    remedy="Delete the record, or enter the person's real address.",
    fixed_by="HubSpot admin",
    says=document.UNWANTED,
    question="b",
    test=_made_up,
)
