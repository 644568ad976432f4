"""Breaks one request on the wire between a client and a server, in the way of its fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sample_data.portal import pages
from sample_data.portal.faults import Fault, Sleep, can_hit, is_listing
from sample_data.portal.invented import PAGE, SIGN_IN, send_answer, send_invented, send_page

DRIPS = 10
INVENTED = {"500_before": "500", "429_retry_after": "429", "429_then_ok": "429"}


@dataclass(frozen=True)
class Answered:
    """What a server answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass
class Wire:
    """One server's wire. `merge_away` gives a HubSpot record another id."""

    server: str
    app: ASGIApp
    sleep: Sleep
    merge_away: Callable[[str], None]
    _pages: dict[str, list[Any]] = field(default_factory=dict)
    _held: dict[str, Any] = field(default_factory=dict)

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carries a request that no fault breaks."""
        if not is_listing(self.server, scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        self._forget_before_first_page(scope)
        answered = await self._answered(scope, receive)
        body = self._with_held_item(scope["path"], answered.body)
        self._pages[scope["path"]] = pages.items(body)
        await send_answer(send, answered.status, answered.headers, body)

    async def break_request(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answers one request in the fault's way and says whether that differs from the usual answer.

        `refuse` and the time-outs raise what an httpx client sees.
        """
        kind = fault.kind
        if not can_hit(kind, self.server, scope["method"], scope["path"]):
            await self.carry(scope, receive, send)
            return False
        match kind:
            case "refuse":
                raise httpx.ConnectError("All connection attempts failed")
            case "timeout_before":
                raise httpx.ReadTimeout("")
            case "slow":
                await self.sleep(fault.seconds)
                await self.app(scope, receive, send)
            case "html":
                await send_page(send, 502, PAGE)
            case "html_200":
                await send_page(send, 200, SIGN_IN)
            case "207_mixed" | "404_after_listing":
                return await self._leave_one_out(kind, scope, receive, send)
            case "merged_meanwhile":
                return await self._merge_first(scope, receive, send)
            case "missing_items" | "duplicate_item" | "reordered" | "repeated_page" | "changing_page" | "null_results":
                return await self._distort(kind, scope, receive, send)
            case "timeout_after" | "500_after" | "truncated" | "empty_body" | "wrong_shape" | "slow_body":
                await self._after(fault, await self._answered(scope, receive), send)
            case _:
                usual = "1" if kind == "429_retry_after" else None
                await send_invented(self.server, INVENTED.get(kind, kind), fault.retry_after or usual, send)
        return True

    async def _after(self, fault: Fault, answered: Answered, send: Send) -> None:
        body = answered.body
        match fault.kind:
            case "timeout_after":
                raise httpx.ReadTimeout("")
            case "500_after":
                await send_invented(self.server, "500", fault.retry_after, send)
                return
            case "slow_body":
                await send({"type": "http.response.start", "status": answered.status, "headers": answered.headers})
                length = max(1, -(-len(body) // DRIPS))
                for start in range(0, len(body), length):
                    await self.sleep(fault.seconds / DRIPS)
                    drip = body[start : start + length]
                    await send({"type": "http.response.body", "body": drip, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                return
            case "truncated":
                body = body[: len(body) // 2]
            case "empty_body":
                body = b""
            case _:
                body = json.dumps({"data": [json.loads(body) if body else None]}, ensure_ascii=False).encode()
        await send_answer(send, answered.status, answered.headers, body)

    async def _distort(self, kind: str, scope: Scope, receive: Receive, send: Send) -> bool:
        self._forget_before_first_page(scope)
        answered = await self._answered(scope, receive)
        path, body = scope["path"], answered.body
        found = pages.items(body)
        if kind == "repeated_page":
            changed = pages.with_items(body, self._pages.get(path, found))
        elif kind == "changing_page":
            if found:
                self._held[path] = found[0]
            changed = pages.with_items(body, found[1:])
        else:
            changed = pages.distorted(kind, body)
        self._pages[path] = pages.items(changed)
        await send_answer(send, answered.status, answered.headers, changed)
        return pages.items(changed) != found or (kind == "null_results" and changed != body)

    async def _leave_one_out(self, kind: str, scope: Scope, receive: Receive, send: Send) -> bool:
        body = await _read(receive)
        request, left_out = pages.without_input(body)
        if left_out is None:
            if kind == "404_after_listing":
                await send_invented(self.server, "404", None, send)
                return True
            await self.app(scope, _given(body), send)
            return False
        answered = await self._answered(scope, _given(request))
        if answered.status >= 400:
            await send_answer(send, answered.status, answered.headers, answered.body)
            return True
        changed = pages.with_refusal(self.server, kind, answered.body, left_out)
        status = 207 if self.server == "hubspot" else answered.status
        await send_answer(send, status, answered.headers, changed)
        return True

    async def _merge_first(self, scope: Scope, receive: Receive, send: Send) -> bool:
        body = await _read(receive)
        record_id = pages.first_id(body) or scope["path"].rpartition("/")[2]
        try:
            self.merge_away(record_id)
        except KeyError:
            await self.app(scope, _given(body), send)
            return False
        await self.app(scope, _given(body), send)
        return True

    def _forget_before_first_page(self, scope: Scope) -> None:
        if scope["method"] == "GET" and not re.search(rb"(^|&)(after=[^&]|offset=[1-9])", scope["query_string"]):
            self._pages.pop(scope["path"], None)

    async def _answered(self, scope: Scope, receive: Receive) -> Answered:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answered(messages[0]["status"], list(messages[0]["headers"]), body)

    def _with_held_item(self, path: str, body: bytes) -> bytes:
        held = self._held.pop(path, None)
        if held is None:
            return body
        found = pages.items(body)
        return body if held in found else pages.with_items(body, [held, *found])


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _given(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
