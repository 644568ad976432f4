"""`history` on the practice portal."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from sample_data.portal import Portal
from tests.conftest import Command
from tests.test_docs import text_of
from tui.home import Home
from tui.practice import open_practice


def _written(home: Path) -> tuple[str, str, str]:
    """HubSpot id, e-mail address and city of a contact whose city can be edited."""
    with Workspace(home / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        row = workspace.rows(
            "SELECT c.hubspot_id, c.email, h.city FROM contacts c JOIN hubspot_contact h ON h._id = c.hubspot_id "
            "WHERE c.state = 'in_sync' AND length(h.city) > 4 ORDER BY c.id LIMIT 1"
        )[0]
        return row["hubspot_id"], row["email"], row["city"]


def _portal(home: Path) -> Portal:
    return open_practice(Home(home))


def test_each_edit_with_its_source_and_masked_values(command: Command, synced: Path) -> None:
    """By id and by address, as text and as a document; values only when asked for."""
    record, email, city = _written(synced)
    portal = _portal(synced)
    portal.tamper("hubspot", record, {"city": "Winterthur"}, origin=("IMPORT", "55", "Fair 2026"))
    portal.tamper("hubspot", record, {"city": "Frauenfeld"}, origin=("WORKFLOWS", "77", "Spelling"))
    portal.close()
    shown = command("history", "practice", record, "--field", "city", "--home", synced)
    document = command("history", "practice", email, "--field", "CITY", "--home", synced, "--json").document
    whole = command("history", "practice", record, "--field", "city", "--values", "--home", synced)

    assert (shown.code, whole.code) == (0, 0)
    assert "workflow 77 (Spelling)" in shown.out
    assert "import 55 (Fair 2026)" in shown.out
    for value in ("Frauenfeld", "Winterthur", city, email):
        assert value not in shown.out
    assert all(value in whole.out for value in ("Frauenfeld", "Winterthur", city))
    (field,) = document["fields"]
    hubspot = [one["kind"] for one in field["entries"] if one["side"] == "hubspot"]
    assert hubspot[:2] == ["workflow", "import"]
    assert field["entries"][0]["value"] == "<10 characters: letters>"


def test_hostile_text_is_shown_and_never_obeyed(command: Command, synced: Path) -> None:
    """Escapes and direction marks in values, sources and labels."""
    record, _, _ = _written(synced)
    portal = _portal(synced)
    hostile = ("\u001b]0;x\u0007TYPE", "7\u202e7", "[bold]\u001b[31mred")
    portal.tamper("hubspot", record, {"city": "\u001b[2J\u202eevil"}, origin=hostile)
    portal.close()
    for words in (("--values",), (), ("--json", "--values")):
        answer = command("history", "practice", record, "--field", "city", *words, "--home", synced)
        assert answer.code == 0
        assert not set("\u001b\u202e\u0007") & set(answer.out + answer.err)
    assert "evil" in answer.out


def test_our_own_writes_name_their_run(command: Command, synced: Path) -> None:
    """What the sync of the story wrote is ours, on both sides."""
    with Workspace(synced / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        rows = {
            row["side"]: row
            for row in workspace.rows(
                "SELECT j.side, j.run_id, c.hubspot_id, min(f.key) AS field FROM journal j JOIN contact c ON c.id = j.contact_id, "
                "json_each(j.sent) f WHERE j.state = 'verified' AND j.kind = 'update' AND c.hubspot_id IS NOT NULL GROUP BY j.side"
            )
        }
    assert set(rows) == {"hubspot", "app"}
    for side, row in rows.items():
        answer = command("history", "practice", row["hubspot_id"], "--field", row["field"], "--home", synced, "--json")
        mine = [one for one in answer.document["fields"][0]["entries"] if one["kind"] == "us" and one["side"] == side]
        assert [one["run"] for one in mine] == [row["run_id"]]


def test_every_key_of_a_history_is_described(command: Command, synced: Path) -> None:
    """docs/json.md, down to entries and answers."""
    record, _, _ = _written(synced)
    document = command("history", "practice", record, "--home", synced, "--json").document
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`history"))
    field = next(one for one in document["fields"] if one["entries"])
    keys = [*document, *field, *field["entries"][0], *field["again"][0], *document["traces"][0]]
    keys += [*document["consent"], *document["consent"]["subscriptions"][0]]
    assert [key for key in keys if f"`{key}`" not in section and key not in ("format", "connection")] == []


def test_the_limits_are_told_in_the_accounts_time_zone(command: Command, checked: Path) -> None:
    """Also by a run that does not read the account: the workspace knows its zone."""
    record, _, _ = _written(checked)
    assert command("history", "practice", record, "--home", checked).code == 0
    with Workspace(checked / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        told = workspace.fact("limits.hubspot")
    assert told.endswith("resets at midnight Europe/Berlin")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("practice", "nobody@example.org"), "no contact has this e-mail address, id or full name"),
        (("practice", "20000001011", "--field", "citty"), "maps no field"),
        (("practise", "20000001011"), "there is no connection"),
        (("practice", ""), "no contact has this e-mail address, id or full name"),
    ],
)
def test_wrong_input_is_refused(command: Command, checked: Path, words: tuple[str, ...], said: str) -> None:
    """With what to do, and without a request."""
    answer = command("history", *words, "--home", checked)
    assert answer.code == 2
    assert said in answer.err
    assert "to do:" in answer.err


def test_before_the_first_check_there_is_nobody_to_ask_for(command: Command, fresh: Path) -> None:
    """Said, with the command that changes it."""
    answer = command("history", "practice", "anna@firma.example", "--home", fresh)
    assert (answer.code, "syncdoctor check practice" in answer.err) == (2, True)


def test_refused_credentials_leave_what_we_know(
    command: Command, synced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3 with the reason; the journal's and the app's part is shown all the same."""
    record, _, _ = _written(synced)
    monkeypatch.setenv("SYNCDOCTOR_PRACTICE_HUBSPOT", "practice-hubspot-expired")
    answer = command("history", "practice", record, "--home", synced, "--json")
    assert answer.code == 3
    assert answer.document["unreadable"]["code"] == "credentials-refused"
    assert any("could not be read" in remark for remark in answer.document["remarks"])
    assert answer.document["traces"]
    assert any(one["entries"] for one in answer.document["fields"])


def test_a_contact_of_which_nothing_is_known(command: Command, checked: Path) -> None:
    """A field that is empty on both sides has no entries and no answer, and the text says so."""
    with Workspace(checked / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        row = workspace.rows(
            "SELECT c.hubspot_id FROM contact c JOIN hubspot_contact h ON h._id = c.hubspot_id "
            "LEFT JOIN app_contact a ON a._id = c.app_id WHERE h.website = '' AND coalesce(a.WEBSITE, '') = '' LIMIT 1"
        )[0]
    answer = command("history", "practice", row["hubspot_id"], "--field", "website", "--home", checked)
    assert answer.code == 0
    assert "Nothing is known of: website" in answer.out
