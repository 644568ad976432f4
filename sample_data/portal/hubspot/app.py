"""The HubSpot server as one Starlette application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from sample_data.portal.audit import Audit
from sample_data.portal.hubspot.account_routes import AccountEndpoints
from sample_data.portal.hubspot.batch_routes import BatchEndpoints
from sample_data.portal.hubspot.consent_routes import ConsentEndpoints
from sample_data.portal.hubspot.contact_routes import ContactEndpoints
from sample_data.portal.hubspot.contacts import Contacts, MergeRegime, Source
from sample_data.portal.hubspot.endpoint import Gateway
from sample_data.portal.hubspot.list_routes import ListEndpoints
from sample_data.portal.hubspot.membership import Membership
from sample_data.portal.hubspot.schema_routes import SchemaEndpoints
from sample_data.portal.hubspot.search import SearchEndpoint
from sample_data.portal.hubspot.validation import Schema
from sample_data.portal.hubspot.writing import Writer
from sample_data.portal.keeping import Keeping
from sample_data.portal.limits import PortalLimits
from sample_data.portal.moments import milliseconds
from sample_data.portal.state import State

BY_HAND = ("CRM_UI", "userId:1", "")
"""sourceType, sourceId and sourceLabel of an edit in the web application."""


class HubSpotServer:
    """Plays the HubSpot account of a filled state; `search_lag_seconds` delays only the search."""

    def __init__(
        self, state: State, now: Callable[[], datetime], search_lag_seconds: float, limits: PortalLimits
    ) -> None:
        self._now = now
        self._state = state
        gateway = Gateway(state, now)
        self.keeping = Keeping(state, "hubspot")
        self.schema = schema = Schema(state.document("properties"), state.document("rules"), self.keeping)
        self._contacts = Contacts(state, schema, Membership(state), round(search_lag_seconds * 1000))
        writer = Writer(self._contacts, gateway.portal_id, Audit(state))
        parts = (
            AccountEndpoints(gateway),
            SchemaEndpoints(schema),
            BatchEndpoints(self._contacts, writer, limits),
            SearchEndpoint(self._contacts, limits),
            ContactEndpoints(self._contacts, writer, limits),
            ListEndpoints(self._contacts, limits),
            ConsentEndpoints(self._contacts),
        )

        async def nothing_there(request: Request, error: Exception) -> Response:
            return gateway.not_found()

        self.let_windows_pass = gateway.let_windows_pass
        self.first_token: str = gateway.account["tokens"][0]["token"]
        self.app = Starlette(
            routes=[route for part in parts for route in part.routes(gateway)],
            exception_handlers={404: nothing_there},
        )
        self.app.router.redirect_slashes = False

    @property
    def merge_regime(self) -> MergeRegime:
        """Which id a merged contact has from now on."""
        return self._contacts.merge_regime

    @merge_regime.setter
    def merge_regime(self, regime: MergeRegime) -> None:
        self._contacts.merge_regime = regime

    def merge_away(self, record_id: str) -> None:
        """Merges a contact into a blank one as its primary, so that its values stay and its id does not."""
        now = milliseconds(self._now())
        with self._state.transaction():
            contact = self._contacts.by_id(record_id)
            if contact is None:
                raise KeyError(record_id)
            blank = self._contacts.insert({}, now, Source("CRM_UI", "userId:1"))
            self._contacts.merge(blank, contact, now)

    def change_property(self, name: str, change: Mapping[str, object]) -> None:
        """Changes or adds a property as an administrator would; see `Portal.change_property`."""
        self.schema.change(name, change)
        with self._state.transaction():
            self._state.keep_document("properties", list(self.schema.definitions.values()))
            self._state.keep_document("rules", self.schema.rules)

    def tamper(self, record_id: str, values: Mapping[str, str], origin: tuple[str, str, str] = BY_HAND) -> None:
        """Changes a contact as a person in the web application would, or whoever the origin names, without any check."""
        with self._state.transaction():
            contact = self._contacts.by_id(record_id)
            if contact is None:
                raise KeyError(record_id)
            kind, number, label = origin
            self._contacts.change(
                contact, values, milliseconds(self._now()), Source(kind, number or None, label or None)
            )
