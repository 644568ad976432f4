"""The portal over real HTTP, on the loopback interface only."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from sample_data.portal.portal import Portal

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0


def serve(portal: Portal, port: int, host: str = LOOPBACK) -> None:
    """Serves /hubspot and /mailchimp until interrupted. Raises ValueError for a host that is not loopback."""
    _check(host)
    uvicorn.run(
        _broken_connections(portal.combined),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        date_header=False,
    )


@contextmanager
def serving(portal: Portal, host: str = LOOPBACK) -> Iterator[str]:
    """Serves on a free port in a thread while the block runs; gives the address, `http://127.0.0.1:PORT`."""
    _check(host)
    listener = socket.socket()
    listener.bind((host, 0))
    config = uvicorn.Config(
        _broken_connections(portal.combined), log_level="critical", access_log=False, lifespan="off", date_header=False
    )
    server = _AnnouncingServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        if not server.ready.wait(START_SECONDS):
            raise RuntimeError("the practice portal did not start")
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()


class _AnnouncingServer(uvicorn.Server):
    """A server that says when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _check(host: str) -> None:
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the practice portal is only served on the loopback interface, not on {host}")


def _broken_connections(app: ASGIApp) -> ASGIApp:
    """A fault that has no answer becomes a connection that ends in the middle of one."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except httpx.TransportError:
            headers = [(b"content-length", b"1")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})

    return broken
