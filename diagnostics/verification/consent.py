"""Consent read anew: what no longer agrees with what the last check saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from diagnostics.causes.opt_in import OPTED_OUT_OF_ALL
from diagnostics.verification.known import Known
from diagnostics.verification.moments import moment
from diagnostics.verification.result import DIFFERENT
from engine.connection import Connection
from engine.schema import Side, SideSchema

_TAKEN_FOR_ALLOWED = ("in_sync", "pending", "conflict")


@dataclass(frozen=True)
class ConsentRule:
    """A field of a side that decides whether a person may be written to: with one of `accepted`, or with anything but
    `refused` where `accepted` is empty."""

    side: Side
    field: str
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How findings and differences name the field: `app.member_status`."""
        return f"{self.side}.{self.field}"

    @property
    def allows(self) -> pl.Expr:
        """Whether the joined pairs' fresh value allows it; null where it was not fetched."""
        value = pl.col(self.name).str.strip_chars()
        return value.is_in(self.accepted) if self.accepted else ~value.is_in(self.refused)


def consent_rules(connection: Connection, schemas: Mapping[Side, SideSchema]) -> tuple[ConsentRule, ...]:
    """The app's own status, HubSpot's opt-out of all e-mail, and the connection's opt-in property."""
    rules = []
    consent = schemas["app"].consent
    if consent is not None:
        rules.append(ConsentRule("app", consent.name, accepted=tuple(consent.accepted)))
    if OPTED_OUT_OF_ALL in schemas["hubspot"].fields:
        rules.append(ConsentRule("hubspot", OPTED_OUT_OF_ALL, refused=("true",)))
    if connection.opt_in and connection.opt_in.property:
        rules.append(ConsentRule("hubspot", connection.opt_in.property, accepted=connection.opt_in.accepted))
    return tuple(rules)


def consent_differences(joined: pl.DataFrame, rules: Sequence[ConsentRule], known: Known, began: str) -> pl.DataFrame:
    """Rows of DIFFERENT where fresh consent contradicts the last check, for pairs of `joined_pairs`.

    Withdrawn: the verdict takes the contact for allowed, the fresh value does not. Loosened: the contact is excluded
    because of exactly this field, and the fresh value allows it. In flight if the record was changed after this
    verification began (ISO 8601 in UTC), else unexplained. The side that does not hold the field has an empty value.
    """
    rows = [pl.DataFrame(schema=DIFFERENT)]
    for rule in rules:
        if rule.name not in joined.columns:
            continue
        forbidden = (
            known.forbidden.lazy().filter(pl.col("field") == rule.name).select("contact", forbidden=pl.lit(True))
        )
        withdrawn = ~rule.allows & pl.col("state").is_in(_TAKEN_FOR_ALLOWED)
        loosened = rule.allows & (pl.col("state") == "excluded") & pl.col("forbidden").fill_null(False)
        changed = moment(pl.col(f"{rule.side}_updated_at")) > moment(pl.lit(began))
        rows.append(
            joined.lazy()
            .filter("both")
            .join(forbidden.unique("contact"), on="contact", how="left")
            .filter(withdrawn | loosened)
            .select(
                "contact",
                "hubspot_id",
                "app_id",
                pl.lit(rule.name).alias("field"),
                pl.when(changed.fill_null(False))
                .then(pl.lit("in_flight"))
                .otherwise(pl.lit("unexplained"))
                .alias("class"),
                *(
                    (pl.col(rule.name) if side == rule.side else pl.lit("")).alias(f"{side}_value")
                    for side in ("hubspot", "app")
                ),
            )
            .collect()
        )
    return pl.concat(rows).unique(["contact", "field"], keep="first", maintain_order=True)
