"""Python's interface to SQLite, over a SQLite of a known, recent version where there is a build of it (`pysqlite3`); else over
the system's.

All that opens a workspace imports `sqlite3` from here: two SQLites in one process drop each other's locks on a file, since POSIX
locks belong to the process. sqlite-utils takes the same one by itself. Some systems build theirs without its small-memory cache
(Debian: `OMIT_LOOKASIDE`), which takes a fifth of the time of an examination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import pysqlite3 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["sqlite3"]
