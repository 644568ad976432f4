"""How a connection fares: runs, counts per state, what is in doubt, and how both changed over the last checks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnostics.held_back import holding
from engine.runs import open_release, utc_now
from engine.sqlite import sqlite3
from engine.waivers import waived, waivers
from engine.workspace import Workspace

TREND_CHECKS = 12


@dataclass(frozen=True)
class RunRow:
    """One run as its row in `run` says. Times are ISO 8601 in UTC; `rate` is items per second."""

    id: int
    command: str
    state: str
    started_at: str
    ended_at: str
    pid: int | None
    host: str
    phase: str
    done: int
    total: int | None
    rate: float | None
    exit_code: int | None
    message: str

    @property
    def running(self) -> bool:
        """Whether its row says that it is at work; the process may have been killed since."""
        return self.state == "running"


@dataclass(frozen=True)
class Check:
    """Counts per state of one examination."""

    run_id: int
    at: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Health:
    """A connection in one line: the last check that counted contacts, the newest run, and open questions."""

    check: Check | None = None
    newest: RunRow | None = None
    active: RunRow | None = None
    in_doubt: int = 0
    activated_at: str = ""
    halted_release: int | None = None
    """The run of a staged release that did not go through."""


@dataclass(frozen=True)
class SideFinding:
    """A finding on the connection as a whole."""

    code: str
    state: str
    blocking: bool
    contacts: int
    value: str
    rule: str


@dataclass(frozen=True)
class Declared:
    """What a side said of itself at the last reading: its title and facts, already in words."""

    what: str
    at: str
    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Overview:
    """All that the first tab shows."""

    health: Health
    trend: tuple[Check, ...] = ()
    side_findings: tuple[SideFinding, ...] = ()
    declared: tuple[Declared, ...] = ()
    list_sizes: tuple[tuple[int, int], ...] = ()
    """Run and members of the inclusion list, where the number changed, oldest first."""
    limits: tuple[tuple[str, str], ...] = ()
    quarantined: int = 0
    certainty: Mapping[str, int] = field(default_factory=dict)
    """Contacts per level of certainty, and those that are `stuck`; empty unless another engine writes."""
    waived: Mapping[str, int] = field(default_factory=dict)
    """Contacts per state of which all blocking findings are accepted; they are counted in their state too."""
    expired_waivers: int = 0


@dataclass(frozen=True)
class Glimpse:
    """The cheap look of the once-a-second poll: SQLite's data version and the newest run."""

    data_version: int
    newest: RunRow | None


def file_trace(path: Path) -> tuple[int, ...]:
    """Sizes and times of a workspace's files; equal traces mean that nothing was committed in between."""
    trace: list[int] = []
    for ending in ("", "-wal"):
        try:
            status = Path(f"{path}{ending}").stat()
            trace += [status.st_ino, status.st_size, status.st_mtime_ns]
        except OSError:
            trace += [0, 0, 0]
    return tuple(trace)


def run_row(row: sqlite3.Row) -> RunRow:
    """A row of `run` as a dataclass."""
    return RunRow(
        id=row["id"],
        command=row["command"],
        state=row["state"],
        started_at=row["started_at"],
        ended_at=row["ended_at"] or "",
        pid=row["pid"],
        host=row["host"] or "",
        phase=row["phase"],
        done=row["done"],
        total=row["total"],
        rate=row["rate"],
        exit_code=row["exit_code"],
        message=row["message"],
    )


def glimpse(workspace: Workspace) -> Glimpse:
    """The cheapest look that tells whether anything changed and whether something runs."""
    version = int(workspace.value("PRAGMA data_version"))
    rows = workspace.rows("SELECT * FROM run ORDER BY id DESC LIMIT 1")
    return Glimpse(version, run_row(rows[0]) if rows else None)


def health(workspace: Workspace) -> Health:
    """The connection's health from small tables only; its cost does not grow with the contacts."""
    newest = workspace.rows("SELECT * FROM run ORDER BY id DESC LIMIT 1")
    active = workspace.rows("SELECT * FROM run WHERE state = 'running' ORDER BY id DESC LIMIT 1")
    checks = _checks(workspace, 1)
    return Health(
        check=checks[-1] if checks else None,
        newest=run_row(newest[0]) if newest else None,
        active=run_row(active[0]) if active else None,
        in_doubt=int(workspace.value("SELECT count(*) FROM in_doubt")),
        activated_at=workspace.fact("activated_at"),
        halted_release=open_release(workspace),
    )


def overview(workspace: Workspace) -> Overview:
    """What the Overview tab shows."""
    checks = _checks(workspace, TREND_CHECKS)
    findings: list[SideFinding] = []
    if checks:
        findings = [
            SideFinding(row["code"], row["state"], bool(row["blocking"]), row["contacts"], row["value"], row["rule"])
            for row in workspace.rows(
                "SELECT * FROM side_finding WHERE run_id = (SELECT max(run_id) FROM side_finding) "
                "AND run_id >= ? ORDER BY blocking DESC, contacts DESC, code",
                (checks[-1].run_id,),
            )
        ]
    return Overview(
        health=health(workspace),
        trend=checks,
        side_findings=tuple(findings),
        declared=tuple(
            _declared(row["what"], row["at"], row["document"])
            for row in workspace.rows(
                "SELECT * FROM declared WHERE what <> 'situation' ORDER BY what = 'list', what DESC"
            )
        ),
        list_sizes=_list_sizes(workspace),
        limits=tuple(
            (key.removeprefix("limits."), str(workspace.fact(key)))
            for key in ("limits.hubspot", "limits.app")
            if workspace.fact(key)
        ),
        quarantined=int(workspace.value(f"SELECT count(*) FROM quarantine q WHERE {holding()}")),
        certainty=_certainty(workspace, checks[-1].run_id) if checks else {},
        waived=_waived(workspace),
        expired_waivers=sum(one.standing(utc_now()) == "expired" for one in waivers(workspace)),
    )


def _list_sizes(workspace: Workspace) -> tuple[tuple[int, int], ...]:
    rows = workspace.rows(
        "SELECT run_id, json_extract(document, '$.members') AS members FROM declared_past WHERE what = 'list.size' "
        "AND members IS NOT NULL ORDER BY run_id DESC LIMIT ?",
        (TREND_CHECKS,),
    )
    return tuple((int(row["run_id"]), int(row["members"])) for row in reversed(rows))


def _certainty(workspace: Workspace, run_id: int) -> dict[str, int]:
    try:
        counts: Any = json.loads(workspace.value("SELECT counts FROM run WHERE id = ?", (run_id,)) or "{}")
    except ValueError:
        return {}
    names = ("certain", "likely", "possible", "stuck")
    return {name: counts[name] for name in names} if isinstance(counts, dict) and counts.keys() >= set(names) else {}


def _waived(workspace: Workspace) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for (state, _), contacts in waived(workspace, utc_now()).items():
        counts[state] += contacts
    return counts


def _checks(workspace: Workspace, limit: int) -> tuple[Check, ...]:
    """The newest examinations with counts, oldest first."""
    rows = workspace.rows(
        "SELECT r.id, coalesce(r.ended_at, r.started_at) AS at, s.state, sum(s.contacts) AS contacts "
        "FROM run_state s JOIN run r ON r.id = s.run_id "
        "WHERE s.run_id IN (SELECT DISTINCT run_id FROM run_state ORDER BY run_id DESC LIMIT ?) "
        "GROUP BY r.id, s.state ORDER BY r.id",
        (limit,),
    )
    counts: dict[tuple[int, str], dict[str, int]] = {}
    for row in rows:
        counts.setdefault((row["id"], row["at"]), {})[row["state"]] = row["contacts"]
    return tuple(Check(run_id, at, found) for (run_id, at), found in counts.items())


def _declared(what: str, at: str, document: str) -> Declared:
    try:
        body: Any = json.loads(document)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Declared(what, at, what, (("document", "cannot be read"),))
    account, facts = body.get("account"), []
    title = f"{body.get('name') or ''} ({body.get('id', '?')})"
    if isinstance(account, dict):
        title = f"{account.get('name') or body.get('app') or ''} ({account.get('id', '?')})"
        facts = [("time zone", account.get("time_zone")), *_pairs(account.get("details"))]
    facts += _pairs(body.get("credentials"))
    facts += [(key.replace("_", " "), body.get(key)) for key in ("processing_type", "processing_status", "size")]
    facts += _pairs(body.get("limits"))
    facts += [(f"{key} not readable", why) for key, why in _pairs(body.get("unavailable"))]
    return Declared(what, at, title, tuple((key, str(value)) for key, value in facts if value not in (None, "")))


def _pairs(mapping: Any) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in mapping.items()] if isinstance(mapping, dict) else []
