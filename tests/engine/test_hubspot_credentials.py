"""What HubSpot tells of a token, and what is said where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.auth.secret import Secret
from engine.connectors.hubspot_credentials import introspected
from engine.connectors.hubspot_paths import Paths
from engine.gates import Situation
from engine.situation import digest
from tests.diagnostics.small_world import connection, schemas
from tests.engine.stage import START, Script, Stage, reply

NOT_TOLD = "HubSpot does not tell"
OAUTH = {
    "active": True, "token_use": "access_token", "app_id": 4711, "user_id": 7, "user": "ada@firma.example", "hub_id": 1,
    "scopes": ["crm.objects.contacts.read"], "expires_in": 1800, "is_private_distribution": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("token", "body", "said"),
    [
        (
            "CJ-token",
            OAUTH,
            (
                "access token of a privately distributed app",
                "4711",
                "user 7 (ada@firma.example)",
                "2026-10-01 08:30 UTC",
            ),
        ),
        ("CJ-token", {"active": True, "expires_in": None}, (NOT_TOLD, NOT_TOLD, NOT_TOLD, NOT_TOLD)),
        ("CJ-token", {"active": False}, (NOT_TOLD, NOT_TOLD, NOT_TOLD, NOT_TOLD)),
        (
            "pat-eu1-0000",
            {"active": False},
            ("a token of a private app or a service key, which look alike", NOT_TOLD, NOT_TOLD, NOT_TOLD),
        ),
    ],
)
async def test_kind_app_who_and_until_when(token: str, body: dict[str, Any], said: tuple[str, ...]) -> None:
    """As far as HubSpot tells; nothing is taken for granted of a token that it does not know."""
    stage = Stage(Script(reply(200, body)))
    known = await introspected(stage.client, Paths("2026-09"), Secret(token))
    assert tuple(known.facts.values()) == said
    assert known.scopes == tuple(body.get("scopes", ()))
    assert token not in repr(known)


async def test_a_refusal_is_no_error() -> None:
    """Some tokens cannot be asked about."""
    stage = Stage(Script(reply(404, {"message": "no such endpoint"})))
    known = await introspected(stage.client, Paths("v3"), Secret("pat-na1-1"))
    assert known.scopes == ()
    assert known.silent
    assert known.facts["credentials, expire"] == NOT_TOLD


def test_until_when_credentials_hold_makes_nobody_due() -> None:
    """It changes with every reading and says nothing of a contact."""
    declared = schemas()
    seen = Situation(connection=connection(), schemas=declared, inclusion=None, now=START)
    later = {side: replace(schema, credentials={"credentials, expire": "later"}) for side, schema in declared.items()}
    assert digest(replace(seen, schemas=later)) == digest(seen)
