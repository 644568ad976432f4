"""Which contacts a check plans again: whom a change concerns, and everybody where that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from diagnostics.checkup import GATES, check
from diagnostics.program import program
from engine.cycle import plan_all, plan_due
from engine.gates import Situation
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.situation import recall
from engine.verdicts import forget_answers
from tests.engine.test_aliases import SCHEMAS
from tests.engine.test_cycle import World

Changed = Callable[[Situation], Situation]


def planned(world: World, situation: Situation | None = None, by: str = "") -> set[int]:
    """Plans who is due; the contacts that were planned."""
    run = Run(world.workspace, "check")
    plan_due(run, situation or recall(world.workspace, world.connection), GATES, by or program())
    rows = world.workspace.rows("SELECT contact_id FROM verdict WHERE run_id = ?", (run.id,))
    return {int(row["contact_id"]) for row in rows}


@pytest.fixture
async def checked(small: World) -> World:
    """A world that was checked once."""
    await check(Run(small.workspace, "check"), small.connection, small.sides())
    return small


def states(world: World) -> dict[str, int]:
    """Contacts per state."""
    return {row[0]: row[1] for row in world.workspace.rows("SELECT state, count(*) FROM verdict GROUP BY state")}


def everybody(world: World) -> set[int]:
    """All contacts."""
    return {int(row["id"]) for row in world.workspace.rows("SELECT id FROM contact")}


def pair(world: World) -> tuple[int, str, str]:
    """A contact whose two records agree on the address, with both ids."""
    row = world.workspace.rows(
        "SELECT c.id, c.hubspot_id, c.app_id FROM contact c JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "JOIN app_contact a ON a._id = c.app_id WHERE h._email_key = a._email_key ORDER BY c.id LIMIT 1"
    )[0]
    return int(row["id"]), str(row["hubspot_id"]), str(row["app_id"])


def test_without_a_change_only_whom_others_concern_is_planned(checked: World) -> None:
    """And the counts are those of everybody."""
    before = states(checked)
    dependent = {int(row["contact_id"]) for row in checked.workspace.rows("SELECT contact_id FROM dependent_contact")}

    assert planned(checked) == dependent
    assert states(checked) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE hubspot_contact SET city = 'Bremen' WHERE _id = :hubspot",
        "UPDATE app_contact SET CITY = 'Bremen' WHERE _id = :app",
        "DELETE FROM app_contact WHERE _id = :app",
        "DELETE FROM list_member WHERE record_id = :hubspot",
        "INSERT INTO named_list_member(record_id, list_id) VALUES (:hubspot, '102')",
        "UPDATE contact SET linked_at = '2026-10-01T00:00:00Z' WHERE id = :contact",
        "UPDATE contact SET hubspot_twins = 2 WHERE id = :contact",
        "INSERT INTO decision(contact_id, field, winner, hubspot_value, app_value, at) VALUES (:contact, 'city', 'app', 'a', 'b', '')",
        "INSERT INTO evidence(contact_id, field, hubspot_value, app_value, run_id) VALUES (:contact, 'city', 'a', 'b', 1)",
        "INSERT INTO suspended_field(contact_id, field, flips, hubspot_value, app_value, run_id, at) "
        "VALUES (:contact, 'city', 3, 'a', 'b', 1, '')",
        "INSERT INTO quarantine(contact_id, side, field, sent, code, message, correlation_id, run_id, at) "
        "VALUES (:contact, 'app', '', '', '', '', '', 1, '')",
        "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, planned_at) "
        "VALUES (1, :contact, 'app', 'update', 'in_doubt', '{}', '{}', '')",
    ],
)
def test_whom_a_change_concerns_is_planned(checked: World, statement: str) -> None:
    """Whoever makes the change; others are not, and the next time nobody is."""
    planned(checked)
    contact, hubspot, app = pair(checked)
    with checked.workspace.transaction() as sql:
        sql.execute(statement, {"contact": contact, "hubspot": hubspot, "app": app})

    again = planned(checked)

    assert contact in again
    assert len(again) < len(everybody(checked)) / 5


@pytest.mark.parametrize(
    ("change", "all_of_them"),
    [
        (lambda s: replace(s, now=s.now + timedelta(days=3)), False),
        (lambda s: replace(s, list_size=s.list_size + 1), False),
        (lambda s: replace(s, inclusion=replace(s.inclusion, size=7, updated_at=s.now)), False),
        (lambda s: replace(s, inclusion=replace(s.inclusion, members_changed_at=s.now + timedelta(days=40))), True),
        (lambda s: replace(s, inclusion=replace(s.inclusion, processing_status="PROCESSING")), True),
        (lambda s: replace(s, list_size=0), True),
        (lambda s: replace(s, unavailable={"rules": "not permitted"}), True),
        (lambda s: replace(s, connection=s.connection.model_copy(update={"name": "another"})), True),
        (lambda s: replace(s, schemas={**s.schemas, "app": replace(s.schemas["app"], app="Another app")}), True),
    ],
)
def test_another_situation_concerns_everybody(checked: World, change: Changed, *, all_of_them: bool) -> None:
    """But not the time alone, nor a list that only was touched."""
    planned(checked)

    again = planned(checked, change(recall(checked.workspace, checked.connection)))

    assert (again == everybody(checked)) is all_of_them


def test_after_a_whole_plan_of_a_sync_everybody_is_planned(checked: World) -> None:
    """A sync writes after it has planned; what of it nobody marked, the next check looks at."""
    plan_all(Run(checked.workspace, "sync"), recall(checked.workspace, checked.connection), GATES)

    assert planned(checked) == everybody(checked)


def test_after_a_plan_that_was_cut_off_everybody_is_planned(checked: World) -> None:
    """Its answers are half gone."""
    planned(checked)
    forget_answers(Run(checked.workspace, "check"), only_due=True)

    assert planned(checked) == everybody(checked)


def test_by_another_program_everybody_is_planned(checked: World) -> None:
    """A gate may say something else after an update, also one without a new version."""
    planned(checked)

    assert planned(checked, by="another") == everybody(checked)


def test_where_a_table_has_lost_its_triggers_everybody_is_planned(checked: World) -> None:
    """A tool that makes a table anew drops them, and then nothing marks a change."""
    planned(checked)
    checked.workspace.database.table("app_contact").transform(drop={"CITY"})

    assert planned(checked) == everybody(checked)


async def test_an_edit_while_others_are_planned_is_due_the_next_time(checked: World) -> None:
    """The marks are emptied before the contacts are read, not after."""
    planned(checked)
    contact, hubspot, _ = pair(checked)

    def edit(*_: object) -> None:
        with checked.workspace.transaction() as sql:
            sql.execute("UPDATE hubspot_contact SET city = 'Bremen' WHERE _id = ?", (hubspot,))

    run = Run(checked.workspace, "check")
    run.progress = edit  # type: ignore[method-assign,assignment]
    plan_due(run, recall(checked.workspace, checked.connection), GATES, program(), everybody=True)

    assert contact in planned(checked)


async def test_a_write_in_doubt_that_is_forgotten_concerns_its_contact(checked: World) -> None:
    """Forgetting a person ends journal rows that name the address, also those of others."""
    contact, _, _ = pair(checked)
    with checked.workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO journal(run_id, contact_id, side, kind, state, sent, before, planned_at) "
            "VALUES (1, ?, 'app', 'update', 'in_doubt', '{}', '{}', '')",
            (contact,),
        )
    planned(checked)
    with checked.workspace.transaction() as sql:
        sql.execute("UPDATE journal SET state = 'superseded' WHERE contact_id = ?", (contact,))

    assert contact in planned(checked)


def test_with_many_due_everybody_is_planned(checked: World) -> None:
    """Looking them up one by one would take longer."""
    planned(checked)
    with checked.workspace.transaction() as sql:
        sql.execute("UPDATE app_contact SET CITY = 'Bremen' WHERE rowid % 2")

    assert planned(checked) == everybody(checked)


def test_before_the_first_pairing_nothing_is_marked(small: World) -> None:
    """It pairs everybody, and everybody is planned; from then on whatever changes is marked, also while it is planned."""
    world = small
    marked = "SELECT (SELECT count(*) FROM touched_record) + (SELECT count(*) FROM due_contact)"
    with world.workspace.transaction() as sql:
        sql.execute("INSERT INTO hubspot_contact(_id, _seen_run) VALUES ('n1', 1)")
        sql.execute("INSERT INTO contact(anchor, hubspot_id) VALUES ('h:n1', 'n1')")
    assert world.workspace.value(marked) == 0

    pair_contacts(world.workspace, SCHEMAS)
    assert world.workspace.value(marked) == 0
    forget_answers(Run(world.workspace, "check"))
    with world.workspace.transaction() as sql:
        sql.execute("UPDATE hubspot_contact SET _email_key = 'x' WHERE _id = 'n1'")
        sql.execute("INSERT INTO contact(anchor, app_id) VALUES ('a:n2', 'n2')")

    assert [row["record_id"] for row in world.workspace.rows("SELECT record_id FROM touched_record ORDER BY 1")] == [
        "n1",
        "n2",
    ]
    assert world.workspace.value("SELECT count(*) FROM due_contact") == 1


async def test_a_check_that_could_not_read_leaves_no_trace_in_what_held_before_and_after(checked: World) -> None:
    """For it everybody is unknown; the spans of before go on."""
    held = "SELECT contact_id, opened_run, closed_run, state, cause FROM verdict_span ORDER BY 1, 2"
    before = [tuple(row) for row in checked.workspace.rows(held)]
    refused = await check(Run(checked.workspace, "check"), checked.connection, checked.sides("another token"))
    assert refused.refusal is not None and states(checked) == {"unknown": len(before)}

    await check(Run(checked.workspace, "check"), checked.connection, checked.sides())

    assert [tuple(row) for row in checked.workspace.rows(held)] == before


async def test_a_former_verdict_keeps_both_ids_also_where_little_was_read_of_the_contact(checked: World) -> None:
    """Everybody is planned anew, of most only what gates look at, and one in sync has left the list."""
    contact, hubspot, app = pair(checked)
    with checked.workspace.transaction() as sql:
        sql.execute("UPDATE contact SET linked_at = 'then' WHERE hubspot_id <> '' AND app_id <> ''")
        sql.execute("UPDATE verdict SET state = 'in_sync', cause = '' WHERE contact_id = ?", (contact,))
        sql.execute("DELETE FROM list_member WHERE record_id = ?", (hubspot,))
        sql.execute("UPDATE verdict SET opened_run = 1")

    planned(checked, by="another program")

    former = checked.workspace.rows("SELECT hubspot_id, app_id FROM former_verdict WHERE contact_id = ?", (contact,))
    assert [tuple(row) for row in former] == [(hubspot, app)]


async def test_checks_in_a_row_wait_for_the_portals_limits_by_a_clock_of_their_own(checked: World) -> None:
    """More searches in a second than HubSpot allows, however fast the machine is."""
    for _ in range(6):
        await check(Run(checked.workspace, "check"), checked.connection, checked.sides())

    assert checked.workspace.value("SELECT count(*) FROM examination WHERE unread = ''") == 7
