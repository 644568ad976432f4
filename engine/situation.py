"""Keeps the situation of the last observation in the workspace, so that explaining and reporting need no network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from engine.connection import Connection
from engine.errors import WorkspaceError
from engine.gates import Situation
from engine.runs import Run, iso
from engine.schema import SIDES, InclusionList, SideSchema
from engine.workspace import Workspace

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def as_gates_see(situation: Situation) -> Situation:
    """The situation without what says nothing about a single contact and changes with every observation: the list's size and
    when it was last touched, and until when credentials hold. So a gate cannot go by it, and what was examined stays examined."""
    inclusion = situation.inclusion
    if inclusion is not None:
        newest = inclusion.members_changed_at
        day = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if newest else None
        named = tuple(replace(one, size=None, updated_at=None) for one in inclusion.named)
        inclusion = replace(inclusion, size=None, updated_at=None, members_changed_at=day, named=named)
    schemas = {side: replace(schema, credentials={}) for side, schema in situation.schemas.items()}
    return replace(situation, inclusion=inclusion, list_size=min(situation.list_size, 1), schemas=schemas)


def digest(situation: Situation) -> str:
    """The same for two situations in which gates say the same of a contact that did not change, the time aside."""
    seen = as_gates_see(situation)
    documents = [_adapter(SideSchema).dump_json(seen.schemas[side]).decode() for side in SIDES]
    documents += [_adapter(InclusionList).dump_json(seen.inclusion).decode()] if seen.inclusion else [""]
    documents += [seen.connection.model_dump_json(), json.dumps(sorted(seen.unavailable.items()))]
    documents += [*seen.also_read, str(seen.list_size)]
    return hashlib.sha256("\x1f".join(documents).encode("utf-8", "surrogatepass")).hexdigest()


def remember(run: Run, situation: Situation) -> Situation:
    """Stores schemas, lists and what could not be read in the table `declared`; gives the situation back.

    Members of lists that it does not know any more go in the same transaction, so that no situation is without its members.
    """
    documents: dict[str, str] = {
        side: _adapter(SideSchema).dump_json(situation.schemas[side]).decode() for side in SIDES
    }
    if situation.inclusion:
        documents["list"] = _adapter(InclusionList).dump_json(situation.inclusion).decode()
    documents["situation"] = json.dumps(
        {
            "now": iso(situation.now),
            "list_size": situation.list_size,
            "unavailable": dict(situation.unavailable),
            "also_read": list(situation.also_read),
        }
    )
    moment = iso(run.now())
    named = situation.inclusion.named if situation.inclusion else ()
    read = json.dumps([one.id for one in named if not one.unknown_because])
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM declared")
        sql.executemany(
            "INSERT INTO declared(what, run_id, at, document) VALUES (?, ?, ?, ?)",
            [(what, run.id, moment, document) for what, document in documents.items()],
        )
        sql.execute("DELETE FROM named_list_member WHERE list_id NOT IN (SELECT value FROM json_each(?))", (read,))
    return situation


def known_zone(workspace: Workspace) -> str:
    """The HubSpot account's time zone (an IANA name) as the last observation found it; empty if there was none."""
    found = workspace.value(
        "SELECT json_extract(document, '$.account.time_zone') FROM declared WHERE what = 'hubspot' AND json_valid(document)"
    )
    return found if isinstance(found, str) else ""


def recall(workspace: Workspace, connection: Connection) -> Situation:
    """The situation of the last observation. Raises WorkspaceError if there was none, or if what is stored of it cannot be read."""
    documents = {row["what"]: row["document"] for row in workspace.rows("SELECT what, document FROM declared")}
    if "situation" not in documents:
        raise WorkspaceError(
            "nothing has been examined yet for this connection",
            where=str(workspace.path),
            remedy=f"Run: syncdoctor check {connection.name}",
        )
    try:
        rest = json.loads(documents["situation"])
        return Situation(
            connection=connection,
            schemas={side: _adapter(SideSchema).validate_json(documents[side]) for side in SIDES},
            inclusion=_adapter(InclusionList).validate_json(documents["list"]) if "list" in documents else None,
            now=datetime.fromisoformat(rest["now"].replace("Z", "+00:00")),
            list_size=rest["list_size"],
            unavailable=rest["unavailable"],
            also_read=tuple(rest["also_read"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise WorkspaceError(
            "what the last check kept of schemas and list cannot be read: it is damaged, or of another version",
            where=str(workspace.path),
            remedy=f"Read everything again: syncdoctor check {connection.name}",
        ) from None
