"""What may not be read is unknown, never passed: a scope is withdrawn, and the gates that need it say so."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from diagnostics.checkup import Checkup, check
from diagnostics.explain import explain
from engine.connection import OptIn, read_connection
from engine.runs import Run
from engine.workspace import Workspace
from sample_data.generate import main as generate
from sample_data.portal import open_portal
from tests.engine.test_cycle import World

PEOPLE = 120
SUBSCRIPTIONS = (
    "communication_preferences.read",
    "communication_preferences.read_write",
    "communication_preferences.statuses.batch.read",
)


def withdraw(folder: Path, scopes: Iterable[str]) -> None:
    """Takes scopes from every token of the account."""
    file = folder / "hubspot_account.json"
    account = json.loads(file.read_text(encoding="utf-8"))
    for token in account["tokens"]:
        token["scopes"] = [scope for scope in token["scopes"] if scope not in scopes]
    file.write_text(json.dumps(account), encoding="utf-8")


async def examined(folder: Path, home: Path, opt_in: OptIn | None) -> tuple[World, Checkup]:
    """A portal over the folder, checked."""
    home.mkdir()
    connection = read_connection(folder / "connection.toml").model_copy(update={"name": "practice"})
    if opt_in is not None:
        connection = connection.model_copy(update={"opt_in": opt_in})
    world = World(open_portal(folder, home / "portal.sqlite"), Workspace(home / "w.sqlite"), connection)
    return world, await check(Run(world.workspace, "check"), connection, world.sides())


def verdicts(world: World) -> dict[tuple[str | None, str | None], tuple[str, str]]:
    """State and cause by the ids of the records."""
    return {
        (row["hubspot_id"], row["app_id"]): (row["state"], row["cause"])
        for row in world.workspace.rows("SELECT hubspot_id, app_id, state, cause FROM contacts")
    }


@pytest.mark.parametrize(
    ("scopes", "opt_in", "gate", "instead_of"),
    [
        (("crm.lists.read",), None, "list-membership", {"list-criteria", "list-membership"}),
        (SUBSCRIPTIONS, OptIn(subscription="Newsletter"), "opt-in", {"opt-in"}),
    ],
)
async def test_a_gate_that_lacks_its_scope_answers_unknown(
    tmp_path: Path, scopes: tuple[str, ...], opt_in: OptIn | None, gate: str, instead_of: set[str]
) -> None:
    """Whom it would have stopped or let pass is unknown; whom an earlier gate stops stays stopped; the counts add up."""
    folder = tmp_path / "people"
    assert generate(["--seed", "31", "--people", str(PEOPLE), "--out", str(folder)]) == 0
    before, _ = await examined(folder, tmp_path / "with", opt_in)
    withdraw(folder, scopes)
    after, result = await examined(folder, tmp_path / "without", opt_in)

    assert sum(result.states.values()) == result.population == PEOPLE
    assert sum(one.contacts for one in result.causes if one.state == "unknown") == result.states["unknown"] > 0
    now = verdicts(after)
    order = [one.code for one in explain(after.workspace, after.connection, 1).gates]
    seen: set[tuple[str, str]] = set()
    for ids, (state, cause) in verdicts(before).items():
        concerned = ids[0] is not None
        earlier = cause not in ("", "conflict") and order.index(cause) < order.index(gate) and cause not in instead_of
        if concerned and not earlier:
            # Who opted out of all e-mail is known without the scope of the subscriptions.
            stays = {(state, cause)} if cause == "opt-in" else set()
            assert now[ids] in {("unknown", gate)} | stays
        else:
            assert now[ids] == (state, cause)
        seen.add(now[ids])
    assert {("unknown", gate), ("pending", "")} <= seen
    untold = after.one(f"state = 'unknown' AND cause = '{gate}'")
    told = explain(after.workspace, after.connection, untold["id"])
    assert {one.code: one.passed for one in told.gates}[gate] is None
    assert (
        after.workspace.value(
            "SELECT count(*) FROM planned_write p JOIN verdict v ON v.contact_id = p.contact_id WHERE v.state = 'unknown'"
        )
        == 0
    )


async def test_without_the_contacts_everybody_known_is_unknown(tmp_path: Path) -> None:
    """A check that may no longer read one side passes nobody on what it saw earlier."""
    folder = tmp_path / "people"
    assert generate(["--seed", "31", "--people", str(PEOPLE), "--out", str(folder)]) == 0
    world, _ = await examined(folder, tmp_path / "home", None)
    withdraw(folder, ("crm.objects.contacts.read", "crm.schemas.contacts.read"))
    world.portal.close()
    blind = World(open_portal(folder, tmp_path / "blind.sqlite"), world.workspace, world.connection)

    result = await check(Run(world.workspace, "check"), world.connection, blind.sides())

    assert result.refusal is not None
    assert result.states["unknown"] == result.population == PEOPLE
    assert {state for state, _ in verdicts(world).values()} == {"unknown"}
