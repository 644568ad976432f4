"""Fields that two writers keep flipping between two spellings: found in the journal, suspended until a third value or a person ends it."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from engine.gates import Situation
from engine.memory import memory_of
from engine.merge import MappedPair, mapped_pairs, suspended_ended
from engine.population import contacts_of
from engine.runs import Run, iso
from engine.schema import SIDES

FLIPS = 3
"""How often the engine may carry a field to and fro before it takes it for a loop."""
WITHIN = timedelta(days=7)
_WRITTEN = pl.Schema(
    {"contact": pl.Int64, "entry": pl.Int64, "side": pl.String, "field": pl.String, "sent": pl.String, "before": pl.String}
)  # fmt: skip


def suspend_flipping(run: Run, situation: Situation) -> int:
    """Suspends the fields that the engine wrote more than FLIPS times within WITHIN, always between the same two values,
    and that differ again; ends suspensions whose field holds a third value. Returns how many are new.
    """
    pairs = mapped_pairs(situation.connection, situation.schemas)
    _end(run, pairs)
    written = _written(run)
    if written.is_empty():
        return 0
    contacts = contacts_of(run.workspace, written["contact"].unique().to_list()).filter(
        pl.col("hubspot") & pl.col("app")
    )
    found = [row for pair in pairs for row in _flipping(contacts, written, pair).iter_rows()]
    with run.workspace.transaction() as sql:
        return sum(
            sql.execute(
                "INSERT OR IGNORE INTO suspended_field(contact_id, field, flips, hubspot_value, app_value, run_id, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, run.id, iso(run.now())),
            ).rowcount
            for row in found
        )


def _end(run: Run, pairs: tuple[MappedPair, ...]) -> None:
    ids = [int(row["contact_id"]) for row in run.workspace.rows("SELECT DISTINCT contact_id FROM suspended_field")]
    if not ids:
        return
    ended = suspended_ended(contacts_of(run.workspace, ids), memory_of(run.workspace, ids), pairs)
    with run.workspace.transaction() as sql:
        sql.executemany("DELETE FROM suspended_field WHERE contact_id = ? AND field = ?", ended.iter_rows())


def _written(run: Run) -> pl.DataFrame:
    """The single values that updates wrote, of contacts with enough of them: neither undoing nor from before a decision."""
    return run.workspace.frame(
        "SELECT j.contact_id AS contact, j.id AS entry, j.side, f.key AS field, f.value AS sent, "
        "coalesce((SELECT b.value FROM json_each(j.before) b WHERE b.key = f.key), '') AS before "
        "FROM journal j, json_each(j.sent) f WHERE j.contact_id IN (SELECT contact_id FROM journal "
        "WHERE run_id >= (SELECT min(id) FROM run WHERE started_at >= ?1) GROUP BY contact_id HAVING count(*) > ?2) "
        "AND j.planned_at >= ?1 AND j.kind = 'update' AND j.state IN ('applied', 'verified') AND j.undoes IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.contact_id = j.contact_id AND d.at >= j.planned_at)",
        (iso(run.now() - WITHIN), FLIPS),
        integers=[name for name, kind in _WRITTEN.items() if kind == pl.Int64],
    )


def _flipping(contacts: pl.DataFrame, written: pl.DataFrame, pair: MappedPair) -> pl.DataFrame:
    """Rows for the table `suspended_field`: contact, field, flips, and the two raw values as they are now."""
    hubspot, app = (pl.col(pair.column(side)) for side in SIDES)
    own = pl.concat([
        written.lazy().filter((pl.col("side") == side) & (pl.col("field") == pair.field(side)))
        .join(contacts.lazy(), on="contact")
        .with_columns(pair.comparable(side, pl.col("sent", "before")))
        for side in SIDES
    ])  # fmt: skip
    newest = pl.col("entry").rank("ordinal", descending=True).over("contact") <= FLIPS + 1
    flips = (
        own.with_columns(newest=newest, flips=pl.len().over("contact"), now=pair.comparable("hubspot", hubspot))
        .filter("newest", pl.col("flips") > FLIPS)
        .with_columns(other=pair.comparable("app", app))
        .group_by("contact", "flips", "now", "other", hubspot.alias("hubspot_value"), app.alias("app_value"))
        .agg(spellings=pl.concat([pl.col("sent"), pl.col("before")]).unique())
        .filter(
            pl.col("spellings").list.len() == 2,
            pl.col("now") != pl.col("other"),
            pl.col("spellings").list.contains(pl.col("now")),
            pl.col("spellings").list.contains(pl.col("other")),
        )
    )
    return flips.select("contact", pl.lit(pair.name), "flips", "hubspot_value", "app_value").collect()
