"""Finds the contact that a person means by an address, an id or a name, among those that the last check saw."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.errors import ConfigurationError
from engine.schema import Side
from engine.sqlite import sqlite3
from engine.suppression import normalised
from engine.workspace import Workspace, explained, quoted

MANY = 10
_APPS: dict[Side, str] = {"hubspot": "HubSpot", "app": "app"}
_CONTACT = "SELECT c.id, c.hubspot_id, c.app_id"


@dataclass(frozen=True)
class Meant:
    """A contact by its number. `remark`: how it was found, unless by an address or id that it has itself; ids in it are as they
    came."""

    contact: int
    remark: str = ""


def find_contact(workspace: Workspace, who: str) -> Meant:
    """The contact with this e-mail address (of either side, or an additional one), id (of either side, or one that was merged
    away) or full name.

    Case and white space make no difference to addresses and names. The first way that finds somebody counts; only where no
    index finds anybody, names and HubSpot's own lists of merged ids are gone through. Raises ConfigurationError if nobody or
    more than one fits; the latter names the ids to choose from.
    """
    wanted = who.strip()
    key = normalised(wanted) if wanted else ""
    rows = _own(workspace, wanted, key) or _additional(workspace, key)
    if not rows and wanted and (merged := survivor_of(workspace, wanted)):
        side, survivor = merged
        rows = _own(workspace, survivor, survivor)
        return _one(workspace, rows, "id", f"{_APPS[side]} {wanted} was merged into {_APPS[side]} {survivor}")
    if rows or not wanted:
        additional = f"an additional address of HubSpot {rows[0]['hubspot_id']}" if rows and rows[0]["further"] else ""
        return _one(workspace, rows, "e-mail address" if "@" in wanted else "id", additional)
    return _one(workspace, list(islice(_named(workspace, wanted), MANY + 1)), "name", "the only contact with this name")


def _one(workspace: Workspace, rows: Sequence[sqlite3.Row], shared: str, remark: str) -> Meant:
    name = workspace.path.stem
    if not rows:
        raise ConfigurationError(
            "no contact has this e-mail address, id or full name",
            where=name,
            remedy="Check the spelling; a contact that was created after the last check is found after the next one "
            f"(syncdoctor check {name}).",
        )
    if len(rows) > 1:
        ids = ", ".join(str(row["hubspot_id"] or row["app_id"]) for row in rows[:MANY])
        raise ConfigurationError(
            f"{f'more than {MANY}' if len(rows) > MANY else len(rows)} contacts share this {shared}",
            where=name,
            remedy=f"Give one of the ids: {ids}",
        )
    return Meant(int(rows[0]["id"]), remark)


def _own(workspace: Workspace, wanted: str, key: str) -> list[sqlite3.Row]:
    return workspace.rows(
        f"{_CONTACT}, 0 AS further FROM contact c WHERE ?1 <> '' AND (c.hubspot_id = ?1 OR c.app_id = ?1 "
        "OR c.hubspot_id IN (SELECT _id FROM hubspot_contact WHERE _email_key = ?2) "
        "OR c.app_id IN (SELECT _id FROM app_contact WHERE _email_key = ?2)) ORDER BY c.id LIMIT ?3",
        (wanted, key, MANY + 1),
    )


def _additional(workspace: Workspace, key: str) -> list[sqlite3.Row]:
    return workspace.rows(
        f"{_CONTACT}, 1 AS further FROM contact c WHERE c.hubspot_id IN "
        "(SELECT record_id FROM additional_email WHERE email_key = ?) ORDER BY c.id LIMIT ?",
        (key, MANY + 1),
    )


def survivor_of(workspace: Workspace, wanted: str) -> tuple[Side, str] | None:
    """The side and the record that a former id leads to: by what became of linked records, else as HubSpot's records say."""
    for row in workspace.rows(
        "SELECT side, record_id FROM alias WHERE (side, old_id) IN (VALUES ('hubspot', ?1), ('app', ?1)) AND fate = 'merged'",
        (wanted,),
    ):
        return row["side"], row["record_id"]
    if not wanted.isdecimal():
        return None
    present = {row["name"] for row in workspace.rows("SELECT name FROM pragma_table_info('hubspot_contact')")}
    fields = workspace.rows(
        "SELECT value FROM declared, json_each(document, '$.former_ids_fields') WHERE what = 'hubspot'"
    )
    lists = [quoted(row["value"]) for row in fields if row["value"] in present]
    if not lists:
        return None
    among = " OR ".join(f"instr(';' || replace({name}, ' ', '') || ';', ';' || ?1 || ';')" for name in lists)
    survivor = workspace.value(f"SELECT _id FROM hubspot_contact WHERE {among} ORDER BY _id LIMIT 1", (wanted,))
    return None if survivor is None else ("hubspot", str(survivor))


def _named(workspace: Workspace, wanted: str) -> Iterator[sqlite3.Row]:
    """Everybody with this full name."""
    name = _folded(wanted)
    firsts = {unicodedata.normalize(form, cased)[0] for form in ("NFC", "NFD") for cased in _cased(wanted)}
    with explained(workspace.path):
        for row in workspace.sql.execute(
            f"{_CONTACT}, c.name FROM contact c WHERE c.name LIKE ? "
            "AND substr(c.name, 1, 1) IN (SELECT value FROM json_each(?)) ORDER BY c.id",
            (_like(wanted), json.dumps(sorted(firsts))),
        ):
            if _folded(row["name"]) == name:
                yield row


def _cased(text: str) -> tuple[str, ...]:
    return text, text.lower(), text.upper(), text.title()


def _like(name: str) -> str:
    """A pattern for SQLite, which folds ASCII letters only. It lets some others through: short, as its time grows with each `%`."""
    pattern = re.sub(r"(?:[^a-z0-9]|ss)+", "%", unicodedata.normalize("NFC", name), flags=re.IGNORECASE | re.ASCII)
    return f"{'%'.join(pattern.split('%')[:3])[:100]}%"


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
