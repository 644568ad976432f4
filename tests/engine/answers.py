"""Examinations with answers given by hand: contacts, verdicts and findings go the engine's own way into a real workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from engine.gates import FINDING, WRITE, Situation
from engine.past import record_unread
from engine.plan import CONFLICT, VERDICT, Plan
from engine.runs import Run
from engine.verdicts import forget_answers, store_answer, summarise
from engine.workspace import Workspace
from tests.diagnostics.small_world import connection, inclusion_list, schemas

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Given:
    """One contact's answer. `found`: code and field -> rule, all of them blocking."""

    state: str
    cause: str = ""
    found: Mapping[tuple[str, str], str] = field(default_factory=dict)
    disputed: tuple[str, ...] = ()


class Answers:
    """A workspace and a clock that moves one day with every run. Contacts are named by their HubSpot id."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder / "small.sqlite")
        self.at = BEGIN
        self.situation = Situation(connection(), schemas(), inclusion_list(), BEGIN, 2)

    def run(self, command: str = "check") -> Run:
        """A new run, a day after the one before."""
        moment = self.at
        self.at += timedelta(days=1)
        return Run(self.workspace, command, now=lambda: moment)

    def put(self, *records: str) -> None:
        """These contacts and no others are there."""
        with self.workspace.transaction() as sql:
            known = {row["hubspot_id"] for row in sql.execute("SELECT hubspot_id FROM contact")}
            for record in known - set(records):
                sql.execute("DELETE FROM contact WHERE hubspot_id = ?", (record,))
            for record in sorted(set(records) - known):
                sql.execute("INSERT INTO contact(anchor, hubspot_id) VALUES (?, ?)", (f"h:{record}", record))

    def answer(self, run: Run, given: Mapping[str, Given], *, cut_off: bool = False) -> None:
        """One plan of a run, as `cycle.plan_all` stores it; cut off, only the first half of the contacts is looked at."""
        self.put(*given)
        forget_answers(run)
        rows = self.workspace.frame(
            "SELECT id AS contact, hubspot_id, app_id FROM contact ORDER BY id", integers=("contact",)
        ).with_columns(dependent=False)
        chosen = rows.head(rows.height // 2) if cut_off else rows
        store_answer(run, [chosen], _plan(chosen, given))
        if not cut_off:
            summarise(run, self.situation, rows.height)

    def check(self, given: Mapping[str, Given]) -> int:
        """A whole check; its number."""
        run = self.run()
        self.answer(run, given)
        run.finish("done", 0)
        return run.id

    def unread(self, code: str = "unreachable") -> int:
        """A check in which a side could not be read; its number."""
        run = self.run()
        record_unread(run, code, int(self.workspace.value("SELECT count(*) FROM contact")))
        run.finish("failed", 3)
        return run.id

    def state_at(self, run: int) -> dict[str, Given]:
        """What the past says of the examination of a run."""
        found: dict[str, dict[tuple[str, str], str]] = {}
        where = "opened_run <= ?1 AND (closed_run IS NULL OR closed_run > ?1)"
        for row in self.workspace.rows(
            "SELECT s.contact_id, k.code, k.field, coalesce(s.rule, k.rule) AS rule FROM finding_span s "
            f"JOIN fingerprint k ON k.id = s.fingerprint WHERE {where}",
            (run,),
        ):
            found.setdefault(row["contact_id"], {})[row["code"], row["field"]] = row["rule"]
        return {
            row["hubspot_id"]: Given(row["state"], row["cause"], found.get(row["contact_id"], {}))
            for row in self.workspace.rows(f"SELECT * FROM verdict_span WHERE {where}", (run,))
        }


def _plan(contacts: pl.DataFrame, given: Mapping[str, Given]) -> Plan:
    rows = [(contact, given[record]) for contact, record in contacts.select("contact", "hubspot_id").iter_rows()]
    findings = [
        (contact, one.state, True, False, field, "a value", rule, code, 0)
        for contact, one in rows
        for (code, field), rule in one.found.items()
    ]
    disputed = [
        (contact, field, "a", "b", None, None, "", "both_changed") for contact, one in rows for field in one.disputed
    ]
    nothing = pl.DataFrame(schema=WRITE)
    return Plan(
        verdicts=pl.DataFrame([(contact, one.state, one.cause) for contact, one in rows], schema=VERDICT, orient="row"),
        findings=pl.DataFrame(findings, schema={**FINDING, "code": pl.String(), "rank": pl.Int32()}, orient="row"),
        writes=nothing,
        conflicts=pl.DataFrame(disputed, schema=CONFLICT, orient="row"),
        wanted=nothing,
    )


def everything_stored(workspace: Workspace) -> str:
    """All values of all tables as text, in lower case."""
    tables = [row["name"] for row in workspace.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return "\n".join(repr(tuple(row)) for table in tables for row in workspace.rows(f'SELECT * FROM "{table}"')).lower()
