"""Endpoints for the account's details, its users, its request budget, and what a token may do."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.contact_routes import API_HOST
from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply
from sample_data.portal.hubspot.errors import bad_request
from sample_data.portal.moments import iso_milliseconds, milliseconds

OWNERS = ("crm.objects.owners.read",)
OWNERS_PAGE = 500
CONTACTS_READ = ("crm.objects.contacts.read",)
CONTACTS = 15_000_000
"""The most contacts of an account that names no other number."""


class AccountEndpoints:
    """Handlers over the account; every token may read its own account."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self, gateway: Gateway) -> list[Route]:
        """All routes of this file."""
        info = "/account-info/{version}"
        usage = [f"{info}/api-usage/daily/private-apps"]
        introspect = ["/oauth/{version}/token/introspect"]
        return [
            *gateway.routes("GET", [f"{info}/details"], self.details),
            *gateway.routes("GET", usage, self.usage),
            *gateway.routes(
                "GET",
                ["/crm/{version}/limits/records", "/crm/limits/{version}/records"],
                self.record_limits,
                CONTACTS_READ,
            ),
            *gateway.routes("GET", ["/crm/{version}/owners", "/crm/owners/{version}"], self.owners, OWNERS),
            *gateway.routes("POST", introspect, self.introspect, public=True),
        ]

    def details(self, call: Call) -> Reply:
        """The account-info body of the data folder."""
        details: dict[str, Any] = self._gateway.account["account"]
        return Reply(200, details)

    def record_limits(self, call: Call) -> Reply:
        """How many contacts there are and may be; archived ones do not count."""
        used = int(self._gateway.state.rows("SELECT count(*) FROM contact WHERE archived = 0")[0][0])
        most = int(self._gateway.account["limits"].get("contacts", CONTACTS))
        contacts = {
            "objectTypeId": "0-1",
            "singularLabel": "Contact",
            "pluralLabel": "Contacts",
            "usage": used,
            "limit": most,
            "percentage": round(100 * used / most, 3) if most else 100,
        }
        own = {"byObjectType": [], "overallLimit": 0, "overallPercentage": 0, "overallUsage": 0}
        return Reply(200, {"customObjectTypes": own, "hubspotDefinedObjectTypes": [contacts]})

    def owners(self, call: Call) -> Reply:
        """A page of the users, or of those who were deactivated; `paging` is absent on the last one."""
        limit, after = call.number("limit", 100, OWNERS_PAGE), call.query.get("after", "0")
        if not after.isdecimal():
            raise bad_request(f"after must be a cursor of an earlier answer, was {after}")
        archived, email = call.flag("archived"), call.query.get("email", "")
        found = [
            one
            for one in self._gateway.account.get("owners", [])
            if one["archived"] == archived and email in ("", one["email"])
        ]
        end = int(after) + limit
        body: dict[str, Any] = {"results": found[int(after) : end]}
        if end < len(found):
            body["paging"] = {"next": {"after": str(end), "link": f"{API_HOST}{call.path}?limit={limit}&after={end}"}}
        return Reply(200, body)

    def usage(self, call: Call) -> Reply:
        """The daily budget: used, allowed, and when it starts again."""
        entry = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": self._gateway.daily.limit,
            "currentUsage": self._gateway.daily.used,
            "collectedAt": iso_milliseconds(call.now),
            "fetchStatus": "SUCCESS",
            "resetsAt": iso_milliseconds(milliseconds(self._gateway.resets_at())),
        }
        return Reply(200, {"results": [entry]})

    def introspect(self, call: Call) -> Reply:
        """Whether a token is valid, and its scopes; static tokens are answered as well."""
        token = str(call.fields.get("token", ""))
        if not token:
            raise bad_request("token must be given as a form field")
        known = self._gateway.introspect(token, call.now)
        if known is None:
            return Reply(200, {"active": False})
        return Reply(
            200,
            {
                "active": True,
                "token_use": "access_token",
                "hub_id": self._gateway.portal_id,
                "hub_domain": "practice.example",
                "app_id": 4711,
                "client_id": "practice-client",
                "user_id": 1,
                "user": "admin@practice.example",
                "is_private_distribution": True,
                **known,
            },
        )
