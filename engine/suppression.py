"""The list of erased people: keyed hashes of their addresses, and nothing else of them.

A record with an address on the list, be it an additional one, is neither created nor written, and its values never come
into the mirror: instead of the address it holds the hash, by which it is recognised.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl

from engine.canonical import email_key
from engine.errors import WorkspaceError
from engine.runs import Run, iso
from engine.sqlite import sqlite3
from engine.workspace import Workspace, explained

KEY_BYTES = 32
ERASED = "erased:"
"""Before the hash, in place of a normalised address: it holds no @, so it is none."""
LOOKED_THROUGH = "erased_looked_through"
"""The fact that no record of the mirror has an address on the list. Whatever is stored later is looked at before."""
Randomness = Callable[[int], bytes]


def key_file(workspace: Workspace) -> Path:
    """Where the key is: once per home, beside the workspaces and in none of them."""
    return workspace.path.parent / "suppression.key"


def secret_of(workspace: Workspace, *, make: bool, random: Randomness) -> bytes:
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


def hashed(key: bytes, address: str) -> str:
    """The hash of a normalised address, as the list holds it."""
    return hmac.digest(key, address.encode("utf-8", "surrogatepass"), "sha256").hex()


def normalised(address: str) -> str:
    """An address in the form in which it is hashed and matched."""
    found: str = pl.DataFrame({"address": [address]}).select(email_key(pl.col("address")))["address"][0]
    return found


def suppress(run: Run, keys: Iterable[str], reason: str, *, random: Randomness = secrets.token_bytes) -> int:
    """Puts the normalised addresses of one person on the list.

    Returns how many; empty ones and those already hashed are passed over.
    """
    wanted = sorted({key for key in keys if key and not key.startswith(ERASED)})
    if not wanted:
        return 0
    secret = secret_of(run.workspace, make=True, random=random)
    hashes = [hashed(secret, key) for key in wanted]
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT OR IGNORE INTO suppression(address_hash, person, reason, run_id, at) VALUES (?, ?, ?, ?, ?)",
            [(one, hashes[0], reason, run.id, iso(run.now())) for one in hashes],
        )
        look_through_again(sql)
    return len(hashes)


def recognised(workspace: Workspace, holders: Sequence[Sequence[str]]) -> list[str]:
    """For each record, given by its normalised addresses, the hash of the first that is on the list; empty if none is.

    The other addresses of a record that is recognised join the list as the same person's, as they do when somebody is
    forgotten by command: else a record of the other side with one of them would be somebody new. Raises WorkspaceError if
    the list's key is gone.
    """
    if not workspace.value("SELECT 1 FROM suppression LIMIT 1"):
        return [""] * len(holders)
    secret = secret_of(workspace, make=False, random=secrets.token_bytes)
    hashes = [[hashed(secret, address) for address in addresses if address] for addresses in holders]
    rows = workspace.rows(
        "SELECT address_hash FROM suppression WHERE address_hash IN (SELECT value FROM json_each(?))",
        (json.dumps([one for some in hashes for one in some]),),
    )
    known = {row["address_hash"] for row in rows}
    found = [next((one for one in some if one in known), "") for some in hashes]
    further = [
        (new, one) for some, one in zip(hashes, found, strict=True) if one for new in some if new not in known
    ]  # fmt: skip
    if further:
        with workspace.transaction() as sql:
            sql.executemany(
                "INSERT OR IGNORE INTO suppression(address_hash, person, reason, run_id, at) "
                "SELECT ?, person, reason, run_id, at FROM suppression WHERE address_hash = ?",
                further,
            )
            look_through_again(sql)
    return found


def look_through_again(sql: sqlite3.Connection) -> None:
    """Notes that the mirror may hold values of somebody on the list: the next pairing looks at all of its records."""
    sql.execute("DELETE FROM fact WHERE key = ?", (LOOKED_THROUGH,))
