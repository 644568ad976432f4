"""What HubSpot holds of a contact's consent now: three things that are independent of each other, and what is not read.

Unsubscribed from all e-mail (`hs_email_optout`), the status per subscription type, which belongs to the e-mail address, and
whether it is a marketing contact (`hs_marketable_status`, billing). No API sets the last one. Source: HubSpot's communication
preferences API; its knowledge base on marketing contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.connectors import ConsentSource, HubSpotSource, SubscriptionState
from engine.errors import AccessError

OPTED_OUT, MARKETING = "hs_email_optout", "hs_marketable_status"
_EMAIL = "email"
NOT_READ = "Not read: channels other than e-mail, and statuses of single brands."


@dataclass(frozen=True)
class Consent:
    """`opted_out` and `marketing` are `true`, `false` or empty (no value, or not told). `subscriptions` is None if they could not
    be read; `remarks` say what was not, and why. Explanations of a legal basis are people's own words."""

    opted_out: str
    marketing: str
    subscriptions: tuple[SubscriptionState, ...] | None
    remarks: tuple[str, ...]


async def consent_of(hubspot: HubSpotSource, record_id: str) -> Consent | None:
    """What HubSpot tells of this contact's consent; None if there is no such record. Raises nothing on a side that refuses: what
    could not be read is said."""
    try:
        found = await hubspot.read([record_id], [_EMAIL, OPTED_OUT, MARKETING])
    except AccessError as error:
        return Consent("", "", None, (f"HubSpot's record could not be read: {error.what}",))
    if not found:
        return None
    values = found[0].values
    remarks = [f"HubSpot does not tell {name}" for name in (OPTED_OUT, MARKETING) if name not in values]
    subscriptions: tuple[SubscriptionState, ...] | None = None
    email = values.get(_EMAIL, "").strip()
    if not email:
        remarks.append("the contact has no e-mail address, and subscription statuses belong to one")
    elif isinstance(hubspot, ConsentSource):
        try:
            subscriptions = tuple(await hubspot.consent(email))
        except AccessError as error:
            remarks.append(f"subscription statuses could not be read: {error.what}")
    return Consent(values.get(OPTED_OUT, ""), values.get(MARKETING, ""), subscriptions, (*remarks, NOT_READ))
