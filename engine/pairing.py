"""Brings the table `contact` up to date with both mirrors: additional addresses, erased people, pairs and their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from engine.canonical import email_key
from engine.due import few_marks, few_of, paired_to_here
from engine.forgetting import erased_contacts, keep_out_erased
from engine.identity import PAIRED, paired
from engine.mirror import TABLE, columns_of
from engine.nearby import AMONG, LINK, RECORD, Records, array, near, touched, unlinked_among
from engine.plain_records import entangled, plain_pairs
from engine.schema import SIDES, Side, SideSchema
from engine.sqlite import sqlite3
from engine.suppression import look_through_again, recognised
from engine.workspace import Workspace, quoted

_UNLINKED = [name for name in PAIRED if name != "contact"]


def pair_contacts(workspace: Workspace, schemas: Mapping[Side, SideSchema], *, whole: bool = False) -> int:
    """Brings the table `contact` up to date with both mirrors and the links. Returns how many contacts there are.

    Looks only at what has changed since the last pairing, where that is known and not much; with `whole`, at everything. Rows that
    stay as they are are not written. A link whose two records are both gone ends; the journal keeps its history.
    """
    further = schemas["hubspot"].additional_emails_field
    description = _DESCRIPTION.format(**_described(workspace, schemas))
    under = hashlib.sha256(f"{further}\n{description}".encode()).hexdigest()
    in_part = not whole and workspace.fact(_PAIRED_UNDER) == under and few_marks(workspace)
    noted = touched(workspace).hubspot
    _note_additional_addresses(workspace, further, noted if in_part else None)
    keep_out_erased(workspace)
    with workspace.transaction() as sql:
        if in_part:
            _note_additional_addresses(workspace, further, touched(workspace).hubspot - noted)
        to_pair = touched(workspace, to_pair=True) if in_part else None
        _end_links_of_nobody(sql, to_pair)
        concerned = None if to_pair is None else near(workspace, to_pair, few_of(workspace))
        for rows, records in pairs_of_all(workspace) if concerned is None else [_among(workspace, concerned)]:
            _store(workspace, sql, rows, records)
        erased_contacts(sql, *_contacts_of(concerned))
        which, values = _contacts_of(None if concerned is None else concerned | touched(workspace))
        sql.execute(
            f"UPDATE contact SET ({_DESCRIBING}) = {description} WHERE ({_DESCRIBING}) IS NOT {description} AND {which}",
            values,
        )
        paired_to_here(workspace, few=in_part or few_marks(workspace))
        workspace.remember(_PAIRED_UNDER, under)
    return int(workspace.value("SELECT count(*) FROM contact"))


_PAIRED_UNDER = "paired_under"


def _contacts_of(records: Records | None) -> tuple[str, list[str]]:
    """A condition for the contacts that have one of these records, and those that have none; for all where it is None."""
    if records is None:
        return "true", []
    having = " UNION ".join(f"SELECT id FROM contact WHERE {side}_id {AMONG}" for side in SIDES)
    # By itself, SQLite goes through all that have no record of one side.
    of_nothing = "SELECT id FROM contact INDEXED BY contact_of_nothing WHERE hubspot_id IS NULL AND app_id IS NULL"
    return f"id IN ({having} UNION {of_nothing})", [array(records.of(side)) for side in SIDES]


def _end_links_of_nobody(sql: sqlite3.Connection, changed: Records | None) -> None:
    which, values = _contacts_of(changed)
    sql.execute(
        "DELETE FROM contact WHERE linked_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM hubspot_contact h "
        f"WHERE h._id = contact.hubspot_id) AND NOT EXISTS (SELECT 1 FROM app_contact a WHERE a._id = contact.app_id) AND {which}",
        values,
    )


def _store(workspace: Workspace, sql: sqlite3.Connection, rows: pl.DataFrame, concerned: Records | None) -> None:
    """`rows`: of `identity.PAIRED`, for the concerned records."""
    linked = rows.filter(pl.col("contact").is_not_null())
    unlinked = rows.filter(pl.col("contact").is_null()).select(_UNLINKED)
    which, values = _contacts_of(concerned)
    before = workspace.population(
        {name: name for name in _UNLINKED},
        f"contact WHERE linked_at IS NULL AND {which}",
        values,
        integers=("hubspot_twins", "app_twins"),
    )
    gone = before.join(unlinked, on="anchor", how="anti").select("anchor")
    changed = unlinked.join(before, on=_UNLINKED, how="anti", nulls_equal=True)
    updates = ", ".join(f"{name} = excluded.{name}" for name in _UNLINKED[1:])
    sql.executemany(
        "UPDATE contact SET hubspot_candidates = ?1, app_candidates = ?2 WHERE id = ?3 "
        "AND (hubspot_candidates, app_candidates) IS NOT (?1, ?2)",
        _with_other_candidates(workspace, linked).iter_rows(),
    )
    sql.executemany("DELETE FROM contact WHERE linked_at IS NULL AND anchor = ?", gone.iter_rows())
    # A match may move a record from one row to another; both columns are unique, so they are cleared first.
    sql.executemany(
        "UPDATE contact SET hubspot_id = NULL, app_id = NULL WHERE linked_at IS NULL AND anchor = ?",
        changed.select("anchor").iter_rows(),
    )
    statement = (
        f"INSERT INTO contact({', '.join(_UNLINKED)}) VALUES ({', '.join('?' * len(_UNLINKED))}) "
        f"ON CONFLICT(anchor) DO UPDATE SET {updates} WHERE linked_at IS NULL"
    )
    if sql.executemany(statement, changed.iter_rows()).rowcount < changed.height:
        # A link is still known by a record that it no longer has.
        sql.execute(
            f"UPDATE contact SET anchor = 'link:' || id WHERE linked_at IS NOT NULL AND anchor {AMONG}",
            (array(changed["anchor"]),),
        )
        sql.executemany(statement, changed.iter_rows())


def _with_other_candidates(workspace: Workspace, linked: pl.DataFrame) -> pl.DataFrame:
    """`hubspot_candidates`, `app_candidates`, `contact` of the linked contacts that name some, or did so until now."""
    named = workspace.frame(
        "SELECT id AS contact FROM contact WHERE linked_at IS NOT NULL AND hubspot_candidates <> ''",
        integers=("contact",),
    )
    concerned = linked.filter(
        (pl.col("hubspot_candidates") != "") | pl.col("contact").is_in(named["contact"].implode())
    )
    return concerned.select("hubspot_candidates", "app_candidates", "contact")


def pairs_without(workspace: Workspace, contact: int = 0) -> pl.DataFrame:
    """Rows of `identity.PAIRED` for all records that are not linked, and for links; that of the named contact counts as none.

    Where few records are unlinked, links are left out that neither share an address with any of them nor name candidates.
    """
    links = f"{_LINKED} AND id <> {int(contact)}"
    aliases = _merged(workspace)
    if _many_unlinked(workspace, links):
        both = {side: _all(workspace, TABLE[side], RECORD) for side in SIDES}
        known = _all(workspace, "contact", LINK, f"{links} AND")
        further = workspace.population(_FURTHER, "additional_email")
        return paired(both["hubspot"], both["app"], known, further, aliases)
    free = {side: _unlinked(workspace, side, links) for side in SIDES}
    return _pairs_of(workspace, free, links, aliases)


def pairs_of_all(workspace: Workspace) -> Iterator[tuple[pl.DataFrame, Records | None]]:
    """Rows as `pairs_without` gives them, in parts that nothing connects, each with the records that it is of (None: all)."""
    apart = entangled(workspace) if _many_unlinked(workspace, _LINKED) else None
    if apart is None:
        yield pairs_without(workspace), None
        return
    yield _among(workspace, apart)
    yield from plain_pairs(workspace, apart)


def _among(workspace: Workspace, concerned: Records) -> tuple[pl.DataFrame, Records]:
    """The same for the unlinked ones of these records, which share an address with no other unlinked one."""
    return _pairs_of(workspace, unlinked_among(workspace, concerned), _LINKED, _merged(workspace)), concerned


def _many_unlinked(workspace: Workspace, links: str) -> bool:
    linked = int(workspace.value(f"SELECT count(*) FROM contact WHERE {links}"))
    unlinked = sum(int(workspace.value(f"SELECT count(*) FROM {TABLE[side]}")) - linked for side in SIDES)
    return unlinked > _FEW * linked


def _merged(workspace: Workspace) -> pl.DataFrame:
    return workspace.frame("SELECT side, old_id, record_id AS id FROM alias WHERE fate = 'merged'")


def _pairs_of(
    workspace: Workspace, free: Mapping[Side, pl.DataFrame], links: str, aliases: pl.DataFrame
) -> pl.DataFrame:
    """Reads only records that share an address with one of the unlinked ones in `free`."""
    hubspot, keys = _holders(workspace, free)
    records = {
        "hubspot": workspace.population(RECORD, f"hubspot_contact WHERE _id {AMONG}", (array(hubspot),)),
        "app": workspace.population(
            RECORD, f"app_contact WHERE _email_key {AMONG} OR _id {AMONG}", (array(keys), array(free["app"]["id"]))
        ),
    }
    concerned = workspace.population(
        LINK,
        f"contact WHERE {links} AND id IN (SELECT id FROM contact WHERE hubspot_id {AMONG} "
        f"UNION ALL SELECT id FROM contact WHERE app_id {AMONG} "
        "UNION ALL SELECT id FROM contact WHERE linked_at IS NOT NULL AND hubspot_candidates <> '' "
        f"UNION ALL SELECT c.id FROM ({_OF_MERGED}) m JOIN contact c ON c.hubspot_id = m.id WHERE m.side = 'hubspot' "
        f"UNION ALL SELECT c.id FROM ({_OF_MERGED}) m JOIN contact c ON c.app_id = m.id WHERE m.side = 'app')",
        (array(hubspot), array(records["app"]["id"])),
        integers=("contact",),
    )
    further = workspace.population(_FURTHER, f"additional_email WHERE record_id {AMONG}", (array(hubspot),))
    return paired(records["hubspot"], records["app"], concerned, further, aliases)


_LINKED = "linked_at IS NOT NULL"
_FEW = 0.2
"""Unlinked records per link up to which it takes less to find whom they concern than to read all."""
_PIECE = 200_000
"""Rows that are read at once: all of a million take twice the memory."""
_FURTHER = {"id": "record_id", "key": "email_key"}
_OF_MERGED = "SELECT side, old_id AS id FROM alias WHERE fate = 'merged' UNION SELECT side, record_id FROM alias WHERE fate = 'merged'"


def _unlinked(workspace: Workspace, side: Side, links: str) -> pl.DataFrame:
    linked = f"SELECT 1 FROM contact WHERE {side}_id = r._id AND {links}"
    return workspace.population(RECORD, f"{TABLE[side]} r WHERE NOT EXISTS ({linked})")


def _all(workspace: Workspace, table: str, columns: Mapping[str, str], condition: str = "") -> pl.DataFrame:
    """All rows of a table, in the order of their numbers. A `condition` ends with AND."""
    last = int(workspace.value(f"SELECT coalesce(max(_rowid_), 0) FROM {table}"))
    source = f"{table} WHERE {condition} _rowid_ > ? AND _rowid_ <= ?"
    pieces = (
        workspace.population(columns, source, (after, after + _PIECE), integers=("contact",))
        for after in range(0, max(last, 1), _PIECE)
    )
    return pl.concat(pieces)


def _holders(workspace: Workspace, free: Mapping[Side, pl.DataFrame]) -> tuple[list[str], list[str]]:
    """The HubSpot records that are unlinked or hold an address of an unlinked record, and all addresses of unlinked records."""
    unlinked = array(free["hubspot"]["id"])
    further = workspace.rows(f"SELECT email_key FROM additional_email WHERE record_id {AMONG}", (unlinked,))
    keys = {*free["hubspot"]["key"], *free["app"]["key"], *(str(row[0]) for row in further)} - {""}
    found = workspace.rows(
        f"SELECT _id FROM hubspot_contact WHERE _email_key {AMONG} "
        f"UNION SELECT record_id FROM additional_email WHERE email_key {AMONG}",
        (array(keys), array(keys)),
    )
    return sorted({*free["hubspot"]["id"], *(str(row[0]) for row in found)}), sorted(keys)


def _note_additional_addresses(workspace: Workspace, field: str, records: Iterable[str] | None) -> None:
    """Makes the rows of these HubSpot records in the table `additional_email` anew from the mirror, without primary addresses, and
    marks those that have others now; of all records where `records` is None."""
    which, values = ("true", []) if records is None else (f"{{id}} {AMONG}", [array(records)])
    rows = pl.DataFrame(schema={"id": pl.String, "key": pl.String})
    if field in columns_of(workspace, "hubspot"):
        held = workspace.frame(
            f"SELECT _id AS id, _email_key AS own, {quoted(field)} AS held FROM hubspot_contact "
            f"WHERE {quoted(field)} <> '' AND {which.format(id='_id')}",
            values,
        )
        rows = (
            held.with_columns(pl.col("held").str.split(";"))
            .explode("held")
            .with_columns(email_key(pl.col("held")).alias("key"))
            .filter((pl.col("key") != "") & (pl.col("key") != pl.col("own")))
            .select("id", "key")
            .unique(maintain_order=True)
        )
    of_these = which.format(id="record_id")
    before = workspace.population(_FURTHER, f"additional_email WHERE {of_these}", values)
    others = pl.concat(
        [rows.join(before, on=["id", "key"], how="anti"), before.join(rows, on=["id", "key"], how="anti")]
    )
    with workspace.transaction() as sql:
        if any(recognised(workspace, [[key] for key in rows.join(before, on=["id", "key"], how="anti")["key"]])):
            look_through_again(sql)
        sql.executemany(
            "UPDATE touched_record SET to_pair = 1 WHERE side = 'hubspot' AND record_id = ?",
            others.select("id").iter_rows(),
        )
        sql.execute(f"DELETE FROM additional_email WHERE {of_these}", values)
        sql.executemany("INSERT INTO additional_email(record_id, email_key) VALUES (?, ?)", rows.iter_rows())


_DESCRIBING = "email, name, hubspot_row, app_row"
"""The last two tell where both records lie in the mirror, as of now; whoever goes by them looks at the record's id."""
_DESCRIPTION = """(
  SELECT coalesce(nullif({hubspot_email}, ''), {app_email}, ''),
         trim(coalesce(nullif(trim({hubspot_name}), ''), {app_name}, '')), h._rowid_, a._rowid_
  FROM (SELECT 1) LEFT JOIN hubspot_contact h ON h._id = contact.hubspot_id LEFT JOIN app_contact a ON a._id = contact.app_id
)"""


def _described(workspace: Workspace, schemas: Mapping[Side, SideSchema]) -> dict[str, str]:
    expressions = {}
    aliases: Mapping[Side, str] = {"hubspot": "h", "app": "a"}
    for side, alias in aliases.items():
        present = columns_of(workspace, side)
        email = schemas[side].identity_field
        expressions[f"{side}_email"] = f"{alias}.{quoted(email)}" if email in present else "NULL"
        names = [f"coalesce({alias}.{quoted(name)}, '')" for name in schemas[side].name_fields if name in present]
        expressions[f"{side}_name"] = " || ' ' || ".join(names) or "NULL"
    return expressions
