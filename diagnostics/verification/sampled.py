"""Reads a drawn sample, and says what it proves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from diagnostics.verification.fresh import FreshSide, read_chosen
from diagnostics.verification.known import Known
from diagnostics.verification.outbound import EXPLAINED
from diagnostics.verification.result import Verification
from diagnostics.verification.sampling import Drawn, SampleResult
from engine.canonical import email_key
from engine.connectors import Connector, HubSpotSource
from engine.runs import Run
from engine.schema import Side, SideSchema


def chosen_contacts(known: Known, drawn: Drawn, named: Sequence[str]) -> pl.DataFrame:
    """`contact`, `hubspot_id`, `app_id` of the drawn contacts, of those looked at besides, and of those that somebody named."""
    keys = pl.DataFrame({"key": list(named)}, schema={"key": pl.String}).select(email_key(pl.col("key")))["key"]
    asked = (
        pl.col("hubspot_id").is_in(list(named))
        | pl.col("app_id").is_in(list(named))
        | email_key(pl.col("email")).is_in(keys.implode())
    )
    also = known.contacts.filter(asked) if named else known.contacts.clear()
    names = ("contact", "hubspot_id", "app_id")
    return pl.concat([drawn.contacts.select(names), also.select(names)]).unique(maintain_order=True)


async def read_sample(
    run: Run,
    known: Known,
    chosen: pl.DataFrame,
    named: Sequence[str],
    connectors: tuple[HubSpotSource, Connector],
    schemas: Mapping[Side, SideSchema],
    fields: Mapping[Side, tuple[str, ...]],
) -> tuple[FreshSide, FreshSide]:
    """Both sides with the chosen records only. Who has no record in the app by the last check is looked for there by address,
    unless its verdict says why; so is who was named by an address."""
    addresses = [who.strip() for who in named if "@" in who]
    hubspot_ids = chosen["hubspot_id"].drop_nulls().unique(maintain_order=True).to_list()
    hubspot = await read_chosen(run, connectors[0], schemas["hubspot"], fields["hubspot"], hubspot_ids, addresses)
    explained = known.contacts.filter(pl.col("state").is_in(EXPLAINED)).select("contact")
    alone = chosen.filter(pl.col("app_id").is_null()).join(explained, on="contact", how="anti").select("hubspot_id")
    sought = hubspot.records.join(alone, left_on="id", right_on="hubspot_id", how="semi").filter(pl.col("key") != "")
    app_ids = chosen["app_id"].drop_nulls().unique(maintain_order=True).to_list()
    emails = list(dict.fromkeys([*sought["email"].to_list(), *addresses]))
    return hubspot, await read_chosen(run, connectors[1], schemas["app"], fields["app"], app_ids, emails)


def within(known: Known, chosen: pl.DataFrame) -> Known:
    """What is known, of the chosen contacts only."""
    contacts = known.contacts.join(chosen, on="contact", how="semi", maintain_order="left")
    creates = known.creates.filter(pl.col("record_id").is_in(chosen["hubspot_id"].implode()))
    return replace(known, contacts=contacts, creates=creates)


def sample_result(drawn: Drawn, differences: pl.DataFrame, outbound: Verification) -> SampleResult:
    """What the drawn contacts prove of the whole population."""
    bad = differences.filter(pl.col("class") == "unexplained").select("contact").unique()
    nowhere = pl.Series(
        [row.hubspot_id for row in outbound.missing if row.reason_state == "unexplained"], dtype=pl.String
    )
    counted = drawn.contacts.filter(~pl.col("besides")).with_columns(
        bad=pl.col("contact").is_in(bad["contact"].implode())
    )
    unexplained = counted.filter(
        pl.col("bad").fill_null(False) | pl.col("hubspot_id").is_in(nowhere.implode()).fill_null(False)
    )
    return SampleResult(
        drawn.population, drawn.size, drawn.seed, unexplained.height, drawn.contacts.height - drawn.size
    )
