"""Endpoints for the account's details, its request budget, and what a token may do."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply
from sample_data.portal.hubspot.errors import bad_request
from sample_data.portal.moments import iso_milliseconds, milliseconds


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
            *gateway.routes("POST", introspect, self.introspect, public=True),
        ]

    def details(self, call: Call) -> Reply:
        """The account-info body of the data folder."""
        details: dict[str, Any] = self._gateway.account["account"]
        return Reply(200, details)

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
