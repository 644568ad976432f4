"""What a verification answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["passed", "failed", "not_applicable", "unknown"]

DifferenceClass = Literal[
    "in_flight",  # a side was changed while the verification read
    "filtered",  # the contact is excluded
    "failing",
    "unknown",  # the last check could not examine the contact
    "conflict",
    "pending",
    "policy",  # the direction or an earlier agreement leaves it so
    "unexplained",
]
CLASSES: tuple[DifferenceClass, ...] = (
    "in_flight", "filtered", "failing", "unknown", "conflict", "pending", "policy", "unexplained",
)  # fmt: skip


@dataclass(frozen=True)
class Missing:
    """A contact or value that should be there and is not.

    `reason_state` and `reason_cause` come from the last check's verdict; `reason_state` is `in_flight` for what came
    after that check and `unexplained` where no verdict says why. `existing` are ids of records on the target side with
    the same normalised e-mail (or, inbound, of the record that is there but does not match the filter). `fields` are
    the empty target fields. All texts are raw.
    """

    hubspot_id: str
    app_id: str
    email: str
    reason_state: str
    reason_cause: str
    existing: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    note: str = ""


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
class VerificationResult:
    """The three verifications and the count of differing values per class; only `unexplained` = 0 is success."""

    verifications: tuple[Verification, ...]
    differences: Mapping[str, int] = field(default_factory=dict)
    unexplained: int = 0

    @property
    def passed(self) -> bool:
        """No verification failed or stayed unknown, and every difference is explained."""
        return self.unexplained == 0 and all(
            verification.status in ("passed", "not_applicable") for verification in self.verifications
        )
