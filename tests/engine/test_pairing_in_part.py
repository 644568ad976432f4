"""After few changes, pairing looks only at whom they may concern; the table `contact` is then what pairing everything makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from engine.aliases import _move
from engine.connectors import Outcome, Record
from engine.cycle import link_pairs
from engine.forgetting import forget_person, known_as, lift
from engine.mirror import add_columns, drop, store
from engine.observed_pairing import _follow
from engine.operations import Operation
from engine.outcomes import _linked
from engine.pairing import pair_contacts, pairs_of_all
from engine.plain_records import plain_pairs
from engine.runs import Run
from engine.schema import SIDES, Side, SideSchema
from engine.workspace import Workspace
from tests.engine.answers import everything_stored
from tests.engine.test_suppression import ADDITIONAL, WITH_ADDITIONAL

SCHEMAS: Mapping[Side, SideSchema] = {
    "hubspot": replace(WITH_ADDITIONAL["hubspot"], name_fields=("firstname",)), "app": WITH_ADDITIONAL["app"],
}  # fmt: skip

ADDRESSES = [f"{letter}@firma.example" for letter in "abcdefghij"]
IDS = [str(number) for number in range(7)]
FIELDS: dict[Side, list[str]] = {"hubspot": ["email", "firstname", ADDITIONAL], "app": ["EMAIL"]}
CONTACTS = (
    "SELECT anchor, hubspot_id, app_id, linked_at, linked_by, matched_by, hubspot_twins, app_twins, hubspot_candidates, "
    "app_candidates, erased, email, name, hubspot_row, app_row, EXISTS (SELECT 1 FROM due_contact d "
    "WHERE d.contact_id = contact.id) AS due FROM contact ORDER BY anchor"
)
TABLES = (
    CONTACTS,
    "SELECT record_id, email_key FROM additional_email ORDER BY 1, 2",
    "SELECT side, record_id FROM touched_record",
)
KEPT = "SELECT id, anchor FROM contact WHERE id <= {last} ORDER BY id"

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
    if chance.random() < 0.5:
        link_pairs(Run(workspace, "sync"))
    workspace.sql.execute(
        "UPDATE contact SET linked_at = 'then' WHERE linked_at IS NULL AND hubspot_id <> '' AND app_id <> '' AND id % 3 = ?",
        (chance.randint(0, 2),),
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


def created(workspace: Workspace, chance: random.Random) -> None:
    """A create went through: a record that was alone is linked with a new one, or with one that somebody else made meanwhile."""
    side, other = chance.choice((SIDES, SIDES[::-1]))
    alone = workspace.rows(f"SELECT id FROM contact WHERE linked_at IS NULL AND {side}_id IS NULL AND {other}_id <> ''")
    number = chance.choice(IDS)
    elsewhere = f"SELECT 1 FROM contact WHERE {side}_id = ? AND linked_at IS NOT NULL"
    if not alone or workspace.value(elsewhere, (number,)):
        return
    run, held = Run(workspace, "sync"), Record(number, {SCHEMAS[side].identity_field: chance.choice(ADDRESSES)}, "", "")
    operation = Operation(chance.choice(alone)["id"], side, "create", {side: None}, "", {}, {})
    with workspace.transaction() as sql:
        store(workspace, SCHEMAS[side], [held], FIELDS[side], run.id)
        _linked(sql, operation, Outcome(0, "applied", record=held), "then")


def followed(workspace: Workspace, chance: random.Random) -> None:
    """A linked record was merged into another one, and the link moves there."""
    side = chance.choice(SIDES)
    links = workspace.rows(f"SELECT {side}_id AS id FROM contact WHERE linked_at IS NOT NULL AND {side}_id <> ''")
    there = workspace.rows(f"SELECT _id AS id FROM {side}_contact")
    if links and there:
        old, survivor = chance.choice(links)["id"], chance.choice(there)["id"]
        if old != survivor:
            drop(workspace, side, [old])
            workspace.sql.execute(
                "INSERT OR REPLACE INTO alias(side, old_id, fate, record_id, run_id, at) VALUES (?, ?, 'merged', ?, 1, '')",
                (side, old, survivor),
            )
            _move(Run(workspace, "check"), side)


def observed(workspace: Workspace, chance: random.Random) -> None:
    """Another engine left ids that make links, and took some away."""
    ids = {side: [row[0] for row in workspace.rows(f"SELECT _id FROM {side}_contact")] for side in SIDES}
    found = chance.randint(0, min(len(one) for one in ids.values()))
    pairs = zip(*(chance.sample(ids[side], found) for side in SIDES), strict=True)
    links = [(hubspot, app, "id hubspot.x") for hubspot, app in pairs]
    schema = {"hubspot_id": pl.String, "app_id": pl.String, "by": pl.String}
    _follow(Run(workspace, "check"), pl.DataFrame(links, schema=schema, orient="row"))


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


STEPS: tuple[Step, ...] = (
    *(stored,) * 8, dropped, dropped, linked, linked, unlinked, unlinked, created, created, followed, observed, emptied,
    removed, merged, forgotten,
)  # fmt: skip


def copied(workspace: Workspace, path: Path) -> Workspace:
    """The same workspace in another file of the same folder, which holds the key of the list of erased people."""
    path.unlink(missing_ok=True)
    workspace.sql.execute("VACUUM INTO ?", (str(path),))
    return Workspace(path)


@pytest.mark.parametrize("seed", range(4))
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
                with patch("engine.pairing.pairs_of_all", wraps=pairs_of_all) as everybody:
                    pair_contacts(workspace, SCHEMAS)
                in_part += not everybody.called
                pair_contacts(other, SCHEMAS, whole=True)
                for query in TABLES:
                    one, whole = ([dict(row) for row in each.rows(query)] for each in (workspace, other))
                    assert one == whole
    assert in_part > 50


def renumbered(workspace: Workspace, _: random.Random) -> None:
    """Another program gives the rows other numbers, so that nobody knows where records lie."""
    workspace.sql.execute("VACUUM")


@pytest.mark.parametrize("seed", range(4))
def test_in_ranges_the_contacts_are_those_of_one_frame(tmp_path: Path, seed: int) -> None:
    """Everything is paired forty times in ranges of three rows, apart from what hangs together."""
    chance, ranges = random.Random(seed), 0
    with Workspace(tmp_path / "w.sqlite") as workspace:
        workspace.sql.execute("PRAGMA synchronous = OFF")
        for side in SIDES:
            add_columns(workspace, side, FIELDS[side])
        for _ in range(40):
            for _ in range(chance.randint(1, 4)):
                chance.choice((*STEPS, renumbered))(workspace, chance)
            last = workspace.value("SELECT max(id) FROM contact") or 0
            with copied(workspace, tmp_path / "one.sqlite") as other:
                with patch("engine.pairing.entangled", return_value=None):
                    pair_contacts(other, SCHEMAS, whole=True)
                with (
                    patch("engine.pairing._FEW", -1),
                    patch("engine.plain_records.SHARE", 1e9),
                    patch("engine.plain_records.RANGE", 3),
                    patch("engine.pairing.plain_pairs", wraps=plain_pairs) as plain,
                ):
                    pair_contacts(workspace, SCHEMAS, whole=True)
                ranges += plain.call_count
                for query in (*TABLES, KEPT.format(last=last)):
                    one, whole = ([dict(row) for row in each.rows(query)] for each in (workspace, other))
                    assert one == whole
    assert ranges > 35


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


def test_in_ranges_a_contact_that_loses_a_record_to_an_earlier_one_stays(pair: Workspace) -> None:
    """The record of a later range's pair has the address of an earlier one by now."""
    for hubspot, app, address in (("2", "s", "eva@firma.example"), ("3", "t", "ida@firma.example")):
        hold(pair, "hubspot", hubspot, address)
        hold(pair, "app", app, address)
    pair_contacts(pair, SCHEMAS, whole=True)
    kept = pair.value("SELECT id FROM contact WHERE app_id = 't'")
    hold(pair, "app", "s", "")
    hold(pair, "app", "t", "eva@firma.example")
    with patch("engine.plain_records.SHARE", 1e9), patch("engine.plain_records.RANGE", 1):
        pair_contacts(pair, SCHEMAS, whole=True)

    rows = pair.rows("SELECT hubspot_id, app_id FROM contact WHERE id = ? OR app_id = 't' ORDER BY hubspot_id", (kept,))
    assert [tuple(row) for row in rows] == [("2", "t"), ("3", None)]


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
    with patch("engine.due.SHARE", 1e9), patch("engine.pairing.pairs_of_all", side_effect=AssertionError):
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


def test_an_address_that_is_noted_late_is_looked_up_in_the_list_of_erased_people(pair: Workspace) -> None:
    """Killed between reading and pairing, then the person was forgotten by the address that nobody had noted yet."""
    hold(pair, "hubspot", "2", "eva@firma.example", "eva@privat.example", "Eva")
    forget_person(Run(pair, "forget"), known_as(pair, "eva@privat.example"), "asked for")
    with patch("engine.due.SHARE", 1e9):
        pair_contacts(pair, SCHEMAS)

    assert pair.value("SELECT erased FROM contact WHERE hubspot_id = '2'") == 1
    assert pair.value("SELECT firstname FROM hubspot_contact WHERE _id = '2'") is None
    assert "eva" not in everything_stored(pair)


def test_a_contact_that_goes_is_due_no_more(pair: Workspace) -> None:
    """A link whose two records are gone ends, and with it what was remembered of it."""
    pair.sql.execute("UPDATE contact SET linked_at = 'then'")
    pair.sql.execute("INSERT INTO base_field VALUES (1, 'email', 'a', 'a', '', 1)")
    drop(pair, "hubspot", ["1"])
    drop(pair, "app", ["r"])
    with patch("engine.due.SHARE", 1e9):
        pair_contacts(pair, SCHEMAS)

    assert [pair.value(f"SELECT count(*) FROM {table}") for table in ("contact", "due_contact")] == [0, 0]


def test_where_one_change_concerns_many_everything_is_paired(pair: Workspace) -> None:
    """More records than are few share addresses, in chains."""
    for number in range(2, 12):
        hold(pair, "hubspot", str(number), f"{number}@firma.example", f"{number + 1}@firma.example")
    pair_contacts(pair, SCHEMAS, whole=True)
    hold(pair, "hubspot", "2", "jo@firma.example", "3@firma.example")
    with patch("engine.pairing.pairs_of_all", wraps=pairs_of_all) as everybody:
        pair_contacts(pair, SCHEMAS)

    assert everybody.call_count == 1
    assert pair.value("SELECT hubspot_twins FROM contact WHERE hubspot_id = '2'") == 2


def test_a_link_moves_to_a_survivor_whose_row_lies_there_without_records(pair: Workspace) -> None:
    """Killed while links were inferred anew; the survivor of a merge was in no link."""
    hold(pair, "hubspot", "2", "eva@firma.example")
    pair_contacts(pair, SCHEMAS)
    link_pairs(Run(pair, "sync"))
    pair.sql.execute("UPDATE contact SET hubspot_id = NULL WHERE hubspot_id = '2'")
    drop(pair, "hubspot", ["1"])
    pair.sql.execute(
        "INSERT INTO alias(side, old_id, fate, record_id, run_id, at) VALUES ('hubspot', '1', 'merged', '2', 1, '')"
    )
    _move(Run(pair, "check"), "hubspot")
    pair_contacts(pair, SCHEMAS)

    assert [tuple(row) for row in pair.rows("SELECT anchor, hubspot_id, app_id FROM contact")] == [("h:2", "2", "r")]
