"""A record whose e-mail address is not valid."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.addresses import certainly_valid, invalid_addresses
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched, trimmed
from engine.gates import Population, Situation, found, nothing
from engine.schema import Side

CODE = "email-invalid"


def _not_an_address(population: Population, situation: Situation) -> pl.DataFrame:
    parts = [nothing()]
    present: tuple[tuple[Side, pl.Expr], ...] = (
        ("hubspot", pl.col("hubspot")),
        ("app", pl.col("app") & ~pl.col("hubspot")),
    )
    for side, here in present:
        field = situation.schemas[side].identity_field
        if not fetched(population, side, field):
            continue
        column = column_name(side, field)
        address = trimmed(column)
        doubtful = (
            population.contacts.lazy()
            .filter(here & (address != "") & ~certainly_valid(address))
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
