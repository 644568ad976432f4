"""The causes: why a contact does not sync, one file each (what servers refused: `refusals/`), in the order in which they decide."""

from __future__ import annotations

from diagnostics.causes import (
    address_swap,
    address_taken,
    bounced,
    counterpart_gone,
    direction,
    disposable_domain,
    email_duplicate,
    email_invalid,
    email_missing,
    erased,
    field_format,
    field_length,
    field_loop,
    field_option,
    field_range,
    field_type,
    idle_clauses,
    in_doubt,
    list_beyond_goal,
    list_criteria,
    list_deleted,
    list_disagreement,
    list_empty,
    list_membership,
    list_processing,
    list_stale,
    many_to_one,
    member_status,
    opt_in,
    plan_tier,
    required_field,
    role_address,
    rules_unreadable,
    testing_address,
)
from diagnostics.causes.cause import Cause, CauseGate, SideFinding
from diagnostics.causes.connection_wide import side_findings
from diagnostics.causes.refusals import REFUSALS
from diagnostics.causes.set_by_others import SET_BY_OTHERS

__all__ = ["CAUSES", "Cause", "CauseGate", "SideFinding", "cause", "side_findings"]

CAUSES: tuple[Cause, ...] = (
    erased.CAUSE,
    in_doubt.CAUSE,
    direction.CAUSE,
    many_to_one.CAUSE,
    counterpart_gone.CAUSE,
    plan_tier.CAUSE,
    email_missing.CAUSE,
    email_invalid.CAUSE,
    email_duplicate.CAUSE,
    opt_in.CAUSE,
    member_status.CAUSE,
    bounced.CAUSE,
    testing_address.CAUSE,
    role_address.CAUSE,
    disposable_domain.CAUSE,
    list_deleted.CAUSE,
    list_processing.CAUSE,
    list_empty.CAUSE,
    list_criteria.CAUSE,
    list_membership.CAUSE,
    required_field.CAUSE,
    field_type.CAUSE,
    field_option.CAUSE,
    field_format.CAUSE,
    field_length.CAUSE,
    field_range.CAUSE,
    address_swap.CAUSE,
    address_taken.CAUSE,
    field_loop.CAUSE,
    *REFUSALS,
    list_stale.CAUSE,
    list_disagreement.CAUSE,
    list_beyond_goal.CAUSE,
    idle_clauses.CAUSE,
    rules_unreadable.CAUSE,
    *SET_BY_OTHERS,
)
"""All causes: those with a gate in the order of the gates, then the ones that others set."""

_BY_CODE = {entry.code: entry for entry in CAUSES}


def cause(code: str) -> Cause:
    """The cause with this code. Raises KeyError if there is none."""
    return _BY_CODE[code]
