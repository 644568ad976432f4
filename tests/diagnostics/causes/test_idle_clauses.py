"""Clauses of the list that decide nothing, a finding of the connection as a whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diagnostics.causes import cause
from diagnostics.causes.idle_clauses import idle_clauses
from engine.mirror import add_columns
from engine.schema import NamedList
from engine.workspace import Workspace
from tests.diagnostics.causes.test_list_clauses import STAGE, asks, listed


def filled(folder: Path) -> Workspace:
    """Three HubSpot contacts, all in Bern; the first two are members."""
    workspace = Workspace(folder / "w.sqlite")
    add_columns(workspace, "hubspot", ["lifecyclestage", "city"])
    with workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO hubspot_contact(_id, _seen_run, lifecyclestage, city) VALUES (?, 1, ?, 'Bern')",
            [("1", "lead"), ("2", "customer"), ("3", "other")],
        )
        sql.executemany("INSERT INTO list_member VALUES (?, '2026-09-20T00:00:00Z')", [("1",), ("2",)])
    return workspace


def test_clauses_that_nobody_or_everybody_meets_are_named(tmp_path: Path) -> None:
    """One that divides the contacts, or that cannot be evaluated, is not."""
    everybody, nobody = asks("city", "IS_ANY_OF", "Bern"), asks("lifecyclestage", "IS_ANY_OF", "evangelist")
    unread = asks("country", "IS_ANY_OF", "CH")
    with filled(tmp_path) as workspace:
        finding = idle_clauses(workspace, listed([STAGE, everybody], [nobody], [unread]))
        narrow = idle_clauses(workspace, listed([asks("city", "IS_NONE_OF", "Bern")]))
        fitting = idle_clauses(workspace, listed([STAGE]))

    assert finding is not None
    assert narrow is not None
    assert fitting is None
    assert (finding.code, finding.blocking, finding.contacts) == ("list-clauses", False, 3)
    assert finding.rule == ("lifecyclestage is any of evangelist: met by nobody; city is any of Bern: met by everybody")
    assert cause(finding.code).title
    assert narrow.rule == "city is none of Bern: met by nobody"


def test_a_clause_on_another_list_is_looked_at_too(tmp_path: Path) -> None:
    """Everybody is in the one, nobody in the other; of a third it is not known."""
    clauses = [{"filterType": "IN_LIST", "operator": "IN_LIST", "listId": number} for number in ("7", "8", "9")]
    situation = listed([STAGE, *clauses])
    assert situation.inclusion is not None
    named = (NamedList("7"), NamedList("8"), NamedList("9", unknown_because="the list was deleted"))
    with filled(tmp_path) as workspace:
        workspace.sql.execute("INSERT INTO named_list_member(record_id, list_id) SELECT _id, '7' FROM hubspot_contact")
        finding = idle_clauses(workspace, replace(situation, inclusion=replace(situation.inclusion, named=named)))

    assert finding is not None
    assert finding.rule == "is in list 8: met by nobody; is in list 7: met by everybody"
