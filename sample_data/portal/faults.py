"""Faults on a schedule: the wire between a client and a server breaks in a chosen way at a chosen request."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FaultKind = Literal[
    "refuse",
    "timeout_before",
    "timeout_after",
    "500_before",
    "500_after",
    "503",
    "html",
    "truncated",
    "429",
    "429_retry_after",
    "429_daily",
    "401",
    "403_scope",
    "423",
    "477",
    "missing_items",
    "slow",
]
Sleep = Callable[[float], Awaitable[None]]

ITEM_LISTS = ("results", "members", "new_members", "updated_members", "lists")
PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
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
    "423": (423, "Locked", "The resource is locked."),
    "477": (477, "Moved", "The account is being moved."),
}


@dataclass(frozen=True)
class Fault:
    """One break. `path`: regular expression searched in the path; `nth`: which matching request, 0 for every one.

    `retry_after`: seconds, sent as `Retry-After` where an answer is invented; `seconds`: how long `slow` waits.
    """

    server: str
    method: str
    path: str
    nth: int
    kind: FaultKind
    retry_after: str | None = None
    seconds: float = 5.0

    def concerns(self, server: str, method: str, path: str) -> bool:
        """Whether a request is one that this fault counts."""
        return self.server == server and self.method == method and re.search(self.path, path) is not None


class FaultSchedule:
    """The faults of a portal and how many requests each has counted."""

    def __init__(self, faults: Sequence[Fault], sleep: Sleep) -> None:
        self._faults = list(faults)
        self._counts: Counter[int] = Counter()
        self.sleep = sleep

    def add(self, fault: Fault) -> None:
        """Adds a fault; it counts requests from now on."""
        self._faults.append(fault)

    def due(self, server: str, method: str, path: str) -> Fault | None:
        """Counts a request and returns the first fault that breaks it."""
        due: Fault | None = None
        for number, fault in enumerate(self._faults):
            if fault.concerns(server, method, path):
                self._counts[number] += 1
                if due is None and fault.nth in (0, self._counts[number]):
                    due = fault
        return due


async def break_request(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send, sleep: Sleep) -> None:
    """Answers one request in the fault's way; `refuse` and the timeouts raise what an httpx client sees."""
    kind = fault.kind
    if kind == "refuse":
        raise httpx.ConnectError("All connection attempts failed")
    if kind == "timeout_before":
        raise httpx.ReadTimeout("")
    if kind == "slow":
        await sleep(fault.seconds)
        await app(scope, receive, send)
        return
    if kind in ("timeout_after", "500_after", "truncated", "missing_items"):
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await app(scope, receive, keep)
        if kind == "timeout_after":
            raise httpx.ReadTimeout("")
        if kind == "500_after":
            await _invented(fault, "500", send)
            return
        body = b"".join(message.get("body", b"") for message in messages[1:])
        changed = body[: len(body) // 2] if kind == "truncated" else _without_an_item(body)
        await _send(send, messages[0]["status"], messages[0]["headers"], changed)
        return
    if kind == "html":
        await _send(send, 502, [(b"content-type", b"text/html; charset=utf-8")], PAGE.encode())
        return
    await _invented(fault, {"500_before": "500", "429_retry_after": "429"}.get(kind, kind), send)


async def _invented(fault: Fault, kind: str, send: Send) -> None:
    if fault.server == "hubspot":
        status, content = HUBSPOT[kind]
        body: dict[str, Any] = {"status": "error", "correlationId": CORRELATION_ID, **content}
        media_type = b"application/json;charset=utf-8"
    else:
        status, title, detail = MAILCHIMP[kind]
        body = {"title": title, "status": status, "detail": detail, "instance": CORRELATION_ID}
        media_type = b"application/problem+json; charset=utf-8"
    headers = [(b"content-type", media_type)]
    retry_after = fault.retry_after or ("1" if fault.kind == "429_retry_after" else None)
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    await _send(send, status, headers, json.dumps(body).encode())


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    kept.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": body})


def _without_an_item(body: bytes) -> bytes:
    content = json.loads(body) if body else {}
    for name in ITEM_LISTS:
        if content.get(name):
            content[name] = content[name][:-1]
            return json.dumps(content, ensure_ascii=False).encode()
    return body
