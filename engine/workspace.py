"""One SQLite file per connection: opened, checked, migrated, read as frames. `tables.py` says what is in it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import WorkspaceError
from engine.sqlite import sqlite3
from engine.tables import APPLICATION_ID, MIGRATIONS

if TYPE_CHECKING:
    import polars as pl
    from sqlite_utils import Database

BUSY_MILLISECONDS = 5_000
_PAGE = 8_192
"""Bytes: an examination reads a million contacts some 5 % faster than in pages of 4 KB; 16 KB gains no more."""
_PAGES_IN_WAL = 25_000
"""200 MB before SQLite copies them into the file in the middle of a run; the last one to close it copies the rest."""
_CACHE, _CACHE_TO_WRITE = 32_000, 64_000
"""Kibibytes of pages per connection. To write: what a check of a million contacts changes after few edits fits, and is written once."""
_ROWS_PER_FETCH = 20_000
_COLUMNS_AT_ONCE = 16
"""All at once take a third more memory."""
_SMALL = 100_000
"""Characters up to which Python decodes faster than Polars sets out to."""


def quoted(name: str) -> str:
    """A column's name as SQL; names come from a side's schema."""
    return '"' + name.replace('"', '""') + '"'


def _repeated(text: str, count: int, kind: pl.DataType) -> pl.Series | None:
    """A JSON array of `count` values as a column if it holds the same value everywhere, as many columns do; else None."""
    import polars as pl

    length, odd = divmod(len(text) - 1, max(count, 1))
    first = text[1:length]
    if odd or text != f"[{f'{first},' * (count - 1)}{first}]":
        return None
    try:
        return pl.repeat(json.loads(first), count, dtype=kind, eager=True)
    except json.JSONDecodeError:
        return None


class Workspace:
    """An open workspace. Use as a context manager; `read_only` opens it beside a running writer, with `cache` KiB of pages.

    Raises WorkspaceError if the file is missing (read only), damaged, of another program, of a newer version,
    locked by another program, or if the folder cannot be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False, cache: int = _CACHE) -> None:
        self.path = path
        self.read_only = read_only
        self._cache = cache if read_only else _CACHE_TO_WRITE
        with explained(path):
            self.sql = self._open()
            try:
                self._check_and_migrate()
            except BaseException:
                self.sql.close()
                raise

    def _open(self) -> sqlite3.Connection:
        if self.read_only:
            if not self.path.exists():
                raise WorkspaceError(
                    "nothing has been examined yet for this connection",
                    where=str(self.path),
                    remedy=f"Run: syncdoctor check {self.path.stem}",
                )
            sql = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
        else:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size == 0 and self._has_companions():
                raise WorkspaceError(
                    "the workspace is empty although it was in use", where=str(self.path), remedy=_DAMAGED
                )
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            sql = sqlite3.connect(self.path, isolation_level=None)
        sql.row_factory = sqlite3.Row
        sql.execute(f"PRAGMA cache_size = -{self._cache}")
        sql.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        sql.execute("PRAGMA foreign_keys = ON")
        sql.execute("PRAGMA secure_delete = ON")  # personal data that was deleted or replaced stays in no free page
        return sql

    def _has_companions(self) -> bool:
        return any(Path(f"{self.path}{ending}").exists() for ending in ("-wal", "-journal"))

    def _check_and_migrate(self) -> None:
        version = int(self.sql.execute("PRAGMA user_version").fetchone()[0])
        owner = int(self.sql.execute("PRAGMA application_id").fetchone()[0])
        tables = int(self.sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        if owner != APPLICATION_ID and tables:
            raise WorkspaceError(
                "this SQLite file is not a workspace of Syncdoctor", where=str(self.path), remedy=_DAMAGED
            )
        if version > len(MIGRATIONS):
            raise WorkspaceError(
                f"the workspace has version {version}, this program knows {len(MIGRATIONS)}",
                where=str(self.path),
                remedy="It was made by a newer Syncdoctor. Update this one; the file was left as it is.",
            )
        if self.read_only:
            if version < len(MIGRATIONS):
                raise WorkspaceError(
                    "nothing has been examined yet for this connection",
                    where=str(self.path),
                    remedy=f"Run: syncdoctor check {self.path.stem}",
                )
            return
        if not tables:
            self.sql.execute(f"PRAGMA page_size = {_PAGE}")
        self.sql.execute("PRAGMA journal_mode = WAL")
        self.sql.execute("PRAGMA synchronous = FULL")
        self.sql.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_IN_WAL}")
        for number in range(version + 1, len(MIGRATIONS) + 1):
            script = f"BEGIN IMMEDIATE;{MIGRATIONS[number - 1]}PRAGMA user_version = {number};COMMIT;"
            self.sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.sql.executescript(script)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; what is not committed is lost."""
        self.sql.close()

    @property
    def database(self) -> Database:
        """The same connection through sqlite-utils."""
        from sqlite_utils import Database  # costs 190 ms to import

        return Database(self.sql)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One all-or-nothing change; inside another one it is a part of that one.

        Raises WorkspaceError (full disk, locked, damaged) with nothing changed.
        """
        with explained(self.path):
            if self.sql.in_transaction:
                yield self.sql
                return
            self.sql.execute("BEGIN IMMEDIATE")
            try:
                yield self.sql
                self.sql.execute("COMMIT")
            except BaseException:
                if self.sql.in_transaction:
                    self.sql.execute("ROLLBACK")
                raise

    @contextmanager
    def unflushed(self) -> Iterator[None]:
        """For what can be worked out again: commits do not wait for the disk. A power cut may undo the last of them, whole and
        from the end; the next commit outside makes all of them last (SQLite, write-ahead log with `synchronous = NORMAL`)."""
        self.sql.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self.sql.execute("PRAGMA synchronous = FULL")

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a small query."""
        with explained(self.path):
            return self.sql.execute(query, tuple(parameters)).fetchall()

    def value(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """The first value of the first row, or None."""
        rows = self.rows(query, parameters)
        return rows[0][0] if rows else None

    def frame(
        self, query: str, parameters: Sequence[int | str] = (), *, integers: Collection[str] = ()
    ) -> pl.DataFrame:
        """The rows of a query as a frame: columns named in `integers` are Int64, all others String.

        Read through this connection. A driver with a SQLite of its own in the same process ends in a bus error: closing
        its handle drops this one's file locks (POSIX), and the last to close truncates the shared WAL index.
        """
        import polars as pl  # costs 300 ms to import

        parts = []
        with explained(self.path):
            cursor = self.sql.cursor()
            cursor.row_factory = None
            cursor.execute(query, tuple(parameters))
            schema = {column[0]: pl.Int64() if column[0] in integers else pl.String() for column in cursor.description}
            while rows := cursor.fetchmany(_ROWS_PER_FETCH):
                columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
                parts.append(
                    pl.DataFrame([pl.Series(name, values, kind, strict=False) for (name, kind), values in columns])
                )
        return pl.concat(parts) if parts else pl.DataFrame(schema=schema)

    def population(
        self,
        columns: Mapping[str, str],
        source: str,
        parameters: Sequence[int | str] = (),
        *,
        integers: Collection[str] = (),
    ) -> pl.DataFrame:
        """Many rows in no particular order as `frame` gives them: SQLite hands over each column as one JSON text.

        `columns`: SQL expressions by name; `source`: what stands after FROM. Other threads run meanwhile. The expressions are
        aggregated directly: around a subquery that holds them, the same takes 1.7 times as long.
        """
        import polars as pl

        values = tuple(parameters)
        with explained(self.path):
            cursor = self.sql.cursor()
            cursor.row_factory = None
            arrays = ", ".join(f"json_group_array({expression})" for expression in columns.values())
            try:
                count, *texts = cursor.execute(f"SELECT count(*), {arrays} FROM {source}", values).fetchone()
            except (sqlite3.DataError, sqlite3.OperationalError):  # over 1,000,000,000 bytes, or a foreign BLOB
                named = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in columns.items())
                return self.frame(f"SELECT {named} FROM {source}", values, integers=integers)
        kinds = {name: pl.Int64() if name in integers else pl.String() for name in columns}
        if sum(map(len, texts)) < _SMALL:
            return pl.DataFrame(
                {name: json.loads(text) for name, text in zip(columns, texts, strict=True)}, schema=kinds
            )
        left = list(zip(columns, texts, strict=True))[::-1]
        del texts
        series: dict[str, pl.Series] = {}
        while left:
            some = [left.pop() for _ in range(min(_COLUMNS_AT_ONCE, len(left)))]
            repeated = {name: _repeated(text, count, kinds[name]) for name, text in some}
            whole = pl.DataFrame({name: [text] for name, text in some if repeated[name] is None})
            lists = whole.select(pl.col(name).str.json_decode(pl.List(kinds[name])) for name in whole.columns)
            decoded = lists.explode(lists.columns, empty_as_null=False) if lists.width else lists
            series |= {name: decoded[name] if one is None else one for name, one in repeated.items()}
        return pl.DataFrame(series)

    def fact(self, key: str, default: str = "") -> str:
        """A single remembered fact, for instance when the connection was activated."""
        found = self.value("SELECT value FROM fact WHERE key = ?", (key,))
        return default if found is None else str(found)

    def remember(self, key: str, value: str) -> None:
        """Stores a fact."""
        with self.transaction() as sql:
            sql.execute("INSERT OR REPLACE INTO fact(key, value) VALUES (?, ?)", (key, value))


_DAMAGED = "Nothing was changed. Put back a copy of the file, or move it away and run check again: links are found anew by e-mail."


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's and the system's errors on a path into WorkspaceErrors that say what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            what, remedy = (
                "another program holds the workspace locked",
                "Close it (a database browser, a backup) and run again.",
            )
        elif "full" in text:
            what, remedy = "the disk is full", "Free some space and run again; what was committed is kept."
        elif "readonly" in text or "unable to open" in text or "disk I/O error" in text:
            what, remedy = (
                "the workspace cannot be read or written",
                "Check the folder's permissions, or choose another with --home.",
            )
        elif "malformed" in text or "not a database" in text or "corrupt" in text:
            what, remedy = "the workspace is damaged", _DAMAGED
        else:
            raise
        raise WorkspaceError(what, where=str(path), remedy=remedy) from error
    except OSError as error:
        remedy = "Check the folder's permissions and free space, or choose another with --home."
        raise WorkspaceError(f"{error.strerror or error}", where=str(error.filename or path), remedy=remedy) from error
