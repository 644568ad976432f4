"""The portal's state: one SQLite file that several processes may open at the same time."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sample_data.portal.folder import AudienceFile, DataFolder, MemberRow, read_folder

if TYPE_CHECKING:
    import sqlite3
else:  # as the engine does: two SQLites in one process drop each other's locks on a file
    try:
        import pysqlite3 as sqlite3
    except ImportError:
        import sqlite3

BUSY_SECONDS = 30.0

TABLES = """
CREATE TABLE document (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE contact (
    id INTEGER PRIMARY KEY, properties TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0, archived_at INTEGER, written INTEGER NOT NULL, prior TEXT,
    loaded INTEGER);
CREATE INDEX contact_updated ON contact (updated, id) WHERE archived = 0;
CREATE INDEX contact_archived ON contact (archived, id);
CREATE TABLE contact_email (email TEXT PRIMARY KEY, contact INTEGER NOT NULL, is_primary INTEGER NOT NULL);
CREATE INDEX contact_email_contact ON contact_email (contact);
CREATE TABLE merged (old_id INTEGER PRIMARY KEY, contact INTEGER NOT NULL);
CREATE TABLE history (
    contact INTEGER NOT NULL, property TEXT NOT NULL, position INTEGER NOT NULL, value TEXT NOT NULL,
    at INTEGER NOT NULL, source_type TEXT NOT NULL, source_id TEXT, source_label TEXT,
    PRIMARY KEY (contact, property, position)) WITHOUT ROWID;
CREATE TABLE blocked_email (email TEXT PRIMARY KEY);
CREATE TABLE list (id INTEGER PRIMARY KEY, body TEXT NOT NULL, filters TEXT, deleted_at INTEGER);
CREATE TABLE membership (
    list INTEGER NOT NULL, contact INTEGER NOT NULL, first_added INTEGER NOT NULL, added INTEGER NOT NULL,
    PRIMARY KEY (list, contact)) WITHOUT ROWID;
CREATE INDEX membership_contact ON membership (contact);
CREATE INDEX membership_added ON membership (list, added, contact);
CREATE TABLE subscription (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE consent (
    email TEXT NOT NULL, subscription TEXT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL,
    legal_basis TEXT NOT NULL, explanation TEXT NOT NULL DEFAULT '', at TEXT NOT NULL,
    PRIMARY KEY (email, subscription)) WITHOUT ROWID;
CREATE TABLE member (
    number INTEGER PRIMARY KEY, contact_id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL, status TEXT NOT NULL, left_by TEXT NOT NULL, merge_fields TEXT NOT NULL,
    opted INTEGER, changed INTEGER NOT NULL, source TEXT NOT NULL);
CREATE INDEX member_changed ON member (changed, number);
CREATE INDEX member_status ON member (status, number);
CREATE TABLE forgotten_email (email TEXT PRIMARY KEY);
CREATE TABLE applied_write (
    number INTEGER PRIMARY KEY, side TEXT NOT NULL, kind TEXT NOT NULL, record_id TEXT NOT NULL,
    address TEXT NOT NULL, fields TEXT NOT NULL, at TEXT NOT NULL);
"""


def normal_email(address: str) -> str:
    """The form both services compare addresses in: outer white space off and lower case, nothing else."""
    return address.strip().lower()


def member_hash(address: str) -> str:
    """Mailchimp's subscriber hash: MD5 of the lower-case address."""
    return hashlib.md5(normal_email(address).encode(), usedforsecurity=False).hexdigest()


class State:
    """One connection to the state file, shared by the threads of a process.

    Every request that writes is one transaction; readers see what was committed.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """Closes the connection; the state stays in the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside take effect together or, if an exception leaves the block, not at all."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def run(self, statement: str, *values: object) -> int:
        """Executes one statement and returns the number of rows it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
            return found

    def next_number(self, counter: str, step: int = 1) -> int:
        """Counts a named counter up and returns its new value."""
        self.run("UPDATE counter SET value = value + ? WHERE name = ?", step, counter)
        found = self.row("SELECT value FROM counter WHERE name = ?", counter)
        if found is None:
            raise KeyError(counter)
        return int(found[0])

    def document(self, name: str) -> Any:
        """A JSON document that was stored when the state was filled."""
        found = self.row("SELECT body FROM document WHERE name = ?", name)
        if found is None:
            raise KeyError(name)
        return json.loads(found[0])

    def keep_document(self, name: str, body: object) -> None:
        """Stores a JSON document under a name, in place of an earlier one."""
        self.run("INSERT OR REPLACE INTO document VALUES (?, ?)", name, json.dumps(body, ensure_ascii=False))

    def fill(self, data: Path) -> bool:
        """Fills an empty state from the data folder; a filled one is left alone.

        Returns whether it was filled now. Raises DataFolderError, and then leaves the state empty.
        """
        with self.transaction():
            if self.row("SELECT 1 FROM sqlite_master WHERE name = 'document'"):
                return False
            folder = read_folder(data)
            for statement in TABLES.strip().split(";\n"):
                self._connection.execute(statement)
            self._fill_documents(folder)
            self._fill_contacts(folder)
            self._fill_lists(folder)
            self._fill_consent(folder)
            self._fill_members(folder.members(), folder.audience)
        return True

    def _fill_documents(self, folder: DataFolder) -> None:
        documents = {
            "account": folder.account.model_dump(mode="json"),
            "properties": [definition.model_dump(mode="json") for definition in folder.properties],
            "rules": folder.rules.model_dump(mode="json"),
            "audience": folder.audience.model_dump(mode="json"),
            "keeping": {},
        }
        for name, body in documents.items():
            self.keep_document(name, body)

    def _fill_contacts(self, folder: DataFolder) -> None:
        highest = 0
        for contact in folder.contacts():
            highest = max(highest, contact.id)
            self.run(
                "INSERT INTO contact (id, properties, created, updated, archived, archived_at, written, loaded)"
                " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
                contact.id,
                json.dumps(contact.properties, ensure_ascii=False),
                contact.created,
                contact.updated,
                contact.archived,
                contact.updated if contact.archived else None,
                contact.updated,
            )
            if contact.archived:
                continue
            primary = normal_email(contact.properties.get("email", ""))
            others = contact.properties.get("hs_additional_emails", "").split(";")
            for address in [primary, *map(normal_email, others)]:
                if address:
                    self.run(
                        "INSERT OR IGNORE INTO contact_email VALUES (?, ?, ?)",
                        address,
                        contact.id,
                        address == primary,
                    )
        self.run("INSERT INTO counter VALUES ('contact', ?)", highest)

    def _fill_lists(self, folder: DataFolder) -> None:
        for definition in folder.lists:
            body = definition.model_dump(mode="json", exclude={"members", "filterBranch"})
            filters = None if definition.filterBranch is None else json.dumps(definition.filterBranch)
            self.run("INSERT INTO list VALUES (?, ?, ?, NULL)", int(definition.listId), json.dumps(body), filters)
            if definition.processingType == "DYNAMIC":
                continue
            for entry in definition.members:
                at = round(entry.membershipTimestamp.timestamp() * 1000)
                self.run(
                    "INSERT OR REPLACE INTO membership VALUES (?, ?, ?, ?)",
                    int(definition.listId),
                    int(entry.recordId),
                    at,
                    at,
                )

    def _fill_consent(self, folder: DataFolder) -> None:
        for row in folder.consents():
            self.run("INSERT OR IGNORE INTO subscription VALUES (?, ?)", row.subscription_id, row.subscription)
            self.run(
                "INSERT OR REPLACE INTO consent (email, subscription, status, source, legal_basis, at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                normal_email(row.email),
                row.subscription_id,
                row.status,
                row.source,
                row.legal_basis,
                row.timestamp,
            )

    def _fill_members(self, members: Iterator[MemberRow], audience: AudienceFile) -> None:
        for member in members:
            self.run(
                "INSERT INTO member (contact_id, hash, email, status, left_by, merge_fields, opted, changed, source)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                member.contact_id,
                member_hash(member.email),
                member.email,
                member.status,
                "contact" if member.status == "unsubscribed" else "",
                json.dumps(member.merge_fields, ensure_ascii=False),
                member.opted,
                member.changed,
                member.source,
            )
        for address in audience.forgotten_emails:
            self.run("INSERT OR IGNORE INTO forgotten_email VALUES (?)", normal_email(address))
        self.run("INSERT INTO counter VALUES ('member', 0)")
