"""Homes with the practice connection in three stages, made once and copied for each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine import population
from sample_data.generate import main as generate
from tui.__main__ import run


@dataclass(frozen=True)
class Answer:
    """What a command gave: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output."""
        content: dict[str, Any] = json.loads(self.out)
        return content


SHOWN = "shown after the tests: "
"""How properties of a test begin (`record_property`) that people are to read; the rest of the name is the heading."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests show, whether they passed or not, and in whichever process they ran."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    for report in reports:
        for name, text in report.user_properties:
            if name.startswith(SHOWN):
                terminalreporter.section(name.removeprefix(SHOWN))
                terminalreporter.write_line(str(text))


Command = Callable[..., Answer]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keyring, home or credentials of the person who runs the tests."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    for name in ("SYNCDOCTOR_HOME", "SYNCDOCTOR_PRACTICE_HUBSPOT", "SYNCDOCTOR_PRACTICE_APP"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def least_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of contacts whose records agree only the least is read, as in a large portal; small ones would read everything at once."""
    monkeypatch.setattr(population, "_MANY", 1.0)


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, as the installed program would."""

    def call(*words: object) -> Answer:
        capfd.readouterr()
        code = run([str(word) for word in words])
        captured = capfd.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def _made(folder: Path, *words: str) -> Path:
    home = folder / "home"
    assert run([*words, "--home", str(home)]) == 0
    return home


@pytest.fixture(scope="session")
def fresh_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice connection, nothing examined yet."""
    return _made(tmp_path_factory.mktemp("fresh"), "demo", "--headless", "--until", "connect")


@pytest.fixture(scope="session")
def checked_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice connection after a check."""
    return _made(tmp_path_factory.mktemp("checked"), "demo", "--headless", "--until", "check")


@pytest.fixture(scope="session")
def synced_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice connection after the whole story."""
    return _made(tmp_path_factory.mktemp("synced"), "demo", "--headless")


@pytest.fixture(scope="session")
def few_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice connection with 250 other people, nothing examined yet."""
    folder = tmp_path_factory.mktemp("few")
    people = folder / "people"
    assert generate(["--seed", "3", "--people", "250", "--out", str(people)]) == 0
    return _made(folder, "demo", "--headless", "--until", "connect", "--data", str(people))


@pytest.fixture
def few(few_master: Path, tmp_path: Path) -> Path:
    """A copy of the home with few people."""
    return _copy(few_master, tmp_path)


def _copy(master: Path, target: Path) -> Path:
    return Path(shutil.copytree(master, target / f"home-{master.parent.name}"))


@pytest.fixture
def fresh(fresh_master: Path, tmp_path: Path) -> Path:
    """A copy of the fresh home."""
    return _copy(fresh_master, tmp_path)


@pytest.fixture
def checked(checked_master: Path, tmp_path: Path) -> Path:
    """A copy of the checked home."""
    return _copy(checked_master, tmp_path)


@pytest.fixture
def synced(synced_master: Path, tmp_path: Path) -> Path:
    """A copy of the synced home."""
    return _copy(synced_master, tmp_path)


def change_connection(home: Path, old: str, new: str) -> None:
    """Edits the practice connection's file."""
    path = home / "connections" / "practice.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
