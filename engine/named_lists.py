"""The other lists that the inclusion list's criteria name ("is in list 102"): who is in them.

They are read when the inclusion list is. A list that cannot be read says why; nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.connectors import ListSource
from engine.errors import ScopeMissing, UnexpectedAnswer
from engine.runs import Run
from engine.schema import InclusionList, NamedList

_CONTACTS = "0-1"
_FOLLOWS_CRITERIA = "DYNAMIC"
_COMPLETE = "COMPLETE"


async def with_named_lists(
    run: Run,
    hubspot: ListSource,
    inclusion: InclusionList,
    known: Sequence[NamedList] = (),
    found: Mapping[str, InclusionList] | None = None,
    *,
    changed: bool = True,
) -> InclusionList:
    """The inclusion list with the lists that its criteria name, their members read.

    `known`: lists as they were read last, and `found`, by id, as this run has met those again; the members of one that shows no
    change are not read anew unless contacts have `changed`.
    """
    live = inclusion.processing_type == _FOLLOWS_CRITERIA and inclusion.deleted_at is None
    wanted = [one for one in inclusion.criteria_lists if one != inclusion.id] if live else []
    before = {one.id: one for one in known}
    there = dict(found or {})
    try:
        if new := [one for one in wanted if one not in before]:
            there |= await hubspot.lists(new)
    except (ScopeMissing, UnexpectedAnswer) as error:
        return replace(inclusion, named=tuple(NamedList(one, unknown_because=error.what) for one in wanted))
    named = []
    for one in wanted:
        now = _as_found(one, there.get(one))
        as_known = now == before.get(one) and not changed
        named.append(now if as_known else await _with_members(run, hubspot, now))
    return replace(inclusion, named=tuple(named))


def _as_found(list_id: str, found: InclusionList | None) -> NamedList:
    if found is None:
        return NamedList(list_id, unknown_because="HubSpot has no such list")
    return NamedList(
        list_id,
        found.name,
        found.size,
        found.updated_at,
        _unusable(found),
        found.processing_type == _FOLLOWS_CRITERIA,
        found.criteria_properties if found.only_properties else (),
    )


def _unusable(found: InclusionList) -> str:
    if found.deleted_at is not None:
        return "the list was deleted"
    if found.object_type != _CONTACTS:
        return "the list does not hold contacts"
    if found.processing_status != _COMPLETE:
        return "HubSpot has not finished deciding who belongs to the list"
    return ""


async def _with_members(run: Run, hubspot: ListSource, now: NamedList) -> NamedList:
    """The list, with its members stored; with the reason if they cannot be read."""
    if now.unknown_because:
        return now
    members: list[str] = []
    try:
        async for page in hubspot.list_members(now.id):
            members += [record_id for record_id, _ in page]
            run.progress("reading the lists that the criteria name", len(members), now.size)
    except (ScopeMissing, UnexpectedAnswer) as error:
        return replace(now, unknown_because=error.what)
    _keep(run, now.id, frozenset(members))
    return now


def _keep(run: Run, list_id: str, members: frozenset[str]) -> None:
    """Only who came and who went is written: each is marked to be planned again."""
    rows = run.workspace.rows("SELECT record_id FROM named_list_member WHERE list_id = ?", (list_id,))
    before = {str(row["record_id"]) for row in rows}
    with run.workspace.transaction() as sql:
        sql.executemany(
            "DELETE FROM named_list_member WHERE record_id = ? AND list_id = ?",
            ((one, list_id) for one in before - members),
        )
        sql.executemany(
            "INSERT INTO named_list_member(record_id, list_id) VALUES (?, ?)",
            ((one, list_id) for one in members - before),
        )
