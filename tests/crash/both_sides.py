"""What the two services hold and what they were sent, read from their own state: the engine's tables are not asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.sqlite import sqlite3

Values = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BothSides:
    """Every record that is not archived, as (key, values), sorted; the key is the id, for a `new` record its address.

    `addresses` are the normalised addresses a side holds, with how many records have each.
    """

    hubspot: tuple[tuple[str, Values], ...]
    app: tuple[tuple[str, Values], ...]
    addresses: dict[str, Counter[str]]

    def differences(self, other: BothSides) -> list[str]:
        """What is not the same on two occasions, a line a record."""
        lines = []
        for side in ("hubspot", "app"):
            mine, theirs = Counter(getattr(self, side)), Counter(getattr(other, side))
            lines += [f"{side} holds, and should not: {key} {dict(values)}" for key, values in mine - theirs]
            lines += [f"{side} does not hold: {key} {dict(values)}" for key, values in theirs - mine]
        return lines

    def doubled(self) -> set[tuple[str, str]]:
        """Addresses that several records of a side share."""
        return {
            (side, address) for side, counts in self.addresses.items() for address, count in counts.items() if count > 1
        }


def read_both_sides(home: Path, known: frozenset[str] = frozenset()) -> BothSides:
    """Reads the practice portal's file. Records that are not `known` (by id) count as new."""
    with closing(sqlite3.connect(home / "practice" / "portal.sqlite")) as sql:
        contacts = [
            (str(identifier), json.loads(text))
            for identifier, text in sql.execute("SELECT id, properties FROM contact WHERE archived = 0")
        ]
        members = [
            (str(identifier), {"email": email, "status": status, **json.loads(text)})
            for identifier, email, status, text in sql.execute(
                "SELECT contact_id, email, status, merge_fields FROM member"
            )
        ]

    def keyed(records: list[tuple[str, dict[str, Any]]]) -> tuple[tuple[str, Values], ...]:
        return tuple(
            sorted(
                (
                    identifier if identifier in known else f"new {values.get('email', '')}",
                    tuple(sorted((name, str(value)) for name, value in values.items() if value != "")),
                )
                for identifier, values in records
            )
        )

    addresses = {
        side: Counter(values["email"].strip().lower() for _, values in records if values.get("email"))
        for side, records in (("hubspot", contacts), ("app", members))
    }
    return BothSides(keyed(contacts), keyed(members), addresses)


def identifiers(home: Path) -> frozenset[str]:
    """The ids of all records that exist."""
    with closing(sqlite3.connect(home / "practice" / "portal.sqlite")) as sql:
        rows = sql.execute("SELECT id FROM contact UNION ALL SELECT contact_id FROM member").fetchall()
    return frozenset(str(row[0]) for row in rows)


@dataclass(frozen=True)
class Sent:
    """One input of a writing request that the server answered. `who` is an address (create) or the record's id or hash."""

    side: str
    kind: str
    who: str
    content: str


def sent_inputs(folder: Path) -> list[Sent]:
    """All that the runs of a folder sent, in their order."""
    path = folder / "sent.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [sent for line in lines for sent in _inputs(json.loads(line))]


def _inputs(request: dict[str, Any]) -> Iterator[Sent]:
    side = "hubspot" if "/crm/" in request["path"] else "app"
    body = request["body"] or {}
    inputs = body.get("inputs") or body.get("members") or [body]
    for each in inputs:
        properties = each.get("properties", each)
        address = str(properties.get("email") or properties.get("email_address") or "").strip().lower()
        content = json.dumps(properties.get("merge_fields", properties), sort_keys=True)
        alone = inputs == [body]
        if alone and request["method"] in ("PATCH", "PUT", "DELETE"):
            yield Sent(side, "update", request["path"].rpartition("/")[2], content)
        elif each.get("id"):
            yield Sent(side, "update", str(each["id"]), content)
        else:
            yield Sent(side, "create", address, content)
