"""HubSpot's error answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PropertyError:
    """Why one property value is refused: HubSpot's code, its message, and the property."""

    code: str
    message: str
    name: str


@dataclass
class ApiError(Exception):
    """An error answer: HTTP status, envelope fields, and further fields of the body."""

    status: int
    message: str
    category: str = "VALIDATION_ERROR"
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The envelope as it goes over the wire."""
        envelope: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id}
        if self.category:
            envelope["category"] = self.category
        return envelope | dict(self.extra)

    def batch_entry(self, trace_id: str) -> dict[str, Any]:
        """The entry in `errors` of a 207 answer, with the input's trace id."""
        context = {**self.extra.get("context", {}), "objectWriteTraceId": [trace_id]}
        entry = {"status": "error", "category": self.category, "message": self.message, "context": context}
        return entry | ({"errors": self.extra["errors"]} if "errors" in self.extra else {})


def invalid_properties(errors: Sequence[PropertyError], portal_id: int) -> ApiError:
    """400 for refused property values: as JSON text in the message and again in `errors`."""
    results = [
        {
            "isValid": False,
            "message": error.message,
            "error": error.code,
            "name": error.name,
            "localizedErrorMessage": error.message,
            "portalId": portal_id,
        }
        for error in errors
    ]
    text = json.dumps(results, ensure_ascii=False, separators=(",", ":"))
    details = [
        {"message": error.message, "code": error.code, "context": {"propertyName": [error.name]}} for error in errors
    ]
    return ApiError(400, f"Property values were not valid: {text}", extra={"errors": details})


def bad_request(message: str) -> ApiError:
    """400 for a request that is wrong in itself."""
    return ApiError(400, message)


def not_found(message: str = "resource not found", **context: Sequence[str]) -> ApiError:
    """404; `context` names what was looked for."""
    return ApiError(404, message, "OBJECT_NOT_FOUND", {"context": context} if context else {})


def already_exists(contact_id: int) -> ApiError:
    """409 for an e-mail address, primary or additional, that another contact has."""
    return ApiError(409, f"Contact already exists. Existing ID: {contact_id}", "CONFLICT")


def missing_scopes(any_of: Sequence[str]) -> ApiError:
    """403; any one of the named scopes would be enough."""
    message = (
        "This app hasn't been granted all required scopes to make this call. "
        "Read more about required scopes here: https://developers.hubspot.com/scopes."
    )
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(any_of)},
    }
    return ApiError(403, message, "MISSING_SCOPES", {"errors": [detail]})


def unauthenticated() -> ApiError:
    """401 without a known token."""
    return ApiError(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
        "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def expired(seconds: int, at: str) -> ApiError:
    """401 with a token that ended so many seconds ago."""
    message = f"The OAuth token used to make this call expired {seconds} second(s) ago."
    return ApiError(401, message, "EXPIRED_AUTHENTICATION", {"context": {"expire time": [at]}})


def burst_limit() -> ApiError:
    """429 of the ten-second limit of an app."""
    return _limited("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING")


def daily_limit() -> ApiError:
    """429 of the daily limit of the account."""
    return _limited("You have reached your daily limit.", "DAILY")


def search_limit() -> ApiError:
    """429 of the search limit, in the shape of the recorded answers (no policy name, no retry time)."""
    return ApiError(429, "You have reached your secondly limit.", "RATE_LIMITS")


def _limited(message: str, policy: str) -> ApiError:
    request_id = "00000000-0000-4000-8000-000000000429"
    extra = {"errorType": "RATE_LIMIT", "policyName": policy, "requestId": request_id}
    return ApiError(429, message, "", extra)
