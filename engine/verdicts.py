"""Where a plan's answer is kept: verdicts, findings, planned writes, conflicts, and their counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from engine.due import forget_marks, note_dependent, planned, planning_begins
from engine.fingerprint import digested, numbered
from engine.gates import STATES, Situation, State
from engine.past import answers_changed, completed, examining, keep_former, record
from engine.plan import Plan
from engine.runs import Run
from engine.schema import SIDES
from engine.sqlite import sqlite3
from engine.workspace import Workspace

_COUNTED = """
SELECT state, cause, count(*) AS contacts FROM verdict WHERE state <> 'in_sync' GROUP BY state, cause
UNION ALL SELECT * FROM (SELECT 'in_sync', '', (SELECT count(*) FROM verdict) - count(*) AS contacts FROM verdict WHERE state <> 'in_sync')
WHERE contacts > 0
"""
"""Contacts per state and cause. Only the index of those that are not in sync is gone through, as far as it goes."""
_AS_IT_WAS = "UPDATE verdict SET run_id = :run WHERE contact_id IN (SELECT value FROM json_each(:contacts))"
_ANSWERS = """
(SELECT j.value / :answers AS contact_id, a.state, a.cause, a.digest
FROM json_each(:given) j CROSS JOIN temp.answer a ON a.id = j.value % :answers) n
"""
_OF_NOBODY_KNOWN = f"""
INSERT INTO verdict(contact_id, state, cause, digest, since_run, run_id, opened_run)
SELECT n.contact_id, n.state, n.cause, n.digest, :run, :run, :opened FROM {_ANSWERS}
"""
_ANOTHER = """
UPDATE verdict SET since_run = CASE WHEN state = ?2 AND cause = ?3 THEN since_run ELSE ?5 END,
  opened_run = CASE WHEN state = ?2 AND cause = ?3 THEN opened_run ELSE ?6 END,
  state = ?2, cause = ?3, digest = ?4, run_id = ?5 WHERE contact_id = ?1
"""


_PLANNED = """
SELECT kind, side, count(*) AS contacts FROM (SELECT side, kind FROM planned_write GROUP BY contact_id, side) GROUP BY kind, side
"""
"""What is planned for a contact on a side is of one kind."""
_CLEARED = "SELECT count(*) FROM planned_write WHERE value = '' AND before <> ''"


_OF_EVERYBODY = (pl.col("state") == "unknown") & ~pl.col("blocking") & (pl.col("field") == "") & (pl.col("value") == "")
"""What a gate could not tell of anybody, because the connection may not read it: that is kept once for all, with the situation, and
planning the contact again (as explaining does) gives it. Row by row, six gates of a list that may not be read took twice the space of
all else."""


@dataclass(frozen=True)
class Examination:
    """What a run found: contacts per state (all six, they add up to `population`) and per deciding cause."""

    situation: Situation
    population: int
    states: Mapping[State, int]
    causes: Mapping[tuple[str, str], int]
    writes: Mapping[str, int]


def forget_answers(run: Run, *, only_due: bool = False) -> None:
    """Makes room for a new answer of all contacts, or of those in `due_contact`: a run may plan twice, and what only its first
    plan found is over."""
    chosen = "contact_id IN (SELECT contact_id FROM due_contact)"
    only, too = (f" WHERE {chosen}", f" AND {chosen}") if only_due else ("", "")
    with run.workspace.transaction() as sql:
        planning_begins(sql)
        examining(sql, run.id)
        for table in ("planned_write", "conflict", "dependent_contact"):
            sql.execute(f"DELETE FROM {table}{only}")
        sql.execute(f"DELETE FROM finding WHERE first_run = ?{too}", (run.id,))
        sql.execute(f"UPDATE finding SET last_run = ? WHERE last_run = ?{too}", (run.id - 1, run.id))
        forget_marks(sql)


def store_answer(run: Run, contacts: Sequence[pl.DataFrame], answer: Plan) -> None:
    """Stores a slice's verdicts, findings, planned writes and conflicts, in the order of the contacts, so that SQLite appends.
    `contacts`: the slice that was planned, in one frame or several."""
    with run.workspace.transaction() as sql:
        for part in contacts:
            note_dependent(sql, part)
        told = answer.findings.filter(~_OF_EVERYBODY)
        findings = numbered(sql, told.unique(["contact", "code", "field"], keep="first", maintain_order=True))
        _store_verdicts(run, sql, contacts, digested(answer.verdicts, findings))
        sql.executemany(
            "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, fingerprint, first_run, last_run) "
            f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, {run.id}, {run.id}) ON CONFLICT(contact_id, code, field) DO UPDATE SET "
            "state = excluded.state, blocking = excluded.blocking, value = excluded.value, rule = excluded.rule, "
            "fingerprint = excluded.fingerprint, last_run = excluded.last_run",
            findings.select("contact", "code", "field", "state", "blocking", "value", "rule", "fingerprint")
            .sort("contact", maintain_order=True)
            .rows(),
        )
        sql.executemany(
            "INSERT OR REPLACE INTO planned_write(contact_id, side, kind, field, before, value) VALUES (?, ?, ?, ?, ?, ?)",
            answer.writes.select(
                "contact",
                "side",
                "kind",
                "field",
                pl.col("before").fill_null(""),
                pl.col("value").fill_null(""),
            )
            .sort("contact", maintain_order=True)
            .rows(),
        )
        sql.executemany(
            "INSERT OR REPLACE INTO conflict(contact_id, field, hubspot_value, app_value, hubspot_changed_at, "
            "app_changed_at, hubspot_source, reason, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*row, run.id) for row in answer.conflicts.iter_rows()),
        )


def _store_verdicts(
    run: Run, sql: sqlite3.Connection, contacts: Sequence[pl.DataFrame], verdicts: pl.DataFrame
) -> None:
    """An answer that is what it was is not written again; what a completed examination said otherwise becomes the past."""
    known = _known(run.workspace, verdicts["contact"])
    same = verdicts.join(known, on=["contact", "state", "cause", "digest"], how="semi")
    other = verdicts.join(same, on="contact", how="anti", maintain_order="left")
    sql.execute(_AS_IT_WAS, {"run": run.id, "contacts": _array(same["contact"])})
    examined = completed(sql)
    # A run may plan again after it has completed an examination: what it says otherwise then begins when it completes that too.
    opened = None if run.id in examined else run.id
    if examined:
        answers_changed(sql, run.id, _array(other["contact"]))
    _store_new(run, sql, other.join(known, on="contact", how="anti", maintain_order="left"), opened)
    another = other.join(known, on="contact", how="inner", suffix="_before", maintain_order="left")
    moved = another.filter(
        pl.col("opened_run").is_in(examined)
        & ((pl.col("state") != pl.col("state_before")) | (pl.col("cause") != pl.col("cause_before")))
    )
    if not moved.is_empty():
        former = moved.select("contact", "opened_run", state="state_before", cause="cause_before")
        keep_former(sql, former.join(_ids(run.workspace, contacts, former["contact"]), on="contact", how="left"))
    sql.executemany(
        _ANOTHER, ((*row, run.id, opened) for row in another.select("contact", "state", "cause", "digest").iter_rows())
    )


def _store_new(run: Run, sql: sqlite3.Connection, verdicts: pl.DataFrame, opened: int | None) -> None:
    """In the order of the contacts, each answer given once and named by its number: SQLite then appends, and splits no page."""
    if verdicts.is_empty():
        return
    answers = verdicts.select("state", "cause", "digest").unique(maintain_order=True).with_row_index("id")
    sql.execute("CREATE TEMP TABLE answer (id INTEGER PRIMARY KEY, state TEXT, cause TEXT, digest INTEGER)")
    sql.executemany("INSERT INTO answer VALUES (?, ?, ?, ?)", answers.iter_rows())
    numbered = verdicts.join(answers, on=["state", "cause", "digest"], how="left", maintain_order="left")
    given = _array(numbered.select(pl.col("contact") * answers.height + pl.col("id")).to_series())
    sql.execute(_OF_NOBODY_KNOWN, {"run": run.id, "answers": answers.height, "given": given, "opened": opened})
    sql.execute("DROP TABLE answer")


def _ids(workspace: Workspace, contacts: Sequence[pl.DataFrame], chosen: pl.Series) -> pl.DataFrame:
    """Both records' ids of the chosen contacts, looked up where the frames do not hold them."""
    columns = {"contact": "id", "hubspot_id": "hubspot_id", "app_id": "app_id"}
    read = pl.concat([part.select(columns.keys()) for part in contacts])
    there = read.filter(
        pl.col("contact").is_in(chosen.implode()), ~pl.all_horizontal(pl.col("hubspot_id", "app_id").is_null())
    )
    missing = chosen.filter(~chosen.is_in(there["contact"].implode()))
    if missing.is_empty():
        return there
    which = "contact WHERE id IN (SELECT value FROM json_each(?))"
    return pl.concat([there, workspace.population(columns, which, (_array(missing),), integers=("contact",))])


def _known(workspace: Workspace, contacts: pl.Series) -> pl.DataFrame:
    """The stored answers of these contacts; beside a whole slice's maybe some others'."""
    columns = {
        "contact": "contact_id", "state": "state", "cause": "cause", "digest": "digest", "opened_run": "opened_run"
    }  # fmt: skip
    parameters: tuple[int | str, ...]
    lowest, highest = int(contacts.min() or 0), int(contacts.max() or 0)  # type: ignore[arg-type]
    if highest - lowest < 2 * contacts.len():
        which, parameters = "contact_id BETWEEN ? AND ?", (lowest, highest)
    else:
        which, parameters = "contact_id IN (SELECT value FROM json_each(?))", (_array(contacts),)
    return workspace.population(
        columns, f"verdict WHERE {which}", parameters, integers=("contact", "digest", "opened_run")
    )


def _array(numbers: pl.Series) -> str:
    return f"[{numbers.cast(pl.String).str.join(',').item()}]"


def summarise(run: Run, situation: Situation, population: int, program: str | None = None) -> Examination:
    """Counts the stored verdicts, keeps the counts as the run's result and what changed for the past. With a `program`, the answers
    hold for it until a mark says otherwise (`engine.due`)."""
    rows = counted(run.workspace)
    states: dict[State, int] = dict.fromkeys(STATES, 0)
    causes: dict[tuple[str, str], int] = {}
    for row in rows:
        states[row["state"]] += row["contacts"]
        if row["cause"]:
            causes[row["cause"], row["state"]] = row["contacts"]
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM run_state WHERE run_id = ?", (run.id,))
        sql.executemany(
            "INSERT INTO run_state(run_id, state, cause, contacts) VALUES (?, ?, ?, ?)",
            [(run.id, row["state"], row["cause"], row["contacts"]) for row in rows],
        )
        record(run, situation, sum(states.values()))
        if program is not None:
            planned(sql, situation, program)
    return Examination(situation, population, states, causes, planned_counts(run.workspace))


def counted(workspace: Workspace) -> list[sqlite3.Row]:
    """Contacts per `state` and `cause` of the last check; none if there was none."""
    return workspace.rows(_COUNTED)


def planned_counts(workspace: Workspace) -> dict[str, int]:
    """What the stored plan would write: `creates` and `updates` (contacts), per side too, and `clears` (fields)."""
    counts = {f"{kind}s_{side}": 0 for kind in ("create", "update") for side in SIDES}
    for row in workspace.rows(_PLANNED):
        counts[f"{row['kind']}s_{row['side']}"] = int(row["contacts"])
    counts["creates"] = counts["creates_hubspot"] + counts["creates_app"]
    counts["updates"] = counts["updates_hubspot"] + counts["updates_app"]
    counts["clears"] = int(workspace.value(_CLEARED))
    counts["writes"] = counts["creates"] + counts["updates"]
    return counts
