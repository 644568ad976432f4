"""Which base addresses may be talked to: https, or this computer."""

from __future__ import annotations

import ipaddress

import httpx

from engine.errors import ConfigurationError
from engine.visible import visible


def checked_address(base_url: str, *, handed_in: bool, service: str) -> bool:
    """Whether a base address is of this computer.

    Raises ConfigurationError for one that is no web address, holds credentials or a query, or would be reached
    without encryption; with a handed-in transport nothing leaves the program, so plain http is fine.
    """
    where = f"server of {service}"
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            "this is not a web address", where=where, remedy="Give one like https://api.example.com."
        )
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            "the address holds more than scheme, host, port and path", where=where,
            remedy="Take user, password, ? and # out of it; credentials are stored by: syncdoctor login",
        )  # fmt: skip
    local = _is_loopback(url.host)
    if url.scheme == "http" and not local and not handed_in:
        raise ConfigurationError(
            f"{visible(url.host, 100)} would be reached without encryption", where=where,
            remedy="Use https. Plain http is allowed for this computer only (127.0.0.1).",
        )  # fmt: skip
    return local


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
