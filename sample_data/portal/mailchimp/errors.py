"""Mailchimp's error answers: problem documents with a fixed type, a title and a detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TYPE = "https://mailchimp.com/developer/marketing/docs/errors/"


@dataclass(frozen=True)
class FieldError:
    """Why one field of a member is refused; the field is a merge tag or a body field."""

    field: str
    message: str


@dataclass
class Problem(Exception):
    """An error answer. `typed`: whether the body has `type` (recorded "Member Exists" answers do not)."""

    status: int
    title: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    typed: bool = True

    def body(self, instance: str) -> dict[str, Any]:
        """The problem document as it goes over the wire."""
        body: dict[str, Any] = {"type": TYPE} if self.typed else {}
        body |= {"title": self.title, "status": self.status, "detail": self.detail, "instance": instance}
        if self.errors:
            body["errors"] = [{"field": error.field, "message": error.message} for error in self.errors]
        return body


def invalid(detail: str) -> Problem:
    """400 for a resource that cannot be used as given."""
    return Problem(400, "Invalid Resource", detail)


def invalid_fields(*errors: FieldError) -> Problem:
    """400 for body fields that are missing or wrong."""
    detail = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."
    return Problem(400, "Invalid Resource", detail, errors)


def invalid_merge_fields(errors: Sequence[FieldError]) -> Problem:
    """400 for refused merge field values."""
    return Problem(400, "Invalid Resource", "Your merge fields were invalid.", errors)


def fake_address(address: str) -> Problem:
    """400 for an address that the service takes for made up."""
    return invalid(f"{address} looks fake or invalid, please enter a real email address.")


def member_exists(address: str) -> Problem:
    """400 for an address that another member has."""
    detail = f"{address} is already a list member. Use PUT to insert or update list members."
    return Problem(400, "Member Exists", detail, typed=False)


def compliance_state(address: str) -> Problem:
    """400 for an address that may only come back by its owner's own act."""
    detail = f"{address} is in a compliance state due to unsubscribe, bounce, or compliance review"
    return Problem(400, "Member In Compliance State", f"{detail} and cannot be subscribed.")


def forgotten(address: str) -> Problem:
    """400 for an address that was permanently deleted."""
    detail = f"{address} was permanently deleted and cannot be re-imported."
    return Problem(
        400, "Forgotten Email Not Subscribed", f"{detail} The contact must re-subscribe to get back on the list."
    )


def not_found() -> Problem:
    """404."""
    return Problem(404, "Resource Not Found", "The requested resource could not be found.")


def method_not_allowed(allowed: str) -> Problem:
    """405 for a method that a resource does not have."""
    detail = "The requested method and resource are not compatible."
    detail += " See the Allow header for this resource's available methods."
    return Problem(405, "Method Not Allowed", detail, headers={"Allow": allowed})


def cannot_archive() -> Problem:
    """405 for archiving a member that is cleaned, pending or archived."""
    detail = "This list member cannot be removed."
    detail += " Can not archive a contact that is bounced, pending or archived"
    return Problem(405, "Method Not Allowed", detail, headers={"Allow": "GET, PUT"})


def key_missing() -> Problem:
    """401 without credentials."""
    return Problem(401, "API Key Missing", "Your request did not include an API key.")


def key_invalid() -> Problem:
    """401 with an unknown key."""
    detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
    return Problem(401, "API Key Invalid", detail)


def wrong_datacenter() -> Problem:
    """403 with a key that belongs to another data center."""
    return Problem(403, "Wrong Datacenter", "The API key provided is linked to a different datacenter.")


def too_many_requests() -> Problem:
    """429 beyond the number of simultaneous requests."""
    return Problem(429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections.")
