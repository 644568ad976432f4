"""Since when there are contacts with a cause, and when one was added last: over all completed examinations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from diagnostics.past.findings import Seen
from engine.workspace import Workspace

_CONFLICTS = """
SELECT cause AS code, opened_run AS opened, closed_run AS closed FROM former_verdict WHERE cause = 'conflict'
UNION ALL SELECT cause, opened_run, NULL FROM verdict WHERE state <> 'in_sync' AND state = 'conflict' AND cause = 'conflict'
"""
"""Verdicts without findings. Those that hold are found by the index of states, which the view of both is not: among a million
contacts 100 ms."""


@dataclass(frozen=True)
class CauseTimes:
    """A cause through time: the first completed examination that found it on anybody, the last one that found it on a contact
    anew (or by another rule), and the last one that found it at all; `open` says whether that is the last there was."""

    first_seen: Seen
    newest: Seen
    last_seen: Seen
    open: bool


def cause_times(workspace: Workspace) -> Mapping[str, CauseTimes]:
    """By the cause's code, also of causes that nobody has any more. Empty if nothing was examined yet."""
    complete = workspace.rows("SELECT run_id, at FROM examination WHERE unread = '' ORDER BY run_id")
    times = {int(row["run_id"]): str(row["at"]) for row in complete}
    spans = _spans(workspace).filter(pl.col("opened").is_in(list(times)))
    grouped = spans.group_by("code").agg(
        first=pl.col("opened").min(),
        newest=pl.col("opened").max(),
        open=pl.col("closed").is_null().any(),
        closed=pl.col("closed").max(),
    )

    def seen(run: int) -> Seen:
        return Seen(run, times[run])

    found = {}
    for row in grouped.sort("code").iter_rows(named=True):
        last = max(run for run in times if row["open"] or run < row["closed"])
        found[row["code"]] = CauseTimes(seen(row["first"]), seen(row["newest"]), seen(last), row["open"])
    return found


def _spans(workspace: Workspace) -> pl.DataFrame:
    """`code`, `opened`, `closed` (null while it holds) of every finding's span, and of verdicts without findings."""
    times = ("opened", "closed")
    columns = {"fingerprint": "fingerprint", "opened": "opened_run", "closed": "closed_run"}
    findings = workspace.population(columns, "finding_span", integers=("fingerprint", *times))
    codes = workspace.frame("SELECT id AS fingerprint, code FROM fingerprint", integers=("fingerprint",))
    verdicts = workspace.frame(_CONFLICTS, integers=times)
    return pl.concat([findings.join(codes, on="fingerprint").select("code", *times), verdicts.select("code", *times)])
