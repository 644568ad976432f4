"""Batch endpoints: up to 100 inputs, 207 where each input carries its own trace id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.contact_routes import READ, WRITE, contact_paths, read_record
from sample_data.portal.hubspot.contacts import Contacts
from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply, object_input
from sample_data.portal.hubspot.errors import ApiError, bad_request
from sample_data.portal.hubspot.writing import Writer
from sample_data.portal.limits import PortalLimits
from sample_data.portal.moments import iso_milliseconds

MISSING = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."

Write = Callable[[Call, dict[str, Any]], dict[str, Any] | None]


class BatchEndpoints:
    """Handlers over one store of contacts."""

    def __init__(self, contacts: Contacts, writer: Writer, limits: PortalLimits) -> None:
        self._contacts = contacts
        self._writer = writer
        self._limits = limits

    def routes(self, gateway: Gateway) -> list[Route]:
        """All routes of this file."""
        return [
            *gateway.routes("POST", contact_paths("/batch/read"), self.read, READ),
            *gateway.routes("POST", contact_paths("/batch/create"), self.create, WRITE, writes=True),
            *gateway.routes("POST", contact_paths("/batch/update"), self.update, WRITE, writes=True),
            *gateway.routes("POST", contact_paths("/batch/upsert"), self.upsert, WRITE, writes=True),
            *gateway.routes("POST", contact_paths("/batch/archive"), self.archive, WRITE, writes=True),
        ]

    def read(self, call: Call) -> Reply:
        """The contacts of the inputs that exist; the others are named in `errors`."""
        inputs = self._inputs(call)
        names = call.fields.get("properties") or []
        history = call.fields.get("propertiesWithHistory") or []
        results: dict[str, dict[str, Any]] = {}
        each_id_answers = self._contacts.merge_regime == "both_kept"
        missing = []
        for entry in inputs:
            wanted = str(entry.get("id", ""))
            contact = self._contacts.find(wanted, call.fields.get("idProperty"), archived=call.flag("archived"))
            if contact is None:
                missing.append(wanted)
            else:
                results[wanted if each_id_answers else str(contact.id)] = read_record(
                    self._contacts, contact, names, history
                )
        return _reply(call, 200, list(results.values()), _missing(missing))

    def create(self, call: Call) -> Reply:
        """New contacts, answered in another order than they were given."""

        def write(call: Call, entry: dict[str, Any]) -> dict[str, Any]:
            given = object_input(entry.get("properties"), "properties")
            return self._writer.create(given, call.now, strict=call.strict).record()

        return self._write_all(call, write, 201)

    def update(self, call: Call) -> Reply:
        """Changed contacts; ids that do not exist are named in `errors`."""

        def write(call: Call, entry: dict[str, Any]) -> dict[str, Any] | None:
            contact = self._contacts.find(str(entry.get("id", "")), entry.get("idProperty"))
            given = object_input(entry.get("properties"), "properties")
            if contact is None:
                return None
            return self._writer.update(contact, given, call.now, strict=call.strict).record()

        return self._write_all(call, write, 200)

    def upsert(self, call: Call) -> Reply:
        """Contacts created or changed by a unique property, each with `new`."""

        def write(call: Call, entry: dict[str, Any]) -> dict[str, Any]:
            id_property, value = entry.get("idProperty"), str(entry.get("id", ""))
            if not id_property:
                raise bad_request("idProperty is required to upsert")
            given = object_input(entry.get("properties"), "properties")
            contact = self._contacts.find(value, id_property)
            if contact is None:
                given = {id_property: value, **given}
                return self._writer.create(given, call.now, strict=call.strict).record() | {"new": True}
            return self._writer.update(contact, given, call.now, strict=call.strict).record() | {"new": False}

        return self._write_all(call, write, 200)

    def archive(self, call: Call) -> Reply:
        """Archives the contacts of the inputs; unknown ids are passed over."""
        for entry in self._inputs(call):
            contact = self._contacts.by_id(str(entry.get("id", "")))
            if contact is not None:
                self._writer.archive(contact, call.now)
        return Reply(204, None)

    def _write_all(self, call: Call, write: Write, status: int) -> Reply:
        inputs = self._inputs(call)
        traces = [entry.get("objectWriteTraceId") for entry in inputs]
        traced = all(traces) and len(set(traces)) == len(traces)
        results, errors, missing = [], [], []
        for entry, trace in zip(inputs, traces, strict=True):
            try:
                record = write(call, entry)
            except ApiError as error:
                if not traced:
                    raise
                errors.append(error.batch_entry(str(trace)))
                continue
            if record is None and traced:
                errors.append(ApiError(404, MISSING, "OBJECT_NOT_FOUND").batch_entry(str(trace)))
            elif record is None:
                missing.append(str(entry.get("id", "")))
            else:
                results.append(record | ({"objectWriteTraceId": str(trace)} if trace else {}))
        if status == 201:
            results.reverse()
        return _reply(call, status, results, errors + _missing(missing))

    def _inputs(self, call: Call) -> list[dict[str, Any]]:
        inputs = call.fields.get("inputs") or []
        if not isinstance(inputs, list):
            raise bad_request("Invalid input JSON: inputs must be a list")
        highest = self._limits.batch_inputs
        if len(inputs) > highest:
            raise bad_request(f"The maximum number of inputs supported in a batch request is {highest}")
        return [object_input(entry, "an input") for entry in inputs]


def _missing(ids: list[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    return [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": MISSING, "context": {"ids": ids}}]


def _reply(call: Call, status: int, results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Reply:
    at = iso_milliseconds(call.now)
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
    if errors:
        return Reply(207, body | {"numErrors": len(errors), "errors": errors})
    return Reply(status, body)
