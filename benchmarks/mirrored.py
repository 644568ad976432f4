"""A workspace whose mirror holds N generated contacts on both sides, about 6 % of them with a fault."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from engine.auth.secret import Secret
from engine.connection import Connection, read_connection
from engine.connectors import Record
from engine.connectors.open import open_connectors
from engine.content import compare_by
from engine.fields import fields_to_read, same_texts
from engine.gates import Situation
from engine.mirror import add_columns, store
from engine.pairing import pair_contacts
from engine.runs import Run, utc_now
from engine.schema import SIDES, InclusionList, Side, SideSchema
from engine.situation import remember
from engine.workspace import Workspace
from sample_data import PEOPLE
from sample_data.portal import open_portal
from tui.practice import secrets, transports

RECORDS_PER_PAGE = 50_000
CITIES = ("Berlin", "Wien", "Zürich", "Hamburg", "Graz", "Bern", "Köln", "Leipzig")


def practice_connection() -> Connection:
    """The practice connection, which names the mappings and rules that are measured."""
    return read_connection(PEOPLE / "connection.toml").model_copy(update={"name": "bench"})


async def practice_declares(connection: Connection, folder: Path) -> tuple[dict[Side, SideSchema], InclusionList]:
    """Both schemas and the inclusion list as the practice portal declares them."""
    portal = open_portal(PEOPLE, folder / "portal.sqlite")

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    hubspot, app = open_connectors(
        connection,
        {side: Secret(text) for side, text in secrets(portal).items()},
        transports(portal, connection),
        on_exchange=lambda _: None,
        clock=time.monotonic,
        sleep=sleep,
        now=utc_now,
        random=random.Random(1),
    )
    inclusion = await hubspot.inclusion_list(connection.scope.list)
    return {"hubspot": await hubspot.describe(), "app": await app.describe()}, inclusion


def build(path: Path, contacts: int) -> None:
    """Makes the workspace; the same number gives the same contacts."""
    connection = practice_connection()
    schemas, inclusion = asyncio.run(practice_declares(connection, path.parent))
    with Workspace(path) as workspace:
        workspace.sql.execute("PRAGMA synchronous = OFF")
        run = Run(workspace, "build")
        also = inclusion.criteria_properties
        compare_by(workspace, same_texts(connection, schemas))
        for side in SIDES:
            fields = fields_to_read(connection, schemas, side, also)
            add_columns(workspace, side, fields)
            _fill(workspace, schemas[side], fields, contacts, run.id)
        with workspace.transaction() as sql:
            sql.execute(
                "INSERT INTO list_member(record_id, added_at) SELECT _id, '2026-01-01T00:00:00Z' FROM hubspot_contact "
                "WHERE lifecyclestage <> 'other'"
            )
        pair_contacts(workspace, schemas)
        members = int(workspace.value("SELECT count(*) FROM list_member"))
        remember(run, Situation(connection, schemas, inclusion, utc_now(), members, also_read=also))
        run.finish("done", 0)


def _fill(workspace: Workspace, schema: SideSchema, fields: list[str], contacts: int, run: int) -> None:
    records = _records(schema.side, fields, contacts)
    while page := list(islice(records, RECORDS_PER_PAGE)):
        store(workspace, schema, page, fields, run)


def _records(side: Side, fields: list[str], contacts: int) -> Iterator[Record]:
    chance = random.Random(7)
    stages = ("subscriber", "lead", "opportunity", "customer")
    labels = {"subscriber": "Abonnent", "lead": "Lead", "opportunity": "Chance", "customer": "Kunde"}
    for number in range(contacts):
        fault = chance.random()
        stage = stages[number % 4]
        email = f"person{number}@firma{number % 977}.example"
        values = {
            "firstname": f"Vorname{number % 5003}", "lastname": f"Nachname{number % 9973}", "phone": f"+49 30 {number:07d}",
            "city": CITIES[number % 8], "country": "Deutschland", "website": f"https://firma{number % 977}.example",
            "customer_number": str(10_000 + number % 89_999), "loyalty_points": str(number % 5_000),
            "contract_start": "2024-05-01", "lifecyclestage": stage, "newsletter_opt_in": "true", "email": email,
        }  # fmt: skip
        app = {
            "FNAME": values["firstname"], "LNAME": values["lastname"], "PHONE": values["phone"], "CITY": values["city"],
            "COUNTRY": "Deutschland", "WEBSITE": values["website"], "CUSTNO": values["customer_number"],
            "POINTS": values["loyalty_points"], "CONTRACT": "2024-05-01", "STAGE": labels[stage], "EMAIL": email,
        }  # fmt: skip
        status = "subscribed"
        if fault < 0.01:
            values["email"] = email = "" if side == "hubspot" else email
        elif fault < 0.02:
            values["newsletter_opt_in"] = "false"
        elif fault < 0.03:
            status = "unsubscribed"
        elif fault < 0.04:
            values["lifecyclestage"] = "other"
        elif fault < 0.05:
            values["city"] = "Bremen"
        elif fault < 0.06:
            values["website"] = "not a url"
        known = values if side == "hubspot" else app
        known_status = {name: status for name in fields if name not in known} if side == "app" else {}
        yield Record(
            f"{number + 1}" if side == "hubspot" else f"{number + 1:032x}",
            {name: known.get(name, known_status.get(name, "")) for name in fields},
            "2025-01-01T00:00:00Z",
            "2026-02-01T00:00:00Z" if side == "hubspot" else "2026-01-01T00:00:00Z",
        )
