"""What may not be read is unknown, never passed: it is withdrawn, and every gate that needs it says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from diagnostics.causes import CAUSES
from diagnostics.checkup import GATES, Checkup, check
from diagnostics.explain import explain
from engine.connection import OptIn, read_connection
from engine.memory import memory_of_slice
from engine.plan import plan
from engine.population import slice_of
from engine.runs import Run
from engine.situation import recall
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import Portal, open_portal
from sample_data.portal.faults import Fault
from tests.engine.test_cycle import World

PEOPLE, MANY = 120, 10_000
SUBSCRIPTIONS = (
    "communication_preferences.read",
    "communication_preferences.read_write",
    "communication_preferences.statuses.batch.read",
)
NEWSLETTER = OptIn(subscription="Newsletter")


def withdraw(folder: Path, scopes: Iterable[str]) -> None:
    """Takes scopes from every token of the account."""
    file = folder / "hubspot_account.json"
    account = json.loads(file.read_text(encoding="utf-8"))
    for token in account["tokens"]:
        token["scopes"] = [scope for scope in token["scopes"] if scope not in scopes]
    file.write_text(json.dumps(account), encoding="utf-8")


def refused(path: str) -> Callable[[Portal], None]:
    """The portal answers 403 to every request for the path."""
    return lambda portal: portal.faults.add(Fault("hubspot", "*", path, 0, "403_scope"))


def hidden(name: str) -> Callable[[Portal], None]:
    """The account does not show the property."""
    return lambda portal: portal.change_property(name, archived=True)


WITHDRAWN: Mapping[str, Iterable[str] | Callable[[Portal], None]] = {
    "list": ("crm.lists.read",),
    "subscription": SUBSCRIPTIONS,
    "rules": refused("/property-validations/"),
    "required fields": refused("/crm-object-schemas/"),
    "hubspot.hs_email_optout": hidden("hs_email_optout"),
    "hubspot.hs_email_hard_bounce_reason_enum": hidden("hs_email_hard_bounce_reason_enum"),
}
"""How each need of a gate is taken away: scopes of the token, or something in the portal."""
SERVER_CHECKS = ("rules", "required fields")
"""What only values to be written have to meet: the server checks each, so nothing has to be held back."""


async def examined(folder: Path, home: Path, need: str = "", opt_in: OptIn | None = None) -> tuple[World, Checkup]:
    """A portal over the folder, checked, without what `need` names."""
    home.mkdir()
    connection = read_connection(folder / "connection.toml").model_copy(update={"name": "practice"})
    if opt_in is not None:
        connection = connection.model_copy(update={"opt_in": opt_in})
    how = WITHDRAWN[need] if need else ()
    if not callable(how):
        withdraw(folder, how)
    world = World(open_portal(folder, home / "portal.sqlite"), Workspace(home / "w.sqlite"), connection)
    if callable(how):
        how(world.portal)
    return world, await check(Run(world.workspace, "check"), connection, world.sides())


def verdicts(world: World) -> dict[tuple[str | None, str | None], tuple[str, str]]:
    """State and cause by the ids of the records."""
    return {
        (row["hubspot_id"], row["app_id"]): (row["state"], row["cause"])
        for row in world.workspace.rows("SELECT hubspot_id, app_id, state, cause FROM contacts")
    }


def told(world: World) -> dict[str, dict[tuple[str | None, str | None], set[tuple[str, bool]]]]:
    """By gate and contact the state and `blocking` of what the planner, run again, finds, as explaining does."""
    contacts, memory = slice_of(world.workspace, 0, MANY), memory_of_slice(world.workspace, 0, MANY)
    answer = plan(contacts, memory, recall(world.workspace, world.connection), GATES)
    rows = answer.findings.join(contacts.select("contact", "hubspot_id", "app_id"), on="contact")
    found: dict[str, dict[tuple[str | None, str | None], set[tuple[str, bool]]]] = {}
    for code, hubspot, app, state, blocking in rows.select(
        "code", "hubspot_id", "app_id", "state", "blocking"
    ).iter_rows():
        found.setdefault(code, {}).setdefault((hubspot, app), set()).add((state, blocking))
    return found


def test_all_that_gates_need_is_withdrawn_here() -> None:
    """A new need of a gate needs a case."""
    assert {need for entry in CAUSES for need in entry.needs} == set(WITHDRAWN)


@pytest.mark.parametrize("need", WITHDRAWN)
async def test_every_gate_that_lacks_what_it_needs_answers_unknown(tmp_path: Path, need: str) -> None:
    """All of them, for everybody concerned and nobody else; who passes all the same is only who waits for a write that the server
    checks; whom another gate stops stays stopped; the counts add up."""
    folder = tmp_path / "people"
    assert generate(["--seed", "31", "--people", str(PEOPLE), "--out", str(folder)]) == 0
    opt_in = NEWSLETTER if need == "subscription" else None
    before, _ = await examined(folder, tmp_path / "with", opt_in=opt_in)
    after, result = await examined(folder, tmp_path / "without", need, opt_in)

    assert sum(result.states.values()) == result.population == PEOPLE
    assert sum(one.contacts for one in result.causes if one.state == "unknown") == result.states["unknown"]
    was, now = verdicts(before), verdicts(after)
    to_hubspot = {
        (row["hubspot_id"], row["app_id"])
        for row in after.workspace.rows(
            "SELECT c.hubspot_id, c.app_id FROM planned_write p JOIN contact c ON c.id = p.contact_id WHERE p.side = 'hubspot'"
        )
    }
    concerned = to_hubspot if need in SERVER_CHECKS else {ids for ids in now if ids[0] is not None}
    blind = [entry.code for entry in CAUSES if need in entry.needs]
    answers, answers_before = told(after), told(before)
    passing = set()
    for code in blind:
        for ids in now:
            said = answers.get(code, {}).get(ids, set())
            stopped = any(blocking and state != "unknown" for state, blocking in said)
            unknown = any(state == "unknown" for state, _ in said)
            if ids in concerned:
                assert unknown != stopped, (code, ids, said)
            elif need not in SERVER_CHECKS:
                assert said == answers_before.get(code, {}).get(ids, set())
            if unknown and now[ids][0] in ("in_sync", "pending"):
                passing.add(now[ids][0])
    assert passing == ({"pending"} if need in SERVER_CHECKS else set())
    assert {code: found for code, found in answers.items() if code not in blind} == {
        code: found for code, found in answers_before.items() if code not in blind
    }
    order = [entry.code for entry in CAUSES]
    for ids, (state, cause) in now.items():
        if ids not in concerned or (cause and min(order.index(code) for code in blind) > order.index(cause)):
            assert (state, cause) == was[ids]
        elif cause in blind:
            assert was[ids][1] in ("", "conflict", *blind) or order.index(was[ids][1]) > order.index(cause)
    for code in blind:
        _explained(
            after, code, next(ids for ids, said in answers[code].items() if {state for state, _ in said} == {"unknown"})
        )
    written = (
        "SELECT count(*) FROM planned_write p JOIN verdict v ON v.contact_id = p.contact_id WHERE v.state = 'unknown'"
    )
    assert after.workspace.value(written) == 0
    untold = after.workspace.rows("SELECT DISTINCT code, blocking FROM open_findings WHERE state = 'unknown'")
    assert all(row["blocking"] for row in untold if row["code"] in blind), "what is so for everybody is kept once"


def _explained(world: World, code: str, ids: tuple[str | None, str | None]) -> None:
    """A contact of whom a gate cannot tell is explained so, with the reason."""
    contact = world.workspace.value("SELECT id FROM contact WHERE hubspot_id IS ? AND app_id IS ?", ids)
    gate = next(one for one in explain(world.workspace, world.connection, contact).gates if one.code == code)
    assert gate.passed is None
    assert any("not" in line for line in gate.evidence)


async def test_without_the_contacts_everybody_known_is_unknown(tmp_path: Path) -> None:
    """A check that may no longer read one side passes nobody on what it saw earlier."""
    folder = tmp_path / "people"
    assert generate(["--seed", "31", "--people", str(PEOPLE), "--out", str(folder)]) == 0
    world, _ = await examined(folder, tmp_path / "home")
    withdraw(folder, ("crm.objects.contacts.read", "crm.schemas.contacts.read"))
    world.portal.close()
    blind = World(open_portal(folder, tmp_path / "blind.sqlite"), world.workspace, world.connection)

    result = await check(Run(world.workspace, "check"), world.connection, blind.sides())

    assert result.refusal is not None
    assert result.states["unknown"] == result.population == PEOPLE
    assert {state for state, _ in verdicts(world).values()} == {"unknown"}
