"""An address that somebody made up to try something."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.unwanted import LOCAL_PART, by_address
from engine.gates import Population, Situation

CODE = "test-address"
_MADE_UP = r"(?s)\A(?:test(?:[^\p{L}].*)?|asdf|qwerty|foo|foobar|xxx|dummy)\z"


def _made_up(population: Population, situation: Situation) -> pl.DataFrame:
    made_up = population.contacts.lazy().filter(LOCAL_PART.str.contains(_MADE_UP))
    return by_address(CODE, made_up, situation, "the part before the @ is one that people use for tests")


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
