"""The workspace file: made private, migrated, and refused with a clear word where it cannot be used."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine.errors import LockHeld, WorkspaceError
from engine.lock import locked
from engine.sqlite import sqlite3
from engine.tables import MIGRATIONS
from engine.workspace import Workspace


def test_a_new_workspace_is_private_and_can_be_opened_again(tmp_path: Path) -> None:
    """Only its owner reads it, and facts stay."""
    path = tmp_path / "workspaces" / "acme.sqlite"
    with Workspace(path) as workspace:
        workspace.remember("activated_at", "2026-01-01")

    with Workspace(path, read_only=True) as workspace:
        assert workspace.fact("activated_at") == "2026-01-01"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_reading_what_was_never_examined_names_the_command(tmp_path: Path) -> None:
    """Opening read only makes no file."""
    path = tmp_path / "acme.sqlite"

    with pytest.raises(WorkspaceError) as caught:
        Workspace(path, read_only=True)

    assert "syncdoctor check acme" in caught.value.remedy
    assert not path.exists()


def test_a_newer_workspace_is_left_alone(tmp_path: Path) -> None:
    """An older program does not touch what it does not know."""
    path = tmp_path / "acme.sqlite"
    Workspace(path).close()
    sql = sqlite3.connect(path)
    sql.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    sql.close()
    before = path.read_bytes()

    with pytest.raises(WorkspaceError, match="version"):
        Workspace(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"this is no database, whatever its name says" * 200, b"SQLite format 3\x00" + b"\xff" * 8000]
)
def test_a_damaged_workspace_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """A damaged file is never started afresh: lost links would mean people created twice."""
    path = tmp_path / "acme.sqlite"
    path.write_bytes(content)

    with pytest.raises(WorkspaceError) as caught:
        Workspace(path)

    assert caught.value.exit_code == 2
    assert path.read_bytes() == content


def test_what_was_deleted_or_replaced_is_in_no_byte_of_the_file(tmp_path: Path) -> None:
    """Whoever is forgotten later may have left values in pages that were freed long before."""
    path = tmp_path / "acme.sqlite"
    with Workspace(path) as workspace:
        for number in range(200):
            workspace.remember(f"key {number}", f"someone{number}@firma.example " * 9)
        workspace.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"someone7@" in path.read_bytes()
        with workspace.transaction() as sql:
            sql.execute("DELETE FROM fact WHERE key > 'key 1'")
        for number in range(2):
            workspace.remember(f"key {number}", "nobody")
        workspace.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    assert b"someone" not in path.read_bytes()


def test_another_programs_database_is_not_taken_over(tmp_path: Path) -> None:
    """A SQLite file of something else is refused."""
    path = tmp_path / "acme.sqlite"
    sql = sqlite3.connect(path)
    sql.execute("CREATE TABLE bookmarks (url)")
    sql.commit()
    sql.close()

    with pytest.raises(WorkspaceError, match="not a workspace"):
        Workspace(path)


def test_a_full_disk_is_named_and_changes_nothing(tmp_path: Path) -> None:
    """SQLite's own page limit stands in for the disk: the transaction fails whole."""
    with Workspace(tmp_path / "acme.sqlite") as workspace:
        workspace.remember("small", "fact")
        pages = workspace.value("PRAGMA page_count")
        workspace.sql.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(WorkspaceError, match="full"):
            workspace.remember("large", "x" * 100_000)

        assert workspace.fact("small") == "fact"
        assert workspace.fact("large") == ""


def test_a_locked_workspace_says_who_could_hold_it(tmp_path: Path) -> None:
    """Another program's write lock becomes a sentence after the wait."""
    path = tmp_path / "acme.sqlite"
    with Workspace(path) as workspace:
        workspace.sql.execute("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkspaceError, match="locked"):
            workspace.remember("key", "value")
        other.execute("ROLLBACK")
        other.close()
        workspace.remember("key", "value")

        assert workspace.fact("key") == "value"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file where a folder should be, as on a read-only home, is an error with the path."""
    (tmp_path / "workspaces").write_text("in the way")

    with pytest.raises(WorkspaceError) as caught:
        Workspace(tmp_path / "workspaces" / "acme.sqlite")

    assert "workspaces" in caught.value.where


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """All or nothing."""
    with Workspace(tmp_path / "acme.sqlite") as workspace:
        with pytest.raises(RuntimeError), workspace.transaction() as sql:
            sql.execute("INSERT INTO fact(key, value) VALUES ('a', 'b')")
            raise RuntimeError

        assert workspace.fact("a") == ""


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """The second run is told who holds the connection; afterwards the way is free."""
    path = tmp_path / "acme.sqlite"
    with locked(path, "sync"), pytest.raises(LockHeld) as caught, locked(path, "check"):
        pass

    assert "'sync'" in caught.value.what
    assert caught.value.exit_code == 4
    with locked(path, "check"):
        pass
