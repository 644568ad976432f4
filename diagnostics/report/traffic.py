"""What the servers answered: exchanges that failed, the newest ones of the last run, and writes that were refused."""

from __future__ import annotations

import json
from collections.abc import Iterable

from diagnostics.report.model import ExchangeLine, Refusal, UnknownReason
from diagnostics.report.moments import certain, moment
from diagnostics.report.personal import choice_fields, personal_values
from diagnostics.report.subject import Source
from diagnostics.unknown_refusals import unknown_refusals
from engine.sqlite import sqlite3

NEWEST = 20
LOOKED_AT = 500
REQUESTS = 50


def failed_exchanges(source: Source) -> tuple[ExchangeLine, ...]:
    """The newest exchanges without an answer or with an error status, newest first."""
    rows = source.workspace.rows(
        "SELECT * FROM exchange WHERE status IS NULL OR status >= 400 ORDER BY id DESC LIMIT ?", (NEWEST,)
    )
    return _lines(source, rows)


def latest_exchanges(source: Source) -> tuple[ExchangeLine, ...]:
    """Of the last run that has correlation ids: the newest exchange per side, method and path template."""
    rows = source.workspace.rows(
        "SELECT * FROM exchange WHERE id IN (SELECT max(id) FROM exchange WHERE correlation_id <> '' "
        "AND run_id = (SELECT max(run_id) FROM exchange WHERE correlation_id <> '') GROUP BY side, method, path) "
        "ORDER BY side, path, method LIMIT ?",
        (REQUESTS,),
    )
    return _lines(source, rows)


def _lines(source: Source, rows: Iterable[sqlite3.Row]) -> tuple[ExchangeLine, ...]:
    return tuple(
        ExchangeLine(
            at=certain(row["at"], source.zone),
            side=row["side"],
            method=source.mask.text(row["method"]),
            path=source.mask.text(row["path"]),
            status=row["status"],
            attempt=row["attempt"],
            correlation_id=source.mask.text(row["correlation_id"]),
            note=source.mask.text(row["note"]),
        )
        for row in rows
    )


def refusals(source: Source) -> tuple[Refusal, ...]:
    """Refused writes, one line per side, kind, status, code, field and words, most contacts first.

    Looks at the newest 500; the personal values of the contact are taken out of the words first.
    """
    rows = source.workspace.rows(
        "SELECT * FROM journal WHERE state IN ('permanent', 'quarantined', 'retryable') ORDER BY id DESC LIMIT ?",
        (LOOKED_AT,),
    )
    choices = choice_fields(source)
    groups: dict[tuple[object, ...], list[sqlite3.Row]] = {}
    for row in rows:
        personal = [
            *personal_values(source, row["contact_id"]),
            *_sent(row["sent"], choices),
            *_sent(row["before"], choices),
        ]
        words = source.mask.text(row["message"], personal)
        groups.setdefault((row["side"], row["kind"], row["status"], row["code"], row["field"], words), []).append(row)
    lines = [_refusal(source, same, str(key[-1])) for key, same in groups.items()]
    return tuple(sorted(lines, key=lambda line: -line.contacts)[:NEWEST])


def unknown_reasons(source: Source) -> tuple[UnknownReason, ...]:
    """What holds contacts back now for reasons that no class knows, by signature, most contacts first."""
    return tuple(
        UnknownReason(
            side=one.side,
            signature=source.mask.text(one.signature),
            contacts=one.contacts,
            correlation_ids=tuple(source.mask.text(each) for each in one.correlation_ids),
            since=certain(one.since, source.zone),
            last_at=certain(one.last_at, source.zone),
        )
        for one in unknown_refusals(source.workspace)[:NEWEST]
    )


def _refusal(source: Source, same: list[sqlite3.Row], words: str) -> Refusal:
    newest = same[0]
    return Refusal(
        at=moment(newest["settled_at"] or newest["planned_at"], source.zone),
        side=newest["side"],
        kind=newest["kind"],
        status=newest["status"],
        code=source.mask.text(newest["code"]),
        field=source.mask.text(newest["field"]),
        words=words,
        correlation_id=source.mask.text(newest["correlation_id"]),
        times=len(same),
        contacts=len({row["contact_id"] for row in same}),
    )


def _sent(document: str, choices: frozenset[str]) -> list[str]:
    """The values of a journal entry's JSON object, but for fields with a fixed choice; none if it is not one."""
    try:
        values = json.loads(document)
    except ValueError:
        return []
    if not isinstance(values, dict):
        return []
    return [str(value) for name, value in values.items() if value and name not in choices]
