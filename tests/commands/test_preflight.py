"""`preflight` on the practice portal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diagnostics.preflight.codes import found
from diagnostics.preflight.preflight import Preflight
from engine.workspace import Workspace
from tests.conftest import Command, change_connection
from tests.test_docs import text_of
from tui.commands.preflight import preflight_document, show_preflight, verdict_line
from tui.commands.session import session
from tui.home import Home


def _file(home: Path) -> Path:
    return home / "connections" / "practice.toml"


def _runs(home: Path) -> list[str]:
    with Workspace(home / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        return [row["command"] for row in workspace.rows("SELECT command FROM run ORDER BY id")]


def test_a_fresh_connection_is_examined_first_and_is_ready(command: Command, few: Path) -> None:
    """Text by severity, the verdict on the last line, exit code 0; asked again, nothing is read anew."""
    shown = command("preflight", "practice", "--home", few)
    again = command("preflight", "practice", "--home", few, "--json")

    assert (shown.code, again.code) == (0, 0)
    assert "Warnings (" in shown.out
    assert shown.out.index("Warnings (") < shown.out.index("Could not be examined (") < shown.out.index("To know (")
    verdict = shown.out.splitlines()[-1]
    assert verdict.startswith("ready with ")
    assert again.document["verdict"] == verdict
    assert _runs(few) == ["preflight"]
    assert command("preflight", "practice", "--home", few, "--check", "--json").code == 0
    assert _runs(few) == ["preflight", "preflight"]


def test_an_edited_connection_file_is_examined_anew(command: Command, few: Path) -> None:
    """What was stored belongs to another file; what stops is named with its key, and the exit code is 1."""
    assert command("preflight", "practice", "--home", few).code == 0
    change_connection(few, "creates = 2000", "creates = 3")
    now = _file(few).stat().st_mtime + 3600
    os.utime(_file(few), (now, now))
    answer = command("preflight", "practice", "--home", few)

    assert answer.code == 1
    assert answer.out.splitlines()[-1] == "not ready: 1 thing stops it"
    assert "brake-trips" in answer.out
    assert "where: brakes.creates" in answer.out
    assert _runs(few) == ["preflight", "preflight"]


def test_a_connection_that_fits_nowhere_is_an_answer_and_no_error(command: Command, few: Path) -> None:
    """`check` refuses it with the first thing that is wrong; preflight names all of them."""
    change_connection(few, 'hubspot = "city"', 'hubspot = "ciity"')
    change_connection(few, 'app = "COUNTRY"', 'app = "LAND"')
    assert command("check", "practice", "--home", few).code == 2
    answer = command("preflight", "practice", "--home", few, "--json")

    assert answer.code == 1
    missing = [one for one in answer.document["findings"] if one["code"] == "field-missing"]
    assert [one["field"] for one in missing] == ["hubspot.ciity", "app.LAND"]
    assert "city" in missing[0]["remedy"]
    assert answer.document["expected"] is None
    assert answer.document["counts"]["unknown"] >= 1


def test_every_key_of_a_preflight_is_described(command: Command, few: Path) -> None:
    """docs/json.md, down to the findings and what is expected."""
    document = command("preflight", "practice", "--home", few, "--json").document
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`preflight"))
    expected = document["expected"]
    keys = [
        *document, *document["findings"][0], *document["counts"], *expected, *expected["list"], *expected["requests"],
        *expected["causes"][0],
    ]  # fmt: skip
    assert [key for key in keys if f"`{key}`" not in section and key not in ("format", "connection")] == []


def _answer(stops: int = 0, warns: int = 0, unknown: int = 0, items: int = 0) -> Preflight:
    names = [f"option {number}" for number in range(items)]
    findings = [found("brake-trips", "brakes.creates", "too many") for _ in range(stops)]
    findings += [found("option-untranslated", "mappings", "lacks", contacts=1, items=names) for _ in range(warns)]
    findings += [found("conditional-unread", "hubspot", "cannot be read") for _ in range(unknown)]
    return Preflight(tuple(findings), None, "", None)


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((0, 0, 0), "ready"),
        ((0, 1, 0), "ready with 1 warning"),
        ((0, 2, 1), "ready with 2 warnings; 1 thing could not be examined"),
        ((0, 0, 2), "ready; 2 things could not be examined"),
        ((1, 5, 5), "not ready: 1 thing stops it"),
        ((3, 0, 0), "not ready: 3 things stop it"),
    ],
)
def test_the_last_line(counts: tuple[int, int, int], line: str) -> None:
    """What could not be examined is never passed over."""
    assert verdict_line(_answer(*counts)) == line


def test_long_lists_are_cut_in_the_text_and_whole_in_the_document(
    few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text says how many there are more."""
    answer = _answer(warns=25, items=18)
    show_preflight(session(Home(few), "practice"), answer)
    shown = capsys.readouterr().out

    assert shown.count("option-untranslated:") == 20
    assert shown.count("    and 12 more; --json lists all") == 20
    assert "\n  and 5 more; --json lists all" in shown
    document = preflight_document(answer)
    assert [len(one["items"]) for one in document["findings"]] == [18] * 25


def test_no_values_of_contacts_are_shown(command: Command, few: Path) -> None:
    """Findings hold names of options and fields, never what a contact holds."""
    out = command("preflight", "practice", "--home", few, "--json").out
    with Workspace(few / "workspaces" / "practice.sqlite", read_only=True) as workspace:
        names = [
            row[0] for row in workspace.rows("SELECT DISTINCT lastname FROM hubspot_contact WHERE length(lastname) > 6")
        ]
    assert len(names) > 20
    assert [name for name in names if name in out] == []


def test_wrong_input_is_refused(command: Command, few: Path) -> None:
    """No such connection; a side without its credentials stays an error of access."""
    assert command("preflight", "practise", "--home", few).code == 2
    change_connection(few, 'audience = "a1b2c3d4e5"', 'audience = "nowhere"')
    answer = command("preflight", "practice", "--home", few, "--json")
    assert (answer.code, answer.document["error"]["code"]) == (2, "configuration")
