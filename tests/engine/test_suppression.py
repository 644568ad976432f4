"""The list of erased people: what it keeps, what it removes, and who stays away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from diagnostics.checkup import GATES
from engine.connectors import Record
from engine.cycle import undo
from engine.errors import WorkspaceError
from engine.forgetting import forget_person, known_as, lift
from engine.mirror import add_columns, store
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.schema import Side, SideSchema
from engine.suppression import key_file, suppress
from engine.workspace import Workspace
from tests.engine.answers import everything_stored
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
        pair_contacts(workspace, SCHEMAS)


def test_without_a_list_no_key_is_needed(tmp_path: Path) -> None:
    """Pairing makes no file."""
    workspace = Workspace(tmp_path / "w.sqlite")
    pair_contacts(workspace, SCHEMAS)

    assert not key_file(workspace).exists()


def test_every_spelling_of_the_address_is_recognised(tmp_path: Path) -> None:
    """Case, white space and the form of the domain make no difference."""
    workspace = Workspace(tmp_path / "w.sqlite")
    for side, fields in FIELDS.items():
        add_columns(workspace, side, fields)
    run = Run(workspace, "check")
    suppress(run, ["jo@xn--bcher-kva.example"], "why")
    store(workspace, SCHEMAS["app"], [Record("r", {"EMAIL": " JO@Bücher.example"}, "", "")], FIELDS["app"], run.id)

    pair_contacts(workspace, SCHEMAS)

    assert workspace.value("SELECT erased FROM contact") == 1
    assert lift(Run(workspace, "forget"), "Jo@bücher.example")
    assert not lift(Run(workspace, "forget"), "Jo@bücher.example")
    store(workspace, SCHEMAS["app"], [Record("r", {"EMAIL": "jo@bücher.example"}, "", "")], FIELDS["app"], run.id)
    pair_contacts(workspace, SCHEMAS)
    assert workspace.value("SELECT erased FROM contact") == 0


def test_who_is_lifted_is_not_erased_any_more_beside_somebody_who_is(tmp_path: Path) -> None:
    """Somebody known to the app alone, while a HubSpot record of another person stays erased."""
    workspace = Workspace(tmp_path / "w.sqlite")
    for side, fields in FIELDS.items():
        add_columns(workspace, side, fields)
    run = Run(workspace, "check")
    for person in ("jo@firma.example", "eva@firma.example"):
        suppress(run, [person], "why")
    theirs = Record("r", {"EMAIL": "jo@firma.example"}, "", "")
    store(workspace, SCHEMAS["app"], [theirs], FIELDS["app"], run.id)
    others = [Record("1", {"email": "eva@firma.example", "hs_merged_object_ids": ""}, "", "")]
    store(workspace, SCHEMAS["hubspot"], others, FIELDS["hubspot"], run.id)
    pair_contacts(workspace, SCHEMAS)

    assert lift(Run(workspace, "forget"), "jo@firma.example")
    store(workspace, SCHEMAS["app"], [theirs], FIELDS["app"], run.id)
    pair_contacts(workspace, SCHEMAS)

    assert [tuple(row) for row in workspace.rows("SELECT anchor, erased FROM contact ORDER BY 1")] == [
        ("a:r", 0),
        ("h:1", 1),
    ]


async def test_a_forgotten_person_is_in_no_table_and_never_comes_back(world: World) -> None:
    """No value of them is left, also not after further runs that read them again; neither side is written."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.lastname <> ''")
    address = person["EMAIL"]
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Verräterstadt", "lastname": "Verräterin"})
    await world.sync()
    run = Run(world.workspace, "forget")

    forget_person(run, known_as(world.workspace, address), "asked for it")
    forgotten = everything_stored(world.workspace)
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Verräterdorf"})
    written = await world.sync()

    after = world.one(f"c.id = {person['id']}")
    assert (written, after["state"], after["cause"]) == (0, "excluded", "erased")
    for text in (forgotten, everything_stored(world.workspace)):
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


@pytest.mark.parametrize(
    ("who", "primary"),
    [(who, "jo@firma.example") for who in ("jo@firma.example", "jo@privat.example", "1")]
    + [(who, "") for who in ("jo@privat.example", "1")],
)
def test_all_addresses_of_a_person_are_forgotten(tmp_path: Path, who: str, primary: str) -> None:
    """By whichever address or id they are named: an additional one neither stays behind nor makes them somebody new."""
    workspace = Workspace(tmp_path / "w.sqlite")
    fields = {"hubspot": ["email", ADDITIONAL], "app": ["EMAIL"]}
    for side in ("hubspot", "app"):
        add_columns(workspace, side, fields[side])
    run = Run(workspace, "check")
    held = {"email": primary, ADDITIONAL: "jo@privat.example"}
    store(workspace, WITH_ADDITIONAL["hubspot"], [Record("1", held, "", "")], fields["hubspot"], run.id)
    pair_contacts(workspace, WITH_ADDITIONAL)

    forget_person(run, known_as(workspace, who), "asked for it")
    forgotten = everything_stored(workspace)
    back = [Record("r", {"EMAIL": "Jo@privat.example"}, "", "")]
    store(workspace, WITH_ADDITIONAL["app"], back, fields["app"], run.id)
    pair_contacts(workspace, WITH_ADDITIONAL)

    assert "jo@" not in forgotten
    assert workspace.value("SELECT erased FROM contact WHERE app_id = 'r'") == 1


async def test_what_the_journal_keeps_under_a_former_number_is_forgotten_too(world: World) -> None:
    """A create that was refused is kept under the lone record's contact; pairing has given the person another since."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.lastname <> ''")
    key = world.workspace.value("SELECT _email_key FROM app_contact WHERE _id = ?", (person["app_id"],))
    run = Run(world.workspace, "sync").id
    with world.workspace.transaction() as sql:
        for contact, known_by, record in ((10_001, key, None), (10_002, "", person["app_id"])):
            sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, record_id, email_key, state, sent, before, planned_at) "
                "VALUES (?, ?, 'app', 'create', ?, ?, 'permanent', ?, '{}', '')",
                (run, contact, record, known_by, '{"LNAME": "Verräterin"}'),
            )
        sql.execute(
            "INSERT INTO evidence(contact_id, field, hubspot_value, app_value, run_id) VALUES (?, 'city', 'Verrat', '', ?)",
            (person["id"], run),
        )

    forget_person(Run(world.workspace, "forget"), known_as(world.workspace, person["EMAIL"]), "asked for it")

    assert "verr" not in everything_stored(world.workspace)


@pytest.mark.parametrize(
    "kept",
    [
        "MÜLLER@firma.example",
        " müller@firma.example ",
        "mu\u0308ller@Firma.Example",
        "x@firma.example;Müller@firma.example",
    ],
)
async def test_an_address_is_forgotten_in_the_journal_however_it_is_spelt(world: World, kept: str) -> None:
    """Rows are found by the address as records are matched: case beyond ASCII, white space, Unicode form, a list of several."""
    await world.sync()
    run = Run(world.workspace, "sync").id
    with world.workspace.transaction() as sql:
        for column in ("sent", "before", "kept"):
            held = {"run": run, "sent": "{}", "before": "{}", "kept": None} | {
                column: json.dumps({"EMAIL": kept, "LNAME": "Verräter"}, ensure_ascii=False)
            }
            sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, kept, planned_at) "
                "VALUES (:run, 10001, 'app', 'update', 'verified', :sent, :before, :kept, '')",
                held,
            )
        sql.execute(
            "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, planned_at) "
            "VALUES (?, 10001, 'app', 'update', 'verified', '{\"EMAIL\": \"nichtmüller@firma.example\"}', '{}', '')",
            (run,),
        )

    forget_person(Run(world.workspace, "forget"), known_as(world.workspace, "müller@firma.example"), "asked for it")

    left = everything_stored(world.workspace)
    assert "verräter" not in left
    assert "nichtmüller" in left


async def test_an_undo_does_not_bring_a_forgotten_address_back(world: World) -> None:
    """Somebody's address was changed by a sync; then its former owner is forgotten, by that address."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    old = person["EMAIL"]
    world.portal.tamper("hubspot", person["hubspot_id"], {"email": "anders@firma.example"})
    assert await world.sync() == 1
    number = int(world.workspace.value("SELECT max(run_id) FROM journal"))

    forget_person(Run(world.workspace, "forget"), known_as(world.workspace, old), "asked for it")
    left = everything_stored(world.workspace)
    applied, _, _ = await undo(Run(world.workspace, "undo"), world.connection, world.sides(), GATES, number)

    assert old.lower() not in left
    assert applied.writes == 0
    assert world.one(f"c.id = {person['id']}")["EMAIL"] == "anders@firma.example"


def desk(path: Path) -> Workspace:
    """A workspace whose mirror knows additional addresses."""
    workspace = Workspace(path / "w.sqlite")
    add_columns(workspace, "hubspot", ["email", "city", ADDITIONAL, "hs_merged_object_ids"])
    add_columns(workspace, "app", ["EMAIL"])
    return workspace


def read(workspace: Workspace, run: Run, *contacts: Mapping[str, str], members: Sequence[str] = ()) -> None:
    """Stores contacts of HubSpot and members, as an observation does before pairing."""
    fields = ["email", "city", ADDITIONAL, "hs_merged_object_ids"]
    for number, values in enumerate(contacts, 1):
        record = Record(str(number), {**values, "city": "Verrat", "hs_merged_object_ids": "77"}, "", "")
        store(workspace, WITH_ADDITIONAL["hubspot"], [record], fields, run.id)
    found = [Record(f"r{number}", {"EMAIL": email}, "", "") for number, email in enumerate(members)]
    store(workspace, WITH_ADDITIONAL["app"], found, ["EMAIL"], run.id)


def erased(workspace: Workspace) -> list[tuple[str | None, str | None]]:
    """The records of erased people."""
    rows = workspace.rows("SELECT hubspot_id, app_id FROM contact WHERE erased ORDER BY hubspot_id, app_id")
    return [(row["hubspot_id"], row["app_id"]) for row in rows]


MIXED = {"email": "Jo@firma.example", ADDITIONAL: "jo@privat.example;JO@alt.example"}


@pytest.mark.parametrize("listed", ["jo@firma.example", "jo@privat.example", "jo@alt.example"])
def test_one_address_on_the_list_is_enough_and_no_value_is_ever_stored(tmp_path: Path, listed: str) -> None:
    """Not even between storing and pairing: a kill there leaves nothing. Ids of merged records stay."""
    workspace = desk(tmp_path)
    run = Run(workspace, "check")
    suppress(run, [listed], "why")

    read(workspace, run, MIXED, {"email": "wer@firma.example"})

    assert "jo@" not in everything_stored(workspace)
    assert workspace.value("SELECT count(*) FROM hubspot_contact WHERE city = 'Verrat'") == 1
    assert workspace.value("SELECT hs_merged_object_ids FROM hubspot_contact WHERE _id = '1'") == "77"
    pair_contacts(workspace, WITH_ADDITIONAL)
    assert erased(workspace) == [("1", None)]


@pytest.mark.parametrize("member", ["jo@firma.example", "jo@privat.example", "jo@alt.example"])
@pytest.mark.parametrize("first", ["contact", "member"])
def test_a_member_with_any_of_the_addresses_is_the_same_erased_person(tmp_path: Path, member: str, first: str) -> None:
    """Whichever of the two is read first: else the member would be somebody new in HubSpot."""
    workspace = desk(tmp_path)
    run = Run(workspace, "check")
    suppress(run, ["jo@privat.example"], "why")

    if first == "member":
        read(workspace, run, members=[member, "wer@firma.example"])
        pair_contacts(workspace, WITH_ADDITIONAL)
    read(workspace, run, MIXED, members=[member, "wer@firma.example"])
    pair_contacts(workspace, WITH_ADDITIONAL)

    rows = workspace.rows("SELECT app_id, erased FROM contact WHERE app_id IS NOT NULL ORDER BY app_id")
    assert [(row["app_id"], row["erased"]) for row in rows] == [("r0", 1), ("r1", 0)]
    assert "jo@" not in everything_stored(workspace)


def test_lifting_one_address_lifts_all_that_came_with_it(tmp_path: Path) -> None:
    """Nobody could name the others: only hashes are kept. Other people stay on the list."""
    workspace = desk(tmp_path)
    run = Run(workspace, "check")
    suppress(run, ["jo@privat.example"], "why")
    suppress(run, ["wer@firma.example"], "why")
    read(workspace, run, MIXED)

    assert lift(run, "Jo@firma.example")

    assert workspace.value("SELECT count(*) FROM suppression") == 1
    read(workspace, run, MIXED, {"email": "wer@firma.example"})
    pair_contacts(workspace, WITH_ADDITIONAL)
    assert erased(workspace) == [("2", None)]


def test_the_whole_mirror_is_looked_through_only_after_the_list_has_grown(tmp_path: Path) -> None:
    """Hashing every address at every pairing takes long; what is stored was looked at before."""
    workspace = desk(tmp_path)
    run = Run(workspace, "check")
    suppress(run, ["jo@privat.example"], "why")
    read(workspace, run, {"email": "wer@firma.example"})
    pair_contacts(workspace, WITH_ADDITIONAL)
    asked: list[str] = []
    workspace.sql.set_trace_callback(asked.append)

    pair_contacts(workspace, WITH_ADDITIONAL)
    looked = [text for text in asked if "json_group_array(r.key)" in text]
    suppress(run, ["wer@firma.example"], "why")
    pair_contacts(workspace, WITH_ADDITIONAL)

    assert looked == []
    assert [text for text in asked if "json_group_array(r.key)" in text] != []
    assert erased(workspace) == [("1", None)]


async def test_a_contact_that_gets_the_address_of_an_erased_person_is_left_alone(world: World) -> None:
    """As an additional one, by a merge or by hand: nothing is written any more, no value is kept in the mirror."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    suppress(Run(world.workspace, "forget"), ["weg@firma.example"], "asked for it")
    changed = {"hs_additional_emails": "Weg@firma.example", "city": "Verräterstadt"}
    world.portal.tamper("hubspot", person["hubspot_id"], changed)
    before = (await world.call("app", "GET", f"/3.0/lists/a1b2c3d4e5/members/{person['app_id']}")).json()

    assert await world.sync() == 0

    after = world.one(f"c.id = {person['id']}")
    assert (after["state"], after["cause"], after["city"]) == ("excluded", "erased", None)
    assert (await world.call("app", "GET", f"/3.0/lists/a1b2c3d4e5/members/{person['app_id']}")).json() == before
    mirror = world.workspace.rows("SELECT * FROM hubspot_contact") + world.workspace.rows("SELECT * FROM app_contact")
    texts = "\n".join(str(tuple(row)) for row in mirror).lower()
    assert "verräterstadt" not in texts
    assert person["EMAIL"].lower() not in texts


async def test_a_member_deleted_for_good_takes_the_contacts_additional_addresses_along(world: World) -> None:
    """The person must not come back under one of them."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    world.portal.tamper("hubspot", person["hubspot_id"], {"hs_additional_emails": "zweit@firma.example"})
    await world.sync()
    path = f"/3.0/lists/a1b2c3d4e5/members/{person['app_id']}/actions/delete-permanent"
    assert (await world.call("app", "POST", path)).status_code == 204
    member = {"email_address": "zweit@firma.example", "status": "subscribed", "merge_fields": {"FNAME": "Zweit"}}
    assert (await world.call("app", "POST", "/3.0/lists/a1b2c3d4e5/members", member)).status_code == 200

    assert await world.sync() == 0

    rows = world.workspace.rows("SELECT hubspot_id, cause FROM contacts WHERE cause = 'erased' ORDER BY hubspot_id")
    assert [(row["hubspot_id"], row["cause"]) for row in rows] == [(None, "erased"), (person["hubspot_id"], "erased")]
    assert "zweit@" not in everything_stored(world.workspace)


def test_whoever_else_has_an_address_of_the_person_loses_its_values_too(tmp_path: Path) -> None:
    """A member under the additional address, in a contact of its own: it is the same person, though another one was named."""
    workspace = desk(tmp_path)
    run = Run(workspace, "check")
    read(workspace, run, MIXED, members=["jo@firma.example", "jo@alt.example"])
    pair_contacts(workspace, WITH_ADDITIONAL)

    person = known_as(workspace, "jo@firma.example")
    forget_person(run, person, "asked for it")

    assert person.records == ("HubSpot 1", "app r0", "app r1")
    assert "jo@" not in everything_stored(workspace)
    assert workspace.value("SELECT count(*) FROM contact WHERE NOT erased") == 0
