"""Where the engine can be reached into: its limits, its order of writing, its merge, and the seams for saboteurs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import polars as pl

import engine.apply
import engine.connectors.hubspot
import engine.connectors.hubspot_lists
import engine.connectors.hubspot_writes
import engine.connectors.mailchimp
import engine.connectors.mailchimp_writes
import engine.cycle
import engine.http
import engine.observe
import engine.plan
from engine.connection import Connection
from engine.journal import planned_operations
from engine.memory import BASE, nothing_known
from engine.merge import differences, mapped_pairs
from engine.operations import Operation
from engine.runs import Run
from engine.schema import Account, Field, SideSchema
from tests.invariants.truth import Side


@dataclass(frozen=True)
class Limits:
    """Contacts in a page and writes in a batch. None: the engine's own."""

    page: int | None = None
    batch: int | None = None


SEAMS: Mapping[str, tuple[Any, str]] = {
    "merge": (engine.plan, "differences"),
    "pairing": (engine.observe, "pair_contacts"),
    "brake": (engine.cycle, "brake"),
    "writing": (engine.cycle, "apply"),
    "looking up": (engine.apply, "looked_up"),
    "waiting": (engine.http.AccountClient, "_told_to_wait"),
    "HubSpot's data errors": (engine.connectors.hubspot_writes, "DATA_ERRORS"),
    "Mailchimp's data errors": (engine.connectors.mailchimp_writes, "DATA_ERRORS"),
    "reading HubSpot": (engine.connectors.hubspot.HubSpotConnector, "records"),
    "reading Mailchimp": (engine.connectors.mailchimp.MailchimpConnector, "records"),
    "writing HubSpot": (engine.connectors.hubspot.HubSpotConnector, "write"),
}
"""Where the engine can be made worse on purpose: the holder and the name of what is replaced."""


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """The engine with smaller pages and batches."""
    with ExitStack() as stack:
        hubspot, lists, mailchimp = (
            engine.connectors.hubspot,
            engine.connectors.hubspot_lists,
            engine.connectors.mailchimp,
        )
        if limits.page:
            for module, name in ((hubspot, "PER_PAGE"), (lists, "MEMBERS_PER_PAGE"), (mailchimp, "PER_PAGE")):
                stack.enter_context(patch.object(module, name, limits.page))
        if limits.batch:
            for connector in (hubspot.HubSpotConnector, mailchimp.MailchimpConnector):
                stack.enter_context(patch.object(connector, "batch_size", limits.batch))
        yield


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
