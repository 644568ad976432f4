"""What became of writing: the journal's states, doubt, what is held back, conflicts with their evidence, stages of releases,
undos, and records that are gone."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from diagnostics.held_back import holding
from diagnostics.report.model import (
    Alias,
    ConflictExample,
    ConflictField,
    Doubt,
    Fate,
    Held,
    Stage,
    Undone,
    WriteCount,
    Written,
)
from diagnostics.report.moments import certain, moment
from diagnostics.report.subject import Source
from engine.decisions import Conflict
from engine.decisions import conflicts as stored_conflicts
from engine.runs import open_release
from engine.sqlite import sqlite3

NEWEST = 20
EXAMPLES = 3


def written(source: Source) -> Written:
    """All of it, counted; single records by id only, values masked."""
    workspace = source.workspace
    return Written(
        states=_states(source),
        in_doubt=int(workspace.value("SELECT count(*) FROM in_doubt")),
        doubts=_doubts(source),
        held=_held(source),
        conflicts=_conflicts(source),
        open_release=open_release(workspace),
        stages=_stages(source),
        undone=tuple(
            Undone(undo=row["undo"], run=row["run"], writes=row["writes"])
            for row in workspace.rows(
                "SELECT j.run_id AS undo, o.run_id AS run, count(*) AS writes FROM journal j JOIN journal o ON o.id = j.undoes "
                "WHERE j.state IN ('applied', 'verified') GROUP BY j.run_id, o.run_id ORDER BY j.run_id DESC LIMIT ?",
                (NEWEST,),
            )
        ),
        fates=tuple(
            Fate(side=row["side"], fate=row["fate"], records=row["records"])
            for row in workspace.rows(
                "SELECT side, fate, count(*) AS records FROM alias GROUP BY side, fate ORDER BY side, fate"
            )
        ),
        aliases=tuple(
            Alias(
                side=row["side"], old_id=source.mask.text(row["old_id"]), record_id=source.mask.text(row["record_id"])
            )
            for row in workspace.rows(
                "SELECT side, old_id, record_id FROM alias WHERE fate = 'merged' ORDER BY at DESC, old_id LIMIT ?",
                (NEWEST,),
            )
        ),
        erased_addresses=int(workspace.value("SELECT count(*) FROM suppression")),
    )


def _states(source: Source) -> tuple[WriteCount, ...]:
    rows = source.workspace.rows(
        "SELECT side, kind, state, code, count(*) AS writes, max(run_id) AS newest FROM journal "
        "GROUP BY side, kind, state, code ORDER BY side, kind, writes DESC LIMIT 100"
    )
    return tuple(
        WriteCount(
            side=row["side"],
            kind=row["kind"],
            state=row["state"],
            code=source.mask.text(row["code"]),
            writes=row["writes"],
            newest_run=row["newest"],
        )
        for row in rows
    )


def _doubts(source: Source) -> tuple[Doubt, ...]:
    rows = source.workspace.rows(
        "SELECT j.*, c.hubspot_id, c.app_id FROM journal j LEFT JOIN contact c ON c.id = j.contact_id "
        "WHERE j.state IN ('intent', 'in_doubt') ORDER BY j.id DESC LIMIT ?",
        (NEWEST,),
    )
    return tuple(
        Doubt(
            planned_at=certain(row["planned_at"], source.zone),
            run=row["run_id"],
            side=row["side"],
            kind=row["kind"],
            hubspot_id=source.mask.text(row["hubspot_id"] or ""),
            app_id=source.mask.text(row["app_id"] or ""),
            correlation_id=source.mask.text(row["correlation_id"]),
        )
        for row in rows
    )


def _held(source: Source) -> tuple[Held, ...]:
    rows = source.workspace.rows(
        "SELECT side, field, code, lasting, count(*) AS contacts, max(tries) AS tries, min(wake_at) AS wakes, min(at) AS since, "
        f"max(correlation_id) AS correlation FROM quarantine q WHERE {holding()} GROUP BY side, field, code, lasting ORDER BY contacts DESC LIMIT 50"
    )
    return tuple(
        Held(
            side=row["side"],
            field=source.mask.text(row["field"]),
            code=source.mask.text(row["code"]),
            lasting=bool(row["lasting"]),
            contacts=row["contacts"],
            most_tries=row["tries"],
            since=moment(row["since"], source.zone),
            wakes_at=moment(row["wakes"], source.zone),
            correlation_id=source.mask.text(row["correlation"]),
        )
        for row in rows
    )


def _conflicts(source: Source) -> tuple[ConflictField, ...]:
    fields = []
    for field, group in groupby(stored_conflicts(source.workspace), key=lambda one: one.field):
        some = list(group)
        fields.append(
            ConflictField(
                field=source.mask.text(field),
                contacts=len(some),
                reasons=dict(Counter(one.reason for one in some).most_common()),
                decided=sum(bool(one.decided) for one in some),
                examples=tuple(_conflict(source, one) for one in some[:EXAMPLES]),
            )
        )
    return tuple(sorted(fields, key=lambda one: -one.contacts))


def _conflict(source: Source, one: Conflict) -> ConflictExample:
    return ConflictExample(
        hubspot_id=source.mask.text(one.hubspot_id),
        app_id=source.mask.text(one.app_id),
        reason=one.reason,
        hubspot_value=source.mask.value(one.hubspot_value),
        hubspot_changed_at=moment(one.hubspot_changed_at, source.zone),
        hubspot_source=source.mask.text(one.hubspot_source),
        app_value=source.mask.value(one.app_value),
        app_changed_at=moment(one.app_changed_at, source.zone),
        app_source=source.mask.text(one.app_source),
    )


def _stages(source: Source) -> tuple[Stage, ...]:
    rows: list[sqlite3.Row] = source.workspace.rows(
        "SELECT * FROM release_stage ORDER BY run_id DESC, stage LIMIT ?", (NEWEST,)
    )
    return tuple(
        Stage(
            run=row["run_id"],
            stage=row["stage"],
            planned=row["planned"],
            as_planned=row["as_predicted"],
            at=certain(row["at"], source.zone),
        )
        for row in rows
    )
