"""The other lists that the inclusion list's criteria name: read when the inclusion list is, evaluated for every contact, and said to
be unknown where they cannot be read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from diagnostics.causes.list_clauses import circumstances, live_criteria
from diagnostics.checkup import GATES, check
from diagnostics.criteria.evaluate import answer, unknown_because
from engine.connectors.hubspot_lists import lists_named
from engine.cycle import examine
from engine.errors import ScopeMissing, Stopped
from engine.losses import Demand
from engine.named_lists import with_named_lists
from engine.population import slice_of
from engine.runs import Run
from engine.schema import InclusionList
from engine.situation import recall
from tests.engine.test_observe import FULL, Desk, desk, people, settled

__all__ = ["desk", "people"]

STAGE = {
    "filterType": "PROPERTY", "property": "lifecyclestage",
    "operation": {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["lead", "customer"]},
}  # fmt: skip


def asks(*filters: dict[str, Any]) -> dict[str, Any]:
    """Criteria that ask for all of these."""
    return {"filterBranchType": "OR", "filterBranches": [{"filterBranchType": "AND", "filters": list(filters)}]}


def within(list_id: str, operator: str = "IN_LIST") -> dict[str, Any]:
    """A filter on membership."""
    return {"filterType": "IN_LIST", "listId": list_id, "operator": operator}


async def somebody(desk: Desk, method: str, path: str, body: Any = None) -> None:
    """A person does something in HubSpot."""
    client = desk.sides().hubspot._client  # type: ignore[attr-defined]
    answer = await client.request(method, f"/crm/v3/lists/{path}", template="", intent="write", json=body)
    assert answer.status in (200, 204)


async def asked_for(desk: Desk, *filters: dict[str, Any]) -> None:
    """The inclusion list gets these criteria, and everything is read."""
    await somebody(desk, "PUT", "101/update-list-filters", {"filterBranch": asks(*filters)})
    await desk.check(FULL)


def portal_members(desk: Desk, list_id: int) -> set[str]:
    """Who is in a list, by the portal."""
    return {str(row[0]) for row in desk.portal._state.rows("SELECT contact FROM membership WHERE list = ?", list_id)}


def answers(desk: Desk) -> dict[str, bool | None]:
    """What the criteria say of each HubSpot record."""
    situation = recall(desk.workspace, desk.connection)
    tree = live_criteria(situation)
    frame = slice_of(desk.workspace, 0, 1 << 60)
    assert tree is not None
    around = circumstances(situation, frame.columns)
    told = frame.select("hubspot_id", "hubspot", fits=answer(tree, around)).filter("hubspot")
    return dict(zip(told["hubspot_id"], told["fits"], strict=True))


def reason(desk: Desk) -> str:
    """Why the criteria cannot be evaluated."""
    situation = recall(desk.workspace, desk.connection)
    tree = live_criteria(situation)
    assert tree is not None
    return unknown_because(tree, circumstances(situation, ["member_since", "named_lists", "hubspot.lifecyclestage"]))


@pytest.mark.parametrize("operator", ["IN_LIST", "NOT_IN_LIST"])
async def test_a_clause_on_another_list_is_evaluated_from_its_members(desk: Desk, operator: str) -> None:
    """As the portal does, for everybody; and the members are stored."""
    await asked_for(desk, STAGE, within("102", operator))

    members = portal_members(desk, 101)
    assert answers(desk) == {contact: contact in members for contact in answers(desk)}
    assert 0 < len(members) < len(answers(desk))
    held = desk.workspace.rows("SELECT record_id FROM named_list_member WHERE list_id = '102'")
    assert {row["record_id"] for row in held} == portal_members(desk, 102)
    assert reason(desk) == ""
    rules = {
        row[0]
        for row in desk.workspace.rows("SELECT rule FROM finding WHERE code IN ('list-membership', 'list-criteria')")
    }
    wanted = f"{'is' if operator == 'IN_LIST' else 'is not'} in list 102"
    assert any(wanted in rule for rule in rules)
    assert desk.workspace.value("SELECT count(*) FROM finding WHERE code = 'list-disagreement'") == 0


async def test_a_quiet_run_asks_for_all_lists_at_once(desk: Desk) -> None:
    """Four requests, as without such clauses."""
    await settled(desk)
    await asked_for(desk, STAGE, within("102", "NOT_IN_LIST"), within("103", "NOT_IN_LIST"))
    desk.later(minutes=15)
    await desk.sync()
    desk.later(minutes=15)
    await desk.sync()
    desk.later(minutes=15)

    assert Counter(await desk.requests(desk.sync())) == {
        "POST /crm/objects/2026-09/contacts/search": 1,
        "GET /crm/lists/2026-09": 1,
        "GET /3.0/lists/a1b2c3d4e5/members": 2,
    }


async def test_who_joins_a_named_list_is_planned_again(desk: Desk) -> None:
    """Only the list's size tells of it: the contact itself did not change."""
    await asked_for(desk, STAGE, within("102", "NOT_IN_LIST"))
    await check(desk.run("check"), desk.connection, desk.sides())
    joins = min(portal_members(desk, 101))
    await somebody(desk, "PUT", "102/memberships/add", [joins])

    run = desk.run("check")
    await check(run, desk.connection, desk.sides())

    contact = desk.workspace.value("SELECT id FROM contact WHERE hubspot_id = ?", (joins,))
    assert answers(desk)[joins] is False
    planned = {row[0] for row in desk.workspace.rows("SELECT contact_id FROM verdict WHERE run_id = ?", (run.id,))}
    assert contact in planned
    assert len(planned) < len(answers(desk)) / 2
    found = desk.workspace.rows("SELECT code FROM finding WHERE contact_id = ?", (contact,))
    assert "list-disagreement" in {row["code"] for row in found}


async def test_a_list_that_cannot_be_read_leaves_its_clause_unknown_and_is_named(desk: Desk) -> None:
    """Not there, deleted, of companies, not finished; nobody is said to fit or not, and what was read of it goes."""
    await asked_for(desk, STAGE, within("999"))
    assert reason(desk) == "the members of list 999 are not known (HubSpot has no such list)"
    assert True not in answers(desk).values()

    await asked_for(desk, within("102"))
    assert desk.workspace.value("SELECT count(*) FROM named_list_member") > 0
    for path, value, why in (
        ("$.objectTypeId", "0-2", "the list does not hold contacts"),
        ("$.processingStatus", "PROCESSING", "HubSpot has not finished deciding who belongs to the list"),
    ):
        before = desk.portal._state.row("SELECT body FROM list WHERE id = 102")
        desk.portal._state.run("UPDATE list SET body = json_set(body, ?, ?) WHERE id = 102", path, value)
        await desk.check()
        assert reason(desk) == f"the members of list 102 are not known (Messe 2025: {why})"
        assert set(answers(desk).values()) == {None}
        assert desk.workspace.value("SELECT count(*) FROM named_list_member") == 0
        assert before is not None
        desk.portal._state.run("UPDATE list SET body = ? WHERE id = 102", before[0])
        await desk.check()
        assert reason(desk) == ""

    await somebody(desk, "DELETE", "102")
    await desk.check()
    assert reason(desk) == "the members of list 102 are not known (Messe 2025: the list was deleted)"
    rules = desk.workspace.rows("SELECT rule FROM finding WHERE code = 'list-membership'")
    assert all("the members of list 102 are not known" in row["rule"] for row in rules)


async def test_a_list_whose_members_may_not_be_read_is_unknown_with_the_reason(desk: Desk) -> None:
    """The permission goes while the lists are read: what is known of the inclusion list stays."""
    await asked_for(desk, within("102"))
    known = recall(desk.workspace, desk.connection).inclusion
    assert known is not None
    hubspot = _Withdrawn(replace(known, id="102", name="Messe 2025"), ScopeMissing("crm.lists.read is missing"))

    inclusion = await with_named_lists(desk.run("check"), hubspot, known)  # type: ignore[arg-type]

    assert [(one.id, one.unknown_because) for one in inclusion.named] == [("102", "crm.lists.read is missing")]


async def test_a_list_that_cannot_be_understood_does_not_stand_in_the_way_of_the_inclusion_list(desk: Desk) -> None:
    """The answer that holds both has not the documented shape because of the other one."""
    await asked_for(desk, within("102"))
    desk.portal._state.run("UPDATE list SET body = json_set(body, '$.processingType', 7) WHERE id = 102")

    for demand in (FULL, Demand(), Demand()):
        await desk.check(demand)
        assert "the members of list 102 are not known (the answer has not the documented shape" in reason(desk)

    desk.portal._state.run("UPDATE list SET body = json_set(body, '$.processingType', 'MANUAL') WHERE id = 102")
    await desk.check()
    assert reason(desk) == ""


@dataclass
class _Withdrawn:
    """Lists whose members may not be read any more."""

    found: InclusionList
    refusal: ScopeMissing

    async def lists(self, ids: Sequence[str]) -> Mapping[str, InclusionList]:
        return {one: self.found for one in ids}

    async def list_members(self, list_id: str) -> AsyncIterator[list[tuple[str, str]]]:
        raise self.refusal
        yield []


async def test_reading_named_lists_can_be_stopped(desk: Desk) -> None:
    """Each page is a safe point, and tells how far it is."""
    await somebody(desk, "PUT", "101/update-list-filters", {"filterBranch": asks(within("102"))})
    told: list[str] = []
    run = Run(desk.workspace, "check", now=desk.now, on_progress=lambda phase, *_: told.append(phase))

    def stop_there(phase: str, *_: object) -> None:
        told.append(phase)
        if phase == "reading the lists that the criteria name":
            run.stop.reason = "asked to"

    run._on_progress = stop_there
    with pytest.raises(Stopped):
        await examine(run, desk.connection, desk.sides(), GATES, FULL)
    assert told[-1] == "reading the lists that the criteria name"


def test_the_lists_that_criteria_name() -> None:
    """Each once; enrolment in a workflow, and filters on associated records, ask for something else."""
    enrolled = within("5") | {"metadata": {"id": "7", "inListType": "WORKFLOWS_ENROLLMENT"}}
    company = {"filterBranchType": "ASSOCIATION", "filters": [within("6")]}
    branch = asks(STAGE, within("103"), within("102", "NOT_IN_LIST"), within("102"), enrolled)
    branch["filterBranches"].append(company)

    assert lists_named(branch) == ("102", "103")
    assert lists_named(json.loads(json.dumps(asks(STAGE)))) == ()
