"""Where the engine can be reached into: its limits, its order of writing, its merge, and the seams for saboteurs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import polars as pl

import engine.apply
import engine.connectors.hubspot
import engine.connectors.hubspot_writes
import engine.connectors.mailchimp
import engine.connectors.mailchimp_writes
import engine.cycle
import engine.http
import engine.observe
import engine.plan
import engine.release
from engine.connection import Connection
from engine.connectors.hubspot import HUBSPOT_LIMITS, HubSpotLimits
from engine.connectors.mailchimp import MAILCHIMP_LIMITS, MailchimpLimits
from engine.journal import planned_operations
from engine.memory import BASE, nothing_known
from engine.merge import differences, mapped_pairs
from engine.operations import Operation
from engine.runs import Run
from engine.schema import Account, Field, SideSchema
from sample_data.portal.limits import PortalLimits
from tests.invariants.truth import Side


@dataclass(frozen=True)
class Limits:
    """Contacts in a page, writes in a batch, results that one search gives. None: as the services have them."""

    page: int | None = None
    batch: int | None = None
    search: int | None = None

    def of_hubspot(self) -> HubSpotLimits:
        """What the engine's HubSpot side keeps to."""
        page = {"page": self.page, "search_page": self.page, "members": self.page} if self.page else {}
        return replace(HUBSPOT_LIMITS, **page, **({"batch": self.batch} if self.batch else {}))

    def of_app(self) -> MailchimpLimits:
        """What the engine's Mailchimp side keeps to."""
        page = {"page": self.page} if self.page else {}
        return replace(MAILCHIMP_LIMITS, **page, **({"batch": self.batch} if self.batch else {}))

    def of_portal(self) -> PortalLimits:
        """What the services allow."""
        return PortalLimits(search_results=self.search) if self.search else PortalLimits()


SEAMS: Mapping[str, tuple[Any, str]] = {
    "merge": (engine.plan, "differences"),
    "pairing": (engine.observe, "pair_contacts"),
    "brake": (engine.cycle, "brake"),
    "writing": (engine.release, "apply"),
    "looking up": (engine.apply, "looked_up"),
    "waiting": (engine.http.AccountClient, "_told_to_wait"),
    "HubSpot's data errors": (engine.connectors.hubspot_writes, "DATA_ERRORS"),
    "Mailchimp's data errors": (engine.connectors.mailchimp_writes, "DATA_ERRORS"),
    "changes of HubSpot": (engine.connectors.hubspot.HubSpotConnector, "changes"),
    "changes of Mailchimp": (engine.connectors.mailchimp.MailchimpConnector, "changes"),
    "writing HubSpot": (engine.connectors.hubspot.HubSpotConnector, "write"),
}
"""Where the engine can be made worse on purpose: the holder and the name of what is replaced."""


@contextmanager
def shuffled(chance: random.Random) -> Iterator[None]:
    """The engine with its planned operations in another order."""
    real = planned_operations

    def mixed(run: Run) -> list[Operation]:
        operations = real(run)
        chance.shuffle(operations)
        return operations

    with patch.object(engine.cycle, "planned_operations", mixed):
        yield


@dataclass(frozen=True)
class Meeting:
    """One field of a pair, seen from either side: values, when each record was touched, and what both held before."""

    values: Mapping[Side, str]
    touched: Mapping[Side, str]
    base: Mapping[Side, str] | None
    direction: str
    policy: str


def merged(meeting: Meeting) -> str:
    """What the engine's merge does: to_app, to_hubspot, conflict, settled, kept, or equal."""
    document = {
        "name": "pure", "format": 1, "app": {"name": "mailchimp", "audience": "a"},
        "sync": {"direction": meeting.direction, "conflicts": meeting.policy, "clock_skew_seconds": 300},
        "mappings": [{"hubspot": "motto", "app": "MOTTO"}],
    }  # fmt: skip
    connection = Connection.model_validate(document)
    names: Mapping[Side, str] = {"hubspot": "motto", "app": "MOTTO"}
    sides: tuple[Side, Side] = ("hubspot", "app")
    schemas = {
        side: SideSchema(side, side, Account("1", side), {names[side]: Field(names[side], "Motto", "text")}, "email")
        for side in sides
    }
    pairs = mapped_pairs(connection, schemas)
    row: dict[str, object] = {"contact": 1, "linked": True, "hubspot_id": "1", "app_id": "2"}
    for side in sides:
        row |= {side: True, f"{side}.{names[side]}": meeting.values[side]}
        row |= {f"{side}_updated_at": meeting.touched[side], f"{side}_written_at": None}
    contacts = pl.DataFrame([row], schema_overrides={f"{side}_written_at": pl.String() for side in sides})
    base = pl.DataFrame(schema=BASE)
    if meeting.base is not None:
        held = ("motto", meeting.base["hubspot"], meeting.base["app"], pairs[0].fingerprint)
        base = pl.DataFrame([(1, *held)], schema=BASE, orient="row")
    found = differences(contacts, nothing_known(base), connection, pairs)
    return str(found["outcome"][0]) if found.height else "equal"
