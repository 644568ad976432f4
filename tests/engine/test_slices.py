"""The population in slices: every contact once, whatever its texts hold, and the same as read row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.memory import Memory
from engine.slices import bounds, slices
from engine.workspace import Workspace


def _storable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


TEXTS = st.one_of(st.none(), st.text(max_size=12).filter(_storable))


def _height(contacts: pl.DataFrame, _: Memory) -> int:
    return contacts.height


def _filled(path: Path, names: list[str | None]) -> Workspace:
    workspace = Workspace(path)
    with workspace.transaction() as sql:
        sql.execute('ALTER TABLE hubspot_contact ADD COLUMN "first""name" TEXT')
        sql.executemany(
            'INSERT INTO hubspot_contact(_id, _seen_run, "first""name") VALUES (?, 1, ?)',
            ((str(number), name) for number, name in enumerate(names)),
        )
        sql.executemany(
            "INSERT INTO contact(anchor, hubspot_id) VALUES (?, ?)",
            ((f"h:{number}", str(number)) for number in range(len(names))),
        )
    return workspace


@settings(deadline=None)
@given(names=st.lists(TEXTS, max_size=9), small=st.sampled_from([0, 100_000]))
def test_a_population_is_what_is_stored(
    tmp_path_factory: pytest.TempPathFactory, names: list[str | None], small: int
) -> None:
    """Also with control characters, quotes and nothing at all; decoded by either library."""
    with _filled(tmp_path_factory.mktemp("texts") / "acme.sqlite", names) as workspace:
        columns = {"row": "rowid", 'first"name': '"first""name"'}
        with patch("engine.workspace._SMALL", small):
            frame = workspace.population(columns, "hubspot_contact", integers=("row",))

    assert frame.schema == {"row": pl.Int64(), 'first"name': pl.String()}
    assert frame.sort("row")['first"name'].to_list() == names


@pytest.mark.parametrize(("people", "size"), [(0, 3), (1, 3), (3, 3), (7, 3)])
def test_every_contact_is_in_one_slice(tmp_path: Path, people: int, size: int) -> None:
    """In the order of their numbers, and no slice is larger than asked for."""
    with _filled(tmp_path / "acme.sqlite", [f"person {number}" for number in range(people)]) as workspace:
        worked_on = [one for (one,) in slices(workspace, _height, size=size)]
        parts = [contacts for contacts, _ in worked_on]
        assert len(parts) == len(list(bounds(workspace, size)))

    assert [one for part in parts for one in part['hubspot.first"name']] == [f"person {n}" for n in range(people)]
    assert all(part.height == height <= size for part, height in worked_on)


def test_a_column_too_large_for_one_text_is_read_row_by_row(tmp_path: Path) -> None:
    """SQLite refuses a text over its limit; the answer is the same. (Only the standard library's interface can lower the limit.)"""
    with (
        patch("engine.workspace.sqlite3", sqlite3),
        _filled(tmp_path / "acme.sqlite", ["long" * 200, None]) as workspace,
    ):
        workspace.sql.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 900)
        frame = workspace.population({"name": '"first""name"'}, "hubspot_contact")

    assert frame["name"].to_list() == ["long" * 200, None]


def test_what_json_cannot_hold_is_read_row_by_row(tmp_path: Path) -> None:
    """Another program may leave a BLOB; it is no text, and no reason to fail."""
    with _filled(tmp_path / "acme.sqlite", ["one", None]) as workspace:
        with workspace.transaction() as sql:
            sql.execute("UPDATE hubspot_contact SET \"first\"\"name\" = x'ff' WHERE _id = '1'")
        frame = workspace.population({"name": '"first""name"'}, "hubspot_contact ORDER BY rowid")

    assert frame["name"].to_list() == ["one", None]


def test_a_reader_who_stops_early_leaves_nothing_behind(tmp_path: Path) -> None:
    """The slice that was being read ahead is given up, and the workspace can be written."""
    with _filled(tmp_path / "acme.sqlite", ["one", "two", "three"]) as workspace:
        with closing(slices(workspace, _height, size=1)) as reading:
            next(reading)
        with workspace.transaction() as sql:
            sql.execute("DELETE FROM contact")
        assert list(slices(workspace, _height)) == []
