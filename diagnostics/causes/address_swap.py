"""Two linked contacts that exchanged their addresses on one side."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.address_taken import held_addresses
from diagnostics.causes.cause import Cause

CODE = "address-swap"

CAUSE = Cause(
    code=CODE,
    title="Two contacts exchanged their addresses",
    explanation="On one side two contacts have each other's address. Neither can be written first, since each address is "
    "still held by the other record. The contacts' other fields are synced.",
    remedy="Give one of the two a third address for a while, on the side where they were exchanged; after two syncs give it "
    "the wanted one. If they are one person, merge them on both sides.",
    fixed_by="HubSpot admin",
    says=document.SAME_EMAIL,
    question="a",
    test=lambda population, situation: held_addresses(population, situation, swap=True),
)
