"""Forgetting a person: removes their values from the workspace, and marks the contacts that are theirs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from engine.canonical import email_key
from engine.mirror import TABLE, columns_of
from engine.past import forget_criteria, keep_and_reopen
from engine.runs import Run
from engine.schema import SIDES, Side
from engine.sqlite import sqlite3
from engine.suppression import ERASED, LOOKED_THROUGH, hashed, normalised, recognised, secret_of, suppress
from engine.waivers import forget_waivers
from engine.who import survivor_of
from engine.workspace import Workspace, quoted

VERDICT = "erased"
"""The cause that the gate for erased people gives, from the moment of forgetting on."""
AT_ONCE = 100_000


@dataclass(frozen=True)
class Person:
    """What a workspace knows of somebody who is to be forgotten: normalised addresses and contacts by number."""

    keys: tuple[str, ...]
    contacts: tuple[int, ...]
    records: tuple[str, ...]
    """`HubSpot ID` and `app ID`, for showing."""


def lift(run: Run, address: str) -> bool:
    """Takes a person off the list, by one of their addresses, and with it all others that came there as theirs.

    Their records are read anew with the next check. Returns whether the address was on the list.
    """
    workspace = run.workspace
    if not workspace.value("SELECT 1 FROM suppression LIMIT 1"):
        return False
    secret = secret_of(workspace, make=False, random=secrets.token_bytes)
    whose = "SELECT person FROM suppression WHERE address_hash = ?"
    with workspace.transaction() as sql:
        gone = sql.execute(
            f"DELETE FROM suppression WHERE person IN ({whose}) RETURNING address_hash",
            (hashed(secret, normalised(address)),),
        ).fetchall()
        if gone:
            keys = json.dumps([ERASED + row["address_hash"] for row in gone])
            for side in SIDES:
                sql.execute(
                    f"UPDATE {TABLE[side]} SET _email_key = '' WHERE _email_key IN (SELECT value FROM json_each(?))",
                    (keys,),
                )
            # The mirror holds none of the values any more: the next reading has to be a whole one.
            sql.execute("DELETE FROM full_reading")
            sql.execute("DELETE FROM cursor_slice")
    return bool(gone)


def known_as(workspace: Workspace, who: str) -> Person:
    """The person with this e-mail address (also an additional one) or id of either side (also one that was merged away). A
    name is not enough to remove somebody's values.

    All addresses of the contacts that fit are theirs, and all contacts that have one of these. Nobody may be known: an
    address alone is enough to keep a person away.
    """
    wanted = who.strip()
    key = normalised(wanted) if "@" in wanted else ""
    named = _having(workspace, [key] if key else [], wanted)
    if not named and (merged := survivor_of(workspace, wanted)):
        wanted = merged[1]
        named = _having(workspace, [], wanted)
    held = [row["hubspot_id"] for row in named if row["hubspot_id"]]
    keys = [key, *(row[name] for row in named for name in ("hubspot_key", "app_key")), *additional(workspace, held)]
    distinct = list(dict.fromkeys(key for key in keys if key and not key.startswith(ERASED)))
    rows = _having(workspace, distinct, wanted)
    records = [
        f"{app} {row[name]}"
        for row in rows
        for app, name in (("HubSpot", "hubspot_id"), ("app", "app_id"))
        if row[name]
    ]
    return Person(tuple(distinct), tuple(row["id"] for row in rows), tuple(records))


def _having(workspace: Workspace, keys: Sequence[str], record_id: str) -> list[sqlite3.Row]:
    """The contacts with one of these normalised addresses, or with this record."""
    return workspace.rows(
        "WITH these AS (SELECT value FROM json_each(?1)) "
        "SELECT c.id, c.hubspot_id, c.app_id, h._email_key AS hubspot_key, a._email_key AS app_key FROM contact c "
        "LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
        "WHERE c.hubspot_id = ?2 OR c.app_id = ?2 OR c.hubspot_id IN (SELECT _id FROM hubspot_contact "
        "WHERE _email_key IN these UNION SELECT record_id FROM additional_email WHERE email_key IN these) "
        "OR c.app_id IN (SELECT _id FROM app_contact WHERE _email_key IN these) ORDER BY c.id",
        (json.dumps(list(keys)), record_id),
    )


def additional(workspace: Workspace, records: Sequence[str]) -> list[str]:
    """The additional addresses, normalised, that HubSpot records had at the last pairing."""
    query = (
        "SELECT email_key FROM additional_email WHERE record_id IN (SELECT value FROM json_each(?)) ORDER BY email_key"
    )
    return [str(row["email_key"]) for row in workspace.rows(query, (json.dumps(list(records)),))]


def forget_person(run: Run, person: Person, reason: str) -> None:
    """Puts a person on the list and removes their values from the workspace. Writes to neither side."""
    with run.workspace.transaction() as sql:
        suppress(run, person.keys, reason)
        # First: what scrubbing removes may be all that tells whose record it is.
        keep_out_erased(run.workspace)
        scrub(run.workspace, person.contacts, person.keys)
        erased_contacts(sql)
        # Known before the next check, so that nothing reads the person as somebody to look after.
        others = "v.cause <> ? AND v.contact_id IN (SELECT id FROM contact WHERE erased)"
        keep_and_reopen(sql, others, (VERDICT,))
        sql.execute(
            f"UPDATE verdict AS v SET state = 'excluded', cause = ?, since_run = ? WHERE {others}",
            (VERDICT, run.id, VERDICT),
        )
    _overwrite(run.workspace)


def scrub(workspace: Workspace, contacts: Sequence[int], keys: Iterable[str] = ()) -> None:
    """Removes all values of contacts from the workspace; ids, times and states stay. Freed pages are overwritten.

    The journal's rows are also found by record and by normalised address (`keys`), wherever in the row and however it is
    spelt: pairing may have given the contact another row since they were written, and an undo must not bring an address
    back.
    """
    wanted = frozenset(key for key in keys if key)
    known = {
        "contacts": json.dumps(list(contacts)),
        "keys": json.dumps(sorted(wanted)),
        "entries": json.dumps(_entries_with(workspace, wanted)),
    }
    these = "IN (SELECT value FROM json_each(:contacts))"
    ids = {side: f"IN (SELECT {side}_id FROM contact WHERE id {these})" for side in SIDES}
    with workspace.transaction() as sql:
        for table in (
            "base_field", "conflict", "decision", "evidence", "suspended_field", "planned_write", "quarantine", "certainty",
        ):  # fmt: skip
            sql.execute(f"DELETE FROM {table} WHERE contact_id {these}", known)
        sql.execute(
            "INSERT INTO touched_record(side, record_id, to_pair) SELECT 'hubspot', record_id, 1 FROM additional_email "
            f"WHERE record_id {ids['hubspot']} ON CONFLICT DO UPDATE SET to_pair = 1",
            known,
        )
        sql.execute(f"DELETE FROM additional_email WHERE record_id {ids['hubspot']}", known)
        sql.execute(f"DELETE FROM observed_wait WHERE hubspot_id {ids['hubspot']} OR app_id {ids['app']}", known)
        for side in SIDES:
            sql.execute(f"DELETE FROM link_doubt WHERE side = '{side}' AND record_id {ids[side]}", known)
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
            "OR email_key IN (SELECT value FROM json_each(:keys)) OR id IN (SELECT value FROM json_each(:entries)) "
            f"OR (side = 'hubspot' AND record_id {ids['hubspot']}) OR (side = 'app' AND record_id {ids['app']})",
            known,
        )
        sql.execute(_UNNAMED, known)
        forget_waivers(sql, known["contacts"])
        forget_criteria(sql, wanted)
        sql.execute(f"UPDATE contact SET email = '', name = '' WHERE id {these}", known)
    _overwrite(workspace)


def _entries_with(workspace: Workspace, keys: Collection[str]) -> list[int]:
    """The journal's entries in which any value is, or lists, one of these addresses, compared as records are matched."""
    if not keys:
        return []
    found: list[int] = []
    cursor = workspace.sql.execute(
        "SELECT j.id, v.value FROM journal j, json_each(json_array(j.sent, j.before, coalesce(j.kept, '{}'))) part, "
        "json_each(part.value) v WHERE v.type = 'text' AND instr(v.value, '@')"
    )
    while rows := cursor.fetchmany(AT_ONCE):
        held = pl.DataFrame({"id": [row["id"] for row in rows], "value": [row["value"].split(";") for row in rows]})
        found += held.explode("value").filter(email_key(pl.col("value")).is_in(list(keys)))["id"].unique().to_list()
    return found


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
    """Empties the mirrored records with an address on the list, be it an additional one, and puts the hash in its place.

    Goes through the whole mirror only if the list has grown since the last time: what is stored is looked at before. Call it
    when the table `additional_email` is up to date. Returns how many records there were. Raises WorkspaceError if the
    list's key is gone.
    """
    if not workspace.value("SELECT 1 FROM suppression LIMIT 1"):
        return 0
    secret_of(workspace, make=False, random=secrets.token_bytes)
    emptied = 0
    while not workspace.fact(LOOKED_THROUGH):
        with workspace.transaction():
            # First, because an address that joins the list takes it back.
            workspace.remember(LOOKED_THROUGH, "1")
            emptied += sum(_emptied(workspace, side) for side in SIDES)
        _overwrite(workspace)
    return emptied


def _emptied(workspace: Workspace, side: Side) -> int:
    further = "UNION ALL SELECT record_id, email_key FROM additional_email " if side == "hubspot" else ""
    cursor = workspace.sql.execute(
        f"SELECT r.id, json_group_array(r.key) AS keys FROM (SELECT _id AS id, _email_key AS key FROM {TABLE[side]} "
        f"WHERE _email_key <> '' {further}ORDER BY 1) r JOIN {TABLE[side]} m ON m._id = r.id "
        "WHERE m._email_key NOT LIKE ? GROUP BY r.id",
        (f"{ERASED}%",),
    )
    erased: list[tuple[str, str]] = []
    while rows := cursor.fetchmany(AT_ONCE):
        found = recognised(workspace, [json.loads(row["keys"]) for row in rows])
        erased += [(ERASED + one, row["id"]) for one, row in zip(found, rows, strict=True) if one]
    fields = "".join(f", {quoted(name)} = NULL" for name in columns_of(workspace, side))
    with workspace.transaction() as sql:
        sql.executemany(
            f"UPDATE {TABLE[side]} SET _email_key = ?, _unreadable = '', _content = NULL{fields} WHERE _id = ?", erased
        )
        if side == "hubspot":
            sql.executemany("DELETE FROM additional_email WHERE record_id = ?", [(record,) for _, record in erased])
    return len(erased)


def _overwrite(workspace: Workspace) -> None:
    """Brings what was emptied from the write-ahead log into the file, so that the old pages are gone from both.

    In the middle of a transaction it cannot be done; whoever began it does it at the end.
    """
    if not workspace.sql.in_transaction:
        workspace.rows("PRAGMA wal_checkpoint(TRUNCATE)")


def erased_contacts(sql: sqlite3.Connection, which: str = "true", values: Sequence[str] = ()) -> None:
    """Marks the contacts of which a record belongs to an erased person, and unmarks all others. `which`: a condition that chooses
    contacts, with its `values`."""
    marked = " OR ".join(
        f"{side}_id IN (SELECT _id FROM {TABLE[side]} WHERE _email_key >= '{ERASED}' AND _email_key < 'erased;') IS TRUE"
        for side in SIDES
    )
    sql.execute(f"UPDATE contact SET erased = ({marked}) WHERE erased <> ({marked}) AND {which}", tuple(values))
