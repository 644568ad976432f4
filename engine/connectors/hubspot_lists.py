"""HubSpot's inclusion lists (segments): found by id or name, their criteria in the engine's words, their members."""

from __future__ import annotations

import difflib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from engine.answers import shaped
from engine.connectors.hubspot_bodies import FoundLists, ListBody, MemberPage, OneList, SeveralLists
from engine.connectors.hubspot_paths import Paths
from engine.connectors.paging import PageGuard
from engine.errors import ConfigurationError, UnexpectedAnswer
from engine.http import AccountClient
from engine.schema import InclusionList
from engine.visible import is_storable, visible

CONTACTS = "0-1"
LISTS_PER_PAGE = 500
LISTS_AT_ONCE = 100
"""Ids in one address, so that it stays short."""
_PROPERTY_KEYS = ("property", "comparisonPropertyName")
_OF_THE_CONTACT = ("AND", "OR", "NOT_ANY", "NOT_ALL")
"""Branches whose filters are on the contact itself; those of the others are on events and associated records."""


class HubSpotLists:
    """The lists of contacts of one account."""

    def __init__(self, client: AccountClient, paths: Paths, members_per_page: int = 250) -> None:
        self._client = client
        self._paths = paths
        self._members_per_page = members_per_page

    async def find(self, reference: str) -> InclusionList:
        """The list with this id or exact name. Raises ConfigurationError naming candidates or the nearest names."""
        body = await self._by_id(reference) if reference.isascii() and reference.isdigit() else None
        if body is None:
            body = await self._by_name(reference)
        if body.object_type != CONTACTS:
            raise ConfigurationError(
                f"the list {visible(body.name, 100)!r} does not hold contacts", where="scope.list",
                remedy="Choose a list of contacts.",
            )  # fmt: skip
        return _read(body)

    async def several(self, ids: Sequence[str]) -> Mapping[str, InclusionList]:
        """The lists with these ids, whatever they hold; those that HubSpot does not have are left out."""
        template = self._paths.lists
        where = f"HubSpot, GET {template}"
        asked = sorted(one for one in {*ids} if one.isascii() and one.isdigit())
        found: dict[str, InclusionList] = {}
        for start in range(0, len(asked), LISTS_AT_ONCE):
            answer = await self._client.request(
                "GET", template, template=template, intent="read",
                params={"listIds": asked[start : start + LISTS_AT_ONCE], "includeFilters": "true"},
            )  # fmt: skip
            if answer.status != 200:
                raise UnexpectedAnswer(f"HubSpot answered {answer.status}", where=where, remedy="Run again.")
            found |= {body.id: _read(body) for body in shaped(SeveralLists, answer, where).lists}
        return found

    async def members(self, list_id: str) -> AsyncIterator[list[tuple[str, str]]]:
        """Pages of (record id, membership time)."""
        template = f"{self._paths.lists}/{{list}}/memberships"
        where = f"HubSpot, GET {template}"
        guard = PageGuard(where)
        params: dict[str, str | int] = {"limit": self._members_per_page}
        while True:
            answer = await self._client.request(
                "GET", f"{self._paths.lists}/{quote(list_id, safe='')}/memberships",
                template=template, intent="read", params=params,
            )  # fmt: skip
            if answer.status != 200:
                raise UnexpectedAnswer(
                    f"HubSpot answered {answer.status} for the list's members", where=where,
                    remedy="Look whether the list still exists, then run again.",
                )  # fmt: skip
            page = shaped(MemberPage, answer, where)
            yield [(item.id, item.since or "") for item in guard.fresh(page.results, lambda item: item.id)]
            if page.paging is None or page.paging.next is None:
                return
            params["after"] = guard.follow(page.paging.next.after)

    async def _by_id(self, list_id: str) -> ListBody | None:
        template = f"{self._paths.lists}/{{list}}"
        answer = await self._client.request(
            "GET", f"{self._paths.lists}/{list_id}", template=template, intent="read",
            params={"includeFilters": "true"},
        )  # fmt: skip
        if answer.status == 404:
            return None
        where = f"HubSpot, GET {template}"
        if answer.status != 200:
            raise UnexpectedAnswer(f"HubSpot answered {answer.status}", where=where, remedy="Run again.")
        return shaped(OneList, answer, where).found

    async def _by_name(self, name: str) -> ListBody:
        found = [item for item in await self._search(name) if item.name == name]
        if len(found) > 1:
            candidates = ", ".join(f"id {item.id} ({item.processing_type})" for item in found)
            raise ConfigurationError(
                f"{len(found)} lists are called {visible(name, 100)!r}: {candidates}", where="scope.list",
                remedy="Give the id instead of the name.",
            )  # fmt: skip
        if found:
            body = await self._by_id(found[0].id)
            return body or found[0]
        raise await self._missing(name)

    async def _missing(self, name: str) -> ConfigurationError:
        names = {item.name for item in await self._search("")}
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        near = near or [item for item in sorted(names) if name.casefold() in item.casefold()][:3]
        shown = ", ".join(repr(str(visible(item, 100))) for item in near)
        return ConfigurationError(
            f"HubSpot has no list with the name or id {visible(name, 100)!r}", where="scope.list",
            remedy=f"Close: {shown}." if near else "Look the list up in HubSpot and give its exact name or its id.",
        )  # fmt: skip

    async def _search(self, part: str) -> list[ListBody]:
        """The lists of contacts whose name holds `part`."""
        path = f"{self._paths.lists}/search"
        where = f"HubSpot, POST {path}"
        guard = PageGuard(where)
        found: list[ListBody] = []
        offset = 0
        while True:
            answer = await self._client.request(
                "POST", path, template=path, intent="read",
                json={"query": part, "count": LISTS_PER_PAGE, "offset": offset},
            )  # fmt: skip
            if answer.status != 200:
                raise UnexpectedAnswer(f"HubSpot answered {answer.status}", where=where, remedy="Run again.")
            page = shaped(FoundLists, answer, where)
            found += guard.fresh(page.lists, lambda item: item.id)
            if not page.has_more:
                return [item for item in found if item.object_type == CONTACTS]
            guard.follow(str(page.offset))
            offset = page.offset


def properties_named(branch: Mapping[str, Any]) -> tuple[str, ...]:
    """The contact properties that a filter tree looks at or compares with, each once, in alphabetical order."""
    named = (entry.get(key) for entry in _of_the_contact(branch) for key in _PROPERTY_KEYS)
    return tuple(sorted({name for name in named if isinstance(name, str) and name and is_storable(name)}))


def lists_named(branch: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the lists whose membership a filter tree asks for, each once, in order. A filter with metadata asks for something
    else, as enrolment in a workflow."""
    asking = (entry for entry in _of_the_contact(branch) if entry.get("filterType") == "IN_LIST")
    named = {str(entry["listId"]) for entry in asking if entry.get("listId") and not entry.get("metadata")}
    return tuple(sorted(filter(is_storable, named)))


def only_properties(branch: Mapping[str, Any]) -> bool:
    """Whether a filter tree looks at nothing but properties of the contact itself."""
    return (
        branch.get("filterBranchType", "AND") in _OF_THE_CONTACT
        and all(one.get("filterType") == "PROPERTY" for one in branch.get("filters") or ())
        and all(only_properties(one) for one in branch.get("filterBranches") or ())
    )


def _of_the_contact(branch: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every object in a filter tree, except what is inside of branches on events and associated records."""
    waiting: list[object] = [branch]
    while waiting:
        match waiting.pop():
            case dict() as entry:
                if entry.get("filterBranchType", "AND") in _OF_THE_CONTACT:
                    yield entry
                    waiting += entry.values()
            case list() as entries:
                waiting += entries


def _read(body: ListBody) -> InclusionList:
    return InclusionList(
        id=body.id,
        name=body.name,
        processing_type=body.processing_type,
        processing_status=body.processing_status,
        size=_size(body),
        created_at=_moment(body.created_at),
        updated_at=_moment(body.updated_at),
        criteria_updated_at=_moment(body.filters_updated_at),
        deleted_at=_moment(body.deleted_at),
        filters=_text(body.filters) if body.filters else "",
        criteria_properties=properties_named(body.filters) if body.filters else (),
        criteria_lists=lists_named(body.filters) if body.filters else (),
        only_properties=only_properties(body.filters) if body.filters else False,
        object_type=body.object_type,
        updated_by=body.updated_by or "",
    )


def _text(branch: Mapping[str, Any]) -> str:
    """JSON as readable as it can be stored: half of a surrogate pair, which UTF-8 has no bytes for, stays the escape it came as."""
    text = json.dumps(branch, ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "backslashreplace").decode()


def _size(body: ListBody) -> int | None:
    if body.size is not None:
        return body.size
    text = str(body.additional.get("hs_list_size", ""))
    return int(text) if text.isdecimal() else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is not None and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if moment else None
