"""Both connectors of a connection: addresses, credentials, and observed connections that never write."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from engine.auth.secret import Secret
from engine.connection import Connection
from engine.connectors import Write
from engine.connectors.hubspot import HubSpotConnector
from engine.connectors.mailchimp import MailchimpConnector
from engine.connectors.open import open_connectors
from engine.errors import ConfigurationError, CredentialsRefused
from engine.http import Exchange
from engine.schema import Side
from tests.engine.stage import Script, StandingTime, reply
from tests.sample_data.small_portal import AUDIENCE, KEY, TOKEN, open_small

SECRETS: Mapping[Side, Secret] = {"hubspot": Secret(TOKEN), "app": Secret(KEY)}


def connection(*, server: str = "practice", mode: str = "managed") -> Connection:
    """A connection to servers of that kind."""
    return Connection.model_validate(
        {
            "name": "acme",
            "format": 1,
            "mode": mode,
            "hubspot": {"server": server, "api_version": "2026-09"},
            "app": {"name": "mailchimp", "audience": AUDIENCE, "server": server},
            "mappings": [{"hubspot": "email", "app": "EMAIL"}],
        }
    )


def opened(
    wanted: Connection, transports: Mapping[Side, httpx.AsyncBaseTransport], secrets: Mapping[Side, Secret] = SECRETS
) -> tuple[HubSpotConnector, MailchimpConnector, list[Exchange]]:
    """The connectors and their log."""
    time, log = StandingTime(), list[Exchange]()
    hubspot, app = open_connectors(
        wanted, secrets, transports,
        on_exchange=log.append, clock=time.clock, sleep=time.sleep, now=time.now, random=random.Random(1),
    )  # fmt: skip
    return hubspot, app, log


async def test_practice_portal_in_process(tmp_path: Path) -> None:
    """With the portal's transports both sides answer, and both log into one place."""
    portal, _ = open_small(tmp_path)
    transports: Mapping[Side, httpx.AsyncBaseTransport] = {
        "hubspot": httpx.ASGITransport(app=portal.hubspot), "app": httpx.ASGITransport(app=portal.mailchimp),
    }  # fmt: skip
    hubspot, app, log = opened(connection(), transports)
    assert (await hubspot.describe()).account.id == "4711001"
    assert (await app.describe()).account.details["audience id"] == AUDIENCE
    assert {exchange.side for exchange in log} == {"hubspot", "app"}
    await hubspot.close()
    await app.close()


async def test_hosts_of_the_real_services() -> None:
    """Without a server the requests go to HubSpot and to the data centre of the key, over https."""
    script = Script(reply(200, {"members": [], "results": [], "total_items": 0}))
    transport = httpx.MockTransport(script)
    hubspot, app, _ = opened(connection(server=""), {"hubspot": transport, "app": transport})
    await hubspot.read(["1"], ["email"])
    assert [page async for page in app.records(["EMAIL"])] == [[], []]
    urls = [f"{request.url.scheme}://{request.url.host}{request.url.path}" for request in script.requests]
    assert urls[0].startswith("https://api.hubapi.com/crm/objects/2026-09/")
    assert urls[1] == f"https://us00.api.mailchimp.com/3.0/lists/{AUDIENCE}/members"


def test_what_is_missing_is_named() -> None:
    """A missing token names the command that stores it; a practice server needs its transport."""
    with pytest.raises(CredentialsRefused) as caught:
        opened(connection(), {}, {"hubspot": Secret(TOKEN)})
    assert "syncdoctor login acme app" in caught.value.remedy
    with pytest.raises(ConfigurationError, match="practice portal"):
        opened(connection(), {})
    with pytest.raises(ConfigurationError, match="without encryption"):
        opened(connection(server="http://api.example.com"), {})


async def test_observed_connections_never_write() -> None:
    """In observed mode every write is refused before it is sent, on both sides."""
    script = Script(reply(200, {}))
    transport = httpx.MockTransport(script)
    hubspot, app, _ = opened(connection(mode="observed"), {"hubspot": transport, "app": transport})
    writes: list[Write] = [
        Write(1, "create", None, {"email": "a@firma.example", "EMAIL": "a@firma.example"}),
        Write(2, "update", "1", {"city": "B", "CITY": "B"}),
    ]
    for write in writes:
        for side in (hubspot, app):
            with pytest.raises(ConfigurationError, match="nothing may be written"):
                await side.write([write], ["email"])
    assert script.requests == []
