"""A small connection, two sides held in dictionaries, and a workspace filled by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.connection import Connection
from engine.connectors import LastChange, Outcome, Record, Write
from engine.errors import ConfigurationError, ScopeMissing
from engine.gates import Situation
from engine.mirror import add_columns, store
from engine.runs import Run
from engine.schema import Account, ConsentField, Field, FieldType, InclusionList, Option, Side, SideSchema
from engine.situation import remember
from engine.workspace import Workspace

CHECKED_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_AGO = "2026-01-15T10:00:00Z"

HUBSPOT_FIELDS: Mapping[str, FieldType] = {
    "email": "email",
    "firstname": "text",
    "lastname": "text",
    "phone": "phone",
    "lifecyclestage": "option",
    "hs_object_source": "option",
    "hs_email_optout": "bool",
    "newsletter_opt_in": "bool",
}
APP_FIELDS: Mapping[str, FieldType] = {
    "EMAIL": "email",
    "FNAME": "text",
    "LNAME": "text",
    "PHONE": "phone",
    "STAGE": "option",
    "member_status": "option",
}


STATUS = ConsentField(
    "member_status", ("subscribed",), {"unsubscribed": "has unsubscribed", "pending": "not confirmed"}
)


def connection(**changes: object) -> Connection:
    """Five mappings, the last one to the app only and with an option map; list "Newsletter"."""
    document: dict[str, object] = {
        "name": "small",
        "format": 1,
        "hubspot": {"account": 4711001, "tier": "professional"},
        "app": {"name": "mailchimp", "audience": "a1b2c3d4e5"},
        "scope": {"list": "Newsletter"},
        "mappings": [
            {"hubspot": "email", "app": "EMAIL"},
            {"hubspot": "firstname", "app": "FNAME"},
            {"hubspot": "lastname", "app": "LNAME"},
            {"hubspot": "phone", "app": "PHONE"},
            {"hubspot": "lifecyclestage", "app": "STAGE", "direction": "to_app", "options": {"lead": "Interessent"}},
        ],
        **changes,
    }
    return Connection.model_validate(document)


def schemas() -> dict[Side, SideSchema]:
    """What both sides declare."""

    def fields(types: Mapping[str, FieldType]) -> dict[str, Field]:
        stages = (Option("lead", "Interessent"), Option("customer", "Kunde"))
        return {
            name: Field(name, name.title(), kind, stages if kind == "option" else ()) for name, kind in types.items()
        }

    portal = Account(
        "4711001", "Musterfirma", "Europe/Berlin", {"accountType": "STANDARD", "dataHostingLocation": "eu1"}
    )
    return {
        "hubspot": SideSchema("hubspot", "hubspot", portal, fields(HUBSPOT_FIELDS), "email"),
        "app": SideSchema(
            "app", "mailchimp", Account("a1b2c3d4e5", "Rundbrief"), fields(APP_FIELDS), "EMAIL", consent=STATUS
        ),
    }


def inclusion_list() -> InclusionList:
    """The list "Newsletter"."""
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    return InclusionList("101", "Newsletter", "DYNAMIC", "COMPLETE", 2, moment, moment, moment, None)


@dataclass
class FakeSide:
    """A side in memory. `on_read` runs before records are read again by id: a change that arrives in between."""

    side: Side
    app: str
    identity: str
    held: dict[str, Record] = field(default_factory=dict)
    members: list[tuple[str, str]] = field(default_factory=list)
    late: dict[str, Record] = field(default_factory=dict)
    batch_size: int = 100
    access: str = ""
    first_answer_at: datetime | None = None
    asked: list[str] = field(default_factory=list)
    deleted_list: bool = False
    refusal: ScopeMissing | None = None

    def put(self, id: str, created_at: str = LONG_AGO, updated_at: str = LONG_AGO, **values: str) -> None:
        """Adds or replaces a record; fields not given are explicitly empty, a member is subscribed."""
        names = HUBSPOT_FIELDS if self.side == "hubspot" else APP_FIELDS
        status = {} if self.side == "hubspot" else {"member_status": "subscribed"}
        self.held[id] = Record(id, {**dict.fromkeys(names, ""), **status, **values}, created_at, updated_at)

    def change(self, id: str, updated_at: str = "", **values: str) -> None:
        """Changes values behind everyone's back."""
        old = self.held[id]
        self.held[id] = Record(id, {**old.values, **values}, old.created_at, updated_at or old.updated_at)

    async def describe(self) -> SideSchema:
        return schemas()[self.side]

    async def records(self, fields: Sequence[str]) -> AsyncIterator[list[Record]]:
        every = list(self.held.values())
        for start in range(0, len(every), 2):
            yield [_only(record, fields) for record in every[start : start + 2]]

    async def changes(self, fields: Sequence[str], since: datetime, until: datetime) -> AsyncIterator[list[Record]]:
        raise AssertionError("verification reads everything")
        yield []

    async def count(self) -> int | None:
        return len(self.held)

    async def read(self, ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        self.asked += ids
        self.held |= self.late
        return [_only(self.held[id], fields) for id in ids if id in self.held]

    async def resolve(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        return {record.id: record for record in await self.read(ids, fields)}

    async def gone_for_good(self, ids: Sequence[str]) -> frozenset[str]:
        return frozenset()

    async def find(self, emails: Sequence[str], fields: Sequence[str]) -> list[Record]:
        self.held |= self.late
        wanted = {email.lower() for email in emails}
        return [_only(held, fields) for held in self.held.values() if held.values[self.identity].lower() in wanted]

    async def write(self, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        raise AssertionError("verification never writes")

    async def inclusion_list(self, reference: str) -> InclusionList:
        if self.refusal:
            raise self.refusal
        if reference != "Newsletter":
            raise ConfigurationError("there is no such list")
        return replace(inclusion_list(), deleted_at=CHECKED_AT) if self.deleted_list else inclusion_list()

    async def lists(self, ids: Sequence[str]) -> Mapping[str, InclusionList]:
        raise AssertionError("the criteria name no other list")

    async def list_members(self, list_id: str) -> AsyncIterator[list[tuple[str, str]]]:
        assert list_id == "101"
        for member in self.members:
            yield [member]

    async def history(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, LastChange]]:
        """Nothing is known."""
        del ids, fields
        return {}

    async def subscriptions(self, emails: Sequence[str], subscription: str) -> Mapping[str, str]:
        raise AssertionError("no subscription rule is configured")


def _only(record: Record, fields: Sequence[str]) -> Record:
    values = {name: record.values[name] for name in fields if name in record.values}
    return Record(record.id, values, record.created_at, record.updated_at)


class SmallWorld:
    """Both sides, a workspace with one finished check, and ways to fill them."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder / "small.sqlite")
        self.hubspot = FakeSide("hubspot", "hubspot", "email")
        self.app = FakeSide("app", "mailchimp", "EMAIL")
        check = Run(self.workspace, "check", now=lambda: CHECKED_AT)
        check.finish("done", 0)
        self.check = check.id
        self.run = Run(self.workspace, "verify", now=lambda: NOW)

    def sql(self, statement: str, *parameters: object) -> int:
        """One committed statement; gives the new row's id."""
        with self.workspace.transaction() as sql:
            return int(sql.execute(statement, parameters).lastrowid or 0)

    def contact(
        self,
        hubspot_id: str | None,
        app_id: str | None,
        state: str = "in_sync",
        cause: str = "",
        email: str = "",
        name: str = "",
    ) -> int:
        """A contact of the last check with its verdict; linked if it has both ids."""
        anchor = f"h:{hubspot_id}" if hubspot_id else f"a:{app_id}"
        linked = LONG_AGO if hubspot_id and app_id else None
        contact = self.sql(
            "INSERT INTO contact(anchor, hubspot_id, app_id, linked_at, email, name) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            anchor, hubspot_id, app_id, linked, email, name,
        )  # fmt: skip
        if state:
            self.sql(
                "INSERT INTO verdict(contact_id, state, cause, since_run, run_id) VALUES (?, ?, ?, ?, ?)",
                contact, state, cause, self.check, self.check,
            )  # fmt: skip
            self.sql("INSERT OR IGNORE INTO examination(run_id, at, contacts) VALUES (?, ?, 1)", self.check, LONG_AGO)
        return contact

    def pair(self, number: str, state: str = "in_sync", cause: str = "", **values: str) -> int:
        """A pair `h<number>`/`a<number>` with equal values on both sides, in the list."""
        email = values.pop("email", f"person{number}@firma.example")
        first, last, phone = (values.pop(key, default) for key, default in
                              (("first", "Ada"), ("last", "Beispiel"), ("phone", "+49 30 1234567")))  # fmt: skip
        self.hubspot.put(f"h{number}", email=email, firstname=first, lastname=last, phone=phone, lifecyclestage="lead")
        self.app.put(f"a{number}", EMAIL=email, FNAME=first, LNAME=last, PHONE=phone, STAGE="Interessent")
        self.hubspot.members.append((f"h{number}", LONG_AGO))
        return self.contact(f"h{number}", f"a{number}", state, cause, email)

    def hubspot_only(self, number: str, state: str, cause: str = "", email: str | None = None) -> int:
        """A HubSpot contact in the list, without a counterpart."""
        address = f"person{number}@firma.example" if email is None else email
        self.hubspot.put(f"h{number}", email=address, firstname="Ada")
        self.hubspot.members.append((f"h{number}", LONG_AGO))
        return self.contact(f"h{number}", None, state, cause, address)

    def finding(self, contact: int, code: str, **more: object) -> None:
        """A blocking finding of the last check."""
        row = {"field": "", "state": "failing", "blocking": 1, "value": "", "rule": "", **more}
        self.sql(
            "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            contact, code, row["field"], row["state"], row["blocking"], row["value"], row["rule"],
            self.check, self.check,
        )  # fmt: skip

    def examined(self, configured: Connection | None = None, **unavailable: str) -> None:
        """Remembers what both sides declared, as the last check did."""
        situation = Situation(configured or connection(), schemas(), inclusion_list(), CHECKED_AT, 2, unavailable)
        self.run.now = lambda: CHECKED_AT
        remember(self.run, situation)
        self.run.now = lambda: NOW

    def mirrored(self) -> None:
        """Copies both sides into the workspace's mirror."""
        for side in (self.hubspot, self.app):
            fields = list(schemas()[side.side].fields)
            add_columns(self.workspace, side.side, fields)
            store(self.workspace, schemas()[side.side], list(side.held.values()), fields, self.check)
