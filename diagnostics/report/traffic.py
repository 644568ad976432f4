"""What the servers answered: exchanges that did not succeed, and writes that were refused."""

from __future__ import annotations

import json

from diagnostics.report.model import ExchangeLine, Refusal
from diagnostics.report.moments import certain, moment
from diagnostics.report.personal import personal_values
from diagnostics.report.subject import Source

NEWEST = 20


def failed_exchanges(source: Source) -> tuple[ExchangeLine, ...]:
    """The newest exchanges without an answer or with an error status, newest first."""
    rows = source.workspace.rows(
        "SELECT * FROM exchange WHERE status IS NULL OR status >= 400 ORDER BY id DESC LIMIT ?", (NEWEST,)
    )
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
    """Refused writes, one line per side, kind, status, code and field, with the newest one's words."""
    rows = source.workspace.rows(
        "SELECT j.*, g.times, g.contacts FROM journal j JOIN (SELECT max(id) AS newest, count(*) AS times, "
        "count(DISTINCT contact_id) AS contacts FROM journal WHERE state = 'refused' "
        "GROUP BY side, kind, status, code, field) g ON g.newest = j.id ORDER BY g.contacts DESC, j.id DESC LIMIT ?",
        (NEWEST,),
    )
    return tuple(
        Refusal(
            at=moment(row["settled_at"] or row["planned_at"], source.zone),
            side=row["side"],
            kind=row["kind"],
            status=row["status"],
            code=source.mask.text(row["code"]),
            field=source.mask.text(row["field"]),
            words=source.mask.text(
                row["message"],
                [*personal_values(source, row["contact_id"]), *_sent(row["sent"]), *_sent(row["before"])],
            ),
            correlation_id=source.mask.text(row["correlation_id"]),
            times=row["times"],
            contacts=row["contacts"],
        )
        for row in rows
    )


def _sent(document: str) -> list[str]:
    """The values of a journal entry's JSON object; none if it is not one."""
    try:
        values = json.loads(document)
    except ValueError:
        return []
    return [str(value) for value in values.values() if value] if isinstance(values, dict) else []
