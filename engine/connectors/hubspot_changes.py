"""HubSpot's changed contacts: the search endpoint, read by value and never by position.

Each search asks for the first page of what is left: changes at or after the newest time that has come, and where one
millisecond fills a page, its contacts by id. So a contact that changes meanwhile moves ahead and is met again, no page
shifts under the reader, and the limit on results of one query (10,000) is never reached, however many there are.

What a search finds is used as it is. It may be some moments old, so it is stored only if the mirror knows nothing newer,
and every write reads its records again by id; a second reading here would cost a request per 100 and add nothing.
Source: CRM search guide (200 a page, 10,000 results, eventually consistent, archived contacts never come).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.answers import shaped
from engine.connectors import Record
from engine.connectors.hubspot_bodies import Contact, FoundContacts
from engine.connectors.hubspot_paths import Paths
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient

MODIFIED, ID = "lastmodifieddate", "hs_object_id"
PASSES = 3
"""How often a window is read again when fewer contacts came than the search counts."""


class HubSpotChanges:
    """Changed contacts of one account, at most `page_size` in an answer."""

    def __init__(self, client: AccountClient, paths: Paths, page_size: int) -> None:
        self._client = client
        self._path = f"{paths.contacts}/search"
        self._where = f"HubSpot, POST {self._path}"
        self._page_size = page_size

    async def between(self, fields: Sequence[str], since: datetime, until: datetime) -> AsyncIterator[list[Record]]:
        """Pages of contacts whose last change is in [since, until); one that changes meanwhile may come twice.

        Raises UnexpectedAnswer if fewer came than were counted, also after reading again.
        """
        seen: set[str] = set()
        for _ in range(PASSES):
            counted: int | None = None
            async for page in self._once(fields, _milliseconds(since), _milliseconds(until)):
                counted = page.total if counted is None else counted
                seen.update(contact.id for contact in page.results)
                yield [contact.record(fields) for contact in page.results]
            if len(seen) >= (counted or 0):
                return
        raise UnexpectedAnswer(
            f"the search for changes is incomplete: {len(seen)} of {counted} came", where=self._where,
            remedy="Run again; if it stays, read everything with --full.",
        )  # fmt: skip

    async def _once(self, fields: Sequence[str], low: int, end: int) -> AsyncIterator[FoundContacts]:
        while low < end:
            page = await self._search(fields, MODIFIED, [_at_least(low), _before(end)])
            yield page
            if page.total <= len(page.results) or not page.results:
                return
            newest = max(self._modified(contact) for contact in page.results)
            if newest < low:
                raise self._unexpected("the search gives contacts outside of what was asked for")
            if newest == low:
                async for part in self._of_one_moment(fields, low):
                    yield part
                newest += 1
            low = newest

    async def _of_one_moment(self, fields: Sequence[str], moment: int) -> AsyncIterator[FoundContacts]:
        last = 0
        while True:
            after = {"propertyName": ID, "operator": "GT", "value": str(last)}
            page = await self._search(fields, ID, [_at_least(moment), _before(moment + 1), after])
            yield page
            if page.total <= len(page.results) or not page.results:
                return
            highest = max(int(contact.id) if contact.id.isdecimal() else 0 for contact in page.results)
            if highest <= last:
                raise self._unexpected("the search gives contacts outside of what was asked for")
            last = highest

    async def _search(self, fields: Sequence[str], order: str, filters: list[dict[str, str]]) -> FoundContacts:
        asked: dict[str, Any] = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": order, "direction": "ASCENDING"}],
            "properties": [*fields, MODIFIED],
            "limit": self._page_size,
        }
        answer = await self._client.request("POST", self._path, template=self._path, intent="search", json=asked)
        if answer.status != 200:
            raise self._unexpected(f"HubSpot answered {answer.status} to searching contacts")
        return shaped(FoundContacts, answer, self._where)

    def _modified(self, contact: Contact) -> int:
        text = str(contact.properties.get(MODIFIED) or contact.updated_at)
        try:
            return int(text) if text.isdecimal() else _milliseconds(datetime.fromisoformat(text))
        except ValueError:
            raise self._unexpected("a found contact has no readable time of its last change") from None

    def _unexpected(self, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(what, where=self._where, remedy="Run again; if it stays, read everything with --full.")


def _at_least(moment: int) -> dict[str, str]:
    return {"propertyName": MODIFIED, "operator": "GTE", "value": str(moment)}


def _before(moment: int) -> dict[str, str]:
    return {"propertyName": MODIFIED, "operator": "LT", "value": str(moment)}


def _milliseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
