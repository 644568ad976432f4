"""HubSpot's subscription types and the status of addresses: consent belongs to an address, not to a record."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from engine.answers import shaped
from engine.connectors import SubscriptionState
from engine.connectors.hubspot_bodies import OneAddress, StatusBatch, Subscriptions
from engine.connectors.hubspot_paths import Paths
from engine.errors import ConfigurationError, UnexpectedAnswer
from engine.http import AccountClient
from engine.visible import visible

ADDRESSES_PER_REQUEST = 100
NOT_SPECIFIED = "NOT_SPECIFIED"


async def subscription_statuses(
    client: AccountClient, paths: Paths, emails: Sequence[str], subscription: str
) -> Mapping[str, str]:
    """SUBSCRIBED, UNSUBSCRIBED or NOT_SPECIFIED for each address, for the subscription type of this name.

    Raises ConfigurationError if no or more than one type has the name.
    """
    number = await _subscription_id(client, paths, subscription)
    path = f"{paths.consent}/statuses/batch/read"
    found: dict[str, str] = {}
    for start in range(0, len(emails), ADDRESSES_PER_REQUEST):
        answer = await client.request(
            "POST", path, template=path, intent="read", params={"channel": "EMAIL"},
            json={"inputs": list(emails[start : start + ADDRESSES_PER_REQUEST])},
        )  # fmt: skip
        where = f"HubSpot, POST {path}"
        if answer.status not in (200, 207):
            raise UnexpectedAnswer(
                f"HubSpot answered {answer.status} for subscription statuses", where=where, remedy="Run again."
            )
        for entry in shaped(StatusBatch, answer, where).results:
            of_type = [status.status for status in entry.statuses if status.subscription == number]
            found[entry.address.lower()] = of_type[0] if of_type else NOT_SPECIFIED
    return {email: found.get(email.lower(), NOT_SPECIFIED) for email in emails}


async def address_statuses(client: AccountClient, paths: Paths, email: str) -> list[SubscriptionState]:
    """The status of one address for every subscription type, on the channel e-mail. A type without one is NOT_SPECIFIED, and then
    HubSpot's time and source say nothing."""
    template = f"{paths.consent}/statuses/{{email}}"
    where = f"HubSpot, GET {template}"
    answer = await client.request(
        "GET", f"{paths.consent}/statuses/{quote(email, safe='')}", template=template, intent="read",
        params={"channel": "EMAIL"},
    )  # fmt: skip
    if answer.status != 200:
        raise UnexpectedAnswer(
            f"HubSpot answered {answer.status} for subscription statuses", where=where, remedy="Run again."
        )
    states = []
    for one in shaped(OneAddress, answer, where).results:
        known = one.status != NOT_SPECIFIED
        states.append(
            SubscriptionState(
                one.name or one.subscription, one.status, (one.timestamp or "") if known else "",
                (one.source or "") if known else "", one.legal_basis or "", one.explanation or "",
            )
        )  # fmt: skip
    return states


async def _subscription_id(client: AccountClient, paths: Paths, name: str) -> str:
    path = f"{paths.consent}/definitions"
    answer = await client.request("GET", path, template=path, intent="read")
    where = f"HubSpot, GET {path}"
    if answer.status != 200:
        raise UnexpectedAnswer(f"HubSpot answered {answer.status}", where=where, remedy="Run again.")
    types = shaped(Subscriptions, answer, where).results
    matching = [item.id for item in types if item.name == name]
    if len(matching) == 1:
        return matching[0]
    names = sorted({item.name for item in types})
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:5]
    problem = "no subscription type" if not matching else f"{len(matching)} subscription types"
    raise ConfigurationError(
        f"HubSpot has {problem} called {visible(name, 100)!r}", where="opt_in.subscription",
        remedy=f"Its types: {', '.join(repr(str(visible(item, 100))) for item in near)}.",
    )  # fmt: skip
