"""How many contacts the HubSpot account holds and may hold (limits tracking API)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import shaped
from engine.connectors import Room
from engine.connectors.hubspot_paths import Paths
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient

CONTACT = "0-1"
"""The contact's object type id."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class RecordLimit(_Body):
    """The limit and the use of one kind of object."""

    object_type: str = Field(alias="objectTypeId")
    usage: int = Field(ge=0)
    limit: int = Field(ge=0)


class RecordLimits(_Body):
    """The kinds of objects that HubSpot defines."""

    objects: list[RecordLimit] = Field(alias="hubspotDefinedObjectTypes")


async def contact_room(client: AccountClient, paths: Paths) -> Room | None:
    """The contacts that are there and that may be; None if the account does not tell. Raises an AccessError."""
    where = f"HubSpot, GET {paths.record_limits}"
    answer = await client.request("GET", paths.record_limits, template=paths.record_limits, intent="read")
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise UnexpectedAnswer(f"HubSpot answered {answer.status} to reading its limits", where=where)
    found = (one for one in shaped(RecordLimits, answer, where).objects if one.object_type == CONTACT)
    return next((Room(one.usage, one.limit) for one in found), None)
