"""The base of the merge: what both sides held when they last agreed, per contact and mapped field."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from engine.gates import Situation
from engine.memory import memory_of, memory_of_slice
from engine.merge import agreed_values, mapped_pairs
from engine.population import contacts_of, slice_of
from engine.runs import Run
from engine.schema import Side


def mapping_names(situation: Situation) -> Mapping[tuple[Side, str], str]:
    """The mapping's name for each mapped field of a side."""
    pairs = mapped_pairs(situation.connection, situation.schemas)
    names: dict[tuple[Side, str], str] = {("hubspot", pair.hubspot): pair.name for pair in pairs}
    return names | {("app", pair.app): pair.name for pair in pairs}


def agree(run: Run, situation: Situation, after: int, up_to: int) -> int:
    """Makes the base of a slice of contacts: every field of a linked pair in which both sides agree.

    Returns how many base fields changed.
    """
    values = agreed_values(
        slice_of(run.workspace, after, up_to).filter("linked"), mapped_pairs(situation.connection, situation.schemas)
    )
    same = values.filter(pl.col("hubspot_value") == pl.col("app_value"))
    return _store(run, same, memory_of_slice(run.workspace, after, up_to).base)


def keep_written(
    run: Run,
    situation: Situation,
    written: Iterable[tuple[int, str]],
    given: Collection[tuple[int, str]] = (),
    *,
    found_on: Side | None = None,
    undone: Collection[tuple[int, str]] = (),
    on: Side = "hubspot",
) -> int:
    """Makes the base of (contact, mapping) pairs that were just written: what the server kept, whatever it is.

    `given`: those that a new HubSpot record got by configuration; they have no base while the app's field is empty, so that
    they still flow. `found_on`: the side on which a look-up has found what was sent; the other side may have been edited
    since, so both are taken to have agreed on what was found.

    `undone`: those that an undo has put back on the side `on`. The other side is taken to be as it was: what somebody typed
    there since is still an edit.

    A merge that is written to both sides gets its base with the second write: between the two, the old base still tells
    what the other side lacks.
    """
    pairs = set(written)
    chosen = pl.DataFrame(
        sorted(pairs - _half_written(run, situation, sorted({contact for contact, _ in pairs}))),
        schema={"contact": pl.Int64, "field": pl.String},
        orient="row",
    )
    if chosen.is_empty():
        return 0
    ids = chosen["contact"].unique().to_list()
    values = agreed_values(contacts_of(run.workspace, ids), mapped_pairs(situation.connection, situation.schemas))
    still = pl.DataFrame(sorted(given), schema=chosen.schema, orient="row")
    flowing = values.filter(pl.col("app_value") == "").join(still, on=["contact", "field"], how="semi")
    if found_on is not None:
        sent = values.join(still, on=["contact", "field"], how="anti")
        agreed = pl.col(f"{found_on}_value")
        sent = sent.with_columns(hubspot_value=agreed, app_value=agreed)
        values = pl.concat([values.join(still, on=["contact", "field"], how="semi"), sent])
    kept = values.join(chosen, on=["contact", "field"], how="semi").join(flowing, on=["contact", "field"], how="anti")
    known = memory_of(run.workspace, ids).base
    across = "app_value" if on == "hubspot" else "hubspot_value"
    before = known.join(pl.DataFrame(sorted(undone), schema=chosen.schema, orient="row"), on=["contact", "field"])
    kept = kept.join(
        before.select("contact", "field", "fingerprint", was=across), on=["contact", "field", "fingerprint"], how="left"
    )
    return _store(run, kept.with_columns(pl.coalesce("was", across).alias(across)).drop("was"), known)


def _half_written(run: Run, situation: Situation, contacts: Sequence[int]) -> set[tuple[int, str]]:
    """The (contact, mapping) pairs, of these contacts, of which this plan writes both sides and this run has written only
    one. The `+` keeps SQLite from going through all rows of the run for each contact."""
    half = set()
    for pair in mapped_pairs(situation.connection, situation.schemas):
        if pair.merge != "set":
            continue
        rows = run.workspace.rows(
            "SELECT h.contact_id FROM planned_write h JOIN planned_write a ON a.contact_id = h.contact_id "
            "AND a.side = 'app' AND a.field = ?2 AND a.kind = 'update' "
            "WHERE h.contact_id IN (SELECT value FROM json_each(?4)) AND h.side = 'hubspot' AND h.field = ?1 "
            "AND h.kind = 'update' AND (SELECT count(DISTINCT j.side) FROM journal j, json_each(j.sent) f "
            "WHERE j.contact_id = h.contact_id AND +j.run_id = ?3 AND j.state IN ('applied', 'verified') "
            "AND f.key = CASE j.side WHEN 'hubspot' THEN ?1 ELSE ?2 END) < 2",
            (pair.hubspot, pair.app, run.id, json.dumps(contacts)),
        )
        half |= {(int(row["contact_id"]), pair.name) for row in rows}
    return half


def _store(run: Run, values: pl.DataFrame, known: pl.DataFrame) -> int:
    changed = values.join(known, on=["contact", "field", "hubspot_value", "app_value", "fingerprint"], how="anti")
    rows = changed.select("contact", "field", "hubspot_value", "app_value", "fingerprint")
    with run.workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO base_field(contact_id, field, hubspot_value, app_value, fingerprint, run_id) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(contact_id, field) DO UPDATE SET hubspot_value = excluded.hubspot_value, "
            "app_value = excluded.app_value, fingerprint = excluded.fingerprint, run_id = excluded.run_id",
            ((*row, run.id) for row in rows.iter_rows()),
        )
    return rows.height
