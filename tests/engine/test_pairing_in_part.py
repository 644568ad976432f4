"""After few changes, pairing looks only at whom they may concern; the table `contact` is then what pairing everything makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable
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
from engine.schema import SIDES, Side
from engine.workspace import Workspace
from tests.engine.test_suppression import ADDITIONAL, WITH_ADDITIONAL

ADDRESSES = [f"{letter}@firma.example" for letter in "abcdefghij"]
IDS = [str(number) for number in range(7)]
FIELDS: dict[Side, list[str]] = {"hubspot": ["email", ADDITIONAL], "app": ["EMAIL"]}
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
    side, identity = chance.choice(SIDES), WITH_ADDITIONAL
    values = {identity[side].identity_field: chance.choice(["", *ADDRESSES])}
    if side == "hubspot":
        values[ADDITIONAL] = ";".join(chance.sample(ADDRESSES, chance.choice((0, 0, 1, 2))))
    record = Record(chance.choice(IDS), values, "", "")
    store(workspace, WITH_ADDITIONAL[side], [record], FIELDS[side], Run(workspace, "check").id)


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
        pair_contacts(workspace, WITH_ADDITIONAL)
        for _ in range(60):
            for _ in range(chance.randint(1, 4)):
                chance.choice(STEPS)(workspace, chance)
            with patch("engine.due.SHARE", 1e9), copied(workspace, tmp_path / "whole.sqlite") as other:
                with patch("engine.pairing.pairs_without", wraps=pairs_without) as everybody:
                    pair_contacts(workspace, WITH_ADDITIONAL)
                in_part += not everybody.called
                pair_contacts(other, WITH_ADDITIONAL, whole=True)
                for query in TABLES:
                    one, whole = (pl.DataFrame(everything(each, query)) for each in (workspace, other))
                    assert_frame_equal(one, whole)
    assert in_part > 50


def everything(workspace: Workspace, query: str) -> list[dict[str, object]]:
    """The rows of a query in an order of their own."""
    return sorted((dict(row) for row in workspace.rows(query)), key=lambda row: [str(value) for value in row.values()])
