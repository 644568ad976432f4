"""After few changes, pairing looks only at whom they may concern; the table `contact` is then what pairing everything makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine.connectors import Record
from engine.forgetting import forget_person, known_as, lift
from engine.mirror import add_columns, drop, store
from engine.pairing import pair_contacts, pairs_without
from engine.runs import Run
from engine.schema import SIDES, Side, SideSchema
from engine.workspace import Workspace
from tests.engine.test_suppression import ADDITIONAL, WITH_ADDITIONAL

SCHEMAS: Mapping[Side, SideSchema] = {
    "hubspot": replace(WITH_ADDITIONAL["hubspot"], name_fields=("firstname",)), "app": WITH_ADDITIONAL["app"],
}  # fmt: skip

ADDRESSES = [f"{letter}@firma.example" for letter in "abcdefghij"]
IDS = [str(number) for number in range(7)]
FIELDS: dict[Side, list[str]] = {"hubspot": ["email", "firstname", ADDITIONAL], "app": ["EMAIL"]}
CONTACTS = (
    "SELECT anchor, hubspot_id, app_id, linked_at, linked_by, matched_by, CAST(hubspot_twins AS TEXT) AS hubspot_twins, "
    "CAST(app_twins AS TEXT) AS app_twins, hubspot_candidates, app_candidates, CAST(erased AS TEXT) AS erased, email, name, "
    "CAST(hubspot_row AS TEXT) AS hubspot_row, CAST(app_row AS TEXT) AS app_row, EXISTS (SELECT 1 FROM due_contact d "
    "WHERE d.contact_id = contact.id) || '' AS due FROM contact"
)
TABLES = (CONTACTS, "SELECT record_id, email_key FROM additional_email", "SELECT side, record_id FROM touched_record")

Step = Callable[[Workspace, random.Random], object]


def stored(workspace: Workspace, chance: random.Random) -> None:
    """A record that is new, or has another address, maybe several, or none."""
    side = chance.choice(SIDES)
    values = {SCHEMAS[side].identity_field: chance.choice(["", *ADDRESSES])}
    if side == "hubspot":
        values["firstname"] = chance.choice(("Jo", "Eva"))
        values[ADDITIONAL] = ";".join(chance.sample(ADDRESSES, chance.choice((0, 0, 1, 2))))
    record = Record(chance.choice(IDS), values, "", "")
    store(workspace, SCHEMAS[side], [record], FIELDS[side], Run(workspace, "check").id)


def dropped(workspace: Workspace, chance: random.Random) -> None:
    """A record that is gone."""
    drop(workspace, chance.choice(SIDES), [chance.choice(IDS)])


def linked(workspace: Workspace, chance: random.Random) -> None:
    """Some pairs become links, or all do."""
    some = f"AND id % 3 = {chance.randint(0, 2)}" if chance.random() < 0.5 else ""
    workspace.sql.execute(
        f"UPDATE contact SET linked_at = 'then' WHERE linked_at IS NULL AND hubspot_id <> '' AND app_id <> '' {some}"
    )


def unlinked(workspace: Workspace, chance: random.Random) -> None:
    """A link ends as `unlink` ends it, whose one record is gone or not."""
    gone, left = chance.choice((SIDES, SIDES[::-1]))
    workspace.sql.execute(
        f"UPDATE contact SET linked_at = NULL, linked_by = '', {gone}_id = NULL, anchor = CASE WHEN EXISTS (SELECT 1 "
        f"FROM contact o WHERE o.anchor = '{left[0]}:' || contact.{left}_id) THEN anchor ELSE '{left[0]}:' || {left}_id END "
        "WHERE id = (SELECT min(id) FROM contact WHERE linked_at IS NOT NULL AND id % 3 = ?)",
        (chance.randint(0, 2),),
    )


def taken(workspace: Workspace, chance: random.Random) -> None:
    """A record that stands alone or in a pair becomes that of a link, as when a write is found that went through unseen."""
    side, other = chance.choice((SIDES, SIDES[::-1]))
    free = workspace.rows(f"SELECT id, {side}_id FROM contact WHERE linked_at IS NULL AND {side}_id <> '' ORDER BY 1")
    alone = workspace.rows(
        f"SELECT id FROM contact WHERE linked_at IS NULL AND {side}_id IS NULL AND {other}_id <> '' ORDER BY 1"
    )
    if free and alone:
        contact, record = chance.choice(free)
        workspace.sql.execute(f"UPDATE contact SET {side}_id = NULL WHERE id = ?", (contact,))
        workspace.sql.execute(
            f"UPDATE contact SET {side}_id = ?, linked_at = 'then' WHERE id = ?", (record, chance.choice(alone)[0])
        )


def emptied(workspace: Workspace, chance: random.Random) -> None:
    """Contacts that are in no link lose a record past the engine."""
    workspace.sql.execute(
        f"UPDATE contact SET {chance.choice(SIDES)}_id = NULL WHERE linked_at IS NULL AND id % 4 = ?",
        (chance.randint(0, 3),),
    )


def removed(workspace: Workspace, chance: random.Random) -> None:
    """Somebody deletes a contact past the engine."""
    workspace.sql.execute("DELETE FROM contact WHERE id % 5 = ?", (chance.randint(0, 4),))


def merged(workspace: Workspace, chance: random.Random) -> None:
    """A record went into another one."""
    workspace.sql.execute(
        "INSERT OR REPLACE INTO alias(side, old_id, fate, record_id, run_id, at) VALUES (?, ?, 'merged', ?, 1, '')",
        (chance.choice(SIDES), *chance.sample(IDS, 2)),
    )


def forgotten(workspace: Workspace, chance: random.Random) -> None:
    """A person is erased, or no longer kept away."""
    address = chance.choice(ADDRESSES)
    if chance.random() < 0.5:
        forget_person(Run(workspace, "forget"), known_as(workspace, address), "asked for")
    else:
        lift(Run(workspace, "forget"), address)


STEPS: tuple[Step, ...] = (stored,) * 8 + (
    dropped,
    dropped,
    linked,
    linked,
    unlinked,
    taken,
    taken,
    emptied,
    removed,
    merged,
    forgotten,
)


def copied(workspace: Workspace, path: Path) -> Workspace:
    """The same workspace in another file of the same folder, which holds the key of the list of erased people."""
    path.unlink(missing_ok=True)
    workspace.sql.execute("VACUUM INTO ?", (str(path),))
    return Workspace(path)


@pytest.mark.parametrize("seed", range(6))
def test_the_contacts_are_those_of_pairing_everything(tmp_path: Path, seed: int) -> None:
    """Sixty pairings in a row after a few invented changes each."""
    chance, in_part = random.Random(seed), 0
    with Workspace(tmp_path / "w.sqlite") as workspace:
        workspace.sql.execute("PRAGMA synchronous = OFF")
        for side in SIDES:
            add_columns(workspace, side, FIELDS[side])
        pair_contacts(workspace, SCHEMAS)
        for _ in range(60):
            for _ in range(chance.randint(1, 4)):
                chance.choice(STEPS)(workspace, chance)
            with patch("engine.due.SHARE", 1e9), copied(workspace, tmp_path / "whole.sqlite") as other:
                with patch("engine.pairing.pairs_without", wraps=pairs_without) as everybody:
                    pair_contacts(workspace, SCHEMAS)
                in_part += not everybody.called
                pair_contacts(other, SCHEMAS, whole=True)
                for query in TABLES:
                    one, whole = (pl.DataFrame(everything(each, query)) for each in (workspace, other))
                    assert_frame_equal(one, whole)
    assert in_part > 50


def everything(workspace: Workspace, query: str) -> list[dict[str, object]]:
    """The rows of a query in an order of their own."""
    return sorted((dict(row) for row in workspace.rows(query)), key=lambda row: [str(value) for value in row.values()])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Workspace]:
    """A pair of two records, the HubSpot one with an additional address; paired once."""
    with Workspace(tmp_path / "w.sqlite") as workspace:
        for side in SIDES:
            add_columns(workspace, side, FIELDS[side])
        hold(workspace, "hubspot", "1", "jo@firma.example", "jo@privat.example")
        hold(workspace, "app", "r", "jo@firma.example")
        pair_contacts(workspace, SCHEMAS)
        yield workspace


def hold(workspace: Workspace, side: Side, record: str, address: str, further: str = "", name: str = "") -> None:
    """Stores a record."""
    values = {SCHEMAS[side].identity_field: address} | (
        {ADDITIONAL: further, "firstname": name} if side == "hubspot" else {}
    )
    store(workspace, SCHEMAS[side], [Record(record, values, "", "")], FIELDS[side], Run(workspace, "check").id)


def test_a_link_is_never_overwritten(pair: Workspace) -> None:
    """Not even by a record under whose name it is still known, although it has another one by now."""
    pair.sql.execute("UPDATE contact SET linked_at = 'then', hubspot_id = '2'")
    hold(pair, "hubspot", "2", "jo@privat.example")
    with patch("engine.due.SHARE", 1e9):
        pair_contacts(pair, SCHEMAS)

    links = pair.rows("SELECT hubspot_id, app_id, linked_at FROM contact ORDER BY linked_at IS NULL")
    assert [tuple(link) for link in links] == [("2", "r", "then"), ("1", None, None)]


def test_a_touched_record_makes_its_contact_due_and_is_described_anew(pair: Workspace) -> None:
    """Also where nobody's pair changes; nothing is left to pair then."""
    pair.sql.execute("DELETE FROM due_contact")
    hold(pair, "hubspot", "1", "jo@firma.example", "jo@privat.example", "Jo")
    with patch("engine.due.SHARE", 1e9), patch("engine.pairing.pairs_without", side_effect=AssertionError):
        pair_contacts(pair, SCHEMAS)

    assert pair.rows("SELECT name FROM contact JOIN due_contact ON contact_id = id")[0]["name"] == "Jo"
    assert pair.value("SELECT count(*) FROM touched_record") == 0


def test_what_forgetting_takes_from_another_record_comes_back(pair: Workspace) -> None:
    """The app's record has an erased person's address by now; the HubSpot record of the pair is somebody else's, and so is its
    additional address."""
    hold(pair, "hubspot", "2", "eva@firma.example", "eva@privat.example")
    pair_contacts(pair, SCHEMAS)
    hold(pair, "app", "r", "eva@privat.example")
    with patch("engine.due.SHARE", 1e9):
        forget_person(Run(pair, "forget"), known_as(pair, "eva@firma.example"), "asked for")
        assert pair.value("SELECT count(*) FROM additional_email") == 0
        pair_contacts(pair, SCHEMAS)

    assert [tuple(row) for row in pair.rows("SELECT * FROM additional_email")] == [("1", "jo@privat.example")]
