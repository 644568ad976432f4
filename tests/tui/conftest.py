"""A populated home, and a console on it whose clock, processes and explanations are handed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from diagnostics.bonds import Pairing
from diagnostics.explain import Explanation, FieldView, GateResult
from engine.connection import Connection
from engine.workspace import Workspace
from tests.tui.populated import NOW, FakeStart, populated
from tui.console import Console

MakeConsole = Callable[..., Console]


def fake_explanation(workspace: Workspace, connection: Connection, contact: int, *, prove: bool = False) -> Explanation:
    """An explanation of the right shape from the contact's row, with texts that a page has to show."""
    del connection, prove
    row = workspace.rows("SELECT * FROM contacts WHERE id = ?", (contact,))[0]
    cause = row["cause"] or "opt-in"
    return Explanation(
        contact=contact,
        hubspot_id=row["hubspot_id"],
        app_id=row["app_id"],
        email=row["email"],
        name=row["name"],
        state=row["state"],
        cause=row["cause"],
        sentence=f"Verdict on {row['name']}.",
        gates=(
            GateResult("email-missing", "No e-mail address", True, ()),
            GateResult(cause, "The gate that stops", False, (f"evidence on {row['name']}",), decides=True),
        ),
        fields=(
            FieldView(
                "firstname", "firstname", "FNAME", row["name"], None, None, None, f"-> app: {row['name']}", "two way"
            ),
        ),
        remedy="Correct the value.",
        then=("field-length",),
        history=(f"2026-03-01T09:00:00.000Z  {row['state']} since this check",),
        pairing=Pairing("Matched by e-mail; the next sync links the two records.", "email"),
    )


@pytest.fixture(autouse=True)
def explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Explanations come from the fake."""
    monkeypatch.setattr("diagnostics.explain.explain", fake_explanation)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the connection `practice`, examined."""
    return populated(tmp_path / "home")


@pytest.fixture
def spawned() -> FakeStart:
    """What the console would have started."""
    return FakeStart()


@pytest.fixture
def console(spawned: FakeStart) -> MakeConsole:
    """Makes a console on a home; no process is ever started."""

    def make(folder: Path, start: str | None = None) -> Console:
        return Console(folder, start, spawn=spawned, now=lambda: NOW)

    return make
