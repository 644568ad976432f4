"""What a contact is tied to, in sentences: its pair, and how that was found; the inclusion list, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnostics.causes.inclusion import COMPLETE, day, list_name, standing
from engine.gates import Situation

_HOW = {
    "email": "by e-mail",
    "additional e-mail": "by an additional e-mail address of the HubSpot contact",
    "created": "when one of the records was created",
}


@dataclass(frozen=True)
class Pairing:
    """The contact's two records. `by` as in `contact.linked_by` or `matched_by`; `linked_at` is None while no link is stored."""

    sentence: str
    by: str = ""
    linked_at: str | None = None


@dataclass(frozen=True)
class Membership:
    """Whether the HubSpot record is in the inclusion list; `member` is None if that could not be read. `since` is empty if HubSpot
    does not tell."""

    sentence: str
    member: bool | None
    since: str = ""


def how(by: str) -> str:
    """How two records were found to be one contact."""
    return (
        f"by the id in {by.removeprefix('id ')}" if by.startswith("id ") else _HOW.get(by, "in a way that is not known")
    )


def pairing(row: Mapping[str, Any]) -> Pairing:
    """Of a row of the table `contact`."""
    if row["linked_at"]:
        return Pairing(f"Linked {how(row['linked_by'])}, {row['linked_at']}.", row["linked_by"], row["linked_at"])
    if row["hubspot_id"] and row["app_id"]:
        return Pairing(f"Matched {how(row['matched_by'])}; the next sync links the two records.", row["matched_by"])
    return Pairing("Not matched with any record of the other side.")


def membership(contact: Mapping[str, Any], situation: Situation) -> Membership | None:
    """Of a contact as the planner sees it; None without an inclusion list, or without a HubSpot record that could be in it."""
    now = standing(situation)
    if now == "no list" or not contact["hubspot"]:
        return None
    name = list_name(situation)
    if now == "unread":
        return Membership(f"Whether it is in the list {name} could not be read.", None)
    since = contact["member_since"]
    inclusion = situation.inclusion
    further = []
    if inclusion is not None and inclusion.criteria_updated_at:
        further.append(f"the list's criteria were last edited on {day(inclusion.criteria_updated_at)}")
    if inclusion is not None and inclusion.processing_status != COMPLETE:
        further.append("HubSpot is still processing the list")
    rest = "".join(f"; {one}" for one in further)
    if since is None:
        return Membership(f"Not in the list {name}{rest}.", False)
    return Membership(
        f"In the list {name}, {f'since {since}' if since else 'since when is not told'}{rest}.", True, since
    )
