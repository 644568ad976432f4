"""Endpoints for one contact, the list of contacts, merge and permanent delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.contacts import DEFAULT_PROPERTIES, Contact, Contacts
from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply, object_input
from sample_data.portal.hubspot.errors import ApiError, bad_request, not_found
from sample_data.portal.hubspot.writing import Writer
from sample_data.portal.limits import PortalLimits

READ = ("crm.objects.contacts.read",)
WRITE = ("crm.objects.contacts.write",)
PAGE = 100
PAGE_WITH_HISTORY = 50
API_HOST = "https://api.hubapi.com"


def contact_paths(tail: str = "") -> list[str]:
    """The spellings of a contacts path, for every version."""
    return [f"/crm/{{version}}/objects/{{object}}{tail}", f"/crm/objects/{{version}}/{{object}}{tail}"]


def read_record(contacts: Contacts, contact: Contact, names: Sequence[str], history: Sequence[str]) -> dict[str, Any]:
    """A record with the wanted properties: unknown names are dropped, the defaults always there."""
    known = [name for name in (*names, *history) if contacts.schema.known(name)]
    wanted = known if names else [*known, *DEFAULT_PROPERTIES]
    record = contact.record([*wanted, "createdate", "hs_object_id", "lastmodifieddate"])
    if history:
        record["propertiesWithHistory"] = contacts.history(contact, history)
    return record


class ContactEndpoints:
    """Handlers over one store of contacts."""

    def __init__(self, contacts: Contacts, writer: Writer, limits: PortalLimits) -> None:
        self._contacts = contacts
        self._writer = writer
        self._limits = limits

    def routes(self, gateway: Gateway) -> list[Route]:
        """All routes of this file."""
        one = contact_paths("/{id}")
        return [
            *gateway.routes("GET", contact_paths(), self.list, READ),
            *gateway.routes("POST", contact_paths(), self.create, WRITE, writes=True),
            *gateway.routes("POST", contact_paths("/merge"), self.merge, WRITE, writes=True),
            *gateway.routes("POST", contact_paths("/gdpr-delete"), self.purge, WRITE, writes=True),
            *gateway.routes("GET", one, self.read, READ),
            *gateway.routes("PATCH", one, self.update, WRITE, writes=True),
            *gateway.routes("DELETE", one, self.archive, WRITE, writes=True),
        ]

    def list(self, call: Call) -> Reply:
        """A page of contacts in id order; `paging` is absent on the last one."""
        history = call.names("propertiesWithHistory")
        asked = call.number("limit", 10, PAGE_WITH_HISTORY if history else PAGE)
        limit = min(asked, self._limits.contacts_page_with_history if history else self._limits.contacts_page)
        after = call.query.get("after", "0")
        if not after.isdigit():
            raise bad_request(f"after must be a cursor of an earlier answer, was {after}")
        found = self._contacts.page(int(after), limit + 1, archived=call.flag("archived"))
        names = call.names("properties")
        body: dict[str, Any] = {
            "results": [read_record(self._contacts, contact, names, history) for contact in found[:limit]]
        }
        if len(found) > limit:
            cursor = str(found[limit].id)
            link = f"{API_HOST}{call.path}?limit={limit}&after={cursor}"
            body["paging"] = {"next": {"after": cursor, "link": link}}
        return Reply(200, body)

    def read(self, call: Call) -> Reply:
        """One contact by id, e-mail or unique property."""
        contact = self._find(call, archived=call.flag("archived"))
        history = call.names("propertiesWithHistory")
        return Reply(200, read_record(self._contacts, contact, call.names("properties"), history))

    def create(self, call: Call) -> Reply:
        """A new contact: 201 with its place."""
        given = object_input(call.fields.get("properties"), "properties")
        written = self._writer.create(given, call.now, strict=call.strict)
        record = written.record()
        return Reply(201, record, {"Location": f"{API_HOST}{call.path}/{record['id']}"})

    def update(self, call: Call) -> Reply:
        """Changed values of a contact."""
        contact = self._find(call)
        given = object_input(call.fields.get("properties"), "properties")
        return Reply(200, self._writer.update(contact, given, call.now, strict=call.strict).record())

    def archive(self, call: Call) -> Reply:
        """Archives a contact; one that is not there is as good as archived."""
        contact = self._contacts.by_id(call.params["id"])
        if contact is not None:
            self._writer.archive(contact, call.now)
        return Reply(204, None)

    def merge(self, call: Call) -> Reply:
        """Merges two contacts; which id the answer has is up to the regime."""
        pair = [str(call.fields.get(name, "")) for name in ("primaryObjectId", "objectIdToMerge")]
        primary, secondary = (self._contacts.by_id(text) for text in pair)
        if primary is None or secondary is None:
            raise not_found("Could not find the objects to merge", ids=pair)
        if primary.id == secondary.id:
            raise ApiError(400, "Cannot merge an object with itself")
        return Reply(200, self._writer.merge(primary, secondary, call.now).record(DEFAULT_PROPERTIES))

    def purge(self, call: Call) -> Reply:
        """Permanent deletion; an unknown e-mail address is blocked all the same."""
        target, id_property = str(call.fields.get("objectId", "")), call.fields.get("idProperty")
        contact = self._contacts.find(target, id_property)
        if contact is None and id_property is None:
            contact = self._contacts.by_id(target, archived=True)
        if contact is not None:
            self._writer.purge(contact, call.now)
        elif id_property == "email":
            self._contacts.block(target)
        else:
            raise not_found()
        return Reply(204, None)

    def _find(self, call: Call, *, archived: bool = False) -> Contact:
        contact = self._contacts.find(call.params["id"], call.query.get("idProperty"), archived=archived)
        if contact is None:
            raise not_found()
        return contact
