"""WHO: by address, id or name, also additional addresses and ids that were merged away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.who import MANY, find_contact
from engine.workspace import Workspace

PEOPLE = (
    (1, "101", "a1", "uwe@firma.example", "Uwe Schäfer"),
    (2, "102", "a2", "anna@firma.example", "Anna Groß"),
    (3, "103", None, "anna.gross@firma.example", "Anna  Gross"),
    (4, None, "a4", "ibo@firma.example", "İbrahim Şahin"),
    (5, "105", None, "", "100 %"),
    (6, "106", None, "", "Άννα Κωνσταντίνου"),
)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with a few people, an additional address, and ids that were merged away."""
    with Workspace(tmp_path / "practice.sqlite") as workspace:
        sql = workspace.sql
        sql.execute("ALTER TABLE hubspot_contact ADD COLUMN hs_merged_object_ids TEXT")
        for number, hubspot_id, app_id, email, name in PEOPLE:
            sql.execute(
                "INSERT INTO contact(id, anchor, hubspot_id, app_id, email, name) VALUES (?, ?, ?, ?, ?, ?)",
                (number, str(number), hubspot_id, app_id, email, name),
            )
            for side, record in (("hubspot", hubspot_id), ("app", app_id)):
                if record:
                    sql.execute(
                        f"INSERT INTO {side}_contact(_id, _email_key, _seen_run) VALUES (?, ?, 1)", (record, email)
                    )
        sql.execute("UPDATE hubspot_contact SET hs_merged_object_ids = '77; 78' WHERE _id = '103'")
        sql.execute("INSERT INTO additional_email VALUES ('101', 'schaefer.uwe@example.net')")
        sql.execute(
            "INSERT INTO alias VALUES ('hubspot', '66', 'merged', '102', 1, ''), ('app', 'gone', 'archived', '', 1, '')"
        )
        sql.execute(
            "INSERT INTO declared VALUES ('hubspot', 1, '', '{\"former_ids_fields\": [\"hs_merged_object_ids\", \"other\"]}')"
        )
        yield workspace


@pytest.mark.parametrize(
    ("who", "contact", "remark"),
    [
        ("uwe@firma.example", 1, ""),
        (" UWE@Firma.Example ", 1, ""),
        ("102", 2, ""),
        ("a4", 4, ""),
        ("Schaefer.Uwe@example.net", 1, "an additional address of HubSpot 101"),
        ("66", 2, "HubSpot 66 was merged into HubSpot 102"),
        ("78", 3, "HubSpot 78 was merged into HubSpot 103"),
        ("uwe schäfer", 1, "the only contact with this name"),
        ("  UWE   SCHA\u0308FER ", 1, "the only contact with this name"),
        ("İBRAHIM ŞAHIN", 4, "the only contact with this name"),
        ("ΆΝΝΑ ΚΩΝΣΤΑΝΤΊΝΟΥ", 6, "the only contact with this name"),
        ("100 %", 5, "the only contact with this name"),
    ],
)
def test_somebody_is_found_by_what_people_know_of_them(known: Workspace, who: str, contact: int, remark: str) -> None:
    """Case, outer white space and Unicode form make no difference; what is not obvious is said."""
    found = find_contact(known, who)
    assert (found.contact, found.remark) == (contact, remark)


@pytest.mark.parametrize(
    "who", ["", " ", "Uwe", "U%e Schäfer", "Schäfer", "7", "gone", "%", "ä" * 60_000, "nobody@firma.example"]
)
def test_nobody_is_guessed(known: Workspace, who: str) -> None:
    """Parts of a name or an id, wild cards and records that are gone are nobody's."""
    with pytest.raises(ConfigurationError, match="no contact has this"):
        find_contact(known, who)


def test_several_of_one_name_are_told_by_their_ids(known: Workspace) -> None:
    """Without a value of theirs, and no more than a few."""
    with pytest.raises(ConfigurationError, match="2 contacts share this name") as error:
        find_contact(known, "anna GROSS")
    assert error.value.remedy == "Give one of the ids: 102, 103"
    for number in range(20):
        known.sql.execute("INSERT INTO contact(anchor, app_id, name) VALUES (?1, ?1, 'Li Wei')", (f"x{number}",))
    with pytest.raises(ConfigurationError, match=f"more than {MANY} contacts share this name") as error:
        find_contact(known, "li wei")
    assert len(error.value.remedy.split(",")) == MANY


def test_an_address_of_its_own_comes_first(known: Workspace) -> None:
    """The app's member may hold what is an additional address in HubSpot."""
    known.sql.execute("UPDATE app_contact SET _email_key = 'schaefer.uwe@example.net' WHERE _id = 'a4'")
    assert find_contact(known, "schaefer.uwe@example.net").contact == 4
