"""Mailchimp: the members of one audience. Marketing API 3.0."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from engine.answers import shaped
from engine.connectors import Outcome, Record, RecordTrace, Write
from engine.connectors.batches import outcomes_of
from engine.connectors.mailchimp_bodies import Member, MemberPage, MemberTraces
from engine.connectors.mailchimp_schema import LIST, describe, member_count
from engine.connectors.mailchimp_writes import MailchimpWrites
from engine.connectors.paging import PageGuard
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient
from engine.schema import Side, SideSchema

PASSES = 3
"""How often a listing is read again when members moved between its pages meanwhile."""
FEW = 10
"""So few members are read one by one without asking how many there are."""
_NEEDED = ("contact_id", "email_address", "status", "merge_fields", "timestamp_signup", "timestamp_opt", "last_changed")
_MEMBER = f"{LIST}/members/{{member}}"
Result = TypeVar("Result")


@dataclass(frozen=True)
class MailchimpLimits:
    """How many members fit a page and a batch. Smaller ones are for tests."""

    page: int = 1000
    batch: int = 500


MAILCHIMP_LIMITS = MailchimpLimits()


class MailchimpConnector:
    """The Mailchimp side. `access` is a digest of address and key. A record's id is `contact_id`, which the API takes in place of the address's hash."""

    side: Side = "app"
    app = "Mailchimp"

    def __init__(
        self, client: AccountClient, audience: str, *, access: str = "", limits: MailchimpLimits = MAILCHIMP_LIMITS
    ) -> None:
        self.access = access
        self.batch_size = limits.batch
        self._limits = limits
        self._counted: int | None = None
        """About how many members there are, once asked."""
        self._client = client
        self._audience = audience
        self._members = f"/lists/{quote(audience, safe='')}/members"
        self._writes = MailchimpWrites(client, audience)

    @property
    def first_answer_at(self) -> datetime | None:
        """Mailchimp's own time when it first answered this client; None if it has not told."""
        return self._client.first_answer_at

    def limits_left(self) -> str:
        """One line on what is left of the account's request limits."""
        return self._client.budget.snapshot()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def describe(self) -> SideSchema:
        """Account, merge fields, statuses. Raises ConfigurationError if the audience does not exist."""
        return await describe(self._client, self._audience)

    async def records(self, fields: Sequence[str]) -> AsyncIterator[list[Record]]:
        """All members, archived ones too (they come only when asked for by status), up to 1,000 at a time.

        One that is archived meanwhile comes a second time, as it is then.
        Raises UnexpectedAnswer if fewer came than the service counts, also after reading again.
        """
        async for page in self._listed(fields, {}):
            yield page

    async def changes(self, fields: Sequence[str], since: datetime, until: datetime) -> AsyncIterator[list[Record]]:
        """The members whose last change is in [since, until), archived ones too. Members deleted for good do not come.

        Mailchimp counts in whole seconds and leaves the bounds themselves out. Raises what `records` raises.
        """
        bounds = {
            "since_last_changed": (since - timedelta(seconds=1)).isoformat(timespec="seconds"),
            "before_last_changed": until.isoformat(timespec="seconds"),
        }
        async for page in self._listed(fields, bounds):
            yield page

    async def _listed(self, fields: Sequence[str], bounds: Mapping[str, str]) -> AsyncIterator[list[Record]]:
        for status in ("", "archived"):
            guard = PageGuard(f"Mailchimp, GET {LIST}/members")
            for _ in range(PASSES):
                total = 0
                async for page in self._pages(status, bounds):
                    total = page.total_items
                    members = guard.fresh(page.members, lambda member: member.contact_id)
                    yield [member.record(fields) for member in members]
                if guard.seen >= total:
                    break
            else:
                raise UnexpectedAnswer(
                    f"the list of members is incomplete: {guard.seen} of {total} came",
                    where=f"Mailchimp, GET {LIST}/members", remedy="Somebody may be changing many members. Run again.",
                )  # fmt: skip

    async def count(self) -> int | None:
        """How many members the audience counts, without archived ones."""
        return await member_count(self._client, self._audience)

    async def read(self, ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """The members with these ids as they are now; missing ones are left out.

        There is no request for several ids, so many are picked from a listing of all where that takes fewer requests.
        """
        wanted = list(dict.fromkeys(ids))
        if len(wanted) > FEW:
            self._counted = self._counted if self._counted is not None else await self.count()
            if self._counted is not None and self._counted // self._limits.page + 3 < len(wanted):
                chosen = set(wanted)
                listed = [record async for page in self.records(fields) for record in page if record.id in chosen]
                there = {record.id: record for record in listed}
                return [there[record_id] for record_id in wanted if record_id in there]
        return await self._each(wanted, fields)

    async def resolve(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """The member of each id. Mailchimp does not merge: an id is its own or leads nowhere."""
        return {record.id: record for record in await self.read(ids, fields)}

    async def gone_for_good(self, ids: Sequence[str]) -> frozenset[str]:
        """All of them: an archived member still answers under its id, one that does not was deleted permanently."""
        return frozenset(ids)

    async def find(self, emails: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """The members with these addresses as they are now."""
        hashes = [
            hashlib.md5(email.lower().encode("utf-8", "replace"), usedforsecurity=False).hexdigest() for email in emails
        ]
        return await self._each(hashes, fields)

    async def write(self, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Creates members in one request, or updates each with one; the answers are what Mailchimp kept.

        Raises an error, also a stop, only if none was applied.
        """
        if not writes:
            return []
        if writes[0].kind == "create":
            return await outcomes_of(
                writes, lambda part: self._writes.create(part, fields), self._writes.refuse
            )  # fmt: skip
        return await self._writes.update(writes, fields)

    async def traces(self, record_id: str) -> Sequence[RecordTrace] | None:
        """When and how the member came, left and changed; Mailchimp keeps no history of single fields."""
        answer = await self._client.request(
            "GET", f"{self._members}/{quote(record_id, safe='')}", template=_MEMBER, intent="read",
            params={"fields": ",".join(MemberTraces.model_fields)},
        )  # fmt: skip
        if answer.status == 404:
            return None
        where = f"Mailchimp, GET {_MEMBER}"
        if answer.status != 200:
            raise UnexpectedAnswer(f"Mailchimp answered {answer.status}", where=where, remedy="Run again.")
        return shaped(MemberTraces, answer, where).traces()

    async def _pages(self, status: str, bounds: Mapping[str, str]) -> AsyncIterator[MemberPage]:
        offset = 0
        while True:
            params: dict[str, str | int] = {
                "count": self._limits.page,
                "offset": offset,
                "sort_field": "timestamp_opt",
                "sort_dir": "ASC",
                "fields": ",".join(["total_items", *(f"members.{name}" for name in _NEEDED)]),
                **bounds,
            }
            if status:
                params["status"] = status
            answer = await self._client.request(
                "GET", self._members, template=f"{LIST}/members", intent="read", params=params
            )
            where = f"Mailchimp, GET {LIST}/members"
            if answer.status != 200:
                raise UnexpectedAnswer(f"Mailchimp answered {answer.status}", where=where, remedy="Run again.")
            page = shaped(MemberPage, answer, where)
            yield page
            offset += len(page.members)
            if not page.members or offset >= page.total_items:
                return

    async def _each(self, keys: Sequence[str], fields: Sequence[str]) -> list[Record]:
        found = await _all([self._member(key) for key in dict.fromkeys(keys)])
        return [member.record(fields) for member in found if member]

    async def _member(self, key: str) -> Member | None:
        answer = await self._client.request(
            "GET", f"{self._members}/{quote(key, safe='')}", template=_MEMBER, intent="read",
            params={"fields": ",".join(_NEEDED)},
        )  # fmt: skip
        if answer.status == 404:
            return None
        where = f"Mailchimp, GET {_MEMBER}"
        if answer.status != 200:
            raise UnexpectedAnswer(f"Mailchimp answered {answer.status}", where=where, remedy="Run again.")
        return shaped(Member, answer, where)


async def _all(requests: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All results in order. Every request ends before the first error is raised."""
    results = await asyncio.gather(*requests, return_exceptions=True)
    found: list[Result] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found
