"""The portal's answers have the shapes of the recorded answers of the real services."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sample_data.small_portal import AUDIENCE, hubspot, mailchimp, open_small

KINDS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "recorded_shapes.json").read_text(encoding="utf-8"))[
    "kinds"
]
OPAQUE = ("properties", "merge_fields")
MEMBERS, CONTACTS = f"/lists/{AUDIENCE}/members", "/crm/v3/objects/CONTACT"
ANNA = f"{MEMBERS}/anna@firma.example"

# Recorded elsewhere (unsubscribe_reason, region), or the recorded accounts had none (required, choices).
ALSO_ANSWERED = {
    "requiredProperties[]",
    "members[].unsubscribe_reason",
    "location.region",
    "merge_fields[].options.choices",
    "merge_fields[].options.choices[]",
}
NOT_PLAYED = {
    r"^/contacts/v1/": "contacts and lists v1 are switched off by the service",
    r"^/properties/v1/": "properties v1 is replaced by v3 and the dated versions",
    r"^/crm-associations/": "associations belong to other objects than contacts",
    r"^/crm/v3/schemas$": "the list of all object schemas has no part in contacts",
    r"\{custom\}": "custom objects are not synchronised",
    r"/COMPANY/": "companies are not synchronised",
    r"/tags$": "tags are no mapped field",
}


@dataclass
class Servers:
    """Both servers' clients."""

    hubspot: httpx.AsyncClient
    mailchimp: httpx.AsyncClient


Replay = Callable[[Servers], Awaitable[httpx.Response]]


async def _schema(servers: Servers) -> httpx.Response:
    return await servers.hubspot.get("/crm/v3/schemas/CONTACT")


async def _archive_contacts(servers: Servers) -> httpx.Response:
    return await servers.hubspot.post(f"{CONTACTS}/batch/archive", json={"inputs": [{"id": "101"}]})


async def _create_contacts(servers: Servers) -> httpx.Response:
    inputs = [{"properties": {"email": "neu@firma.example", "firstname": "Neu"}}]
    return await servers.hubspot.post(f"{CONTACTS}/batch/create", json={"inputs": inputs})


async def _update_contacts(servers: Servers) -> httpx.Response:
    inputs = [{"id": "101", "properties": {"lastname": "Amsel-Bach", "loyalty_points": "3039"}}]
    return await servers.hubspot.post(f"{CONTACTS}/batch/update", json={"inputs": inputs})


async def _search(servers: Servers) -> httpx.Response:
    groups = [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "anna@firma.example"}]}]
    body = {"filterGroups": groups, "properties": ["firstname", "city", "email"], "limit": 100}
    return await servers.hubspot.post(f"{CONTACTS}/search", json=body)


async def _search_too_often(servers: Servers) -> httpx.Response:
    for _ in range(5):
        await _search(servers)
    return await _search(servers)


async def _lists(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.get("/lists", params={"count": "1000"})


async def _members(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.get(MEMBERS, params={"count": "10", "sort_field": "last_changed"})


async def _member(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.get(ANNA)


async def _no_member(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.get(f"{MEMBERS}/{'0' * 32}")


async def _merge_fields(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.get(f"/lists/{AUDIENCE}/merge-fields")


async def _add(servers: Servers, address: str = "neu@firma.example") -> httpx.Response:
    body = {"email_address": address, "status": "subscribed", "merge_fields": {"FNAME": "Neu", "POINTS": 3}}
    return await servers.mailchimp.post(MEMBERS, json=body)


async def _add_no_address(servers: Servers) -> httpx.Response:
    return await _add(servers, "AAAAA")


async def _add_fake_address(servers: Servers) -> httpx.Response:
    return await _add(servers, "foo@firma.example")


async def _put(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.put(ANNA, json={"status": "unsubscribed"})


async def _put_bad_number(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.put(ANNA, json={"merge_fields": {"POINTS": "AAAAA"}})


async def _put_taken_address(servers: Servers) -> httpx.Response:
    body = {"email_address": "anna@firma.example", "status": "subscribed"}
    return await servers.mailchimp.put(f"{MEMBERS}/{'0' * 32}", json=body)


async def _delete(servers: Servers) -> httpx.Response:
    return await servers.mailchimp.delete(ANNA)


async def _delete_twice(servers: Servers) -> httpx.Response:
    await servers.mailchimp.delete(ANNA)
    return await servers.mailchimp.delete(ANNA)


PLAYED: dict[tuple[str, str, int, str], Replay] = {
    ("GET", "/crm/v3/schemas/CONTACT", 200, ""): _schema,
    ("POST", "/crm/v3/objects/CONTACT/batch/archive", 204, ""): _archive_contacts,
    ("POST", "/crm/v3/objects/CONTACT/batch/create", 201, ""): _create_contacts,
    ("POST", "/crm/v3/objects/CONTACT/batch/update", 200, ""): _update_contacts,
    ("POST", "/crm/v3/objects/CONTACT/search", 200, ""): _search,
    ("POST", "/crm/v3/objects/CONTACT/search", 429, "RATE_LIMITS"): _search_too_often,
    ("GET", "/3.0/lists", 200, ""): _lists,
    ("GET", "/3.0/lists/{list}/members", 200, ""): _members,
    ("GET", "/3.0/lists/{list}/members/{hash}", 200, ""): _member,
    ("GET", "/3.0/lists/{list}/members/{hash}", 404, "Resource Not Found"): _no_member,
    ("GET", "/3.0/lists/{list}/merge-fields", 200, ""): _merge_fields,
    ("POST", "/3.0/lists/{list}/members", 200, ""): _add,
    ("POST", "/3.0/lists/{list}/members", 400, "Please provide a valid email address."): _add_no_address,
    ("POST", "/3.0/lists/{list}/members", 400, "looks fake"): _add_fake_address,
    ("PUT", "/3.0/lists/{list}/members/{hash}", 200, ""): _put,
    ("PUT", "/3.0/lists/{list}/members/{hash}", 400, "merge fields were invalid"): _put_bad_number,
    ("PUT", "/3.0/lists/{list}/members/{hash}", 400, "Member Exists"): _put_taken_address,
    ("DELETE", "/3.0/lists/{list}/members/{hash}", 204, ""): _delete,
    ("DELETE", "/3.0/lists/{list}/members/{hash}", 405, "Method Not Allowed"): _delete_twice,
}


def _replays(kind: dict[str, Any]) -> list[Replay]:
    words = " ".join(kind.get("error", {}).values())
    return [
        replay
        for (method, path, status, word), replay in PLAYED.items()
        if (method, path, status) == (kind["method"], kind["path"], kind["status"]) and word in words
    ]


def _reasons(kind: dict[str, Any]) -> list[str]:
    return [reason for pattern, reason in NOT_PLAYED.items() if re.search(pattern, kind["path"])]


def _name(kind: dict[str, Any]) -> str:
    error = kind.get("error", {})
    return f"{kind['method']} {kind['path']} {kind['status']} {error.get('detail', '')}".strip()


def _json_type(value: object) -> str:
    names = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
    return "null" if value is None else names[type(value)]


def _types(value: object, place: str = "") -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        children = [(f"{place}.{name}" if place else name, child) for name, child in value.items()]
    elif isinstance(value, list):
        children = [(f"{place}[]", child) for child in value]
    for path, child in children:
        found.setdefault(path, set()).add(_json_type(child))
        if not (isinstance(child, dict) and path.rpartition(".")[2] in OPAQUE):
            for deeper, types in _types(child, path).items():
                found.setdefault(deeper, set()).update(types)
    return found


def _under_nothing(path: str, found: dict[str, set[str]]) -> bool:
    """Whether a recorded path lies inside a list that is empty in the portal's answer, or in no object at all."""
    parents = [path[: place + 2] for place in range(len(path)) if path.startswith("[]", place)]
    return any(parent not in found for parent in parents)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not _reasons(kind)], ids=_name)
async def test_played_kinds_answer_like_the_recordings(kind: dict[str, Any], tmp_path: Path) -> None:
    """Status, error texts, keys and JSON types are those of the recorded answer, with nothing missing or added."""
    replays = _replays(kind)
    assert len(replays) == 1, "the kind is neither played nor listed with a reason"
    portal, _ = open_small(tmp_path)
    async with hubspot(portal) as hubspot_client, mailchimp(portal) as mailchimp_client:
        answer = await replays[0](Servers(hubspot_client, mailchimp_client))
    assert answer.status_code == kind["status"]
    if not kind["answer"]:
        assert answer.content == b""
        return
    content = answer.json()
    for field, recorded in kind.get("error", {}).items():
        pattern = re.escape(recorded).replace(re.escape("{email}"), r"\S+@\S+")
        assert re.fullmatch(pattern, content[field])
    found = _types(content)
    for path, recorded in kind["answer"].items():
        if path in found:
            assert found[path] <= set(recorded.removesuffix("?").split("|")), path
        else:
            assert recorded.endswith("?") or _under_nothing(path, found), f"{path} is missing"
    assert set(found) - set(kind["answer"]) <= ALSO_ANSWERED


def test_every_recorded_kind_is_played_or_has_its_reason() -> None:
    """No recorded kind is forgotten, none is in both groups, and no replay or reason is left over."""
    for kind in KINDS:
        assert bool(_replays(kind)) != bool(_reasons(kind)), _name(kind)
    used = {id(replay) for kind in KINDS for replay in _replays(kind)}
    assert used == {id(replay) for replay in PLAYED.values()}
    assert {reason for kind in KINDS for reason in _reasons(kind)} == set(NOT_PLAYED.values())
