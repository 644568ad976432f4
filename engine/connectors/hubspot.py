"""HubSpot: contacts, lists, consent and what the account declares. API versions v3, 2026-03 and 2026-09."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from engine.answers import Answer, shaped
from engine.auth.secret import Secret
from engine.connectors import LastChange, Outcome, Record, RecordVersions, Room, SubscriptionState, Write
from engine.connectors.batches import outcomes_of
from engine.connectors.hubspot_bodies import BatchAnswer, Contact, ContactPage
from engine.connectors.hubspot_changes import HubSpotChanges
from engine.connectors.hubspot_consent import address_statuses, subscription_statuses
from engine.connectors.hubspot_history import all_versions, last_changes
from engine.connectors.hubspot_limits import contact_room
from engine.connectors.hubspot_lists import HubSpotLists
from engine.connectors.hubspot_owners import user_names
from engine.connectors.hubspot_paths import Paths
from engine.connectors.hubspot_schema import describe
from engine.connectors.hubspot_writes import HubSpotWrites
from engine.connectors.paging import PageGuard
from engine.errors import AccessError, SyncdoctorError, UnexpectedAnswer
from engine.http import AccountClient
from engine.schema import InclusionList, Side, SideSchema


@dataclass(frozen=True)
class HubSpotLimits:
    """How much one request takes: contacts in a page and inputs in a batch (objects API), contacts in a page of a search,
    members in a page of a list. Smaller ones are for tests."""

    page: int = 100
    batch: int = 100
    search_page: int = 200
    members: int = 250


HUBSPOT_LIMITS = HubSpotLimits()
_OWN_ID = "hs_object_id"


class HubSpotConnector:
    """The HubSpot side. `token` is only used to ask which scopes it has; `access` is a digest of address and token."""

    side: Side = "hubspot"
    app = "HubSpot"

    def __init__(
        self,
        client: AccountClient,
        api_version: str,
        token: Secret | None = None,
        *,
        access: str = "",
        limits: HubSpotLimits = HUBSPOT_LIMITS,
    ) -> None:
        self.access = access
        self.batch_size = limits.batch
        self._limits = limits
        self._client = client
        self._paths = Paths(api_version)
        self._token = token
        self._lists = HubSpotLists(client, self._paths, limits.members)
        self._changes = HubSpotChanges(client, self._paths, limits.search_page)
        self._writes = HubSpotWrites(client, self._paths)

    @property
    def first_answer_at(self) -> datetime | None:
        """HubSpot's own time when it first answered this client; None if it has not told."""
        return self._client.first_answer_at

    def limits_left(self) -> str:
        """One line on what is left of the account's request limits."""
        return self._client.budget.snapshot()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def describe(self) -> SideSchema:
        """Account, contact properties with rules, scopes and limits; what could not be read is in `unavailable`."""
        return await describe(self._client, self._paths, self._token)

    async def records(self, fields: Sequence[str]) -> AsyncIterator[list[Record]]:
        """All contacts that are not archived, page by page. Raises UnexpectedAnswer if paging does not end."""
        where = f"HubSpot, GET {self._paths.contacts}"
        guard = PageGuard(where)
        params: dict[str, str | int] = {"limit": self._limits.page, "properties": ",".join(fields)}
        while True:
            answer = await self._client.request(
                "GET", self._paths.contacts, template=self._paths.contacts, intent="read", params=params
            )
            _require(answer, where, 200)
            page = shaped(ContactPage, answer, where)
            yield [contact.record(fields) for contact in guard.fresh(page.results, lambda contact: contact.id)]
            if page.paging is None or page.paging.next is None:
                return
            params["after"] = guard.follow(page.paging.next.after)

    def changes(self, fields: Sequence[str], since: datetime, until: datetime) -> AsyncIterator[list[Record]]:
        """The contacts whose last change is in [since, until); one may come twice, or as it was some moments ago."""
        return self._changes.between(fields, since, until)

    async def count(self) -> int | None:
        """About how many contacts there are: the search index, which lags behind, tells."""
        path = f"{self._paths.contacts}/search"
        try:
            answer = await self._client.request(
                "POST", path, template=path, intent="search", json={"filterGroups": [], "limit": 1}
            )
        except AccessError:
            return None
        total = answer.body.get("total") if answer.status == 200 and isinstance(answer.body, dict) else None
        return total if isinstance(total, int) else None

    async def read(self, ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """The contacts with these ids as they are now; missing ones are left out, merged ones come with their new id."""
        return await self._read(ids, fields, {})

    async def resolve(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """The live contact that each id leads to: a batch first, then one by one what came under another id or not at all.

        A batch's answer does not tell which id led to a contact; a single one does.
        """
        asked = list(dict.fromkeys(ids))
        found = {record.id: record for record in await self._read(asked, [*fields, _OWN_ID], {})}
        resolved: dict[str, Record] = {}
        for record_id in asked:
            record = found.get(record_id) or await self._single(record_id, [*fields, _OWN_ID])
            if record is not None:
                resolved[record_id] = _under_own_id(record, fields)
        return resolved

    async def gone_for_good(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that are not archived either: archived contacts can be restored for 90 days."""
        archived = await self._read(ids, [], {}, archived=True)
        return frozenset(ids) - {record.id for record in archived}

    async def find(self, emails: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """The contacts with these addresses (primary or additional) as they are now."""
        return await self._read(emails, fields, {"idProperty": "email"})

    async def write(self, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Creates or updates a batch of contacts and reads back what HubSpot kept.

        Raises an error, also a stop, only if none was applied. Where the reading back fails, the record in an outcome holds
        only the properties that the write's own answer gave.
        """
        if not writes:
            return []
        outcomes = await outcomes_of(writes, self._writes.send, self._writes.refuse)
        applied = [outcome.record.id for outcome in outcomes if outcome.record]
        try:
            kept = {record.id: record for record in await self.read(applied, fields)}
        except SyncdoctorError:
            return outcomes
        return [
            _read_back(outcome, outcome.record, kept[outcome.record.id])
            if outcome.record and outcome.record.id in kept
            else outcome
            for outcome in outcomes
        ]

    async def inclusion_list(self, reference: str) -> InclusionList:
        """The list with this id or exact name. Raises ConfigurationError if there is none or more than one."""
        return await self._lists.find(reference)

    async def lists(self, ids: Sequence[str]) -> Mapping[str, InclusionList]:
        """The lists with these ids, whatever they hold; those that HubSpot does not have are left out."""
        return await self._lists.several(ids)

    def list_members(self, list_id: str) -> AsyncIterator[list[tuple[str, str]]]:
        """Pages of (record id, membership time as ISO 8601)."""
        return self._lists.members(list_id)

    async def subscriptions(self, emails: Sequence[str], subscription: str) -> Mapping[str, str]:
        """Status per address of one subscription type. Raises ConfigurationError if there is no such type."""
        return await subscription_statuses(self._client, self._paths, emails, subscription)

    async def consent(self, email: str) -> Sequence[SubscriptionState]:
        """The status of one address for every subscription type."""
        return await address_statuses(self._client, self._paths, email)

    async def history(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, LastChange]]:
        """The last change of each named property by id and property; 50 contacts a request."""
        return await last_changes(self._client, self._paths, ids, fields)

    async def versions(self, record_id: str, fields: Sequence[str]) -> RecordVersions | None:
        """Every version that HubSpot gives of one contact's properties; None if the id leads nowhere."""
        return await all_versions(self._client, self._paths, record_id, fields)

    async def room(self) -> Room | None:
        """How many contacts the account holds and may hold; None if it does not tell."""
        return await contact_room(self._client, self._paths)

    async def user_names(self) -> Mapping[str, str]:
        """The names of the account's users by their id, also of those who were deactivated."""
        return await user_names(self._client, self._paths)

    async def _single(self, record_id: str, fields: Sequence[str]) -> Record | None:
        template = f"{self._paths.contacts}/{{id}}"
        where = f"HubSpot, GET {template}"
        answer = await self._client.request(
            "GET", f"{self._paths.contacts}/{quote(record_id, safe='')}", template=template, intent="read",
            params={"properties": ",".join(fields)},
        )  # fmt: skip
        if answer.status == 404:
            return None
        _require(answer, where, 200)
        return shaped(Contact, answer, where).record(fields)

    async def _read(
        self, keys: Sequence[str], fields: Sequence[str], extra: Mapping[str, str], *, archived: bool = False
    ) -> list[Record]:
        path = f"{self._paths.contacts}/batch/read"
        where = f"HubSpot, POST {path}"
        guard = PageGuard(where)
        records: list[Record] = []
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), self._limits.batch):
            inputs = [{"id": key} for key in distinct[start : start + self._limits.batch]]
            answer = await self._client.request(
                "POST", path, template=path, intent="read",
                json={"inputs": inputs, "properties": list(fields), "propertiesWithHistory": [], **extra},
                params={"archived": "true"} if archived else None,
            )  # fmt: skip
            _require(answer, where, 200, 207)
            found = guard.fresh(shaped(BatchAnswer, answer, where).results, lambda contact: contact.id)
            records += [contact.record(fields) for contact in found]
        return records


def _under_own_id(record: Record, fields: Sequence[str]) -> Record:
    """The record under the id that it gives itself: after a merge an old id may stay readable as if it were live."""
    values = {name: value for name, value in record.values.items() if name in fields}
    return replace(record, id=record.values.get(_OWN_ID) or record.id, values=values)


def _read_back(outcome: Outcome, answered: Record, kept: Record) -> Outcome:
    # An answer that only echoes what was sent has the same time of change as the record; an edit in between moves it.
    moved = kept.updated_at != answered.updated_at
    edited = [name for name, value in kept.values.items() if moved and answered.values.get(name, value) != value]
    return replace(outcome, record=kept, read_back=True, edited=tuple(edited))


def _require(answer: Answer, where: str, *statuses: int) -> None:
    if answer.status not in statuses:
        raise UnexpectedAnswer(
            f"HubSpot answered {answer.status} to reading contacts", where=where,
            remedy="Check the server's address and the API version (hubspot.api_version).",
        )  # fmt: skip
