"""Erased people stay away: keyed hashes of their addresses, and nothing else of them.

A record whose normalised address is on the list is neither created nor written, and its values are not kept in the
mirror: instead of the address it holds the hash, by which it is recognised.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.canonical import email_key
from engine.errors import WorkspaceError
from engine.mirror import TABLE, columns_of, quoted
from engine.runs import Run, iso
from engine.schema import SIDES
from engine.workspace import Workspace, explained

KEY_BYTES = 32
ERASED = "erased:"
"""Before the hash, in place of a normalised address: it holds no @, so it is none."""
VERDICT = "erased"
"""The cause that the gate for erased people gives, from the moment of forgetting on."""
Randomness = Callable[[int], bytes]


@dataclass(frozen=True)
class Person:
    """What a workspace knows of somebody who is to be forgotten: normalised addresses and contacts by number."""

    keys: tuple[str, ...]
    contacts: tuple[int, ...]
    records: tuple[str, ...]
    """`HubSpot ID` and `app ID`, for showing."""


def key_file(workspace: Workspace) -> Path:
    """Where the key is: once per home, beside the workspaces and in none of them."""
    return workspace.path.parent / "suppression.key"


def _key(workspace: Workspace, *, make: bool, random: Randomness) -> bytes:
    """The home's key. Raises WorkspaceError if it is missing or damaged although hashes were made with it."""
    path = key_file(workspace)
    with explained(path):
        if not path.exists() and make and not workspace.value("SELECT 1 FROM suppression LIMIT 1"):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(random(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
        key = path.read_bytes() if path.exists() else b""
    if len(key) != KEY_BYTES:
        raise WorkspaceError(
            "the key of the list of erased people is missing or damaged, so nobody on the list would be recognised",
            where=str(path),
            remedy="Put back a copy of the file; without it the people have to be forgotten again (empty the table "
            "suppression first).",
        )
    return key


def _hashed(key: bytes, address: str) -> str:
    return hmac.new(key, address.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def normalised(address: str) -> str:
    """An address in the form in which it is hashed and matched."""
    found: str = pl.DataFrame({"address": [address]}).select(email_key(pl.col("address")))["address"][0]
    return found


def suppress(
    run: Run, keys: Iterable[str], reason: str, *, random: Randomness = secrets.token_bytes
) -> int:  # fmt: skip
    """Puts normalised addresses on the list. Returns how many; empty ones and those already hashed are passed over."""
    wanted = {key for key in keys if key and not key.startswith(ERASED)}
    if not wanted:
        return 0
    secret = _key(run.workspace, make=True, random=random)
    rows = [(_hashed(secret, key), reason, run.id, iso(run.now())) for key in sorted(wanted)]
    with run.workspace.transaction() as sql:
        sql.executemany("INSERT OR IGNORE INTO suppression(address_hash, reason, run_id, at) VALUES (?, ?, ?, ?)", rows)
    return len(rows)


def lift(run: Run, address: str) -> bool:
    """Takes an address off the list; its records are read anew with the next check. Returns whether it was on it."""
    workspace = run.workspace
    if not workspace.value("SELECT 1 FROM suppression LIMIT 1"):
        return False
    secret = _key(workspace, make=False, random=secrets.token_bytes)
    found = _hashed(secret, normalised(address))
    with workspace.transaction() as sql:
        lifted = sql.execute("DELETE FROM suppression WHERE address_hash = ?", (found,)).rowcount > 0
        if lifted:
            for side in SIDES:
                sql.execute(f"UPDATE {TABLE[side]} SET _email_key = '' WHERE _email_key = ?", (ERASED + found,))
            # The mirror holds none of the values any more: the next reading has to be a whole one.
            sql.execute("DELETE FROM full_reading")
            sql.execute("DELETE FROM cursor_slice")
    return lifted


def known_as(workspace: Workspace, who: str) -> Person:
    """The person with this e-mail address (also an additional one) or id of either side; all contacts that share the address.

    Nobody may be known: an address alone is enough to keep a person away.
    """
    wanted = who.strip()
    key = normalised(wanted) if "@" in wanted else ""
    rows = workspace.rows(
        "SELECT c.id, c.hubspot_id, c.app_id, h._email_key AS hubspot_key, a._email_key AS app_key FROM contact c "
        "LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
        "WHERE c.hubspot_id = ?1 OR c.app_id = ?1 OR (?2 <> '' AND (h._email_key = ?2 OR a._email_key = ?2 "
        "OR c.hubspot_id IN (SELECT record_id FROM additional_email WHERE email_key = ?2))) ORDER BY c.id",
        (wanted, key),
    )
    held = [row["hubspot_id"] for row in rows if row["hubspot_id"]]
    keys = [key, *(row[name] for row in rows for name in ("hubspot_key", "app_key")), *additional(workspace, held)]
    records = [
        f"{app} {row[name]}"
        for row in rows
        for app, name in (("HubSpot", "hubspot_id"), ("app", "app_id"))
        if row[name]
    ]
    distinct = dict.fromkeys(key for key in keys if key and not key.startswith(ERASED))
    return Person(tuple(distinct), tuple(row["id"] for row in rows), tuple(records))


def additional(workspace: Workspace, records: Sequence[str]) -> list[str]:
    """The additional addresses, normalised, that HubSpot records had at the last pairing."""
    query = (
        "SELECT email_key FROM additional_email WHERE record_id IN (SELECT value FROM json_each(?)) ORDER BY email_key"
    )
    return [str(row["email_key"]) for row in workspace.rows(query, (json.dumps(list(records)),))]


def forget_person(run: Run, person: Person, reason: str) -> None:
    """Puts a person on the list and removes their values from the workspace. Writes to neither side."""
    suppress(run, person.keys, reason)
    scrub(run.workspace, person.contacts, person.keys)
    keep_out_erased(run.workspace)
    with run.workspace.transaction() as sql:
        erased_contacts(sql)
        # Known before the next check, so that nothing reads the person as somebody to look after.
        sql.execute(
            "UPDATE verdict SET state = 'excluded', cause = ?, since_run = ? "
            "WHERE cause <> ? AND contact_id IN (SELECT id FROM contact WHERE erased)",
            (VERDICT, run.id, VERDICT),
        )


def scrub(workspace: Workspace, contacts: Sequence[int], keys: Iterable[str] = ()) -> None:
    """Removes all values of contacts from the workspace; ids, times and states stay. Freed pages are overwritten.

    The journal's rows are also found by record and by normalised address (`keys`), wherever in the row it is: pairing may
    have given the contact another row since they were written, and an undo must not bring an address back.
    """
    known = {
        "contacts": json.dumps(list(contacts)),
        "keys": json.dumps([key for key in keys if key]),
    }
    these = "IN (SELECT value FROM json_each(:contacts))"
    ids = {side: f"IN (SELECT {side}_id FROM contact WHERE id {these})" for side in SIDES}
    workspace.sql.execute("PRAGMA secure_delete = ON")
    with workspace.transaction() as sql:
        for table in (
            "base_field", "conflict", "decision", "evidence", "suspended_field", "planned_write", "quarantine",
        ):  # fmt: skip
            sql.execute(f"DELETE FROM {table} WHERE contact_id {these}", known)
        sql.execute(f"DELETE FROM additional_email WHERE record_id {ids['hubspot']}", known)
        sql.execute(f"UPDATE finding SET value = '' WHERE contact_id {these}", known)
        sql.execute(
            f"UPDATE difference SET hubspot_value = '', app_value = '' WHERE contact_id {these} "
            f"OR hubspot_id {ids['hubspot']} OR app_id {ids['app']}",
            known,
        )
        sql.execute(
            "UPDATE journal SET sent = '{}', before = '{}', kept = CASE WHEN kept IS NULL THEN NULL ELSE '{}' END, "
            "email_key = '', message = '', code = CASE WHEN state IN ('intent', 'in_doubt') THEN 'erased' ELSE code END, "
            f"state = CASE WHEN state IN ('intent', 'in_doubt') THEN 'superseded' ELSE state END WHERE contact_id {these} "
            "OR email_key IN (SELECT value FROM json_each(:keys)) OR EXISTS (SELECT 1 FROM json_each(:keys) k "
            "WHERE instr(lower(sent || before || coalesce(kept, '')), json_quote(k.value))) "
            f"OR (side = 'hubspot' AND record_id {ids['hubspot']}) OR (side = 'app' AND record_id {ids['app']})",
            known,
        )
        sql.execute(_UNNAMED, known)
        sql.execute(f"UPDATE contact SET email = '', name = '' WHERE id {these}", known)
    _overwrite(workspace)


_UNNAMED = """
WITH these AS (
  SELECT hubspot_id AS id FROM contact WHERE id IN (SELECT value FROM json_each(:contacts))
  UNION SELECT app_id FROM contact WHERE id IN (SELECT value FROM json_each(:contacts))
)
UPDATE verification SET missing = (
  SELECT json_group_array(json(CASE WHEN value ->> 'hubspot_id' IN these OR value ->> 'app_id' IN these
    THEN json_set(value, '$.email', '') ELSE value END)) FROM json_each(verification.missing)
) WHERE CASE WHEN json_valid(missing) THEN EXISTS (
  SELECT 1 FROM json_each(verification.missing) WHERE value ->> 'hubspot_id' IN these OR value ->> 'app_id' IN these
) ELSE 0 END
"""
"""Takes the contacts' addresses out of what earlier verifications missed."""


def keep_out_erased(workspace: Workspace) -> int:
    """Empties the mirrored records whose address is on the list and puts the hash in the address's place.

    Returns how many there were. Raises WorkspaceError if the list's key is gone.
    """
    listed = {row["address_hash"] for row in workspace.rows("SELECT address_hash FROM suppression")}
    if not listed:
        return 0
    secret = _key(workspace, make=False, random=secrets.token_bytes)
    workspace.sql.execute("PRAGMA secure_delete = ON")
    emptied = 0
    for side in SIDES:
        keys = workspace.rows(
            f"SELECT DISTINCT _email_key AS key FROM {TABLE[side]} WHERE _email_key <> '' AND _email_key NOT LIKE ?",
            (f"{ERASED}%",),
        )
        erased = [
            (ERASED + found, row["key"]) for row in keys if (found := _hashed(secret, row["key"])) in listed
        ]  # fmt: skip
        fields = "".join(f", {quoted(name)} = NULL" for name in columns_of(workspace, side))
        with workspace.transaction() as sql:
            statement = f"UPDATE {TABLE[side]} SET _email_key = ?, _unreadable = ''{fields} WHERE _email_key = ?"
            emptied += sql.executemany(statement, erased).rowcount if erased else 0
    if emptied:
        _overwrite(workspace)
    return emptied


def _overwrite(workspace: Workspace) -> None:
    """Brings what was emptied from the write-ahead log into the file, so that the old pages are gone from both."""
    workspace.rows("PRAGMA wal_checkpoint(TRUNCATE)")


def erased_contacts(sql: sqlite3.Connection) -> None:
    """Marks the contacts of which a record belongs to an erased person, and unmarks all others."""
    marked = " OR ".join(
        f"{side}_id IN (SELECT _id FROM {TABLE[side]} WHERE _email_key >= '{ERASED}' AND _email_key < 'erased;')"
        for side in SIDES
    )
    sql.execute(f"UPDATE contact SET erased = ({marked}) WHERE erased <> ({marked})")
