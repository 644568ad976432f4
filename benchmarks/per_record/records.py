"""A record of each side as the mirror holds it: what a record says of itself is a constraint of its field."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from email_validator import SPECIAL_USE_DOMAIN_NAMES
from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from diagnostics.causes.addresses import ADDRESS_BYTES, why_invalid

_ATOM = r"[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_TOP = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61})?)?[a-zA-Z]"
_BEYOND_DOUBT = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}")
_RESERVED = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
EVIDENCE = 200


class Finding(NamedTuple):
    """A row of the table `finding`, without its numbers; `only_field`: the contact's other fields flow."""

    code: str
    field: str
    state: str
    blocking: bool
    value: str
    rule: str
    only_field: bool = False


def _deciding(address: str | None) -> str | None:
    if address is None:
        return None
    trimmed = address.strip()
    if not trimmed:
        raise PydanticCustomError("email-missing", "contacts are recognised by their e-mail address")
    certain = (
        _BEYOND_DOUBT.fullmatch(trimmed)
        and "--" not in trimmed
        and len(trimmed) < ADDRESS_BYTES
        and not trimmed.lower().endswith(_RESERVED)
    )
    if not certain and (reason := why_invalid(trimmed)):
        raise PydanticCustomError("email-invalid", "{reason}", {"reason": reason})
    return address


def _not_opted_out(value: str | None) -> str | None:
    if value is not None and value.strip() == "true":
        raise PydanticCustomError("opt-in", "the contact opted out of all e-mail")
    return value


Deciding = Annotated[str | None, AfterValidator(_deciding)]
"""The address by which a contact is recognised."""
OptedIn = Annotated[str, StringConstraints(pattern=r"^\s*true\s*$")]
NotOptedOut = Annotated[str | None, AfterValidator(_not_opted_out)]
NotBounced = Annotated[str, StringConstraints(pattern=r"^\s*$")] | None
Subscribed = Annotated[str, StringConstraints(pattern=r"^\s*subscribed\s*$")]


class HubSpotRecord(BaseModel):
    """A HubSpot contact. None was not fetched."""

    updated_at: str | None
    written_at: str | None
    unreadable: str
    email: Deciding
    firstname: str | None
    lastname: str | None
    phone: str | None
    city: str | None
    country: str | None
    website: str | None
    customer_number: str | None
    loyalty_points: str | None
    contract_start: str | None
    lifecyclestage: str | None
    newsletter_opt_in: OptedIn
    hs_email_optout: NotOptedOut
    hs_email_hard_bounce_reason_enum: NotBounced


class AppRecord(BaseModel):
    """A member of the app's audience. None was not fetched."""

    updated_at: str | None
    written_at: str | None
    unreadable: str
    EMAIL: str | None
    FNAME: str | None
    LNAME: str | None
    PHONE: str | None
    CITY: str | None
    COUNTRY: str | None
    WEBSITE: str | None
    CUSTNO: str | None
    POINTS: str | None
    CONTRACT: str | None
    STAGE: str | None
    member_status: Subscribed


class AppRecordAlone(AppRecord):
    """A member without a HubSpot record: its own address decides."""

    EMAIL: Deciding


MIRROR = 3
"""So many fields of a record are the mirror's own columns; the others are the side's."""
HUBSPOT = tuple(HubSpotRecord.model_fields)
APP = tuple(AppRecord.model_fields)

_MEANINGS = {
    "unsubscribed": "has unsubscribed",
    "cleaned": "was cleaned: mail to the address came back",
    "pending": "has not confirmed the subscription yet",
    "transactional": "gets transactional mail only and never subscribed",
    "archived": "is archived",
}


def hubspot_record(values: dict[str, Any], found: list[Finding]) -> HubSpotRecord:
    """The record; what it does not meet goes to `found`."""
    try:
        return HubSpotRecord.model_validate(values)
    except ValidationError as error:
        found += [_finding("hubspot", one["type"], one["loc"][0], one["input"], one["msg"]) for one in _errors(error)]
        return HubSpotRecord.model_construct(**values)


def app_record(values: dict[str, Any], found: list[Finding], *, alone: bool) -> AppRecord:
    """The same for the app; `alone`: there is no HubSpot record."""
    model = AppRecordAlone if alone else AppRecord
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found += [_finding("app", one["type"], one["loc"][0], one["input"], one["msg"]) for one in _errors(error)]
        return model.model_construct(**values)


def _errors(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_context=False))


def _finding(side: str, kind: str, name: str, value: str | None, words: str) -> Finding:
    field, shown = f"{side}.{name}", (value or "")[:EVIDENCE]
    match name:
        case "newsletter_opt_in" if value is None:
            unread = "the opt-in property was not read, so nobody is taken for opted in"
            return Finding("opt-in", field, "unknown", True, shown, unread)
        case "newsletter_opt_in":
            return Finding("opt-in", field, "excluded", True, shown, "opted in means newsletter_opt_in is true")
        case "hs_email_hard_bounce_reason_enum":
            return Finding("bounced", field, "excluded", True, shown, "an e-mail to this address came back for good")
        case "member_status" if value is None:
            return Finding("member-status", field, "unknown", True, shown, "the status was not read")
        case "member_status":
            meaning = _MEANINGS.get(shown.strip(), "this status is not among them")
            return Finding(
                "member-status", field, "excluded", True, shown, f"Mailchimp allows subscribed only; {meaning}"
            )
        case _:
            rule = words
            if kind == "email-missing":
                rule = f"{words}, and the {'HubSpot' if side == 'hubspot' else 'Mailchimp'} record has none"
            return Finding(kind, field, "excluded", True, shown, rule)
