"""HubSpot's property history: when a value was set and by what. Evidence for conflicts, and who wrote a contact's fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import RecordId, shaped
from engine.connectors import FieldVersion, LastChange, RecordVersions
from engine.connectors.hubspot_paths import Paths
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient
from engine.visible import is_storable, visible

IDS_PER_REQUEST = 50
"""Contacts with history in one batch (objects API: half of the 100 without)."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Version(_Body):
    """A value that a property had or has. Values may hold lone surrogates, so they stay untyped here."""

    value: Any = None
    timestamp: str = ""
    source_type: str = Field(alias="sourceType", default="")
    source_id: str | None = Field(alias="sourceId", default=None)
    source_label: str | None = Field(alias="sourceLabel", default=None)
    user_id: int | str | None = Field(alias="updatedByUserId", default=None)


class ContactHistory(_Body):
    """A contact with the versions of the properties that were asked for."""

    id: RecordId
    history: dict[str, list[Version]] = Field(alias="propertiesWithHistory", default_factory=dict)


class HistoryAnswer(_Body):
    """The answer to a batch."""

    results: list[ContactHistory]


async def last_changes(
    client: AccountClient, paths: Paths, ids: Sequence[str], fields: Sequence[str]
) -> Mapping[str, Mapping[str, LastChange]]:
    """The newest version of each named property of each contact, by id and property. What has no history is left out.

    Raises an AccessError.
    """
    path = f"{paths.contacts}/batch/read"
    where = f"HubSpot, POST {path} with history"
    found: dict[str, dict[str, LastChange]] = {}
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), IDS_PER_REQUEST):
        inputs = [{"id": one} for one in distinct[start : start + IDS_PER_REQUEST]]
        body = {"inputs": inputs, "properties": [], "propertiesWithHistory": list(fields)}
        answer = await client.request("POST", path, template=path, intent="read", json=body)
        if answer.status not in (200, 207):
            raise UnexpectedAnswer(f"HubSpot answered {answer.status} to reading histories", where=where)
        for contact in shaped(HistoryAnswer, answer, where).results:
            newest = {name: _newest(versions) for name, versions in contact.history.items()}
            found[contact.id] = {name: change for name, change in newest.items() if change is not None}
    return found


async def all_versions(
    client: AccountClient, paths: Paths, record_id: str, fields: Sequence[str]
) -> RecordVersions | None:
    """Every version that HubSpot gives of one contact's properties, newest first; None if the id leads nowhere.

    One contact by itself: its answer names the record that the id stands for after a merge. Raises an AccessError.
    """
    template = f"{paths.contacts}/{{id}}"
    where = f"HubSpot, GET {template} with history"
    answer = await client.request(
        "GET", f"{paths.contacts}/{quote(record_id, safe='')}", template=template, intent="read",
        params={"propertiesWithHistory": ",".join(fields)},
    )  # fmt: skip
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise UnexpectedAnswer(f"HubSpot answered {answer.status} to reading a history", where=where)
    found = shaped(ContactHistory, answer, where)
    return RecordVersions(found.id, {name: _dated(versions) for name, versions in found.history.items()})


def _dated(versions: Sequence[Version]) -> tuple[FieldVersion, ...]:
    """The versions as the engine keeps them; those without a time that can be read come last."""
    known = [(_moment(one.timestamp), one) for one in versions]
    ordered = sorted(known, key=lambda pair: pair[0] or datetime.min.replace(tzinfo=UTC), reverse=True)
    return tuple(
        FieldVersion(
            text if is_storable(text := _text(one.value)) else None,
            _iso(moment) if moment else "",
            visible(one.source_type, 60),
            visible(one.source_id or "", 100),
            visible(one.source_label or "", 100),
            visible(str(one.user_id), 40) if one.user_id is not None else "",
        )
        for moment, one in ordered
    )


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _newest(versions: Sequence[Version]) -> LastChange | None:
    dated = [(moment, version) for version in versions if (moment := _moment(version.timestamp)) is not None]
    if not dated:
        return None
    moment, version = max(dated, key=lambda one: one[0])
    text = _text(version.value)
    if not is_storable(text):
        return None
    label = "" if not version.source_label or "@" in version.source_label else f" ({version.source_label})"
    return LastChange(text, _iso(moment), visible(f"{version.source_type}{label}", 100))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
