"""Repairs: for each cause what would answer it, applied purely to a contact's hypothetical, on which the planner decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostics.causes import (
    address_swap,
    address_taken,
    bounced,
    cause,
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
    in_doubt,
    list_criteria,
    list_deleted,
    list_empty,
    list_membership,
    list_processing,
    many_to_one,
    member_status,
    opt_in,
    plan_tier,
    required_field,
    role_address,
    set_by_others,
    testing_address,
)
from diagnostics.repairs import of_list, of_people, of_values
from diagnostics.repairs.of_refusals import REFUSED
from diagnostics.repairs.repair import Answer, Hindrance, Hypothetical, Obstacle, Repair, Stop
from engine.gates import Situation

__all__ = ["REPAIRS", "Answer", "Hypothetical", "Obstacle", "Repair", "Stop", "answer_to"]

REPAIRS: Mapping[str, Callable[[Stop, Situation], Answer]] = {
    erased.CODE: of_people.erased,
    in_doubt.CODE: of_people.in_doubt,
    direction.CODE: of_people.direction,
    many_to_one.CODE: of_people.several_for_one,
    counterpart_gone.CODE: of_people.counterpart_gone,
    plan_tier.CODE: of_people.plan_tier,
    email_missing.CODE: of_people.address_of,
    email_invalid.CODE: of_people.address_of,
    email_duplicate.CODE: of_people.shared_address,
    opt_in.CODE: of_people.opt_in,
    member_status.CODE: of_people.member_status,
    bounced.CODE: of_people.unwanted,
    testing_address.CODE: of_people.unwanted,
    role_address.CODE: of_people.unwanted,
    disposable_domain.CODE: of_people.unwanted,
    list_deleted.CODE: of_list.list_gone,
    list_processing.CODE: of_list.list_processing,
    list_empty.CODE: of_list.list_empty,
    list_criteria.CODE: of_list.list_criteria,
    list_membership.CODE: of_list.list_membership,
    required_field.CODE: of_values.left_empty,
    field_type.CODE: of_values.wrong_value,
    field_option.CODE: of_values.no_choice,
    field_format.CODE: of_values.wrong_value,
    field_length.CODE: of_values.wrong_value,
    field_range.CODE: of_values.wrong_value,
    address_swap.CODE: of_people.address_held,
    address_taken.CODE: of_people.address_held,
    field_loop.CODE: of_people.field_loop,
    set_by_others.CONFLICT.code: of_people.conflict,
    **REFUSED,
}
"""What answers a cause, by its code."""


def answer_to(stop: Stop, situation: Situation) -> Answer:
    """The repairs that answer a stop, the preferred one first, or why nobody can repair it now.

    A cause without an entry is one that no gate finds: a side that could not be read. Raises KeyError for an unknown code.
    """
    if stop.code in REPAIRS:
        return REPAIRS[stop.code](stop, situation)
    known = cause(stop.code)
    hindrance: Hindrance = "wait" if known.nature == "transient" else "grant"
    return Obstacle(hindrance, f"{known.remedy[:1].lower()}{known.remedy[1:]}".rstrip("."), known.fixed_by, stop.code)
