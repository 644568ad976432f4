"""One invented person: a HubSpot record, a Mailchimp member or both, and what has been planted in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

Shape = Literal["hubspot", "app", "pair"]

REFERENCE_TIME = datetime(2026, 10, 1, 8, 0, 0, tzinfo=UTC)
"""The moment just after the newest change in the population."""

STATE_OF_CAUSE = {
    "email-missing": "excluded",
    "email-invalid": "excluded",
    "email-duplicate": "failing",
    "opt-in": "excluded",
    "member-status": "excluded",
    "bounced": "excluded",
    "test-address": "excluded",
    "disposable-domain": "excluded",
    "list-criteria": "failing",
    "list-membership": "excluded",
    "required-field": "failing",
    "field-type": "failing",
    "field-option": "failing",
    "field-format": "failing",
    "field-length": "failing",
    "field-range": "failing",
    "conflict": "conflict",
}
"""Every cause with the state it leads to, in the order in which causes decide."""

RANK = {cause: rank for rank, cause in enumerate(STATE_OF_CAUSE)}

STAGE_CHOICES = {
    "subscriber": "Abonnent",
    "lead": "Lead",
    "opportunity": "Chance",
    "customer": "Kunde",
    "evangelist": "Fürsprecher",
}
"""HubSpot's lifecycle stages with the choices of Mailchimp's STAGE that they are mapped to."""

TAGS = {
    "email": "EMAIL",
    "firstname": "FNAME",
    "lastname": "LNAME",
    "phone": "PHONE",
    "city": "CITY",
    "country": "COUNTRY",
    "website": "WEBSITE",
    "customer_number": "CUSTNO",
    "loyalty_points": "POINTS",
    "contract_start": "CONTRACT",
    "lifecyclestage": "STAGE",
}
"""Mapped fields: HubSpot's property and Mailchimp's merge tag (EMAIL: the member's address)."""


@dataclass(frozen=True)
class Person:
    """A person as far as it is invented; each planting step gives a new one.

    `hubspot` and `member` hold values by property and by merge tag (None: no record on that side).
    `state` is what holds without any planted cause; `refusal` names the list of addresses of
    `mailchimp_audience.json` that this address goes into. `touched`: what planted faults depend on.
    """

    hubspot: Mapping[str, str] | None
    member: Mapping[str, str] | None
    state: Literal["in_sync", "pending"]
    created: datetime
    opted: datetime
    updated: datetime
    changed: datetime
    status: str = "subscribed"
    source: str = "Import"
    refusal: str = ""
    causes: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()

    @property
    def shape(self) -> Shape:
        """On which sides the person is."""
        if self.member is None:
            return "hubspot"
        return "app" if self.hubspot is None else "pair"

    def on_hubspot(self, **values: str) -> Person:
        """The same person with other values in HubSpot; nothing happens where there is no such record."""
        return self if self.hubspot is None else replace(self, hubspot={**self.hubspot, **values})

    def on_member(self, **values: str) -> Person:
        """The same person with other merge fields; nothing happens where there is no member."""
        return self if self.member is None else replace(self, member={**self.member, **values})

    def on_both(self, **values: str) -> Person:
        """The same person with the same values on every side it is on, by HubSpot's property names."""
        return self.on_hubspot(**values).on_member(**{TAGS[name]: value for name, value in values.items()})

    def value(self, name: str) -> str:
        """The mapped value by HubSpot's property name, from HubSpot where there is such a record."""
        if self.hubspot is not None:
            return self.hubspot[name]
        return (self.member or {})[TAGS[name]]

    def stopped_by(self, cause: str, touches: frozenset[str] = frozenset()) -> Person:
        """The same person with one more cause and what it depends on. Raises KeyError for an unknown cause."""
        if cause not in RANK:
            raise KeyError(cause)
        return replace(self, causes=self.causes | {cause}, touched=self.touched | touches)

    def verdict(self) -> tuple[str, str]:
        """State and cause: of all planted causes the first in the table, else the state without one."""
        if not self.causes:
            return self.state, ""
        first = min(self.causes, key=RANK.__getitem__)
        return STATE_OF_CAUSE[first], first
