"""Endpoints for lists and memberships."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.contact_routes import API_HOST
from sample_data.portal.hubspot.contacts import Contacts
from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply
from sample_data.portal.hubspot.errors import ApiError, bad_request, not_found
from sample_data.portal.limits import PortalLimits
from sample_data.portal.moments import iso_milliseconds

READ, WRITE = ("crm.lists.read",), ("crm.lists.write",)
MEMBERS, LISTS = 250, 500
ALL = "SELECT id, body, filters, deleted_at FROM list"


def _paths(tail: str) -> list[str]:
    return [f"/crm/{{version}}/lists{tail}", f"/crm/lists/{{version}}{tail}"]


class ListEndpoints:
    """Handlers over the lists; members of DYNAMIC lists follow the contacts' values."""

    def __init__(self, contacts: Contacts, limits: PortalLimits) -> None:
        self._contacts = contacts
        self._limits = limits
        self._state = contacts.state

    def routes(self, gateway: Gateway) -> list[Route]:
        """All routes of this file."""
        by_name = _paths("/object-type-id/{object}/name/{name:path}")
        return [
            *gateway.routes("GET", _paths("/") + _paths(""), self.several, READ),
            *gateway.routes("POST", _paths("/search"), self.search, READ),
            *gateway.routes("GET", by_name, self.by_name, READ),
            *gateway.routes("GET", _paths("/records/{object}/{record}/memberships"), self.of_record, READ),
            *gateway.routes("GET", _paths("/{list}"), self.one, READ),
            *gateway.routes("DELETE", _paths("/{list}"), self.delete, WRITE, writes=True),
            *gateway.routes("PUT", _paths("/{list}/restore"), self.restore, WRITE, writes=True),
            *gateway.routes("PUT", _paths("/{list}/update-list-filters"), self.change_filters, WRITE, writes=True),
            *gateway.routes("GET", _paths("/{list}/memberships"), self.members, READ),
            *gateway.routes("GET", _paths("/{list}/memberships/join-order"), self.members_by_time, READ),
            *gateway.routes("PUT", _paths("/{list}/memberships/add"), self.add, WRITE, writes=True),
            *gateway.routes("PUT", _paths("/{list}/memberships/remove"), self.remove, WRITE, writes=True),
        ]

    def several(self, call: Call) -> Reply:
        """The lists whose ids are asked for."""
        wanted = {int(text) for text in call.names("listIds") if text.isdigit()}
        rows = [row for row in self._state.rows(f"{ALL} ORDER BY id") if row[0] in wanted]
        return Reply(200, {"lists": [self._body(row, call) for row in rows]})

    def one(self, call: Call) -> Reply:
        """One list by id, deleted ones with `deletedAt`."""
        return Reply(200, {"list": self._body(self._row(call), call)})

    def by_name(self, call: Call) -> Reply:
        """The first list of a name; names are compared without case."""
        row = self._state.row(
            f"{ALL} WHERE deleted_at IS NULL AND lower(json_extract(body, '$.name')) = lower(?) ORDER BY id",
            call.params["name"],
        )
        if row is None:
            raise not_found(f"List does not exist with name {call.params['name']}.")
        return Reply(200, {"list": self._body(row, call)})

    def search(self, call: Call) -> Reply:
        """Lists by part of their name, ids and processing types."""
        given = call.fields
        count, offset = int(given.get("count") or 20), int(given.get("offset") or 0)
        if not 1 <= count <= LISTS:
            raise bad_request(f"count must be a number between 1 and {LISTS}")
        ids = {str(number) for number in given.get("listIds") or ()}
        kinds, part = given.get("processingTypes") or (), str(given.get("query") or "").lower()
        rows = self._state.rows(f"{ALL} WHERE deleted_at IS NULL ORDER BY id")
        found = [
            body
            for body in (self._body(row, call) for row in rows)
            if part in body["name"].lower()
            and (not ids or body["listId"] in ids)
            and (not kinds or body["processingType"] in kinds)
        ]
        page = [
            {**body, "additionalProperties": {"hs_list_size": str(body["size"])}}
            for body in found[offset : offset + count]
        ]
        more = offset + count < len(found)
        answer = {"offset": offset + len(page), "hasMore": more, "total": len(found), "lists": page}
        return Reply(200, answer)

    def members(self, call: Call) -> Reply:
        """Members in the order of their ids."""
        return self._members(call, "contact", "contact")

    def members_by_time(self, call: Call) -> Reply:
        """Members in the order in which they joined."""
        return self._members(call, "added, contact", "added")

    def of_record(self, call: Call) -> Reply:
        """The lists that a contact is in."""
        contact = self._contacts.by_id(call.params["record"])
        rows = self._state.rows(
            "SELECT m.list, m.first_added, m.added, l.body FROM membership m JOIN list l ON l.id = m.list"
            " WHERE m.contact = ? AND l.deleted_at IS NULL ORDER BY m.list",
            contact.id if contact else -1,
        )
        results = [
            {
                "listId": str(list_id),
                "listVersion": json.loads(body).get("listVersion", 1),
                "firstAddedTimestamp": iso_milliseconds(first),
                "lastAddedTimestamp": iso_milliseconds(last),
            }
            for list_id, first, last, body in rows
        ]
        return Reply(200, {"results": results, "total": len(results)})

    def add(self, call: Call) -> Reply:
        """Adds members to a MANUAL or SNAPSHOT list."""
        list_id, ids = self._manual(call)
        contacts = {number: self._contacts.by_id(number) for number in ids}
        present = {number: contact.id for number, contact in contacts.items() if contact}
        added = [
            number
            for number, contact_id in present.items()
            if self._state.run(
                "INSERT OR IGNORE INTO membership VALUES (?, ?, ?, ?)", list_id, contact_id, call.now, call.now
            )
        ]
        missing = [number for number in ids if number not in present]
        return Reply(200, {"recordsIdsAdded": added, "recordIdsRemoved": [], "recordIdsMissing": missing})

    def remove(self, call: Call) -> Reply:
        """Takes members out of a MANUAL or SNAPSHOT list."""
        list_id, ids = self._manual(call)
        removed = [
            number
            for number in ids
            if self._state.run("DELETE FROM membership WHERE list = ? AND contact = ?", list_id, int(number))
        ]
        return Reply(200, {"recordsIdsAdded": [], "recordIdsRemoved": removed, "recordIdsMissing": []})

    def delete(self, call: Call) -> Reply:
        """Deletes a list; it can be restored."""
        self._state.run("UPDATE list SET deleted_at = ? WHERE id = ?", call.now, self._row(call)[0])
        return Reply(204, None)

    def restore(self, call: Call) -> Reply:
        """Brings a deleted list back."""
        self._state.run("UPDATE list SET deleted_at = NULL WHERE id = ?", self._row(call)[0])
        return Reply(204, None)

    def change_filters(self, call: Call) -> Reply:
        """New criteria of a DYNAMIC list; its members follow at once."""
        row, branch = self._row(call), call.fields.get("filterBranch")
        body = json.loads(row[1])
        if body["processingType"] != "DYNAMIC" or not isinstance(branch, dict):
            raise bad_request("Only the filters of a DYNAMIC list can be updated")
        body |= {"filtersUpdatedAt": iso_milliseconds(call.now), "updatedAt": iso_milliseconds(call.now)}
        body["listVersion"] = int(body.get("listVersion", 1)) + 1
        self._state.run(
            "UPDATE list SET body = ?, filters = ? WHERE id = ?", json.dumps(body), json.dumps(branch), row[0]
        )
        self._contacts.membership.refresh_list(int(row[0]), branch, call.now)
        return Reply(200, {"updatedList": self._body(self._row(call), call)})

    def _row(self, call: Call) -> tuple[Any, ...]:
        text = call.params["list"]
        row = self._state.row(f"{ALL} WHERE id = ?", int(text)) if text.isdigit() else None
        if row is None:
            raise not_found(f"List does not exist with ID {text}.")
        return row

    def _body(self, row: tuple[Any, ...], call: Call) -> dict[str, Any]:
        list_id, text, filters, deleted = row
        size = self._state.row("SELECT count(*) FROM membership WHERE list = ?", list_id)
        body: dict[str, Any] = json.loads(text) | {"listId": str(list_id), "size": size[0] if size else 0}
        if deleted is not None:
            body["deletedAt"] = iso_milliseconds(deleted)
        if filters is not None and call.flag("includeFilters"):
            body["filterBranch"] = json.loads(filters)
        return body

    def _manual(self, call: Call) -> tuple[int, list[str]]:
        row = self._row(call)
        if json.loads(row[1])["processingType"] == "DYNAMIC":
            raise ApiError(400, "The members of a DYNAMIC list follow its filters and cannot be written")
        if not isinstance(call.body, list) or not all(str(item).isdigit() for item in call.body):
            raise bad_request("Invalid input JSON: a list of record ids is needed")
        return int(row[0]), [str(item) for item in call.body]

    def _members(self, call: Call, order: str, key: str) -> Reply:
        list_id, asked = self._row(call)[0], call.number("limit", 100, MEMBERS)
        limit = min(asked, self._limits.list_members_page)
        last = _read_cursor(call.query.get("after", ""))
        after = "contact > ?" if key == "contact" else "(added, contact) > (?, ?)"
        position = last[1:] if key == "contact" else last
        rows = self._state.rows(
            f"SELECT contact, added FROM membership WHERE list = ? AND {after} ORDER BY {order} LIMIT ?",
            list_id,
            *position,
            limit + 1,
        )
        results = [
            {"recordId": str(contact), "membershipTimestamp": iso_milliseconds(added)}
            for contact, added in rows[:limit]
        ]
        total = self._state.row("SELECT count(*) FROM membership WHERE list = ?", list_id)
        body: dict[str, Any] = {"results": results, "total": total[0] if total else 0}
        if len(rows) > limit:
            contact, added = rows[limit - 1]
            cursor = base64.urlsafe_b64encode(f"{added}:{contact}".encode()).decode()
            link = f"{API_HOST}{call.path}?limit={limit}&after={cursor}"
            body["paging"] = {"next": {"after": cursor, "link": link}}
        return Reply(200, body)


def _read_cursor(text: str) -> tuple[int, int]:
    if not text:
        return (-1, -1)
    try:
        added, contact = base64.urlsafe_b64decode(text.encode()).decode().split(":")
        return (int(added), int(contact))
    except (ValueError, binascii.Error) as error:
        raise bad_request("after must be a cursor of an earlier answer") from error
