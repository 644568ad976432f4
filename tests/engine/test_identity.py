"""Which records are one contact."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.identity import paired

KEYS = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=8)
NO_LINKS = pl.DataFrame(schema={"contact": pl.Int64, "hubspot_id": pl.String, "app_id": pl.String})


def records(prefix: str, keys: list[str]) -> pl.DataFrame:
    """Records with these normalised addresses."""
    ids = [f"{prefix}{number}" for number in range(len(keys))]
    return pl.DataFrame({"id": ids, "key": keys}, schema={"id": pl.String, "key": pl.String})


@settings(deadline=None)
@given(KEYS, KEYS)
def test_every_record_is_in_exactly_one_contact(hubspot: list[str], app: list[str]) -> None:
    """Nothing is lost and nothing counted twice."""
    rows = paired(records("h", hubspot), records("a", app), NO_LINKS)

    assert sorted(rows["hubspot_id"].drop_nulls()) == sorted(f"h{n}" for n in range(len(hubspot)))
    assert sorted(rows["app_id"].drop_nulls()) == sorted(f"a{n}" for n in range(len(app)))


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
@given(KEYS, KEYS)
def test_swapping_the_sides_mirrors_the_pairs(hubspot: list[str], app: list[str]) -> None:
    """Neither side is favoured."""
    one = paired(records("x", hubspot), records("y", app), NO_LINKS)
    other = paired(records("y", app), records("x", hubspot), NO_LINKS)

    assert set(one.select("hubspot_id", "app_id").rows()) == set(other.select("app_id", "hubspot_id").rows())


def test_a_link_is_followed_whatever_the_addresses_say() -> None:
    """A linked pair keeps its ids after an e-mail change, and its records are not matched again."""
    links = pl.DataFrame({"contact": [7], "hubspot_id": ["h0"], "app_id": ["a0"]})

    rows = paired(records("h", ["new", "old"]), records("a", ["old"]), links)

    assert rows.filter(pl.col("contact") == 7).select("hubspot_id", "app_id").row(0) == ("h0", "a0")
    assert rows.filter(pl.col("hubspot_id") == "h1")["app_id"][0] is None


def test_twins_are_counted_on_both_sides() -> None:
    """The finding about duplicates needs to say how many share an address."""
    rows = paired(records("h", ["a", "a"]), records("a", ["a"]), NO_LINKS)

    assert set(rows.select("hubspot_twins", "app_twins").rows()) == {(2, 1)}
    assert rows.height == 3
