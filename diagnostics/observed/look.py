"""After a check of an observed connection: certainty of every verdict, what has flowed since the last check, what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from diagnostics.observed.certainty import LEVELS, certainties
from diagnostics.observed.flows import (
    STUCK_CHECKS,
    WAITING,
    Flow,
    digests,
    flows,
    keep,
    moved,
    stuck_since,
    waits,
    ways,
)
from engine.gates import STATES, Situation
from engine.memory import memory_of_slice
from engine.merge import MappedPair, agreed_values, differences, mapped_pairs
from engine.observed_links import IdField
from engine.population import slice_of
from engine.runs import Run
from engine.schema import SIDES
from engine.slices import bounds
from engine.workspace import Workspace

EXAMPLES = 5
_JUDGED = ("contact", "mapping", "outcome", "ground", "hubspot_canonical", "app_canonical")
_MOVING = ("to_app", "to_hubspot", "both", "conflict")


@dataclass(frozen=True)
class LinkDoubt:
    """So many records whose id in `field` does not link, for the reason `problem`; `examples` are their own ids."""

    side: str
    field: str
    problem: str
    records: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Observed:
    """What a check of an observed connection says beyond the verdicts.

    `certainty`: contacts per state and level; each state's levels add up to the state. `links`: pairs by how they were inferred
    (`email`, `additional e-mail`, `id hubspot.NAME`, `id app.NAME`). `stuck`: contacts with something that waits unchanged since
    longer than the connection allows.
    """

    certainty: Mapping[str, Mapping[str, int]]
    links: Mapping[str, int]
    id_fields: tuple[IdField, ...]
    doubts: tuple[LinkDoubt, ...]
    flows: tuple[Flow, ...]
    waiting: int
    stuck: int


def look(run: Run, situation: Situation) -> Observed:
    """Judges all verdicts of this run, and keeps what that takes for the next check."""
    workspace, pairs = run.workspace, mapped_pairs(situation.connection, situation.schemas)
    before = waits(workspace)
    waiting, now = [pl.DataFrame(schema=WAITING)], [_no_values()]
    slices = list(bounds(workspace))
    judged: list[tuple[pl.DataFrame, pl.DataFrame, pl.Series]] = []
    for number, (after, up_to) in enumerate(slices):
        run.progress("comparing with the last check", number, len(slices))
        contacts = slice_of(workspace, after, up_to)
        differing = differences(contacts, memory_of_slice(workspace, after, up_to), situation.connection, pairs)
        verdicts = _verdicts(workspace, after, up_to, pairs)
        judged.append((verdicts, differing.select(_JUDGED), _unread(contacts, pairs)))
        waiting.append(_waiting(contacts, verdicts, differing))
        now.append(_values_now(contacts, before, pairs))
    counted = moved(before, pl.concat(waiting), pl.concat(now))
    keep(run, pl.concat(waiting), counted)
    known_ways = ways(flows(workspace))
    for (after, up_to), (verdicts, differing, unread) in zip(slices, judged, strict=True):
        linked = _linked(workspace, after, up_to).with_columns(unread=pl.col("contact").is_in(unread.implode()))
        found = certainties(linked, verdicts, differing, known_ways)
        with workspace.transaction() as sql:
            sql.executemany(
                "INSERT INTO certainty(contact_id, certainty, reason, run_id) VALUES (?, ?, ?, ?) ON CONFLICT(contact_id) "
                "DO UPDATE SET certainty = excluded.certainty, reason = excluded.reason, run_id = excluded.run_id",
                ((*row, run.id) for row in found.iter_rows()),
            )
    run.progress("comparing with the last check", len(slices), len(slices))
    return observed(workspace, situation)


def observed(workspace: Workspace, situation: Situation) -> Observed:
    """What the last check found, from the workspace."""
    counts: dict[str, dict[str, int]] = {state: dict.fromkeys(LEVELS, 0) for state in STATES}
    for row in workspace.rows(
        "SELECT v.state, c.certainty, count(*) AS contacts FROM verdict v JOIN certainty c ON c.contact_id = v.contact_id "
        "AND c.run_id = v.run_id GROUP BY v.state, c.certainty"
    ):
        counts[row["state"]][row["certainty"]] = row["contacts"]
    links = workspace.rows(
        "SELECT linked_by, count(*) FROM contact WHERE linked_at IS NOT NULL GROUP BY linked_by ORDER BY count(*) DESC, linked_by"
    )
    fields = workspace.rows(
        "SELECT side, field, used, filled, leading, nowhere, several, contradicting FROM id_field ORDER BY side DESC, field"
    )
    doubts = workspace.rows(
        "SELECT side, field, problem, count(*) AS records FROM link_doubt GROUP BY side, field, problem ORDER BY 1 DESC, 2, 3"
    )
    limit = stuck_since(situation.now, situation.connection.observe.stuck_after_hours)
    return Observed(
        certainty=counts,
        links={row[0]: row[1] for row in links},
        id_fields=tuple(IdField(*row) for row in fields),
        doubts=tuple(
            LinkDoubt(row["side"], row["field"], row["problem"], row["records"], _examples(workspace, *row[:3]))
            for row in doubts
        ),
        flows=flows(workspace),
        waiting=_contacts_waiting(workspace, 1, "9999"),
        stuck=_contacts_waiting(workspace, STUCK_CHECKS, limit),
    )


def _contacts_waiting(workspace: Workspace, checks: int, since: str) -> int:
    query = "SELECT count(*) FROM (SELECT DISTINCT hubspot_id, app_id FROM observed_wait WHERE checks >= ? AND since_at <= ?)"
    return int(workspace.value(query, (checks, since)))


def _examples(workspace: Workspace, side: str, field: str, problem: str) -> tuple[str, ...]:
    rows = workspace.rows(
        "SELECT record_id FROM link_doubt WHERE side = ? AND field = ? AND problem = ? ORDER BY record_id LIMIT ?",
        (side, field, problem, EXAMPLES),
    )
    return tuple(row[0] for row in rows)


def _verdicts(workspace: Workspace, after: int, up_to: int, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """The verdicts with the mapping whose value the deciding finding is about, else empty."""
    names = {f"{side}.{pair.field(side)}": pair.name for pair in pairs for side in SIDES}
    rows = workspace.frame(
        "SELECT v.contact_id AS contact, v.state, v.cause, coalesce((SELECT f.field FROM finding f WHERE f.contact_id = v.contact_id "
        "AND f.code = v.cause AND f.last_run = v.run_id AND f.blocking = 1 ORDER BY f.field LIMIT 1), '') AS field "
        "FROM verdict v WHERE v.contact_id > ? AND v.contact_id <= ?",
        (after, up_to),
        integers=("contact",),
    )
    mapping = pl.col("field").replace_strict(names, default="", return_dtype=pl.String)
    return rows.select("contact", "state", "cause", sent_field=mapping)


def _linked(workspace: Workspace, after: int, up_to: int) -> pl.DataFrame:
    frame = workspace.frame(
        "SELECT c.id AS contact, c.linked_by AS by, h._id IS NOT NULL AS hubspot, a._id IS NOT NULL AS app, "
        "EXISTS (SELECT 1 FROM link_doubt d WHERE d.side = 'hubspot' AND d.record_id = c.hubspot_id "
        "OR d.side = 'app' AND d.record_id = c.app_id) AS doubtful FROM contact c "
        "LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
        "WHERE c.id > ? AND c.id <= ?",
        (after, up_to),
        integers=("contact", "hubspot", "app", "doubtful"),
    )
    return frame.with_columns(pl.col("hubspot", "app", "doubtful").cast(pl.Boolean))


def _unread(contacts: pl.DataFrame, pairs: tuple[MappedPair, ...]) -> pl.Series:
    """The contacts of which a mapped value was not fetched, may not be seen, or cannot be read."""
    mapped = [pair.column(side) for pair in pairs for side in SIDES if pair.column(side) in contacts.columns]
    unread = [pl.col(name).is_null() for name in mapped]
    unread += [pl.col(f"{side}._unreadable") != "" for side in SIDES]
    return contacts.filter(pl.col("hubspot") & pl.col("app") & pl.any_horizontal(unread))["contact"]


def _waiting(contacts: pl.DataFrame, verdicts: pl.DataFrame, differing: pl.DataFrame) -> pl.DataFrame:
    """Rows of WAITING of a slice: the contacts that the verdict calls pending or in conflict."""
    ids = contacts.select(
        "contact", "hubspot", "app", pl.col("hubspot_id").fill_null(""), pl.col("app_id").fill_null("")
    ).join(verdicts.filter(pl.col("state").is_in(["pending", "conflict"])), on="contact")
    fields = (
        differing.filter(pl.col("outcome").is_in(_MOVING))
        .join(ids, on="contact")
        .with_columns(
            field="mapping", towards="outcome",
            hubspot_digest=digests(pl.col("hubspot_canonical")), app_digest=digests(pl.col("app_canonical")),
        )
    )  # fmt: skip
    alone = ids.filter(pl.col("hubspot") != pl.col("app")).with_columns(
        field=pl.lit(""),
        towards=pl.when("hubspot").then(pl.lit("to_app")).otherwise(pl.lit("to_hubspot")),
        hubspot_digest=pl.lit(""), app_digest=pl.lit(""),
    )  # fmt: skip
    return pl.concat([fields.select(WAITING.names()), alone.select(WAITING.names())]).cast(dict(WAITING))  # type: ignore[arg-type]


def _no_values() -> pl.DataFrame:
    return pl.DataFrame(schema={name: kind for name, kind in WAITING.items() if name != "towards"})


def _values_now(contacts: pl.DataFrame, before: pl.DataFrame, pairs: tuple[MappedPair, ...]) -> pl.DataFrame:
    """Both digests of every mapped value of the pairs that waited at the last check, and a row with an empty field for each
    record that was alone then and has a counterpart now."""
    both = contacts.filter(pl.col("hubspot") & pl.col("app"))
    fields = before.filter(pl.col("field") != "")
    concerned = both.join(fields, on=["hubspot_id", "app_id"], how="semi")
    names = _no_values().columns
    values = (
        agreed_values(concerned, pairs)
        .join(concerned.select("contact", "hubspot_id", "app_id"), on="contact")
        .join(fields.select("hubspot_id", "app_id", "field"), on=["hubspot_id", "app_id", "field"], how="semi")
        .with_columns(hubspot_digest=digests(pl.col("hubspot_value")), app_digest=digests(pl.col("app_value")))
    )
    single = before.filter(pl.col("field") == "")
    met = both.filter(
        pl.col("hubspot_id").is_in(single["hubspot_id"].implode()) | pl.col("app_id").is_in(single["app_id"].implode())
    ).select("hubspot_id", "app_id", field=pl.lit(""), hubspot_digest=pl.lit(""), app_digest=pl.lit(""))
    return pl.concat([values.select(names), met.select(names)])
