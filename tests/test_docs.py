"""The documents say what is there: a command, table or key that nobody described is a defect."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_command

from diagnostics.causes import CAUSES
from diagnostics.causes.catalogue import markdown
from engine.connection import Connection
from engine.workspace import Workspace
from tests.conftest import Command
from tui.cli import cli

ROOT = Path(__file__).parent.parent


def text_of(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    """Who reads the README knows all commands."""
    commands = get_command(cli).commands  # type: ignore[attr-defined]
    missing = [
        name
        for name in commands
        if f"syncdoctor {name}" not in text_of("README.md") and name not in ("logout", "connections")
    ]

    assert len(commands) > 10
    assert missing == []


def test_every_table_and_view_is_described(tmp_path: Path) -> None:
    """People open the workspace with other tools."""
    with Workspace(tmp_path / "acme.sqlite") as workspace:
        names = [
            str(row["name"]) for row in workspace.rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
    described = text_of("docs/workspace.md")

    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in described] == []


def keys_of(model: type[BaseModel], path: str = "") -> list[str]:
    """Dotted keys of a configuration model, sections without their own name."""
    keys = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = [kind, *getattr(kind, "__args__", ())]
        section = next((one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)), None)
        keys += keys_of(section, f"{path}{name}.") if section else [f"{path}{name}"]
    return keys


def test_every_key_of_the_connection_file_is_described() -> None:
    """Each key of the file stands in its document, with its section or behind a dot."""
    described = text_of("docs/connection.md")
    keys = [key for key in keys_of(Connection) if key != "name"]

    assert len(keys) > 25
    assert [
        key
        for key in keys
        if f"`{key}`" not in described
        and f"`.{key.rsplit('.')[-1]}`" not in described
        and f"`{key.rsplit('.')[-1]}`" not in described
    ] == []


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        (["check", "practice"], "check"),
        (["plan", "practice"], "plan"),
        (["sync", "practice"], "sync"),
        (["verify", "practice"], "verify"),
        (["log", "practice", "--run", "1"], "log"),
        (["connections"], "connections"),
        (["fixes", "practice", "--limit", "1"], "fixes"),
        (["diff", "practice", "1"], "diff"),
        (["trend", "practice"], "trend"),
        (["waivers", "practice"], "waivers"),
    ],
)
def test_every_key_of_a_json_document_is_described(
    command: Command, synced: Path, words: list[str], heading: str
) -> None:
    """What a script may read is documented where its command is."""
    described = re.split(r"^## ", text_of("docs/json.md"), flags=re.MULTILINE)
    section = next(part for part in described if part.startswith(f"`{heading}"))
    document = json.loads(command(*words, "--home", synced, "--json").out)

    assert document["format"] == 1
    keys = [key for key in document if key not in ("format", "connection")]
    assert [key for key in keys if f"`{key}`" not in section] == []


def test_explanation_and_its_gates_are_described(command: Command, checked: Path) -> None:
    """`explain` too, down to the gates."""
    who = next(line for line in text_of("sample_data/people/answer_key.csv").splitlines() if ",failing," in line).split(
        ","
    )
    document = json.loads(command("explain", "practice", who[0] or who[1], "--home", checked, "--json").out)
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`explain"))

    keys = [*document, *document["gates"][0], *document["fields"][0]]
    assert [key for key in keys if f"`{key}`" not in section and key not in ("format", "connection")] == []


def test_an_explanation_of_the_past_is_described(command: Command, synced: Path) -> None:
    """Its own keys, and those of the findings, the moves and the waivers."""
    who = next(line for line in text_of("sample_data/people/answer_key.csv").splitlines() if ",failing," in line).split(
        ","
    )
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`explain"))
    then = command("explain", "practice", who[0] or who[1], "--at", "run:1", "--home", synced, "--json").document
    keys = [*then, *then["examined"], *then["findings"][0], *then["values"][0]]
    assert [key for key in keys if f"`{key}`" not in section and key not in ("format", "connection")] == []

    moves = command("diff", "practice", "1", "--home", synced, "--json", "--contacts").document["moves"]
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`diff"))
    assert [key for key in (*moves[0], *moves[0]["named"][0]) if f"`{key}`" not in section] == []

    words = ("--owner", "Ada", "--reason", "agreed", "--until", "2999-12-31")
    made = command("waive", "practice", "opt-in", *words, "--home", synced, "--json").document["waiver"]
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`waivers"))
    assert [key for key in made if f"`{key}`" not in section] == []


def test_every_cause_has_its_texts() -> None:
    """A cause without a title, a remedy or somebody to fix it helps nobody; codes are unique."""
    assert len({cause.code for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert cause.title
        assert cause.explanation
        assert cause.remedy
        assert cause.fixed_by


def test_the_document_of_causes_is_what_the_catalogue_gives() -> None:
    """Run `make causes` after a change of a cause."""
    assert text_of("docs/causes.md") == markdown()


def test_every_key_of_a_cause_is_described(command: Command) -> None:
    """The list and the single cause have the same keys."""
    section = next(part for part in text_of("docs/json.md").split("\n## ") if part.startswith("`causes"))
    document = command("causes", "--json").document
    single = command("causes", "opt-in", "--json").document

    assert single["cause"] in document["causes"]
    assert [key for key in ("causes", "cause", *single["cause"]) if f"`{key}`" not in section] == []
