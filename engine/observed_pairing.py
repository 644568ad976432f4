"""Pairing where another engine writes: the table `contact`, with links that are inferred and told apart by `linked_by`.

An id that the other engine left decides; else an e-mail that is unique on both sides. A match is kept as a link, as the other
engine keeps its own when an address changes later; an id that says otherwise ends it.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from engine.connection import Connection
from engine.observed_links import LeftLinks, left_links
from engine.pairing import pair_contacts
from engine.runs import Run, iso
from engine.schema import Side, SideSchema
from engine.workspace import Workspace


def pair_observed(run: Run, connection: Connection, schemas: Mapping[Side, SideSchema], *, whole: bool = False) -> int:
    """Brings the table `contact` up to date, and what the id fields say. Returns how many contacts there are."""
    left = left_links(run.workspace, connection, schemas)
    _follow(run, left.links)
    population = pair_contacts(run.workspace, schemas, whole=whole)
    with run.workspace.transaction() as sql:
        sql.execute(
            "UPDATE contact SET linked_at = ?, linked_by = matched_by WHERE linked_at IS NULL AND hubspot_id IS NOT NULL "
            "AND app_id IS NOT NULL",
            (iso(run.now()),),
        )
    _store(run, left)
    return population


def _follow(run: Run, links: pl.DataFrame) -> None:
    """Makes links of what the ids say, and ends those whose id is gone or says otherwise."""
    held = _held(run.workspace)
    both = ["hubspot_id", "app_id"]
    new = links.join(held, on=both, how="anti")
    contested = held.filter(
        pl.col("hubspot_id").is_in(new["hubspot_id"].implode()) | pl.col("app_id").is_in(new["app_id"].implode())
    )
    unfounded = held.filter(pl.col("by").str.starts_with("id "), pl.col("there") == 1).join(links, on=both, how="anti")
    ended = pl.concat([contested, unfounded])["contact"].unique().to_list()
    known = links.join(held.select("contact", *both), on=both)
    now = iso(run.now())
    with run.workspace.transaction() as sql:
        sql.executemany(
            "UPDATE contact SET linked_at = NULL, linked_by = '' WHERE id = ?", [(contact,) for contact in ended]
        )
        sql.executemany(
            "UPDATE contact SET linked_by = ?1 WHERE id = ?2 AND linked_by <> ?1",
            known.select("by", "contact").iter_rows(),
        )
        if new.is_empty():
            return
        # Both columns are unique, and who is not linked is paired anew anyway.
        sql.execute("UPDATE contact SET hubspot_id = NULL, app_id = NULL WHERE linked_at IS NULL")
        sql.executemany(
            "INSERT INTO contact(anchor, hubspot_id, app_id, linked_at, linked_by) VALUES ('h:' || ?1, ?1, ?2, ?3, ?4) "
            "ON CONFLICT(anchor) DO UPDATE SET hubspot_id = excluded.hubspot_id, app_id = excluded.app_id, "
            "linked_at = excluded.linked_at, linked_by = excluded.linked_by, hubspot_twins = 1, app_twins = 1",
            ((row["hubspot_id"], row["app_id"], now, row["by"]) for row in new.iter_rows(named=True)),
        )


def _held(workspace: Workspace) -> pl.DataFrame:
    """The links as they are: `contact`, both ids, `by`, `there` (1 if both records are)."""
    return workspace.frame(
        "SELECT c.id AS contact, c.hubspot_id, c.app_id, c.linked_by AS by, "
        "h._id IS NOT NULL AND a._id IS NOT NULL AS there FROM contact c "
        "LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
        "WHERE c.linked_at IS NOT NULL",
        integers=("contact", "there"),
    )


def _store(run: Run, left: LeftLinks) -> None:
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM id_field")
        sql.execute("DELETE FROM link_doubt")
        sql.executemany(
            "INSERT INTO id_field(side, field, used, filled, leading, nowhere, several, contradicting, run_id) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (one.side, one.field, one.used, one.filled, one.leading, one.nowhere, one.several, one.contradicting, run.id)
                for one in left.fields
            ],
        )  # fmt: skip
        sql.executemany(
            "INSERT INTO link_doubt(side, record_id, field, names, problem, run_id) VALUES (?, ?, ?, ?, ?, ?)",
            ((*row, run.id) for row in left.doubts.iter_rows()),
        )
