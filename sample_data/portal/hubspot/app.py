"""The HubSpot server as one Starlette application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from sample_data.portal.hubspot.account_routes import AccountEndpoints
from sample_data.portal.hubspot.batch_routes import BatchEndpoints
from sample_data.portal.hubspot.consent_routes import ConsentEndpoints
from sample_data.portal.hubspot.contact_routes import ContactEndpoints
from sample_data.portal.hubspot.contacts import Contacts, Source
from sample_data.portal.hubspot.endpoint import Gateway
from sample_data.portal.hubspot.list_routes import ListEndpoints
from sample_data.portal.hubspot.membership import Membership
from sample_data.portal.hubspot.schema_routes import SchemaEndpoints
from sample_data.portal.hubspot.search import SearchEndpoint
from sample_data.portal.hubspot.validation import Schema
from sample_data.portal.hubspot.writing import Writer
from sample_data.portal.moments import milliseconds
from sample_data.portal.state import State


class HubSpotServer:
    """Plays the HubSpot account of a filled state; `search_lag_seconds` delays only the search."""

    def __init__(self, state: State, now: Callable[[], datetime], search_lag_seconds: float) -> None:
        self._now = now
        self._state = state
        gateway = Gateway(state, now)
        schema = Schema(state.document("properties"), state.document("rules"))
        self._contacts = Contacts(state, schema, Membership(state), round(search_lag_seconds * 1000))
        writer = Writer(self._contacts, gateway.portal_id)
        parts = (
            AccountEndpoints(gateway),
            SchemaEndpoints(schema),
            BatchEndpoints(self._contacts, writer),
            SearchEndpoint(self._contacts),
            ContactEndpoints(self._contacts, writer),
            ListEndpoints(self._contacts),
            ConsentEndpoints(self._contacts),
        )

        async def nothing_there(request: Request, error: Exception) -> Response:
            return gateway.not_found()

        self.first_token: str = gateway.account["tokens"][0]["token"]
        self.app = Starlette(
            routes=[route for part in parts for route in part.routes(gateway)],
            exception_handlers={404: nothing_there},
        )
        self.app.router.redirect_slashes = False

    def tamper(self, record_id: str, values: Mapping[str, str]) -> None:
        """Changes a contact as a person in the web application would, without any check."""
        with self._state.transaction():
            contact = self._contacts.by_id(record_id)
            if contact is None:
                raise KeyError(record_id)
            self._contacts.change(contact, values, milliseconds(self._now()), Source("CRM_UI", "userId:1"))
