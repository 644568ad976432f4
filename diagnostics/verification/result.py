"""What a verification answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from diagnostics.verification.sampling import SampleResult

INBOUND = "inbound"
Status = Literal["passed", "failed", "not_applicable", "unknown"]

DifferenceClass = Literal[
    "in_flight",  # a side was changed while the verification read
    "filtered",  # the contact is excluded
    "quarantined",  # a side refused this value or record, and it waits
    "failing",
    "unknown",  # the last check could not examine the contact
    "conflict",
    "pending",
    "policy",  # the direction leaves it so
    "agreed",  # only the engine's own memory says so: both values are those of the last agreement
    "unexplained",
]
CLASSES: tuple[DifferenceClass, ...] = (
    "in_flight", "filtered", "quarantined", "failing", "unknown", "conflict", "pending", "policy", "agreed",
    "unexplained",
)  # fmt: skip

DIFFERENT = pl.Schema(
    {
        "contact": pl.Int64,
        "hubspot_id": pl.String,
        "app_id": pl.String,
        "field": pl.String,
        "class": pl.String,
        "hubspot_value": pl.String,
        "app_value": pl.String,
    }
)
"""One differing value: `field` is the mapping's name, `hubspot.NAME` or `app.NAME` for a field that holds consent, or
empty where a whole record is gone; then the values say `there` and `gone`."""

NAMED_LIMIT = 1_000
"""At most so many unexplained differences are named in a result; the workspace holds them all."""


@dataclass(frozen=True)
class Unexplained:
    """Where a difference is that nothing explains; `field` as in DIFFERENT. All texts are raw."""

    hubspot_id: str
    app_id: str
    field: str


@dataclass(frozen=True)
class Missing:
    """A contact or value that should be there and is not.

    `reason_state` and `reason_cause` come from the last check's verdict; `reason_state` is `in_flight` for what came
    after that check and `unexplained` where no verdict says why. `existing` are ids of records on the target side with
    the same normalised e-mail (or, inbound, of the record that is there but does not match the filter). `fields` are
    the target fields that are empty or, for a named contact, do not hold the source's value. All texts are raw.
    """

    hubspot_id: str
    app_id: str
    email: str
    reason_state: str
    reason_cause: str
    existing: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    note: str = ""


def named_missing(rows: pl.DataFrame) -> tuple[Missing, ...]:
    """One for each row of `hubspot_id`, `app_id`, `email`, `reason`, `cause` and `existing`."""
    return tuple(
        Missing(
            hubspot_id=row["hubspot_id"],
            app_id=row["app_id"],
            email=row["email"],
            reason_state=row["reason"],
            reason_cause=row["cause"],
            existing=tuple(row["existing"]),
        )
        for row in rows.iter_rows(named=True)
    )


@dataclass(frozen=True)
class Verification:
    """One of the source document's three verifications: `outbound`, `inbound`, `update-only`.

    `expected` and `found` count contacts, for `update-only` filled fields; None where nothing could be counted.
    """

    name: str
    status: Status
    expected: int | None = None
    found: int | None = None
    missing: tuple[Missing, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Claims:
    """What became of the last check's word `in_sync`: of `looked_at` contacts with it, `equal` have equal values in all mapped
    fields, `left` differ as direction or an earlier agreement leaves them, `in_flight` were changed during the verification, and
    `broken` do not hold: a difference that nothing explains."""

    looked_at: int
    equal: int
    left: int
    in_flight: int
    broken: int


@dataclass(frozen=True)
class VerificationResult:
    """The three verifications and the count of differing values per class; only `unexplained` = 0 is success.

    `unexplained_differences` names the first 1,000 of them. `sample` is None if everything was read.
    """

    verifications: tuple[Verification, ...]
    differences: Mapping[str, int] = field(default_factory=dict)
    unexplained: int = 0
    unexplained_differences: tuple[Unexplained, ...] = ()
    claims: Claims = Claims(0, 0, 0, 0, 0)
    sample: SampleResult | None = None

    @property
    def passed(self) -> bool:
        """No verification failed or stayed unknown, and every difference is explained."""
        return self.unexplained == 0 and all(
            verification.status in ("passed", "not_applicable") for verification in self.verifications
        )
