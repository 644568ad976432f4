"""Links that another engine left: id fields used or only proposed, wrong ids named, the table `contact` that follows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from engine.connection import Connection, Observe
from engine.connectors import Record
from engine.errors import ConfigurationError
from engine.fit import check_fit
from engine.mirror import add_columns, store
from engine.observed_links import id_fields, left_links
from engine.observed_pairing import pair_observed
from engine.runs import Run
from engine.schema import Account, Field, Side, SideSchema
from engine.workspace import Workspace

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIELDS: Mapping[Side, tuple[str, ...]] = {
    "hubspot": ("email", "mailchimp_id", "hs_merged_object_ids"),
    "app": ("EMAIL", "HSID"),
}


def schemas() -> dict[Side, SideSchema]:
    """Both sides with an id field each."""
    return {
        side: SideSchema(
            side, side, Account("1", "one"), {name: Field(name, name, "text") for name in names}, names[0],
            former_ids_fields=("hs_merged_object_ids",) if side == "hubspot" else (),
        )
        for side, names in FIELDS.items()
    }  # fmt: skip


def observed(**observe: object) -> Connection:
    """An observed connection."""
    return Connection.model_validate(
        {
            "name": "watched",
            "format": 1,
            "mode": "observed",
            "app": {"name": "mailchimp", "audience": "a"},
            "observe": observe,
            "mappings": [{"hubspot": "email", "app": "EMAIL"}],
        }
    )


class Sides:
    """A workspace whose mirrors hold what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder / "watched.sqlite")
        self.held: dict[Side, dict[str, dict[str, str]]] = {"hubspot": {}, "app": {}}
        for side, fields in FIELDS.items():
            add_columns(self.workspace, side, fields)

    def put(self, side: Side, number: str, email: str, id: str = "", merged: str = "") -> None:
        """A record; its id field holds `id`."""
        values = (email, id, merged)
        self.held[side][number] = dict(zip(FIELDS[side], values, strict=False))

    def pairs(self, count: int) -> None:
        """Pairs whose addresses have nothing to do with each other, linked by the HubSpot property only."""
        for number in range(count):
            self.put("hubspot", f"h{number}", f"ours{number}@firma.example", f"a{number}")
            self.put("app", f"a{number}", f"theirs{number}@firma.example")

    def run(
        self, connection: Connection, declared: Mapping[Side, SideSchema] | None = None
    ) -> dict[tuple[str | None, str | None], str]:
        """A pairing; gives `linked_by` by both ids."""
        declared = declared or schemas()
        run = Run(self.workspace, "check", now=lambda: NOW)
        with self.workspace.transaction() as sql:
            for table in ("hubspot_contact", "app_contact"):
                sql.execute(f"DELETE FROM {table}")
        for side, held in self.held.items():
            records = [Record(number, values, "", "") for number, values in held.items()]
            store(self.workspace, declared[side], records, FIELDS[side], run.id)
        population = pair_observed(run, connection, declared)
        rows = self.workspace.rows("SELECT hubspot_id, app_id, linked_by FROM contact")
        assert len(rows) == population
        return {(row["hubspot_id"], row["app_id"]): row["linked_by"] for row in rows}

    def doubts(self) -> set[tuple[str, str, str]]:
        """Record, what it names, the problem."""
        return {
            (row["record_id"], row["names"], row["problem"]) for row in self.workspace.rows("SELECT * FROM link_doubt")
        }

    def used(self) -> dict[str, str]:
        """How each id field is used."""
        return {row["field"]: row["used"] for row in self.workspace.rows("SELECT * FROM id_field")}


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """Nothing there."""
    return Sides(tmp_path)


BY_ID = "id hubspot.mailchimp_id"


def test_the_hash_of_an_address_is_an_id_where_the_side_says_so(sides: Sides) -> None:
    """Mailchimp's `subscriber_hash`; of a record whose address has changed since it leads nowhere, and is named."""
    hashed = {number: hashlib.md5(f"theirs{number}@firma.example".encode()).hexdigest() for number in range(3)}
    for number in range(3):
        sides.put("hubspot", f"h{number}", f"ours{number}@firma.example", hashed[number])
    sides.put("app", "a0", "Theirs0@Firma.example ")
    sides.put("app", "a1", "theirs1@firma.example")
    sides.put("app", "a2", "moved@firma.example")
    named = observed(hubspot_id_field="mailchimp_id")
    without = sides.run(named)
    declared = schemas()
    declared["app"] = replace(declared["app"], address_hash_is_id=True)

    found = sides.run(named, declared)

    assert {("h0", None), ("h1", None), ("h2", None)} <= set(without)
    assert found["h0", "a0"] == found["h1", "a1"] == BY_ID
    assert ("h2", None) in found
    assert sides.doubts() == {("h2", hashed[2], "nowhere")}


def test_a_configured_id_decides_over_the_address(sides: Sides) -> None:
    """Whose addresses would pair them otherwise are linked as the ids say."""
    sides.put("hubspot", "h1", "eins@firma.example", "a2")
    sides.put("hubspot", "h2", "zwei@firma.example", "a1")
    sides.put("app", "a1", "eins@firma.example")
    sides.put("app", "a2", "zwei@firma.example")
    assert sides.run(observed()) == {("h1", "a1"): "email", ("h2", "a2"): "email"}
    links = sides.run(observed(hubspot_id_field="mailchimp_id"))
    assert links == {("h1", "a2"): BY_ID, ("h2", "a1"): BY_ID}
    assert sides.run(observed(hubspot_id_field="mailchimp_id")) == links
    assert sides.used() == {"mailchimp_id": "configured"}


def test_a_clear_id_field_is_found_and_stays_in_use(sides: Sides) -> None:
    """Twenty ids that each lead to a record of their own are used; one that goes wrong later is named and the rest go on."""
    sides.pairs(20)
    assert set(sides.run(observed()).values()) == {BY_ID}
    assert sides.used() == {"mailchimp_id": "found"}
    sides.held["hubspot"]["h3"]["mailchimp_id"] = "nowhere"
    links = sides.run(observed())
    assert {key: how for key, how in links.items() if how != BY_ID} == {("h3", None): "", (None, "a3"): ""}
    assert sides.used() == {"mailchimp_id": "found"}
    assert sides.doubts() == {("h3", "nowhere", "nowhere")}


def test_a_field_that_nearly_is_one_is_only_proposed(sides: Sides) -> None:
    """With one id that leads nowhere from the start it takes a person to say so."""
    sides.pairs(20)
    sides.held["hubspot"]["h3"]["mailchimp_id"] = "nowhere"
    links = sides.run(observed())
    assert set(links.values()) == {""}
    assert len(links) == 40
    assert sides.used() == {"mailchimp_id": "proposed"}
    assert sides.doubts() == set()


@pytest.mark.parametrize("count", [0, 1, 19])
def test_a_few_ids_are_not_enough_to_be_clear(sides: Sides, count: int) -> None:
    """Nothing, one and nineteen values are at most proposed."""
    sides.pairs(count)
    assert set(sides.run(observed()).values()) <= {""}
    assert sides.used() == ({"mailchimp_id": "proposed"} if count else {})


def test_wrong_ids_are_named_and_link_nobody(sides: Sides) -> None:
    """An id that points nowhere, two records with the same one, and one that the other side's id contradicts; the others link,
    and who is in doubt is still matched by address."""
    sides.pairs(5)
    sides.held["hubspot"]["h0"] = {"email": "theirs0@firma.example", "mailchimp_id": "a99"}
    sides.held["hubspot"]["h1"]["mailchimp_id"] = "a2"
    sides.held["app"]["a4"]["HSID"] = "h3"
    links = sides.run(observed(hubspot_id_field="mailchimp_id", app_id_field="HSID"))
    assert {key: how for key, how in links.items() if how} == {("h0", "a0"): "email"}
    assert sides.doubts() == {
        ("h0", "a99", "nowhere"),
        ("h1", "a2", "several"),
        ("h2", "a2", "several"),
        ("h3", "a3", "contradicts"),
        ("h4", "a4", "contradicts"),
        ("a4", "h3", "contradicts"),
    }
    row = sides.workspace.rows(
        "SELECT filled, leading, nowhere, several, contradicting FROM id_field WHERE side = 'hubspot'"
    )
    assert tuple(row[0]) == (5, 4, 1, 2, 2)


def test_both_sides_ids_that_agree_are_one_link(sides: Sides) -> None:
    """HubSpot names the app's record and the app's record names HubSpot's."""
    sides.put("hubspot", "h1", "eins@firma.example", "a1")
    sides.put("app", "a1", "anders@firma.example", "h1")
    links = sides.run(observed(hubspot_id_field="mailchimp_id", app_id_field="HSID"))
    assert list(links) == [("h1", "a1")]
    assert sides.doubts() == set()


def test_an_id_of_a_merged_contact_leads_to_the_survivor(sides: Sides) -> None:
    """The app still names the contact that was merged away."""
    sides.put("hubspot", "h2", "zwei@firma.example", merged="h1;h0")
    sides.put("app", "a1", "anders@firma.example", "h1")
    assert sides.run(observed(app_id_field="HSID")) == {("h2", "a1"): "id app.HSID"}


def test_a_link_follows_its_id_and_ends_with_it(sides: Sides) -> None:
    """A changed id moves the link, a removed one ends it; a link by address stays when an address changes."""
    wanted = observed(hubspot_id_field="mailchimp_id")
    sides.pairs(2)
    sides.put("hubspot", "h8", "acht@firma.example")
    sides.put("app", "a8", "acht@firma.example")
    assert sides.run(wanted)["h8", "a8"] == "email"
    sides.held["hubspot"]["h0"]["mailchimp_id"], sides.held["hubspot"]["h1"]["mailchimp_id"] = "a1", "a0"
    sides.held["app"]["a8"]["EMAIL"] = "neu@firma.example"
    links = sides.run(wanted)
    assert links == {("h0", "a1"): BY_ID, ("h1", "a0"): BY_ID, ("h8", "a8"): "email"}
    sides.held["hubspot"]["h0"]["mailchimp_id"] = ""
    links = sides.run(wanted)
    assert links == {("h0", None): "", (None, "a1"): "", ("h1", "a0"): BY_ID, ("h8", "a8"): "email"}


def test_an_id_takes_a_record_from_a_link_by_address(sides: Sides) -> None:
    """h1 was linked to a1 by address; then h2's id names a1: the id counts, and h1 is alone."""
    sides.put("hubspot", "h1", "eins@firma.example")
    sides.put("hubspot", "h2", "zwei@firma.example")
    sides.put("app", "a1", "eins@firma.example")
    wanted = observed(hubspot_id_field="mailchimp_id")
    assert sides.run(wanted) == {("h1", "a1"): "email", ("h2", None): ""}
    sides.held["hubspot"]["h2"]["mailchimp_id"] = "a1"
    assert sides.run(wanted) == {("h1", None): "", ("h2", "a1"): BY_ID}


def test_which_fields_are_looked_at(sides: Sides) -> None:
    """Names like an id's, none of HubSpot's own, only the configured one where there is one, none in a managed connection."""
    assert id_fields(observed(), schemas()["hubspot"]) == ["mailchimp_id"]
    assert id_fields(observed(), schemas()["app"]) == ["HSID"]
    assert id_fields(observed(app_id_field="EMAIL"), schemas()["app"]) == ["EMAIL"]
    managed = observed().model_copy(update={"mode": "managed", "observe": Observe()})
    assert id_fields(managed, schemas()["hubspot"]) == []
    assert left_links(sides.workspace, observed(), schemas()).fields == ()


def test_an_id_field_that_is_not_there_is_refused() -> None:
    """The near right name is given; in a managed connection the key has no meaning."""
    with pytest.raises(ConfigurationError) as refused:
        check_fit(observed(hubspot_id_field="mailchimp_idd"), schemas())
    assert "mailchimp_id" in refused.value.remedy
    assert refused.value.where.endswith("observe.hubspot_id_field")
    with pytest.raises(ValueError, match="observed"):
        Connection.model_validate({**observed(app_id_field="HSID").model_dump(), "mode": "managed"})


def test_ids_are_compared_without_outer_white_space(sides: Sides) -> None:
    """As they come from forms and imports."""
    sides.put("hubspot", "h1", "eins@firma.example", " a1 ")
    sides.put("app", "a1", "anders@firma.example")
    assert sides.run(observed(hubspot_id_field="mailchimp_id")) == {("h1", "a1"): BY_ID}
    assert isinstance(left_links(sides.workspace, observed(), schemas()).links, pl.DataFrame)
