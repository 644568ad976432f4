"""What HubSpot tells of the token in use: its scopes, what kind it is, who authorised it, and until when it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta

from engine.answers import shaped
from engine.auth.secret import Secret
from engine.connectors.hubspot_bodies import Introspection
from engine.connectors.hubspot_paths import Paths
from engine.errors import CredentialsRefused, ScopeMissing, UnexpectedAnswer
from engine.http import AccountClient
from engine.visible import visible

_NOT_TOLD = "HubSpot does not tell"
_STATIC = "pat-"
"""How tokens of private apps and service keys begin; an OAuth access token does not (authentication overview)."""


@dataclass(frozen=True)
class Known:
    """What is known of a token: its scopes, or in `silent` why they are not; `facts` by name, in words."""

    scopes: tuple[str, ...] = ()
    silent: str = "HubSpot does not tell the scopes of this kind of token"
    facts: Mapping[str, str] = field(default_factory=dict)


async def introspected(client: AccountClient, paths: Paths, token: Secret | None) -> Known:
    """Asks HubSpot about the token. Some kinds cannot be asked about: that is no error, the account itself has answered before."""
    if token is None:
        return Known(silent="the token is not at hand to ask about its scopes")
    found = await _introspection(client, paths, token)
    if found is None:
        return Known(facts=_facts(token, Introspection(active=True), ""))
    expires = ""
    if found.expires_in is not None:
        until = client.now() + timedelta(seconds=found.expires_in)
        expires = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Known(tuple(visible(scope, 100) for scope in found.scopes), facts=_facts(token, found, expires))


async def _introspection(client: AccountClient, paths: Paths, token: Secret) -> Introspection | None:
    try:
        answer = await client.request(
            "POST", paths.introspect, template=paths.introspect, intent="read", form={"token": token.reveal()}
        )
        if answer.status != 200:
            return None
        found = shaped(Introspection, answer, f"HubSpot, POST {paths.introspect}")
    except (CredentialsRefused, ScopeMissing, UnexpectedAnswer):
        return None
    return found if found.active else None


def _facts(token: Secret, found: Introspection, expires: str) -> dict[str, str]:
    user = f"user {visible(found.user_id, 40)}" if found.user_id else ""
    who = " ".join(filter(None, (user, f"({visible(found.user, 100)})" if found.user else "")))
    return {
        "credentials": _kind(token, found),
        "credentials, app": visible(found.app, 40) or _NOT_TOLD,
        "credentials, authorised by": who or _NOT_TOLD,
        "credentials, expire": expires or _NOT_TOLD,
    }


def _kind(token: Secret, found: Introspection) -> str:
    if token.reveal().startswith(_STATIC):
        return "a token of a private app or a service key, which look alike"
    private = " of a privately distributed app" if found.private else ""
    return f"{visible(found.token_use.replace('_', ' '), 40)}{private}" if found.token_use else _NOT_TOLD
