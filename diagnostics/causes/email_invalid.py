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
    for _, column, contacts in deciding_addresses(population, situation):
        address = trimmed(column)
        doubtful = (
            contacts.filter((address != "") & ~certainly_valid(address))
            .select("contact", column, address=address)
            .collect()
        )
        wrong = doubtful.join(invalid_addresses(doubtful["address"]), on="address", how="inner")
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
