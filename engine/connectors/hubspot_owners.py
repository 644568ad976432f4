"""HubSpot's users by name: the owners API gives them with their user id, also those who were deactivated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import shaped
from engine.connectors.hubspot_bodies import Paging
from engine.connectors.hubspot_paths import Paths
from engine.connectors.paging import PageGuard
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient
from engine.visible import visible

PAGE = 500
"""The most that one request gives (owners API)."""
NAME_CHARACTERS = 80


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Owner(_Body):
    """A user. `user_id` is empty for one who was deactivated, `former_user_id` never. Names may hold lone surrogates, which no string
    type takes, so they stay untyped here."""

    id: str
    first_name: Any = Field(alias="firstName", default=None)
    last_name: Any = Field(alias="lastName", default=None)
    user_id: int | None = Field(alias="userId", default=None)
    former_user_id: int | None = Field(alias="userIdIncludingInactive", default=None)


class OwnerPage(_Body):
    """A page of owners."""

    results: list[Owner]
    paging: Paging | None = None


async def user_names(client: AccountClient, paths: Paths) -> Mapping[str, str]:
    """First and last name by user id; who has neither, or an address for a name, is left out. Raises an AccessError: it needs `crm.objects.owners.read`."""
    return {**await _page_by_page(client, paths, archived=True), **await _page_by_page(client, paths, archived=False)}


async def _page_by_page(client: AccountClient, paths: Paths, *, archived: bool) -> dict[str, str]:
    where = f"HubSpot, GET {paths.owners}"
    guard, names = PageGuard(where), dict[str, str]()
    params: dict[str, str | int] = {"limit": PAGE, "archived": str(archived).lower()}
    while True:
        answer = await client.request("GET", paths.owners, template=paths.owners, intent="read", params=params)
        if answer.status != 200:
            raise UnexpectedAnswer(f"HubSpot answered {answer.status} to reading its users", where=where)
        page = shaped(OwnerPage, answer, where)
        for owner in guard.fresh(page.results, lambda one: one.id):
            number = owner.user_id or owner.former_user_id
            parts = [str(part).strip() for part in (owner.first_name, owner.last_name) if part]
            name = " ".join(part for part in parts if part)
            if number is not None and name and "@" not in name:
                names[str(number)] = visible(name, NAME_CHARACTERS)
        if page.paging is None or page.paging.next is None:
            return names
        params["after"] = guard.follow(page.paging.next.after)
