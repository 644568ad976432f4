"""Which records are one contact."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.identity import CANDIDATES, paired

LETTERS = ["", "a", "b", "c", "d"]
KEYS = st.lists(st.sampled_from(LETTERS), max_size=8)
NO_LINKS = pl.DataFrame(schema={"contact": pl.Int64, "hubspot_id": pl.String, "app_id": pl.String})


def records(prefix: str, keys: list[str]) -> pl.DataFrame:
    """Records with these normalised addresses."""
    ids = [f"{prefix}{number}" for number in range(len(keys))]
    return pl.DataFrame({"id": ids, "key": keys}, schema={"id": pl.String, "key": pl.String})


def linked(*pairs: tuple[str, str]) -> pl.DataFrame:
    """Links with the contacts 1, 2, …"""
    rows = [(number, *pair) for number, pair in enumerate(pairs, 1)]
    return pl.DataFrame(rows, schema=NO_LINKS.schema, orient="row")


def addresses(*rows: tuple[str, str]) -> pl.DataFrame:
    """Additional addresses."""
    return pl.DataFrame(list(rows), schema={"id": pl.String, "key": pl.String}, orient="row")


def merged(*rows: tuple[str, str]) -> pl.DataFrame:
    """HubSpot ids that lead to another one."""
    schema = {"side": pl.String, "old_id": pl.String, "id": pl.String}
    return pl.DataFrame([("hubspot", *row) for row in rows], schema=schema, orient="row")


def row_of(rows: pl.DataFrame, anchor: str) -> dict[str, object]:
    """The row of an unlinked record."""
    return rows.filter(pl.col("anchor") == anchor).row(0, named=True)


@dataclass(frozen=True)
class Scene:
    """Two sides, links between some of their records, and additional addresses."""

    hubspot: list[str]
    app: list[str]
    links: list[tuple[str, str]]
    additional: list[tuple[str, str]]

    def paired(self) -> pl.DataFrame:
        """The answer."""
        return paired(
            records("h", self.hubspot), records("a", self.app), linked(*self.links), addresses(*self.additional)
        )

    def holders(self, key: str) -> set[str]:
        """HubSpot records with the address, primary or additional."""
        primary = {f"h{number}" for number, held in enumerate(self.hubspot) if held == key}
        return primary | {record for record, held in self.additional if held == key}


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Small sides with few addresses, so that everything meets."""
    hubspot, app = draw(KEYS), draw(KEYS)
    left = draw(st.permutations([f"h{number}" for number in range(len(hubspot))] + ["h-gone"]))
    right = draw(st.permutations([f"a{number}" for number in range(len(app))] + ["a-gone"]))
    number = draw(st.integers(0, min(len(left), len(right))))
    further = st.tuples(st.sampled_from(left), st.sampled_from(LETTERS[1:]))
    additional = draw(st.lists(further, max_size=4, unique=True)) if hubspot else []
    there = [row for row in additional if row[0] != "h-gone"]
    return Scene(hubspot, app, list(zip(left, right, strict=False))[:number], there)


@settings(deadline=None)
@given(scenes())
def test_every_record_is_in_exactly_one_contact(scene: Scene) -> None:
    """Nothing is lost, nothing counted twice, and links stay as they are."""
    rows = scene.paired()
    links = rows.filter(pl.col("contact").is_not_null()).select("hubspot_id", "app_id").rows()

    assert sorted(links) == sorted(scene.links)
    for side, prefix, keys in (("hubspot_id", "h", scene.hubspot), ("app_id", "a", scene.app)):
        seen = [record for record in rows[side].drop_nulls() if not record.endswith("gone")]
        assert sorted(seen) == sorted(f"{prefix}{number}" for number in range(len(keys)))
    assert rows["anchor"].drop_nulls().is_duplicated().any() is False


@settings(deadline=None)
@given(scenes())
def test_a_match_is_unique_from_both_sides(scene: Scene) -> None:
    """Whoever is matched shares an address with exactly one record of the other side; by the primary address first."""
    rows = scene.paired()
    for row in rows.filter(pl.col("contact").is_null() & (pl.col("matched_by") != "")).iter_rows(named=True):
        key = scene.app[int(row["app_id"][1:])]
        assert key != ""
        assert scene.app.count(key) == 1
        assert scene.holders(key) == {row["hubspot_id"]}
        by_primary = scene.hubspot[int(row["hubspot_id"][1:])] == key
        assert row["matched_by"] == ("email" if by_primary else "additional e-mail")
        assert (row["hubspot_candidates"], row["app_candidates"]) == ("", "")


@settings(deadline=None)
@given(KEYS, KEYS)
def test_only_an_address_unique_on_both_sides_makes_a_pair(hubspot: list[str], app: list[str]) -> None:
    """An ambiguous or missing address never pairs two records, a unique one always does."""
    rows = paired(records("h", hubspot), records("a", app), NO_LINKS)
    pairs = {
        (row["hubspot_id"], row["app_id"]) for row in rows.iter_rows(named=True) if row["hubspot_id"] and row["app_id"]
    }
    expected = {
        (f"h{hubspot.index(key)}", f"a{app.index(key)}")
        for key in set(hubspot) & set(app) - {""}
        if hubspot.count(key) == 1 and app.count(key) == 1
    }

    assert pairs == expected


@settings(deadline=None)
@given(scenes())
def test_a_single_record_with_an_address_of_the_other_side_is_never_taken_for_new(scene: Scene) -> None:
    """Either several share the address, or the candidates are named: nobody is created a second time."""
    for row in scene.paired().filter(pl.col("contact").is_null()).iter_rows(named=True):
        if row["hubspot_id"] is None:
            key = scene.app[int(row["app_id"][1:])]
            elsewhere = bool(scene.holders(key))
        elif row["app_id"] is None:
            key = scene.hubspot[int(row["hubspot_id"][1:])]
            elsewhere = key in scene.app
        else:
            continue
        if key and elsewhere:
            assert row["hubspot_candidates"] or row["hubspot_twins"] > 1 or row["app_twins"] > 1


@settings(deadline=None)
@given(KEYS, KEYS)
def test_swapping_the_sides_mirrors_the_pairs(hubspot: list[str], app: list[str]) -> None:
    """Neither side is favoured."""
    one = paired(records("x", hubspot), records("y", app), NO_LINKS)
    other = paired(records("y", app), records("x", hubspot), NO_LINKS)

    assert set(one.select("hubspot_id", "app_id").rows()) == set(other.select("app_id", "hubspot_id").rows())


def test_a_link_is_followed_whatever_the_addresses_say() -> None:
    """A linked pair keeps its ids after an e-mail change, and its records are not matched again."""
    rows = paired(records("h", ["new", "old"]), records("a", ["old"]), linked(("h0", "a0")))

    assert rows.filter(pl.col("contact") == 1).select("hubspot_id", "app_id").row(0) == ("h0", "a0")
    assert row_of(rows, "h:h1")["app_id"] is None


def test_twins_are_counted_on_both_sides() -> None:
    """The finding about duplicates needs to say how many share an address; nobody of them is linked, so nobody is a candidate."""
    rows = paired(records("h", ["a", "a"]), records("a", ["a"]), NO_LINKS)

    assert set(rows.select("hubspot_twins", "app_twins").rows()) == {(2, 1)}
    assert rows.height == 3
    assert set(rows["hubspot_candidates"]) == {""}


def test_an_additional_address_matches_where_it_is_unique() -> None:
    """The app knows the person under an address that is only HubSpot's second one."""
    rows = paired(records("h", ["first"]), records("a", ["second"]), NO_LINKS, addresses(("h0", "second")))

    assert rows.select("hubspot_id", "app_id", "matched_by").rows() == [("h0", "a0", "additional e-mail")]


def test_two_records_of_the_app_behind_one_contact_of_hubspot_name_each_other() -> None:
    """The primary address decides who is matched; the second record is no new person."""
    rows = paired(records("h", ["first"]), records("a", ["first", "second"]), NO_LINKS, addresses(("h0", "second")))

    assert row_of(rows, "h:h0")["app_id"] == "a0"
    other = row_of(rows, "a:a1")
    assert (other["hubspot_candidates"], other["app_candidates"]) == ("h0", "a0, a1")


def test_additional_addresses_that_lead_to_two_records_match_neither() -> None:
    """Nobody can say which of the two is meant; all three are candidates, and none is created."""
    further = addresses(("h0", "second"), ("h0", "third"))
    rows = paired(records("h", ["first"]), records("a", ["second", "third"]), NO_LINKS, further)

    assert rows["matched_by"].to_list() == ["", "", ""]
    assert row_of(rows, "h:h0")["app_candidates"] == "a0, a1"
    assert row_of(rows, "a:a0")["hubspot_candidates"] == "h0"


def test_a_record_whose_address_a_linked_one_has_names_both() -> None:
    """Several records of a side that would be one of the other."""
    rows = paired(records("h", ["a", "a"]), records("a", ["a"]), linked(("h0", "a0")))

    second = row_of(rows, "h:h1")
    assert (second["hubspot_candidates"], second["app_candidates"]) == ("h0, h1", "a0")


def test_at_most_five_candidates_are_named() -> None:
    """The rest is counted."""
    rows = paired(records("h", ["a"] * 8), records("a", ["a"]), linked(("h0", "a0")))

    assert row_of(rows, "h:h7")["hubspot_candidates"] == "h0, h1, h2, h3, h4 and 3 more"
    assert CANDIDATES == 5


def test_links_that_meet_in_one_survivor_name_each_other() -> None:
    """Two contacts of HubSpot were merged, their counterparts in the app were not."""
    links = linked(("h0", "a0"), ("old", "a1"), ("h2", "a2"))
    rows = paired(records("h", ["a", "b", "c"]), records("a", ["a", "b", "c"]), links, None, merged(("old", "h0")))

    named = {row["contact"]: (row["hubspot_candidates"], row["app_candidates"]) for row in rows.iter_rows(named=True)}
    assert named[1] == named[2] == ("h0", "a0, a1")
    assert named[3] == ("", "")
