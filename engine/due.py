"""Which contacts have to be planned again: those of which anything that the planner sees may have changed.

Triggers mark what changes (`engine/tables.py`): records and list members in `touched_record`, which pairing goes by as well,
contacts and what is remembered of them in `due_contact`. Some are always due: who depends on other contacts' records, who is in
quarantine or in doubt.
"""

from __future__ import annotations

import polars as pl

from engine.gates import Situation
from engine.runs import Run
from engine.schema import SIDES
from engine.situation import digest
from engine.sqlite import sqlite3
from engine.tables import MARKING, MARKS
from engine.workspace import Workspace

SHARE = 0.2
"""With more of the contacts due than this, all are planned: that takes no longer, and needs no look-up contact by contact."""
_PLANNED_UNDER = "planned_under"


def due_contacts(run: Run, situation: Situation, program: str, population: int) -> list[int] | None:
    """The ids of the contacts to plan again, in order; None if it has to be all: nothing was planned to its end under this
    situation by this program, a table was made anew without its triggers, or too many are due."""
    if run.workspace.fact(_PLANNED_UNDER) != _under(situation, program):
        return None
    if not _marked(run.workspace):
        return None
    with run.workspace.transaction() as sql:
        _touched_are_due(sql)
        sql.execute(
            "INSERT OR IGNORE INTO due_contact(contact_id) SELECT contact_id FROM dependent_contact "
            "UNION SELECT contact_id FROM quarantine UNION SELECT j.contact_id FROM journal j JOIN contact c ON c.id = j.contact_id "
            "WHERE j.state IN ('intent', 'in_doubt')"
        )
    if int(run.workspace.value("SELECT count(*) FROM due_contact")) > SHARE * population:
        return None
    return [int(row[0]) for row in run.workspace.rows("SELECT contact_id FROM due_contact ORDER BY contact_id")]


def few_marks(workspace: Workspace) -> bool:
    """Whether all that changed since the last pairing is marked, and is not much."""
    if not workspace.fact(MARKING) or not _marked(workspace):
        return False
    return int(workspace.value("SELECT count(*) FROM touched_record")) <= few_of(workspace)


def few_of(workspace: Workspace) -> float:
    """So many are few among the contacts that there are."""
    return SHARE * int(workspace.value("SELECT count(*) FROM contact"))


def paired_to_here(workspace: Workspace, *, few: bool) -> None:
    """All records are paired as they are now. Whose record was touched is due; if these are not `few`, everybody. From the first
    time on, whatever changes is marked."""
    with workspace.transaction() as sql:
        if few:
            _touched_are_due(sql)
        else:
            planning_begins(sql)
        sql.execute("DELETE FROM touched_record")
        sql.execute("INSERT OR IGNORE INTO fact(key, value) VALUES (?, '1')", (MARKING,))


def _marked(workspace: Workspace) -> bool:
    there = {row["name"] for row in workspace.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    return there >= MARKS


def _touched_are_due(sql: sqlite3.Connection) -> None:
    for side in SIDES:
        sql.execute(
            f"INSERT OR IGNORE INTO due_contact(contact_id) SELECT c.id FROM touched_record t CROSS JOIN contact c "
            f"ON c.{side}_id = t.record_id WHERE t.side = ?",
            (side,),
        )


def note_dependent(sql: sqlite3.Connection, contacts: pl.DataFrame) -> None:
    """Keeps who of these contacts depends on other contacts' records."""
    dependent = contacts.filter("dependent").select("contact")
    sql.executemany("INSERT INTO dependent_contact(contact_id) VALUES (?)", dependent.iter_rows())


def planning_begins(sql: sqlite3.Connection) -> None:
    """From here on nothing counts as planned, until `planned` says so."""
    sql.execute("DELETE FROM fact WHERE key = ?", (_PLANNED_UNDER,))


def forget_marks(sql: sqlite3.Connection) -> None:
    """To be called before the contacts are read: who changes while they are planned is due with the next check. Records that were
    touched since they were paired stay so until they are paired again."""
    sql.execute("DELETE FROM due_contact")


def planned(sql: sqlite3.Connection, situation: Situation, program: str) -> None:
    """All is planned to its end under this situation by this program."""
    sql.execute("INSERT OR REPLACE INTO fact(key, value) VALUES (?, ?)", (_PLANNED_UNDER, _under(situation, program)))


def _under(situation: Situation, program: str) -> str:
    return f"{digest(situation)} {program}"
