"""What becomes of links when HubSpot contacts are merged, archived or deleted for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from engine.aliases import AT_LEAST, follow_merges
from engine.connectors import Record
from engine.mirror import add_columns, store
from engine.observe import Sides
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.schema import Account, Side, SideSchema
from engine.workspace import Workspace
from tests.engine.answers import everything_stored
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]

FIELDS: Mapping[Side, list[str]] = {"hubspot": ["email", "hs_merged_object_ids"], "app": ["EMAIL"]}
SCHEMAS: Mapping[Side, SideSchema] = {
    "hubspot": SideSchema(
        "hubspot", "HubSpot", Account("1", "A"), {}, "email", former_ids_fields=("hs_merged_object_ids",)
    ),
    "app": SideSchema("app", "App", Account("2", "B"), {}, "EMAIL"),
}


class Answering:
    """A side that only answers where ids lead, and remembers what it was asked."""

    def __init__(self, side: Side, leads: Mapping[str, Record] | None = None, archived: Sequence[str] = ()) -> None:
        self.side = side
        self.leads = leads or {}
        self.archived = archived
        self.asked: list[str] = []

    async def resolve(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """Where the ids lead."""
        self.asked += ids
        return {record_id: self.leads[record_id] for record_id in ids if record_id in self.leads}

    async def gone_for_good(self, ids: Sequence[str]) -> frozenset[str]:
        """All but the archived."""
        return frozenset(ids) - frozenset(self.archived)


def hubspot_record(record_id: str, email: str, former: str = "") -> Record:
    """A contact of HubSpot."""
    return Record(record_id, {"email": email, "hs_merged_object_ids": former}, "", "")


class Desk:
    """A workspace with links, and readings of HubSpot as one likes them."""

    def __init__(self, path: Path, links: int) -> None:
        self.workspace = Workspace(path / "w.sqlite")
        for side, fields in FIELDS.items():
            add_columns(self.workspace, side, fields)
        run = Run(self.workspace, "check")
        app = [Record(f"r{n}", {"EMAIL": f"p{n}@firma.example"}, "", "") for n in range(links)]
        store(self.workspace, SCHEMAS["app"], app, FIELDS["app"], run.id)
        self._read(run, [hubspot_record(f"{n}", f"p{n}@firma.example") for n in range(links)])
        pair_contacts(self.workspace, SCHEMAS)
        with self.workspace.transaction() as sql:
            sql.execute("UPDATE contact SET linked_at = 'then', linked_by = matched_by")

    def _read(self, run: Run, records: Sequence[Record]) -> None:
        with self.workspace.transaction() as sql:
            sql.execute("DELETE FROM hubspot_contact")
        store(self.workspace, SCHEMAS["hubspot"], records, FIELDS["hubspot"], run.id)

    async def observed(self, records: Sequence[Record], hubspot: Answering) -> None:
        """HubSpot's complete list is now this one."""
        run = Run(self.workspace, "check")
        self._read(run, records)
        await follow_merges(run, Sides(hubspot, Answering("app")), SCHEMAS, FIELDS)  # type: ignore[arg-type]
        pair_contacts(self.workspace, SCHEMAS)

    def links(self) -> dict[str, str]:
        """HubSpot's id by the app's, of linked contacts."""
        rows = self.workspace.rows("SELECT app_id, hubspot_id FROM contact WHERE linked_at IS NOT NULL")
        return {row["app_id"]: row["hubspot_id"] for row in rows}

    def candidates(self) -> dict[str, str]:
        """The app's candidates named for each of its linked records."""
        return {
            row["app_id"]: row["app_candidates"]
            for row in self.workspace.rows("SELECT app_id, app_candidates FROM contact WHERE app_candidates <> ''")
        }


ONE, TWO = hubspot_record("0", "p0@firma.example"), hubspot_record("1", "p1@firma.example")


async def test_a_new_id_takes_over_the_link(tmp_path: Path) -> None:
    """A linked contact was merged with one that nobody linked, and HubSpot made a new id."""
    desk = Desk(tmp_path, 2)
    survivor = hubspot_record("77", "p0@firma.example")

    await desk.observed([survivor, TWO], Answering("hubspot", {"0": survivor}))

    assert desk.links() == {"r0": "77", "r1": "1"}
    assert desk.workspace.value("SELECT record_id FROM alias WHERE old_id = '0'") == "77"


async def test_both_old_ids_lead_to_the_new_one(tmp_path: Path) -> None:
    """Both were linked: the link whose record has the survivor's address follows, the other becomes a finding."""
    desk = Desk(tmp_path, 2)
    survivor = hubspot_record("77", "p1@firma.example")

    await desk.observed([survivor], Answering("hubspot", {"0": survivor, "1": survivor}))

    assert desk.links() == {"r0": "0", "r1": "77"}
    assert desk.candidates() == {"r0": "r0, r1", "r1": "r0, r1"}


async def test_the_primary_keeps_its_id(tmp_path: Path) -> None:
    """The secondary's id leads to the primary, which is linked: no link is dropped, both are named."""
    desk = Desk(tmp_path, 2)

    await desk.observed([ONE], Answering("hubspot", {"1": ONE}))

    assert desk.links() == {"r0": "0", "r1": "1"}
    assert desk.candidates() == {"r0": "r0, r1", "r1": "r0, r1"}


async def test_a_finding_ends_when_the_other_link_does(tmp_path: Path) -> None:
    """The app's superfluous record is deleted: the link that waited follows the survivor."""
    desk = Desk(tmp_path, 2)
    hubspot = Answering("hubspot", {"1": ONE})
    await desk.observed([ONE], hubspot)
    with desk.workspace.transaction() as sql:
        sql.execute("DELETE FROM contact WHERE app_id = 'r0'")
        sql.execute("DELETE FROM app_contact WHERE _id = 'r0'")

    await desk.observed([ONE], hubspot)

    assert desk.links() == {"r1": "0"}
    assert desk.candidates() == {}
    assert hubspot.asked == ["1"]


async def test_a_survivor_that_names_its_former_ids_needs_no_request(tmp_path: Path) -> None:
    """The evidence is in the reading itself."""
    desk = Desk(tmp_path, 2)
    hubspot = Answering("hubspot")

    await desk.observed([hubspot_record("77", "p0@firma.example", "5;0"), TWO], hubspot)

    assert desk.links() == {"r0": "77", "r1": "1"}
    assert hubspot.asked == []


async def test_merged_again_leads_on(tmp_path: Path) -> None:
    """A survivor is merged a second time; the first id leads to the last."""
    desk = Desk(tmp_path, 1)
    await desk.observed([], Answering("hubspot", {"0": hubspot_record("77", "p0@firma.example")}))
    last = hubspot_record("99", "p0@firma.example")

    await desk.observed([last], Answering("hubspot", {"77": last}))

    assert desk.links() == {"r0": "99"}
    assert desk.workspace.rows("SELECT DISTINCT record_id FROM alias")[0][0] == "99"


async def test_what_is_archived_is_asked_once_and_comes_back_as_itself(tmp_path: Path) -> None:
    """Archiving is no erasure; a restored record ends it."""
    desk = Desk(tmp_path, 1)
    hubspot = Answering("hubspot", archived=["0"])
    await desk.observed([], hubspot)
    await desk.observed([], hubspot)
    assert hubspot.asked == ["0"]
    assert desk.workspace.value("SELECT count(*) FROM suppression") == 0

    await desk.observed([ONE], hubspot)

    assert desk.workspace.value("SELECT count(*) FROM alias") == 0
    assert desk.links() == {"r0": "0"}


async def test_who_is_gone_for_good_stays_away(tmp_path: Path) -> None:
    """The address is hashed, the values are gone from the workspace, and a new record with it is recognised."""
    desk = Desk(tmp_path, 2)

    await desk.observed([TWO], Answering("hubspot"))
    await desk.observed([TWO, hubspot_record("9", "P0@firma.example")], Answering("hubspot"))

    erased = desk.workspace.rows("SELECT hubspot_id, app_id, email, erased FROM contact WHERE erased ORDER BY id")
    assert [(row["hubspot_id"], row["app_id"], row["email"]) for row in erased] == [("0", "r0", ""), ("9", None, "")]
    assert desk.workspace.value("SELECT reason FROM suppression") == "deleted for good in HubSpot"
    assert "p0@firma" not in everything_stored(desk.workspace)


async def test_many_gone_at_once_are_no_erased_people(tmp_path: Path) -> None:
    """Another account, or another audience: nobody is suppressed, and it is said."""
    desk = Desk(tmp_path, AT_LEAST + 1)

    await desk.observed([], Answering("hubspot"))

    assert desk.workspace.value("SELECT count(*) FROM suppression") == 0
    assert desk.workspace.value("SELECT count(*) FROM event WHERE code = 'many-gone'") == 1


async def test_a_merge_on_the_practice_portal_is_followed(world: World) -> None:
    """Two synced contacts are merged: nobody is created, nobody lost, and the two name each other."""
    await world.sync()
    first, second = (
        row["hubspot_id"]
        for row in world.workspace.rows("SELECT hubspot_id FROM contacts WHERE state = 'in_sync' LIMIT 2")
    )
    members = world.workspace.value("SELECT count(*) FROM app_contact")
    pair = {"primaryObjectId": first, "objectIdToMerge": second}
    survivor = (await world.call("hubspot", "POST", "/crm/v3/objects/contacts/merge", pair)).json()["id"]

    assert await world.sync() == 0
    assert await world.sync() == 0

    rows = world.workspace.rows(
        "SELECT c.hubspot_id, v.state, v.cause FROM contact c JOIN verdict v ON v.contact_id = c.id "
        "WHERE c.hubspot_id IN (?, ?, ?) ORDER BY c.id",
        (first, second, survivor),
    )
    assert {row["hubspot_id"] for row in rows} == {survivor, second}
    assert [(row["state"], row["cause"]) for row in rows] == [("failing", "many-to-one")] * 2
    assert world.workspace.value("SELECT count(*) FROM app_contact") == members


@pytest.mark.parametrize("unlinked_primary", [True, False])
async def test_a_merge_with_a_contact_of_no_link_moves_it(world: World, unlinked_primary: bool) -> None:
    """The pair goes on as a pair under the new id; its additional address makes nobody new."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    created = await world.call(
        "hubspot", "POST", "/crm/v3/objects/contacts", {"properties": {"email": "allein@firma.example"}}
    )
    ids = [created.json()["id"], person["hubspot_id"]]
    first, second = ids if unlinked_primary else reversed(ids)
    pair = {"primaryObjectId": first, "objectIdToMerge": second}
    survivor = (await world.call("hubspot", "POST", "/crm/v3/objects/contacts/merge", pair)).json()["id"]

    await world.check()

    after = world.one(f"c.id = {person['id']}")
    assert (after["hubspot_id"], after["app_id"]) == (survivor, person["app_id"])
    assert after["cause"] != "many-to-one"


async def test_a_contact_that_is_gone_leaves_its_number_to_nobody(tmp_path: Path) -> None:
    """Both records of the newest contact vanish as somebody new appears: the journal names contacts by number."""
    desk = Desk(tmp_path, links=3)
    newest = desk.workspace.value("SELECT max(id) FROM contact")
    gone = desk.workspace.rows("SELECT app_id FROM contact WHERE id = ?", (newest,))[0]["app_id"]
    with desk.workspace.transaction() as sql:
        sql.execute("DELETE FROM app_contact WHERE _id = ?", (gone,))

    others = [hubspot_record(f"{n}", f"p{n}@firma.example") for n in range(3) if f"r{n}" != gone]
    await desk.observed([*others, hubspot_record("new", "new@firma.example")], Answering("hubspot"))

    assert desk.workspace.value("SELECT count(*) FROM contact WHERE id = ?", (newest,)) == 0
    assert desk.workspace.value("SELECT id FROM contact WHERE hubspot_id = 'new'") > newest
