"""Endpoints of the communication preferences: statuses belong to an e-mail address, not to a record."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.contacts import Contacts, Source
from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply
from sample_data.portal.hubspot.errors import bad_request
from sample_data.portal.moments import iso_milliseconds
from sample_data.portal.state import normal_email

BASE = "/communication-preferences/{version}"
READ = ("communication_preferences.read", "communication_preferences.read_write")
WRITE = ("communication_preferences.write", "communication_preferences.read_write")
BATCH_READ = ("communication_preferences.statuses.batch.read", "communication_preferences.read_write")
BATCH = 100
NEVER = "1970-01-01T00:00:00.000Z"
V3_STATUSES = {"SUBSCRIBED": "SUBSCRIBED"}
V4_STATUSES = {"SUBSCRIBED": "SUBSCRIBED", "NOT_SPECIFIED": "NOT_SPECIFIED"}


class ConsentEndpoints:
    """Handlers over the statuses; opting out of everything also sets the contact's opt-out property."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts
        self._state = contacts.state

    def routes(self, gateway: Gateway) -> list[Route]:
        """All routes of this file."""
        unsubscribe_all = [f"{BASE}/statuses/{{email}}/unsubscribe-all"]
        return [
            *gateway.routes("GET", [f"{BASE}/definitions"], self.definitions, READ),
            *gateway.routes("GET", [f"{BASE}/status/email/{{email}}"], self.status_v3, READ),
            *gateway.routes("POST", [f"{BASE}/subscribe"], self.subscribe_v3, WRITE, writes=True),
            *gateway.routes("POST", [f"{BASE}/unsubscribe"], self.unsubscribe_v3, WRITE, writes=True),
            *gateway.routes("POST", [f"{BASE}/statuses/batch/read"], self.batch, BATCH_READ),
            *gateway.routes("GET", [f"{BASE}/statuses/{{email}}"], self.statuses, READ),
            *gateway.routes("POST", [f"{BASE}/statuses/{{email}}"], self.set_status, WRITE, writes=True),
            *gateway.routes("GET", unsubscribe_all, self.wide_status, READ),
            *gateway.routes("POST", unsubscribe_all, self.unsubscribe_all, WRITE, writes=True),
        ]

    def definitions(self, call: Call) -> Reply:
        """The subscription types of the account."""
        found = [
            {
                "id": number,
                "name": name,
                "description": name,
                "isActive": True,
                "isDefault": False,
                "isInternal": False,
                "createdAt": NEVER,
                "updatedAt": NEVER,
                "communicationMethod": "Email",
                "purpose": "Marketing",
            }
            for number, name in self._state.rows("SELECT id, name FROM subscription ORDER BY id")
        ]
        if call.version == "v3":
            return Reply(200, {"subscriptionDefinitions": found})
        at = iso_milliseconds(call.now)
        return Reply(200, {"status": "COMPLETE", "results": found, "startedAt": at, "completedAt": at})

    def status_v3(self, call: Call) -> Reply:
        """The statuses of an address in the words of v3."""
        email = normal_email(call.params["email"])
        statuses = [
            {
                "id": number,
                "name": name,
                "description": name,
                "status": V3_STATUSES.get(status, "NOT_SUBSCRIBED"),
                "sourceOfStatus": "SUBSCRIPTION_STATUS",
                "legalBasis": basis or None,
                "legalBasisExplanation": explanation or None,
            }
            for number, name, status, _, basis, explanation, _ in self._of(email)
        ]
        return Reply(200, {"recipient": email, "subscriptionStatuses": statuses})

    def subscribe_v3(self, call: Call) -> Reply:
        """Subscribes an address; one that opted out stays out."""
        email, number = self._subject(call, "emailAddress")
        current = {row[0]: row[2] for row in self._of(email)}.get(number)
        if current == "UNSUBSCRIBED":
            raise bad_request(f"{email} has unsubscribed and cannot be subscribed again")
        return self._set(call, email, number, "SUBSCRIBED")

    def unsubscribe_v3(self, call: Call) -> Reply:
        """Unsubscribes an address from one subscription."""
        email, number = self._subject(call, "emailAddress")
        return self._set(call, email, number, "UNSUBSCRIBED")

    def statuses(self, call: Call) -> Reply:
        """The statuses of an address on one channel."""
        self._channel(call.query.get("channel", ""))
        at = iso_milliseconds(call.now)
        results = self._statuses(normal_email(call.params["email"]))
        return Reply(200, {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at})

    def batch(self, call: Call) -> Reply:
        """The statuses of up to 100 addresses."""
        self._channel(call.query.get("channel", ""))
        inputs = call.fields.get("inputs")
        if not isinstance(inputs, list) or len(inputs) > BATCH:
            raise bad_request(f"inputs must be a list of at most {BATCH} addresses")
        results = [
            {"subscriberIdString": str(email), "statuses": self._statuses(normal_email(str(email)))} for email in inputs
        ]
        at = iso_milliseconds(call.now)
        return Reply(200, {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at})

    def set_status(self, call: Call) -> Reply:
        """Sets one status of an address; v4 and later may subscribe again."""
        self._channel(str(call.fields.get("channel", "")))
        status = str(call.fields.get("statusState", ""))
        if status not in ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"):
            raise bad_request("statusState must be SUBSCRIBED, UNSUBSCRIBED or NOT_SPECIFIED")
        number = self._subscription(call)
        return self._set(call, normal_email(call.params["email"]), number, status)

    def wide_status(self, call: Call) -> Reply:
        """Whether an address opted out of everything."""
        email = normal_email(call.params["email"])
        return Reply(200, {"status": "COMPLETE", "results": [self._wide(email)]})

    def unsubscribe_all(self, call: Call) -> Reply:
        """Opts an address out of everything."""
        email = normal_email(call.params["email"])
        for (number,) in self._state.rows("SELECT id FROM subscription"):
            self._store(call, email, number, "UNSUBSCRIBED")
        contact = self._contacts.by_email(email)
        if contact is not None:
            source = Source("COMMUNICATION_PREFERENCES")
            self._contacts.change(contact, {"hs_email_optout": "true"}, call.now, source)
        return Reply(200, {"status": "COMPLETE", "results": [self._wide(email)]})

    def _of(self, email: str) -> list[tuple[Any, ...]]:
        return self._state.rows(
            "SELECT s.id, s.name, coalesce(c.status, 'NOT_SPECIFIED'), coalesce(c.source, ''),"
            " coalesce(c.legal_basis, ''), coalesce(c.explanation, ''), coalesce(c.at, '')"
            " FROM subscription s LEFT JOIN consent c ON c.subscription = s.id AND c.email = ? ORDER BY s.id",
            email,
        )

    def _statuses(self, email: str) -> list[dict[str, Any]]:
        return [
            {
                "subscriberIdString": email,
                "channel": "EMAIL",
                "subscriptionId": int(number),
                "subscriptionName": name,
                "status": V4_STATUSES.get(status, "UNSUBSCRIBED"),
                "source": source,
                "timestamp": at or NEVER,
            }
            | ({"legalBasis": basis} if basis else {})
            | ({"legalBasisExplanation": explanation} if explanation else {})
            for number, name, status, source, basis, explanation, at in self._of(email)
        ]

    def _wide(self, email: str) -> dict[str, Any]:
        contact = self._contacts.by_email(email)
        out = contact is not None and contact.values.get("hs_email_optout") == "true"
        status = "UNSUBSCRIBED" if out else "NOT_SPECIFIED"
        return {
            "subscriberIdString": email,
            "channel": "EMAIL",
            "wideStatusType": "PORTAL_WIDE",
            "status": status,
            "timestamp": iso_milliseconds(contact.updated) if contact and out else NEVER,
        }

    def _subject(self, call: Call, name: str) -> tuple[str, str]:
        email = normal_email(str(call.fields.get(name, "")))
        if not email:
            raise bad_request(f"{name} must be given")
        return email, self._subscription(call)

    def _subscription(self, call: Call) -> str:
        number = str(call.fields.get("subscriptionId", ""))
        if self._state.row("SELECT 1 FROM subscription WHERE id = ?", number) is None:
            raise bad_request(f"Subscription {number} does not exist")
        return number

    def _channel(self, channel: str) -> None:
        if channel != "EMAIL":
            raise bad_request("channel must be EMAIL")

    def _store(self, call: Call, email: str, number: str, status: str) -> None:
        self._state.run(
            "INSERT OR REPLACE INTO consent (email, subscription, status, source, legal_basis, explanation, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            email,
            number,
            status,
            "INTEGRATION",
            str(call.fields.get("legalBasis") or ""),
            str(call.fields.get("legalBasisExplanation") or ""),
            iso_milliseconds(call.now),
        )

    def _set(self, call: Call, email: str, number: str, status: str) -> Reply:
        self._store(call, email, number, status)
        found = next(item for item in self._statuses(email) if item["subscriptionId"] == int(number))
        if call.version == "v3":
            return Reply(200, {"recipient": email, **found, "id": number, "sourceOfStatus": "SUBSCRIPTION_STATUS"})
        return Reply(200, found)
