"""Answers that no server gave: what the two services say when they refuse, and what stands in for them."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import Send

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
SIGN_IN = "<!doctype html><html><head><title>Sign in</title></head><body>Sign in to use this network.</body></html>"
CORRELATION_ID = "00000000-0000-4000-8000-00000000fa17"
HUBSPOT: dict[str, tuple[int, dict[str, Any]]] = {
    "500": (500, {"message": "internal error"}),
    "503": (503, {"message": "Service unavailable"}),
    "429": (
        429,
        {
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "policyName": "TEN_SECONDLY_ROLLING",
        },
    ),
    "429_daily": (
        429,
        {"message": "You have reached your daily limit.", "errorType": "RATE_LIMIT", "policyName": "DAILY"},
    ),
    "401": (
        401,
        {
            "message": "The OAuth token used to make this call expired 1 second(s) ago.",
            "category": "EXPIRED_AUTHENTICATION",
        },
    ),
    "403_scope": (
        403,
        {
            "message": "This app hasn't been granted all required scopes to make this call.",
            "category": "MISSING_SCOPES",
            "errors": [
                {
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]},
                }
            ],
        },
    ),
    "404": (404, {"message": "resource not found", "category": "OBJECT_NOT_FOUND"}),
    "423": (423, {"message": "This resource is locked by another operation.", "category": "LOCKED"}),
    "477": (477, {"message": "This account is being moved to another hosting location."}),
}
MAILCHIMP: dict[str, tuple[int, str, str]] = {
    "500": (500, "Internal Server Error", "An unexpected internal error has occurred."),
    "503": (503, "Service Unavailable", "The service is not available."),
    "429": (429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."),
    "429_daily": (429, "Too Many Requests", "You have exceeded the limit of requests of a day."),
    "401": (401, "API Key Invalid", "Your API key may be invalid, or you've attempted to access the wrong datacenter."),
    "403_scope": (403, "User Does Not Have Access", "The user's role does not allow this."),
    "404": (404, "Resource Not Found", "The requested resource could not be found."),
    "423": (423, "Locked", "The resource is locked."),
    "477": (477, "Moved", "The account is being moved."),
}


async def send_invented(server: str, kind: str, retry_after: str | None, send: Send) -> None:
    """Sends a service's own refusal; `retry_after` goes along as a header."""
    if server == "hubspot":
        status, content = HUBSPOT[kind]
        body: dict[str, Any] = {"status": "error", "correlationId": CORRELATION_ID, **content}
        media_type = b"application/json;charset=utf-8"
    else:
        status, title, detail = MAILCHIMP[kind]
        body = {"title": title, "status": status, "detail": detail, "instance": CORRELATION_ID}
        media_type = b"application/problem+json; charset=utf-8"
    headers = [(b"content-type", media_type)]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    await send_answer(send, status, headers, json.dumps(body).encode())


async def send_page(send: Send, status: int, page: str) -> None:
    """Sends a web page."""
    await send_answer(send, status, [(b"content-type", b"text/html; charset=utf-8")], page.encode())


async def send_answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Sends an answer whose length fits its body."""
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    kept.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": body})
