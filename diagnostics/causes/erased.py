"""Somebody who asked to be forgotten, or was deleted for good on one side."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from engine.gates import Population, Situation, found

CODE = "erased"


def _on_the_list(population: Population, situation: Situation) -> pl.DataFrame:
    return found(
        population.contacts,
        where=pl.col("erased"),
        state="excluded",
        rule="the address is on the connection's list of erased people, of which only hashes are kept",
    )


CAUSE = Cause(
    code=CODE,
    title="Erased",
    explanation="The person was forgotten by command, or a linked record was deleted for good on one side. A record that "
    "still has or again has this address is neither written nor brought back on the other side.",
    remedy="Delete the records that are left, if the person asked for it; if the person came back by their own wish, lift "
    "it with syncdoctor forget NAME ADDRESS --undo.",
    fixed_by="us",
    says=document.UNWANTED,
    question="b",
    test=_on_the_list,
)
