"""Pairing reads only whom an unlinked record may concern, where few are unlinked; the answer is that of reading all."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine.pairing import pairs_without
from engine.workspace import Workspace

KEYS = ("", *"abcdefghi")
IDS = [str(number) for number in range(6)]


def filled(
    workspace: Workspace,
    records: Mapping[str, Mapping[str, str]],
    links: Sequence[tuple[str, str]],
    further: Collection[tuple[str, str]] = (),
    aliases: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> None:
    """Makes the workspace hold this and nothing else."""
    with workspace.transaction() as sql:
        for table in ("hubspot_contact", "app_contact", "contact", "additional_email", "alias"):
            sql.execute(f"DELETE FROM {table}")
        for side, held in records.items():
            statement = f"INSERT INTO {side}_contact(_id, _email_key, _seen_run) VALUES (?, ?, 1)"
            sql.executemany(statement, held.items())
        sql.executemany(
            "INSERT INTO contact(id, anchor, hubspot_id, app_id, linked_at) VALUES (?1, 'h:' || ?2, ?2, ?3, 'then')",
            ((number, *link) for number, link in enumerate(links, start=1)),
        )
        sql.executemany("INSERT INTO additional_email(record_id, email_key) VALUES (?, ?)", further)
        sql.executemany(
            "INSERT INTO alias(side, old_id, fate, record_id, run_id, at) VALUES (?, ?, 'merged', ?, 1, '')",
            ((side, old, new) for (side, old), new in aliases.items()),
        )


def invented(workspace: Workspace, chance: random.Random) -> None:
    """Few addresses shared by many records; links, also to records that are gone; additional addresses; merged records."""
    records = {side: {one: chance.choice(KEYS) for one in IDS if chance.random() < 0.7} for side in ("hubspot", "app")}
    links = list(zip(chance.sample(IDS, 6), chance.sample(IDS, 6), strict=True))[: chance.randint(0, 4)]
    further = {(chance.choice(IDS), chance.choice(KEYS[1:])) for _ in range(chance.randint(0, 9))}
    aliases = {
        (side, chance.choice(IDS)): chance.choice(IDS)
        for side in chance.choices(("hubspot", "app"), k=chance.randint(0, 3))
    }
    filled(workspace, records, links, further, aliases)


def rows(workspace: Workspace, few: float, contact: int = 0) -> pl.DataFrame:
    """The pairs, read in part (`few` is infinite) or whole (`few` is negative)."""
    with patch("engine.pairing._FEW", few), patch("engine.pairing._PIECE", 3):
        return pairs_without(workspace, contact).sort("contact", "anchor")


@pytest.mark.parametrize("seed", range(2))
def test_the_answer_is_that_of_reading_all(tmp_path: Path, seed: int) -> None:
    """A hundred and fifty invented workspaces, also with one of the links left out."""
    chance, unlinked, read = random.Random(seed), pl.col("contact").is_null(), 0
    with Workspace(tmp_path / "w.sqlite") as workspace:
        workspace.sql.execute("PRAGMA synchronous = OFF")
        for _ in range(150):
            invented(workspace, chance)
            without = chance.randint(0, 3)
            whole, part = rows(workspace, -1, without), rows(workspace, float("inf"), without)
            assert_frame_equal(part.filter(unlinked), whole.filter(unlinked))
            known = part["contact"].drop_nulls()
            assert_frame_equal(part.filter(~unlinked), whole.filter(pl.col("contact").is_in(known.implode())))
            named = whole.filter(~unlinked, pl.col("hubspot_candidates") != "")
            assert set(named["contact"]) <= set(known)
            read += part.height < whole.height
    assert read > 10


def test_links_that_concern_nobody_are_not_read(tmp_path: Path) -> None:
    """Ten linked pairs, one record alone that shares its address with one of them; another one named candidates until now."""
    records = {str(number): f"key {number}" for number in range(10)}
    with Workspace(tmp_path / "w.sqlite") as workspace:
        filled(workspace, {"hubspot": {**records, "alone": "key 3"}, "app": records}, [(one, one) for one in records])
        workspace.sql.execute("UPDATE contact SET hubspot_candidates = '7, 12' WHERE hubspot_id = '7'")
        found = pairs_without(workspace)

    assert sorted(found.filter(pl.col("contact").is_not_null())["hubspot_id"]) == ["3", "7"]
    assert found.filter(pl.col("contact").is_null())["hubspot_twins"].to_list() == [2]
