"""The list of erased people: what it keeps, what it removes, and who stays away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from diagnostics.checkup import GATES
from engine.connectors import Record
from engine.cycle import undo
from engine.errors import WorkspaceError
from engine.mirror import add_columns, store
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.schema import Side, SideSchema
from engine.suppression import forget_person, key_file, known_as, lift, suppress
from engine.workspace import Workspace
from tests.engine.test_aliases import FIELDS, SCHEMAS
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]


def test_the_hash_is_keyed_and_the_key_is_private(tmp_path: Path) -> None:
    """Whoever has the workspace alone cannot try addresses; the key is made once for all connections."""
    folder = tmp_path / "workspaces"
    one, other = Workspace(folder / "a.sqlite"), Workspace(folder / "b.sqlite")

    suppress(Run(one, "forget"), ["jo@firma.example"], "why", random=lambda size: b"k" * size)
    suppress(Run(other, "forget"), ["jo@firma.example"], "why", random=lambda size: b"x" * size)

    first, second = (str(w.value("SELECT address_hash FROM suppression")) for w in (one, other))
    assert first == second
    assert first != hashlib.sha256(b"jo@firma.example").hexdigest()
    assert key_file(one).stat().st_mode & 0o777 == 0o600
    assert key_file(one).read_bytes() == b"k" * 32


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_a_lost_key_is_told_and_no_other_is_made(tmp_path: Path, damage: str) -> None:
    """With a new key nobody on the list would be recognised."""
    workspace = Workspace(tmp_path / "w.sqlite")
    suppress(Run(workspace, "forget"), ["jo@firma.example"], "why")
    if damage == "missing":
        key_file(workspace).unlink()
    else:
        key_file(workspace).write_bytes(b"short")

    with pytest.raises(WorkspaceError, match="list of erased people"):
        suppress(Run(workspace, "forget"), ["other@firma.example"], "why")
    with pytest.raises(WorkspaceError, match="list of erased people"):
        pair_contacts(workspace, 1, SCHEMAS)


def test_without_a_list_no_key_is_needed(tmp_path: Path) -> None:
    """Pairing makes no file."""
    workspace = Workspace(tmp_path / "w.sqlite")
    pair_contacts(workspace, Run(workspace, "check").id, SCHEMAS)

    assert not key_file(workspace).exists()


def test_every_spelling_of_the_address_is_recognised(tmp_path: Path) -> None:
    """Case, white space and the form of the domain make no difference."""
    workspace = Workspace(tmp_path / "w.sqlite")
    for side, fields in FIELDS.items():
        add_columns(workspace, side, fields)
    run = Run(workspace, "check")
    suppress(run, ["jo@xn--bcher-kva.example"], "why")
    store(workspace, "app", [Record("r", {"EMAIL": " JO@Bücher.example"}, "", "")], FIELDS["app"], "EMAIL", run.id)

    pair_contacts(workspace, run.id, SCHEMAS)

    assert workspace.value("SELECT erased FROM contact") == 1
    assert lift(Run(workspace, "forget"), "Jo@bücher.example")
    assert not lift(Run(workspace, "forget"), "Jo@bücher.example")
    store(workspace, "app", [Record("r", {"EMAIL": "jo@bücher.example"}, "", "")], FIELDS["app"], "EMAIL", run.id)
    pair_contacts(workspace, run.id, SCHEMAS)
    assert workspace.value("SELECT erased FROM contact") == 0


async def test_a_forgotten_person_is_in_no_table_and_never_comes_back(world: World) -> None:
    """No value of them is left, also not after further runs that read them again; neither side is written."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.lastname <> ''")
    address = person["EMAIL"]
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Verräterstadt", "lastname": "Verräterin"})
    await world.sync()
    run = Run(world.workspace, "forget")

    forget_person(run, known_as(world.workspace, address), "asked for it")
    forgotten = "\n".join(world.workspace.sql.iterdump()).lower()
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Verräterdorf"})
    written = await world.sync()

    after = world.one(f"c.id = {person['id']}")
    assert (written, after["state"], after["cause"]) == (0, "excluded", "erased")
    for text in (forgotten, "\n".join(world.workspace.sql.iterdump()).lower()):
        assert address.lower() not in text
        assert "verräter" not in text


async def test_a_record_that_is_added_anew_is_not_sent_over(world: World) -> None:
    """Deleted for good in HubSpot, and signed up again in the app by a form: no create."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    purge = {"objectId": person["hubspot_id"]}
    assert (await world.call("hubspot", "POST", "/crm/v3/objects/contacts/gdpr-delete", purge)).status_code == 204
    path = f"/3.0/lists/a1b2c3d4e5/members/{person['app_id']}/actions/delete-permanent"

    assert await world.sync() == 0
    assert world.one(f"c.id = {person['id']}")["cause"] == "erased"
    assert (await world.call("app", "POST", path)).status_code == 204
    assert await world.sync() == 0
    hubspot = await world.call(
        "hubspot", "POST", "/crm/v3/objects/contacts", {"properties": {"email": person["EMAIL"], "lastname": "Neu"}}
    )
    assert hubspot.status_code == 201
    assert await world.sync() == 0

    again = world.one(f"c.hubspot_id = '{hubspot.json()['id']}'")
    assert (again["state"], again["cause"], again["app_id"]) == ("excluded", "erased", None)


ADDITIONAL = "hs_additional_emails"
WITH_ADDITIONAL: Mapping[Side, SideSchema] = {
    **SCHEMAS, "hubspot": replace(SCHEMAS["hubspot"], additional_emails_field=ADDITIONAL),
}  # fmt: skip


@pytest.mark.parametrize("who", ["jo@firma.example", "jo@privat.example", "1"])
def test_all_addresses_of_a_person_are_forgotten(tmp_path: Path, who: str) -> None:
    """By whichever address or id they are named: an additional one neither stays behind nor makes them somebody new."""
    workspace = Workspace(tmp_path / "w.sqlite")
    fields = {"hubspot": ["email", ADDITIONAL], "app": ["EMAIL"]}
    for side in ("hubspot", "app"):
        add_columns(workspace, side, fields[side])
    run = Run(workspace, "check")
    held = {"email": "jo@firma.example", ADDITIONAL: "jo@privat.example"}
    store(workspace, "hubspot", [Record("1", held, "", "")], fields["hubspot"], "email", run.id)
    pair_contacts(workspace, run.id, WITH_ADDITIONAL)

    forget_person(run, known_as(workspace, who), "asked for it")
    forgotten = "\n".join(workspace.sql.iterdump())
    back = [Record("r", {"EMAIL": "Jo@privat.example"}, "", "")]
    store(workspace, "app", back, fields["app"], "EMAIL", run.id)
    pair_contacts(workspace, run.id, WITH_ADDITIONAL)

    assert "jo@" not in forgotten
    assert workspace.value("SELECT erased FROM contact WHERE app_id = 'r'") == 1


async def test_what_the_journal_keeps_under_a_former_number_is_forgotten_too(world: World) -> None:
    """A create that was refused is kept under the lone record's contact; pairing has given the person another since."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.lastname <> ''")
    run = Run(world.workspace, "sync").id
    with world.workspace.transaction() as sql:
        for contact, key, record in ((10_001, person["EMAIL"].lower(), None), (10_002, "", person["app_id"])):
            sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, record_id, email_key, state, sent, before, planned_at) "
                "VALUES (?, ?, 'app', 'create', ?, ?, 'permanent', ?, '{}', '')",
                (run, contact, record, key, '{"LNAME": "Verräterin"}'),
            )
        sql.execute(
            "INSERT INTO evidence(contact_id, field, hubspot_value, app_value, run_id) VALUES (?, 'city', 'Verrat', '', ?)",
            (person["id"], run),
        )

    forget_person(Run(world.workspace, "forget"), known_as(world.workspace, person["EMAIL"]), "asked for it")

    assert "verr" not in "\n".join(world.workspace.sql.iterdump()).lower()


async def test_an_undo_does_not_bring_a_forgotten_address_back(world: World) -> None:
    """Somebody's address was changed by a sync; then its former owner is forgotten, by that address."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    old = person["EMAIL"]
    world.portal.tamper("hubspot", person["hubspot_id"], {"email": "anders@firma.example"})
    assert await world.sync() == 1
    number = int(world.workspace.value("SELECT max(run_id) FROM journal"))

    forget_person(Run(world.workspace, "forget"), known_as(world.workspace, old), "asked for it")
    left = "\n".join(world.workspace.sql.iterdump()).lower()
    applied, _, _ = await undo(Run(world.workspace, "undo"), world.connection, world.sides(), GATES, number)

    assert old.lower() not in left
    assert applied.writes == 0
    assert world.one(f"c.id = {person['id']}")["EMAIL"] == "anders@firma.example"
