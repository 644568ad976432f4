"""The workspace's mirror of both sides: stores pages of records, drops what is gone, tells what it holds of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from engine.canonical import email_key
from engine.connectors import Record
from engine.content import compared_fields, content
from engine.schema import Side, SideSchema
from engine.suppression import ERASED, look_through_again, recognised
from engine.workspace import Workspace, quoted

TABLE: Mapping[Side, str] = {"hubspot": "hubspot_contact", "app": "app_contact"}


def add_columns(workspace: Workspace, side: Side, fields: Iterable[str]) -> None:
    """Makes room for fields; those that are there stay."""
    table = workspace.database.table(TABLE[side])
    present = {column.name.lower() for column in table.columns}
    for field in fields:
        if field.lower() not in present:
            table.add_column(field, str)
            present.add(field.lower())


def store(
    workspace: Workspace, schema: SideSchema, records: Sequence[Record], fields: Sequence[str], run: int
) -> None:  # fmt: skip
    """Inserts or replaces records of a side by id, with the normalised e-mail and the number of their content; fields that a
    record lacks become NULL.

    Of erased people the values are left out before they are stored; the ids of records merged into theirs stay. Raises
    WorkspaceError if the list of erased people cannot be read.
    """
    if not records:
        return
    table = TABLE[schema.side]
    addresses = _addresses(schema, records)
    of_content = compared_fields(workspace, schema.side)
    told = of_content if of_content is not None and set(of_content) <= set(fields) else None
    names = ["_id", "_email_key", "_content", "_created_at", "_updated_at", "_unreadable", "_seen_run", *fields]
    columns = ", ".join(quoted(name) for name in names)
    updates = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in names[1:])
    statement = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT(_id) DO UPDATE SET {updates}"
    with workspace.transaction() as sql:
        erased = recognised(workspace, addresses)
        rows = [
            (
                record.id,
                ERASED + hidden if hidden else keys[0],
                None
                if told is None or hidden or record.unreadable
                else content(keys[0], [record.values.get(field) for field in told]),
                record.created_at,
                record.updated_at,
                json.dumps(dict(record.unreadable)) if record.unreadable and not hidden else "",
                run,
                *(
                    record.values.get(field) if not hidden or field in schema.former_ids_fields else None
                    for field in fields
                ),
            )
            for record, keys, hidden in zip(records, addresses, erased, strict=True)
        ]
        gone = [record.id for record, hidden in zip(records, erased, strict=True) if hidden]
        if (
            gone
            and sql.execute(
                f"SELECT 1 FROM {table} WHERE _id IN (SELECT value FROM json_each(?)) AND _email_key NOT LIKE ? LIMIT 1",
                (json.dumps(gone), f"{ERASED}%"),
            ).fetchone()
        ):
            look_through_again(sql)
        sql.executemany(statement, rows)


def _addresses(schema: SideSchema, records: Sequence[Record]) -> list[list[str]]:
    """The normalised addresses of each record, the primary one first; it is empty if there is none."""
    further = schema.additional_emails_field
    held = [
        [record.values.get(schema.identity_field), *(record.values.get(further) or "").split(";")] for record in records
    ]
    keys = pl.DataFrame({"email": [one for some in held for one in some]}, schema={"email": pl.String})
    normal = iter(keys.select(email_key(pl.col("email")).fill_null(""))["email"].to_list())
    return [[next(normal) for _ in some] for some in held]


def drop(workspace: Workspace, side: Side, ids: Sequence[str]) -> None:
    """Removes records that a reading by their id has shown to be gone. Links stay; their contact shows the gap."""
    with workspace.transaction() as sql:
        sql.execute(
            f"DELETE FROM {TABLE[side]} WHERE _id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
        )


def drop_unseen(workspace: Workspace, side: Side, run: int) -> int:
    """After a complete reading: removes records that were not in it. Links stay; their contact shows the gap."""
    with workspace.transaction() as sql:
        return sql.execute(f"DELETE FROM {TABLE[side]} WHERE _seen_run <> ?", (run,)).rowcount


def columns_of(workspace: Workspace, side: Side) -> list[str]:
    """The mirrored fields of a side (without the mirror's own columns)."""
    rows = workspace.rows(f"SELECT name FROM pragma_table_info('{TABLE[side]}') WHERE substr(name, 1, 1) <> '_'")
    return [str(row["name"]) for row in rows]


def mirrored(
    workspace: Workspace, side: Side, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """The mirrored values of the named records by id."""
    columns = ", ".join(quoted(field) for field in fields)
    rows = workspace.rows(
        f"SELECT _id, {columns} FROM {TABLE[side]} WHERE _id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {row["_id"]: {field: row[field] for field in fields} for row in rows}
