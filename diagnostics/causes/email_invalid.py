"""A record whose e-mail address is not valid."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.addresses import certainly_valid, invalid_addresses
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import deciding_addresses, evidence, trimmed
from engine.gates import Population, Situation, found, nothing

CODE = "email-invalid"


def _not_an_address(population: Population, situation: Situation) -> pl.DataFrame:
    parts = [nothing()]
    for _, column, decides in deciding_addresses(population, situation):
        given = population.contacts.select("contact", column, decides=decides, address=trimmed(column))
        address = pl.col("address")
        doubtful = given.filter("decides", (address != "") & ~certainly_valid(address)).drop("decides")
        if doubtful.is_empty():
            continue
        reasons = invalid_addresses(doubtful["address"])
        wrong = doubtful.join(reasons, on="address", how="inner", maintain_order="left")
        parts.append(
            found(wrong, state="excluded", field=column, value=evidence(pl.col(column)), rule=pl.col("reason"))
        )
    return pl.concat(parts)


CAUSE = Cause(
    code=CODE,
    title="Not a valid e-mail address",
    explanation="The address does not follow the rules for e-mail addresses, or its domain cannot receive mail.",
    remedy="Correct the e-mail address; look for typing errors, blanks and missing parts.",
    fixed_by="HubSpot admin",
    says=document.IDENTIFIER,
    question="a",
    test=_not_an_address,
)
