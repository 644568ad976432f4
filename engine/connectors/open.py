"""Builds the two connectors of a connection from its configuration and the stored credentials."""

from __future__ import annotations

import hashlib
import random as random_numbers
import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from datetime import datetime

import httpx

from engine.auth.secret import Secret
from engine.budget import ConcurrentBudget, HubSpotBudget
from engine.connection import Connection
from engine.connectors.hubspot import HUBSPOT_LIMITS, HubSpotConnector, HubSpotLimits
from engine.connectors.mailchimp import MAILCHIMP_LIMITS, MailchimpConnector, MailchimpLimits
from engine.errors import ConfigurationError, CredentialsRefused
from engine.http import AccountClient, Exchange
from engine.schema import Side

HUBSPOT_ADDRESS = "https://api.hubapi.com"
PRACTICE = "practice"
_HANDED_IN = "http://practice.invalid"
_DATA_CENTRE = re.compile(r"-(us\d{1,3})$")


class BearerAuth(httpx.Auth):
    """`Authorization: Bearer`, put into the request only when it is sent. Both services take it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds the header."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


def open_connectors(
    connection: Connection,
    secrets: Mapping[Side, Secret],
    transports: Mapping[Side, httpx.AsyncBaseTransport],
    *,
    on_exchange: Callable[[Exchange], None],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    now: Callable[[], datetime],
    random: random_numbers.Random,
    read_only: bool = False,
    time_zone: str = "",
    hubspot_limits: HubSpotLimits = HUBSPOT_LIMITS,
    app_limits: MailchimpLimits = MAILCHIMP_LIMITS,
) -> tuple[HubSpotConnector, MailchimpConnector]:
    """HubSpot and the app, ready to use; `close` each when done.

    An observed connection is always read only. `time_zone`: the HubSpot account's as far as it is known; a reading of the
    account corrects it. `clock` gives monotonic seconds, `now` UTC. Raises CredentialsRefused
    if a side has no token or the key names no data centre, ConfigurationError for an address that must not be used
    or a practice server without a transport.
    """
    locked = read_only or connection.mode == "observed"
    hubspot_token = _token(connection, secrets, "hubspot", "HubSpot")
    app_key = _token(connection, secrets, "app", "Mailchimp")
    hubspot = AccountClient(
        "hubspot",
        "HubSpot",
        _address(connection.hubspot.server, HUBSPOT_ADDRESS, transports, "hubspot"),
        BearerAuth(hubspot_token),
        budget=HubSpotBudget(clock, sleep, now, time_zone=time_zone),
        transport=transports.get("hubspot"),
        on_exchange=on_exchange, clock=clock, sleep=sleep, now=now, random=random, read_only=locked,
    )  # fmt: skip
    usual = "" if connection.app.server else mailchimp_address(app_key)
    app = AccountClient(
        "app",
        "Mailchimp",
        _address(connection.app.server, usual, transports, "app"),
        BearerAuth(app_key),
        budget=ConcurrentBudget(),
        transport=transports.get("app"),
        on_exchange=on_exchange, clock=clock, sleep=sleep, now=now, random=random, read_only=locked,
    )  # fmt: skip
    return (
        HubSpotConnector(
            hubspot, connection.hubspot.api_version, hubspot_token, access=_access(connection.hubspot.server, hubspot_token),
            limits=hubspot_limits,
        ),
        MailchimpConnector(
            app, connection.app.audience, access=_access(connection.app.server, app_key), limits=app_limits
        ),
    )  # fmt: skip


def mailchimp_address(key: Secret) -> str:
    """The base address of the data centre that a key names in its last part. Raises CredentialsRefused without one."""
    found = _DATA_CENTRE.search(key.reveal())
    if not found:
        raise CredentialsRefused(
            "the Mailchimp key does not name its data centre", where="app",
            remedy="Copy the key whole: it ends in a part like -us12. Then log in again.",
        )  # fmt: skip
    return f"https://{found.group(1)}.api.mailchimp.com/3.0"


def _access(server: str, secret: Secret) -> str:
    """Tells one pair of address and credentials from another; a token is too long to be found from 64 bits of a hash."""
    return hashlib.blake2b(f"{server}\n{secret.reveal()}".encode(), digest_size=8).hexdigest()


def _token(connection: Connection, secrets: Mapping[Side, Secret], side: Side, service: str) -> Secret:
    if side not in secrets:
        raise CredentialsRefused(
            f"there is no token for {service}", where=f"connection {connection.name}",
            remedy=f"Store one with: syncdoctor login {connection.name} {side}",
        )  # fmt: skip
    return secrets[side]


def _address(server: str, usual: str, transports: Mapping[Side, httpx.AsyncBaseTransport], side: Side) -> str:
    if server != PRACTICE:
        return server or usual
    if side not in transports:
        raise ConfigurationError(
            "the practice portal is not running in this program", where=f"{side}.server",
            remedy="Start it with: syncdoctor practice serve, and give its address as server.",
        )  # fmt: skip
    return _HANDED_IN + ("/3.0" if side == "app" else "")
